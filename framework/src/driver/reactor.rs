//! The mode `reactor`: event loops, each with a share of all connections.
//!
//! A socket is registered once, edge-triggered, for both directions (a Unix socket for output only when it was once full); what it is ready for
//! is remembered here and never asked for again. A
//! message costs one `recv` and one `send`. Every loop listens at every listener; a loop that has more than its share leaves new
//! connections to the others, so that the shares stay even without handing connections from thread to thread.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;
use slab::Slab;

use super::acceptor::Acceptor;
use super::{CountingWire, Job, cannot};
use crate::CloseReason;
use crate::conn::ConnectionId;
use crate::error::ServeError;
use crate::mail::{Mail, Place, Waker};
use crate::net::{Address, Listener, NewSockets, Socket};
use crate::server::{Factory, Published, Shared, Stage, StopHandle};
use crate::session::{Core, Sent, Session, Step, Turn};
use crate::timer::{Clock, Time, Wheel};

/// How many events one wait reports.
const EVENTS: usize = 1024;
const WAKER: Token = Token(usize::MAX);
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
    let make = |index| Loop::new(index, listeners, shared, factory, &loads);
    let mut all = (0..loops).map(make).collect::<Result<Vec<_>, _>>()?;
    let stop = StopHandle::new(shared.clone());
    let Some(own) = all.pop() else { return Ok(()) };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut result = Ok(());
        for other in all {
            match thread::Builder::new()
                .name("reactor".into())
                .spawn_scoped(scope, || other.run())
            {
                Ok(thread) => threads.push(thread),
                Err(error) => result = Err(cannot("starting a reactor thread")(error)),
            }
        }
        if result.is_ok() {
            result = own.run();
        }
        // Whatever ended one loop ends them all.
        stop.stop();
        for thread in threads {
            match thread.join() {
                Ok(other) => result = result.and(other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        result
    })
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
struct Loop {
    index: usize,
    loads: Arc<[Load]>,
    shared: Arc<Shared>,
    factory: Factory,
    poll: Poll,
    connections: Slab<Connection>,
    wheel: Wheel,
    acceptor: Acceptor,
    arrivals: Vec<Job>,
    /// Accepting waits until somebody leaves.
    waits_for_room: bool,
    /// Until when connections are left to loops that have fewer.
    yields_until: Option<Time>,
    /// Connections with work left over from their last turn.
    ready: VecDeque<u32>,
    turn: Turn,
    turn_bytes_max: usize,
    buffer: Vec<u8>,
    mail: VecDeque<Mail>,
    fired: Vec<u32>,
    /// Connections that mail has come for.
    touched: Vec<u32>,
    spinner: Spinner,
    drained: bool,
    book: Published,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each noted by itself"
)]
struct Connection {
    /// What its events carry, and those of former owners of its key do not.
    token: Token,
    socket: Socket,
    session: Session,
    /// When the wheel will have this connection looked at.
    armed: Time,
    /// There may be something to read.
    readable: bool,
    /// The socket may take output.
    writable: bool,
    /// The peer's end was reported, so that a short read is followed by another one.
    hung_up: bool,
    /// It is in the ready list.
    queued: bool,
    /// The poll reports when the socket may take output again.
    watches_output: bool,
}

fn token(id: ConnectionId, key: usize) -> Token {
    Token((((id.get() as usize) << KEY_BITS) | key) & !LISTENER_BIT)
}

