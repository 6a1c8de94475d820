//! `serve talk`: the operator's side, who types here while peers are heard.

use std::thread;

use rustix::process::{Signal, getpid, kill_process};
use socketserver::{Address, CloseReason, Report, ServeError, Server, StopHandle, StreamServer};
use socketserver_handlers::talk::{Event, LINE_BYTES_MAX, Operator, SayError, Turns};

use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::keyboard::{Above, Keyboard, Opened, Place, Typed};
use crate::lines::Line;

/// Whom a line can be for, before it.
const ADDRESS_BYTES_MAX: usize = 32;

/// A conversation that is ready to be served.
#[derive(Clone)]
pub(crate) enum TalkService {
    /// The operator speaks to all or to one.
    AtOnce(Operator),
    /// The operator answers one peer after the other.
    InTurns(Turns),
}

impl TalkService {
    /// In turns until a word, or at once.
    pub(crate) fn new(quit_word: Option<String>) -> Self {
        match quit_word {
            Some(word) => Self::InTurns(Turns::new(word)),
            None => Self::AtOnce(Operator::new()),
        }
    }

    /// Serves until the server is stopped: by a signal, or in turns by the end of the input.
    pub(crate) fn serve(
        self,
        server: StreamServer,
        console: Console,
    ) -> Result<Report, ServeError> {
        // Standard output has where the server listens, and nothing else.
        match Keyboard::open(LINE_BYTES_MAX + ADDRESS_BYTES_MAX, Place::Error, ()) {
            Ok(Opened {
                keyboard,
                above,
                restored,
            }) => {
                let report = self.serve_beside(server, keyboard, &above, console);
                drop(restored);
                report
            }
            Err(failure) => {
                // Nobody can speak, nor be heard.
                failure.say();
                server.serve_forever(move |_peer| self.handler())
            }
        }
    }

    fn handler(&self) -> socketserver_handlers::talk::Talk {
        match self {
            Self::AtOnce(operator) => operator.handler(),
            Self::InTurns(turns) => turns.handler(),
        }
    }

    fn next_event(&self) -> Option<Event> {
        match self {
            Self::AtOnce(operator) => operator.next_event(),
            Self::InTurns(turns) => turns.next_event(),
        }
    }

    fn close(&self) {
        match self {
            Self::AtOnce(operator) => operator.close(),
            Self::InTurns(turns) => turns.close(),
        }
    }

    /// Serves while one thread waits for what is typed, which is left alone in the end, and another one shows what is heard.
    fn serve_beside(
        self,
        server: StreamServer,
        keyboard: Keyboard<()>,
        above: &Above,
        console: Console,
    ) -> Result<Report, ServeError> {
        let desk = Desk {
            talk: self.clone(),
            above: above.clone(),
            console,
            stop: server.stop_handle(),
        };
        let hearing = self.clone();
        thread::scope(|scope| {
            let shown = thread::Builder::new()
                .name("hearing".into())
                .spawn_scoped(scope, || hear(&hearing, above, console));
            let typed = thread::Builder::new()
                .name("typing".into())
                .spawn(move || desk.run(keyboard));
            if let Err(error) = shown.and(typed.map(drop)) {
                let _ = Failure::system("cannot start a thread", &error).say();
            }
            let handlers = self.clone();
            let report = server.serve_forever(move |_peer| handlers.handler());
            // Both threads wait for peers, of whom none is left.
            self.close();
            report
        })
    }
}

/// Shows what is heard, until all is over.
fn hear(talk: &TalkService, above: &Above, console: Console) {
    while let Some(event) = talk.next_event() {
        // When nobody can read any more, the server goes on, and so do the peers.
        let note = match event {
            Event::Said { number, text } => {
                let _ = above.show(&format!("{number}: {text}"));
                continue;
            }
            Event::Came { number, address } => format!("{number} ({}) is there", place(&address)),
            Event::Ended { number } => {
                format!("{number} says no more, but can still read your answer, unless it is gone")
            }
            Event::Left { number, reason } => format!("{number} has gone{}", why(&reason)),
            _ => continue,
        };
        if !console.is_quiet() {
            above.note(&note);
        }
    }
}

/// `127.0.0.1:5000`, or a Unix socket as endpoints are written.
fn place(address: &Address) -> String {
    let address = address.to_string();
    address
        .strip_prefix("tcp://")
        .unwrap_or(&address)
        .to_owned()
}

/// What is worth saying of how somebody has left.
fn why(reason: &CloseReason) -> String {
    match reason {
        CloseReason::PeerClosed | CloseReason::RemoteClosed | CloseReason::Drained => String::new(),
        CloseReason::ProtocolError(error) => format!(" (it was sent away: {error})"),
        reason => format!(" ({})", reason.word().replace('_', " ")),
    }
}

