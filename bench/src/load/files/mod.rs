//! The clients of a load of files, on one poll: each transfers one file after another, over a connection and under a name of its own.
//!
//! | Module | What |
//! |---|---|
//! | `pattern` | what is in the files |
//! | `frames` | what travels besides them |
//! | `client`, `receiving` | one connection: how far it is, what it sends, and what must come |
//! | `connecting` | how the connections come about |
//! | `preparing` | files that must be there before, and that must be right and gone afterwards |
//! | `turn` | one turn of the loop over all of them |
//!
//! No file is ever held as a whole: what is sent is a piece of the pattern, and what comes is compared with it where it lies. A transfer lasts from
//! the request to the last byte, or to the word that the file is stored.

mod client;
mod connecting;
mod frames;
mod pattern;
mod preparing;
mod receiving;
mod turn;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Events, Poll};

use self::client::{Client, File, Job};
use self::pattern::{PIECE_BYTES, Pattern};
use super::clock::{Clock, MILLISECOND, jain, nanoseconds, processor_time};
use super::payload::Direction;
use super::socket::Target;
use super::tally::Tally;
use super::{LoadError, Measurement, Phases, Plan};

const EVENTS_MAX: usize = 1024;
/// How long is waited for the last transfers, unless they have taken longer before; and by those who do not want to wait any more.
const FINISH_MAX: u64 = 1_000 * MILLISECOND;
/// After how long a silence no more bytes are expected, unless transfers have taken longer before.
const GET_SILENCE: u64 = 250 * MILLISECOND;
/// The same for what was put: a server that makes large files durable is silent for as long as its disk takes.
const PUT_SILENCE: u64 = 5_000 * MILLISECOND;

/// A load of files.
pub(super) struct Load<'a> {
    plan: &'a Plan,
    direction: Direction,
    stop: &'a AtomicBool,
    target: Target,
    pattern: Pattern,
    /// One for each connection.
    files: Vec<File>,
    poll: Poll,
    events: Events,
    /// Those that are measured, and behind them the one that prepares everything and cleans up.
    clients: Vec<Client>,
    /// Who could go on without waiting for the poll.
    ready: VecDeque<usize>,
    tally: Tally,
    buffer: Vec<u8>,
    clock: Clock,
    phase: Phase,
    /// Bytes of files that have gone either way, and when the last have.
    moved: u64,
    last_moved: u64,
    /// How the last job of the helper has ended, until somebody looks.
    helped: Option<Result<(), String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody but the helper has anything to do.
    Quiet,
    /// The warm-up, and measuring.
    Transferring,
    /// Nobody begins anything new.
    Finishing,
    /// What is left is removed, also when nobody wants to wait any more.
    Leaving,
}

