//! One direction of a simulated connection.

use std::collections::VecDeque;

/// Bytes on their way from one end to the other: sent, then arrived, then received.
#[derive(Debug)]
pub(super) struct Pipe {
    flying: VecDeque<u8>,
    arrived: VecDeque<u8>,
    /// How many bytes there is room for, flying and arrived together.
    capacity: usize,
    end: End,
}

/// How far the end of the stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// It follows what is flying.
    Sent,
    Arrived,
}

impl Pipe {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            flying: VecDeque::new(),
            arrived: VecDeque::new(),
            capacity,
            end: End::Open,
        }
    }

    pub(super) fn room(&self) -> usize {
        self.capacity - self.flying.len() - self.arrived.len()
    }

    /// Sends as many of the bytes as there is room for, at most `max`; returns how many that were.
    pub(super) fn send(&mut self, bytes: &[u8], max: usize) -> usize {
        let count = bytes.len().min(self.room()).min(max);
        self.flying.extend(&bytes[..count]);
        count
    }

    pub(super) fn send_end(&mut self) {
        if self.end == End::Open {
            self.end = End::Sent;
        }
    }

    pub(super) fn is_end_sent(&self) -> bool {
        self.end != End::Open
    }

    /// Whether something is on its way.
    pub(super) fn is_flying(&self) -> bool {
        !self.flying.is_empty() || self.end == End::Sent
    }

    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Lets so many bytes arrive, and the end if nothing else is left.
    pub(super) fn arrive(&mut self, count: usize) {
        self.arrived.extend(self.flying.drain(..count));
        if self.flying.is_empty() && self.end == End::Sent {
            self.end = End::Arrived;
        }
    }

    pub(super) fn arrived(&self) -> usize {
        self.arrived.len()
    }

    /// Whether everything that will ever come was received.
    pub(super) fn is_over(&self) -> bool {
        self.end == End::Arrived && self.arrived.is_empty()
    }

    pub(super) fn has_end_arrived(&self) -> bool {
        self.end == End::Arrived
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.arrived.len());
        for (place, byte) in buffer.iter_mut().zip(self.arrived.drain(..count)) {
            *place = byte;
        }
        count
    }

    /// The connection is reset: nothing of this arrives any more.
    pub(super) fn drop_everything(&mut self) {
        self.flying.clear();
        self.arrived.clear();
    }
}
