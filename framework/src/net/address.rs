//! Where a connection or a datagram comes from and where it arrived, as values.

use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// The address of one end of a connection, of a listener, or of whoever sends datagrams: always a real one, with the port that the system chose.
///
/// It prints the way an endpoint is written: `tcp://127.0.0.1:9001`, `unix:/run/echo.sock`, `udp://127.0.0.1:9001`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and a TCP port.
    Tcp(SocketAddr),
    /// A Unix socket bound to a path.
    UnixPath(Box<Path>),
    /// A Unix socket with a name in Linux's abstract namespace, without the leading zero byte.
    UnixAbstract(Box<[u8]>),
    /// A Unix socket without a name, as clients have it. This is a value like any other, not an error.
    UnixUnnamed,
    /// An IP address and a UDP port.
    Udp(SocketAddr),
    /// A Unix socket for datagrams, bound to a path.
    UnixgramPath(Box<Path>),
    /// A Unix socket for datagrams with a name in Linux's abstract namespace, without the leading zero byte.
    UnixgramAbstract(Box<[u8]>),
    /// A Unix socket for datagrams without a name: what it sends arrives, and it cannot be answered.
    UnixgramUnnamed,
}

impl Address {
    /// The IP address, with an IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) in its plain form.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.ip().to_canonical()),
            _ => None,
        }
    }

    /// The IP address and port, for a client to connect to or to send to.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(*address),
            _ => None,
        }
    }

    /// The TCP or UDP port.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.port()),
            _ => None,
        }
    }

    /// Whether connections or datagrams that arrive here have different local addresses, as with `0.0.0.0`.
    pub(crate) fn is_wildcard(&self) -> bool {
        matches!(self, Self::Tcp(address) | Self::Udp(address) if address.ip().is_unspecified())
    }

    /// Whether something can be sent there: a Unix socket without a name has nothing to write on the envelope.
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self, Self::UnixUnnamed | Self::UnixgramUnnamed)
    }

    /// The address of a socket for datagrams.
    pub(crate) fn of_datagrams(address: Option<SocketAddrAny>) -> Self {
        match Self::from_any(address) {
            Self::Tcp(address) => Self::Udp(address),
            Self::UnixPath(path) => Self::UnixgramPath(path),
            Self::UnixAbstract(name) => Self::UnixgramAbstract(name),
            _ => Self::UnixgramUnnamed,
        }
    }

    /// The address as the system takes it, to send a datagram to.
    pub(crate) fn destination(&self) -> io::Result<SocketAddrAny> {
        match self {
            Self::Udp(address) => Ok((*address).into()),
            Self::UnixgramPath(path) => Ok(SocketAddrUnix::new(&**path)?.into()),
            #[cfg(target_os = "linux")]
            Self::UnixgramAbstract(name) => Ok(SocketAddrUnix::new_abstract_name(name)?.into()),
            address if !address.is_named() => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "a Unix socket without a name cannot be answered",
            )),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this is not the address of a socket for datagrams",
            )),
        }
    }

    /// The address of a socket for streams.
    pub(crate) fn from_any(address: Option<SocketAddrAny>) -> Self {
        let Some(address) = address else {
            return Self::UnixUnnamed;
        };
        match address.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => {
                SocketAddr::try_from(address).map_or(Self::UnixUnnamed, Self::Tcp)
            }
            _ => SocketAddrUnix::try_from(address)
                .map_or(Self::UnixUnnamed, |address| Self::from_unix(&address)),
        }
    }

    fn from_unix(address: &SocketAddrUnix) -> Self {
        use std::os::unix::ffi::OsStrExt;
        #[cfg(target_os = "linux")]
        if let Some(name) = address.abstract_name() {
            return Self::UnixAbstract(name.into());
        }
        match address.path_bytes() {
            Some(path) if !path.is_empty() => {
                Self::UnixPath(Path::new(std::ffi::OsStr::from_bytes(path)).into())
            }
            _ => Self::UnixUnnamed,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::UnixPath(path) => write!(f, "unix:{}", Shown(path)),
            Self::UnixAbstract(name) => write!(f, "unix:@{}", name.escape_ascii()),
            Self::UnixUnnamed => f.write_str("unix:(unnamed)"),
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::UnixgramPath(path) => write!(f, "unixgram:{}", Shown(path)),
            Self::UnixgramAbstract(name) => write!(f, "unixgram:@{}", name.escape_ascii()),
            Self::UnixgramUnnamed => f.write_str("unixgram:(unnamed)"),
        }
    }
}

/// A path without what would end a line of a log or drive a terminal: peers choose where their sockets are, and addresses are logged.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().chars().try_for_each(|letter| {
            let is_unseen = matches!(
                letter,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            );
            if letter.is_control() || is_unseen {
                write!(f, "{}", letter.escape_unicode())
            } else {
                f.write_char(letter)
            }
        })
    }
}
