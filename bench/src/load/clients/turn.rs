//! One turn of the loop: what is due is sent, what has come is compared, and something follows from it.

use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Token};

use super::{Clients, MICROSECOND, MILLISECOND, Phase, nanoseconds};
use crate::load::connection::{Connection, OUTSTANDING_MAX, Role, Standing, Turn};
use crate::load::{Form, LoadError};

/// How often somebody who wants to stop is heard.
const LISTEN_EVERY: u64 = 50 * MILLISECOND;
/// A poll waits for whole milliseconds; what is due earlier is waited for by asking again and again.
const SPIN_BELOW: u64 = 1_500 * MICROSECOND;

impl Clients<'_> {
    /// Waits until something happens, but not beyond `end`, and does what follows from it.
    pub(super) fn turn(&mut self, end: u64) -> Result<(), LoadError> {
        let now = self.now();
        self.owe_what_is_due(now);
        self.wake_thinkers(now)?;
        let next = end.min(self.next_due()).min(now + LISTEN_EVERY);
        let wait = next.saturating_sub(self.now());
        let timeout = if wait < SPIN_BELOW {
            Duration::ZERO
        } else {
            // A whole millisecond less, since polls are late rather than early.
            Duration::from_nanos(wait - MILLISECOND)
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(LoadError::System(error));
            }
            _ => {}
        }
        if self.events.is_empty() {
            return Ok(());
        }
        let begun = self.now();
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let result = (events.iter()).try_for_each(|event| self.attend(event));
        self.events = events;
        self.worked += self.now() - begun;
        result
    }

    /// When the next message is due, or somebody has thought enough.
    fn next_due(&self) -> u64 {
        let thought = self.thinking.front().map_or(u64::MAX, |&(time, _)| time);
        thought.min(self.due_time(self.due_count))
    }

    /// When a message of the open loop is due, counted from zero.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "nanoseconds of some minutes, above zero"
    )]
    fn due_time(&self, count: u64) -> u64 {
        match self.plan.form {
            Form::Open { rate } if self.phase == Phase::Speaking => {
                self.schedule_start + (count as f64 / rate * 1e9) as u64
            }
            _ => u64::MAX,
        }
    }

    /// Sends the messages of an open loop whose time has come, by each connection in turn.
    pub(super) fn owe_what_is_due(&mut self, now: u64) {
        let mut due = self.due_time(self.due_count);
        if due > now {
            return;
        }
        let begun = now;
        let speakers = self.plan.speakers() as u64;
        while due <= now {
            let number = (self.due_count % speakers) as usize;
            self.due_count += 1;
            let connection = &mut self.connections[number];
            if connection.is_open() && connection.outstanding() < OUTSTANDING_MAX {
                connection.owe(due);
                let now = self.now();
                self.send(number, now);
            } else {
                self.tally.note_error("not_sent", || {
                    format!("connection {number} had no room for another message")
                });
            }
            due = self.due_time(self.due_count);
        }
        self.worked += self.now() - begun;
    }

    fn wake_thinkers(&mut self, now: u64) -> Result<(), LoadError> {
        while let Some(&(time, number)) = self.thinking.front() {
            if time > now {
                break;
            }
            self.thinking.pop_front();
            if self.plan.form == Form::Churn {
                self.come_again(number)?;
            } else {
                self.connections[number].owe(now);
                self.send(number, now);
            }
        }
        Ok(())
    }

    fn attend(&mut self, event: &Event) -> Result<(), LoadError> {
        let Token(number) = event.token();
        let connection = &mut self.connections[number];
        let Some(socket) = &connection.socket else {
            return Ok(());
        };
        if !connection.is_connected {
            if !event.is_writable() && !event.is_error() && !event.is_read_closed() {
                return Ok(());
            }
            match socket.is_connected() {
                Ok(true) => self.note_connected(number),
                Ok(false) => {}
                Err(error) => self.fail_to_connect(number, &error),
            }
            return Ok(());
        }
        let connection = &mut self.connections[number];
        if event.is_writable() {
            connection.note_writable();
        }
        let is_deaf = connection.role == Role::Stuck;
        if !is_deaf && (event.is_readable() || event.is_read_closed() || event.is_error()) {
            self.receive(number, event.is_read_closed() || event.is_error())?;
        }
        let now = self.now();
        self.send(number, now);
        Ok(())
    }

    fn note_connected(&mut self, number: usize) {
        let connection = &mut self.connections[number];
        connection.is_connected = true;
        connection.note_writable();
        if self.plan.form == Form::Churn && connection.role == Role::Speaker {
            // The client waits from the moment on in which it wants to connect.
            let since = connection.since;
            connection.owe(since);
            let now = self.now();
            self.send(number, now);
        }
    }

    /// A connection, and what all of them share.
    fn turn_of(&mut self, number: usize, now: u64) -> (&mut Connection, Turn<'_>) {
        let turn = Turn {
            payload: &self.payload,
            tally: &mut self.tally,
            buffer: &mut self.buffer,
            staging: &mut self.staging,
            now,
        };
        (&mut self.connections[number], turn)
    }

    pub(super) fn send(&mut self, number: usize, now: u64) {
        let (connection, mut turn) = self.turn_of(number, now);
        if let Standing::Over(word, sentence) = connection.send(&mut turn) {
            self.lose(number, word, sentence);
        }
    }

    fn receive(&mut self, number: usize, hung_up: bool) -> Result<(), LoadError> {
        let now = self.now();
        let (connection, mut turn) = self.turn_of(number, now);
        match connection.receive(hung_up, &mut turn) {
            Standing::Open(0) => Ok(()),
            Standing::Open(answers) => self.follow_up(number, answers, now),
            Standing::Over(word, sentence) => {
                self.lose(number, word, sentence);
                if self.plan.form == Form::Churn {
                    self.come_again(number)?;
                }
                Ok(())
            }
        }
    }

    /// Says what follows after so many answers.
    fn follow_up(&mut self, number: usize, answers: usize, now: u64) -> Result<(), LoadError> {
        self.last_answer = now;
        if self.phase != Phase::Speaking {
            return Ok(());
        }
        match self.plan.form {
            Form::Open { .. } => {}
            Form::Churn => {
                // In order, since a reset would be news to the server.
                self.connections[number].socket = None;
                self.come_again(number)?;
            }
            Form::Closed { .. } if self.plan.think.is_zero() => {
                for _ in 0..answers {
                    self.connections[number].owe(now);
                }
            }
            Form::Closed { .. } => {
                let time = now + nanoseconds(self.plan.think);
                for _ in 0..answers {
                    self.thinking.push_back((time, number));
                }
            }
        }
        Ok(())
    }

    /// A connection is over before its time.
    fn lose(&mut self, number: usize, word: &'static str, sentence: String) {
        let connection = &mut self.connections[number];
        connection.end();
        // Nobody expects that a server keeps those for ever who never read.
        if connection.role != Role::Stuck {
            self.tally.note_error(word, || sentence);
        }
    }
}
