//! One connection without its socket: the handler, what is kept for it, its deadlines and how it ends.
//!
//! Bytes, mail and the time go in; output, a wish to read, a deadline and the next [`Step`] come out. There is no socket,
//! no clock and no thread in here, so that every rule of a connection's life is written once, for all drivers, and can be
//! tested with plain values.
//!
//! A session goes through these phases, never back:
//!
//! ```text
//!   Open ──── close, error, drained … ──▶ Flushing ── output sent ──▶ Lingering ── peer's end, limit ──▶ Over
//!     │                                       │ peer has ended already ─────────────────────────────────▶  │
//!     └── reset, deadline, abort, overflow ───┴──────────────────────────────────────────────────────────▶ │
//! ```

mod core;
mod output;
#[cfg(test)]
mod tests;
mod turn;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

pub(crate) use self::core::Core;
use self::core::Phase;
use self::output::SendError;
pub(crate) use self::output::{Sent, Wire};
pub(crate) use self::turn::Turn;
use crate::group::Parcel;
use crate::net::Address;
use crate::remote::Ending;
use crate::server::Stage;
use crate::timer::Time;
use crate::{CloseReason, Conn, Handler, HandlerError, Input};

/// A connection without its socket.
pub(crate) struct Session<H = Box<dyn Handler>> {
    handler: H,
    core: Core,
}

/// What a driver has to do for a session next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Wait for what the session waits for.
    Wait,
    /// Send the end of the stream, then ask again.
    ShutdownWrite,
    /// Close the socket.
    Close,
    /// Close the socket so that the peer sees a reset.
    Reset,
}

impl<H: Handler> Session<H> {
    #[inline]
    pub(crate) fn new(handler: H, core: Core) -> Self {
        Self { handler, core }
    }

    pub(crate) fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn peer(&self) -> &Address {
        self.core.peer()
    }

    pub(crate) fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    /// Whether the handler is still in charge: nothing has decided the end yet.
    pub(crate) fn is_open(&self) -> bool {
        self.core.phase() == Phase::Open
    }

    /// The connection is there: the handler's first callback.
    #[inline]
    pub(crate) fn open(&mut self, turn: &mut Turn) {
        self.call(turn, "opened", H::opened);
        if self.core.is_amid_message() {
            self.core.after_input(turn, false);
        }
    }

    /// Whether the connection waits for input and for nothing else: no output, no limit but idleness, nobody else who
    /// knows it. Then there is nothing to do for it, and [`Session::step`] would say so.
    pub(crate) fn is_quiet(&self) -> bool {
        self.core.is_quiet()
    }

