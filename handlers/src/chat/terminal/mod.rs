//! The conversation with somebody at a terminal: a line comes, lines are answered. It knows no socket, so that several doors share it.

mod command;
mod run;
mod wire;

use std::str;

use self::command::{Command, Misuse};
use self::run::describe;
use self::wire::Reply;
pub(super) use self::wire::TerminalWire;
use super::hub::{Departure, Hub, Member, Outlet, Refusal};
use super::{Name, RoomName, Text};

/// One client, before and after it has a name.
#[derive(Debug)]
pub(super) struct Session {
    hub: Hub,
    /// Where everybody begins.
    lobby: RoomName,
    member: Option<Member>,
    /// Where bare text is said.
    current: Option<RoomName>,
}

/// What follows a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next line.
    Stay,
    /// The end of the conversation, once the answer is sent.
    Leave,
}

impl Session {
    pub(super) fn new(hub: Hub, lobby: RoomName) -> Self {
        Self {
            hub,
            lobby,
            member: None,
            current: None,
        }
    }

    /// Asks for a name.
    pub(super) fn greet(out: &mut String) {
        Reply(out).say("Welcome. What is your name?");
    }

    /// Whether the client has given its name.
    pub(super) fn has_entered(&self) -> bool {
        self.member.is_some()
    }

    /// Takes the name that a client gives, and lets it in.
    pub(super) fn enter(&mut self, name: &str, outlet: Outlet, out: &mut String) {
        let mut reply = Reply(out);
        let entered = Name::parse(name)
            .map_err(Refusal::from)
            .and_then(|name| self.hub.enter(name, outlet));
        let member = match entered {
            Ok(member) => member,
            Err(refusal) => return reply.refuse(refusal),
        };
        let name = member.name();
        match member.join(&self.lobby, None) {
            Ok(entrance) => {
                let room = &entrance.room;
                reply.say(format_args!(
                    "Hello, {name}. You are in {room}; /help lists what you can do."
                ));
                describe(&entrance, &mut reply);
                self.current = Some(self.lobby.clone());
            }
            Err(refusal) => {
                reply.say(format_args!(
                    "Hello, {name}. You are in no room; /help lists what you can do."
                ));
                reply.refuse(refusal);
            }
        }
        self.member = Some(member);
    }

    /// Says again what the client was told when it came, or would be told if it came now to where it is: for who did not hear it.
    pub(super) fn greet_again(&self, out: &mut String) {
        let Some(member) = &self.member else {
            return;
        };
        let mut reply = Reply(out);
        let name = member.name();
        // To enter a room that one is in changes nothing, and says what there is to say of it.
        let own = member.own_rooms();
        let current = self.current.as_ref().filter(|room| own.contains(room));
        let entrance = current.and_then(|room| member.join(room, None).ok());
        match entrance {
            Some(entrance) => {
                reply.say(format_args!(
                    "Hello, {name}. You are in {}; /help lists what you can do.",
                    entrance.room
                ));
                describe(&entrance, &mut reply);
            }
            None => reply.say(format_args!(
                "Hello, {name}. You are in no room; /help lists what you can do."
            )),
        }
    }

    /// Does what a line asks for.
    pub(super) fn hear(&mut self, line: &str, out: &mut String) -> Next {
        let mut reply = Reply(out);
        match Command::parse(line) {
            Ok(Command::Quit(why)) => {
                self.leave(&Departure::Quit(note(why)));
                reply.say("Bye.");
                return Next::Leave;
            }
            Ok(command) => {
                if let Err(refusal) = self.run(command, &mut reply) {
                    reply.refuse(refusal);
                }
            }
            Err(Misuse::Unknown) => {
                reply.refuse("there is no such command (/help lists them; // says a text that begins with /)");
            }
            Err(Misuse::Usage(usage)) => reply.refuse(format_args!("that is written {usage}")),
        }
        Next::Stay
    }

    /// The same for a line that may be too long or no text.
    pub(super) fn hear_bytes(&mut self, line: &[u8], out: &mut String) -> Next {
        match self.check(line, out) {
            Some(line) => self.hear(line, out),
            None => Next::Stay,
        }
    }

    /// The text of a line, or an answer why it cannot be heard.
    pub(super) fn check<'l>(&self, line: &'l [u8], out: &mut String) -> Option<&'l str> {
        let bytes_max = self.hub.settings().line_bytes_max();
        let bytes = line.len();
        if bytes > bytes_max {
            Reply(out).refuse(Refusal::TooLong { bytes, bytes_max });
            return None;
        }
        let text = str::from_utf8(line).ok();
        if text.is_none() {
            Reply(out)
                .refuse("that is not UTF-8, and nothing came of it (set your terminal to UTF-8)");
        }
        text
    }

    /// A line that comes too soon after others, and is lost.
    pub(super) fn hear_too_soon(out: &mut String) {
        Reply(out).refuse("that came too fast, and is lost (wait a second, and say it again)");
    }

    /// The client has gone.
    pub(super) fn leave(&mut self, departure: &Departure) {
        if let Some(member) = self.member.take() {
            member.leave(departure);
        }
    }
}

/// Cleans a text that says why or what about; one of which nothing is left is none.
fn note(text: Option<&str>) -> Option<Text> {
    text.map(Text::clean).filter(|text| !text.is_empty())
}
