//! A connection as a client waits for it: frames and bodies over a socket, with a limit on how long nothing may move.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use serde::Serialize;
use socketserver::{Codec, Decoded, Endpoint, FrameError, LengthPrefix};

use super::super::wire::{self, ReplyFields};
use super::Error;

/// How many bytes are read, hashed and written at once.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// How many bytes are read at once in search of a header.
const HEADER_CHUNK_BYTES: usize = 16 * 1024;
/// How long a server that has broken off may take to say why.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Sending to a peer that is gone is an error to look at, never a signal that ends the process.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// Apple's systems have no such flag; programs in Rust ignore the signal anyway.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// What became of sending a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The system has taken it.
    All,
    /// The server has answered before it had everything.
    Answered,
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    /// Its calls never wait; [`poll`] does.
    socket: OwnedFd,
    /// What has come and is of no frame or body yet that was asked for.
    input: Vec<u8>,
    framing: LengthPrefix,
    /// How long nothing may move; none for as long as it takes.
    timeout: Option<Duration>,
    /// Nobody knows any more where in the stream of bytes the next reply begins.
    is_over: bool,
}

impl Connection {
    pub(super) fn open(
        endpoint: &Endpoint,
        connect_timeout: Option<Duration>,
        timeout: Option<Duration>,
        frame_bytes_max: usize,
    ) -> Result<Self, Error> {
        let socket = endpoint
            .connect(connect_timeout)
            .map_err(|cause| Error::Connect {
                endpoint: endpoint.clone(),
                cause,
            })?;
        Ok(Self {
            socket,
            input: Vec::new(),
            framing: wire::framing(frame_bytes_max),
            timeout,
            is_over: false,
        })
    }

