//! One connection on a thread of its own, until it ends.
//!
//! A connection that waits for nothing but the beginning of a message does so in a plain blocking `recv`, so that a message
//! costs two system calls and an idle connection no descriptor besides its own. Only while something else may happen to it (a
//! timer, the rest of a message, mail from other threads) does the thread wait in `poll(2)` for its socket and for a bell.
//!
//! What interrupts a thread in a plain `recv` when the server stops is `shutdown(SHUT_RD)` on its socket: the call returns as at
//! the end of the stream. A connection that was just then in the act of receiving a message's first part sees that as its end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::gate::timespec_until;
use super::{CountingWire, Job};
use crate::CloseReason;
use crate::mail::{Bell, Mail, Place, Waker};
use crate::net::{Address, Socket};
use crate::server::{Factory, Published, Shared, Stage};
use crate::session::{Core, Sent, Session, Step, Turn};
use crate::timer::{Clock, Time};

/// The most that is read of what had arrived when the server was asked to stop.
const ARRIVED_BYTES_MAX: usize = 1024 * 1024;

/// A thread that runs connections one at a time, and what it reuses from one to the next.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    factory: Factory,
    seat: Arc<Seat>,
    turn: Turn,
    buffer: Vec<u8>,
    mail: VecDeque<Mail>,
    book: Published,
}

/// All threads that run one connection each, as those see them who stop the server.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Mutex<Vec<Arc<Seat>>>,
}

/// Where a worker sits with its connection.
#[derive(Debug)]
struct Seat {
    place: Arc<Place>,
    socket: Mutex<Option<Arc<Socket>>>,
    /// The thread waits, or is about to wait, in a plain `recv`.
    waits_plainly: AtomicBool,
    /// The socket was shut down for reading to wake the thread: an end of input is not the peer's.
    interrupted: AtomicBool,
}

impl Seats {
    /// The server drains: wakes every thread, whatever it waits in.
    pub(crate) fn interrupt(&self) {
        for seat in lock(&self.seats).iter() {
            let socket = lock(&seat.socket);
            if let Some(socket) = socket
                .as_ref()
                .filter(|_| seat.waits_plainly.load(Ordering::SeqCst))
            {
                seat.interrupted.store(true, Ordering::SeqCst);
                socket.interrupt_read();
            }
            seat.place.call();
        }
    }

