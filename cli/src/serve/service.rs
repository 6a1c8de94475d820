//! The handlers that can be served: how they are written, their default ports and options.

use std::ffi::OsStr;
use std::fmt;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};
use socketserver::{
    Address, Config, DatagramServer, Endpoint, Mode, Report, ServeError, StreamServer,
};
use socketserver_handlers::{Alphabet, Echo, Uppercase, Wait, Work, chat};

use super::chat::{ChatOptions, ChatService};
use super::files::{FileOptions, FileService};
use super::talk::TalkService;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::talk::TurnOptions;
use crate::units;

/// A handler that can be served by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends back what it receives.
    Echo,
    /// Sends back what it receives, in capital letters.
    Uppercase,
    /// Keeps rooms in which people talk.
    Chat,
    /// Keeps files.
    Files,
    /// Answers every line with itself, after so much work of a processor.
    Work(Duration),
    /// Answers every line with itself, after so long a wait.
    Wait(Duration),
    /// Lets whoever types here talk to those who connect.
    Talk,
}

/// How a handler is written, where it is written in both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Style {
    /// With callbacks.
    #[default]
    Events,
    /// In straight lines, which wait.
    Blocking,
}

/// How handlers are run, and what single ones can be told.
#[derive(Args, Debug)]
pub(crate) struct HandlerOptions {
    /// How the handler is written: with callbacks, or in straight lines that wait
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "events|blocking",
        env = "SOCKETSERVER_STYLE"
    )]
    style: Style,
    /// Let uppercase know all letters of Unicode instead of a to z
    #[arg(long, env = "SOCKETSERVER_UNICODE", value_parser = units::switch)]
    unicode: bool,
    #[command(flatten)]
    files: FileOptions,
    #[command(flatten)]
    chat: ChatOptions,
    #[command(flatten)]
    turns: TurnOptions,
}

/// What was opened or begun for a handler before its server is bound.
#[derive(Clone)]
pub(crate) enum Prepared {
    /// Nothing.
    Nothing,
    /// A folder.
    Files(FileService),
    /// A chat, which is the same one on all endpoints.
    Chat(ChatService),
    /// An operator, to whom nobody has come yet.
    Talk(TalkService),
}

impl Prepared {
    /// The same configuration, with what the handler needs.
    pub(crate) fn config(&self, config: Config) -> Config {
        match self {
            Self::Nothing | Self::Talk(_) => config,
            Self::Files(files) => files.config(config),
            Self::Chat(chat) => chat.config(config),
        }
    }

    /// Says what is served to whom.
    pub(crate) fn introduce(&self, addresses: &[Address], console: Console) {
        match self {
            Self::Nothing | Self::Talk(_) => {}
            Self::Files(files) => files.introduce(addresses, console),
            Self::Chat(chat) => chat.introduce(console),
        }
    }

    /// What has gone on in the chat, if there is one.
    pub(crate) fn chat_stats(&self) -> Option<chat::hub::Stats> {
        match self {
            Self::Chat(chat) => Some(chat.stats()),
            Self::Nothing | Self::Files(_) | Self::Talk(_) => None,
        }
    }
}

impl HandlerOptions {
    /// The most memory that the connections of one server can take.
    pub(crate) fn memory_bytes_max(&self, prepared: &Prepared, config: &Config) -> u128 {
        match prepared {
            Prepared::Files(files) => return files.memory_bytes_max(config),
            Prepared::Chat(chat) => return chat.memory_bytes_max(config),
            Prepared::Nothing | Prepared::Talk(_) => {}
        }
        let stacks = match (self.style, config.mode) {
            (Style::Blocking, Mode::Reactor { .. }) => config.stack_bytes_max(),
            _ => 0,
        };
        config.memory_bytes_max() + stacks
    }

    fn alphabet(&self) -> Alphabet {
        if self.unicode {
            Alphabet::Unicode
        } else {
            Alphabet::Ascii
        }
    }

