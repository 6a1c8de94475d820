//! The clients of a load of datagrams, on one poll: each has a socket of its own, and every datagram ends in one of the counts.
//!
//! | Module | What |
//! |---|---|
//! | `message` | what a datagram says |
//! | `socket` | UDP and Unix sockets, connected |
//! | `client` | one client: what it has sent, and what an answer means |
//! | `turn` | one turn of the loop over all of them |
//!
//! There is nothing to connect, and nobody says that a server is there: the load begins to speak, and fails when it is refused, or when nothing at
//! all comes back.

mod client;
mod message;
mod socket;
mod turn;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Events, Poll, Token};

use self::client::Client;
use self::message::Messages;
use self::socket::{Socket, Target};
use super::clock::{Clock, LISTEN_EVERY, MILLISECOND, jain, nanoseconds, processor_time};
use super::schedule::Schedule;
use super::tally::Tally;
use super::{Form, LoadError, Measurement, Phases, Plan, cause};
use crate::report::Datagrams;

/// Longer than any datagram, so that one that is too long is seen to be.
const BUFFER_BYTES: usize = 128 * 1024;
const EVENTS_MAX: usize = 1024;
/// In how many parts of the time after which a message is lost it is looked for: the more, the sooner its loss is noticed.
const LOOKS: u64 = 64;

/// A load of datagrams.
pub(super) struct Load<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    target: Target,
    messages: Messages,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    tally: Tally,
    counts: Datagrams,
    buffer: Vec<u8>,
    staging: Vec<u8>,
    clock: Clock,
    schedule: Schedule,
    /// Whether nobody begins anything new.
    is_finishing: bool,
    /// Who speaks again, and when: in the order of time, since everybody thinks for as long.
    thinking: VecDeque<(u64, usize)>,
    /// After how long a message is lost, how often it is looked for, and when next, in nanoseconds.
    loss_timeout: u64,
    look_every: u64,
    next_look: u64,
    /// How long the turns of an open loop took in which there was something to do.
    worked: u64,
}

impl<'a> Load<'a> {
    pub(super) fn new(plan: &'a Plan, stop: &'a AtomicBool) -> Result<Self, LoadError> {
        let loss_timeout = nanoseconds(plan.loss_timeout);
        let look_every = (loss_timeout / LOOKS).clamp(2 * MILLISECOND, LISTEN_EVERY);
        Ok(Self {
            plan,
            stop,
            target: Target::of(&plan.endpoint)?,
            messages: Messages::new(plan.conversation, plan.message_bytes),
            poll: Poll::new().map_err(LoadError::System)?,
            events: Events::with_capacity(EVENTS_MAX),
            clients: (0..plan.connections).map(Client::new).collect(),
            tally: Tally::new(matches!(plan.form, Form::Open { .. })),
            counts: Datagrams::default(),
            buffer: vec![0; BUFFER_BYTES],
            staging: Vec::new(),
            clock: Clock::start(),
            schedule: Schedule::of(plan.form),
            is_finishing: false,
            thinking: VecDeque::new(),
            loss_timeout,
            look_every,
            next_look: look_every,
            worked: 0,
        })
    }