impl Loop {
    fn new(
        index: usize,
        listeners: &[Arc<Listener>],
        shared: &Arc<Shared>,
        factory: &Factory,
        loads: &Arc<[Load]>,
    ) -> Result<Self, ServeError> {
        let poll = Poll::new().map_err(cannot("making a poll descriptor"))?;
        let place = loads[index].place.clone();
        let waker = mio::Waker::new(poll.registry(), WAKER)
            .map_err(cannot("making a wake-up descriptor"))?;
        place.set_waker(Waker::Poll(waker));
        let acceptor = Acceptor::new(listeners, NewSockets::Nonblocking);
        for (index, listener) in acceptor.listeners() {
            let token = Token(LISTENER_BIT | usize::from(index));
            let register = poll.registry().register(
                &mut SourceFd(&listener.as_raw_fd()),
                token,
                Interest::READABLE,
            );
            register.map_err(cannot("registering a listener"))?;
        }
        shared.enter(&place);
        let turn = Turn::new(place, shared.clone()).watching();
        Ok(Self {
            index,
            loads: loads.clone(),
            shared: shared.clone(),
            factory: factory.clone(),
            poll,
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
            mail: VecDeque::new(),
            fired: Vec::new(),
            touched: Vec::new(),
            spinner: Spinner::new(shared.config.spin),
            drained: false,
            book: shared.ledger.open(),
        })
    }

    fn run(mut self) -> Result<(), ServeError> {
        let mut events = Events::with_capacity(EVENTS);
        let place = self.turn.place.clone();
        loop {
            if self.shared.life.stage() > Stage::Serve {
                self.drain();
                if self.connections.is_empty() {
                    return Ok(());
                }
            } else if self.acceptor.is_empty() {
                return Err(ServeError::NoListenerLeft);
            }
            self.turn.counters.publish(&self.book);
            self.wait(&mut events, &place)?;
            self.turn.begin(Clock::now());
            for event in &events {
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
                self.read_mail(&place);
            }
            self.fire_timers();
            if self.shared.has_hooks {
                self.shared
                    .hook("service_actions", (), |hooks| hooks.service_actions());
            }
        }
    }

