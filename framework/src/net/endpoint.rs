//! Where to listen or connect, as people write it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place to listen on or to connect to, as it is written: `tcp://HOST:PORT`, `HOST:PORT`, `:PORT`, `unix:PATH`, or
/// `unix:@NAME` for Linux's abstract names; for datagrams `udp://HOST:PORT`, `unixgram:PATH` or `unixgram:@NAME`.
///
/// A missing host means 127.0.0.1: a server never listens on all interfaces unless it is told to (`0.0.0.0` or `[::]`).
///
/// ```
/// use socketserver::Endpoint;
///
/// let endpoint: Endpoint = ":9001".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://127.0.0.1:9001");
/// # Ok::<(), socketserver::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A host name or an IP address (IPv6 without brackets), and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port; 0 lets the system choose when listening.
        port: u16,
    },
    /// A path in the file system.
    Unix(PathBuf),
    /// A name in Linux's abstract namespace.
    UnixAbstract(String),
    /// A host name or an IP address (IPv6 without brackets), and a port, for datagrams.
    Udp {
        /// The host.
        host: String,
        /// The port; 0 lets the system choose when binding.
        port: u16,
    },
    /// A path in the file system, for datagrams.
    Unixgram(PathBuf),
    /// A name in Linux's abstract namespace, for datagrams.
    UnixgramAbstract(String),
}

/// A text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    text: String,
    problem: &'static str,
}

/// The longest path of a Unix socket that every system takes, in bytes.
const UNIX_PATH_MAX: usize = 103;
const FORMS: &str =
    "write tcp://HOST:PORT, HOST:PORT, :PORT, unix:PATH, udp://HOST:PORT or unixgram:PATH";

impl Endpoint {
    /// The socket addresses of a TCP or UDP endpoint, in the order in which they should be tried.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Tcp { host, port } | Self::Udp { host, port } => {
                Ok((host.as_str(), *port).to_socket_addrs()?.collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether it takes datagrams rather than streams.
    pub fn is_datagram(&self) -> bool {
        match self {
            Self::Udp { .. } | Self::Unixgram(_) | Self::UnixgramAbstract(_) => true,
            Self::Tcp { .. } | Self::Unix(_) | Self::UnixAbstract(_) => false,
        }
    }

    /// Binds the first of its addresses that can be bound.
    pub(super) fn bind_first<T>(
        &self,
        mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut result = Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the host name has no address",
        ));
        for address in self.resolve()? {
            result = bind(address);
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let result = match text.split_once(':') {
            Some(("tcp", rest)) if rest.starts_with("//") => parse_tcp(&rest[2..]),
            Some(("udp", rest)) if rest.starts_with("//") => parse_udp(&rest[2..]),
            Some(("unix", path)) => parse_unix(path, Endpoint::Unix, Endpoint::UnixAbstract),
            Some(("unixgram", path)) => {
                parse_unix(path, Endpoint::Unixgram, Endpoint::UnixgramAbstract)
            }
            Some((scheme, rest)) if rest.starts_with("//") && !scheme.is_empty() => {
                Err("the scheme is not known")
            }
            _ => parse_tcp(text),
        };
        result.map_err(|problem| EndpointError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn parse_tcp(text: &str) -> Result<Endpoint, &'static str> {
    parse_host_and_port(text).map(|(host, port)| Endpoint::Tcp { host, port })
}

fn parse_udp(text: &str) -> Result<Endpoint, &'static str> {
    parse_host_and_port(text).map(|(host, port)| Endpoint::Udp { host, port })
}

fn parse_host_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("the port is missing")?;
    let port = port
        .parse()
        .map_err(|_| "the port is not a number from 0 to 65535")?;
    let host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(inner) => inner,
        None if host.contains(':') => {
            return Err("an IPv6 address needs brackets, as in [::1]:9001");
        }
        None if host.is_empty() => "127.0.0.1",
        None => host,
    };
    if host.is_empty() || host.contains(['/', '@', ' ', '[', ']']) {
        return Err("the host is not a name or an address");
    }
    Ok((host.to_owned(), port))
}

