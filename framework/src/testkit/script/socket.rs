//! A script's end of a real connection, over TCP or a Unix socket.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Peer;
use crate::Endpoint;
use crate::net::{Link, Socket, connect};

/// A connection to a server, ours or not.
///
/// What is sent leaves at once, in a packet of its own if the system sends none before (`TCP_NODELAY`).
#[derive(Debug)]
pub struct SocketPeer {
    /// None after a reset.
    socket: Option<Socket>,
    /// When it was made, from which its time counts.
    begun: Instant,
    /// The end has come, so that readiness to read says nothing any more.
    ended: bool,
}

impl SocketPeer {
    /// Connects to an endpoint within a time, which all addresses of its host share.
    pub fn connect(endpoint: &Endpoint, timeout: Duration) -> io::Result<Self> {
        let (socket, _) = connect(endpoint, Some(timeout))?;
        socket.set_nonblocking()?;
        Ok(Self {
            socket: Some(socket),
            begun: Instant::now(),
            ended: false,
        })
    }

    fn socket(&self) -> io::Result<&Socket> {
        self.socket.as_ref().ok_or(ErrorKind::NotConnected.into())
    }

    /// Waits for readiness of some kind until its time has come to `deadline`, and says which has come.
    fn wait_for(&self, flags: PollFlags, deadline: Duration) -> io::Result<PollFlags> {
        loop {
            let left = deadline.saturating_sub(self.now());
            // What is too long for the system to say has no end.
            let timeout = Timespec::try_from(left).ok();
            let mut sockets = [PollFd::new(self.socket()?, flags)];
            match poll(&mut sockets, timeout.as_ref()) {
                Ok(0) => return Err(ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(sockets[0].revents()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Peer for SocketPeer {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn send(&mut self, bytes: &[u8], patience: Duration) -> io::Result<usize> {
        let deadline = self.now().saturating_add(patience);
        loop {
            match self.socket()?.send(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            let readable = if self.ended {
                PollFlags::empty()
            } else {
                PollFlags::IN
            };
            if (self.wait_for(PollFlags::OUT | readable, deadline)?).intersects(readable) {
                return Ok(0);
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
        let deadline = self.now().saturating_add(patience);
        loop {
            match self.socket()?.receive_now(buffer) {
                Err(Errno::AGAIN) => self.wait_for(PollFlags::IN, deadline)?,
                Ok(count) => {
                    self.ended = count == 0;
                    return Ok(count);
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error.into());
                }
            };
        }
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.socket()?.shutdown_write();
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.socket()?.reset_on_close();
        self.socket = None;
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn patience_may_be_without_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::from(listener.local_addr().unwrap());
        let mut peer = SocketPeer::connect(&endpoint, Duration::from_secs(10)).unwrap();
        let server = thread::spawn(move || listener.accept().unwrap().0.write_all(b"a").unwrap());
        let mut buffer = [0; 2];
        assert_eq!(peer.receive(&mut buffer, Duration::MAX).unwrap(), 1);
        assert_eq!(peer.receive(&mut buffer, Duration::MAX).unwrap(), 0);
        server.join().unwrap();
    }
}
