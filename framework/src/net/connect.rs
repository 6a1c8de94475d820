//! Connecting to an endpoint, over all addresses that it has.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};

use super::{Address, Endpoint, Socket};

/// Connects to an endpoint within a time, if one is given; returns the socket and the peer's address.
pub(crate) fn connect(
    endpoint: &Endpoint,
    timeout: Option<Duration>,
) -> io::Result<(Socket, Address)> {
    let (fd, peer) = open(endpoint, timeout)?;
    Ok((Socket::new(fd), peer))
}

impl Endpoint {
    /// Connects a bare socket, within a time that the addresses of a host share; without one, for as long as the system tries.
    ///
    /// For programs that wait for their sockets themselves, or that read and write in two threads; all others are better
    /// served by [`Stream::connect_to`](crate::Stream::connect_to), which connects in the same way. The socket waits
    /// in its calls, and what is written leaves at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the endpoint is one for datagrams;
    /// [`NotFound`](ErrorKind::NotFound) when the name of a host has no address, or the path of a Unix socket leads nowhere; otherwise
    /// what the system said of the address that was tried last, with its error number.
    ///
    /// # Example
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use socketserver::Endpoint;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let endpoint = Endpoint::from(listener.local_addr()?);
    /// let stream = TcpStream::from(endpoint.connect(None)?);
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, timeout: Option<Duration>) -> io::Result<OwnedFd> {
        Ok(open(self, timeout)?.0)
    }
}

fn open(endpoint: &Endpoint, timeout: Option<Duration>) -> io::Result<(OwnedFd, Address)> {
    Ok(match endpoint {
        Endpoint::Tcp { .. } => {
            let addresses = endpoint
                .resolve()
                .map_err(|error| io::Error::new(ErrorKind::NotFound, error))?;
            let stream = connect_tcp(&addresses, timeout)?;
            // What is written leaves at once. Without this it would only leave later.
            let _ = stream.set_nodelay(true);
            let peer = Address::Tcp(stream.peer_addr()?);
            (OwnedFd::from(stream), peer)
        }
        Endpoint::Unix(path) => (
            connect_unix(&SockAddr::unix(path)?, timeout)?,
            Address::UnixPath(path.as_path().into()),
        ),
        Endpoint::UnixAbstract(name) => (
            connect_unix(&SockAddr::unix(format!("\0{name}"))?, timeout)?,
            Address::UnixAbstract(name.as_bytes().into()),
        ),
        Endpoint::Udp { .. } | Endpoint::Unixgram(_) | Endpoint::UnixgramAbstract(_) => {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "this is a datagram endpoint, and a stream needs one that begins with tcp:// or unix:",
            ));
        }
    })
}

/// An address that does not answer takes at most its share of the time that is left, so that the next ones have theirs.
fn connect_tcp(addresses: &[SocketAddr], timeout: Option<Duration>) -> io::Result<TcpStream> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut result = Err(io::Error::new(
        ErrorKind::NotFound,
        "the host name has no address",
    ));
    for (left, address) in (1..=addresses.len() as u32).rev().zip(addresses) {
        result = match deadline {
            None => TcpStream::connect(address),
            Some(deadline) => match deadline.saturating_duration_since(Instant::now()) / left {
                Duration::ZERO => return Err(ErrorKind::TimedOut.into()),
                share => TcpStream::connect_timeout(address, share),
            },
        };
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Waits for room in the listener's queue as one waits for room to send (unix(7)); other systems refuse at once.
fn connect_unix(address: &SockAddr, timeout: Option<Duration>) -> io::Result<OwnedFd> {
    // To the system, no time at all means no limit.
    const TIMEOUT_MIN: Duration = Duration::from_millis(1);
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    if timeout.is_some() {
        socket.set_write_timeout(timeout.map(|timeout| timeout.max(TIMEOUT_MIN)))?;
    }
    socket
        .connect(address)
        .map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })?;
    if timeout.is_some() {
        socket.set_write_timeout(None)?;
    }
    Ok(socket.into())
}
