//! UDP on Linux: many datagrams by one system call, in both directions.
//!
//! The calls that need control messages come from the crate `quinn-udp`: `recvmmsg(2)`, segmentation offload, and datagrams that leave from a certain
//! address. Its state sets options on the socket that it is made from: no fragmentation, a time stamp and the type of service of each datagram, for which
//! QUIC has a use and we have none. So it is made from a socket that is thrown away, and ours keeps the plain options that the system gives it.
//!
//! A socket that is bound to all addresses of the machine is the exception. It must know to which of them a datagram was sent, to answer
//! from there (`IP_PKTINFO`, ip(7)), and only the state can have it told. What else is set then is undone where that is
//! possible. What stays:
//!
//! * Received datagrams of one peer that follow each other may come as one piece (`UDP_GRO`, udp(7)), which [`receiving`] takes apart.
//! * Each of them has a time stamp (`SO_TIMESTAMPNS`), which costs a little.
//! * Over IPv6 nothing is fragmented (`IPV6_DONTFRAG`): a datagram that is longer than the network carries in one packet, some 1,452 bytes on
//!   an ethernet, fails as too long. Bind to one address to have it fragmented.

mod receiving;
mod sending;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quinn_udp::{UdpSockRef, UdpSocketState};
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Socket, Type};

use super::bound::{Bound, bytes_max};
use super::{DatagramLink, Flow, Inbox, MulticastGroup, Sent};
use crate::datagram::{Outbox, Outgoing};
use crate::net::Address;

/// A bound UDP socket that receives and sends many at a time.
#[derive(Debug)]
pub(super) struct UdpLink {
    bound: Bound,
    /// Knows what the kernel can do, which is the same for all sockets; those that are opened for this one share it.
    state: Arc<UdpSocketState>,
    /// How many datagrams one run may have; 1 where the kernel has no offload.
    run_datagrams_max: usize,
    /// Some network devices refuse runs, which only shows in sending. What was refused once is not tried again.
    may_send_runs: AtomicBool,
}

impl UdpLink {
    pub(super) fn new(bound: Bound) -> io::Result<Self> {
        let state = if bound.address().is_wildcard() {
            let state = UdpSocketState::new(UdpSockRef::from(&bound))?;
            restore_options(&bound);
            state
        } else {
            let domain = match bound.address().socket_addr() {
                Some(SocketAddr::V6(_)) => Domain::IPV6,
                _ => Domain::IPV4,
            };
            let thrown_away = Socket::new(domain, Type::DGRAM, None)?;
            UdpSocketState::new(UdpSockRef::from(&thrown_away))?
        };
        Ok(Self::with_state(bound, Arc::new(state)))
    }

    fn with_state(bound: Bound, state: Arc<UdpSocketState>) -> Self {
        Self {
            bound,
            run_datagrams_max: state.max_gso_segments(),
            may_send_runs: AtomicBool::new(true),
            state,
        }
    }

    fn may_send_runs(&self) -> bool {
        self.may_send_runs.load(Ordering::Relaxed)
    }
}

/// Undoes what the state has set and we have no use for. What cannot be set back could not be set before either, on kernels that
/// do not know it.
fn restore_options(bound: &Bound) {
    let _ = sockopt::set_ip_mtu_discover(bound, Ipv4PathMtuDiscovery::WANT);
    let _ = sockopt::set_ip_recvtos(bound, false);
    if bound
        .address()
        .socket_addr()
        .is_some_and(|address| address.is_ipv6())
    {
        let _ = sockopt::set_ipv6_mtu_discover(bound, Ipv6PathMtuDiscovery::WANT);
        let _ = sockopt::set_ipv6_recvtclass(bound, false);
    }
}

impl DatagramLink for UdpLink {
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
        self.receive_batch(inbox, datagrams_max)
    }

    fn send(
        &self,
        outbox: &mut Outbox,
        sent: &mut Sent,
        failed: &mut dyn FnMut(&Outgoing, io::Error),
    ) -> Flow {
        self.send_waiting(outbox, sent, failed)
    }

    fn send_one(&self, bytes: &[u8], to: &Address, from: Option<IpAddr>) -> io::Result<()> {
        match from {
            Some(_) => self.transmit(bytes, None, to, from),
            None => self.bound.send(bytes, to),
        }
    }

    fn open_for(&self, peer: &Address) -> io::Result<Arc<dyn DatagramLink>> {
        let bound = self.bound.open_for(peer)?;
        Ok(Arc::new(Self::with_state(bound, self.state.clone())))
    }

    fn open_beside(&self) -> io::Result<Option<Arc<dyn DatagramLink>>> {
        let Some(bound) = self.bound.open_beside()? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self::new(bound)?)))
    }

    fn join(&self, group: &MulticastGroup) -> io::Result<()> {
        self.bound.join(group)
    }

    fn leave(&self, group: &MulticastGroup) -> io::Result<()> {
        self.bound.leave(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::datagram::bind::{Settings, Sharing};
    use crate::server::Config;

    #[test]
    fn sockets_may_fragment_and_are_not_told_what_nobody_reads() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let settings = Settings::of(&Config::default());
            let socket = settings
                .bind(address.parse().unwrap(), Sharing::Exclusive)
                .unwrap();
            let link = UdpLink::new(Bound::new(socket, settings).unwrap()).unwrap();
            let bound = &link.bound;
            let discovery = sockopt::ip_mtu_discover(bound).unwrap();
            assert_eq!(discovery, Ipv4PathMtuDiscovery::WANT, "{address}");
            assert!(!sockopt::ip_recvtos(bound).unwrap());
            if address.contains("::") {
                let discovery = sockopt::ipv6_mtu_discover(bound).unwrap();
                assert_eq!(discovery, Ipv6PathMtuDiscovery::WANT, "{address}");
                assert!(!sockopt::ipv6_recvtclass(bound).unwrap());
            }
        }
    }
}
