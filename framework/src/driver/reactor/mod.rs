//! The mode `reactor`: event loops, each with a share of all connections.
//!
//! A socket is registered once, edge-triggered, for both directions (a Unix socket for output only when it was once full);
//! what it is ready for is remembered here and never asked for again. A message costs one `recv` and one `send`. Every
//! loop listens at every listener; a loop that has more than its share leaves new connections to the others, so that the
//! shares stay even without handing connections from thread to thread.

mod accepting;
mod connection;
mod events;
mod spinner;
mod system;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mio::Token;
use slab::Slab;

use self::connection::Connection;
pub(super) use self::system::Kernel;
pub(crate) use self::system::{Readiness, System};
use super::acceptor::Acceptor;
use super::coroutine::{Stacks, Suspended};
use super::loops::run_all;
use super::{Job, cannot};
use crate::Handler;
use crate::conn::ConnectionId;
use crate::delivery::Delivery;
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::{Link, Listener, NewSockets};
use crate::server::{Factory, Make, Published, Shared, Stage, StopHandle};
use crate::session::{Step, Turn};
use crate::timer::{Time, Wheel};

/// How many events one wait reports.
const EVENTS: usize = 1024;
pub(super) const WAKER: Token = Token(usize::MAX);
/// A token is a connection's key in these low bits, and above them a part of its number, so that an event for a connection
/// that has ended never reaches the next owner of its key. The highest bit marks listeners.
const KEY_BITS: u32 = 24;
const LISTENER_BIT: usize = 1 << (usize::BITS - 1);
/// How many connections a loop may have beyond the emptiest loop, as a number and as a fraction of that one's.
const SHARE_SLACK: usize = 8;
const SHARE_SLACK_FRACTION: usize = 16;
/// How long a loop that has its share leaves connections to others, who may be busy.
const SHARE_PATIENCE: Duration = Duration::from_millis(20);
/// How many it takes all the same when they do not come for them in that time.
const SHARE_EXCESS: usize = 16;
/// To how many connections that have waited, and to how many that get mail, one turn sends. With a `send` to each it takes some hundred
/// microseconds.
const TURN_SENDS_MAX: usize = 32;
/// The most that is read of what had arrived at a connection when the server was asked to stop.
const ARRIVED_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn serve(
    listeners: &[Arc<Listener>],
    shared: &Arc<Shared>,
    factory: &Factory,
    loops: usize,
) -> Result<(), ServeError> {
    let loads: Arc<[Load]> = (0..loops)
        .map(|_| Load {
            open: AtomicUsize::new(0),
            place: Place::new(),
        })
        .collect();
    let make = maker(factory, shared);
    let new = |index: usize| {
        let kernel = Kernel::new(&loads[index].place, shared.config.spin)?;
        Loop::new(index, kernel, listeners, shared, &make, &loads)
    };
    let all = (0..loops).map(new).collect::<Result<Vec<_>, _>>()?;
    run_all(all, Loop::run, &StopHandle::new(shared.clone()))
}

/// Runs one loop on a system of its own, until the server has stopped.
#[cfg(feature = "testkit")]
pub(crate) fn run_alone<S: System>(
    system: S,
    place: Arc<Place>,
    ports: Vec<Arc<S::Port>>,
    shared: &Arc<Shared>,
    make: &Make<Box<dyn Handler>>,
) -> Result<(), ServeError> {
    let open = AtomicUsize::new(0);
    let loads: Arc<[Load]> = Arc::new([Load { open, place }]);
    let alone = Loop::new(0, system, &ports, shared, make, &loads)?;
    // The loop alone closes them.
    drop(ports);
    alone.run()
}

/// What makes the handler of a session: for a blocking handler, the coroutine that it runs in.
fn maker(factory: &Factory, shared: &Shared) -> Make<Box<dyn Handler>> {
    let make = match factory {
        Factory::Events(make) => return make.clone(),
        Factory::Blocking(make) => make.clone(),
    };
    let max = Stacks::coroutines_max();
    if shared.admission.lower_to(max) {
        log::warn!(
            "connections_max is lowered from {} to {max}, since the system has no more mappings for the stacks of blocking handlers \
             (raise vm.max_map_count, or use events)",
            shared.config.connections_max
        );
    }
    let stacks = Arc::new(Stacks::new(shared.config.coroutine_stack_bytes));
    Arc::new(move |peer| Box::new(Suspended::new(make(peer), &stacks)))
}

