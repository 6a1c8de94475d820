//! How the connections come about: some at a time, and not for ever.

use std::io;

use mio::Token;

use super::{Load, Phase};
use crate::load::clock::{MILLISECOND, nanoseconds};
use crate::load::socket::Socket;
use crate::load::{LoadError, cause};

/// How many connections are being made at once: fewer than any sensible backlog, so that nobody is turned away.
const CONNECTING_MAX: usize = 64;

/// How long connecting may take in the end, when somebody only wants to clean up.
const LEAVE_MAX: u64 = 2_000 * MILLISECOND;

impl Load<'_> {
    /// Opens every connection that is measured; an error when there is not a single one.
    pub(super) fn connect_all(&mut self) -> Result<(), LoadError> {
        self.connect(0..self.plan.connections)
    }

    /// Opens these, some at a time.
    pub(super) fn connect(&mut self, numbers: std::ops::Range<usize>) -> Result<(), LoadError> {
        let is_leaving = self.phase == Phase::Leaving;
        let patience = nanoseconds(self.plan.connect_timeout);
        let deadline = self.now()
            + if is_leaving {
                patience.min(LEAVE_MAX)
            } else {
                patience
            };
        let mut next = numbers.start;
        loop {
            let connecting = |load: &Self| {
                let clients = load.clients[numbers.clone()].iter();
                clients
                    .filter(|one| one.socket.is_some() && !one.is_connected)
                    .count()
            };
            while next < numbers.end && connecting(self) < CONNECTING_MAX {
                if !self.begin_to_connect(next)? {
                    break;
                }
                next += 1;
            }
            let is_done = next == numbers.end && connecting(self) == 0;
            if is_done || self.now() > deadline || self.is_stopped() && !is_leaving {
                break;
            }
            self.turn(self.now() + 10 * MILLISECOND)?;
        }
        self.give_up_connecting(numbers)
    }

    fn give_up_connecting(&mut self, numbers: std::ops::Range<usize>) -> Result<(), LoadError> {
        let timeout = self.plan.connect_timeout;
        for number in numbers.clone() {
            let client = &mut self.clients[number];
            if !client.is_connected && client.socket.take().is_some() {
                self.tally.note_error("connect", || {
                    format!("not all connections were accepted within {timeout:?}")
                });
            }
        }
        let is_any_open = self.clients[numbers].iter().any(super::Client::is_open);
        if is_any_open || self.is_stopped() && self.phase != Phase::Leaving {
            return Ok(());
        }
        let sentence = self.tally.fault.take();
        Err(LoadError::Connect {
            endpoint: self.plan.endpoint.clone(),
            source: io::Error::other(sentence.unwrap_or_else(|| "nobody accepts".to_owned())),
        })
    }

    /// False when it is to be tried again later.
    fn begin_to_connect(&mut self, number: usize) -> Result<bool, LoadError> {
        match Socket::connect(&self.target, self.plan.nodelay) {
            Ok(mut socket) => {
                socket
                    .register(self.poll.registry(), Token(number))
                    .map_err(LoadError::System)?;
                self.clients[number] = super::Client::new(number);
                self.clients[number].socket = Some(socket);
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
        self.clients[number].socket = None;
        let cause = cause(error);
        self.tally.note_error("connect", || cause);
    }
}
