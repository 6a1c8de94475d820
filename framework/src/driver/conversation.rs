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

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::CountingWire;
use super::gate::timespec_until;
use super::worker::Worker;
use crate::mail::{Bell, Mail, Place, Waker};
use crate::net::Socket;
use crate::server::Stage;
use crate::session::{Sent, Session, Step};
use crate::timer::{Clock, Time};
use crate::{CloseReason, Handler};

/// The most that is read of what had arrived when the server was asked to stop.
const ARRIVED_BYTES_MAX: usize = 1024 * 1024;

/// A connection that one thread serves.
pub(crate) struct Talk<H> {
    pub(super) session: Session<H>,
    pub(super) socket: Arc<Socket>,
    /// The session knows that the server drains.
    drained: bool,
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
            match self.settle() {
                Step::Close => return Some(false),
                Step::Reset => return Some(true),
                Step::Wait | Step::ShutdownWrite => {}
            }
            if stop(&mut self.talk.session) {
                return None;
            }
            match self.worker.shared.life.stage() {
                Stage::Serve => {}
                Stage::Drain if self.talk.drained => {}
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

    /// Sends what there is, and says what comes next.
    fn settle(&mut self) -> Step {
        let turn = &mut self.worker.turn;
        loop {
            let sent_before = turn.counters.bytes_out;
            let mut wire = CountingWire::new(&self.talk.socket);
            let sent = self.talk.session.flush(&mut wire, usize::MAX, turn);
            turn.counters.calls.send += wire.calls;
            if sent == Sent::Blocked && !self.talk.nonblocking {
                // The socket has waited for as long as the peer may take nothing.
                turn.begin(Clock::coarse());
                if turn.counters.bytes_out == sent_before {
                    self.talk.session.cut(CloseReason::WriteTimeout, turn);
                }
                continue;
            }
            match self.talk.session.step(turn) {
                Step::ShutdownWrite => {
                    turn.counters.calls.shutdown += 1;
                    self.talk.socket.shutdown_write();
                    if self.worker.seat.interrupted.load(Ordering::SeqCst) {
                        // The peer's end cannot be told from our own any more, so that there is nothing to linger for.
                        self.talk.session.end(turn);
                    }
                }
                step => return step,
            }
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
            self.settle();
        }
        // What others have sent to this connection still reaches it.
        let place = self.worker.seat.place.clone();
        self.read_mail(&place);
        self.talk.session.drain(&mut self.worker.turn);
        if self.is_interrupted() && !self.talk.session.core().is_between_messages() {
            // The rest of the message cannot be waited for on this socket any more.
            self.settle();
            self.talk.session.end(&mut self.worker.turn);
        }
    }

    /// Whether the connection waits for input and for nothing else, so that a plain `recv` will do.
    fn waits_plainly(&self) -> bool {
        let core = self.talk.session.core();
        let is_simple = match self.manner {
            Manner::Amid => true,
            Manner::Callbacks | Manner::Straight => {
                core.is_between_messages() && !self.talk.drained
            }
        };
        is_simple
            && !core.is_shared()
            && !self.talk.nonblocking
            && self.talk.session.deadline() == Time::NEVER
            && self.talk.session.wants_input(&self.worker.turn)
    }

    fn wait_plainly(&mut self) {
        let amid = self.manner == Manner::Amid;
        let Worker {
            seat,
            turn,
            buffer,
            shared,
            ..
        } = &mut *self.worker;
        seat.waits_plainly.store(!amid, Ordering::SeqCst);
        let received = if amid || shared.life.stage() == Stage::Serve {
            turn.counters.calls.receive += 1;
            Some(self.talk.socket.receive(buffer))
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
            Some(Ok(0)) => self.talk.session.end(turn),
            Some(Ok(count)) => self.talk.session.receive(&buffer[..count], turn),
            Some(Err(Errno::AGAIN)) => self.talk.session.cut(CloseReason::IdleTimeout, turn),
            Some(Err(error)) => self.talk.session.fail(error, turn),
        }
    }

    /// Waits for the socket, for mail and for the next deadline.
    fn wait_watchfully(&mut self) {
        if let Err(error) = self.prepare_to_watch() {
            self.talk.session.fail(error, &mut self.worker.turn);
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
            self.look_at_socket();
        }
        self.talk.session.tick(&mut self.worker.turn);
    }

    /// Whether news comes by a bell. A blocking handler that nobody else can write to does without one.
    fn needs_bell(&self) -> bool {
        self.manner == Manner::Callbacks
            || self.talk.hung_up
            || self.talk.session.core().is_shared()
    }

    fn prepare_to_watch(&mut self) -> std::io::Result<()> {
        let place = &self.worker.seat.place;
        if self.needs_bell() && place.bell().is_none() {
            place.set_waker(Waker::Bell(Bell::new()?));
        }
        if self.talk.session.core().is_shared() {
            self.never_block()?;
        }
        Ok(())
    }

    /// Has sends and reads return when they cannot go on, so that the thread can wait for more than that.
    pub(super) fn never_block(&mut self) -> std::io::Result<()> {
        if !std::mem::replace(&mut self.talk.nonblocking, true) {
            self.worker.turn.counters.calls.other += 1;
            self.talk.socket.set_nonblocking()?;
        }
        Ok(())
    }

    /// What the socket is ready for.
    fn poll(&mut self, place: &Place) -> PollFlags {
        let interrupted = self.is_interrupted();
        let bell = place.bell().filter(|_| self.needs_bell());
        let Worker {
            turn, seat, shared, ..
        } = &mut *self.worker;
        let mut interest = PollFlags::empty();
        interest.set(
            PollFlags::IN,
            self.talk.session.wants_input(turn) && !interrupted,
        );
        interest.set(PollFlags::OUT, self.talk.session.core().has_queue());
        // Without a bell a stop has no other way to end this wait.
        let interruptible =
            bell.is_none() && self.manner == Manner::Straight && !interest.is_empty();
        seat.waits_plainly.store(interruptible, Ordering::SeqCst);
        if interruptible && shared.life.stage() != Stage::Serve && !self.talk.drained {
            seat.waits_plainly.store(false, Ordering::SeqCst);
            return PollFlags::empty();
        }
        let deadline = (self.talk.session.deadline()).min(self.talk.session.idle_deadline(turn));
        turn.counters.calls.wait += 1;
        let timeout = timespec_until(deadline, Clock::now());
        let poll = |fds: &mut [PollFd<'_>]| rustix::event::poll(fds, timeout.as_ref());
        let mut socket = PollFd::new(&*self.talk.socket, interest);
        let result = match bell.map(|bell| (bell, PollFd::new(bell, PollFlags::IN))) {
            None => poll(std::slice::from_mut(&mut socket)),
            Some((bell, bell_fd)) => {
                let mut fds = [bell_fd, socket];
                let watched = if self.talk.hung_up && interest.is_empty() {
                    &mut fds[..1]
                } else {
                    &mut fds[..]
                };
                let result = poll(watched);
                if !fds[0].revents().is_empty() {
                    bell.silence();
                }
                [_, socket] = fds;
                result
            }
        };
        seat.waits_plainly.store(false, Ordering::SeqCst);
        match result {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => self.talk.session.fail(error, turn),
        }
        socket.revents()
    }

    /// The socket has something to read, or something to report. A connection that does not want to read leaves what there is, but not an error.
    fn look_at_socket(&mut self) {
        let turn = &mut self.worker.turn;
        if self.talk.session.wants_input(turn) || self.manner == Manner::Callbacks {
            return self.receive_ready();
        }
        turn.counters.calls.other += 1;
        if let Some(error) = self.talk.socket.take_error() {
            self.talk.session.fail(error, turn);
        } else {
            self.talk.hung_up = true;
        }
    }

    fn receive_ready(&mut self) {
        let own_end = self.is_end_our_own();
        let Worker { turn, buffer, .. } = &mut *self.worker;
        turn.counters.calls.receive += 1;
        match self.talk.socket.receive_now(buffer) {
            Ok(0) if own_end => {}
            Ok(0) => self.talk.session.end(turn),
            Ok(count) => self.talk.session.receive(&buffer[..count], turn),
            Err(Errno::AGAIN) => {}
            Err(error) => self.talk.session.fail(error, turn),
        }
    }

    fn read_mail(&mut self, place: &Place) {
        let Worker { turn, mail, .. } = &mut *self.worker;
        let own = self.talk.session.core().id();
        place.collect(mail);
        for mail in mail.drain(..) {
            match mail {
                Mail::Letters { id, .. } if id == own => self.talk.session.read_letters(turn),
                Mail::Letters { .. } => {}
                Mail::Broadcast { shard, message } => {
                    let overflowed = shard.take_overflowed();
                    shard.for_each(|_, id| {
                        if id == own {
                            self.talk
                                .session
                                .deliver(&message, &shard, overflowed, turn);
                        }
                    });
                }
            }
        }
    }
}
