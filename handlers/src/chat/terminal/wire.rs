//! What somebody at a terminal reads.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use crate::chat::hub::{Departure, Event, Manner, What, Wire};

/// Events as lines of text, with an end or, where a datagram ends by itself, without one.
#[derive(Debug)]
pub(in crate::chat) struct TerminalWire {
    pub(in crate::chat) end: &'static str,
}

impl Wire for TerminalWire {
    fn encode(&self, event: &Event, into: &mut Vec<u8>) {
        into.extend_from_slice(Line { event, age: None }.to_string().as_bytes());
        into.extend_from_slice(self.end.as_bytes());
    }
}

/// An event that is told to somebody who was not there.
pub(super) fn of_old(event: &Event, now: SystemTime) -> impl fmt::Display {
    let age = now.duration_since(event.at).unwrap_or_default();
    Line {
        event,
        age: Some(age),
    }
}

struct Line<'a> {
    event: &'a Event,
    /// How long ago it happened, if that is to be said.
    age: Option<Duration>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { room, by, what, .. } = self.event;
        let Some(room) = room else {
            return match what {
                What::Said { text, .. } => write!(f, "[{by} -> you] {text}"),
                other => write!(f, "-- {}", News { by, what: other }),
            };
        };
        write!(f, "[{room}] ")?;
        if let Some(age) = self.age {
            write!(f, "({}) ", Ago(age))?;
        }
        match what {
            What::Said { text, manner } => match manner {
                Manner::Plain => write!(f, "{by}: {text}"),
                Manner::Action => write!(f, "* {by} {text}"),
            },
            other => write!(f, "-- {}", News { by, what: other }),
        }
    }
}

/// What has happened, in the words of who was there.
struct News<'a> {
    by: &'a crate::chat::Name,
    what: &'a What,
}

impl fmt::Display for News<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.by;
        match self.what {
            What::Said { text, .. } => write!(f, "{by}: {text}"),
            What::Joined => write!(f, "{by} has joined"),
            What::Left(departure) => {
                write!(f, "{by} has left")?;
                match departure {
                    Departure::Parted(Some(why)) | Departure::Quit(Some(why)) => {
                        write!(f, " ({why})")
                    }
                    Departure::Parted(None) | Departure::Quit(None) | Departure::Stopping => Ok(()),
                    Departure::Lost => f.write_str(" (connection lost)"),
                    Departure::DidNotRead => f.write_str(" (did not read)"),
                    Departure::Silent => f.write_str(" (was silent for too long)"),
                }
            }
            What::Renamed(new) => write!(f, "{by} is now {new}"),
            What::Topic(Some(topic)) => write!(f, "{by} says what this is about: {topic}"),
            What::Topic(None) => write!(f, "{by} says that this is about nothing any more"),
            What::Kicked { who, why } => {
                write!(f, "{by} has removed {who}")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            What::Muted(who) => write!(f, "{by} does not let {who} speak"),
            What::Unmuted(who) => write!(f, "{by} lets {who} speak"),
            What::Operator(who) if who == by => write!(f, "{who} is the operator now"),
            What::Operator(who) => write!(f, "{by} has made {who} an operator"),
            What::Keyed(true) => write!(f, "{by} has given the room a key"),
            What::Keyed(false) => write!(f, "{by} has opened the room to everybody"),
            What::Away(Some(why)) => write!(f, "{by} is away: {why}"),
            What::Away(None) => write!(f, "{by} is back"),
        }
    }
}

/// How long ago, as people say it.
struct Ago(Duration);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < MINUTE {
            return f.write_str("just now");
        }
        write!(f, "{} ago", For(self.0))
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// How long, in one unit.
pub(super) struct For(pub(super) Duration);

impl fmt::Display for For {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (number, unit) = match seconds {
            ..60 => (seconds, "s"),
            60..3600 => (seconds / 60, "min"),
            3600..86_400 => (seconds / 3600, "h"),
            _ => (seconds / 86_400, "d"),
        };
        write!(f, "{number} {unit}")
    }
}

/// Writes lines for one client.
pub(super) struct Reply<'a>(pub(super) &'a mut String);

impl Reply<'_> {
    /// The server says something.
    pub(super) fn say(&mut self, text: impl fmt::Display) {
        self.line(format_args!("-- {text}"));
    }

    /// What was asked for is refused.
    pub(super) fn refuse(&mut self, why: impl fmt::Display) {
        self.line(format_args!("!! {why}"));
    }

    pub(super) fn line(&mut self, line: impl fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}
