//! One connection on a thread of its own, until it ends.
//!
//! A connection that waits for nothing but the beginning of a message does so in a plain blocking `recv`, so that a message
//! costs two system calls and an idle connection no descriptor besides its own. Only while something else may happen to it (a
//! timer, the rest of a message, mail from other threads) does the thread wait in `poll(2)` for its socket and for a bell.
//!
//! What interrupts a thread in a plain `recv` when the server stops is `shutdown(SHUT_RD)` on its socket: the call returns as at
//! the end of the stream. A connection that was just then in the act of receiving a message's first part sees that as its end.
//!
//! A blocking handler needs the bell only when other threads may write to its connection, since nothing else can happen to it while it
//! waits; amid a message it is not interrupted before the drain deadline, which shuts the socket down altogether.

mod waiting;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::CountingWire;
use super::worker::Worker;
use crate::delivery::Item;
use crate::group::Claim;
use crate::mail::Place;
use crate::net::{Link, Socket};
use crate::server::Stage;
use crate::session::{Sent, Session, Step};
use crate::timer::Clock;
use crate::{CloseReason, Handler};

/// The most that is read of what had arrived when the server was asked to stop.
const ARRIVED_BYTES_MAX: usize = 1024 * 1024;

/// A connection that one thread serves.
pub(crate) struct Talk<H> {
    pub(super) session: Session<H>,
    pub(super) socket: Arc<Socket>,
    /// The session knows that the server drains, and what had arrived before was read.
    pub(super) drained: bool,
    /// Sends and reads never wait: other threads write to this connection too, or a write has a deadline of its own.
    nonblocking: bool,
    /// The peer is gone, which `poll(2)` would report for ever to a handler that does not want to read it now.
    hung_up: bool,
}

impl<H: Handler> Talk<H> {
    pub(crate) fn new(session: Session<H>, socket: Arc<Socket>) -> Self {
        Self {
            session,
            socket,
            drained: false,
            nonblocking: false,
            hung_up: false,
        }
    }
}

/// A connection with the thread that serves it.
pub(crate) struct Conversation<'a, H> {
    pub(super) worker: &'a mut Worker,
    pub(super) talk: &'a mut Talk<H>,
    /// How its handler waits.
    pub(super) manner: Manner,
}

/// How a handler waits for what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It has callbacks, for whatever comes.
    Callbacks,
    /// It waits for one thing, which a stop of the server may interrupt.
    Straight,
    /// It waits for one thing, which only the drain deadline interrupts.
    Amid,
}

impl<'a, H: Handler> Conversation<'a, H> {
    pub(crate) fn new(worker: &'a mut Worker, talk: &'a mut Talk<H>) -> Self {
        Self {
            worker,
            talk,
            manner: Manner::Callbacks,
        }
    }

    /// A conversation whose handler runs on this thread and waits for one thing at a time.
    pub(crate) fn straight(worker: &'a mut Worker, talk: &'a mut Talk<H>) -> Self {
        Self {
            worker,
            talk,
            manner: Manner::Straight,
        }
    }

    /// Serves until the end, and says whether the peer should see a reset.
    pub(crate) fn run(&mut self) -> bool {
        self.talk.session.open(&mut self.worker.turn);
        self.run_to_the_end()
    }

    pub(super) fn run_to_the_end(&mut self) -> bool {
        loop {
            if let Some(reset) = self.run_until(|_| false) {
                return reset;
            }
        }
    }

