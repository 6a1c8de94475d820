//! What is to be sent from one socket: datagrams in the order in which they were written, their bytes one after the other.

use std::net::IpAddr;
use std::ops::Range;

use crate::net::Address;

/// A buffer that has grown beyond this is given back rather than kept.
const BYTES_KEPT_MAX: usize = 1024 * 1024;

/// Datagrams that wait to be sent. It owns no memory until the first one, and keeps what it has for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Outgoing>,
    /// How many of the entries were sent, or have failed.
    done: usize,
}

/// A datagram that waits to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: Address,
    /// The address of this machine that it must come from, where the socket has several.
    pub(crate) from: Option<IpAddr>,
    /// Where its bytes are.
    pub(crate) range: Range<usize>,
}

/// How far an outbox was filled at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    bytes: usize,
    entries: usize,
}

impl Outbox {
    /// Adds a datagram behind the others.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8], to: &Address, from: Option<IpAddr>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.entries.push(Outgoing {
            to: to.clone(),
            from,
            range: start..self.bytes.len(),
        });
    }

    /// Whether everything was sent.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.done == self.entries.len()
    }

    /// How much memory the datagrams that wait take, in bytes.
    #[inline]
    pub(crate) fn bytes_waiting(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Outgoing>()
    }

    /// What waits, the next one first.
    #[inline]
    pub(crate) fn waiting(&self) -> &[Outgoing] {
        &self.entries[self.done..]
    }

    /// The bytes of one or several neighbouring datagrams.
    #[inline]
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// The first `count` of those that wait are done with; when nothing waits any more, the memory is free for others.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        self.done += count;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.done = 0;
        self.entries.clear();
        if self.bytes.capacity() > BYTES_KEPT_MAX {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }

    /// How far it is filled now.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            entries: self.entries.len(),
        }
    }

    /// Drops what was added since.
    pub(crate) fn take_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.entries.truncate(mark.entries);
    }
}
