//! One client: which datagrams it has sent, which of them are answered, and what every datagram that comes is the answer to.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use super::message::Messages;
use super::socket::Socket;
use crate::load::cause;
use crate::load::tally::Tally;
use crate::report::Datagrams;

/// How many lost messages a client knows by their numbers, the latest, so that late answers are told from repeated ones.
const LOST_KNOWN_MAX: usize = 4096;

/// What all clients share for the moment.
pub(super) struct Turn<'a> {
    pub(super) messages: &'a Messages,
    pub(super) tally: &'a mut Tally,
    pub(super) counts: &'a mut Datagrams,
    /// Into which is received: longer than any datagram.
    pub(super) buffer: &'a mut [u8],
    pub(super) staging: &'a mut Vec<u8>,
    pub(super) now: u64,
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    number: usize,
    /// None when it could not be made.
    pub(super) socket: Option<Socket>,
    is_writable: bool,
    /// Messages that are due, from the oldest of which nothing has become yet. Those that have been dealt with amid them wait for their turn to go.
    pending: VecDeque<Pending>,
    /// The number of the first of them, counted from zero.
    first: u64,
    /// The number of the next message to be sent.
    sent: u64,
    /// How many of them nothing has become of.
    open: usize,
    /// The number of the latest message that was answered.
    latest: Option<u64>,
    /// The latest numbers of messages that are lost, in rising order.
    lost: VecDeque<u64>,
    /// Right answers.
    pub(super) answered: u64,
    /// Those that were measured.
    pub(super) served: u64,
}

/// A message that is due.
#[derive(Clone, Copy, Debug)]
struct Pending {
    due: u64,
    /// When it was sent, if it was.
    sent: u64,
    /// Whether it has been dealt with.
    is_done: bool,
}

/// What a datagram that has come is.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    /// The first right answer to the message with this number.
    Answer(u64),
    /// A right answer to a message that was lost.
    Late(u64),
    /// A right answer once more.
    Duplicate,
    /// A wrong answer to the message with this number: at this byte.
    Corrupt(u64, usize),
    /// Nothing that was asked for.
    Unexpected,
}