    /// The drain deadline has come: makes every call on every connection return.
    pub(crate) fn cut(&self) {
        for seat in lock(&self.seats).iter() {
            if let Some(socket) = lock(&seat.socket).as_ref() {
                socket.cut();
            }
            seat.place.call();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    fn take(&self, socket: &Arc<Socket>) {
        self.interrupted.store(false, Ordering::SeqCst);
        *lock(&self.socket) = Some(socket.clone());
    }

    fn leave(&self) {
        *lock(&self.socket) = None;
    }
}

impl Worker {
    pub(crate) fn new(shared: &Arc<Shared>, factory: &Factory) -> Self {
        let place = Place::new();
        let seat = Arc::new(Seat {
            place: place.clone(),
            socket: Mutex::default(),
            waits_plainly: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        });
        lock(&shared.seats.seats).push(seat.clone());
        Self {
            turn: Turn::new(place, shared.clone()),
            buffer: shared.config.new_read_buffer(),
            mail: VecDeque::new(),
            book: shared.ledger.open(),
            shared: shared.clone(),
            factory: factory.clone(),
            seat,
        }
    }

    /// Runs a connection to its end.
    pub(crate) fn serve(&mut self, job: Job) -> CloseReason {
        self.turn.begin(Clock::coarse());
        self.turn.counters.count_open();
        let Job {
            socket,
            peer,
            listener,
            timeouts_inherited,
            local_is_open,
        } = job;
        let socket = Arc::new(socket);
        let (reason, reset) = match Shared::make_handler(&self.factory, &peer) {
            Ok(handler) => {
                let mut core =
                    Core::new(self.shared.next_id(), 0, peer.clone(), listener, &self.turn);
                if local_is_open {
                    self.turn.counters.calls.other += 1;
                    if let Ok(local) = socket.local_address() {
                        core.set_local(local);
                    }
                }
                if !timeouts_inherited {
                    self.limit_waits(&socket, &peer);
                }
                self.seat.take(&socket);
                let session = Session::new(handler, core);
                let ended = Conversation {
                    worker: self,
                    socket: &socket,
                    session,
                    drained: false,
                    nonblocking: false,
                }
                .run();
                self.seat.leave();
                ended
            }
            Err(reason) => {
                self.turn.counters.panics += 1;
                (reason, false)
            }
        };
        if reset {
            self.turn.counters.calls.other += 1;
            socket.reset_on_close();
        }
        drop(socket);
        self.turn.counters.calls.close += 1;
        self.turn.counters.count_close(&reason);
        self.turn.counters.publish(&self.book);
        self.shared.report_end(&peer, &reason);
        self.shared.release(&peer);
        reason
    }

    /// Limits how long the socket may wait, where it has not inherited this from its listener.
    fn limit_waits(&mut self, socket: &Socket, peer: &Address) {
        self.turn.counters.calls.other += 2;
        let config = &self.shared.config;
        if let Err(error) = socket.set_timeouts(config.idle_timeout, config.write_timeout) {
            log::warn!("{peer}: cannot limit how long it may wait: {error}");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.turn.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        lock(&self.shared.seats.seats).retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}

/// One connection while it is served.
struct Conversation<'a> {
    worker: &'a mut Worker,
    socket: &'a Arc<Socket>,
    session: Session,
    /// The session knows that the server drains.
    drained: bool,
    /// Sends and reads never wait: other threads write to this connection too.
    nonblocking: bool,
}

impl Conversation<'_> {
    /// Serves until the end; returns why it ended, and whether the peer should see a reset.
    fn run(mut self) -> (CloseReason, bool) {
        self.session.open(&mut self.worker.turn);
        loop {
            match self.settle() {
                Step::Close => return (self.session.finish(&mut self.worker.turn), false),
                Step::Reset => return (self.session.finish(&mut self.worker.turn), true),
                Step::Wait | Step::ShutdownWrite => {}
            }
            match self.worker.shared.life.stage() {
                Stage::Serve => {}
                Stage::Drain if self.drained => {}
                Stage::Drain => {
                    self.drain();
                    continue;
                }
                Stage::Cut => {
                    self.session
                        .cut(CloseReason::DrainCut, &mut self.worker.turn);
                    continue;
                }
            }
            self.worker.turn.counters.publish(&self.worker.book);
            if self.waits_plainly() {
                self.wait_plainly();
            } else {
                self.wait_watchfully();
            }
        }
    }

    /// Sends what there is, and says what comes next.
    fn settle(&mut self) -> Step {
        let turn = &mut self.worker.turn;
        loop {
            let sent_before = turn.counters.bytes_out;
            let mut wire = CountingWire::new(self.socket);
            let sent = self.session.flush(&mut wire, usize::MAX, turn);
            turn.counters.calls.send += wire.calls;
            if sent == Sent::Blocked && !self.nonblocking {
                // The socket has waited for as long as the peer may take nothing.
                turn.begin(Clock::coarse());
                if turn.counters.bytes_out == sent_before {
                    self.session.cut(CloseReason::WriteTimeout, turn);
                }
                continue;
            }
            match self.session.step(turn) {
                Step::ShutdownWrite => {
                    turn.counters.calls.shutdown += 1;
                    self.socket.shutdown_write();
                    if self.worker.seat.interrupted.load(Ordering::SeqCst) {
                        // The peer's end cannot be told from our own any more, so that there is nothing to linger for.
                        self.session.end(turn);
                    }
                }
                step => return step,
            }
        }
    }

    fn is_interrupted(&self) -> bool {
        self.worker.seat.interrupted.load(Ordering::SeqCst)
    }

    /// Whether an end of input comes from whoever stops the server, and not from the peer.
    fn is_end_our_own(&self) -> bool {
        self.is_interrupted() || self.worker.shared.life.stage() == Stage::Cut
    }

    /// Hands over what has arrived, then the news that the server drains.
    fn drain(&mut self) {
        self.drained = true;
        let mut left = ARRIVED_BYTES_MAX;
        while left > 0 && self.session.wants_input(&self.worker.turn) {
            self.worker.turn.counters.calls.receive += 1;
            match self.socket.receive_now(&mut self.worker.buffer) {
                Ok(0) if self.is_end_our_own() => break,
                Ok(0) => self.session.end(&mut self.worker.turn),
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.session
                        .receive(&self.worker.buffer[..count], &mut self.worker.turn);
                }
                Err(Errno::AGAIN) => break,
                Err(error) => self.session.fail(error, &mut self.worker.turn),
            }
            self.settle();
        }
        // What others have sent to this connection still reaches it.
        let place = self.worker.seat.place.clone();
        self.read_mail(&place);
        self.session.drain(&mut self.worker.turn);
        if self.is_interrupted() && !self.session.core().is_between_messages() {
            // The rest of the message cannot be waited for on this socket any more.
            self.settle();
            self.session.end(&mut self.worker.turn);
        }
    }

    /// Whether the connection waits for the beginning of a message and for nothing else.
    fn waits_plainly(&self) -> bool {
        let core = self.session.core();
        core.is_between_messages()
            && !self.drained
            && !core.is_shared()
            && self.session.deadline() == Time::NEVER
            && self.session.wants_input(&self.worker.turn)
    }

    fn wait_plainly(&mut self) {
        let Worker {
            seat,
            turn,
            buffer,
            shared,
            ..
        } = &mut *self.worker;
        seat.waits_plainly.store(true, Ordering::SeqCst);
        let received = if shared.life.stage() == Stage::Serve {
            turn.counters.calls.receive += 1;
            Some(self.socket.receive(buffer))
        } else {
            None
        };
        seat.waits_plainly.store(false, Ordering::SeqCst);
        turn.begin(Clock::coarse());
        let own_end = matches!(received, Some(Ok(0))) && self.is_end_our_own();
        let Worker { turn, buffer, .. } = &mut *self.worker;
        match received {
            None => {}
            Some(Ok(0)) if own_end => {}
            Some(Ok(0)) => self.session.end(turn),
            Some(Ok(count)) => self.session.receive(&buffer[..count], turn),
            Some(Err(Errno::AGAIN)) => self.session.cut(CloseReason::IdleTimeout, turn),
            Some(Err(error)) => self.session.fail(error, turn),
        }
    }

    /// Waits for the socket, for mail and for the next deadline.
    fn wait_watchfully(&mut self) {
        if let Err(error) = self.prepare_to_watch() {
            self.session.fail(error, &mut self.worker.turn);
            return;
        }
        let place = self.worker.seat.place.clone();
        let ready = if place.fall_asleep() {
            let ready = self.poll(&place);
            place.wake_up();
            ready
        } else {
            PollFlags::empty()
        };
        self.worker.turn.begin(Clock::now());
        if place.take_attention() {
            self.read_mail(&place);
        }
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.receive_ready();
        }
        self.session.tick(&mut self.worker.turn);
    }