    /// Whether the options are for the handler that was asked for, if one was, and for what it is served on.
    pub(crate) fn check(
        &self,
        handler: Option<Service>,
        endpoints: &[Endpoint],
    ) -> Result<(), Failure> {
        self.check_files(handler, endpoints)?;
        self.check_chat(handler)?;
        self.check_talk(handler, endpoints)?;
        let datagrams = endpoints.iter().find(|endpoint| endpoint.is_datagram());
        if let (Style::Blocking, Some(endpoint)) = (self.style, datagrams) {
            let sentence = format!(
                "--style blocking is for streams, and {endpoint} has datagrams: leave the style out"
            );
            return Err(Failure::new(Code::Usage, sentence));
        }
        match handler {
            Some(service) if self.unicode && service != Service::Uppercase => {
                let sentence =
                    format!("{service} has no option --unicode: serve uppercase with it");
                Err(Failure::new(Code::Usage, sentence))
            }
            _ => Ok(()),
        }
    }
}

impl HandlerOptions {
    /// Opens or begins what the handler needs.
    pub(crate) fn prepare(&self, service: Service) -> Result<Prepared, Failure> {
        Ok(match service {
            Service::Files => Prepared::Files(self.files.open()?),
            Service::Chat => Prepared::Chat(self.chat.open()),
            Service::Talk => Prepared::Talk(TalkService::new(self.turns.quit_word()?)),
            Service::Echo | Service::Uppercase | Service::Work(_) | Service::Wait(_) => {
                Prepared::Nothing
            }
        })
    }

    fn check_chat(&self, handler: Option<Service>) -> Result<(), Failure> {
        let sentence = match (handler, self.style, self.chat.first_said()) {
            (Some(Service::Chat), Style::Blocking, _) => {
                "a chat is served with callbacks only: leave --style out".into()
            }
            (Some(Service::Chat) | None, Style::Events, _) | (_, _, None) => return Ok(()),
            (_, _, Some(option)) => format!("{option} is for a chat: serve chat with it"),
        };
        Err(Failure::new(Code::Usage, sentence))
    }

    fn check_talk(&self, handler: Option<Service>, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let sentence = if handler == Some(Service::Talk) {
            let datagrams = endpoints.iter().find(|endpoint| endpoint.is_datagram());
            match (datagrams, self.style) {
                (Some(endpoint), _) => format!(
                    "talk needs a stream, and {endpoint} has datagrams: write tcp:// or unix:"
                ),
                (None, Style::Blocking) => {
                    "talk is served with callbacks only: leave --style out".into()
                }
                (None, Style::Events) => return self.turns.quit_word().map(drop),
            }
        } else {
            match self.turns.first_said() {
                Some(option) => format!("{option} is for talk: serve talk with it"),
                None => return Ok(()),
            }
        };
        Err(Failure::new(Code::Usage, sentence))
    }

    fn check_files(&self, handler: Option<Service>, endpoints: &[Endpoint]) -> Result<(), Failure> {
        let sentence = if handler == Some(Service::Files) {
            let datagrams = endpoints.iter().find(|endpoint| endpoint.is_datagram());
            match (datagrams, self.style) {
                (Some(endpoint), _) => format!(
                    "files need a stream, and {endpoint} has datagrams: write tcp:// or unix:"
                ),
                (None, Style::Blocking) => {
                    "files are served with callbacks only: leave --style out".into()
                }
                (None, Style::Events) => return Ok(()),
            }
        } else {
            match self.files.first_said() {
                Some(option) => format!("{option} is for files: serve files with it"),
                None => return Ok(()),
            }
        };
        Err(Failure::new(Code::Usage, sentence))
    }
}

impl Service {
    /// What is served where nobody says what: what people can try with `nc`. The others are for comparisons.
    pub(crate) const TO_BEGIN_WITH: [Self; 3] = [Self::Echo, Self::Uppercase, Self::Chat];
    /// As much as rendering a small page takes.
    const WORK: Self = Self::Work(Duration::from_micros(200));
    /// As long as a question to a database nearby takes.
    const WAIT: Self = Self::Wait(Duration::from_millis(5));
    /// Every handler, with its default time where it takes one.
    const ALL: [Self; 7] = [
        Self::Echo,
        Self::Uppercase,
        Self::Chat,
        Self::Files,
        Self::Talk,
        Self::WORK,
        Self::WAIT,
    ];

