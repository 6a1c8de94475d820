//! One member: how it enters, what it sends, and how what it receives is cut into lines.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use super::line::{Line, quoted, room_named_in};
use super::messages::Messages;
use super::said::Said;
use crate::load::cause;
use crate::load::socket::Socket;
use crate::load::tally::Tally;

/// How many bytes are sent with one call at most.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// The longest line that is waited for: no server sends one of that length.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What all members share for the moment.
pub(super) struct Turn<'a> {
    pub(super) messages: &'a Messages,
    /// What was said: a place for each member that speaks, and those come first.
    pub(super) said: &'a mut [Said],
    pub(super) tally: &'a mut Tally,
    /// The room that everybody is in besides, once it is known.
    pub(super) lobby: &'a mut Vec<u8>,
    /// Speakers of whose messages one has come to everybody, once for each message.
    pub(super) completed: &'a mut Vec<usize>,
    /// Messages that the system has taken, as far as they are measured.
    pub(super) sent: &'a mut u64,
    pub(super) now: u64,
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It waits until it is connected.
    Connects,
    /// It has said its name.
    Named,
    /// It has asked for the room.
    Joins,
    /// It is in the room.
    IsIn,
}

/// How a member stands after something has happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on.
    Open,
    /// Its connection is over, for this reason, which a sentence explains.
    Over(&'static str, String),
}

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: usize,
    /// Whether it stops reading once everybody is in.
    pub(super) is_stuck: bool,
    /// None before it begins to connect, and when it is over.
    pub(super) socket: Option<Socket>,
    pub(super) step: Step,
    is_writable: bool,
    /// What is being sent, and how much of it is.
    outbox: Vec<u8>,
    outbox_sent: usize,
    /// Messages that were moved to the outbox, and bytes of messages that were sent from there.
    staged: u64,
    sent_bytes: u64,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// The number of the next message of each speaker.
    pub(super) next: Vec<u64>,
    /// Messages that later ones have overtaken, with their speakers: they are lost unless they still come.
    pub(super) missed: VecDeque<(usize, u64)>,
    /// Right messages that have come, and those of them that were measured.
    pub(super) received: u64,
    pub(super) served: u64,
}

impl Member {
    pub(super) fn new(number: usize, is_stuck: bool, speakers: usize) -> Self {
        Self {
            number,
            is_stuck,
            socket: None,
            step: Step::Connects,
            is_writable: false,
            outbox: Vec::new(),
            outbox_sent: 0,
            staged: 0,
            sent_bytes: 0,
            partial: Vec::new(),
            next: vec![0; if is_stuck { 0 } else { speakers }],
            missed: VecDeque::new(),
            received: 0,
            served: 0,
        }
    }

    pub(super) fn is_in(&self) -> bool {
        self.step == Step::IsIn && self.socket.is_some()
    }

    /// Whether it hears what is said.
    pub(super) fn is_reader(&self) -> bool {
        !self.is_stuck && self.is_in()
    }

