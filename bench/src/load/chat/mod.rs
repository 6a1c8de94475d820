//! The members of a load of chat, on one poll: all are in one room, some speak, and everybody else must hear every word of them.
//!
//! | Module | What |
//! |---|---|
//! | `messages` | what is said, to the byte |
//! | `line` | what a line from the server is |
//! | `said` | what was said and has not come to everybody yet |
//! | `member`, `reading` | one member: how it enters, speaks and hears, and whether what it hears is right |
//! | `entering` | how the room fills |
//! | `turn` | one turn of the loop over all of them |
//! | `finishing` | the last deliveries, those that never come, and members that never read |
//!
//! What is counted is deliveries: a message that comes to a member. Each of them is compared with the one copy of its message that is kept until
//! everybody has it, so that a delivery costs a call to the system, a comparison of bytes and two counts.

mod entering;
mod finishing;
mod line;
mod member;
mod messages;
mod reading;
mod said;
mod turn;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Events, Poll};

use self::member::{Member, Turn};
use self::messages::Messages;
pub(super) use self::messages::{MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN};
use self::said::Said;
use super::clock::{Clock, jain, nanoseconds, processor_time};
use super::schedule::Schedule;
use super::socket::Target;
use super::tally::Tally;
use super::{Form, LoadError, Measurement, Phases, Plan};
use crate::report::Chat;

const BUFFER_BYTES: usize = 64 * 1024;
const EVENTS_MAX: usize = 1024;

/// How many messages may be on their way at once, of all speakers together: each is kept until everybody has it.
pub(super) const OUTSTANDING_MAX: usize = 64 * 1024;
/// How many pairs of a speaker and a member there may be: for each the member knows which message comes next, in eight bytes.
pub(super) const PAIRS_MAX: usize = 8 * 1024 * 1024;

/// A load of chat.
pub(super) struct Load<'a> {
    plan: &'a Plan,
    stop: &'a AtomicBool,
    target: Target,
    messages: Messages,
    poll: Poll,
    events: Events,
    /// Those who speak, those who only listen, and those who never read.
    members: Vec<Member>,
    /// What each of those has said who speak.
    said: Vec<Said>,
    /// How many members hear what is said, since everybody is in.
    readers: usize,
    /// The room that members are in besides, once it is known.
    lobby: Vec<u8>,
    tally: Tally,
    buffer: Vec<u8>,
    clock: Clock,
    phase: Phase,
    /// Speakers of whose messages one has come to everybody.
    completed: Vec<usize>,
    /// Who speaks again, and when: in the order of time, since everybody thinks for as long.
    thinking: VecDeque<(u64, usize)>,
    schedule: Schedule,
    /// Messages that the system has taken, as far as they are measured.
    sent: u64,
    /// How long the turns of an open loop took in which there was something to do.
    worked: u64,
    /// When anything has come last.
    last_received: u64,
    /// Members that never read, and whose connection the server has ended.
    stuck_cut: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The room fills, and everybody reads.
    Entering,
    /// The warm-up, and measuring.
    Speaking,
    /// Nobody says anything new.
    Finishing,
    /// Those who never read are looked at.
    Leaving,
}

impl<'a> Load<'a> {
    pub(super) fn new(plan: &'a Plan, stop: &'a AtomicBool) -> Result<Self, LoadError> {
        let all = plan.connections + plan.stuck;
        let speakers = plan.speakers();
        Ok(Self {
            plan,
            stop,
            target: Target::of(&plan.endpoint)?,
            messages: Messages::new(all, plan.message_bytes),
            poll: Poll::new().map_err(LoadError::System)?,
            events: Events::with_capacity(EVENTS_MAX),
            members: (0..all)
                .map(|number| Member::new(number, number >= plan.connections, speakers))
                .collect(),
            said: std::iter::repeat_with(Said::default)
                .take(speakers)
                .collect(),
            readers: 0,
            lobby: Vec::new(),
            tally: Tally::new(matches!(plan.form, Form::Open { .. })),
            buffer: vec![0; BUFFER_BYTES],
            clock: Clock::start(),
            phase: Phase::Entering,
            completed: Vec::new(),
            thinking: VecDeque::new(),
            schedule: Schedule::of(plan.form),
            sent: 0,
            worked: 0,
            last_received: 0,
            stuck_cut: 0,
        })
    }

    pub(super) fn run(mut self, phases: &mut dyn Phases) -> Result<Measurement, LoadError> {
        self.enter_all()?;
        self.phase = Phase::Speaking;
        self.schedule.begin(self.now());
        self.speak_first();
        let warm = self.now() + nanoseconds(self.plan.warm_up);
        self.go_on_until(warm)?;

        phases.begin();
        let begun = self.now();
        let planned = begun + nanoseconds(self.plan.duration);
        // What was due in the meantime, nobody could say.
        self.schedule.begin(begun);
        self.worked = 0;
        self.tally.begin(begun..planned);
        let busy = processor_time();
        self.go_on_until(planned)?;
        let ended = self.now();
        let mut busy = processor_time().saturating_sub(busy);
        self.tally.end_early(ended);
        if let Form::Open { .. } = self.plan.form {
            // Who has been late owes what was due in the end; the deliveries belong to what is measured.
            self.owe_what_is_due(ended.min(planned) - 1);
            self.finish()?;
            phases.end();
            busy = self.worked;
        } else {
            // What is on its way now stands for what was on its way at the beginning.
            phases.end();
            self.finish()?;
        }
        self.look_at_the_stuck()?;
        let chat = Chat {
            messages: self.sent,
            stuck_cut: self.stuck_cut,
        };
        Ok(self.result(chat, busy, ended - begun))
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Has everybody say what is to be said before anything has come to anybody.
    fn speak_first(&mut self) {
        let Form::Closed { window } = self.plan.form else {
            return;
        };
        for speaker in 0..self.said.len() {
            let now = self.now();
            for _ in 0..window {
                self.owe(speaker, now);
            }
            self.send(speaker, now);
        }
    }

    /// Goes on until then, or until nobody is left who speaks or hears.
    fn go_on_until(&mut self, end: u64) -> Result<(), LoadError> {
        while self.now() < end && !self.is_stopped() && self.has_talk() {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Whether somebody can speak, and somebody else hear it.
    fn has_talk(&self) -> bool {
        let mut speakers = self.members[..self.said.len()].iter();
        self.readers > 1 && speakers.any(Member::is_in)
    }

    /// A member, and what all of them share.
    fn turn_of(&mut self, number: usize, now: u64) -> (&mut Member, Turn<'_>, &mut [u8]) {
        let turn = Turn {
            messages: &self.messages,
            said: &mut self.said,
            tally: &mut self.tally,
            lobby: &mut self.lobby,
            completed: &mut self.completed,
            sent: &mut self.sent,
            now,
        };
        (&mut self.members[number], turn, &mut self.buffer)
    }

    fn result(self, chat: Chat, busy: u64, measured: u64) -> Measurement {
        // Whoever is the only one to speak has nothing to hear.
        let first = usize::from(self.said.len() == 1);
        let listeners = &self.members[first..self.plan.connections];
        let unserved = listeners.iter().filter(|member| member.received == 0);
        let unserved = unserved.count();
        let fairness = jain(listeners.iter().map(|member| member.served));
        let others = self.plan.connections as u64 - 1;
        let offered = self.schedule.count() * others;
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
            chat: Some(chat),
            fairness,
            unserved,
            ..measurement
        }
    }
}