/// Where the operator types.
struct Desk {
    talk: TalkService,
    above: Above,
    console: Console,
    stop: StopHandle,
}

impl Desk {
    fn run(self, mut keyboard: Keyboard<()>) {
        loop {
            match keyboard.next() {
                Ok(Typed::Line(line)) => match self.obey(&line, &keyboard) {
                    Ok(()) => {}
                    Err(SayError::Over) => return,
                    Err(error) => complain(&error.to_string()),
                },
                // At a terminal that is read key by key it is no signal, and shall mean the same.
                Ok(Typed::Interrupt) => {
                    let _ = kill_process(getpid(), Signal::INT);
                }
                Ok(Typed::End) => break,
                Err(failure) => {
                    let _ = failure.say();
                    break;
                }
            }
        }
        if let TalkService::InTurns(_) = self.talk {
            self.note("the input has ended: nobody can be answered any more, so the server stops");
            self.stop.stop();
        } else {
            self.note("the input has ended: the server goes on, and shows what peers say");
        }
    }

    fn note(&self, line: &str) {
        if !self.console.is_quiet() {
            self.above.note(line);
        }
    }

    fn obey(&self, line: &Line, keyboard: &Keyboard<()>) -> Result<(), SayError> {
        let Some(bytes) = &line.bytes else {
            return Err(SayError::TooLong { bytes: line.size });
        };
        let text = String::from_utf8_lossy(bytes);
        match &self.talk {
            TalkService::AtOnce(operator) => self.say(&text, operator),
            TalkService::InTurns(turns) => {
                if keyboard.is_terminal() && turns.asking().is_none() {
                    self.note("nobody waits for an answer: whoever speaks next gets this one");
                }
                turns.answer(&text).map(drop)
            }
        }
    }

    fn say(&self, line: &str, operator: &Operator) -> Result<(), SayError> {
        match parse(line) {
            Ok(Said::Nothing) => {}
            Ok(Said::Peers) => self.list(operator),
            Ok(Said::ToOne(number, text)) => operator.say_to(number, text)?,
            Ok(Said::ToAll(text)) => {
                let told = operator.say_to_all(text)?;
                if told.reached == 0 && told.missed.is_empty() {
                    self.note("nobody is there");
                }
                for number in told.missed {
                    complain(&SayError::DoesNotRead { number }.to_string());
                }
            }
            Err(sentence) => complain(&sentence),
        }
        Ok(())
    }

    fn list(&self, operator: &Operator) {
        let peers = operator.peers();
        if peers.is_empty() {
            self.above.note("nobody is there");
        }
        for peer in peers {
            let (number, place) = (peer.number, place(&peer.address));
            self.above.note(&format!("{number} ({place}) is there"));
        }
    }
}

/// The server goes on: what could not be said is no failure of it.
fn complain(sentence: &str) {
    let _ = Failure::new(Code::Failed, sentence).say();
}

/// What a line of the operator means.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// An empty line, which is pressed by mistake more often than not.
    Nothing,
    /// `@`: who is there.
    Peers,
    ToOne(u64, &'a str),
    ToAll(&'a str),
}

fn parse(line: &str) -> Result<Said<'_>, String> {
    let Some(rest) = line.strip_prefix('@') else {
        let is_empty = line.is_empty();
        return Ok(if is_empty {
            Said::Nothing
        } else {
            Said::ToAll(line)
        });
    };
    if rest.starts_with('@') {
        return Ok(Said::ToAll(rest));
    }
    if rest.trim().is_empty() {
        return Ok(Said::Peers);
    }
    let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let number: u64 = number.parse().map_err(|_| {
        format!("'@{number}' is not the number of a peer: write @3 and a text, @ to see who is there, or @@ to say a text that begins with @")
    })?;
    if text.is_empty() {
        return Err(format!(
            "'@{number}' has no text: write @{number} and what to say"
        ));
    }
    Ok(Said::ToOne(number, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        for (line, said) in [
            ("", Some(Said::Nothing)),
            ("hello", Some(Said::ToAll("hello"))),
            (" ", Some(Said::ToAll(" "))),
            ("@", Some(Said::Peers)),
            ("@3 hi  you", Some(Said::ToOne(3, "hi  you"))),
            ("@@home", Some(Said::ToAll("@home"))),
            ("a@3 b", Some(Said::ToAll("a@3 b"))),
            ("@3", None),
            ("@3 ", None),
            ("@ 3 x", None),
            ("@-1 x", None),
            ("@x y", None),
        ] {
            assert_eq!(parse(line).ok(), said, "{line:?}");
        }
    }
}