    fn prepare_to_watch(&mut self) -> std::io::Result<()> {
        let place = &self.worker.seat.place;
        if place.bell().is_none() {
            place.set_waker(Waker::Bell(Bell::new()?));
        }
        if self.session.core().is_shared() && !self.nonblocking {
            self.worker.turn.counters.calls.other += 1;
            self.socket.set_nonblocking()?;
            self.nonblocking = true;
        }
        Ok(())
    }

    /// What the socket is ready for.
    fn poll(&mut self, place: &Place) -> PollFlags {
        let interrupted = self.is_interrupted();
        let Worker { turn, .. } = &mut *self.worker;
        let mut interest = PollFlags::empty();
        interest.set(
            PollFlags::IN,
            self.session.wants_input(turn) && !interrupted,
        );
        interest.set(PollFlags::OUT, self.session.core().has_queue());
        let Some(bell) = place.bell() else {
            return PollFlags::empty();
        };
        let deadline = self
            .session
            .deadline()
            .min(self.session.idle_deadline(turn));
        let mut fds = [
            PollFd::new(self.socket, interest),
            PollFd::new(bell, PollFlags::IN),
        ];
        turn.counters.calls.wait += 1;
        let timeout = timespec_until(deadline, Clock::now());
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => self.session.fail(error, turn),
        }
        if !fds[1].revents().is_empty() {
            bell.silence();
        }
        fds[0].revents()
    }

    fn receive_ready(&mut self) {
        let own_end = self.is_end_our_own();
        let Worker { turn, buffer, .. } = &mut *self.worker;
        turn.counters.calls.receive += 1;
        match self.socket.receive_now(buffer) {
            Ok(0) if own_end => {}
            Ok(0) => self.session.end(turn),
            Ok(count) => self.session.receive(&buffer[..count], turn),
            Err(Errno::AGAIN) => {}
            Err(error) => self.session.fail(error, turn),
        }
    }

    fn read_mail(&mut self, place: &Place) {
        let Worker { turn, mail, .. } = &mut *self.worker;
        let own = self.session.core().id();
        place.collect(mail);
        for mail in mail.drain(..) {
            match mail {
                Mail::Letters { id, .. } if id == own => self.session.read_letters(turn),
                Mail::Letters { .. } => {}
                Mail::Broadcast { shard, message } => {
                    let overflowed = shard.take_overflowed();
                    shard.for_each(|_, id| {
                        if id == own {
                            self.session.deliver(&message, &shard, overflowed, turn);
                        }
                    });
                }
            }
        }
    }
}
