//! The simulated clients: each follows a script, as fast and in pieces as small as the seed has it.

use std::sync::Arc;

use super::ConnectionLog;
use super::pipe::Pipe;
use crate::testkit::random::Random;
use crate::testkit::script::{End, Matching, Pattern, Script, Step, Verdict};
use crate::timer::Time;

/// How many bytes a client moves at once.
const PIECE_MAX: usize = 64;

/// The most that a client keeps of what it has read and not compared: a server that never stops must not fill the memory.
const INBOX_BYTES_MAX: usize = 1024 * 1024;
/// How much of an output that is wrong is shown.
const SHOWN_BYTES_MAX: usize = 64;

/// How far a client has come.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each noted by itself"
)]
pub(super) struct Client {
    script: Arc<Script>,
    /// What the server may say when it stops.
    farewell: Arc<[u8]>,
    /// The present step.
    next: usize,
    /// How many bytes of what it sends in the present step are sent.
    sent: usize,
    /// How far the comparison of the present step has come.
    matching: Matching,
    /// What it has read and not compared yet: also what came while it could not send, since who only writes and never reads stops any
    /// server in the end.
    inbox: Vec<u8>,
    /// How many bytes of the output were as expected.
    taken: usize,
    /// Until when it does nothing.
    waits_until: Time,
    /// What it has sent and read.
    log: ConnectionLog,
    pub(super) state: State,
    /// A fault has struck this connection, or the whole server: it may end before its time, but never say anything wrong.
    pub(super) is_harmed: bool,
    /// The server was asked to stop, and may say so.
    pub(super) hears_farewell: bool,
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
    /// So many bytes were moved, or a step without bytes was done.
    Moved(usize),
    /// The server has said something wrong, or ended too early.
    Wrong(String),
}

impl Client {
    pub(super) fn new(script: &Arc<Script>, farewell: &Arc<[u8]>) -> Self {
        Self {
            script: script.clone(),
            farewell: farewell.clone(),
            next: 0,
            sent: 0,
            matching: Matching::default(),
            inbox: Vec::new(),
            taken: 0,
            waits_until: Time::default(),
            log: ConnectionLog::default(),
            state: State::Away,
            is_harmed: false,
            hears_farewell: false,
            is_frozen: false,
            is_slow: false,
        }
    }

    /// What it has sent and received.
    pub(super) fn into_log(self) -> ConnectionLog {
        ConnectionLog {
            is_struck: self.is_harmed,
            ..self.log
        }
    }

    /// Whether all steps are done.
    pub(super) fn is_through(&self) -> bool {
        self.next >= self.script.steps().len()
    }

    /// Whether it cuts its connection next.
    pub(super) fn resets_next(&self) -> bool {
        !self.is_frozen && self.script.steps().get(self.next) == Some(&Step::Reset)
    }