fn parse_unix(
    path: &str,
    named: fn(PathBuf) -> Endpoint,
    abstract_named: fn(String) -> Endpoint,
) -> Result<Endpoint, &'static str> {
    if path.len() > UNIX_PATH_MAX {
        return Err("the path of a Unix socket has at most 103 bytes");
    }
    match path.strip_prefix('@') {
        _ if path.is_empty() || path == "@" => Err("the path is missing"),
        Some(_) if cfg!(not(target_os = "linux")) => Err("abstract names exist on Linux only"),
        Some(name) => Ok(abstract_named(name.to_owned())),
        None if path.contains('\0') => Err("the path contains a zero byte"),
        None => Ok(named(PathBuf::from(path))),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::UnixAbstract(name) => write!(f, "unix:@{name}"),
            Self::Udp { host, port } if host.contains(':') => write!(f, "udp://[{host}]:{port}"),
            Self::Udp { host, port } => write!(f, "udp://{host}:{port}"),
            Self::Unixgram(path) => write!(f, "unixgram:{}", path.display()),
            Self::UnixgramAbstract(name) => write!(f, "unixgram:@{name}"),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V6(ip) if address_scope(&address) != 0 => {
                format!("{ip}%{}", address_scope(&address))
            }
            ip => ip.to_string(),
        };
        Self::Tcp {
            host,
            port: address.port(),
        }
    }
}

fn address_scope(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not an endpoint: {} ({FORMS})",
            self.text.escape_debug(),
            self.problem
        )
    }
}

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_printed() {
        for (text, printed) in [
            ("tcp://127.0.0.1:9001", "tcp://127.0.0.1:9001"),
            ("localhost:80", "tcp://localhost:80"),
            (":0", "tcp://127.0.0.1:0"),
            ("tcp://[::1]:9", "tcp://[::1]:9"),
            ("[::]:65535", "tcp://[::]:65535"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:relative.sock", "unix:relative.sock"),
            ("udp://:5", "udp://127.0.0.1:5"),
            ("udp://[::1]:53", "udp://[::1]:53"),
            ("udp://localhost:0", "udp://localhost:0"),
            ("unixgram:/run/a.sock", "unixgram:/run/a.sock"),
            #[cfg(target_os = "linux")]
            ("unix:@name", "unix:@name"),
            #[cfg(target_os = "linux")]
            ("unixgram:@name", "unixgram:@name"),
        ] {
            let endpoint = text.parse::<Endpoint>().unwrap();
            assert_eq!(endpoint.to_string(), printed);
            let takes_datagrams = printed.starts_with("udp") || printed.starts_with("unixgram");
            assert_eq!(endpoint.is_datagram(), takes_datagrams, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        for (text, problem) in [
            ("", "the port is missing"),
            ("127.0.0.1", "the port is missing"),
            (":65536", "the port is not a number"),
            (":-1", "the port is not a number"),
            ("::1:80", "an IPv6 address needs brackets"),
            ("[]:80", "the host is not a name"),
            // Printed, the first of these would be read as another host.
            ("[[a]]:80", "the host is not a name"),
            ("a]:80", "the host is not a name"),
            ("http://a:80", "the scheme is not known"),
            ("a/b:80", "the host is not a name"),
            ("unix:", "the path is missing"),
            ("unix:@", "the path is missing"),
            ("unix:a\0b", "zero byte"),
            ("udp://", "the port is missing"),
            ("udp://::1:5", "an IPv6 address needs brackets"),
            ("unixgram:", "the path is missing"),
            ("unixgram:@", "the path is missing"),
        ] {
            let message = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(message.contains(problem), "{text}: {message}");
            assert!(message.contains("write tcp://HOST:PORT"));
        }
        assert!(
            format!("unix:{}", "x".repeat(104))
                .parse::<Endpoint>()
                .is_err()
        );
    }
}