    /// Whether no more can be asked. What comes without having been asked for is an end, or nothing that could be understood.
    pub(super) fn is_over(&self) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        self.is_over
            || !self.input.is_empty()
            || poll(&mut fds, Some(&Timespec::default())) != Ok(0)
    }

    /// Says that a frame or a body was left in the middle.
    pub(super) fn give_up(&mut self) {
        self.is_over = true;
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
    }

    /// Sends the end of our side.
    pub(super) fn half_close(&self) {
        // An error means that the connection is gone already, which the next read tells better.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }

    /// Sets how long nothing may move, and gives what was set before.
    pub(super) fn set_timeout(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        std::mem::replace(&mut self.timeout, timeout)
    }

    /// Sends a header. A server that has broken off has often said why before, and that is what counts then.
    pub(super) fn send_header<T: Serialize>(&mut self, header: &T) -> Result<(), Error> {
        if self.is_over {
            return Err(Error::Lost(ErrorKind::UnexpectedEof.into()));
        }
        match self.send(&wire::write(header), false) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.last_words().unwrap_or(error)),
        }
    }

    /// Sends the next bytes of a body, unless the server has answered meanwhile: a refusal, after which it reads nothing more, or only to drop it.
    pub(super) fn send_body(&mut self, bytes: &[u8]) -> Result<Sent, Error> {
        match self.send(bytes, true) {
            Ok(sent) => Ok(sent),
            Err(error) => Err(self.last_words().unwrap_or(error)),
        }
    }

    /// Sends bytes that are no frame.
    pub(super) fn send_plain(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.send(bytes, false).map(drop)
    }

    fn send(&mut self, mut bytes: &[u8], until_answered: bool) -> Result<Sent, Error> {
        let flags = if until_answered {
            PollFlags::OUT | PollFlags::IN
        } else {
            PollFlags::OUT
        };
        while !bytes.is_empty() {
            // At least once for each chunk, also while there is always room.
            if until_answered && self.poll(flags)?.contains(PollFlags::IN) {
                return Ok(Sent::Answered);
            }
            match rustix::net::send(&self.socket, bytes, NO_SIGNAL | SendFlags::DONTWAIT) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.poll(flags)?;
                }
                Err(error) => return Err(self.lost(error.into())),
            }
        }
        Ok(Sent::All)
    }

    /// The refusal that a server has sent before it broke off, if there is one.
    fn last_words(&mut self) -> Option<Error> {
        self.timeout = Some(LAST_WORDS);
        let reply = self.receive_reply().ok()??;
        self.is_over = true;
        let is_refusal = reply.err.is_some() || reply.code.is_some_and(|code| code >= 400);
        is_refusal.then(|| Error::refused(&reply))
    }

    /// Waits for a reply; none if it is the JSON value `null`.
    pub(super) fn receive_reply(&mut self) -> Result<Option<ReplyFields>, Error> {
        loop {
            match self.framing.decode(&self.input) {
                Ok(Decoded::Message { payload, length }) => {
                    let header = &self.input[payload];
                    let reply = if header.trim_ascii() == b"null" {
                        Ok(None)
                    } else {
                        wire::read(header).map(Some)
                    };
                    self.input.drain(..length);
                    return reply.map_err(|error| self.wrong(&error));
                }
                Ok(Decoded::Incomplete { .. }) => {}
                Err(error) => return Err(self.wrong(&error)),
            }
            let mut chunk = [0; HEADER_CHUNK_BYTES];
            let count = self.receive(&mut chunk)?;
            if count == 0 {
                return Err(self.lost(ErrorKind::UnexpectedEof.into()));
            }
            self.input.extend_from_slice(&chunk[..count]);
        }
    }

    /// Hands over the next `size` bytes in pieces. Whoever takes them may fail, which leaves the connection in the middle of the body.
    pub(super) fn receive_body(
        &mut self,
        size: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let result = self.receive_pieces(size, take);
        if result.is_err() {
            self.give_up();
        }
        result
    }

    fn receive_pieces(
        &mut self,
        size: u64,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut left = size;
        if left > 0 && !self.input.is_empty() {
            let count = self.input.len().min(bounded(left));
            take(&self.input[..count])?;
            self.input.drain(..count);
            left -= count as u64;
        }
        let mut chunk = vec![0; CHUNK_BYTES.min(bounded(left))];
        while left > 0 {
            let room = chunk.len().min(bounded(left));
            let count = self.receive(&mut chunk[..room])?;
            if count == 0 {
                return Err(self.lost(ErrorKind::UnexpectedEof.into()));
            }
            take(&chunk[..count])?;
            left -= count as u64;
        }
        Ok(())
    }

    /// Hands over everything until the end.
    pub(super) fn receive_all(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match self.receive(&mut chunk)? {
                0 => return Ok(()),
                count => take(&chunk[..count])?,
            }
        }
    }

    /// Reads what comes next; zero bytes at the end.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, count)) => return Ok(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.poll(PollFlags::IN)?;
                }
                Err(error) => return Err(self.lost(error.into())),
            }
        }
    }

    /// Waits until something can be done, or the connection has ended.
    fn poll(&mut self, flags: PollFlags) -> Result<PollFlags, Error> {
        let deadline = self
            .timeout
            .map(|timeout| (Instant::now() + timeout, timeout));
        loop {
            let left = deadline.map(|(at, _)| at.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [PollFd::new(&self.socket, flags)];
            match poll(&mut fds, left.as_ref()) {
                Ok(0) => {}
                Ok(_) => return Ok(fds[0].revents()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(self.lost(error.into())),
            }
            if let Some((at, timeout)) = deadline
                && Instant::now() >= at
            {
                self.is_over = true;
                return Err(Error::TimedOut(timeout));
            }
        }
    }

    fn lost(&mut self, error: io::Error) -> Error {
        self.is_over = true;
        Error::Lost(error)
    }

    fn wrong(&mut self, error: &FrameError) -> Error {
        self.is_over = true;
        Error::Protocol(match error {
            FrameError::LengthTooLarge { length, max, .. } => {
                format!("a header of {length} bytes was announced, and at most {max} are taken")
            }
            error => error.to_string(),
        })
    }
}

/// As many bytes as there are, or as one can count in memory.
fn bounded(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
