//! A thread that receives datagrams, and knows the peers and their timers.

mod ending;
mod peers;
mod port;
mod receiving;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use self::port::Port;
use super::crew::Crew;
use super::plain::Plain;
use super::{DatagramFactory, DatagramSystem, Failure, Links, MakePeer, Ready};
use crate::datagram::Table;
use crate::driver::cannot;
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::{Address, BATCH_MAX, Inbox};
use crate::server::{Counters, Published, Shared, Stage};
use crate::timer::{Clock, Limit, Time, Wheel};

/// Who runs the handlers.
pub(super) enum Staff {
    /// The station itself.
    Alone(DatagramFactory),
    /// Workers.
    Crew(Arc<Crew>, DatagramFactory),
}

/// A thread that receives.
pub(super) struct Station<S> {
    system: S,
    shared: Arc<Shared>,
    place: Arc<Place>,
    /// The server's own sockets first, then those that sessions have opened.
    ports: Slab<Port>,
    /// Those from which something can be received.
    ready: VecDeque<usize>,
    /// Those that have something to send.
    written: Vec<usize>,
    reported: Vec<Ready>,
    inbox: Inbox,
    role: Role,
    crew: Option<Arc<Crew>>,
    table: Table,
    wheel: Wheel,
    fired: Vec<u32>,
    failures: Vec<Failure>,
    counters: Counters,
    book: Published,
    now: Time,
    /// When it was last looked whether a callback was slow, and from when on it is.
    watched: Time,
    slow_callback: Limit,
    /// What had arrived when the server was asked to stop was received.
    drained: bool,
}

/// What the handlers of the server are.
enum Role {
    Plain(Plain),
    Peers(MakePeer),
}

impl<S: DatagramSystem> Station<S> {
    pub(super) fn new(
        system: S,
        place: Arc<Place>,
        links: Links,
        shared: &Arc<Shared>,
        staff: Staff,
    ) -> Result<Self, ServeError> {
        let (factory, crew) = match staff {
            Staff::Alone(factory) => (factory, None),
            Staff::Crew(crew, factory) => (factory, Some(crew)),
        };
        let role = match factory {
            DatagramFactory::Plain(make) => Role::Plain(Plain::new(make)),
            DatagramFactory::Peers(make) => Role::Peers(make),
        };
        let config = &shared.config;
        let now = system.now();
        // On a thread of its own a callback keeps nobody waiting.
        let slow_callback = config.slow_callback.filter(|_| crew.is_none());
        let mut station = Self {
            ports: Slab::new(),
            ready: VecDeque::new(),
            written: Vec::new(),
            reported: Vec::new(),
            inbox: Inbox::new(config.datagram_bytes_max, BATCH_MAX),
            role,
            crew,
            table: Table::new(links.len(), config.eviction),
            wheel: Wheel::new(now),
            fired: Vec::new(),
            failures: Vec::new(),
            counters: Counters::default(),
            book: shared.ledger.open(),
            now,
            watched: now,
            slow_callback: slow_callback.into(),
            drained: false,
            shared: shared.clone(),
            place,
            system,
        };
        shared.enter(&station.place);
        for link in links {
            let added = station.add_port(Port::new(link, None));
            added.map_err(cannot("registering a socket"))?;
        }
        Ok(station)
    }

    /// Receives until the server has stopped.
    pub(super) fn run(mut self) -> Result<(), ServeError> {
        loop {
            if self.shared.is_stopping() {
                self.drain();
                if self.is_done() {
                    break;
                }
            }
            self.wait(None)?;
            self.serve_ready();
            self.fire_timers();
            if self.place.take_attention() {
                self.hear_crew();
            }
            if self.shared.has_hooks {
                self.shared
                    .hook("service_actions", (), |hooks| hooks.service_actions());
            }
        }
        self.close();
        Ok(())
    }

    /// Receives one datagram and has it handled; false when none came in time or the server was asked to stop.
    pub(super) fn run_one(mut self, timeout: Option<Duration>) -> Result<bool, ServeError> {
        let deadline = timeout.map(|timeout| self.system.now().after(timeout));
        for (_, port) in &mut self.ports {
            port.batch = 1;
        }
        while !self.shared.is_stopping() {
            self.wait(deadline)?;
            if let Some(index) = self.ready.pop_front() {
                self.receive_one(index);
            }
            if self.counters.datagrams_in > 0 {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                break;
            }
        }
        Ok(false)
    }

    /// Waits for datagrams, news of the crew or the next deadline; not at all while there is work left over.
    fn wait(&mut self, deadline: Option<Time>) -> Result<(), ServeError> {
        self.counters.publish(&self.book);
        let timeout = if self.ready.is_empty() {
            self.next_deadline(deadline)
                .map(|at| at.since(self.system.now()))
        } else {
            Some(Duration::ZERO)
        };
        let awake = timeout == Some(Duration::ZERO) || !self.place.fall_asleep();
        let timeout = if awake { Some(Duration::ZERO) } else { timeout };
        let waits = self.system.wait(timeout, &mut self.reported);
        self.place.wake_up();
        self.counters.calls.wait += waits.map_err(cannot("waiting for datagrams"))?;
        self.now = self.system.now();
        self.watched = self.now;
        let mut reported = std::mem::take(&mut self.reported);
        for ready in reported.drain(..) {
            self.react(ready);
        }
        self.reported = reported;
        Ok(())
    }

    fn next_deadline(&self, deadline: Option<Time>) -> Option<Time> {
        let drain_by = Some(self.shared.life.drain_by()).filter(|&at| at != Time::NEVER);
        [self.wheel.next_deadline(), drain_by, deadline]
            .into_iter()
            .flatten()
            .min()
    }

    fn react(&mut self, ready: Ready) {
        let Some(port) = self.ports.get_mut(ready.token) else {
            return;
        };
        if ready.writable && port.is_blocked {
            self.flush(ready.token);
        }
        if ready.readable {
            self.set_ready(ready.token);
        }
    }

    /// Looks how long the callback took that has just returned, since everybody else has waited for it.
    #[inline]
    fn watch(&mut self, peer: &Address) {
        if self.slow_callback == Limit::NONE {
            return;
        }
        let now = Clock::coarse();
        let begun = std::mem::replace(&mut self.watched, now);
        if now.exceeds(begun, self.slow_callback) {
            self.counters.slow_callbacks += 1;
            if self.shared.may_complain() {
                log::warn!(
                    "{peer}: a callback took {:?}, and all others waited for it (use the mode `threads` or `pool`)",
                    now.since(begun)
                );
            }
        }
    }

    fn is_cut(&self) -> bool {
        self.shared.life.stage() == Stage::Cut || self.shared.life.drain_by() <= self.now
    }
}

impl<S> Drop for Station<S> {
    fn drop(&mut self) {
        self.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        self.shared.leave(&self.place);
    }
}
