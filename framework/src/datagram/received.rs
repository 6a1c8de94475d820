//! A datagram as its handler sees it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::net::Address;

/// A datagram that has come, whole.
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    bytes: &'a [u8],
    size: usize,
    peer: &'a Address,
    /// The address of this machine that it was sent to, where the socket has several.
    to: Option<IpAddr>,
    /// Where the socket is bound.
    bound: &'a Address,
}

impl<'a> Datagram<'a> {
    pub(crate) fn new(
        bytes: &'a [u8],
        size: usize,
        peer: &'a Address,
        to: Option<IpAddr>,
        bound: &'a Address,
    ) -> Self {
        Self {
            bytes,
            size,
            peer,
            to,
            bound,
        }
    }

    /// What it says. It may be empty.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How long it was on its way, in bytes. Where a datagram was cut, systems other than Linux tell only that it was longer than what was kept.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Who has sent it, or whom its sender claims to be.
    ///
    /// A Unix socket need not have a name; [`Address::UnixgramUnnamed`] is its address then, and it cannot be answered.
    pub fn peer(&self) -> &'a Address {
        self.peer
    }

    /// The address that it was sent to: for a socket that is bound to all addresses of the machine the very one.
    pub fn local(&self) -> Address {
        match (self.to, self.bound.port()) {
            (Some(ip), Some(port)) => Address::Udp(SocketAddr::new(ip, port)),
            _ => self.bound.clone(),
        }
    }

    /// Where the socket is bound that it came to.
    pub(crate) fn bound(&self) -> &'a Address {
        self.bound
    }

    pub(crate) fn to(&self) -> Option<IpAddr> {
        self.to
    }

    /// Whether it is longer than what was kept of it.
    pub(crate) fn is_cut(&self) -> bool {
        self.size > self.bytes.len()
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram")
            .field("size", &self.size)
            .field("peer", self.peer)
            .finish_non_exhaustive()
    }
}
