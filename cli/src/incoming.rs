//! Lines that come from a peer, also from one that sends no line ends.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;
use socket2::Socket;

use crate::lines::{Line, Lines};

/// The longest line that is taken from a peer: far longer than what people write.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;
/// How long a peer that has never sent a line end is silent when its line is complete.
const SILENCE: Duration = Duration::from_millis(50);

/// What comes from a peer, line by line. Programs that are written as tutorials write them send their lines without an end; silence ends a line until
/// a peer has sent its first line end.
pub(crate) struct Incoming {
    lines: Lines<Shared>,
    socket: Arc<Socket>,
    has_line_ends: bool,
}

/// A socket that another thread writes to.
struct Shared(Arc<Socket>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Incoming {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self {
            lines: Lines::new(Shared(socket.clone()), LINE_BYTES_MAX),
            socket,
            has_line_ends: false,
        }
    }

    /// Waits for the next line; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            match self.next_within(None)? {
                Came::Line(line) => return Ok(Some(line)),
                Came::End => return Ok(None),
                Came::Nothing => {}
            }
        }
    }

    /// Waits for the next line, with a limit for each piece of it.
    pub(crate) fn next_within(&mut self, limit: Option<Duration>) -> io::Result<Came> {
        loop {
            if let Some(line) = self.lines.next() {
                self.has_line_ends |= !self.lines.is_ended();
                return Ok(Came::Line(line));
            }
            if self.lines.is_ended() {
                return Ok(Came::End);
            }
            let silence_ends_it = self.lines.has_begun() && !self.has_line_ends;
            if silence_ends_it && is_silent(&*self.socket, SILENCE)? {
                return Ok(Came::Line(self.lines.end_line()));
            }
            if let Some(limit) = limit
                && is_silent(&*self.socket, limit)?
            {
                return Ok(Came::Nothing);
            }
            self.lines.read()?;
        }
    }
}

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Came {
    Line(Line),
    /// Nothing, for as long as the limit was.
    Nothing,
    /// Nothing more will.
    End,
}

/// Whether nothing comes for so long.
pub(crate) fn is_silent(socket: impl AsFd, time: Duration) -> io::Result<bool> {
    let mut watched = [PollFd::new(&socket, PollFlags::IN)];
    let timeout = Timespec::try_from(time).ok();
    match poll(&mut watched, timeout.as_ref()) {
        Ok(ready) => Ok(ready == 0),
        // Whoever asks does so again.
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