/// How many connections a loop has, and where to reach it.
struct Load {
    open: AtomicUsize,
    place: Arc<Place>,
}

impl Load {
    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One event loop.
struct Loop<S: System> {
    index: usize,
    system: S,
    loads: Arc<[Load]>,
    shared: Arc<Shared>,
    make: Make<Box<dyn Handler>>,
    connections: Slab<Connection<S::Link>>,
    wheel: Wheel,
    acceptor: Acceptor<S::Port>,
    arrivals: Vec<Job<S::Link>>,
    /// Accepting waits until somebody leaves.
    waits_for_room: bool,
    /// Until when connections are left to loops that have fewer.
    yields_until: Option<Time>,
    /// Connections with work left over from their last turn.
    ready: VecDeque<u32>,
    turn: Turn,
    turn_bytes_max: usize,
    buffer: Vec<u8>,
    delivery: Delivery,
    fired: Vec<u32>,
    drained: bool,
    book: Published,
}

fn token(id: ConnectionId, key: usize) -> usize {
    (((id.get() as usize) << KEY_BITS) | key) & !LISTENER_BIT
}

impl<S: System> Loop<S> {
    fn new(
        index: usize,
        mut system: S,
        listeners: &[Arc<S::Port>],
        shared: &Arc<Shared>,
        make: &Make<Box<dyn Handler>>,
        loads: &Arc<[Load]>,
    ) -> Result<Self, ServeError> {
        let place = loads[index].place.clone();
        let acceptor = Acceptor::new(listeners, NewSockets::Nonblocking);
        for (index, listener) in acceptor.listeners() {
            system
                .watch_port(listener, LISTENER_BIT | usize::from(index))
                .map_err(cannot("registering a listener"))?;
        }
        shared.enter(&place);
        let turn = Turn::new(place, shared.clone()).watching();
        Ok(Self {
            index,
            system,
            loads: loads.clone(),
            shared: shared.clone(),
            make: make.clone(),
            connections: Slab::new(),
            wheel: Wheel::new(turn.now),
            acceptor,
            arrivals: Vec::new(),
            waits_for_room: false,
            yields_until: None,
            ready: VecDeque::new(),
            turn,
            turn_bytes_max: shared.config.turn_bytes_max,
            buffer: shared.config.new_read_buffer(),
            delivery: Delivery::default(),
            fired: Vec::new(),
            drained: false,
            book: shared.ledger.open(),
        })
    }

    fn run(mut self) -> Result<(), ServeError> {
        let mut events = S::new_events();
        let place = self.turn.place.clone();
        let mut result = Ok(());
        loop {
            if self.acceptor.is_empty() && self.shared.life.stage() == Stage::Serve {
                // Nobody can come any more, but those who are here are let go as at any other stop.
                result = Err(ServeError::NoListenerLeft);
                StopHandle::new(self.shared.clone()).stop();
            }
            if self.shared.life.stage() > Stage::Serve {
                self.drain();
                if self.connections.is_empty() {
                    return result;
                }
            }
            self.turn.counters.publish(&self.book);
            self.wait(&mut events, &place)?;
            self.turn.begin(S::now());
            for event in S::reported(&events) {
                self.react(event);
            }
            self.run_ready();
            self.accept();
            if place.take_attention() {
                if place.take_accept() {
                    self.waits_for_room = false;
                    self.yields_until = None;
                    self.acceptor.set_all_ready();
                }
                self.delivery.call();
            }
            self.read_mail(&place);
            self.fire_timers();
            if self.shared.has_hooks {
                self.shared
                    .hook("service_actions", (), |hooks| hooks.service_actions());
            }
        }
    }