    /// `echo`, `uppercase`, `work`, `work:200us`, `wait`, `wait:5ms`.
    fn parse(text: &str) -> Result<Self, String> {
        let (name, time) = match text.split_once(':') {
            Some((name, time)) => (name, Some(time)),
            None => (text, None),
        };
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        match (known, time) {
            (None, _) => Err(unknown(text, name)),
            (Some(service), None) => Ok(service),
            (Some(service), Some(time)) => service.taking(time),
        }
    }

    /// The same handler, with a time of its own.
    fn taking(self, time: &str) -> Result<Self, String> {
        let parsed = || {
            units::time(time).map_err(|sentence| format!("{sentence} (in {}:{time})", self.name()))
        };
        match self {
            Self::Echo | Self::Uppercase | Self::Chat | Self::Files | Self::Talk => Err(format!(
                "{self} takes no time: write {self}, work:TIME or wait:TIME"
            )),
            Self::Work(_) => parsed().map(Self::Work),
            Self::Wait(_) => parsed().map(Self::Wait),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Uppercase => "uppercase",
            Self::Chat => "chat",
            Self::Files => "files",
            Self::Work(_) => "work",
            Self::Wait(_) => "wait",
            Self::Talk => "talk",
        }
    }

    /// The handler with its default endpoint, which is never one for other machines.
    pub(crate) fn by_default(self) -> Vec<Endpoint> {
        let port = match self {
            Self::Echo => 9001,
            Self::Uppercase => 9002,
            Self::Chat => 9003,
            Self::Files => 9004,
            Self::Work(_) => 9005,
            Self::Wait(_) => 9006,
            Self::Talk => 9007,
        };
        vec![Endpoint::Tcp {
            host: "127.0.0.1".into(),
            port,
        }]
    }

    /// What the handler does, and how to see it.
    pub(crate) fn invitation(self, port: u16) -> String {
        format!(
            "{self} {}; try: nc 127.0.0.1 {port}, telnet 127.0.0.1 {port}, \
             or socketserver connect :{port}",
            self.purpose()
        )
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Echo => "sends back what it receives",
            Self::Uppercase => "sends back what it receives in capital letters",
            Self::Chat => "keeps rooms in which people talk",
            Self::Files => "keeps files, which 'get', 'put' and 'files' reach",
            Self::Work(_) => "answers every line with itself after keeping a processor busy",
            Self::Wait(_) => "answers every line with itself after waiting",
            Self::Talk => "lets whoever types here talk to those who connect",
        }
    }

    /// Serves streams until the server is stopped.
    pub(crate) fn serve(
        self,
        server: StreamServer,
        options: &HandlerOptions,
        prepared: Prepared,
        console: Console,
    ) -> Result<Report, ServeError> {
        let alphabet = options.alphabet();
        match prepared {
            Prepared::Files(files) => return files.serve(server),
            Prepared::Chat(chat) => return chat.serve(server),
            Prepared::Talk(talk) => return talk.serve(server, console),
            Prepared::Nothing => {}
        }
        match (self, options.style) {
            (Self::Files | Self::Chat | Self::Talk, _) => {
                unreachable!("they were prepared before the server was bound")
            }
            (Self::Echo, Style::Events) => server.serve_forever(|_peer| Echo),
            (Self::Echo, Style::Blocking) => server.serve_forever_blocking(|_peer| Echo),
            (Self::Uppercase, Style::Events) => {
                server.serve_forever(move |_peer| Uppercase::new(alphabet))
            }
            (Self::Uppercase, Style::Blocking) => {
                server.serve_forever_blocking(move |_peer| Uppercase::new(alphabet))
            }
            (Self::Work(time), Style::Events) => server.serve_forever(move |_peer| Work::new(time)),
            (Self::Work(time), Style::Blocking) => {
                server.serve_forever_blocking(move |_peer| Work::new(time))
            }
            (Self::Wait(time), Style::Events) => server.serve_forever(move |_peer| Wait::new(time)),
            (Self::Wait(time), Style::Blocking) => {
                server.serve_forever_blocking(move |_peer| Wait::new(time))
            }
        }
    }
}

