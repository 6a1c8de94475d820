//! The end of a connection: how it is decided, and how it is reached.

use std::time::Duration;

use super::{Core, Flags, OwnEnd, Phase};
use crate::CloseReason;
use crate::session::{Step, Turn};
use crate::timer::Time;

/// After how long without a byte in either direction everything that was sent counts as received.
const QUIET: Duration = Duration::from_secs(1);

impl Core {
    pub(crate) fn close(&mut self, turn: &mut Turn) {
        self.close_because(self.own_reason(), turn);
    }

    fn own_reason(&self) -> CloseReason {
        if self.flags.any(Flags::ENDED) {
            CloseReason::PeerClosed
        } else if self.flags.any(Flags::DRAINING) {
            CloseReason::Drained
        } else {
            CloseReason::HandlerClosed
        }
    }

    pub(crate) fn finish(&mut self) {
        self.flags.set(Flags::FINISHING);
    }

    pub(crate) fn abort(&mut self, turn: &mut Turn) {
        if self.phase == Phase::Open {
            self.flags.set(Flags::RESET);
            self.cut(CloseReason::Aborted, turn);
        }
    }

    pub(in crate::session) fn set_draining(&mut self) -> bool {
        let first = !self.flags.any(Flags::DRAINING);
        self.flags.set(Flags::DRAINING);
        if self.phase == Phase::Lingering {
            self.close_by = self.close_by.min(self.last_activity.after(QUIET));
        }
        first
    }

    /// Decides the end: what is queued is still sent.
    #[inline]
    pub(crate) fn close_because(&mut self, reason: CloseReason, turn: &mut Turn) {
        if self.phase == Phase::Open {
            self.phase = Phase::Flushing;
            self.reason = Some(reason);
            self.read_by = Time::NEVER;
            self.close_by = Time::NEVER;
            self.drop_kept(turn);
        }
    }

    /// Ends at once: what is queued is dropped.
    pub(crate) fn cut(&mut self, reason: CloseReason, turn: &mut Turn) {
        let undecided = match self.phase {
            Phase::Open => true,
            // The end was decided otherwise, but it did not get that far.
            Phase::Flushing => self.has_output(turn),
            Phase::Lingering | Phase::Over => false,
        };
        if undecided {
            self.reason = Some(reason);
        }
        self.phase = Phase::Over;
        self.drop_output(turn);
        self.drop_kept(turn);
    }

    fn drop_kept(&mut self, turn: &mut Turn) {
        if !self.kept_is_empty() {
            let kept = self.take_kept(turn);
            self.discard_kept(kept, 0, turn);
        }
    }

    #[inline]
    pub(in crate::session) fn step(&mut self, turn: &mut Turn) -> Step {
        self.tell_queued(turn);
        let may_finish = self.flags.any(Flags::FINISHING.or(Flags::DRAINING));
        if may_finish && self.phase == Phase::Open && self.is_finished(turn) {
            self.close_because(self.own_reason(), turn);
        }
        match self.phase {
            Phase::Open => {
                if self.owes_end(turn) {
                    Step::ShutdownWrite
                } else {
                    Step::Wait
                }
            }
            Phase::Flushing if self.has_output(turn) => Step::Wait,
            Phase::Flushing => self.say_goodbye(turn),
            Phase::Lingering if self.wants_input(turn) => Step::Wait,
            Phase::Lingering | Phase::Over => self.last_step(),
        }
    }

    /// Tells those who write from other threads how much waits here.
    #[inline]
    pub(in crate::session) fn tell_queued(&self, turn: &Turn) {
        if let Some(letters) = self
            .extras
            .as_ref()
            .and_then(|extras| extras.letters.as_ref())
        {
            letters.set_queued(self.queued(turn));
        }
    }

    /// Sends our end of the stream, after what was written, while the peer may go on.
    pub(crate) fn end_output(&mut self) {
        let own_end = &mut self.extras().own_end;
        if *own_end == OwnEnd::Open {
            *own_end = OwnEnd::Asked;
        }
    }

    /// Whether the handler has sent, or asked to send, the end of its side: nothing more can be written.
    pub(in crate::session) fn has_ended_output(&self) -> bool {
        self.extras
            .as_ref()
            .is_some_and(|extras| extras.own_end != OwnEnd::Open)
    }

    /// Why the connection ends, once that is decided.
    pub(crate) fn reason(&self) -> Option<&CloseReason> {
        self.reason.as_ref()
    }

    /// Whether our end must be sent now; true once.
    pub(in crate::session) fn owes_end(&mut self, turn: &Turn) -> bool {
        let has_output = self.has_output(turn);
        let Some(extras) = &mut self.extras else {
            return false;
        };
        let owes = extras.own_end == OwnEnd::Asked && !has_output;
        if owes {
            extras.own_end = OwnEnd::Sent;
        }
        owes
    }

    /// Whether an open connection that was asked to finish, or whose server drains, has nothing more to do.
    fn is_finished(&self, turn: &Turn) -> bool {
        let nothing_to_wait_for =
            || !self.has_output(turn) && !self.has_timers() && !self.is_shared();
        // Where output is high nothing was read for a while, so that there may be messages which had arrived before the server was asked to stop.
        self.is_between_messages()
            && !self.is_throttled()
            && (self.flags.any(Flags::FINISHING) || nothing_to_wait_for())
    }

    /// Everything is sent: send the end too, unless the peer has gone before.
    #[inline]
    fn say_goodbye(&mut self, turn: &Turn) -> Step {
        let mut close_by = turn.now.after(turn.config().linger_timeout);
        if self.flags.any(Flags::DRAINING) {
            // A server that stops need not wait for peers to which nothing can be on its way.
            close_by = close_by.min(self.last_activity.after(QUIET));
        }
        if self.flags.any(Flags::ENDED) || close_by <= turn.now {
            self.phase = Phase::Over;
            return self.last_step();
        }
        self.phase = Phase::Lingering;
        self.close_by = close_by;
        if self.has_ended_output() {
            Step::Wait
        } else {
            Step::ShutdownWrite
        }
    }

    fn last_step(&mut self) -> Step {
        self.phase = Phase::Over;
        if self.flags.any(Flags::RESET) {
            Step::Reset
        } else {
            Step::Close
        }
    }

    /// Gives back everything that is not the handler, and tells the reason.
    #[inline]
    pub(in crate::session) fn release(&mut self, turn: &mut Turn) -> CloseReason {
        if self.phase != Phase::Over {
            self.cut(CloseReason::Aborted, turn);
        }
        if let Some(extras) = self.extras.take() {
            for group in &extras.groups {
                group.remove(turn.place.id(), self.id);
            }
            if let Some(letters) = &extras.letters {
                letters.close();
            }
        }
        // Whatever made the phase `Over` has set a reason.
        self.reason.take().unwrap_or(CloseReason::Aborted)
    }
}
