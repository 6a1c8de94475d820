//! One connection of the loop: what the kernel has not taken yet, and whose turn it is.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socketserver_handlers::spin;

use crate::peers::lines::Lines;
use crate::peers::task::{Pace, Task};

/// From how many bytes of lines on that wait for their turn no more are read: the longest line, and a buffer.
const HELD_BYTES_MAX: usize = 128 * 1024;

/// What a connection waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// An event.
    Event,
    /// To be resumed after so long. Events come meanwhile.
    Time(Duration),
    /// Nothing: it is over.
    Close,
}

/// A connection of the loop.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    /// A number that no other connection has, unlike its key.
    pub(super) id: u64,
    /// What the kernel has not taken, of which `sent` bytes are sent. Nothing more is read or answered before it has.
    output: Vec<u8>,
    sent: usize,
    lines: Lines,
    /// The answer that waits for its time.
    answer: Option<Vec<u8>>,
    /// A timer is set.
    waiting: bool,
    /// The peer has sent its end.
    ended: bool,
    /// For what events it is registered.
    interest: EventFlags,
}

/// What goes wrong with a connection ends it, whatever it is.
type Result<T> = std::result::Result<T, Broken>;

/// The connection is broken, or the peer sends what it may not.
#[derive(Debug)]
struct Broken;

impl<E: std::error::Error> From<E> for Broken {
    fn from(_: E) -> Self {
        Self
    }
}

impl Connection {
    /// It is to be registered for input.
    pub(super) fn new(socket: OwnedFd, id: u64) -> Self {
        Self {
            socket,
            id,
            output: Vec::new(),
            sent: 0,
            lines: Lines::default(),
            answer: None,
            waiting: false,
            ended: false,
            interest: EventFlags::IN,
        }
    }

    /// The kernel has reported something.
    pub(super) fn attend(&mut self, flags: EventFlags, task: Task, buffer: &mut [u8]) -> Next {
        let result = if self.interest.contains(EventFlags::OUT) {
            self.flush().and_then(|()| self.go_on(task))
        } else if self.interest.contains(EventFlags::IN) {
            self.receive(task, buffer)
        } else if flags.intersects(EventFlags::ERR | EventFlags::HUP) {
            // Nobody is left to answer to, and the kernel would say so without end.
            Err(Broken)
        } else {
            Ok(Next::Event)
        };
        result.unwrap_or(Next::Close)
    }

    /// The time that it waited for has come.
    pub(super) fn resume(&mut self, task: Task) -> Next {
        self.waiting = false;
        let answered = match self.answer.take() {
            Some(answer) => self.write(&answer),
            None => Ok(()),
        };
        answered
            .and_then(|()| self.go_on(task))
            .unwrap_or(Next::Close)
    }

    /// For what it must be registered now, if that is something else than before.
    pub(super) fn changed_interest(&mut self) -> Option<EventFlags> {
        let interest = if !self.output.is_empty() {
            EventFlags::OUT
        } else if self.ended || self.lines.len() >= HELD_BYTES_MAX {
            EventFlags::empty()
        } else {
            EventFlags::IN
        };
        let has_changed = std::mem::replace(&mut self.interest, interest) != interest;
        has_changed.then_some(interest)
    }

    fn receive(&mut self, task: Task, buffer: &mut [u8]) -> Result<Next> {
        let count = match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Next::Event),
            Err(error) => return Err(error.into()),
        };
        let received = &mut buffer[..count];
        self.ended = count == 0;
        match task {
            Task::Bytes(letters) => {
                letters.change(received);
                self.write(received)?;
            }
            Task::Lines(_) => self.lines.push(received),
        }
        self.go_on(task)
    }

    /// Answers what can be answered now.
    fn go_on(&mut self, task: Task) -> Result<Next> {
        if self.waiting || !self.output.is_empty() {
            return Ok(Next::Event);
        }
        if let Task::Lines(pace) = task
            && let Some(answer) = self.next_answer()?
        {
            return self.take_time(pace, answer);
        }
        Ok(if self.ended { Next::Close } else { Next::Event })
    }

    fn next_answer(&mut self) -> Result<Option<Vec<u8>>> {
        match self.lines.next()? {
            None if self.ended => Ok(self.lines.last()?),
            answer => Ok(answer),
        }
    }

    /// One line, after which others have their turn.
    fn take_time(&mut self, pace: Pace, answer: Vec<u8>) -> Result<Next> {
        let pause = match pace {
            Pace::Work(time) => {
                spin(time);
                self.write(&answer)?;
                if !self.ended && self.lines.len() == 0 {
                    return Ok(Next::Event);
                }
                Duration::ZERO
            }
            Pace::Wait(time) => {
                self.answer = Some(answer);
                time
            }
        };
        self.waiting = true;
        Ok(Next::Time(pause))
    }

    /// Sends, and keeps what the kernel does not take.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = self.send(bytes)?;
        self.output.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what was kept.
    fn flush(&mut self) -> Result<()> {
        self.sent += self.send(&self.output[self.sent..])?;
        if self.sent == self.output.len() {
            // A connection that has caught up needs no memory for that any more.
            self.output = Vec::new();
            self.sent = 0;
        }
        Ok(())
    }

    /// How many of the bytes the kernel takes.
    fn send(&self, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => Ok(sent),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
