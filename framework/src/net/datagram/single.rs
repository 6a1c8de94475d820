//! One datagram by one system call: the portable twin for UDP, and Unix datagrams everywhere.

use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::bound::{Bound, bytes_max};
use super::{DatagramLink, Flow, Inbox, MulticastGroup, Sent};
use crate::datagram::{Outbox, Outgoing};
use crate::net::Address;

/// Linux tells the true size of a datagram that is longer than the buffer.
#[cfg(target_os = "linux")]
const TRUE_SIZE: RecvFlags = RecvFlags::TRUNC;
/// Elsewhere the one byte beyond the maximum shows that there was more.
#[cfg(not(target_os = "linux"))]
const TRUE_SIZE: RecvFlags = RecvFlags::empty();

/// A bound socket that receives and sends one at a time.
#[derive(Debug)]
pub(super) struct SingleLink {
    bound: Bound,
}

impl SingleLink {
    pub(super) fn new(bound: Bound) -> Self {
        Self { bound }
    }

    /// Receives one into the next slot.
    fn receive_next(&self, inbox: &mut Inbox) -> Result<(), Errno> {
        let kept = inbox.datagram_bytes_max + 1;
        let buffer = &mut inbox.slot()[..kept];
        let (_, size, peer) = rustix::io::retry_on_intr(|| {
            rustix::net::recvfrom(&self.bound, &mut *buffer, TRUE_SIZE)
        })?;
        let start = inbox.received.len() * inbox.slot_bytes;
        let range = start..start + size.min(kept);
        inbox.add(Address::of_datagrams(peer), None, range, size);
        Ok(())
    }

    fn is_udp(&self) -> bool {
        matches!(self.bound.address(), Address::Udp(_))
    }
}

impl DatagramLink for SingleLink {
    fn address(&self) -> &Address {
        self.bound.address()
    }

    fn descriptor(&self) -> RawFd {
        self.bound.descriptor()
    }

    fn wait_for_room(&self, timeout: Duration) -> io::Result<bool> {
        self.bound.wait_for_room(timeout)
    }

    fn bytes_max(&self, to: &Address) -> Option<usize> {
        bytes_max(to)
    }

    fn receive(&self, inbox: &mut Inbox, datagrams_max: usize) -> io::Result<()> {
        inbox.begin();
        while inbox.received.len() < datagrams_max && !inbox.is_full() {
            match self.receive_next(inbox) {
                Ok(()) => {}
                Err(error) if inbox.received.is_empty() => return Err(error.into()),
                Err(Errno::AGAIN) => break,
                // It comes from the network, in the middle of what can still be received. A peer that has refused one datagram
                // refuses the next as well, which will tell.
                Err(_) if self.bound.is_connected() => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn send(
        &self,
        outbox: &mut Outbox,
        sent: &mut Sent,
        failed: &mut dyn FnMut(&Outgoing, io::Error),
    ) -> Flow {
        while let Some(next) = outbox.waiting().first() {
            sent.calls += 1;
            match self.bound.send(outbox.bytes(next.range.clone()), &next.to) {
                Ok(()) => {
                    sent.datagrams += 1;
                    sent.bytes += next.range.len() as u64;
                }
                // The queue of a Unix socket is its own, and others may have room.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.is_udp() => {
                    return Flow::Blocked;
                }
                Err(error) => failed(next, error),
            }
            outbox.advance(1);
        }
        Flow::Done
    }

    fn send_one(&self, bytes: &[u8], to: &Address, _from: Option<IpAddr>) -> io::Result<()> {
        self.bound.send(bytes, to)
    }

    fn open_for(&self, peer: &Address) -> io::Result<Arc<dyn DatagramLink>> {
        Ok(Arc::new(Self::new(self.bound.open_for(peer)?)))
    }

    fn open_beside(&self) -> io::Result<Option<Arc<dyn DatagramLink>>> {
        // Systems other than Linux either refuse this or give everything to one of the sockets.
        Ok(None)
    }

    fn join(&self, group: &MulticastGroup) -> io::Result<()> {
        self.bound.join(group)
    }

    fn leave(&self, group: &MulticastGroup) -> io::Result<()> {
        self.bound.leave(group)
    }
}
