//! The client's side of an exchange of datagrams.

use std::error::Error;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use crate::DEADLINE;

/// A client with a socket of its own, which writes to one server.
pub(crate) struct Post {
    pub(crate) socket: UdpSocket,
    server: SocketAddr,
}

impl Post {
    pub(crate) fn to(server: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { socket, server })
    }

    pub(crate) fn says(&self, bytes: impl AsRef<[u8]>) -> Result<(), Box<dyn Error>> {
        self.socket.send_to(bytes.as_ref(), self.server)?;
        Ok(())
    }

    /// Receives one datagram, which must come from where the client has written to.
    pub(crate) fn hears_something(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = vec![0; 65_536];
        let (size, from) = self.socket.recv_from(&mut bytes)?;
        assert_eq!(from, self.server, "somebody else has answered");
        bytes.truncate(size);
        Ok(bytes)
    }

    #[track_caller]
    pub(crate) fn hears(&self, text: &str) {
        let heard = self.hears_something();
        assert!(heard.is_ok(), "waiting for {text:?}: {heard:?}");
        let heard = heard.unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Whether nothing has come so far.
    pub(crate) fn has_heard_nothing(&self) -> Result<bool, Box<dyn Error>> {
        self.socket.set_nonblocking(true)?;
        let result = self.socket.peek_from(&mut [0]);
        self.socket.set_nonblocking(false)?;
        Ok(result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock))
    }
}