    /// Waits for events, mail or the next deadline; not at all while there is work left over.
    fn wait(&mut self, events: &mut Events, place: &Place) -> Result<(), ServeError> {
        let busy = !self.ready.is_empty() || self.may_accept();
        let timeout = if busy {
            Some(Duration::ZERO)
        } else {
            self.next_deadline().map(|at| at.since(Clock::now()))
        };
        let awake = timeout == Some(Duration::ZERO) || !place.fall_asleep();
        let timeout = if awake { Some(Duration::ZERO) } else { timeout };
        let waits = self.spinner.wait(&mut self.poll, events, timeout);
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

    fn react(&mut self, event: &Event) {
        let Token(number) = event.token();
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
        if connection.token != event.token() {
            return;
        }
        connection.note(event);
        connection.exchange_inline(&mut self.buffer, self.turn_bytes_max, &mut self.turn);
        if !connection.is_settled() {
            self.settle(key as u32);
        }
    }

    /// Gives connections that had used up their budget another turn. Those that do so again wait for the next one.
    fn run_ready(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(key) = self.ready.pop_front() else {
                return;
            };
            if let Some(connection) = self.connections.get_mut(key as usize) {
                connection.queued = false;
                self.run_connection(key, self.turn_bytes_max);
            }
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
            let source = connection.socket.as_raw_fd();
            let both = Interest::READABLE | Interest::WRITABLE;
            // This reports what the socket is ready for now, so that no edge is missed.
            let watched =
                (self.poll.registry()).reregister(&mut SourceFd(&source), connection.token, both);
            if let Err(error) = watched {
                connection.session.fail(error, turn);
                return self.settle(key);
            }
        }
        let unfinished = (connection.readable && connection.session.wants_input(turn))
            || (connection.writable && connection.session.core().has_queue());
        if unfinished && !std::mem::replace(&mut connection.queued, true) {
            self.ready.push_back(key);
        }
        let mut due = connection.session.deadline();
        if connection.armed == Time::NEVER {
            due = due.min(connection.session.idle_deadline(turn));
        }
        if due < connection.armed {
            connection.armed = due;
            self.wheel.schedule(key, due);
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

/// Accepting.
impl Loop {
    /// Whether somebody may be waiting at a listener for this loop.
    fn may_accept(&self) -> bool {
        !self.waits_for_room
            && self.acceptor.is_ready(self.turn.now)
            && self.yields_until.is_none_or(|until| until <= self.turn.now)
    }

    fn accept(&mut self) {
        if !self.may_accept() {
            return;
        }
        let patience_is_over = self.yields_until.take().is_some();
        let share = match self.share() {
            0 if patience_is_over => SHARE_EXCESS,
            0 => return self.yield_to_the_emptiest(),
            share => share,
        };
        let ration = share.min(self.shared.config.accepts_per_turn_max);
        self.waits_for_room = self
            .acceptor
            .accept(&mut self.turn, ration, &mut self.arrivals);
        self.admit_arrivals();
    }

    /// How many connections this loop may take before it has more than its share.
    fn share(&self) -> usize {
        if self.loads.len() == 1 {
            return usize::MAX;
        }
        let least = self.loads.iter().map(Load::open).min().unwrap_or(0);
        (least + SHARE_SLACK + least / SHARE_SLACK_FRACTION).saturating_sub(self.load().open())
    }

    fn yield_to_the_emptiest(&mut self) {
        if let Some(emptiest) = self.loads.iter().min_by_key(|load| load.open()) {
            emptiest.place.ask_to_accept();
        }
        self.yields_until = Some(self.turn.now.after(SHARE_PATIENCE));
    }

    fn admit_arrivals(&mut self) {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        for job in arrivals.drain(..) {
            self.admit(job);
        }
        self.arrivals = arrivals;
    }

    fn admit(&mut self, job: Job) {
        let Job {
            socket,
            peer,
            listener,
            local_is_open,
            ..
        } = job;
        self.turn.counters.count_open();
        let handler = match Shared::make_handler(&self.factory, &peer) {
            Ok(handler) => handler,
            Err(reason) => {
                self.turn.counters.panics += 1;
                self.turn.counters.count_close(&reason);
                self.shared.report_end(&peer, &reason);
                self.shared.release(&peer);
                return;
            }
        };
        self.load().open.fetch_add(1, Ordering::Relaxed);
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let id = self.shared.next_id();
        let token = token(id, key);
        self.turn.counters.calls.register += 1;
        // A Unix socket would report every read of its peer as room for output, so that it is asked only when it matters.
        let watches_output = matches!(peer, Address::Tcp(_));
        let interest = if watches_output {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let registered =
            self.poll
                .registry()
                .register(&mut SourceFd(&socket.as_raw_fd()), token, interest);
        let connection = entry.insert(Connection {
            session: Session::new(
                handler,
                Core::new(id, key as u32, peer, listener, &self.turn),
            ),
            token,
            socket,
            armed: Time::NEVER,
            readable: false,
            writable: true,
            hung_up: false,
            queued: false,
            watches_output,
        });
        if local_is_open {
            self.turn.counters.calls.other += 1;
            if let Ok(local) = connection.socket.local_address() {
                connection.session.core_mut().set_local(local);
            }
        }
        connection.session.open(&mut self.turn);
        if let Err(error) = registered {
            connection.session.fail(error, &mut self.turn);
        }
        if connection.session.is_quiet() && !connection.session.has_output(&self.turn) {
            // A handler that waits to be spoken to, as most do.
            connection.armed = connection.session.idle_deadline(&self.turn);
            if connection.armed != Time::NEVER {
                self.wheel.schedule(key as u32, connection.armed);
            }
        } else {
            connection.flush(self.turn_bytes_max, &mut self.turn);
            self.settle(key as u32);
        }
    }
}

impl Connection {
    /// Remembers what an event says.
    fn note(&mut self, event: &Event) {
        if !self.writable {
            self.writable = event.is_writable();
        }
        let hung_up = event.is_read_closed() || event.is_error();
        self.hung_up |= hung_up;
        self.readable |= event.is_readable() || hung_up;
    }

    /// Sends and receives, until there is no more to do or the budget is used up.
    fn exchange(&mut self, buffer: &mut [u8], budget: usize, turn: &mut Turn) {
        self.exchange_inline(buffer, budget, turn);
    }

    #[expect(
        clippy::inline_always,
        reason = "the path of every message: each call less is a tenth of its cost"
    )]
    #[inline(always)]
    fn exchange_inline(&mut self, buffer: &mut [u8], budget: usize, turn: &mut Turn) {
        if self.session.core().has_queue() {
            self.flush(budget, turn);
        }
        let mut left = budget;
        while self.readable && self.session.wants_input(turn) {
            turn.counters.calls.receive += 1;
            let received = self.socket.receive(buffer);
            match received {
                Ok(0) => {
                    self.readable = false;
                    self.session.end(turn);
                }
                Ok(count) => {
                    // A short read has taken everything, unless an end lies behind it (epoll(7)).
                    self.readable = count == buffer.len() || self.hung_up;
                    self.session.receive(&buffer[..count], turn);
                }
                Err(Errno::AGAIN) => self.readable = false,
                Err(error) => self.session.fail(error, turn),
            }
            self.flush_inline(budget, turn);
            if self.readable {
                left = left.saturating_sub(received.unwrap_or(left));
                if left == 0 {
                    break;
                }
            }
        }
    }

    /// Whether nothing is left over and the next look at it is arranged, as after most messages.
    fn is_settled(&self) -> bool {
        self.session.is_quiet() && !self.readable && self.armed != Time::NEVER
    }

    /// Sends what there is to send, at most `budget` bytes.
    fn flush(&mut self, budget: usize, turn: &mut Turn) {
        self.flush_inline(budget, turn);
    }

    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    fn flush_inline(&mut self, budget: usize, turn: &mut Turn) {
        let mut wire = CountingWire::new(&self.socket);
        let sent = self.session.flush(&mut wire, budget, turn);
        turn.counters.calls.send += wire.calls;
        if sent == Sent::Blocked {
            self.writable = false;
        }
    }
}

/// Mail, timers and the end.
impl Loop {
    fn read_mail(&mut self, place: &Place) {
        let mut mail = std::mem::take(&mut self.mail);
        place.collect(&mut mail);
        for mail in mail.drain(..) {
            match mail {
                Mail::Letters { key, id } => {
                    if let Some(connection) = addressed(&mut self.connections, key, id) {
                        connection.session.read_letters(&mut self.turn);
                        self.touched.push(key);
                    }
                }
                Mail::Broadcast { shard, message } => {
                    let overflowed = shard.take_overflowed();
                    let (connections, turn, touched) =
                        (&mut self.connections, &mut self.turn, &mut self.touched);
                    shard.for_each(|key, id| {
                        let Some(connection) = addressed(connections, key, id) else {
                            return;
                        };
                        // What waits already leaves together with this.
                        if !connection.session.core().has_queue() {
                            touched.push(key);
                        }
                        connection.session.deliver(
                            &message,
                            shard.queued_bytes_max,
                            shard.policy,
                            turn,
                        );
                        if overflowed {
                            connection.session.lost_messages(shard.policy, turn);
                        }
                        if !connection.session.core().has_queue() {
                            touched.push(key);
                        }
                    });
                }
            }
        }
        self.mail = mail;
        while let Some(key) = self.touched.pop() {
            self.attend(key, |_, _| {});
        }
    }

    /// Does something with a connection, then sends what that has written.
    fn attend(&mut self, key: u32, act: impl FnOnce(&mut Session, &mut Turn)) {
        let Some(connection) = self.connections.get_mut(key as usize) else {
            return;
        };
        act(&mut connection.session, &mut self.turn);
        connection.flush(self.turn_bytes_max, &mut self.turn);
        self.settle(key);
    }

    fn fire_timers(&mut self) {
        if self
            .wheel
            .next_deadline()
            .is_none_or(|at| at > self.turn.now)
        {
            return;
        }
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(self.turn.now, &mut fired);
        for key in fired.drain(..) {
            if let Some(connection) = self.connections.get_mut(key as usize) {
                connection.armed = Time::NEVER;
                self.attend(key, Session::tick);
            }
        }
        self.fired = fired;
    }

    /// The server is asked to stop: the first time, takes who is queued, closes the listeners and tells the handlers; at the deadline, cuts.
    fn drain(&mut self) {
        if !std::mem::replace(&mut self.drained, true) {
            self.turn.begin(Clock::now());
            self.acceptor.set_all_ready();
            self.acceptor.accept(
                &mut self.turn,
                self.shared.config.backlog as usize,
                &mut self.arrivals,
            );
            self.admit_arrivals();
            self.close_listeners();
            for key in self.keys() {
                if let Some(connection) = self.connections.get_mut(key as usize) {
                    connection.readable = true;
                    self.run_connection(key, ARRIVED_BYTES_MAX);
                }
            }
            // What others have sent to these connections, and they to each other, still reaches them.
            let place = self.turn.place.clone();
            self.read_mail(&place);
            for key in self.keys() {
                self.attend(key, Session::drain);
            }
        }
        if self.shared.life.stage() == Stage::Cut || self.shared.life.drain_by() <= Clock::now() {
            for key in self.keys() {
                self.attend(key, |session, turn| {
                    session.cut(CloseReason::DrainCut, turn);
                });
            }
        }
    }

    fn close_listeners(&mut self) {
        for (_, listener) in self.acceptor.listeners() {
            // Other loops may still hold the descriptor, so that closing alone would not end its events.
            let _ = self
                .poll
                .registry()
                .deregister(&mut SourceFd(&listener.as_raw_fd()));
        }
        self.acceptor = Acceptor::new(&[], NewSockets::Nonblocking);
    }

    fn keys(&self) -> Vec<u32> {
        self.connections.iter().map(|(key, _)| key as u32).collect()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.turn.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        self.shared.leave(&self.turn.place);
    }
}

/// The connection of a key, if it is still the one that was meant.
fn addressed(
    connections: &mut Slab<Connection>,
    key: u32,
    id: ConnectionId,
) -> Option<&mut Connection> {
    connections
        .get_mut(key as usize)
        .filter(|connection| connection.session.core().id() == id)
}

/// How a loop waits: at once asleep, or looking for a while first.
///
/// Looking pays when the next event is near. After a look in vain the time halves, down to nothing; when an event then comes soon after falling asleep, it
/// is worth looking again.
struct Spinner {
    max: Duration,
    now: Duration,
}

impl Spinner {
    fn new(max: Duration) -> Self {
        Self { max, now: max }
    }

    /// Waits for events; returns how many system calls that took.
    fn wait(
        &mut self,
        poll: &mut Poll,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> std::io::Result<u64> {
        if self.max.is_zero() || timeout == Some(Duration::ZERO) {
            return wait_once(poll, events, timeout).map(|()| 1);
        }
        let begun = Clock::now();
        let until = begun.after(self.now.min(timeout.unwrap_or(Duration::MAX)));
        let mut waits = 0;
        while Clock::now() < until {
            waits += 1;
            wait_once(poll, events, Some(Duration::ZERO))?;
            if !events.is_empty() {
                self.now = self.max;
                return Ok(waits);
            }
        }
        self.now = if self.now < self.max / 16 {
            Duration::ZERO
        } else {
            self.now / 2
        };
        wait_once(poll, events, timeout)?;
        if Clock::now().since(begun) < self.max {
            self.now = self.max;
        }
        Ok(waits + 1)
    }
}

fn wait_once(
    poll: &mut Poll,
    events: &mut Events,
    timeout: Option<Duration>,
) -> std::io::Result<()> {
    match poll.poll(events, timeout) {
        // mio hands interruptions by signals to its caller: nothing has happened then.
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}
