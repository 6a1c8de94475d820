//! A client's socket, which never waits.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket as RawSocket, Type};
use socketserver::Endpoint;

use super::LoadError;

/// Where to connect to, looked up once.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Tcp(SocketAddr),
    Unix(SockAddr),
}

/// A socket that is connecting, or connected.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Target {
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, LoadError> {
        let unresolved = |source| LoadError::Resolve {
            endpoint: endpoint.clone(),
            source,
        };
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let mut addresses = (host.as_str(), *port)
                    .to_socket_addrs()
                    .map_err(unresolved)?;
                addresses.next().map(Self::Tcp).ok_or_else(|| {
                    unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address"))
                })
            }
            Endpoint::Unix(path) => SockAddr::unix(path).map(Self::Unix).map_err(unresolved),
            // A name that begins with a zero byte is one of the abstract namespace.
            Endpoint::UnixAbstract(name) => SockAddr::unix(format!("\0{name}"))
                .map(Self::Unix)
                .map_err(unresolved),
            _ => Err(LoadError::Plan("a load is for TCP and Unix stream sockets")),
        }
    }
}

impl Socket {
    /// Begins to connect.
    pub(super) fn connect(target: &Target, nodelay: bool) -> io::Result<Self> {
        match target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(*address)?;
                stream.set_nodelay(nodelay)?;
                Ok(Self::Tcp(stream))
            }
            Target::Unix(address) => {
                let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.set_nonblocking(true)?;
                socket.connect(address)?;
                let stream = std::os::unix::net::UnixStream::from(socket);
                Ok(Self::Unix(UnixStream::from_std(stream)))
            }
        }
    }

    /// Whether it is connected; an error when it cannot be.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        let Self::Tcp(stream) = self else {
            return Ok(true);
        };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has it end with a reset: what is left of a load must not keep ports, nor servers busy.
    pub(super) fn reset_when_dropped(&self) {
        if let Self::Tcp(stream) = self {
            // Where that fails, it ends in order, which is no harm.
            let _ = SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, both),
            Self::Unix(stream) => stream.register(registry, token, both),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