    pub(super) fn run(mut self, phases: &mut dyn Phases) -> Result<Measurement, LoadError> {
        self.make_sockets()?;
        self.schedule.begin(self.now());
        self.speak_first();
        let warm = self.now() + nanoseconds(self.plan.warm_up);
        self.go_on_until(warm)?;

        phases.begin();
        let begun = self.now();
        let planned = begun + nanoseconds(self.plan.duration);
        // What was due in the meantime, nobody could send.
        self.schedule.begin(begun);
        self.worked = 0;
        self.tally.begin(begun..planned);
        let busy_before = processor_time();
        self.go_on_until(planned)?;
        let ended = self.now();
        let busy = processor_time().saturating_sub(busy_before);
        self.tally.end_early(ended);
        let is_open = matches!(self.plan.form, Form::Open { .. });
        if is_open {
            // Who has been late owes what was due in the end; the answers belong to what is measured.
            self.owe_what_is_due(ended.min(planned) - 1);
            self.finish()?;
            phases.end();
        } else {
            // What is on its way now stands for what was on its way at the beginning.
            phases.end();
            self.finish()?;
        }
        let busy = if is_open { self.worked } else { busy };
        Ok(self.result(busy, ended - begun))
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Gives every client its socket; an error when none gets one.
    fn make_sockets(&mut self) -> Result<(), LoadError> {
        let mut failure = None;
        for (number, client) in self.clients.iter_mut().enumerate() {
            let made = Socket::connect(&self.target, number).and_then(|mut socket| {
                socket.register(self.poll.registry(), Token(number))?;
                Ok(socket)
            });
            match made {
                Ok(socket) => client.socket = Some(socket),
                Err(error) => {
                    self.tally.note_error("connect", || cause(&error));
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(source) if self.clients.iter().all(|client| client.socket.is_none()) => {
                Err(self.nobody(source))
            }
            _ => Ok(()),
        }
    }

    fn nobody(&self, source: io::Error) -> LoadError {
        LoadError::Connect {
            endpoint: self.plan.endpoint.clone(),
            source,
        }
    }

    /// Has everybody say what is to be said without having been answered.
    fn speak_first(&mut self) {
        let Form::Closed { window } = self.plan.form else {
            return;
        };
        for number in 0..self.clients.len() {
            let now = self.now();
            if self.clients[number].socket.is_some() {
                (0..window).for_each(|_| self.clients[number].owe(now));
                self.send(number, now);
            }
        }
    }

    /// Goes on until then; an error when nobody seems to be there.
    fn go_on_until(&mut self, end: u64) -> Result<(), LoadError> {
        let patience = nanoseconds(self.plan.connect_timeout);
        while self.now() < end && !self.is_stopped() {
            self.turn(end)?;
            let is_silent = self.counts.received == 0;
            if is_silent && (self.counts.refused > 0 || self.now() > patience) {
                return Err(self.silence());
            }
        }
        Ok(())
    }

    /// Nothing has ever come back.
    fn silence(&self) -> LoadError {
        if self.counts.refused > 0 {
            return self.nobody(io::ErrorKind::ConnectionRefused.into());
        }
        let sent = self.counts.sent;
        self.nobody(io::Error::other(format!(
            "none of {sent} datagrams was answered"
        )))
    }

    /// Waits until every message is answered or lost, which takes no longer than it takes to be lost; and counts what has come besides.
    fn finish(&mut self) -> Result<(), LoadError> {
        self.is_finishing = true;
        self.schedule.end();
        let is_over = |client: &Client| client.outstanding() == 0;
        // What a full socket has not even taken by then is not waited for.
        let end = self.now() + 2 * self.loss_timeout;
        while !self.clients.iter().all(is_over) && self.now() < end && !self.is_stopped() {
            self.turn(end)?;
        }
        for number in 0..self.clients.len() {
            self.receive(number, true);
        }
        if self.counts.received == 0 && self.counts.sent > 0 && !self.is_stopped() {
            return Err(self.silence());
        }
        Ok(())
    }

    fn result(mut self, busy: u64, measured: u64) -> Measurement {
        let sockets = self
            .clients
            .iter()
            .filter_map(|client| client.socket.as_ref());
        self.counts.overrun = self.target.overrun(sockets);
        let unserved = self.clients.iter().filter(|client| client.answered == 0);
        let unserved = unserved.count();
        let fairness = jain(self.clients.iter().map(|client| client.served));
        let offered = self.schedule.count();
        let is_open = matches!(self.plan.form, Form::Open { .. });
        let mut measurement = self.tally.into_measurement();
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
        {
            measurement.generator.busy = busy as f64 / measured.max(1) as f64;
        }
        if !is_open {
            measurement.generator.late_p99_us = None;
        }
        Measurement {
            offered: is_open.then_some(offered),
            datagrams: Some(self.counts),
            fairness,
            unserved,
            ..measurement
        }
    }
}
