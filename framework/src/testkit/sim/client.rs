//! The simulated clients: each follows a list of acts, as fast and in pieces as small as the seed has it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::pipe::Pipe;
use crate::testkit::random::Random;
use crate::testkit::script::{Part, Script, Step};
use crate::timer::Time;

/// One thing that a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes, however they are cut on their way.
    Send(Bytes),
    /// Receives exactly these bytes, however they are cut.
    Expect(Bytes),
    /// Sends the end of its side, and may still receive.
    HalfClose,
    /// Receives nothing more but the end.
    ExpectEnd,
    /// Does nothing for a while.
    Wait(Duration),
    /// Cuts the connection.
    Reset,
}

/// A script that a simulated client cannot follow, since it does not say exactly what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotExact {
    line: usize,
}

impl fmt::Display for NotExact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: a simulated client must know exactly what it expects (write the bytes instead of a pattern)",
            self.line
        )
    }
}

impl std::error::Error for NotExact {}

impl Act {
    /// How many bytes it moves.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Send(bytes) | Self::Expect(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// What a script has a client do.
    pub(super) fn all_of(script: &Script) -> Result<Vec<Self>, NotExact> {
        let mut acts = Vec::new();
        for (index, step) in script.steps().iter().enumerate() {
            acts.push(match step {
                Step::Send(data) => Self::Send(Bytes::copy_from_slice(data.bytes())),
                Step::Expect(pattern) => {
                    let mut expected = Vec::new();
                    for part in pattern.parts() {
                        let Part::Exactly(data) = part else {
                            return Err(NotExact {
                                line: script.line(index),
                            });
                        };
                        expected.extend_from_slice(data.bytes());
                    }
                    Self::Expect(expected.into())
                }
                Step::ExpectEnd(_) => Self::ExpectEnd,
                Step::Wait(duration) => Self::Wait(*duration),
                Step::HalfClose => Self::HalfClose,
                Step::Reset => Self::Reset,
            });
        }
        Ok(acts)
    }
}

/// How many bytes a client moves at once.
const PIECE_MAX: usize = 64;

/// How far a client has come.
#[derive(Debug)]
pub(super) struct Client {
    acts: Vec<Act>,
    next: usize,
    /// How many bytes of the present act are done.
    done: usize,
    /// What it has read while it could not send: who only writes and never reads stops any server in the end.
    inbox: VecDeque<u8>,
    /// Until when it does nothing.
    waits_until: Time,
    pub(super) state: State,
    /// A fault has struck this connection, or the whole server: it may end before its time, but never say anything wrong.
    pub(super) is_harmed: bool,
    /// It neither sends nor receives any more, and does not say so.
    pub(super) is_frozen: bool,
    /// It moves one byte at a time.
    pub(super) is_slow: bool,
}

/// What a client is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has not connected yet.
    Away,
    Talking,
    /// It has done everything, or was cut off, and has gone.
    Gone,
}

/// What came of letting a client act.
pub(super) enum Progress {
    /// Nothing can be done now.
    Stuck,
    /// So many bytes were moved, or an act without bytes was done.
    Moved(usize),
    /// The server has said something wrong, or ended too early.
    Wrong(String),
}

impl Client {
    pub(super) fn new(acts: &[Act]) -> Self {
        Self {
            acts: acts.to_vec(),
            next: 0,
            done: 0,
            inbox: VecDeque::new(),
            waits_until: Time::default(),
            state: State::Away,
            is_harmed: false,
            is_frozen: false,
            is_slow: false,
        }
    }

    /// Whether all acts are done.
    pub(super) fn is_through(&self) -> bool {
        self.next >= self.acts.len()
    }

    /// Whether it cuts its connection next.
    pub(super) fn resets_next(&self) -> bool {
        !self.is_frozen && self.acts.get(self.next) == Some(&Act::Reset)
    }

