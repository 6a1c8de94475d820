//! One turn of the loop: what is due is sent, what has come is compared, and something follows from it.

use std::io;

use mio::event::Event;
use mio::{Events, Token};

use super::{Clients, Phase};
use crate::load::clock::{LISTEN_EVERY, nanoseconds, poll_timeout};
use crate::load::connection::{Connection, OUTSTANDING_MAX, Role, Standing, Turn};
use crate::load::{Form, LoadError};

impl Clients<'_> {
    /// Waits until something happens, but not beyond `end`, and does what follows from it.
    pub(super) fn turn(&mut self, end: u64) -> Result<(), LoadError> {
        let now = self.now();
        // Whoever is late to the last turn owes nothing that is due after the end.
        self.owe_what_is_due(now.min(end - 1));
        self.wake_thinkers(now)?;
        let next = end.min(self.next_due()).min(now + LISTEN_EVERY);
        let timeout = poll_timeout(next.saturating_sub(self.now()));
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
        thought.min(self.schedule.next())
    }

    /// Sends the messages of an open loop whose time has come, by each connection in turn.
    pub(super) fn owe_what_is_due(&mut self, until: u64) {
        if self.schedule.next() > until {
            return;
        }
        let begun = self.now();
        let speakers = self.plan.speakers() as u64;
        while let Some((count, due)) = self.schedule.take(until) {
            let number = (count % speakers) as usize;
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
