//! What somebody at a terminal can type.

/// A line, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// Nothing.
    Nothing,
    Say(&'a str),
    Nick(&'a str),
    Join {
        room: &'a str,
        key: Option<&'a str>,
    },
    Part(Option<&'a str>),
    Rooms,
    Who(Option<&'a str>),
    Tell {
        to: &'a str,
        text: &'a str,
    },
    Act(&'a str),
    Topic(Option<&'a str>),
    History(Option<usize>),
    Away(Option<&'a str>),
    Quit(Option<&'a str>),
    Help,
    Kick {
        who: &'a str,
        why: Option<&'a str>,
    },
    Mute(&'a str),
    Unmute(&'a str),
    Key(Option<&'a str>),
    Promote(&'a str),
}

/// Why a line is no command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misuse {
    /// There is none of this name.
    Unknown,
    /// It is written like this.
    Usage(&'static str),
}

/// How each command is written, and what it does.
pub(super) const COMMANDS: [(&str, &str); 17] = [
    ("/nick NAME", "takes another name"),
    (
        "/join ROOM [KEY]",
        "enters a room, or makes it the one you speak in",
    ),
    ("/part [ROOM]", "leaves a room"),
    ("/rooms", "lists the rooms"),
    ("/who [ROOM]", "lists who is in a room"),
    ("/msg NAME TEXT", "tells something to one member alone"),
    ("/me TEXT", "does something"),
    (
        "/topic [TEXT]",
        "shows what a room is about, or says so (operators)",
    ),
    ("/history [N]", "shows what was said last"),
    ("/away [TEXT]", "is away; without a text, is back"),
    ("/quit [TEXT]", "leaves"),
    ("/help", "shows this"),
    ("/kick NAME [WHY]", "removes a member (operators)"),
    ("/mute NAME", "takes the right to speak (operators)"),
    ("/unmute NAME", "gives it back (operators)"),
    (
        "/key [KEY]",
        "lets in who knows a key, or without one everybody (operators)",
    ),
    ("/op NAME", "makes a member an operator (operators)"),
];

impl<'a> Command<'a> {
    pub(super) fn parse(line: &'a str) -> Result<Self, Misuse> {
        let line = line.trim();
        let Some(typed) = line.strip_prefix('/') else {
            return Ok(match line {
                "" => Self::Nothing,
                text => Self::Say(text),
            });
        };
        if typed.starts_with('/') {
            return Ok(Self::Say(typed));
        }
        let (name, rest) = split(typed);
        let command = match (name, rest) {
            ("nick", Some(name)) => Self::Nick(name),
            ("join", Some(rest)) => {
                let (room, key) = split(rest);
                Self::Join { room, key }
            }
            ("part", room) => Self::Part(room),
            ("rooms", None) => Self::Rooms,
            ("who", room) => Self::Who(room),
            ("msg", Some(rest)) => match split(rest) {
                (to, Some(text)) => Self::Tell { to, text },
                (_, None) => return Err(misuse(name)),
            },
            ("me", Some(text)) => Self::Act(text),
            ("topic", text) => Self::Topic(text),
            ("history", None) => Self::History(None),
            ("history", Some(count)) => {
                Self::History(Some(count.parse().map_err(|_| misuse(name))?))
            }
            ("away", text) => Self::Away(text),
            ("quit", text) => Self::Quit(text),
            ("help", _) => Self::Help,
            ("kick", Some(rest)) => {
                let (who, why) = split(rest);
                Self::Kick { who, why }
            }
            ("mute", Some(who)) => Self::Mute(who),
            ("unmute", Some(who)) => Self::Unmute(who),
            ("key", key) => Self::Key(key),
            ("op", Some(who)) => Self::Promote(who),
            _ => return Err(misuse(name)),
        };
        Ok(command)
    }
}

/// The first word, and what follows it if anything does.
fn split(text: &str) -> (&str, Option<&str>) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim_start();
    (word, (!rest.is_empty()).then_some(rest))
}

fn misuse(name: &str) -> Misuse {
    let usage = COMMANDS.iter().map(|&(usage, _)| usage);
    let mut own = usage.filter(|usage| split(&usage[1..]).0 == name);
    own.next().map_or(Misuse::Unknown, Misuse::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_begin_with_a_slash_is_said() {
        for (line, expected) in [
            ("hello", Command::Say("hello")),
            ("  hello / there ", Command::Say("hello / there")),
            ("//etc is a folder", Command::Say("/etc is a folder")),
            ("", Command::Nothing),
            (" \t", Command::Nothing),
        ] {
            assert_eq!(Command::parse(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn commands_have_their_parts() {
        for (line, expected) in [
            ("/nick  bob ", Command::Nick("bob")),
            (
                "/join games",
                Command::Join {
                    room: "games",
                    key: None,
                },
            ),
            (
                "/join games se cret",
                Command::Join {
                    room: "games",
                    key: Some("se cret"),
                },
            ),
            ("/part", Command::Part(None)),
            (
                "/msg bob  how are  you",
                Command::Tell {
                    to: "bob",
                    text: "how are  you",
                },
            ),
            ("/history 5", Command::History(Some(5))),
            (
                "/kick bob",
                Command::Kick {
                    who: "bob",
                    why: None,
                },
            ),
            ("/key", Command::Key(None)),
        ] {
            assert_eq!(Command::parse(line), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart_from_what_is_unknown() {
        for (line, expected) in [
            ("/", Misuse::Unknown),
            ("/jion games", Misuse::Unknown),
            ("/JOIN games", Misuse::Unknown),
            ("/nick", Misuse::Usage("/nick NAME")),
            ("/msg bob", Misuse::Usage("/msg NAME TEXT")),
            ("/history many", Misuse::Usage("/history [N]")),
            ("/rooms of the house", Misuse::Usage("/rooms")),
        ] {
            assert_eq!(Command::parse(line), Err(expected), "{line:?}");
        }
    }

    #[test]
    fn every_command_that_is_listed_exists() {
        for (usage, _) in COMMANDS {
            let (name, arguments) = split(usage);
            let line = match arguments {
                Some("[N]") => format!("{name} 1"),
                Some(arguments) => format!("{name} {arguments}"),
                None => name.to_owned(),
            };
            assert!(Command::parse(&line).is_ok(), "{line}");
        }
    }
}