    /// When it will act by itself, if it waits for a time.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        (self.state == State::Talking && !self.is_frozen && self.waits_until != Time::default())
            .then_some(self.waits_until)
    }

    /// Does a part of the next act.
    pub(super) fn act(
        &mut self,
        up: &mut Pipe,
        down: &mut Pipe,
        was_reset: bool,
        now: Time,
        random: &mut Random,
    ) -> Progress {
        if self.is_frozen || self.waits_until > now {
            return Progress::Stuck;
        }
        self.waits_until = Time::default();
        let Some(act) = self.acts.get(self.next) else {
            return Progress::Stuck;
        };
        let piece = if self.is_slow {
            1
        } else {
            1 + random.below(PIECE_MAX)
        };
        let progress = match act {
            // What is sent to a peer that is gone is lost, as it is with real sockets.
            Act::Send(_) | Act::HalfClose if was_reset => {
                return self.cut_off("the connection was reset");
            }
            Act::Send(bytes) => match send(&bytes[self.done..], piece, up) {
                Progress::Stuck if down.arrived() > 0 => {
                    return Progress::Moved(read_ahead(&mut self.inbox, piece, down));
                }
                progress => progress,
            },
            Act::HalfClose => {
                up.send_end();
                Progress::Moved(0)
            }
            Act::Wait(duration) => {
                self.waits_until = now.after(*duration);
                Progress::Moved(0)
            }
            Act::Expect(bytes) => {
                let expected = &bytes[self.done..];
                let piece = piece.min(expected.len());
                if self.inbox.is_empty() {
                    read_ahead(&mut self.inbox, piece, down);
                }
                compare(expected, piece, &mut self.inbox, self.done)
            }
            Act::ExpectEnd if down.arrived() > 0 || !self.inbox.is_empty() => {
                Progress::Wrong("the server says more than is expected".to_owned())
            }
            Act::ExpectEnd if down.is_over() || was_reset => Progress::Moved(0),
            // A reset is for the network to do.
            Act::ExpectEnd | Act::Reset => Progress::Stuck,
        };
        match progress {
            Progress::Moved(count) => self.advance(count),
            Progress::Stuck if self.waits_in_vain(down, was_reset) => {
                return self.cut_off("the server has ended before it said everything");
            }
            _ => {}
        }
        progress
    }

    /// Whether it waits for bytes that cannot come any more.
    fn waits_in_vain(&self, down: &Pipe, was_reset: bool) -> bool {
        matches!(self.acts[self.next], Act::Expect(_))
            && down.arrived() == 0
            && self.inbox.is_empty()
            && (down.is_over() || was_reset)
    }

    fn cut_off(&mut self, how: &str) -> Progress {
        self.next = self.acts.len();
        if self.is_harmed {
            Progress::Moved(0)
        } else {
            Progress::Wrong(how.to_owned())
        }
    }

    fn advance(&mut self, count: usize) {
        self.done += count;
        if self.done >= self.acts[self.next].bytes() {
            self.done = 0;
            self.next += 1;
        }
    }
}

fn send(bytes: &[u8], piece: usize, up: &mut Pipe) -> Progress {
    match up.send(bytes, piece) {
        0 if bytes.is_empty() => Progress::Moved(0),
        0 => Progress::Stuck,
        count => Progress::Moved(count),
    }
}

/// Reads what has arrived, for later.
fn read_ahead(inbox: &mut VecDeque<u8>, piece: usize, down: &mut Pipe) -> usize {
    let mut buffer = [0; PIECE_MAX];
    let count = down.receive(&mut buffer[..piece]);
    inbox.extend(&buffer[..count]);
    count
}

fn compare(expected: &[u8], piece: usize, inbox: &mut VecDeque<u8>, offset: usize) -> Progress {
    let count = piece.min(inbox.len());
    if count == 0 && !expected.is_empty() {
        return Progress::Stuck;
    }
    let received: Vec<u8> = inbox.drain(..count).collect();
    match (0..count).find(|&index| received[index] != expected[index]) {
        None => Progress::Moved(count),
        Some(wrong) => Progress::Wrong(format!(
            "the server says '{}' where '{}' is expected, from byte {} on",
            received.escape_ascii(),
            expected[..count].escape_ascii(),
            offset + wrong
        )),
    }
}
