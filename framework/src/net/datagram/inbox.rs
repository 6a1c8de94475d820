//! Where received datagrams lie: room for a batch, and what is known of each.

use std::net::IpAddr;
use std::ops::Range;

use crate::net::Address;

/// How many datagrams one call receives at most.
pub(crate) const BATCH_MAX: usize = 32;
/// No UDP datagram is longer than this, so that a slot takes each of them whole and its true size is known.
const SLOT_BYTES_MIN: usize = 65_536;
/// What lies between two slots besides the room for a datagram. With a power of two the beginnings of all slots would share a few lines of
/// the processor's cache; so datagrams of some 1,200 bytes lie side by side there.
const SLOT_GAP: usize = 1280;

/// Room for a batch of datagrams, and those that were received last. The memory of a slot is touched by the first datagram that is so long.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(super) bytes: Vec<u8>,
    /// How long the part of a datagram is that is kept.
    pub(super) datagram_bytes_max: usize,
    pub(super) slot_bytes: usize,
    pub(super) received: Vec<Incoming>,
}

/// A datagram that was received.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) peer: Address,
    /// The address of this machine that it was sent to, where the socket has several and something can be sent from there. An IPv4 address that came
    /// through an IPv6 socket has the form in which the socket takes it back, `::ffff:192.0.2.1`.
    pub(crate) to: Option<IpAddr>,
    /// Where its bytes are.
    pub(crate) range: Range<usize>,
    /// How long it was on its way. More than there are bytes: it was cut. Where the system tells no more than that it
    /// was cut, this is the least it can have been.
    pub(crate) size: usize,
}

impl Inbox {
    /// How much memory a whole batch takes, in bytes.
    pub(crate) fn bytes_max(datagram_bytes_max: usize) -> usize {
        slot_bytes(datagram_bytes_max) * BATCH_MAX
    }

    /// Room for `batch` datagrams, of which the first `datagram_bytes_max` bytes are kept.
    pub(crate) fn new(datagram_bytes_max: usize, batch: usize) -> Self {
        let slot_bytes = slot_bytes(datagram_bytes_max);
        let batch = batch.clamp(1, BATCH_MAX);
        Self {
            bytes: vec![0; slot_bytes * batch],
            datagram_bytes_max,
            slot_bytes,
            received: Vec::with_capacity(batch),
        }
    }

    /// How many datagrams it has room for, when it is empty.
    pub(crate) fn batch(&self) -> usize {
        self.bytes.len() / self.slot_bytes
    }

    /// What was received last, in the order of its arrival.
    #[inline]
    pub(crate) fn received(&self) -> &[Incoming] {
        &self.received
    }

    /// The bytes of a datagram that was received last.
    #[inline]
    pub(crate) fn bytes(&self, incoming: &Incoming) -> &[u8] {
        &self.bytes[incoming.range.clone()]
    }

    /// Forgets what was received.
    pub(crate) fn begin(&mut self) {
        self.received.clear();
    }

    /// Whether there is no room for a further datagram until the next beginning.
    pub(crate) fn is_full(&self) -> bool {
        self.received.len() >= self.batch()
    }

    /// Takes a datagram that was so long on its way, for networks that are no sockets.
    ///
    /// # Panics
    ///
    /// When it is full.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn put(&mut self, peer: Address, to: Option<IpAddr>, bytes: &[u8], size: usize) {
        let kept = &bytes[..bytes.len().min(self.datagram_bytes_max)];
        let start = self.received.len() * self.slot_bytes;
        self.bytes[start..][..kept.len()].copy_from_slice(kept);
        self.add(peer, to, start..start + bytes.len(), size);
    }

    /// The free slot that is next.
    pub(super) fn slot(&mut self) -> &mut [u8] {
        let start = self.received.len() * self.slot_bytes;
        &mut self.bytes[start..][..self.slot_bytes - SLOT_GAP]
    }

    /// A datagram lies here; what is beyond the maximum is cut.
    pub(super) fn add(
        &mut self,
        peer: Address,
        to: Option<IpAddr>,
        range: Range<usize>,
        size: usize,
    ) {
        let end = range.end.min(range.start + self.datagram_bytes_max);
        self.received.push(Incoming {
            peer,
            to,
            range: range.start..end,
            size,
        });
    }
}

/// One byte beyond what is kept shows that there was more.
fn slot_bytes(datagram_bytes_max: usize) -> usize {
    SLOT_BYTES_MIN.max(datagram_bytes_max + 1) + SLOT_GAP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_that_is_put_in_comes_out_and_is_cut_at_the_maximum() {
        let mut inbox = Inbox::new(4, 2);
        let peer = Address::UnixgramUnnamed;
        inbox.put(peer.clone(), None, b"whole", 5);
        inbox.put(peer.clone(), None, b"", 0);
        assert!(inbox.is_full());
        let texts = |inbox: &Inbox| {
            let all = inbox.received().iter();
            all.map(|incoming| (inbox.bytes(incoming).to_vec(), incoming.size))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&inbox), [(b"whol".to_vec(), 5), (Vec::new(), 0)]);
        inbox.begin();
        inbox.put(peer, None, b"next", 4);
        assert_eq!(texts(&inbox), [(b"next".to_vec(), 4)]);
    }
}
