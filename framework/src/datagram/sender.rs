//! Sending from a server's socket at any time.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::SendError;
use super::socket::check;
use crate::net::{Address, DatagramLink, MulticastGroup};

/// Sends datagrams from a socket of a server, from any thread and at any time, also before the server serves. Clones send from the same socket.
///
/// What is sent here is sent at once by a system call of its own, and is not among the [`Stats`](crate::Stats) of the server.
#[derive(Clone)]
pub struct DatagramSender {
    link: Arc<dyn DatagramLink>,
    /// The address of this machine to send from, where the socket has several and one was written to.
    from: Option<IpAddr>,
}

impl DatagramSender {
    pub(crate) fn new(link: Arc<dyn DatagramLink>, from: Option<IpAddr>) -> Self {
        Self { link, from }
    }

    /// Sends one datagram to anybody.
    ///
    /// # Errors
    ///
    /// When it is too long, when nothing can be sent to such a peer, or when the system refuses it; it never waits for room.
    pub fn send_to(&self, bytes: &[u8], peer: &Address) -> Result<(), SendError> {
        check(&*self.link, bytes, peer)?;
        self.link
            .send_one(bytes, peer, self.from)
            .map_err(SendError::Refused)
    }

    /// Where the socket is bound.
    pub fn local(&self) -> &Address {
        self.link.address()
    }

    /// Receives from now on what is sent to a multicast group.
    ///
    /// In the mode `reactor` with several loops one socket of several gets it, so that nothing comes twice.
    pub fn join(&self, group: &MulticastGroup) -> io::Result<()> {
        self.link.join(group)
    }

    /// Receives it no more.
    pub fn leave(&self, group: &MulticastGroup) -> io::Result<()> {
        self.link.leave(group)
    }
}

impl fmt::Debug for DatagramSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSender")
            .field("local", self.local())
            .finish_non_exhaustive()
    }
}
