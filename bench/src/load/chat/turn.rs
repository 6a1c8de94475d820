//! One turn of the loop: what is due is said, what has come is compared, and something follows from it.

use std::io;

use mio::event::Event;
use mio::{Events, Token};

use super::member::{Standing, Step};
use super::{Load, OUTSTANDING_MAX, Phase};
use crate::load::clock::{LISTEN_EVERY, nanoseconds, poll_timeout};
use crate::load::{Form, LoadError};

impl Load<'_> {
    /// Waits until something happens, but not beyond `end`, and does what follows from it.
    pub(super) fn turn(&mut self, end: u64) -> Result<(), LoadError> {
        let now = self.now();
        // Whoever is late to the last turn owes nothing that is due after the end.
        self.owe_what_is_due(now.min(end - 1));
        self.wake_thinkers(now);
        self.follow_up(now);
        let thought = self.thinking.front().map_or(u64::MAX, |&(time, _)| time);
        let next = end.min(thought).min(self.schedule.next());
        let next = next.min(now + LISTEN_EVERY);
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
        for event in &events {
            self.attend(event);
            // A message to a thousand members is a thousand events, and the next one must not wait for them.
            self.say_what_is_due(self.now().min(end - 1));
        }
        self.events = events;
        self.worked += self.now() - begun;
        Ok(())
    }

    /// Says the messages of an open loop whose time has come, by each speaker in turn.
    pub(super) fn owe_what_is_due(&mut self, until: u64) {
        if self.schedule.next() > until {
            return;
        }
        let begun = self.now();
        self.say_what_is_due(until);
        self.worked += self.now() - begun;
    }

    fn say_what_is_due(&mut self, until: u64) {
        let speakers = self.said.len();
        let each_max = (OUTSTANDING_MAX / speakers).max(1);
        while let Some((count, due)) = self.schedule.take(until) {
            let speaker = (count % speakers as u64) as usize;
            if self.members[speaker].is_in() && self.said[speaker].len() < each_max {
                self.owe(speaker, due);
                let now = self.now();
                self.send(speaker, now);
            } else {
                self.tally.note_error("not_sent", || {
                    format!("member {speaker} had no room for another message")
                });
            }
        }
    }

    /// A message of somebody is due; it is sent when the socket takes it.
    pub(super) fn owe(&mut self, speaker: usize, due: u64) {
        let others = self.readers.saturating_sub(1);
        if self.members[speaker].is_in() && others > 0 {
            let said = &mut self.said[speaker];
            let line = self.messages.line(speaker, said.end(), due);
            said.push(due, line, others);
        }
    }

    fn wake_thinkers(&mut self, now: u64) {
        while let Some(&(time, speaker)) = self.thinking.front()
            && time <= now
        {
            self.thinking.pop_front();
            if self.phase == Phase::Speaking {
                self.owe(speaker, now);
                self.send(speaker, now);
            }
        }
    }

    fn attend(&mut self, event: &Event) {
        let Token(number) = event.token();
        let member = &mut self.members[number];
        let Some(socket) = &member.socket else {
            return;
        };
        let is_over = event.is_error() || event.is_read_closed();
        if member.step == Step::Connects {
            if !event.is_writable() && !is_over {
                return;
            }
            match socket.is_connected() {
                Ok(true) => member.introduce(&self.messages),
                Ok(false) => return,
                Err(error) => return self.fail_to_connect(number, &error),
            }
        }
        if event.is_writable() {
            member.note_writable();
        }
        let now = self.now();
        if event.is_readable() || is_over {
            self.receive(number, is_over, now);
        }
        self.send(number, now);
        self.follow_up(now);
    }

    fn receive(&mut self, number: usize, is_over: bool, now: u64) {
        if self.members[number].is_stuck && self.phase != Phase::Entering {
            return self.attend_stuck(number, is_over, now);
        }
        self.last_received = now;
        let (member, mut turn, buffer) = self.turn_of(number, now);
        let standing = member.receive(is_over, buffer, &mut turn);
        self.note_standing(number, standing, now);
    }

    pub(super) fn send(&mut self, number: usize, now: u64) {
        let (member, mut turn, _) = self.turn_of(number, now);
        let standing = member.send(&mut turn);
        self.note_standing(number, standing, now);
    }

    fn note_standing(&mut self, number: usize, standing: Standing, now: u64) {
        let Standing::Over(word, sentence) = standing else {
            return;
        };
        self.members[number].end();
        if self.members[number].is_stuck && self.phase != Phase::Entering {
            self.stuck_cut += 1;
            return;
        }
        self.tally.note_error(word, || sentence);
        if self.phase != Phase::Entering {
            self.readers -= 1;
            let (member, mut turn, _) = self.turn_of(number, now);
            member.pass_everything(&mut turn);
        }
    }

    /// In a closed loop each message that has come to everybody is followed by another one.
    fn follow_up(&mut self, now: u64) {
        while let Some(speaker) = self.completed.pop() {
            let is_closed = matches!(self.plan.form, Form::Closed { .. });
            if !is_closed || self.phase != Phase::Speaking {
                continue;
            }
            if self.plan.think.is_zero() {
                self.owe(speaker, now);
                self.send(speaker, now);
            } else {
                let time = now + nanoseconds(self.plan.think);
                self.thinking.push_back((time, speaker));
            }
        }
    }
}
