//! Listening sockets: made with every option set before they are bound, and removed from the file system only if still ours.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::io::Errno;
#[cfg(not(target_os = "linux"))]
use socket2::SockRef;
use socket2::{Domain, SockAddr, Type};

use super::socket_file::{self, SocketFile};
use super::{Address, Endpoint, Port, Socket};
use crate::error::BindError;
use crate::server::Config;

/// A listening socket and where it listens.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
    address: Address,
    bequeaths_timeouts: bool,
    /// The socket file this listener made, which is removed with it.
    _file: Option<SocketFile>,
}

/// Whether the sockets that a listener accepts wait in their reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewSockets {
    Blocking,
    Nonblocking,
}

impl Listener {
    /// Listens on an endpoint. Of several addresses of one host name the first that can be bound is taken.
    pub(crate) fn bind(endpoint: &Endpoint, config: &Config) -> Result<Self, BindError> {
        let result = match endpoint {
            Endpoint::Tcp { .. } => endpoint.bind_first(|address| bind_address(address, config)),
            Endpoint::Unix(path) => bind_unix(path, config),
            Endpoint::UnixAbstract(name) => bind_abstract(name, config),
            Endpoint::Udp { .. } | Endpoint::Unixgram(_) | Endpoint::UnixgramAbstract(_) => {
                Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "this is a datagram endpoint, and this server takes streams (use DatagramServer)",
                ))
            }
        };
        result.map_err(|source| BindError {
            endpoint: endpoint.to_string(),
            source,
        })
    }
}

impl Port for Listener {
    type Link = Socket;

    fn address(&self) -> &Address {
        &self.address
    }

    /// Takes the next connection, which is close-on-exec from birth.
    fn accept(&self, sockets: NewSockets) -> Result<(Socket, Address), Errno> {
        let (fd, address) = accept_from(&self.fd, sockets)?;
        #[cfg(target_vendor = "apple")]
        let _ = SockRef::from(&fd).set_nosigpipe(true);
        Ok((Socket::new(fd), Address::from_any(address)))
    }

    fn bequeaths_timeouts(&self) -> bool {
        self.bequeaths_timeouts
    }
}

/// Whether TCP sockets inherit from their listener how long blocking reads and writes may wait, which saves two system
/// calls per connection. Non-blocking sockets do not mind.
const BEQUEATHS_TIMEOUTS: bool = cfg!(target_os = "linux");

#[cfg(target_os = "linux")]
fn accept_from(
    fd: &OwnedFd,
    sockets: NewSockets,
) -> Result<(OwnedFd, Option<rustix::net::SocketAddrAny>), Errno> {
    use rustix::net::SocketFlags;
    let flags = match sockets {
        NewSockets::Blocking => SocketFlags::CLOEXEC,
        NewSockets::Nonblocking => SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
    };
    rustix::net::acceptfrom_with(fd, flags)
}

#[cfg(not(target_os = "linux"))]
fn accept_from(
    fd: &OwnedFd,
    sockets: NewSockets,
) -> Result<(OwnedFd, Option<rustix::net::SocketAddrAny>), Errno> {
    let (accepted, address) = rustix::net::acceptfrom(fd)?;
    let socket = SockRef::from(&accepted);
    // Sockets may inherit the listener's flags here, so that both are set, one way or the other.
    let done = socket
        .set_cloexec(true)
        .and_then(|()| socket.set_nonblocking(sockets == NewSockets::Nonblocking));
    match done {
        Ok(()) => Ok((accepted, address)),
        Err(error) => Err(error
            .raw_os_error()
            .map_or(Errno::IO, Errno::from_raw_os_error)),
    }
}

fn bind_address(address: SocketAddr, config: &Config) -> io::Result<Listener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // Said either way, since the default differs from system to system.
        socket.set_only_v6(!config.dual_stack)?;
    }
    socket.set_reuse_address(config.reuse_address)?;
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit this on Linux, the BSDs and macOS.
    socket.set_tcp_nodelay(config.nodelay)?;
    if BEQUEATHS_TIMEOUTS {
        socket.set_read_timeout(config.idle_timeout)?;
        socket.set_write_timeout(config.write_timeout)?;
    }
    socket.bind(&address.into())?;
    listen(socket, config, None)
}

fn bind_unix(path: &Path, config: &Config) -> io::Result<Listener> {
    socket_file::remove_stale(path, Type::STREAM)?;
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Nobody can connect before `listen`, so there is no moment with the wrong mode.
    let file = SocketFile::bind(&socket, path, config.unix_mode)?;
    listen(socket, config, Some(file))
}

fn bind_abstract(name: &str, config: &Config) -> io::Result<Listener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(format!("\0{name}"))?)?;
    listen(socket, config, None)
}

fn listen(
    socket: socket2::Socket,
    config: &Config,
    file: Option<SocketFile>,
) -> io::Result<Listener> {
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    let fd = OwnedFd::from(socket);
    let address = Address::from_any(Some(rustix::net::getsockname(&fd)?));
    let bequeaths_timeouts = BEQUEATHS_TIMEOUTS && matches!(address, Address::Tcp(_));
    Ok(Listener {
        fd,
        address,
        bequeaths_timeouts,
        _file: file,
    })
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_dropped_listener_leaves_the_file_of_its_successor() {
        let path =
            std::env::temp_dir().join(format!("socketserver-listener-{}", std::process::id()));
        let endpoint = Endpoint::Unix(path.clone());
        let first = Listener::bind(&endpoint, &Config::default()).unwrap();
        assert!(
            Listener::bind(&endpoint, &Config::default()).is_err(),
            "a live socket is not replaced"
        );
        fs::remove_file(&path).unwrap();
        let second = Listener::bind(&endpoint, &Config::default()).unwrap();
        drop(first);
        assert!(path.exists(), "the successor's file stays");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let path = std::env::temp_dir().join(format!("socketserver-file-{}", std::process::id()));
        fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&Endpoint::Unix(path.clone()), &Config::default()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(path).unwrap();
    }
}
