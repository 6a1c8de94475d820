//! What a station needs of the system that it runs on: readiness and the time.
//!
//! A station is written against [`DatagramSystem`], so that the very code which serves also runs over a network in memory whose time, losses and
//! order of events a test decides.

use std::io;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use crate::driver::reactor::{Kernel, System, WAKER};
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::DatagramLink;
use crate::timer::{Clock, Time};

/// What a station runs on.
pub(crate) trait DatagramSystem {
    /// The time, to the nanosecond.
    fn now(&self) -> Time;

    /// Reports from now on, once each time it begins, that there is something to receive.
    fn watch(&mut self, link: &dyn DatagramLink, token: usize) -> io::Result<()>;

    /// Reports room for output, too, or no more.
    fn watch_output(
        &mut self,
        link: &dyn DatagramLink,
        token: usize,
        output: bool,
    ) -> io::Result<()>;

    fn forget(&mut self, link: &dyn DatagramLink);

    /// Waits for something to report, and adds it to `ready`; returns how many system calls that took.
    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<u64>;
}

/// What is reported of a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// The operating system.
pub(super) struct Poller {
    kernel: Kernel,
    events: Events,
}

impl Poller {
    /// A poll that a place can be woken from.
    pub(super) fn new(place: &Place, spin: Duration) -> Result<Self, ServeError> {
        Ok(Self {
            kernel: Kernel::new(place, spin)?,
            events: Kernel::new_events(),
        })
    }
}

impl DatagramSystem for Poller {
    fn now(&self) -> Time {
        Clock::now()
    }

    fn watch(&mut self, link: &dyn DatagramLink, token: usize) -> io::Result<()> {
        let source = link.descriptor();
        let registry = self.kernel.poll.registry();
        registry.register(&mut SourceFd(&source), Token(token), Interest::READABLE)
    }

    fn watch_output(
        &mut self,
        link: &dyn DatagramLink,
        token: usize,
        output: bool,
    ) -> io::Result<()> {
        let interest = if output {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let source = link.descriptor();
        let registry = self.kernel.poll.registry();
        registry.reregister(&mut SourceFd(&source), Token(token), interest)
    }

    fn forget(&mut self, link: &dyn DatagramLink) {
        // Others may still hold the descriptor, so that closing alone would not end its events.
        let _ = (self.kernel.poll.registry()).deregister(&mut SourceFd(&link.descriptor()));
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<u64> {
        let calls = self.kernel.wait(&mut self.events, timeout)?;
        let reported = self.events.iter().filter(|event| event.token() != WAKER);
        ready.extend(reported.map(|event| Ready {
            token: event.token().0,
            readable: event.is_readable() || event.is_error(),
            writable: event.is_writable(),
        }));
        Ok(calls)
    }
}
