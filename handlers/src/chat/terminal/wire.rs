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
        let line = Line { event, age: None }.to_string();
        // All at once: a vector that grows by the end alone takes twice what it needs, and this one waits with many others for whoever reads slowly.
        into.reserve_exact(line.len() + self.end.len());
        into.extend_from_slice(line.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Name, RoomName, Text};

    fn name(name: &str) -> Name {
        Name::parse(name).unwrap()
    }

    fn event(what: What) -> Event {
        Event {
            at: SystemTime::now(),
            room: Some(RoomName::parse("lobby").unwrap()),
            by: name("ann"),
            what,
        }
    }

    fn said(manner: Manner) -> What {
        let text = Text::clean("hello");
        What::Said { text, manner }
    }

    #[test]
    fn every_event_has_its_words() {
        let note = || Some(Text::clean("why"));
        let who = || name("bob");
        for (what, words) in [
            (said(Manner::Plain), "ann: hello"),
            (said(Manner::Action), "* ann hello"),
            (What::Joined, "-- ann has joined"),
            (What::Left(Departure::Parted(None)), "-- ann has left"),
            (
                What::Left(Departure::Parted(note())),
                "-- ann has left (why)",
            ),
            (What::Left(Departure::Quit(None)), "-- ann has left"),
            (What::Left(Departure::Quit(note())), "-- ann has left (why)"),
            (
                What::Left(Departure::Lost),
                "-- ann has left (connection lost)",
            ),
            (
                What::Left(Departure::DidNotRead),
                "-- ann has left (did not read)",
            ),
            (
                What::Left(Departure::Silent),
                "-- ann has left (was silent for too long)",
            ),
            (What::Left(Departure::Stopping), "-- ann has left"),
            (What::Renamed(who()), "-- ann is now bob"),
            (What::Topic(note()), "-- ann says what this is about: why"),
            (
                What::Topic(None),
                "-- ann says that this is about nothing any more",
            ),
            (
                What::Kicked {
                    who: who(),
                    why: None,
                },
                "-- ann has removed bob",
            ),
            (
                What::Kicked {
                    who: who(),
                    why: note(),
                },
                "-- ann has removed bob (why)",
            ),
            (What::Muted(who()), "-- ann does not let bob speak"),
            (What::Unmuted(who()), "-- ann lets bob speak"),
            (What::Operator(who()), "-- ann has made bob an operator"),
            (What::Operator(name("ann")), "-- ann is the operator now"),
            (What::Keyed(true), "-- ann has given the room a key"),
            (
                What::Keyed(false),
                "-- ann has opened the room to everybody",
            ),
            (What::Away(note()), "-- ann is away: why"),
            (What::Away(None), "-- ann is back"),
        ] {
            let event = event(what);
            for end in ["\n", ""] {
                let mut bytes = Vec::new();
                TerminalWire { end }.encode(&event, &mut bytes);
                assert_eq!(bytes, format!("[lobby] {words}{end}").into_bytes());
            }
        }
    }

    #[test]
    fn what_is_told_to_one_alone_has_no_room() {
        let event = Event {
            room: None,
            ..event(said(Manner::Plain))
        };
        let mut bytes = Vec::new();
        TerminalWire { end: "\n" }.encode(&event, &mut bytes);
        assert_eq!(bytes, b"[ann -> you] hello\n");
    }

    #[test]
    fn ages_are_said_in_one_unit() {
        let event = event(said(Manner::Plain));
        for (seconds, age) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (119, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (86_399, "23 h ago"),
            (86_400, "1 d ago"),
            (1_000_000, "11 d ago"),
        ] {
            let now = event.at + Duration::from_secs(seconds);
            let line = of_old(&event, now).to_string();
            assert_eq!(line, format!("[lobby] ({age}) ann: hello"));
        }
        // A clock that was set back makes nothing old.
        let line = of_old(&event, event.at - Duration::from_secs(9)).to_string();
        assert_eq!(line, "[lobby] (just now) ann: hello");
    }
}
