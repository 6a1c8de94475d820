//! One turn of the loop: what is due is sent, what has come is counted, what has not come is given up, and something follows from it.

use std::io;

use mio::event::Event;
use mio::{Events, Token};

use super::Load;
use super::client::{Client, Turn};
use crate::load::clock::{nanoseconds, poll_timeout};
use crate::load::{Form, LoadError};

/// How many messages of an open loop may be without an answer on one connection; further ones are not sent, and counted. It is more than
/// over streams, since what is lost stays among them until it is given up.
const OUTSTANDING_MAX: usize = 64 * 1024;

impl Load<'_> {
    /// Waits until something happens, but not beyond `end`, and does what follows from it.
    pub(super) fn turn(&mut self, end: u64) -> Result<(), LoadError> {
        let now = self.now();
        // Whoever is late to the last turn owes nothing that is due after the end.
        self.owe_what_is_due(now.min(end - 1));
        self.wake_thinkers(now);
        if now >= self.next_look {
            self.give_up(now);
            self.next_look = now + self.look_every;
        }
        let thought = self.thinking.front().map_or(u64::MAX, |&(time, _)| time);
        let next = end.min(thought).min(self.schedule.next());
        let next = next.min(now + self.look_every);
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
        events.iter().for_each(|event| self.attend(event));
        self.events = events;
        self.worked += self.now() - begun;
        Ok(())
    }

    /// Sends the messages of an open loop whose time has come, by each client in turn.
    pub(super) fn owe_what_is_due(&mut self, until: u64) {
        if self.schedule.next() > until {
            return;
        }
        let begun = self.now();
        let speakers = self.clients.len() as u64;
        while let Some((count, due)) = self.schedule.take(until) {
            let number = (count % speakers) as usize;
            let client = &mut self.clients[number];
            if client.socket.is_some() && client.outstanding() < OUTSTANDING_MAX {
                client.owe(due);
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

    fn wake_thinkers(&mut self, now: u64) {
        while let Some(&(time, number)) = self.thinking.front()
            && time <= now
        {
            self.thinking.pop_front();
            if !self.is_finishing {
                self.clients[number].owe(now);
                self.send(number, now);
            }
        }
    }

    /// Gives up what has not been answered for too long, and says something else instead.
    fn give_up(&mut self, now: u64) {
        let timeout = self.loss_timeout;
        for number in 0..self.clients.len() {
            let (client, mut turn) = self.turn_of(number, now);
            let lost = client.give_up(timeout, &mut turn);
            if lost > 0 {
                self.follow_up(number, lost, now);
                self.send(number, now);
            }
        }
    }

    fn attend(&mut self, event: &Event) {
        let Token(number) = event.token();
        if event.is_writable() {
            self.clients[number].note_writable();
        }
        if event.is_readable() || event.is_error() || event.is_read_closed() {
            self.receive(number, event.is_error());
        }
        let now = self.now();
        self.send(number, now);
    }

    pub(super) fn receive(&mut self, number: usize, until_empty: bool) {
        let now = self.now();
        let (client, mut turn) = self.turn_of(number, now);
        let done = client.receive(until_empty, &mut turn);
        self.follow_up(number, done, now);
    }

    /// In a closed loop every message that is dealt with is followed by another one.
    fn follow_up(&mut self, number: usize, done: usize, now: u64) {
        let is_closed = matches!(self.plan.form, Form::Closed { .. });
        if !is_closed || self.is_finishing {
            return;
        }
        if self.plan.think.is_zero() {
            (0..done).for_each(|_| self.clients[number].owe(now));
        } else {
            let time = now + nanoseconds(self.plan.think);
            (self.thinking).extend(std::iter::repeat_n((time, number), done));
        }
    }

    pub(super) fn send(&mut self, number: usize, now: u64) {
        let (client, mut turn) = self.turn_of(number, now);
        client.send(&mut turn);
    }

    /// A client, and what all of them share.
    fn turn_of(&mut self, number: usize, now: u64) -> (&mut Client, Turn<'_>) {
        let turn = Turn {
            messages: &self.messages,
            tally: &mut self.tally,
            counts: &mut self.counts,
            buffer: &mut self.buffer,
            staging: &mut self.staging,
            now,
        };
        (&mut self.clients[number], turn)
    }
}
