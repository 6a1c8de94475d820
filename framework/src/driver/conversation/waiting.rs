//! How a thread waits for its connection: in a plain `recv` where that will do, else in `poll(2)`.

use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::{Conversation, Manner};
use crate::driver::gate::timespec_until;
use crate::driver::worker::Worker;
use crate::mail::{Bell, Place, Waker};
use crate::net::Link;
use crate::server::Stage;
use crate::timer::{Clock, Time};
use crate::{CloseReason, Handler};

impl<H: Handler> Conversation<'_, H> {
    /// Whether the connection waits for input and for nothing else, so that a plain `recv` will do.
    pub(super) fn waits_plainly(&self) -> bool {
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

    pub(super) fn wait_plainly(&mut self) {
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
    pub(super) fn wait_watchfully(&mut self) {
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
    pub(in crate::driver) fn never_block(&mut self) -> std::io::Result<()> {
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
            bell.is_none() && self.manner == Manner::Straight && interest.contains(PollFlags::IN);
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
}
