//! A socket that exchanges datagrams with one server, and has an address to which that server can answer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, SockAddr, Socket, Type};
use socketserver::Endpoint;

/// The largest payloads of UDP datagrams, over IPv4 (RFC 768) and IPv6 (RFC 8200).
const UDP4_BYTES_MAX: usize = 65_507;
const UDP6_BYTES_MAX: usize = 65_527;

/// The socket. It never waits.
pub(crate) struct Channel {
    socket: Socket,
    /// The server's address, as endpoints are written.
    peer: String,
    bytes_max: Option<usize>,
    /// Further addresses of the server's host.
    others: VecDeque<SocketAddr>,
    /// Where it can be answered, if the system has not chosen that already.
    name: Option<own_name::OwnName>,
}

impl Channel {
    /// Opens a socket and fixes whom it talks to: others cannot send to it, and a refusal comes to be known.
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Unixgram(path) => Self::open_unix(endpoint, &SockAddr::unix(path)?),
            Endpoint::UnixgramAbstract(name) => {
                Self::open_unix(endpoint, &SockAddr::unix(format!("\0{name}"))?)
            }
            _ => Self::open_udp(endpoint),
        }
    }

    fn open_udp(endpoint: &Endpoint) -> io::Result<Self> {
        let addresses = endpoint
            .resolve()
            .map_err(|error| io::Error::new(ErrorKind::NotFound, error))?;
        Self::open_first(addresses.into())
    }

    /// Takes the first address to which there is a way; whether somebody is there, only an answer can tell.
    fn open_first(mut addresses: VecDeque<SocketAddr>) -> io::Result<Self> {
        let mut result = Err(io::Error::new(
            ErrorKind::NotFound,
            "the host name has no address",
        ));
        while let Some(address) = addresses.pop_front() {
            result = Self::open_at(address);
            if let Ok(channel) = &mut result {
                channel.others = addresses;
                break;
            }
        }
        result
    }

    /// Talks to the next address of the host from now on; false when there is none. A name such as `localhost` has several, and a server
    /// is often at one of them only.
    pub(crate) fn turn_to_next(&mut self) -> bool {
        let next = Self::open_first(std::mem::take(&mut self.others));
        next.map(|channel| *self = channel).is_ok()
    }

    fn open_at(address: SocketAddr) -> io::Result<Self> {
        let (any, bytes_max): (SocketAddr, _) = match address {
            SocketAddr::V4(_) => ((Ipv4Addr::UNSPECIFIED, 0).into(), UDP4_BYTES_MAX),
            SocketAddr::V6(_) => ((Ipv6Addr::UNSPECIFIED, 0).into(), UDP6_BYTES_MAX),
        };
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&any.into())?;
        socket.connect(&address.into())?;
        Ok(Self {
            socket,
            peer: format!("udp://{address}"),
            bytes_max: Some(bytes_max),
            others: VecDeque::new(),
            name: None,
        })
    }

    fn open_unix(endpoint: &Endpoint, address: &SockAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(Self {
            name: Some(own_name::OwnName::bind(&socket)?),
            socket,
            peer: endpoint.to_string(),
            // It depends on buffers that the administrator and the server have sized.
            bytes_max: None,
            others: VecDeque::new(),
        })
    }

    /// The largest datagram that can be sent, where that is known.
    pub(crate) fn bytes_max(&self) -> Option<usize> {
        self.bytes_max
    }

    /// Who is talked to.
    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = rustix::io::retry_on_intr(|| {
            rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::empty())
        });
        Ok(received?.0)
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let sent = rustix::io::retry_on_intr(|| {
            rustix::net::send(&self.socket, bytes, SendFlags::empty())
        });
        Ok(sent.map(drop)?)
    }

    /// An interrupt ends the process from now on, and takes the name of the socket with it.
    pub(crate) fn end_when_interrupted(&self) -> io::Result<()> {
        match &self.name {
            Some(name) => name.end_when_interrupted(),
            None => crate::connect::exit_when_interrupted(),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Linux has names that vanish with their socket, and gives one that is free.
#[cfg(target_os = "linux")]
mod own_name {
    use std::io;

    use rustix::net::SocketAddrUnix;
    use socket2::Socket;

    /// A name that the system has chosen.
    pub(super) struct OwnName;

    impl OwnName {
        pub(super) fn bind(socket: &Socket) -> io::Result<Self> {
            rustix::net::bind(socket, &SocketAddrUnix::new_unnamed())?;
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "elsewhere there is a file to remove")]
        pub(super) fn end_when_interrupted(&self) -> io::Result<()> {
            crate::connect::exit_when_interrupted()
        }
    }
}

/// Elsewhere a name is a file, which somebody must remove.
#[cfg(not(target_os = "linux"))]
mod own_name {
    use std::fs;
    use std::io;
    use std::path::PathBuf;
    use std::process;
    use std::thread;

    use signal_hook::consts::SIGINT;
    use signal_hook::iterator::Signals;
    use socket2::{SockAddr, Socket};

    use crate::exit::Code;

    /// The file of the socket, which goes with this.
    pub(super) struct OwnName(PathBuf);

    impl OwnName {
        pub(super) fn bind(socket: &Socket) -> io::Result<Self> {
            let name = format!("socketserver-connect-{}", process::id());
            let path = std::env::temp_dir().join(name);
            socket.bind(&SockAddr::unix(&path)?)?;
            Ok(Self(path))
        }

        pub(super) fn end_when_interrupted(&self) -> io::Result<()> {
            let path = self.0.clone();
            let mut signals = Signals::new([SIGINT])?;
            let watch = move || {
                if signals.forever().next().is_some() {
                    let _ = fs::remove_file(&path);
                    process::exit(Code::Interrupted as i32);
                }
            };
            thread::Builder::new().spawn(watch).map(drop)
        }
    }

    impl Drop for OwnName {
        fn drop(&mut self) {
            // Somebody else may have removed it, which is as well.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    #[test]
    fn another_address_of_the_host_takes_what_the_first_one_refuses() {
        let [nobody, server] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        server
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let addresses = [&nobody, &server].map(|socket| socket.local_addr().unwrap());
        drop(nobody);

        let mut channel = Channel::open_first(addresses.into()).unwrap();
        channel.send(b"hello").unwrap();
        poll(&mut [PollFd::new(&channel, PollFlags::IN)], None).unwrap();
        let refusal = channel.receive(&mut [0]).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::ConnectionRefused);
        assert!(channel.turn_to_next());
        assert_eq!(channel.peer(), format!("udp://{}", addresses[1]));
        channel.send(b"hello").unwrap();
        assert_eq!(server.recv(&mut [0; 5]).unwrap(), 5);
        assert!(!channel.turn_to_next(), "there is no third one");
    }
}