impl Service {
    /// Serves datagrams until the server is stopped.
    pub(crate) fn serve_datagrams(
        self,
        server: DatagramServer,
        options: &HandlerOptions,
        prepared: Prepared,
    ) -> Result<Report, ServeError> {
        let alphabet = options.alphabet();
        if let Prepared::Chat(chat) = prepared {
            return chat.serve_datagrams(server);
        }
        match self {
            Self::Echo => server.serve_forever(|| Echo),
            Self::Uppercase => server.serve_forever(move || Uppercase::new(alphabet)),
            Self::Files | Self::Talk => {
                unreachable!("{self} on datagrams was refused before")
            }
            Self::Chat => unreachable!("it was prepared before the server was bound"),
            Self::Work(time) => server.serve_forever(move || Work::new(time)),
            Self::Wait(time) => server.serve_forever(move || Wait::new(time)),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Echo | Self::Uppercase | Self::Chat | Self::Files | Self::Talk => Ok(()),
            Self::Work(time) | Self::Wait(time) => write!(f, ":{}", units::written(Some(*time))),
        }
    }
}

/// Reads a handler from the command line, and tells shells which there are, which a function alone could not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceParser;

impl TypedValueParser for ServiceParser {
    type Value = Service;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Service, clap::Error> {
        Service::parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue>>> {
        let value = |service: Service| {
            let help = match service {
                Service::Echo
                | Service::Uppercase
                | Service::Chat
                | Service::Files
                | Service::Talk => service.purpose().to_owned(),
                Service::Work(_) | Service::Wait(_) => {
                    format!("{}; {service} says how long", service.purpose())
                }
            };
            PossibleValue::new(service.name()).help(help)
        };
        Some(Box::new(Service::ALL.into_iter().map(value)))
    }
}

/// How many letters may be wrong for a name to be taken for a mistyped one.
const MISTYPED_MAX: usize = 2;

/// What is said of a text that does not begin with the name of a handler.
fn unknown(text: &str, name: &str) -> String {
    let names = Service::ALL.map(Service::name);
    let distance = |known: &&str| strsim::damerau_levenshtein(known, &name.to_lowercase());
    let nearest = names.into_iter().min_by_key(distance);
    match nearest.filter(|nearest| distance(nearest) <= MISTYPED_MAX) {
        Some(nearest) => {
            format!("'{text}' is not a known handler: did you mean '{nearest}'?")
        }
        None => format!(
            "'{text}' is not a known handler: write echo, uppercase, chat, files, talk, work:TIME or wait:TIME"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for service in [
            Service::Echo,
            Service::Uppercase,
            Service::Work(Duration::from_micros(1500)),
            Service::Wait(Duration::ZERO),
        ] {
            assert_eq!(Service::parse(&service.to_string()), Ok(service));
        }
        assert_eq!(Service::parse("work"), Service::parse("work:200us"));
        assert_eq!(Service::parse("wait"), Service::parse("wait:5ms"));
    }

    #[test]
    fn only_a_name_that_is_near_is_taken_for_a_mistyped_one() {
        for (text, end) in [
            ("ecko", "did you mean 'echo'?"),
            ("WAIT", "did you mean 'wait'?"),
            ("wrok:1ms", "did you mean 'work'?"),
            ("uppercase ", "did you mean 'uppercase'?"),
            (
                ":9001",
                "write echo, uppercase, chat, files, talk, work:TIME or wait:TIME",
            ),
            (
                "",
                "write echo, uppercase, chat, files, talk, work:TIME or wait:TIME",
            ),
        ] {
            let sentence = format!("'{text}' is not a known handler: {end}");
            assert_eq!(Service::parse(text), Err(sentence));
        }
    }
}