    /// Serves until there is a reason to stop, which gives nothing, or until the end, which says whether the peer should see a reset.
    pub(super) fn run_until(&mut self, stop: impl Fn(&mut Session<H>) -> bool) -> Option<bool> {
        loop {
            self.send();
            if stop(&mut self.talk.session) {
                if self.talk.session.is_open() {
                    // What has happened is for the handler. Until it has seen that, nobody knows whether there is more to do.
                    self.talk.session.tell_queued(&self.worker.turn);
                } else {
                    self.settle();
                }
                return None;
            }
            match self.settle() {
                Step::Close => return Some(false),
                Step::Reset => return Some(true),
                Step::Wait | Step::ShutdownWrite => {}
            }
            match self.worker.shared.life.stage() {
                Stage::Serve => {}
                Stage::Drain if self.talk.drained => {}
                // What had arrived is read when there is room for an answer.
                Stage::Drain if self.talk.session.core().is_throttled() => {}
                Stage::Drain => {
                    self.drain();
                    continue;
                }
                Stage::Cut => {
                    (self.talk.session).cut(CloseReason::DrainCut, &mut self.worker.turn);
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

    /// Sends what there is.
    fn send(&mut self) {
        let turn = &mut self.worker.turn;
        loop {
            let sent_before = turn.counters.bytes_out;
            let mut wire = CountingWire::new(&*self.talk.socket);
            let sent = self.talk.session.flush(&mut wire, usize::MAX, turn);
            turn.counters.calls.send += wire.calls;
            if sent != Sent::Blocked || self.talk.nonblocking {
                return;
            }
            // The socket has waited for as long as the peer may take nothing.
            turn.begin(Clock::coarse());
            if turn.counters.bytes_out == sent_before {
                self.talk.session.cut(CloseReason::WriteTimeout, turn);
            }
        }
    }

    /// Says what comes next, once what there is was sent.
    fn settle(&mut self) -> Step {
        loop {
            match self.talk.session.step(&mut self.worker.turn) {
                Step::ShutdownWrite => {
                    self.shutdown_write();
                    self.send();
                }
                step => return step,
            }
        }
    }

    /// Sends our end, if the handler has asked for that and everything before it is sent.
    pub(super) fn send_own_end(&mut self) {
        if self.talk.session.owes_end(&self.worker.turn) {
            self.shutdown_write();
        }
    }

    fn shutdown_write(&mut self) {
        let turn = &mut self.worker.turn;
        turn.counters.calls.shutdown += 1;
        self.talk.socket.shutdown_write();
        if self.worker.seat.interrupted.load(Ordering::SeqCst) {
            // The peer's end cannot be told from our own any more, so that there is nothing to linger for.
            self.talk.session.end(turn);
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.worker.seat.interrupted.load(Ordering::SeqCst)
    }

    /// Whether an end of input comes from whoever stops the server, and not from the peer.
    fn is_end_our_own(&self) -> bool {
        self.is_interrupted() || self.worker.shared.life.stage() == Stage::Cut
    }

    /// Hands over what has arrived, then the news that the server drains.
    fn drain(&mut self) {
        self.talk.drained = true;
        let mut left = ARRIVED_BYTES_MAX;
        while left > 0 && self.talk.session.wants_input(&self.worker.turn) {
            self.worker.turn.counters.calls.receive += 1;
            match self.talk.socket.receive_now(&mut self.worker.buffer) {
                Ok(0) if self.is_end_our_own() => break,
                Ok(0) => self.talk.session.end(&mut self.worker.turn),
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.talk
                        .session
                        .receive(&self.worker.buffer[..count], &mut self.worker.turn);
                }
                Err(Errno::AGAIN) => break,
                Err(error) => self.talk.session.fail(error, &mut self.worker.turn),
            }
            self.send();
            self.settle();
        }
        // What others have sent to this connection still reaches it.
        let place = self.worker.seat.place.clone();
        self.read_mail(&place);
        self.talk.session.drain(&mut self.worker.turn);
        if self.is_interrupted() && !self.talk.session.core().is_between_messages() {
            // The rest of the message cannot be waited for on this socket any more.
            self.send();
            self.settle();
            self.talk.session.end(&mut self.worker.turn);
        }
    }

    fn read_mail(&mut self, place: &Place) {
        // What waits since before, waits because the socket is full.
        let mut is_full = self.talk.session.core().has_queue();
        let own = self.talk.session.core().id();
        self.worker.delivery.call();
        self.worker.delivery.collect(place);
        while let Some(item) = self.worker.delivery.next() {
            match item {
                Item::Letters { id, .. } if id == own => {
                    self.talk.session.read_letters(&mut self.worker.turn);
                }
                Item::Messages(claim) if claim.id == own => self.deliver(claim, &mut is_full),
                // It was for the connection before.
                Item::Letters { .. } | Item::Messages(_) => {}
            }
        }
    }

    /// Queues messages of a group, to be sent with whatever comes behind them.
    fn deliver(&mut self, claim: Claim, is_full: &mut bool) {
        let Some(parcel) = self.worker.delivery.parcel(claim) else {
            return;
        };
        if !*is_full && self.talk.session.is_filled_by(&parcel) {
            self.send();
            *is_full = self.talk.session.core().has_queue();
        }
        let Worker { turn, delivery, .. } = &mut *self.worker;
        if let Some(parcel) = delivery.parcel(claim) {
            self.talk.session.deliver(&parcel, turn);
        }
    }
}
