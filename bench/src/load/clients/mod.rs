//! All clients of a load, on one poll: they connect, warm up, are measured, and leave.

mod connecting;
mod finishing;
mod turn;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Events, Poll};

use super::clock::{Clock, jain, nanoseconds, processor_time};
use super::connection::{Connection, Role};
use super::payload::Payload;
use super::schedule::Schedule;
use super::socket::Target;
use super::tally::Tally;
use super::{Form, LoadError, Measurement, Phases, Plan};

const BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_MAX: usize = 1024;

/// The clients of a load over streams.
pub(super) struct Clients<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    target: Target,
    payload: Payload,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    tally: Tally,
    buffer: Vec<u8>,
    staging: Vec<u8>,
    clock: Clock,
    phase: Phase,
    /// Who speaks again, and when: in the order of time, since everybody thinks for as long.
    thinking: VecDeque<(u64, usize)>,
    schedule: Schedule,
    /// How long the turns of an open loop took in which there was something to do.
    worked: u64,
    last_answer: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody speaks yet.
    Connecting,
    /// The warm-up, and measuring.
    Speaking,
    /// Nobody begins anything new.
    Finishing,
}

impl<'a> Clients<'a> {
    pub(super) fn new(plan: &'a Plan, stop: &'a AtomicBool) -> Result<Self, LoadError> {
        let speakers = plan.speakers();
        let role = |number| match number {
            number if number < speakers => Role::Speaker,
            number if number < plan.connections => Role::Silent,
            _ => Role::Stuck,
        };
        let connections = (0..plan.connections + plan.stuck)
            .map(|number| Connection::new(number, role(number)))
            .collect();
        Ok(Self {
            plan,
            stop,
            target: Target::of(&plan.endpoint)?,
            payload: Payload::new(plan.conversation, plan.message_bytes),
            poll: Poll::new().map_err(LoadError::System)?,
            events: Events::with_capacity(EVENTS_MAX),
            connections,
            tally: Tally::new(matches!(plan.form, Form::Open { .. })),
            buffer: vec![0; BUFFER_BYTES],
            staging: Vec::new(),
            clock: Clock::start(),
            phase: Phase::Connecting,
            thinking: VecDeque::new(),
            schedule: Schedule::of(plan.form),
            worked: 0,
            last_answer: 0,
        })
    }

    pub(super) fn run(mut self, phases: &mut dyn Phases) -> Result<Measurement, LoadError> {
        self.connect_all()?;
        self.phase = Phase::Speaking;
        self.schedule.begin(self.now());
        self.speak_first()?;
        let warm = self.now() + nanoseconds(self.plan.warm_up);
        self.go_on_until(warm)?;

        phases.begin();
        let begun = self.now();
        // What was due in the meantime, nobody could send.
        self.schedule.begin(begun);
        self.worked = 0;
        self.tally
            .begin(begun..begun + nanoseconds(self.plan.duration));
        let busy_before = processor_time();
        self.go_on_until(begun + nanoseconds(self.plan.duration))?;
        let ended = self.now();
        let busy = processor_time().saturating_sub(busy_before);
        self.tally.end_early(ended);
        if let Form::Open { .. } = self.plan.form {
            // Who has been late owes what was due in the end; the answers belong to what is measured.
            self.owe_what_is_due(ended.min(begun + nanoseconds(self.plan.duration)) - 1);
            self.finish()?;
            phases.end();
        } else {
            // What is on its way now stands for what was on its way at the beginning.
            phases.end();
            self.finish()?;
        }
        let offered = self.schedule.count();
        let busy = match self.plan.form {
            Form::Open { .. } => self.worked,
            _ => busy,
        };
        Ok(self.result(busy, offered, ended - begun))
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Has everybody say what is to be said without having been answered.
    fn speak_first(&mut self) -> Result<(), LoadError> {
        for number in 0..self.connections.len() {
            let connection = &mut self.connections[number];
            match (connection.role, self.plan.form) {
                (Role::Speaker, Form::Churn) => self.come_again(number)?,
                (Role::Speaker, Form::Closed { window }) if connection.is_open() => {
                    let now = self.now();
                    for _ in 0..window {
                        self.connections[number].owe(now);
                    }
                    self.send(number, now);
                }
                (Role::Stuck, _) if connection.is_open() => {
                    let now = self.now();
                    self.send(number, now);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes on until then, or until nobody is left who speaks.
    fn go_on_until(&mut self, end: u64) -> Result<(), LoadError> {
        while self.now() < end && !self.is_stopped() {
            self.turn(end)?;
            if self.plan.form != Form::Churn && self.has_lost_everybody() {
                break;
            }
        }
        Ok(())
    }

    fn has_lost_everybody(&self) -> bool {
        let mut speakers = self.connections[..self.plan.speakers()].iter();
        !speakers.any(Connection::is_open)
    }

    fn result(self, busy: u64, offered: u64, measured: u64) -> Measurement {
        let speakers = &self.connections[..self.plan.speakers()];
        let is_unserved = |connection: &&Connection| connection.answered == 0;
        let unserved = speakers.iter().filter(is_unserved).count();
        let fairness = jain(speakers.iter().map(|connection| connection.served));
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
            fairness,
            unserved,
            ..measurement
        }
    }
}
