//! How the connections come about: some at a time, and not for ever.

use std::io;

use mio::Token;

use super::{Clients, Phase};
use crate::load::clock::{MILLISECOND, nanoseconds};
use crate::load::connection::Role;
use crate::load::socket::Socket;
use crate::load::{Form, LoadError, cause};

/// How many connections are being made at once: fewer than any sensible backlog, so that nobody is turned away.
const CONNECTING_MAX: usize = 64;
/// When connecting is given up because nobody gets in any more: longer than TCP takes to ask a second time.
const CONNECT_STALL: u64 = 2_500 * MILLISECOND;
/// When a connection that could not be made is tried again, in churn.
const RETRY_AFTER: u64 = 10 * MILLISECOND;

impl Clients<'_> {
    /// Opens every connection, some at a time. In churn there is nothing to open beforehand but the silent and the stuck.
    pub(super) fn connect_all(&mut self) -> Result<(), LoadError> {
        let first = match self.plan.form {
            Form::Churn => self.plan.speakers(),
            _ => 0,
        };
        let deadline = nanoseconds(self.plan.connect_timeout);
        let mut next = first;
        let mut last = (self.now(), 0);
        loop {
            let mut connecting = (self.connections.iter())
                .filter(|one| one.socket.is_some() && !one.is_connected)
                .count();
            while connecting < CONNECTING_MAX && next < self.connections.len() {
                if !self.connect(next)? {
                    break;
                }
                (connecting, next) = (connecting + 1, next + 1);
            }
            let connected = self.connections.iter().filter(|one| one.is_open()).count();
            let now = self.now();
            if connected > last.1 {
                last = (now, connected);
            }
            let is_done = next == self.connections.len() && connecting == 0;
            let in_vain = now > deadline || now - last.0 > CONNECT_STALL;
            if is_done || in_vain || self.is_stopped() {
                break;
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
        self.give_up_connecting(first)
    }

    /// Counts whoever did not get in; an error when that is everybody.
    fn give_up_connecting(&mut self, first: usize) -> Result<(), LoadError> {
        let wanted = self.connections.len() - first;
        let mut open = 0;
        for connection in &mut self.connections[first..] {
            if connection.is_open() {
                open += 1;
                continue;
            }
            if connection.socket.take().is_some() {
                let timeout = self.plan.connect_timeout;
                self.tally.note_error("connect", || {
                    format!("not all connections were accepted within {timeout:?}")
                });
            }
        }
        if open == 0 && wanted > 0 && !self.is_stopped() {
            let sentence = self.tally.fault.take();
            return Err(LoadError::Connect {
                endpoint: self.plan.endpoint.clone(),
                source: io::Error::other(sentence.unwrap_or_else(|| "nobody accepts".to_owned())),
            });
        }
        Ok(())
    }

    /// Begins to connect. False when that is to be tried again later.
    fn connect(&mut self, number: usize) -> Result<bool, LoadError> {
        let now = self.now();
        match Socket::connect(&self.target, self.plan.nodelay) {
            Ok(mut socket) => {
                socket
                    .register(self.poll.registry(), Token(number))
                    .map_err(LoadError::System)?;
                self.connections[number].begin(socket, now);
                Ok(true)
            }
            // The queue of a Unix socket is full.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => {
                self.fail_to_connect(number, &error);
                Ok(true)
            }
        }
    }

    pub(super) fn fail_to_connect(&mut self, number: usize, error: &io::Error) {
        self.connections[number].socket = None;
        let cause = cause(error);
        self.tally.note_error("connect", || cause);
        if self.plan.form == Form::Churn && self.connections[number].role == Role::Speaker {
            let later = self.now() + RETRY_AFTER;
            self.thinking.push_back((later, number));
        }
    }

    /// A connection of the churn begins, and says what it has to say once it is there.
    pub(super) fn come_again(&mut self, number: usize) -> Result<(), LoadError> {
        if self.phase == Phase::Speaking && !self.connect(number)? {
            let later = self.now() + RETRY_AFTER;
            self.thinking.push_back((later, number));
        }
        Ok(())
    }
}
