//! Connecting to an endpoint, over all addresses that it has.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};

use super::{Address, Endpoint, Socket};

/// Connects to an endpoint within a time, if one is given; returns the socket and the peer's address.
///
/// An address that does not answer takes at most its share of the time that is left, so that the next ones have theirs.
pub(crate) fn connect(
    endpoint: &Endpoint,
    timeout: Option<Duration>,
) -> io::Result<(Socket, Address)> {
    let (fd, peer) = match endpoint {
        Endpoint::Tcp { .. } => {
            let stream = connect_tcp(&endpoint.resolve()?, timeout)?;
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
    };
    Ok((Socket::new(fd), peer))
}

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
