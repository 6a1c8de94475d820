//! What a loop needs of the system that it runs on: readiness, sockets and the time.
//!
//! A loop is written against [`System`], so that the very code which serves on a [`Kernel`] also runs over a network in memory whose time,
//! faults and order of events a test decides.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::spinner::Spinner;
use super::{EVENTS, WAKER};
use crate::driver::cannot;
use crate::error::ServeError;
use crate::mail::{Place, Waker};
use crate::net::{Link, Listener, Port, Socket};
use crate::timer::{Clock, Time};

/// What a loop runs on.
pub(crate) trait System {
    type Link: Link;
    type Port: Port<Link = Self::Link>;
    type Events;

    /// Room for what one wait reports.
    fn new_events() -> Self::Events;

    /// The time, to the nanosecond.
    fn now() -> Time;

    /// Reports from now on, once each time, that somebody may be waiting.
    fn watch_port(&mut self, port: &Self::Port, token: usize) -> io::Result<()>;

    fn forget_port(&mut self, port: &Self::Port);

    /// Reports from now on, once each time it begins, that there is something to read, and that there is room for output if that is asked for.
    fn watch(&mut self, link: &Self::Link, token: usize, output: bool) -> io::Result<()>;

    /// Reports room for output too. It reports what there is now, so that nothing is missed.
    fn watch_output(&mut self, link: &Self::Link, token: usize) -> io::Result<()>;

    /// Waits for events; returns how many system calls that took.
    fn wait(&mut self, events: &mut Self::Events, timeout: Option<Duration>) -> io::Result<u64>;

    /// What the last wait has reported.
    fn reported(events: &Self::Events) -> impl Iterator<Item = impl Readiness>;
}

/// What an event says about a socket. It is asked and not handed over, since few of the answers matter to most events.
pub(crate) trait Readiness: Copy {
    fn token(self) -> usize;
    fn is_readable(self) -> bool;
    fn is_writable(self) -> bool;
    /// Whether the peer's end lies behind what can be read.
    fn is_read_closed(self) -> bool;
    fn is_error(self) -> bool;
}

impl Readiness for &Event {
    #[inline]
    fn token(self) -> usize {
        Event::token(self).0
    }

    #[inline]
    fn is_readable(self) -> bool {
        Event::is_readable(self)
    }

    #[inline]
    fn is_writable(self) -> bool {
        Event::is_writable(self)
    }

    #[inline]
    fn is_read_closed(self) -> bool {
        Event::is_read_closed(self)
    }

    #[inline]
    fn is_error(self) -> bool {
        Event::is_error(self)
    }
}

/// The operating system.
pub(in crate::driver) struct Kernel {
    pub(in crate::driver) poll: Poll,
    spinner: Spinner,
}

impl Kernel {
    /// A poll that a place can be woken from.
    pub(in crate::driver) fn new(place: &Place, spin: Duration) -> Result<Self, ServeError> {
        let poll = Poll::new().map_err(cannot("making a poll descriptor"))?;
        let waker = mio::Waker::new(poll.registry(), WAKER)
            .map_err(cannot("making a wake-up descriptor"))?;
        place.set_waker(Waker::Poll(waker));
        Ok(Self {
            poll,
            spinner: Spinner::new(spin),
        })
    }
}

impl System for Kernel {
    type Link = Socket;
    type Port = Listener;
    type Events = Events;

    fn new_events() -> Events {
        Events::with_capacity(EVENTS)
    }

    #[inline]
    fn now() -> Time {
        Clock::now()
    }

    fn watch_port(&mut self, port: &Listener, token: usize) -> io::Result<()> {
        let source = port.as_raw_fd();
        let registry = self.poll.registry();
        registry.register(&mut SourceFd(&source), Token(token), Interest::READABLE)
    }

    fn forget_port(&mut self, port: &Listener) {
        // Other loops may still hold the descriptor, so that closing alone would not end its events.
        let _ = (self.poll.registry()).deregister(&mut SourceFd(&port.as_raw_fd()));
    }

    #[inline]
    fn watch(&mut self, link: &Socket, token: usize, output: bool) -> io::Result<()> {
        let interest = if output {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let source = link.as_raw_fd();
        (self.poll.registry()).register(&mut SourceFd(&source), Token(token), interest)
    }

    fn watch_output(&mut self, link: &Socket, token: usize) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        let source = link.as_raw_fd();
        (self.poll.registry()).reregister(&mut SourceFd(&source), Token(token), both)
    }

    #[inline]
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<u64> {
        self.spinner.wait(&mut self.poll, events, timeout)
    }

    #[inline]
    fn reported(events: &Events) -> impl Iterator<Item = impl Readiness> {
        events.iter()
    }
}
