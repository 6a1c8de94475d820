//! Where a connection comes from and where it arrived, as values.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// The address of one end of a connection, or of a listener: always a real one, with the port that the system chose.
///
/// It prints the way an endpoint is written: `tcp://127.0.0.1:9001`, `unix:/run/echo.sock`.
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
}

impl Address {
    /// The IP address, with an IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) in its plain form.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            _ => None,
        }
    }

    /// The IP address and port, for a client to connect to.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            _ => None,
        }
    }

    /// The TCP port.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            _ => None,
        }
    }

    /// Whether connections that arrive here have different local addresses, as with `0.0.0.0`.
    pub(crate) fn is_wildcard(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.ip().is_unspecified())
    }

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
            Self::UnixPath(path) => write!(f, "unix:{}", path.display()),
            Self::UnixAbstract(name) => write!(f, "unix:@{}", name.escape_ascii()),
            Self::UnixUnnamed => f.write_str("unix:(unnamed)"),
        }
    }
}