impl<'a> Load<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        direction: Direction,
        stop: &'a AtomicBool,
    ) -> Result<Self, LoadError> {
        let pattern = Pattern::new(plan.message_bytes as u64);
        let prefix = (plan.files_prefix.clone())
            .unwrap_or_else(|| format!("socketserver-load-{:08x}", fastrand::u32(..)));
        let file = |number| File {
            path: format!("{prefix}-{number}"),
            hash: pattern.hash(number),
        };
        let is_wanted = |_: &usize| !stop.load(Ordering::Relaxed);
        Ok(Self {
            plan,
            direction,
            stop,
            target: Target::of(&plan.endpoint)?,
            files: (0..plan.connections)
                .take_while(is_wanted)
                .map(file)
                .collect(),
            pattern,
            poll: Poll::new().map_err(LoadError::System)?,
            events: Events::with_capacity(EVENTS_MAX),
            clients: (0..=plan.connections).map(Client::new).collect(),
            ready: VecDeque::new(),
            tally: Tally::new(false),
            buffer: vec![0; PIECE_BYTES],
            clock: Clock::start(),
            phase: Phase::Quiet,
            moved: 0,
            last_moved: 0,
            helped: None,
        })
    }

    pub(super) fn run(mut self, phases: &mut dyn Phases) -> Result<Measurement, LoadError> {
        self.prepare()?;
        self.connect_all()?;
        self.phase = Phase::Transferring;
        for number in 0..self.plan.connections {
            if self.clients[number].is_open() {
                self.transfer(number);
            }
        }
        let warm = self.now() + nanoseconds(self.plan.warm_up);
        self.go_on_until(warm)?;

        phases.begin();
        let begun = self.now();
        let planned = begun + nanoseconds(self.plan.duration);
        self.tally.begin(begun..planned);
        let (moved, busy) = (self.moved, processor_time());
        self.go_on_until(planned)?;
        let ended = self.now();
        let busy = processor_time().saturating_sub(busy);
        let bytes = self.moved - moved;
        self.tally.end_early(ended);
        phases.end();
        // What is on its way now stands for what was on its way at the beginning.
        self.finish()?;
        self.clean_up()?;
        Ok(self.result(bytes, busy, ended - begun))
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The number of the one that prepares and cleans up.
    fn helper(&self) -> usize {
        self.plan.connections
    }

    fn speakers(&self) -> &[Client] {
        &self.clients[..self.plan.connections]
    }

    /// A connection begins with its file, or begins again.
    fn transfer(&mut self, number: usize) {
        let job = match self.direction {
            Direction::Get => Job::Get(number),
            Direction::Put => Job::Put(number),
        };
        self.begin(number, job);
    }

    fn begin(&mut self, number: usize, job: Job) {
        let (now, size) = (self.now(), self.pattern.file_bytes());
        self.clients[number].begin(job, now, &self.files, size);
        self.note_ready(number);
    }

    /// Goes on until then, or until nobody is left who transfers anything.
    fn go_on_until(&mut self, end: u64) -> Result<(), LoadError> {
        while self.now() < end && !self.is_stopped() && self.speakers().iter().any(Client::is_open)
        {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Waits for the last transfers.
    fn finish(&mut self) -> Result<(), LoadError> {
        self.phase = Phase::Finishing;
        let begun = self.now();
        self.last_moved = begun;
        let longest = self.tally.longest();
        let silence = match self.direction {
            Direction::Get => GET_SILENCE.max(2 * longest),
            Direction::Put => PUT_SILENCE.max(3 * longest),
        };
        let end = begun + FINISH_MAX.max(2 * silence);
        while self.speakers().iter().any(Client::is_being_served) {
            if self.is_stopped() && self.now() > begun + FINISH_MAX {
                break;
            }
            let now = self.now();
            let is_silent = now > self.last_moved + silence;
            if is_silent || now > end {
                self.note_unanswered(is_silent);
                break;
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
        Ok(())
    }

    /// Some transfers have not ended in time: a fault if the server has become silent, else it may only be slow. Whoever has never been
    /// served may be waiting for a turn, which the fairness tells.
    fn note_unanswered(&mut self, is_silent: bool) {
        let now = self.now();
        for (number, client) in self.clients[..self.plan.connections].iter().enumerate() {
            if !client.is_being_served() {
                continue;
            }
            self.tally.note_unanswered(client.since, now);
            if is_silent {
                let missing = client.answered + 1;
                self.tally.note_error("unanswered", || {
                    format!("transfer {missing} on connection {number} never ended")
                });
            }
        }
    }

    fn result(self, bytes: u64, busy: u64, measured: u64) -> Measurement {
        let speakers = self.speakers();
        let unserved = speakers.iter().filter(|client| client.answered == 0);
        let unserved = unserved.count();
        let fairness = jain(speakers.iter().map(|client| client.served));
        let mut measurement = self.tally.into_measurement();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
        {
            measurement.generator.busy = busy as f64 / measured.max(1) as f64;
        }
        measurement.generator.late_p99_us = None;
        Measurement {
            bytes: Some(bytes),
            fairness,
            unserved,
            ..measurement
        }
    }
}
