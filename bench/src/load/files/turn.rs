//! One turn of the loop: whoever can send or receive does so for a while, and something follows from it.

use std::io;

use mio::event::Event;
use mio::{Events, Token};

use super::client::{Standing, Turn};
use super::{Load, Phase};
use crate::load::LoadError;
use crate::load::clock::{LISTEN_EVERY, MILLISECOND, poll_timeout};

impl Load<'_> {
    /// Waits until something happens, but not beyond `end`, and does what follows from it.
    pub(super) fn turn(&mut self, end: u64) -> Result<(), LoadError> {
        let now = self.now();
        let wait = if self.ready.is_empty() {
            // Nothing is due at any time, so that there is no need to be early.
            let wait = end.min(now + LISTEN_EVERY).saturating_sub(now);
            poll_timeout(wait.max(MILLISECOND) + MILLISECOND)
        } else {
            std::time::Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(LoadError::System(error));
            }
            _ => {}
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        events.iter().for_each(|event| self.attend(event));
        self.events = events;
        // Everybody once: who has still more to do comes again after the others.
        for _ in 0..self.ready.len() {
            if let Some(number) = self.ready.pop_front() {
                self.clients[number].is_ready = false;
                self.go_on(number);
            }
        }
        Ok(())
    }

    /// There is something to do on a connection.
    pub(super) fn note_ready(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if client.is_open() && !client.is_ready {
            client.is_ready = true;
            self.ready.push_back(number);
        }
    }

    fn attend(&mut self, event: &Event) {
        let Token(number) = event.token();
        let client = &mut self.clients[number];
        let Some(socket) = &client.socket else {
            return;
        };
        let is_over = event.is_error() || event.is_read_closed();
        if !client.is_connected {
            if !event.is_writable() && !is_over {
                return;
            }
            match socket.is_connected() {
                Ok(true) => client.is_connected = true,
                Ok(false) => return,
                Err(error) => return self.fail_to_connect(number, &error),
            }
        }
        client.is_writable |= event.is_writable();
        client.is_readable |= event.is_readable() || is_over;
        client.is_hung_up |= is_over;
        self.note_ready(number);
    }

    fn go_on(&mut self, number: usize) {
        let before = self.moved;
        let mut turn = Turn {
            pattern: &self.pattern,
            files: &self.files,
            buffer: &mut self.buffer,
            moved: &mut self.moved,
        };
        let standing = self.clients[number].go_on(&mut turn);
        if self.moved != before {
            self.last_moved = self.now();
        }
        match standing {
            Standing::Waits => {}
            Standing::CouldGoOn => self.note_ready(number),
            Standing::Done => self.note_done(number),
            Standing::Refused(why) if number == self.helper() => {
                self.clients[number].job = None;
                self.helped = Some(Err(why));
            }
            Standing::Refused(why) => {
                let sentence = format!(
                    "the server refuses to transfer the file of connection {number}: {why}"
                );
                self.lose(number, "refused", sentence);
            }
            Standing::Over(word, sentence) => self.lose(number, word, sentence),
        }
    }

    fn note_done(&mut self, number: usize) {
        let now = self.now();
        self.last_moved = now;
        let is_helper = number == self.helper();
        let client = &mut self.clients[number];
        client.job = None;
        if is_helper {
            self.helped = Some(Ok(()));
        } else {
            client.answered += 1;
            client.served += u64::from(self.tally.note_answer(client.since, now));
            if self.phase == Phase::Transferring {
                self.transfer(number);
            }
        }
        // What else has come is wrong, and is found so.
        self.note_ready(number);
    }

    /// A connection is over before its time.
    fn lose(&mut self, number: usize, word: &'static str, sentence: String) {
        self.clients[number].end();
        if number == self.helper() {
            self.helped = Some(Err(sentence));
        } else {
            self.tally.note_error(word, || sentence);
        }
    }
}
