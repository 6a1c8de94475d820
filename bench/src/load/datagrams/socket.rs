//! A client's socket for datagrams: connected, so that answers come from the server alone, and never waiting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::{UdpSocket, UnixDatagram};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};
use socketserver::Endpoint;
use tempfile::TempDir;

use crate::load::LoadError;
use crate::watch::udp_sockets;

/// How much may wait to be received, as far as the system allows: what a client is too slow for looks as if the server had dropped it.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Where to send to, looked up once.
#[derive(Debug)]
pub(super) enum Target {
    Udp(SocketAddr),
    /// Clients of a Unix socket have names of their own, since nobody could answer them otherwise. They are in this folder, which goes with
    /// the load.
    Unix(SockAddr, TempDir),
}

/// A socket that is connected.
#[derive(Debug)]
pub(super) enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Target {
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, LoadError> {
        let unresolved = |source| LoadError::Resolve {
            endpoint: endpoint.clone(),
            source,
        };
        let folder = || TempDir::with_prefix("socketserver-load-").map_err(LoadError::System);
        match endpoint {
            Endpoint::Udp { .. } => {
                let first = endpoint.resolve().map_err(unresolved)?.into_iter().next();
                first.map(Self::Udp).ok_or_else(|| {
                    unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address"))
                })
            }
            Endpoint::Unixgram(path) => {
                let address = SockAddr::unix(path).map_err(unresolved)?;
                Ok(Self::Unix(address, folder()?))
            }
            // A name that begins with a zero byte is one of the abstract namespace.
            Endpoint::UnixgramAbstract(name) => {
                let address = SockAddr::unix(format!("\0{name}")).map_err(unresolved)?;
                Ok(Self::Unix(address, folder()?))
            }
            _ => Err(LoadError::Plan(
                "a load of datagrams is for UDP and Unix datagram sockets",
            )),
        }
    }

    /// How many answers found no room in these sockets, as far as the system tells.
    pub(super) fn overrun<'a>(&self, sockets: impl Iterator<Item = &'a Socket>) -> u64 {
        let Self::Udp(server) = self else {
            // A sender to a Unix socket is told that there is no room.
            return 0;
        };
        let own: std::collections::BTreeSet<_> = sockets.filter_map(Socket::port).collect();
        (udp_sockets().iter())
            .filter(|one| one.peer_port == server.port() && own.contains(&one.port))
            .map(|one| one.drops)
            .sum()
    }
}

impl Socket {
    pub(super) fn connect(target: &Target, number: usize) -> io::Result<Self> {
        match target {
            Target::Udp(server) => {
                let any: SocketAddr = match server {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = raw(Domain::for_address(*server))?;
                socket.bind(&any.into())?;
                socket.connect(&(*server).into())?;
                Ok(Self::Udp(UdpSocket::from_std(socket.into())))
            }
            Target::Unix(server, folder) => {
                let socket = raw(Domain::UNIX)?;
                socket.bind(&SockAddr::unix(folder.path().join(number.to_string()))?)?;
                socket.connect(server)?;
                let socket = std::os::unix::net::UnixDatagram::from(socket);
                Ok(Self::Unix(UnixDatagram::from_std(socket)))
            }
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Udp(socket) => registry.register(socket, token, both),
            Self::Unix(socket) => registry.register(socket, token, both),
        }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.send(bytes),
            Self::Unix(socket) => socket.send(bytes),
        }
    }

    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(buffer),
            Self::Unix(socket) => socket.recv(buffer),
        }
    }

    fn port(&self) -> Option<u16> {
        match self {
            Self::Udp(socket) => socket.local_addr().ok().map(|address| address.port()),
            Self::Unix(_) => None,
        }
    }
}

fn raw(domain: Domain) -> io::Result<RawSocket> {
    let socket = RawSocket::new(domain, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    // A smaller buffer is no failure: what it cannot hold is counted as overrun.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    Ok(socket)
}
