//! Sockets for datagrams: UDP and Unix, bound, received from and sent from in batches.
//!
//! A [`DatagramLink`] is such a socket as everybody above sees it. What is received goes to an [`Inbox`], many datagrams by one system call where the
//! system has such a call; what is sent comes from an [`Outbox`]. On Linux `udp/` receives with `recvmmsg(2)` and sends
//! runs of datagrams to one peer by segmentation offload (`UDP_SEGMENT`, udp(7)) and others with `sendmmsg(2)`; `single.rs` is the portable twin, which takes one
//! at a time, and serves Unix datagrams everywhere.

mod bind;
mod bound;
mod inbox;
mod multicast;
mod single;
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod udp;

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::bind::bind;
pub(crate) use self::inbox::{BATCH_MAX, Inbox, Incoming};
pub use self::multicast::{MulticastError, MulticastGroup, MulticastInterface};
use super::Address;
use crate::datagram::{Outbox, Outgoing};

/// The largest payload of a UDP datagram over IPv4, in bytes (RFC 768: 65,535 less the headers of IP and UDP).
pub(crate) const UDP4_BYTES_MAX: usize = 65_507;
/// The same over IPv6, without jumbograms (RFC 8200).
pub(crate) const UDP6_BYTES_MAX: usize = 65_527;

/// A bound socket for datagrams, which any thread may use. It never waits.
pub(crate) trait DatagramLink: fmt::Debug + Send + Sync {
    /// Where it is bound, with the real port.
    fn address(&self) -> &Address;

    /// By what number the system knows it.
    fn descriptor(&self) -> RawFd;

    /// The largest datagram that can be sent to this address, where that is known.
    fn bytes_max(&self, to: &Address) -> Option<usize>;

    /// Receives what is there, at most `datagrams_max`, in one system call, after forgetting what was received before.
    ///
    /// Fewer than that means that nothing more was there. More can come on Linux through a socket that is bound to all addresses, where the system may deliver
    /// datagrams of one peer that follow each other as one piece, which counts once. Nothing there is an error of the kind `WouldBlock`. An error that came from the network, such as the refusal of a datagram sent earlier, is
    /// reported once by the system, and the next call goes on.
    fn receive(&self, inbox: &mut Inbox, datagrams_max: usize) -> io::Result<()>;

    /// Sends what waits, as far as the system takes it, in as few calls as possible.
    ///
    /// A datagram that cannot be sent is told to `failed` and done with; the others go on. `Blocked` says that the system takes nothing for
    /// now: what waits stays in the outbox.
    fn send(
        &self,
        outbox: &mut Outbox,
        sent: &mut Sent,
        failed: &mut dyn FnMut(&Outgoing, io::Error),
    ) -> Flow;

    /// Waits until the system takes more; false when that took longer than `timeout`.
    fn wait_for_room(&self, timeout: Duration) -> io::Result<bool>;

    /// Sends one datagram at once.
    fn send_one(
        &self,
        bytes: &[u8],
        to: &Address,
        from: Option<std::net::IpAddr>,
    ) -> io::Result<()>;

    /// A further socket at the same local address with a port of its own, which exchanges datagrams with this peer alone. Both errors of the network and
    /// datagrams of others stay away from it. A Unix socket has none.
    fn open_for(&self, peer: &Address) -> io::Result<Arc<dyn DatagramLink>>;

    /// A further socket bound to the very same address, where the system then gives each peer to one of them; none where it does not.
    fn open_beside(&self) -> io::Result<Option<Arc<dyn DatagramLink>>>;

    /// Receives what is sent to a group, from now on.
    fn join(&self, group: &MulticastGroup) -> io::Result<()>;

    /// Receives it no more.
    fn leave(&self, group: &MulticastGroup) -> io::Result<()>;
}

/// Whether an outbox could be emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Done,
    Blocked,
}

/// What sending has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) calls: u64,
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
}