impl Client {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            socket: None,
            is_writable: true,
            pending: VecDeque::new(),
            first: 0,
            sent: 0,
            open: 0,
            latest: None,
            lost: VecDeque::new(),
            answered: 0,
            served: 0,
        }
    }

    /// How many messages nothing has become of yet.
    pub(super) fn outstanding(&self) -> usize {
        self.open
    }

    /// A message is due; it is sent when the socket takes it.
    pub(super) fn owe(&mut self, due: u64) {
        self.open += 1;
        self.pending.push_back(Pending {
            due,
            sent: u64::MAX,
            is_done: false,
        });
    }

    /// The socket takes datagrams again.
    pub(super) fn note_writable(&mut self) {
        self.is_writable = true;
    }

    /// Sends what is due, as far as the socket takes it.
    pub(super) fn send(&mut self, turn: &mut Turn<'_>) {
        while self.is_writable {
            let Some(pending) = self.pending.get_mut(index(self.sent, self.first)) else {
                break;
            };
            let Some(socket) = &self.socket else {
                break;
            };
            turn.messages.say(self.number, self.sent, turn.staging);
            let result = match socket.send(turn.staging) {
                // The news is of an earlier datagram, and this one has not left.
                Err(error) if is_refusal(&error) => {
                    refused(self.number, turn);
                    socket.send(turn.staging)
                }
                result => result,
            };
            match result {
                Ok(_) => turn.tally.note_sent(pending.due, turn.now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_refusal(&error) => refused(self.number, turn),
                Err(error) => not_sent(self.number, &error, turn),
            }
            // What the system has refused counts as sent, too: nobody will answer it.
            turn.counts.sent += 1;
            pending.sent = turn.now;
            self.sent += 1;
        }
    }

    /// Takes what has come, as long as an answer is waited for, or until nothing is left. Says how many messages are dealt with by it.
    pub(super) fn receive(&mut self, until_empty: bool, turn: &mut Turn<'_>) -> usize {
        let mut done = 0;
        let mut is_first = true;
        // What nobody waits for may lie there until the next answer comes: looking for it each time would cost a call for each message.
        while is_first || until_empty || self.open > 0 {
            is_first = false;
            let Some(socket) = &self.socket else {
                break;
            };
            match socket.receive(turn.buffer) {
                Ok(count) => {
                    turn.counts.received += 1;
                    done += self.take(count, turn);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_refusal(&error) => refused(self.number, turn),
                // Nothing is left; or the system says something that the next call to send will say as well.
                Err(_) => break,
            }
        }
        done
    }

    /// Counts what has come. Says how many messages are dealt with by it: one at most.
    fn take(&mut self, count: usize, turn: &mut Turn<'_>) -> usize {
        let answer = &turn.buffer[..count];
        let number = self.number;
        match self.meaning(turn.messages, answer) {
            Meaning::Answer(message) => {
                let due = self.finish(message);
                self.answered += 1;
                self.served += u64::from(turn.tally.note_answer(due, turn.now));
                let is_behind = self.latest.is_some_and(|latest| latest > message);
                turn.counts.reordered += u64::from(is_behind);
                self.latest = self.latest.max(Some(message));
                return 1;
            }
            Meaning::Corrupt(message, byte) => {
                self.finish(message);
                turn.counts.corrupted += 1;
                turn.tally.note_error("wrong_bytes", || {
                    let message = message + 1;
                    format!("byte {byte} of the answer to datagram {message} on connection {number} is wrong")
                });
                return 1;
            }
            Meaning::Late(message) => {
                self.lost.retain(|&lost| lost != message);
                turn.counts.late += 1;
            }
            Meaning::Duplicate => turn.counts.duplicated += 1,
            Meaning::Unexpected => {
                turn.counts.unexpected += 1;
                turn.tally.note_error("unexpected", || {
                    format!("connection {number} got a datagram of {count} bytes that answers nothing that it had asked")
                });
            }
        }
        0
    }

    /// What a datagram is, to the byte.
    fn meaning(&self, messages: &Messages, answer: &[u8]) -> Meaning {
        let Some(mark) = messages.mark(answer) else {
            return self.nearest(messages, answer);
        };
        let (residue, modulus) = (mark.residue, mark.modulus);
        // Where the mark has no room for the whole number, several fit: the oldest that is waited for, or else the latest.
        let ahead = (residue + modulus - self.first % modulus) % modulus;
        let mut fitting =
            (self.first + ahead..self.sent).step_by(usize::try_from(modulus).unwrap_or(usize::MAX));
        if let Some(message) = fitting.find(|&message| self.is_waited_for(message)) {
            return match messages.compare(self.number, message, answer) {
                None => Meaning::Answer(message),
                Some(_) if answer.len() == messages.message_bytes() => {
                    self.nearest(messages, answer)
                }
                Some(byte) => Meaning::Corrupt(message, byte),
            };
        }
        let latest =
            (self.sent.checked_sub(residue + 1)).map(|over| residue + over / modulus * modulus);
        match latest {
            Some(message) if messages.compare(self.number, message, answer).is_none() => {
                if self.lost.binary_search(&message).is_ok() {
                    Meaning::Late(message)
                } else {
                    Meaning::Duplicate
                }
            }
            _ => self.nearest(messages, answer),
        }
    }

    /// The message that a wrong answer was meant for: the one whose answer it resembles in half of its bytes at least.
    fn nearest(&self, messages: &Messages, answer: &[u8]) -> Meaning {
        if answer.len() != messages.message_bytes() {
            return Meaning::Unexpected;
        }
        let waited = (self.first..self.sent).filter(|&message| self.is_waited_for(message));
        let distances =
            waited.map(|message| (messages.distance(self.number, message, answer), message));
        match distances.min() {
            Some((distance, message)) if distance * 2 <= answer.len() => {
                let byte = messages.compare(self.number, message, answer);
                Meaning::Corrupt(message, byte.unwrap_or(0))
            }
            _ => Meaning::Unexpected,
        }
    }

    fn is_waited_for(&self, message: u64) -> bool {
        message >= self.first
            && message < self.sent
            && (self.pending.get(index(message, self.first)))
                .is_some_and(|pending| !pending.is_done)
    }

    /// A message has been dealt with. Says when it was due.
    fn finish(&mut self, message: u64) -> u64 {
        let pending = &mut self.pending[index(message, self.first)];
        pending.is_done = true;
        let due = pending.due;
        self.open -= 1;
        while self.pending.front().is_some_and(|pending| pending.is_done) {
            self.pending.pop_front();
            self.first += 1;
        }
        due
    }

    /// Gives up what was sent so long ago and is not answered. Says how many messages that are.
    pub(super) fn give_up(&mut self, timeout: u64, turn: &mut Turn<'_>) -> usize {
        let mut lost = 0;
        // They were sent in order, and what is dealt with is not at the front.
        while let Some(&pending) = self.pending.front()
            && self.first < self.sent
            && turn.now.saturating_sub(pending.sent) >= timeout
        {
            if self.lost.len() == LOST_KNOWN_MAX {
                self.lost.pop_front();
            }
            self.lost.push_back(self.first);
            turn.tally.note_lost(pending.due, turn.now);
            self.finish(self.first);
            lost += 1;
        }
        turn.counts.lost += lost as u64;
        lost
    }
}

/// The place of a message behind the first one.
fn index(message: u64, first: u64) -> usize {
    usize::try_from(message - first).unwrap_or(usize::MAX)
}

/// Whether the system says that nobody is there: of UDP an answer to an earlier datagram, of a Unix socket that its server has gone.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::NotConnected
    )
}

fn refused(number: usize, turn: &mut Turn<'_>) {
    turn.counts.refused += 1;
    turn.tally.note_error("refused", || {
        format!("nobody listened for a datagram of connection {number}: the server has ended or closed its socket")
    });
}

fn not_sent(number: usize, error: &io::Error, turn: &mut Turn<'_>) {
    turn.tally.note_error("not_sent", || {
        let cause = cause(error);
        format!("the system did not send a datagram of connection {number}: {cause}")
    });
}
