//! One client: what it has said, what has been answered, and what it says next.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use super::payload::Payload;
use super::socket::Socket;
use super::tally::Tally;

/// How many bytes are sent with one call at most.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// How many messages may wait for their answers on one connection, where the form of the load does not say: beyond that a message of an
/// open loop is not sent, and counted.
pub(super) const OUTSTANDING_MAX: usize = 4096;

/// What a connection is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It speaks and listens.
    Speaker,
    /// It is only open.
    Silent,
    /// It speaks and never listens.
    Stuck,
}

/// What all connections share for the moment.
pub(super) struct Turn<'a> {
    pub(super) payload: &'a Payload,
    pub(super) tally: &'a mut Tally,
    /// Into which is received, and from which is sent.
    pub(super) buffer: &'a mut [u8],
    pub(super) staging: &'a mut Vec<u8>,
    pub(super) now: u64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    number: usize,
    pub(super) role: Role,
    /// None before it begins to connect, and when it is over.
    pub(super) socket: Option<Socket>,
    pub(super) is_connected: bool,
    /// When it began to connect.
    pub(super) since: u64,
    is_writable: bool,
    /// Messages that are sent as a whole, and how many bytes of the next one are.
    sent: u64,
    sent_bytes: usize,
    /// Messages whose answers have come as a whole, and how many bytes of the next one have.
    pub(super) answered: u64,
    answered_bytes: usize,
    /// When those were due that are not answered, sent or not.
    dues: VecDeque<u64>,
    /// Answers that were measured.
    pub(super) served: u64,
}

/// How a connection stands after something has happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on; so many answers have come.
    Open(usize),
    /// It is over, for this reason, which a sentence explains.
    Over(&'static str, String),
}

impl Connection {
    pub(super) fn new(number: usize, role: Role) -> Self {
        Self {
            number,
            role,
            socket: None,
            is_connected: false,
            since: 0,
            is_writable: false,
            sent: 0,
            sent_bytes: 0,
            answered: 0,
            answered_bytes: 0,
            dues: VecDeque::new(),
            served: 0,
        }
    }

    /// It begins to connect, perhaps once more.
    pub(super) fn begin(&mut self, socket: Socket, now: u64) {
        self.socket = Some(socket);
        self.since = now;
        self.is_connected = false;
        self.is_writable = false;
        self.sent_bytes = 0;
        self.answered_bytes = 0;
        self.dues.clear();
        self.sent = self.answered;
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_connected && self.socket.is_some()
    }

    /// How many messages are not answered.
    pub(super) fn outstanding(&self) -> usize {
        self.dues.len()
    }

    /// When those were due.
    pub(super) fn dues(&self) -> impl Iterator<Item = u64> {
        self.dues.iter().copied()
    }

    /// It is over.
    pub(super) fn end(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.reset_when_dropped();
        }
    }

    /// A message is due; it is sent when the socket takes it.
    pub(super) fn owe(&mut self, due: u64) {
        self.dues.push_back(due);
    }

    /// The socket takes bytes again.
    pub(super) fn note_writable(&mut self) {
        self.is_writable = true;
    }

    /// Sends what is due, as far as the socket takes it.
    pub(super) fn send(&mut self, turn: &mut Turn<'_>) -> Standing {
        while self.is_writable {
            self.stage(turn);
            if turn.staging.is_empty() {
                break;
            }
            let Some(socket) = &mut self.socket else {
                break;
            };
            match socket.write(turn.staging) {
                Ok(count) => {
                    self.is_writable = count == turn.staging.len();
                    self.note_sent(count, turn);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.over(&error),
            }
        }
        Standing::Open(0)
    }

    /// Writes the messages that are due one behind the other.
    fn stage(&self, turn: &mut Turn<'_>) {
        turn.staging.clear();
        let due = match self.role {
            // It has always more to say.
            Role::Stuck => u64::MAX,
            _ => self.answered + self.dues.len() as u64,
        };
        let (mut message, mut from) = (self.sent, self.sent_bytes);
        while message < due && turn.staging.len() < SEND_BYTES_MAX {
            turn.payload.say(self.number, message, from, turn.staging);
            (message, from) = (message + 1, 0);
        }
    }

    fn note_sent(&mut self, count: usize, turn: &mut Turn<'_>) {
        let mut bytes = self.sent_bytes + count;
        while bytes >= turn.payload.message_bytes() {
            bytes -= turn.payload.message_bytes();
            let place = usize::try_from(self.sent - self.answered).unwrap_or(usize::MAX);
            if let Some(&due) = self.dues.get(place) {
                turn.tally.note_sent(due, turn.now);
            }
            self.sent += 1;
        }
        self.sent_bytes = bytes;
    }

    /// Receives what has come, and compares it. `hung_up` says that the end is there as well.
    pub(super) fn receive(&mut self, hung_up: bool, turn: &mut Turn<'_>) -> Standing {
        let mut answers = 0;
        loop {
            let Some(socket) = &mut self.socket else {
                return Standing::Open(answers);
            };
            let count = match socket.read(turn.buffer) {
                Ok(0) => return self.closed(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Standing::Open(answers);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.over(&error),
            };
            match self.take(count, turn) {
                Ok(more) => answers += more,
                Err(sentence) => return Standing::Over("wrong_bytes", sentence),
            }
            // A short read has taken everything.
            if count < turn.buffer.len() && !hung_up {
                return Standing::Open(answers);
            }
        }
    }

    /// Compares what was received; says how many answers are whole by it.
    fn take(&mut self, count: usize, turn: &mut Turn<'_>) -> Result<usize, String> {
        let (mut start, mut answers) = (0, 0);
        while start < count {
            let Some(&due) = self.dues.front() else {
                let (number, more) = (self.number, count - start);
                return Err(format!(
                    "connection {number} got {more} bytes that it had not asked for"
                ));
            };
            let wanted = turn.payload.message_bytes() - self.answered_bytes;
            let end = count.min(start + wanted);
            let bytes = &turn.buffer[start..end];
            let (number, message) = (self.number, self.answered);
            if let Some(byte) = turn
                .payload
                .compare(number, message, self.answered_bytes, bytes)
            {
                return Err(format!(
                    "byte {byte} of answer {} on connection {number} is wrong",
                    message + 1
                ));
            }
            self.answered_bytes += end - start;
            start = end;
            if self.answered_bytes == turn.payload.message_bytes() {
                self.answered_bytes = 0;
                self.answered += 1;
                self.dues.pop_front();
                answers += 1;
                self.served += u64::from(turn.tally.note_answer(due, turn.now));
            }
        }
        Ok(answers)
    }

    fn closed(&self) -> Standing {
        let (number, answered, left) = (self.number, self.answered, self.dues.len());
        Standing::Over(
            "closed",
            format!(
                "the server closed connection {number} after {answered} answers, with {left} still to give"
            ),
        )
    }

    fn over(&self, error: &io::Error) -> Standing {
        let (number, answered) = (self.number, self.answered);
        let word = match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset",
            _ => "connection",
        };
        let cause = super::error::cause(error);
        Standing::Over(
            word,
            format!("connection {number} broke after {answered} answers: {cause}"),
        )
    }
}

/// What is left of a load keeps no ports.
impl Drop for Connection {
    fn drop(&mut self) {
        self.end();
    }
}