    /// It is over, with a reset: what is left of a load keeps no ports.
    pub(super) fn end(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.reset_when_dropped();
        }
    }

    /// The socket takes bytes again.
    pub(super) fn note_writable(&mut self) {
        self.is_writable = true;
    }

    /// It is connected, and says its name.
    pub(super) fn introduce(&mut self, messages: &Messages) {
        self.step = Step::Named;
        self.say(&messages.name(self.number));
    }

    fn say(&mut self, line: &str) {
        self.outbox.extend_from_slice(line.as_bytes());
        self.outbox.push(b'\n');
    }

    /// Messages that the system has taken.
    pub(super) fn sent(&self, messages: &Messages) -> u64 {
        self.sent_bytes / messages.message_bytes() as u64
    }

    /// Sends what is to be said, as far as the socket takes it.
    pub(super) fn send(&mut self, turn: &mut Turn<'_>) -> Standing {
        while self.is_writable {
            if self.outbox_sent == self.outbox.len() {
                self.stage(turn);
            }
            let bytes = &self.outbox[self.outbox_sent..];
            if bytes.is_empty() {
                break;
            }
            let Some(socket) = &mut self.socket else {
                break;
            };
            match socket.write(bytes) {
                Ok(count) => {
                    self.is_writable = count == bytes.len();
                    self.outbox_sent += count;
                    self.note_sent(count, turn);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.broken(&error),
            }
        }
        Standing::Open
    }

    /// Moves messages that are due to the outbox, which is empty.
    fn stage(&mut self, turn: &Turn<'_>) {
        self.outbox.clear();
        self.outbox_sent = 0;
        let Some(said) = turn.said.get(self.number) else {
            return;
        };
        let prefix = turn.messages.prefix_bytes();
        while self.outbox.len() < SEND_BYTES_MAX
            && let Some(line) = said.line(self.staged)
        {
            self.outbox.extend_from_slice(&line[prefix..]);
            self.staged += 1;
        }
    }

    fn note_sent(&mut self, count: usize, turn: &mut Turn<'_>) {
        // What is said to enter is taken before anything else is said.
        if self.staged == 0 {
            return;
        }
        let before = self.sent(turn.messages);
        self.sent_bytes += count as u64;
        for message in before..self.sent(turn.messages) {
            if let Some(due) = turn.said[self.number].due(message) {
                *turn.sent += u64::from(turn.tally.measures(due, turn.now));
                turn.tally.note_sent(due, turn.now);
            }
        }
    }

    /// Receives what has come, and looks at every line of it. `hung_up` says that the end is there as well.
    pub(super) fn receive(
        &mut self,
        hung_up: bool,
        buffer: &mut [u8],
        turn: &mut Turn<'_>,
    ) -> Standing {
        loop {
            let Some(socket) = &mut self.socket else {
                return Standing::Open;
            };
            let count = match socket.read(buffer) {
                Ok(0) => return self.closed(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Standing::Open,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.broken(&error),
            };
            let standing = self.take(&buffer[..count], turn);
            // A short read has taken everything.
            if standing != Standing::Open || count < buffer.len() && !hung_up {
                return standing;
            }
        }
    }

    /// Reads what has come until nothing is left, and looks at none of it. Says how many bytes that were, or that the connection is over.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut drained = 0;
        while let Some(socket) = &mut self.socket {
            match socket.read(buffer) {
                Ok(0) => return None,
                Ok(count) => drained += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(drained)
    }

    /// Looks at what was received, line by line.
    fn take(&mut self, mut bytes: &[u8], turn: &mut Turn<'_>) -> Standing {
        while !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some(count) = self.take_expected(bytes, turn)
            {
                bytes = &bytes[count..];
                continue;
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                return self.keep(bytes);
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            let standing = if self.partial.is_empty() {
                self.take_line(line, turn)
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                let standing = self.take_line(&whole, turn);
                // The next line that is cut needs no memory of its own.
                whole.clear();
                self.partial = whole;
                standing
            };
            if standing != Standing::Open {
                return standing;
            }
        }
        Standing::Open
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, bytes: &[u8]) -> Standing {
        self.partial.extend_from_slice(bytes);
        if self.partial.len() <= LINE_BYTES_MAX {
            return Standing::Open;
        }
        let number = self.number;
        Standing::Over(
            "not_understood",
            format!("member {number} got a line of more than {LINE_BYTES_MAX} bytes"),
        )
    }

    fn take_line(&mut self, line: &[u8], turn: &mut Turn<'_>) -> Standing {
        if self.step != Step::IsIn {
            return self.enter(line, turn);
        }
        if self.take_expected(line, turn).is_none() {
            self.judge(line, turn);
        }
        Standing::Open
    }

    /// Follows the server into the room. What else it says meanwhile is of no interest.
    fn enter(&mut self, line: &[u8], turn: &mut Turn<'_>) -> Standing {
        let line = line.trim_ascii_end();
        let room = turn.messages.room();
        match (self.step, Line::of(line)) {
            (_, Line::Refusal(why)) => {
                let (number, why) = (self.number, quoted(why));
                return Standing::Over(
                    "refused",
                    format!("the server does not let member {number} in: {why}"),
                );
            }
            (Step::Named, Line::Notice(text)) if text.starts_with(b"Hello") => {
                if let Some(lobby) = room_named_in(text) {
                    lobby.clone_into(turn.lobby);
                }
                self.step = Step::Joins;
                self.say(&format!("/join {room}"));
            }
            (Step::Joins, Line::Notice(text)) if room_named_in(text) == Some(room.as_bytes()) => {
                self.step = Step::IsIn;
            }
            _ => {}
        }
        Standing::Open
    }

    fn closed(&self) -> Standing {
        let (number, received) = (self.number, self.received);
        let sentence = if self.step == Step::IsIn {
            format!(
                "the server ended the connection of member {number}, which reads, after {received} deliveries"
            )
        } else {
            format!("the server ended the connection of member {number} before it was in the room")
        };
        Standing::Over("closed", sentence)
    }

    fn broken(&self, error: &io::Error) -> Standing {
        let (number, received) = (self.number, self.received);
        let word = match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset",
            _ => "connection",
        };
        let cause = cause(error);
        Standing::Over(
            word,
            format!("the connection of member {number} broke after {received} deliveries: {cause}"),
        )
    }
}

/// What is left of a load keeps no ports.
impl Drop for Member {
    fn drop(&mut self) {
        self.end();
    }
}
