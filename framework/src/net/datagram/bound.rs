//! What all sockets for datagrams have in common, whatever calls they receive and send with.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::time::Timespec;
use socket2::Socket;

use super::bind::Settings;
#[cfg(target_os = "linux")]
use super::bind::Sharing;
use super::{MulticastGroup, UDP4_BYTES_MAX, UDP6_BYTES_MAX};
use crate::net::Address;
use crate::net::socket_file::SocketFile;

/// A Unix socket whose peer is gone would raise a signal that ends the process, where it has one peer only.
#[cfg(not(target_vendor = "apple"))]
pub(super) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// Apple's systems say this per socket, and these sockets raise none there.
#[cfg(target_vendor = "apple")]
pub(super) const NO_SIGNAL: SendFlags = SendFlags::empty();

/// A bound socket, and what it was bound with.
#[derive(Debug)]
pub(super) struct Bound {
    socket: Socket,
    address: Address,
    settings: Settings,
    /// Whether it exchanges datagrams with one peer alone.
    is_connected: bool,
    /// Whether it has ever been in a multicast group.
    was_in_group: AtomicBool,
    /// The socket file it made, which is removed with it.
    _file: Option<SocketFile>,
}

impl Bound {
    pub(super) fn new(socket: Socket, settings: Settings) -> io::Result<Self> {
        let address = Address::of_datagrams(Some(rustix::net::getsockname(&socket)?));
        Ok(Self {
            socket,
            address,
            settings,
            is_connected: false,
            was_in_group: AtomicBool::new(false),
            _file: None,
        })
    }

    pub(super) fn with_file(self, file: SocketFile) -> Self {
        Self {
            _file: Some(file),
            ..self
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Waits until the system takes more; false when that took longer than `timeout`.
    pub(super) fn wait_for_room(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut room = [PollFd::new(&self.socket, PollFlags::OUT)];
        loop {
            match poll(&mut room, Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Sends one datagram.
    pub(super) fn send(&self, bytes: &[u8], to: &Address) -> io::Result<()> {
        if self.is_connected {
            // It has the address already, and some systems refuse to be told it again.
            return self
                .attempt(|| Ok(rustix::net::send(&self.socket, bytes, NO_SIGNAL).map(drop)?));
        }
        let to = to.destination()?;
        self.attempt(|| Ok(rustix::net::sendto(&self.socket, bytes, NO_SIGNAL, &to).map(drop)?))
    }

    /// Makes a system call that sends.
    ///
    /// On a connected socket the error may be that of an earlier datagram, which its peer or a router has refused since. Then this one was not
    /// sent, and nothing is wrong with it; a second attempt tells.
    pub(super) fn attempt<T>(&self, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let mut may_be_earlier = self.is_connected;
        loop {
            match call() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if may_be_earlier && error.kind() != io::ErrorKind::WouldBlock => {
                    may_be_earlier = false;
                }
                result => return result,
            }
        }
    }

    pub(super) fn join(&self, group: &MulticastGroup) -> io::Result<()> {
        group.join(&self.socket, &self.address)?;
        self.was_in_group.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn leave(&self, group: &MulticastGroup) -> io::Result<()> {
        group.leave(&self.socket, &self.address)
    }

    /// A socket at the same local address with a port of its own, for this peer alone.
    pub(super) fn open_for(&self, peer: &Address) -> io::Result<Self> {
        let (Address::Udp(local), Address::Udp(peer)) = (&self.address, peer) else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a socket of its own for one peer exists with UDP only",
            ));
        };
        let socket = self.settings.open(*local)?;
        socket.bind(&beginning_of(*local).into())?;
        socket.connect(&(*peer).into())?;
        let bound = Self::new(socket, self.settings.clone())?;
        Ok(Self {
            is_connected: true,
            ..bound
        })
    }

    /// A socket bound to the very same address, among which Linux divides the peers.
    ///
    /// The first of them was bound without `SO_REUSEPORT`, so that a second server that was started by mistake has been refused. From now on it may
    /// be joined, by whoever has the same user and says so. A datagram to a group or to everybody would come
    /// once through each of the sockets, so that there is none beside one that may receive such datagrams.
    #[cfg(target_os = "linux")]
    pub(super) fn open_beside(&self) -> io::Result<Option<Self>> {
        let Address::Udp(local) = &self.address else {
            return Ok(None);
        };
        let many_copies = self.settings.broadcast || self.was_in_group.load(Ordering::Relaxed);
        if self.is_connected || many_copies {
            return Ok(None);
        }
        self.socket.set_reuse_port(true)?;
        let socket = self.settings.bind(*local, Sharing::Shared)?;
        Self::new(socket, self.settings.clone()).map(Some)
    }
}

/// The same local address without the port. Nothing can be sent from the address of a group.
fn beginning_of(mut local: SocketAddr) -> SocketAddr {
    local.set_port(0);
    if local.ip().is_multicast() {
        local.set_ip(match local {
            SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        });
    }
    local
}

/// The largest datagram that can be sent to this address.
pub(super) fn bytes_max(to: &Address) -> Option<usize> {
    match to {
        Address::Udp(address) if address.ip().to_canonical().is_ipv4() => Some(UDP4_BYTES_MAX),
        Address::Udp(_) => Some(UDP6_BYTES_MAX),
        _ => None,
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
