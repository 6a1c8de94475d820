//! A peer's end of a connection without a socket.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use super::{DEADLINES_MAX, End, Memory, Seat};
use crate::testkit::script::Peer;
use crate::timer::Time;

/// A peer of one connection. It lets time pass only where it waits for something.
pub(in crate::testkit::prover) struct Line {
    memory: Rc<RefCell<Memory>>,
    key: usize,
}

impl Line {
    pub(in crate::testkit::prover) fn connect(memory: &Rc<RefCell<Memory>>) -> Self {
        Self {
            memory: memory.clone(),
            key: memory.borrow_mut().connect(),
        }
    }

    pub(in crate::testkit::prover) fn key(&self) -> usize {
        self.key
    }
}

impl Peer for Line {
    fn now(&self) -> Duration {
        self.memory.borrow().turn.now.since(Time::default())
    }

    /// The wire to the session is as long as a script, so that everything is taken at once.
    fn send(&mut self, bytes: &[u8], _: Duration) -> io::Result<usize> {
        self.memory.borrow_mut().send(self.key, bytes);
        Ok(bytes.len())
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
        let memory = &mut *self.memory.borrow_mut();
        let until = memory.turn.now.after(patience);
        for _ in 0..DEADLINES_MAX {
            if let Some(received) = memory.seats[self.key].take(buffer) {
                return received;
            }
            // The peer has taken everything, so that there is room again.
            memory.run(self.key);
            if memory.seats[self.key].is_silent() && !memory.pass_time(until) {
                break;
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.end(End::Closed);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.end(End::Reset);
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        let memory = &mut *self.memory.borrow_mut();
        let until = memory.turn.now.after(time);
        memory.pass_all_time(until);
    }
}

impl Line {
    fn end(&self, end: End) {
        let memory = &mut *self.memory.borrow_mut();
        memory.seats[self.key].peer_end = Some(end);
        memory.run(self.key);
    }
}

impl Seat {
    /// Nothing lies on the wire for the peer.
    fn is_silent(&self) -> bool {
        self.outgoing.is_empty() && self.end.is_none()
    }

    /// What the peer receives now, if there is anything.
    fn take(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        if self.outgoing.is_empty() {
            return match self.end? {
                End::Closed => Some(Ok(0)),
                End::Reset => Some(Err(ErrorKind::ConnectionReset.into())),
            };
        }
        let count = buffer.len().min(self.outgoing.len());
        buffer[..count].copy_from_slice(&self.outgoing[..count]);
        self.outgoing.drain(..count);
        Some(Ok(count))
    }
}
