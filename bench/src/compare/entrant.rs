//! Who takes part in a comparison, and what its name is.

use std::fmt;
use std::str::FromStr;

use socketserver::Mode;

use super::{Comparison, Transport};
use crate::load::Conversation;
use crate::report::{Contestant, Kind};

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrant {
    /// A mode of this framework, with a handler of a style.
    Mode(Mode, Style),
    /// The same a second time: what differs is noise.
    Control(Mode, Style),
    /// A server of this package, to measure against.
    Peer(PeerKind),
    /// A server of somebody else.
    Foreign(ForeignCommand),
}

/// How a handler is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// With callbacks.
    #[default]
    Events,
    /// In straight lines, which wait.
    Blocking,
}

/// The servers that `socketserver-peer` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// tokio on one thread.
    Tokio,
    /// tokio on a thread for each processor.
    TokioThreads,
    /// A bare loop over `epoll`.
    Epoll,
    /// A thread for each connection, on std alone.
    Threads,
}

/// A command that starts a server of somebody else, and what that is called.
///
/// It is written `python3 server.py {port}` or, with a name, `python=python3 server.py {port}`. The shell runs it; where it says
/// `{port}` stands the port that the server is to listen on at 127.0.0.1, which the variable `PORT` says too. It is one of TCP, or of UDP where
/// datagrams are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCommand {
    name: String,
    command: String,
}

/// A text that is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignError;

/// A word that is no style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStyle(String);

impl Entrant {
    /// What it is called in tables.
    pub fn name(&self) -> String {
        match self {
            Self::Mode(mode, style) => mode_name(*mode, *style),
            Self::Control(mode, style) => mode_name(*mode, *style) + " again",
            Self::Peer(kind) => kind.name().to_owned(),
            Self::Foreign(foreign) => foreign.name.clone(),
        }
    }

    /// How a report has it.
    pub(super) fn contestant(&self, comparison: &Comparison) -> Contestant {
        Contestant {
            name: self.name(),
            kind: match self {
                Self::Mode(..) => Kind::Mode,
                Self::Control(..) => Kind::Control,
                Self::Peer(_) => Kind::Peer,
                Self::Foreign(_) => Kind::Foreign,
            },
            command: self.words(comparison),
        }
    }

    /// The command that starts it, as far as it is the same in all runs.
    fn words(&self, comparison: &Comparison) -> Vec<String> {
        let handler = comparison.conversation.handler();
        let endpoint = match comparison.transport {
            Transport::Tcp => "tcp://127.0.0.1:0",
            Transport::Unix => "unix:PATH",
            Transport::Udp => "udp://127.0.0.1:0",
            Transport::Unixgram => "unixgram:PATH",
        };
        let words: Vec<&str> = match self {
            Self::Mode(mode, style) | Self::Control(mode, style) => {
                let (mode, style) = (mode.to_string(), style.word());
                let words = ["socketserver", "serve", &handler, endpoint, "--mode", &mode];
                let options: &[&str] = match comparison.conversation {
                    Conversation::Files(_) => &["--root", "FOLDER", "--anonymous", "rw"],
                    Conversation::Chat => &["--flood", "off"],
                    _ => &["--style", style],
                };
                let words = words.iter().chain(options);
                return words.map(|&word| word.to_owned()).collect();
            }
            Self::Peer(kind) => vec![
                "socketserver-peer",
                kind.word(),
                endpoint,
                "--handler",
                &handler,
            ],
            Self::Foreign(foreign) => vec!["sh", "-c", &foreign.command],
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// `reactor`, `threads, blocking`: one loop, and callbacks, are what nobody needs to be told.
fn mode_name(mode: Mode, style: Style) -> String {
    let mode = match mode {
        Mode::Reactor { loops: 1 } => "reactor".to_owned(),
        mode => mode.to_string(),
    };
    match style {
        Style::Events => mode,
        Style::Blocking => mode + ", blocking",
    }
}

impl Style {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Blocking => "blocking",
        }
    }
}

impl FromStr for Style {
    type Err = UnknownStyle;

    fn from_str(word: &str) -> Result<Self, UnknownStyle> {
        match word {
            "events" => Ok(Self::Events),
            "blocking" => Ok(Self::Blocking),
            _ => Err(UnknownStyle(word.to_owned())),
        }
    }
}

impl fmt::Display for UnknownStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.escape_debug();
        write!(f, "'{word}' is not a known style: write events or blocking")
    }
}

impl std::error::Error for UnknownStyle {}

impl PeerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tokio, Self::TokioThreads, Self::Epoll, Self::Threads];

    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::TokioThreads => "tokio-threads",
            Self::Epoll => "epoll",
            Self::Threads => "threads",
        }
    }

    /// What it is called in tables, where a mode is called `threads` already.
    fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::TokioThreads => "tokio, threads",
            Self::Epoll => "bare epoll",
            Self::Threads => "bare threads",
        }
    }
}

impl ForeignCommand {
    /// The command with a port in it.
    pub(super) fn with_port(&self, port: u16) -> String {
        self.command.replace("{port}", &port.to_string())
    }
}

impl FromStr for ForeignCommand {
    type Err = ForeignError;

    fn from_str(text: &str) -> Result<Self, ForeignError> {
        let is_name = |name: &str| {
            let starts = name.starts_with(|letter: char| letter.is_ascii_lowercase());
            starts
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        };
        // Variables of the environment, which may also stand before a command, are written in capitals.
        let (name, command) = match text.split_once('=') {
            Some((name, command)) if is_name(name) => (name.to_owned(), command),
            _ => (name_of(text), text),
        };
        if command.trim().is_empty() {
            return Err(ForeignError);
        }
        Ok(Self {
            name,
            command: command.trim().to_owned(),
        })
    }
}

/// A name from a command: its first word that is no option, without its folders.
fn name_of(command: &str) -> String {
    let word = command
        .split_whitespace()
        .find(|word| !word.contains('=') && !word.starts_with('-'));
    let file = word
        .unwrap_or(command)
        .rsplit('/')
        .next()
        .unwrap_or_default();
    file.to_owned()
}

impl fmt::Display for ForeignCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.command)
    }
}

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command is missing: write for instance 'python=python3 server.py {port}'")
    }
}

impl std::error::Error for ForeignError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_name_that_it_is_given_or_that_of_its_program() {
        for (text, name, command) in [
            (
                "python3 server.py {port}",
                "python3",
                "python3 server.py 80",
            ),
            ("py=python3 s.py {port}", "py", "python3 s.py 80"),
            (
                "RUST_LOG=off /usr/bin/thing -p {port}",
                "thing",
                "RUST_LOG=off /usr/bin/thing -p 80",
            ),
        ] {
            let foreign: ForeignCommand = text.parse().expect(text);
            assert_eq!(
                (foreign.name.as_str(), foreign.with_port(80)),
                (name, command.to_owned())
            );
        }
        for nothing in ["", "  ", "py="] {
            assert_eq!(nothing.parse::<ForeignCommand>(), Err(ForeignError));
        }
    }

    #[test]
    fn names_say_no_more_than_is_needed() {
        let name = |mode, style| Entrant::Mode(mode, style).name();
        assert_eq!(name(Mode::Reactor { loops: 1 }, Style::Events), "reactor");
        assert_eq!(
            name(Mode::Reactor { loops: 2 }, Style::Blocking),
            "reactor:2, blocking"
        );
        assert_eq!(
            Entrant::Control(Mode::Threads, Style::Events).name(),
            "threads again"
        );
    }
}