    /// When it will act by itself, if it waits for a time.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        (self.state == State::Talking && !self.is_frozen && self.waits_until != Time::default())
            .then_some(self.waits_until)
    }

    /// Does a part of the next step.
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
        let script = self.script.clone();
        let Some(step) = script.steps().get(self.next) else {
            return Progress::Stuck;
        };
        let piece = if self.is_slow {
            1
        } else {
            1 + random.below(PIECE_MAX)
        };
        match step {
            // What is sent to a peer that is gone is lost, as it is with real sockets.
            Step::Send(_) | Step::HalfClose if was_reset => {
                self.cut_off("the connection was reset")
            }
            Step::Send(data) => self.send(data.bytes(), piece, up, down),
            Step::HalfClose => {
                up.send_end();
                self.go_on(0)
            }
            Step::Wait(duration) => {
                self.waits_until = now.after(*duration);
                self.go_on(0)
            }
            Step::Expect(pattern) => self.expect(pattern, piece, down, was_reset),
            Step::ExpectEnd(end) => self.expect_end(*end, piece, down, was_reset),
            // A reset is for the network to do.
            Step::Reset => Progress::Stuck,
        }
    }

    fn send(&mut self, bytes: &[u8], piece: usize, up: &mut Pipe, down: &mut Pipe) -> Progress {
        let left = &bytes[self.sent..];
        let count = up.send(left, piece);
        self.log.sent.extend_from_slice(&left[..count]);
        self.sent += count;
        if self.sent == bytes.len() {
            return self.go_on(count);
        }
        match count {
            0 if down.arrived() > 0 => self.read(piece, down),
            0 => Progress::Stuck,
            count => Progress::Moved(count),
        }
    }

    /// Compares what has come; reads more only when that decides nothing.
    fn expect(
        &mut self,
        pattern: &Pattern,
        piece: usize,
        down: &mut Pipe,
        was_reset: bool,
    ) -> Progress {
        let has_ended = down.is_over() || (was_reset && down.arrived() == 0);
        match self.matching.look(pattern, &self.inbox, has_ended) {
            Verdict::Matches(count) => {
                self.inbox.drain(..count);
                self.taken += count;
                self.matching = Matching::default();
                self.go_on(0)
            }
            Verdict::Differs(place) if self.is_farewell(place) => {
                self.cut_off("the server takes its leave")
            }
            Verdict::Differs(place) => Progress::Wrong(self.describe(pattern, place)),
            Verdict::Incomplete if down.arrived() > 0 => self.read(piece, down),
            Verdict::Incomplete if has_ended => {
                self.cut_off("the server has ended before it said everything")
            }
            Verdict::Incomplete => Progress::Stuck,
        }
    }

    fn expect_end(
        &mut self,
        wanted: Option<End>,
        piece: usize,
        down: &mut Pipe,
        was_reset: bool,
    ) -> Progress {
        let may_be_farewell = self.hears_farewell && self.farewell.starts_with(&self.inbox);
        if may_be_farewell && down.arrived() > 0 {
            return self.read(piece, down);
        }
        if down.arrived() > 0 || !(self.inbox.is_empty() || may_be_farewell) {
            return Progress::Wrong("the server says more than is expected".to_owned());
        }
        if !down.is_over() && !was_reset {
            return Progress::Stuck;
        }
        let end = if was_reset { End::Reset } else { End::Closed };
        if wanted.is_some_and(|wanted| wanted != end) {
            return self.cut_off(&format!(
                "the server {}, which was not expected",
                end.sentence()
            ));
        }
        self.go_on(0)
    }

    /// The step is done, with so many bytes moved.
    fn go_on(&mut self, moved: usize) -> Progress {
        self.next += 1;
        self.sent = 0;
        Progress::Moved(moved)
    }

    /// Reads what has arrived.
    fn read(&mut self, piece: usize, down: &mut Pipe) -> Progress {
        if self.inbox.len() > INBOX_BYTES_MAX {
            return Progress::Wrong(format!(
                "the server says more than {INBOX_BYTES_MAX} bytes (is there no end?)"
            ));
        }
        let mut buffer = [0; PIECE_MAX];
        let count = down.receive(&mut buffer[..piece]);
        self.inbox.extend_from_slice(&buffer[..count]);
        self.log.received.extend_from_slice(&buffer[..count]);
        Progress::Moved(count)
    }

    /// Whether what differs from this place on belongs to what the server says when it stops, which may have begun as what was expected.
    fn is_farewell(&self, place: usize) -> bool {
        let mut starts = 0..=place;
        self.hears_farewell && starts.any(|start| self.farewell.starts_with(&self.inbox[start..]))
    }

    /// The connection is over before its time, which is right only where something has gone wrong.
    fn cut_off(&mut self, how: &str) -> Progress {
        self.next = self.script.steps().len();
        if self.is_harmed {
            Progress::Moved(0)
        } else {
            Progress::Wrong(how.to_owned())
        }
    }

    /// What is said, and what should be, from the wrong byte on.
    fn describe(&self, pattern: &Pattern, place: usize) -> String {
        let shown = |bytes: &[u8]| {
            let end = bytes.len().min(SHOWN_BYTES_MAX);
            bytes[..end].escape_ascii().to_string()
        };
        let expected = (self.matching.expected(pattern))
            .map_or(&[][..], |(start, bytes)| &bytes[place - start..]);
        format!(
            "the server says '{}' where '{}' is expected, from byte {} of its output on",
            shown(&self.inbox[place..]),
            shown(expected),
            self.taken + place
        )
    }
}
