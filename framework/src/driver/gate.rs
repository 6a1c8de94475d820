//! The accepting thread of the thread modes: waits for connections and for a stop.

use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::Timespec;

use super::acceptor::Acceptor;
use super::{Job, cannot};
use crate::error::ServeError;
use crate::mail::{Place, Waker};
use crate::net::{Listener, NewSockets};
use crate::server::{Published, Shared, Stage};
use crate::session::Turn;
use crate::timer::{Clock, Time};

const WAKER: Token = Token(usize::MAX);

/// Where a thread that only accepts waits.
pub(crate) struct Gate {
    poll: Poll,
    events: Events,
    acceptor: Acceptor,
    turn: Turn,
    place: Arc<Place>,
    shared: Arc<Shared>,
    book: Published,
    /// Accepting waits for room: until somebody calls.
    waits_for_room: bool,
}

impl Gate {
    pub(crate) fn open(
        listeners: &[Arc<Listener>],
        shared: &Arc<Shared>,
    ) -> Result<Self, ServeError> {
        let poll = Poll::new().map_err(cannot("making a poll descriptor"))?;
        let place = Place::new();
        let waker = mio::Waker::new(poll.registry(), WAKER)
            .map_err(cannot("making a wake-up descriptor"))?;
        place.set_waker(Waker::Poll(waker));
        let acceptor = Acceptor::new(listeners, NewSockets::Blocking);
        for (index, listener) in acceptor.listeners() {
            let register = poll.registry().register(
                &mut SourceFd(&fd_of(listener)),
                Token(index.into()),
                Interest::READABLE,
            );
            register.map_err(cannot("registering a listener"))?;
        }
        shared.enter(&place);
        Ok(Self {
            poll,
            events: Events::with_capacity(64),
            acceptor,
            turn: Turn::new(place.clone(), shared.clone()),
            place,
            shared: shared.clone(),
            book: shared.ledger.open(),
            waits_for_room: false,
        })
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Waits until somebody may be at the door, the server is asked to stop, or the deadline has come; true in the first case.
    pub(crate) fn wait(&mut self, deadline: Option<Time>) -> Result<bool, ServeError> {
        loop {
            self.turn.begin(Clock::now());
            if self.shared.life.stage() > Stage::Serve {
                return Ok(false);
            }
            if self.acceptor.is_empty() {
                return Err(ServeError::NoListenerLeft);
            }
            if self.acceptor.is_ready(self.turn.now) && !self.waits_for_room {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| deadline <= self.turn.now) {
                return Ok(false);
            }
            self.turn.counters.publish(&self.book);
            self.sleep(deadline)?;
        }
    }

    fn sleep(&mut self, deadline: Option<Time>) -> Result<(), ServeError> {
        let until = [deadline, self.acceptor.retry_at()]
            .into_iter()
            .flatten()
            .min();
        let timeout = until.map(|until| until.since(self.turn.now));
        if self.place.fall_asleep() {
            self.turn.counters.calls.wait += 1;
            match self.poll.poll(&mut self.events, timeout) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                    return Err(cannot("waiting for connections")(error));
                }
                _ => self.place.wake_up(),
            }
            for event in self.events.iter().filter(|event| event.token() != WAKER) {
                self.acceptor
                    .set_ready(u16::try_from(event.token().0).unwrap_or(u16::MAX));
            }
        }
        if self.place.take_attention() && self.place.take_accept() {
            self.waits_for_room = false;
        }
        if self.shared.has_hooks {
            self.shared
                .hook("service_actions", (), |hooks| hooks.service_actions());
        }
        Ok(())
    }

    /// Accepts who waits, at most `ration`.
    pub(crate) fn accept(&mut self, ration: usize, arrivals: &mut Vec<Job>) {
        self.waits_for_room = self.acceptor.accept(&mut self.turn, ration, arrivals);
        self.turn.counters.publish(&self.book);
    }

    /// Leaves everybody waiting until [`Place::ask_to_accept`] is called.
    pub(crate) fn wait_for_room(&mut self) {
        self.waits_for_room = true;
    }

    /// Counts a connection that was accepted and could not be served.
    pub(crate) fn refuse(&mut self, job: &Job) {
        self.turn.counters.refused += 1;
        self.shared.release(&job.peer);
        self.turn.counters.publish(&self.book);
    }

    /// The server drains: takes everybody who is queued at the listeners, as far as there is room, before they are closed.
    pub(crate) fn accept_last(&mut self, arrivals: &mut Vec<Job>) {
        self.acceptor.set_all_ready();
        self.accept(self.shared.config.backlog as usize, arrivals);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.turn.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        self.shared.leave(&self.place);
    }
}

fn fd_of(listener: &Listener) -> std::os::fd::RawFd {
    std::os::fd::AsRawFd::as_raw_fd(listener)
}

/// How long until a time, as `poll(2)` wants it; `None` for never.
pub(crate) fn timespec_until(deadline: Time, now: Time) -> Option<Timespec> {
    if deadline == Time::NEVER {
        return None;
    }
    Timespec::try_from(deadline.since(now)).ok()
}