    /// Waits for events, mail or the next deadline; not at all while there is work left over.
    fn wait(&mut self, events: &mut S::Events, place: &Place) -> Result<(), ServeError> {
        let busy = !self.ready.is_empty() || self.delivery.is_busy() || self.may_accept();
        let timeout = if busy {
            Some(Duration::ZERO)
        } else {
            self.next_deadline().map(|at| at.since(S::now()))
        };
        let awake = timeout == Some(Duration::ZERO) || !place.fall_asleep();
        let timeout = if awake { Some(Duration::ZERO) } else { timeout };
        let waits = self.system.wait(events, timeout);
        place.wake_up();
        self.turn.counters.calls.wait += waits.map_err(cannot("waiting for events"))?;
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        let drain_by = Some(self.shared.life.drain_by()).filter(|&at| at != Time::NEVER);
        [
            self.wheel.next_deadline(),
            self.acceptor.retry_at(),
            self.yields_until,
            drain_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn react(&mut self, event: impl Readiness) {
        let number = event.token();
        if number == WAKER.0 {
            return;
        }
        if number & LISTENER_BIT != 0 {
            self.acceptor.set_ready((number & !LISTENER_BIT) as u16);
            return;
        }
        let key = number & ((1 << KEY_BITS) - 1);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if token(connection.session.core().id(), key) != number {
            return;
        }
        connection.note(event);
        if event.is_error() {
            connection.look_at_error(&mut self.turn);
        }
        if connection.has_much_to_do() {
            return self.line_up(key as u32);
        }
        connection.exchange_inline(&mut self.buffer, self.turn_bytes_max, &mut self.turn);
        if !connection.is_settled() {
            self.settle(key as u32);
        }
    }

    /// Gives connections that have much to do another turn, those that have waited longest first, until one turn's worth of work is done. The
    /// others, and those that have more to do still, wait for the next round: between two of them everybody is heard who has something short to say.
    fn run_ready(&mut self) {
        let turn = self.turn_bytes_max as u64;
        let enough = self.turn.counters.bytes_moved().saturating_add(turn);
        for _ in 0..self.ready.len().min(TURN_SENDS_MAX) {
            let Some(key) = self.ready.pop_front() else {
                return;
            };
            if let Some(connection) = self.connections.get_mut(key as usize) {
                connection.queued = false;
                self.run_connection(key, self.turn_bytes_max);
            }
            if self.turn.counters.bytes_moved() >= enough {
                return;
            }
        }
    }

    /// Puts a connection at the end of those that have much to do.
    fn line_up(&mut self, key: u32) {
        let connection = &mut self.connections[key as usize];
        if !std::mem::replace(&mut connection.queued, true) {
            self.ready.push_back(key);
        }
    }

    /// Sends and receives, at most `budget` bytes, and sees to what comes next.
    fn run_connection(&mut self, key: u32, budget: usize) {
        self.connections[key as usize].exchange(&mut self.buffer, budget, &mut self.turn);
        self.settle(key);
    }

    /// Does what the session says comes next, and sees to it that it is looked at again in time.
    fn settle(&mut self, key: u32) {
        let connection = &mut self.connections[key as usize];
        let turn = &mut self.turn;
        loop {
            match connection.session.step(turn) {
                Step::Wait => break,
                Step::ShutdownWrite => {
                    turn.counters.calls.shutdown += 1;
                    connection.socket.shutdown_write();
                }
                Step::Close => return self.close(key, false),
                Step::Reset => return self.close(key, true),
            }
        }
        if !connection.writable && !connection.watches_output {
            connection.watches_output = true;
            turn.counters.calls.register += 1;
            let token = token(connection.session.core().id(), key as usize);
            let watched = self.system.watch_output(&connection.socket, token);
            if let Err(error) = watched {
                connection.session.fail(error, turn);
                return self.settle(key);
            }
        }
        let unfinished = (connection.readable && connection.session.wants_input(turn))
            || (connection.writable && connection.session.core().has_queue());
        let mut due = connection.session.deadline();
        if connection.armed == Time::NEVER {
            due = due.min(connection.session.idle_deadline(turn));
        }
        if due < connection.armed {
            connection.armed = due;
            self.wheel.schedule(key, due);
        }
        if unfinished {
            self.line_up(key);
        }
    }

    fn close(&mut self, key: u32, reset: bool) {
        self.wheel.cancel(key);
        let connection = &mut self.connections[key as usize];
        let reason = connection.session.finish(&mut self.turn);
        self.turn.counters.count_close(&reason);
        if reset {
            self.turn.counters.calls.other += 1;
            connection.socket.reset_on_close();
        }
        self.turn.counters.calls.close += 1;
        if self.shared.admission.is_full() {
            // Another loop may let the next one in before this turn is over, and the two must not be counted together.
            self.turn.counters.publish(&self.book);
        }
        let Connection {
            socket, session, ..
        } = self.connections.remove(key as usize);
        drop(socket);
        self.shared.report_end(session.peer(), &reason);
        self.shared.release(session.peer());
        self.load().open.fetch_sub(1, Ordering::Relaxed);
    }

    fn load(&self) -> &Load {
        &self.loads[self.index]
    }
}

impl<S: System> Drop for Loop<S> {
    fn drop(&mut self) {
        self.turn.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        self.shared.leave(&self.turn.place);
    }
}
