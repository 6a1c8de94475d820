//! A client that speaks bytes: it never takes one read for a message, and never waits without a deadline.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::SockRef;
use socketserver::Address;

use crate::PATIENCE;

/// A connection to a server under test.
#[derive(Debug)]
pub enum Client {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// How the server's side of a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was closed.
    Closed,
    /// It was reset.
    Reset,
}

impl Client {
    /// Connects.
    #[track_caller]
    pub fn connect(address: &Address) -> Self {
        Self::try_connect(address).expect("the server can be connected to")
    }

    /// Connects, if that is possible.
    pub fn try_connect(address: &Address) -> io::Result<Self> {
        let client = match address {
            Address::Tcp(address) => Self::Tcp(TcpStream::connect_timeout(address, PATIENCE)?),
            Address::UnixPath(path) => Self::Unix(UnixStream::connect(path)?),
            other => panic!("tests do not use {other}"),
        };
        client.socket().set_read_timeout(Some(PATIENCE))?;
        client.socket().set_write_timeout(Some(PATIENCE))?;
        if let Self::Tcp(stream) = &client {
            stream.set_nodelay(true)?;
        }
        Ok(client)
    }

    /// The socket, for its options.
    pub fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            Self::Unix(stream) => SockRef::from(stream),
        }
    }

    /// Another handle to the same connection, for another thread.
    #[track_caller]
    pub fn share(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().expect("a descriptor is free")),
            Self::Unix(stream) => Self::Unix(stream.try_clone().expect("a descriptor is free")),
        }
    }

    /// Sends all of the bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.write_all(bytes.as_ref())
            .expect("the server takes what is sent");
        self
    }

    /// Receives exactly these bytes, however they are cut.
    #[track_caller]
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let mut received = vec![0; expected.len()];
        let mut count = 0;
        while count < expected.len() {
            match self.read(&mut received[count..]) {
                Ok(0) => panic!(
                    "the server ended after {:?}, and not after {:?}",
                    show(&received[..count]),
                    show(expected)
                ),
                Ok(more) => count += more,
                Err(error) => panic!(
                    "{error} after {:?}, and not {:?}",
                    show(&received[..count]),
                    show(expected)
                ),
            }
        }
        assert_eq!(show(&received), show(expected));
        self
    }

    /// Sends the end of our side.
    #[track_caller]
    pub fn half_close(&mut self) -> &mut Self {
        self.socket()
            .shutdown(Shutdown::Write)
            .expect("a connection can be half-closed");
        self
    }

    /// Receives nothing more but the end.
    #[track_caller]
    pub fn expect_end(&mut self) -> End {
        let (rest, end) = self.read_to_the_end();
        assert_eq!(show(&rest), "", "nothing more is expected");
        end
    }

    /// Receives everything up to the end.
    #[track_caller]
    pub fn read_to_the_end(&mut self) -> (Vec<u8>, End) {
        let mut received = Vec::new();
        match self.read_to_end(&mut received) {
            Ok(_) => (received, End::Closed),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                ) =>
            {
                (received, End::Reset)
            }
            Err(error) => panic!("no end came: {error}, after {} bytes", received.len()),
        }
    }

    /// Whether the server has ended the connection, without waiting for it.
    pub fn has_ended(&mut self) -> bool {
        self.socket()
            .set_nonblocking(true)
            .expect("an option can be set");
        let ended = match self.read(&mut [0; 1024]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        self.socket()
            .set_nonblocking(false)
            .expect("an option can be set");
        ended
    }

    /// Whether there is something to receive, without waiting for it.
    pub fn has_input(&self) -> bool {
        self.socket()
            .set_nonblocking(true)
            .expect("an option can be set");
        let peeked = self.socket().peek(&mut [MaybeUninit::uninit()]);
        self.socket()
            .set_nonblocking(false)
            .expect("an option can be set");
        peeked.is_ok_and(|count| count > 0)
    }

    /// Closes so that the server sees a reset, where the transport has one.
    pub fn reset(self) {
        self.socket()
            .set_linger(Some(Duration::ZERO))
            .expect("an option can be set");
    }

    /// Closes while something that the server has sent is unread, which is a reset on every transport.
    pub fn reset_unread(self) {
        self.socket()
            .peek(&mut [MaybeUninit::uninit()])
            .expect("the server sends something");
    }
}

/// Bytes as a person can read them, shortened.
fn show(bytes: &[u8]) -> String {
    let shown = bytes.len().min(200);
    let dots = if shown < bytes.len() {
        format!("… ({} bytes)", bytes.len())
    } else {
        String::new()
    };
    format!("{}{dots}", bytes[..shown].escape_ascii())
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Client {
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