    /// Bytes have come from the peer.
    #[expect(
        clippy::inline_always,
        reason = "the path of every message: each call less is a tenth of its cost"
    )]
    #[inline(always)]
    pub(crate) fn receive(&mut self, bytes: &[u8], turn: &mut Turn) {
        turn.counters.bytes_in += bytes.len() as u64;
        self.core.touch(turn.now);
        let owed = self.core.kept_is_empty() && self.core.is_owed(bytes.len());
        let taken = if owed {
            self.offer_once(bytes, turn)
        } else {
            0
        };
        // Usually the handler has taken everything, and no message is under way.
        if taken < bytes.len() || self.core.is_amid_message() {
            self.receive_rest(&bytes[taken..], taken > 0, turn);
        }
    }

    /// What the handler has not taken at its first call; `progress` says whether it took anything.
    #[inline(never)]
    fn receive_rest(&mut self, rest: &[u8], progress: bool, turn: &mut Turn) {
        if self.core.kept_is_empty() {
            let taken = if progress { self.offer(rest, turn) } else { 0 };
            self.core.keep(&rest[taken..], turn);
            self.core.after_input(turn, progress);
        } else {
            self.core.keep(rest, turn);
            self.offer_kept(turn);
        }
    }

    /// Offers what was kept once more.
    fn offer_kept(&mut self, turn: &mut Turn) {
        let kept = self.core.take_kept(turn);
        let taken = self.offer(kept.bytes(), turn);
        self.core.put_back(kept, taken, turn);
        self.core.after_input(turn, taken > 0);
    }

    /// Calls the handler with bytes as long as it takes some, and returns how many it took.
    ///
    /// It never sees more than the longest message at once, so that what is too long does not depend on how it was cut.
    fn offer(&mut self, bytes: &[u8], turn: &mut Turn) -> usize {
        let max = turn.config().input_bytes_max;
        let mut offered = 0;
        loop {
            let window = &bytes[offered..bytes.len().min(offered + max)];
            if !self.core.is_owed(window.len()) {
                break;
            }
            let taken = self.offer_once(window, turn);
            offered += taken;
            if taken == 0 {
                break;
            }
        }
        offered
    }

    /// Calls the handler with bytes, and returns how many it took.
    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    fn offer_once(&mut self, bytes: &[u8], turn: &mut Turn) -> usize {
        self.core.reset_want();
        let mut input = Input::new(bytes);
        turn.counters.received_calls += 1;
        self.call(turn, "received", |handler, conn| {
            handler.received(&mut input, conn)
        });
        let taken = input.taken();
        turn.counters.bytes_delivered += taken as u64;
        taken
    }

    /// The peer has sent its end.
    pub(crate) fn end(&mut self, turn: &mut Turn) {
        if !self.core.set_ended() || self.core.phase() != Phase::Open {
            return;
        }
        if self.core.kept_is_empty() {
            self.call(turn, "ended", |handler, conn| {
                handler.ended(&mut Input::new(&[]), conn)
            });
            return;
        }
        let kept = self.core.take_kept(turn);
        let mut input = Input::new(kept.bytes());
        self.call(turn, "ended", |handler, conn| {
            handler.ended(&mut input, conn)
        });
        let taken = input.taken();
        turn.counters.bytes_delivered += taken as u64;
        // Nothing comes any more that could make a message of the rest.
        self.core.discard_kept(kept, taken, turn);
        self.core.after_input(turn, true);
    }

    /// The socket failed; when the server cuts what is left at the drain deadline, that is the cause.
    pub(crate) fn fail(&mut self, error: impl Into<io::Error>, turn: &mut Turn) {
        let error = error.into();
        turn.os_error = error.raw_os_error();
        let cut = turn.shared.life.stage() == Stage::Cut;
        let reason = if cut {
            CloseReason::DrainCut
        } else {
            CloseReason::from_io(&error)
        };
        self.core.cut(reason, turn);
    }

    /// Ends the connection at once.
    pub(crate) fn cut(&mut self, reason: CloseReason, turn: &mut Turn) {
        self.core.cut(reason, turn);
    }

    /// The server is stopping, and what had arrived was received.
    pub(crate) fn drain(&mut self, turn: &mut Turn) {
        if self.core.set_draining() && self.core.phase() == Phase::Open {
            self.call(turn, "stopping", H::stopping);
        }
    }

    /// Time has passed: fires what is due.
    pub(crate) fn tick(&mut self, turn: &mut Turn) {
        if let Some(reason) = self.core.expired(turn) {
            self.core.expire(reason, turn);
        }
        while let Some(timer) = self.core.due_timer(turn.now) {
            self.call(turn, "timer", |handler, conn| handler.timer(timer, conn));
        }
    }

    /// Other threads have written to the connection, or want it closed.
    pub(crate) fn read_letters(&mut self, turn: &mut Turn) {
        if self.core.read_letters(turn) {
            self.call(turn, "woken", H::woken);
        }
    }

    /// Whether so much waits that it should be sent, if there is room, before these messages come: what waits only for its turn must not be why a
    /// member counts as slow.
    pub(crate) fn is_filled_by(&self, parcel: &Parcel<'_>) -> bool {
        self.core.is_filled_by(parcel)
    }

    /// Messages of a group that the connection is a member of.
    pub(crate) fn deliver(&mut self, parcel: &Parcel<'_>, turn: &mut Turn) {
        self.core.deliver(parcel, turn);
    }

    /// The same, where nothing waits: they are sent at once, without a queue. None, and nothing happens, when it is not that simple.
    ///
    /// When everything is sent, nothing follows from it, and neither [`Session::flush`] nor [`Session::step`] need be called.
    #[inline]
    pub(crate) fn deliver_at_once(
        &mut self,
        parcel: &Parcel<'_>,
        wire: &mut impl Wire,
        turn: &mut Turn,
    ) -> Option<Sent> {
        match self.core.send_parcel(parcel, wire, turn)? {
            Ok(sent) => Some(sent),
            Err(error) => Some(self.cannot_send(error, turn)),
        }
    }

    /// Sends what is queued, and calls the handler when its output has drained, until the wire is full or `budget` is used up.
    ///
    /// Whoever called any other method calls this one next: nothing else is sent before.
    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn flush(&mut self, wire: &mut impl Wire, budget: usize, turn: &mut Turn) -> Sent {
        match self.core.send_staged(wire, turn) {
            Ok(true) => Sent::All,
            Ok(false) => self.flush_queue(wire, budget, turn),
            Err(error) => self.cannot_send(error, turn),
        }
    }

    /// Sends what is queued, and what is staged behind it.
    #[inline(never)]
    fn flush_queue(&mut self, wire: &mut impl Wire, mut budget: usize, turn: &mut Turn) -> Sent {
        loop {
            self.core.queue_staged(turn);
            self.core.note_high_water(turn);
            let sent = match self.core.send(wire, &mut budget, turn) {
                Ok(sent) => sent,
                Err(error) => return self.cannot_send(error, turn),
            };
            if self.core.falls_to_low_water(turn) {
                self.call(turn, "drained", H::drained);
            }
            if self.core.resumes() {
                self.offer_kept(turn);
            }
            if sent != Sent::All || !self.core.has_output(turn) {
                return sent;
            }
            if budget == 0 {
                // What the handler has just written must not stay in the buffer that the next session is lent.
                self.core.queue_staged(turn);
                return Sent::Some;
            }
        }
    }

    #[cold]
    fn cannot_send(&mut self, error: SendError, turn: &mut Turn) -> Sent {
        match error {
            SendError::Wire(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.core.note_blocked(turn);
                return Sent::Blocked;
            }
            SendError::Wire(error) => self.fail(error, turn),
            SendError::File => self.core.cut(CloseReason::FileTruncated, turn),
        }
        Sent::All
    }

    /// Tells other threads that write to the connection how much waits in it, as [`Session::step`] does too.
    pub(crate) fn tell_queued(&self, turn: &Turn) {
        self.core.tell_queued(turn);
    }

    /// Whether our end must be sent now, although the connection goes on; true once.
    pub(crate) fn owes_end(&mut self, turn: &Turn) -> bool {
        self.core.owes_end(turn)
    }

    /// What the driver has to do next, once everything that could be sent is sent.
    #[inline]
    pub(crate) fn step(&mut self, turn: &mut Turn) -> Step {
        self.core.step(turn)
    }

    /// Whether there is something to send.
    pub(crate) fn has_output(&self, turn: &Turn) -> bool {
        self.core.has_output(turn)
    }

    /// Whether input should be read now.
    pub(crate) fn wants_input(&self, turn: &Turn) -> bool {
        self.core.wants_input(turn)
    }

    /// The first time at which [`Session::tick`] has something to do, idleness apart.
    pub(crate) fn deadline(&self) -> Time {
        self.core.deadline()
    }

    /// When the connection will have been idle for too long, if nothing moves.
    pub(crate) fn idle_deadline(&self, turn: &Turn) -> Time {
        self.core.idle_deadline(turn)
    }

    /// Ends the session: the handler's last callback. Call it when [`Session::step`] says `Close` or `Reset`.
    #[inline]
    pub(crate) fn finish(&mut self, turn: &mut Turn) -> CloseReason
    where
        H: Vacant,
    {
        let reason = self.core.release(turn);
        let handler = &mut self.handler;
        let closed = catch_unwind(AssertUnwindSafe(|| {
            handler.closed(&reason);
            // Dropped here, so that a panic in `Drop` is contained too.
            *handler = H::vacant();
        }));
        if let Err(panic) = closed {
            turn.counters.panics += 1;
            log::error!(
                "{}: the handler panicked while it was closed: {}",
                self.core.peer(),
                panic_message(&*panic)
            );
        }
        reason
    }

    /// Runs a callback, contains what goes wrong in it, and watches how long it took.
    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn call(
        &mut self,
        turn: &mut Turn,
        name: &'static str,
        callback: impl FnOnce(&mut H, &mut Conn<'_>) -> Result<(), HandlerError>,
    ) {
        if self.core.phase() != Phase::Open {
            return;
        }
        let (handler, core) = (&mut self.handler, &mut self.core);
        let result = catch_unwind(AssertUnwindSafe(|| {
            callback(handler, &mut Conn::new(core, turn))
        }));
        if let Some(duration) = turn.watch() {
            self.complain(name, duration, turn);
        }
        match result {
            Ok(Ok(())) => {}
            failure => self.contain(failure, turn),
        }
    }

    /// Ends the connection for what went wrong in a callback.
    #[cold]
    fn contain(&mut self, result: thread::Result<Result<(), HandlerError>>, turn: &mut Turn) {
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let reason = CloseReason::from_handler_error(error);
                turn.counters.handler_errors += u64::from(reason.is_error());
                self.core.close_because(reason, turn);
            }
            Err(panic) => {
                turn.counters.panics += 1;
                self.core
                    .close_because(CloseReason::Panic(panic_message(&*panic).into()), turn);
            }
        }
    }

    #[cold]
    fn complain(&self, name: &str, duration: Duration, turn: &mut Turn) {
        turn.counters.slow_callbacks += 1;
        let peer = self.core.peer();
        if turn.shared.is_blocking() {
            log::warn!(
                "{peer}: `handle` kept its loop for {duration:?} without waiting in its `Stream`, and every other \
                 connection of the loop waited meanwhile (wait with `Stream::sleep`, do long work in \
                 `Stream::offload`, or use the mode `threads`)"
            );
        } else {
            log::warn!(
                "{peer}: `{name}` took {duration:?}, and every other connection of its loop waited meanwhile \
                 (do long work on another thread, or use the mode `threads`)"
            );
        }
    }
}

/// A handler that can be replaced by one that does nothing, and so be dropped, when its connection is over.
pub(crate) trait Vacant: Handler {
    fn vacant() -> Self;
}

impl Vacant for Box<dyn Handler> {
    fn vacant() -> Self {
        // It has no size, so that boxing it costs nothing.
        Box::new(Nobody)
    }
}

/// Stands in for the handler of a connection that is over.
struct Nobody;

impl Handler for Nobody {
    fn received(&mut self, _: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a panic without a message)")
}

impl Ending {
    fn reason(self) -> CloseReason {
        match self {
            Self::Close => CloseReason::RemoteClosed,
            Self::Abort => CloseReason::Aborted,
        }
    }
}
