//! The peers that are remembered, with the numbers by which they can be called.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// How many there are at most. Anybody can send from as many addresses as he likes.
const PEERS_MAX: usize = 256;

/// A peer that was heard from or spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// Never given to another peer.
    pub(super) number: u64,
    /// As the socket takes it, with IPv4 addresses in the form of IPv6 where the socket has that.
    pub(super) address: SocketAddr,
}

/// Everybody who is remembered, whoever has been silent for longest first.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: VecDeque<Peer>,
    count: u64,
    /// To whom text without an address goes.
    last: Option<Peer>,
}

impl Peers {
    /// A datagram has come from there.
    ///
    /// What is said to a group is answered by its members, and comes back to whoever said it. So a group that was spoken to is still
    /// spoken to afterwards.
    pub(super) fn hear(&mut self, address: SocketAddr) -> Peer {
        let peer = self.meet(address);
        if !self.last.is_some_and(|last| is_many(last.address)) {
            self.last = Some(peer);
        }
        peer
    }

    /// A datagram goes there.
    pub(super) fn speak(&mut self, address: SocketAddr) -> Peer {
        let peer = self.meet(address);
        self.last = Some(peer);
        peer
    }

    fn meet(&mut self, address: SocketAddr) -> Peer {
        let known = self.known.iter().position(|peer| peer.address == address);
        let peer = known.and_then(|index| self.known.remove(index));
        let peer = peer.unwrap_or_else(|| {
            self.count += 1;
            if self.known.len() == PEERS_MAX {
                self.known.pop_front();
            }
            Peer {
                number: self.count,
                address,
            }
        });
        self.known.push_back(peer);
        peer
    }

    /// The peer with this number, while it is remembered.
    pub(super) fn numbered(&self, number: u64) -> Option<Peer> {
        let mut known = self.known.iter();
        known.find(|peer| peer.number == number).copied()
    }

    /// To whom text without an address goes.
    pub(super) fn last(&self) -> Option<Peer> {
        self.last
    }

    /// All of them by their numbers.
    pub(super) fn all(&self) -> Vec<Peer> {
        let mut all: Vec<_> = self.known.iter().copied().collect();
        all.sort_by_key(|peer| peer.number);
        all
    }
}

/// Whether many may receive what is sent there.
fn is_many(address: SocketAddr) -> bool {
    match address.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        std::net::IpAddr::V6(ip) => ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn a_peer_keeps_its_number_and_the_last_one_is_spoken_to() {
        let mut peers = Peers::default();
        assert_eq!(peers.last(), None);
        assert_eq!(peers.hear(address(1)).number, 1);
        assert_eq!(peers.speak(address(2)).number, 2);
        assert_eq!(peers.last(), peers.numbered(2));
        assert_eq!(peers.hear(address(1)).number, 1);
        assert_eq!(peers.last(), peers.numbered(1));
        assert_eq!(peers.numbered(3), None);
    }

    #[test]
    fn a_group_is_left_only_for_somebody_else_who_is_spoken_to() {
        let mut peers = Peers::default();
        let group = peers.speak(([239, 1, 2, 3], 1).into());
        peers.hear(address(1));
        assert_eq!(peers.last(), Some(group));
        let member = peers.speak(address(1));
        assert_eq!(peers.last(), Some(member));
    }

    #[test]
    fn whoever_was_silent_for_longest_is_forgotten_and_his_number_with_him() {
        let mut peers = Peers::default();
        for port in 1..=256 {
            peers.hear(address(port));
        }
        peers.hear(address(1));
        assert_eq!(peers.hear(address(257)).number, 257);
        assert_eq!((peers.numbered(2), peers.all().len()), (None, PEERS_MAX));
        assert_eq!(peers.numbered(1).map(|peer| peer.address), Some(address(1)));
        assert_eq!(peers.hear(address(2)).number, 258);
    }
}
