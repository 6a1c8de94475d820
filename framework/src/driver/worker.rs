//! A thread that runs connections one at a time, and the seats at which all such threads can be found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Job;
use super::conversation::{Conversation, Talk};
use super::straight::{self, Relay};
use crate::delivery::Delivery;
use crate::mail::Place;
use crate::net::{Address, Link, Socket};
use crate::server::{Factory, Published, Shared};
use crate::session::{Core, Session, Turn, Vacant};
use crate::timer::Clock;
use crate::{CloseReason, Handler};

/// A thread that runs connections one at a time, and what it reuses from one to the next.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) seat: Arc<Seat>,
    pub(super) turn: Turn,
    pub(super) buffer: Vec<u8>,
    pub(super) delivery: Delivery,
    pub(super) book: Published,
}

/// All threads that run one connection each, as those see them who stop the server.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Mutex<Vec<Arc<Seat>>>,
}

/// Where a worker sits with its connection.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Arc<Place>,
    socket: Mutex<Option<Arc<Socket>>>,
    /// The thread waits, or is about to wait, in a call that only its socket can end.
    pub(super) waits_plainly: AtomicBool,
    /// The socket was shut down for reading to wake the thread: an end of input is not the peer's.
    pub(super) interrupted: AtomicBool,
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
    pub(super) fn take(&self, socket: &Arc<Socket>) {
        self.interrupted.store(false, Ordering::SeqCst);
        *lock(&self.socket) = Some(socket.clone());
    }

    fn leave(&self) {
        *lock(&self.socket) = None;
    }
}

impl Worker {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
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
            delivery: Delivery::default(),
            book: shared.ledger.open(),
            shared: shared.clone(),
            seat,
        }
    }

    /// Runs a connection to its end.
    pub(crate) fn serve(&mut self, job: Job, factory: &Factory) -> CloseReason {
        self.turn.begin(Clock::coarse());
        self.turn.counters.count_open();
        let peer = job.peer.clone();
        let (reason, reset, socket) = match factory {
            Factory::Events(make) => match Shared::make_handler(&**make, &peer) {
                Ok(handler) => self.converse(job, handler, run_callbacks),
                Err(reason) => self.panicked(reason, job),
            },
            Factory::Blocking(make) => match Shared::make_handler(&**make, &peer) {
                Ok(handler) => self.converse(job, Relay::default(), |conversation| {
                    straight::run(conversation, handler)
                }),
                Err(reason) => self.panicked(reason, job),
            },
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

    fn panicked(&mut self, reason: CloseReason, job: Job) -> (CloseReason, bool, Arc<Socket>) {
        self.turn.counters.panics += 1;
        (reason, false, Arc::new(job.socket))
    }

    /// Makes a session of a connection and runs it; returns why it ended, and whether the peer should see a reset.
    fn converse<H: Vacant>(
        &mut self,
        job: Job,
        handler: H,
        run: impl FnOnce(&mut Conversation<'_, H>) -> bool,
    ) -> (CloseReason, bool, Arc<Socket>) {
        let socket = Arc::new(job.socket);
        let id = self.shared.next_id();
        let mut core = Core::new(id, 0, job.peer, job.listener, &self.turn);
        if job.local_is_open {
            self.turn.counters.calls.other += 1;
            if let Ok(local) = socket.local_address() {
                core.set_local(local);
            }
        }
        if !job.timeouts_inherited {
            self.limit_waits(&socket, core.peer());
        }
        self.seat.take(&socket);
        let mut talk = Talk::new(Session::new(handler, core), socket);
        let reset = run(&mut Conversation::new(self, &mut talk));
        self.seat.leave();
        let reason = talk.session.finish(&mut self.turn);
        (reason, reset, talk.socket)
    }

    /// Limits how long the socket may wait, where it has not inherited this from its listener.
    pub(super) fn limit_waits(&mut self, socket: &Socket, peer: &Address) {
        self.turn.counters.calls.other += 2;
        let config = &self.shared.config;
        if let Err(error) = socket.set_timeouts(config.idle_timeout, config.write_timeout) {
            log::warn!("{peer}: cannot limit how long it may wait: {error}");
        }
    }
}

/// A function, since no closure is as general about lifetimes as it must be here.
fn run_callbacks(conversation: &mut Conversation<'_, Box<dyn Handler>>) -> bool {
    conversation.run()
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.turn.counters.publish(&self.book);
        self.shared.ledger.close(&self.book);
        lock(&self.shared.seats.seats).retain(|seat| !Arc::ptr_eq(seat, &self.seat));
    }
}
