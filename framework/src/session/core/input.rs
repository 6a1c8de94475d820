//! The input of a connection: what is kept, whether more is welcome, and how long a message may be.

use super::{Core, Flags, Kept, Phase};
use crate::CloseReason;
use crate::session::Turn;
use crate::timer::Time;

/// The most by which what is kept grows ahead of what comes.
const GROWTH_BYTES_MAX: usize = 2048;

impl Core {
    /// Whether there is nothing but input to wait for.
    pub(in crate::session) fn is_quiet(&self) -> bool {
        self.phase == Phase::Open
            && self.flags == Flags::default()
            && self.output.is_none()
            && self.extras.is_none()
            && self.read_by.min(self.close_by) == Time::NEVER
    }

    pub(in crate::session) fn touch(&mut self, now: Time) {
        self.last_activity = now;
    }

    pub(in crate::session) fn kept_is_empty(&self) -> bool {
        // A buffer that is used up is given back, so that there is none.
        self.kept.buffer.is_empty()
    }

    /// Whether the handler should be called with this many bytes.
    pub(in crate::session) fn is_owed(&self, bytes: usize) -> bool {
        bytes > 0 && bytes >= self.want && self.is_receptive()
    }

    /// Whether nothing is read until output has been sent.
    pub(crate) fn is_throttled(&self) -> bool {
        self.flags.any(Flags::THROTTLED)
    }

    pub(super) fn is_receptive(&self) -> bool {
        self.phase == Phase::Open && !self.flags.any(Flags::PAUSED.or(Flags::THROTTLED))
    }

    /// Whether a handler that has taken a message may take the next one: the connection is open, and there is room for an answer.
    ///
    /// Output that is high is noted at once and not only when it is sent, so that what the handler leaves is offered
    /// again later, and does not count as one message that is too long.
    pub(crate) fn takes_more(&mut self, turn: &Turn) -> bool {
        self.note_high_water(turn);
        self.is_receptive()
    }

    pub(in crate::session) fn wants_input(&self, turn: &Turn) -> bool {
        match self.phase {
            Phase::Open => !self
                .flags
                .any(Flags::ENDED.or(Flags::PAUSED).or(Flags::THROTTLED)),
            // What the peer still sends is dropped.
            Phase::Flushing | Phase::Lingering => {
                !self.flags.any(Flags::ENDED) && self.dropped_input < turn.config().linger_bytes_max
            }
            Phase::Over => false,
        }
    }

    /// Whether the limits on a message under way must be looked at, although nothing is kept.
    pub(in crate::session) fn is_amid_message(&self) -> bool {
        self.want != 0 || self.read_by != Time::NEVER
    }

    pub(in crate::session) fn reset_want(&mut self) {
        self.want = 0;
    }

    pub(crate) fn want(&mut self, bytes: usize) {
        self.want = bytes;
    }

    pub(crate) fn set_reading(&mut self, reading: bool) {
        if reading {
            self.flags.clear(Flags::PAUSED);
            self.flags.set(Flags::REOFFER);
        } else {
            self.flags.set(Flags::PAUSED);
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.flags.any(Flags::PAUSED)
    }

    /// Keeps what the handler has left.
    pub(in crate::session) fn keep(&mut self, bytes: &[u8], turn: &mut Turn) {
        if self.phase != Phase::Open {
            self.discard(bytes.len(), turn);
        }
        if self.phase != Phase::Open || bytes.is_empty() {
            return;
        }
        let kept = &mut self.kept;
        if kept.buffer.capacity() == 0 {
            kept.buffer = turn.lend_buffer();
        } else if kept.start * 2 >= kept.buffer.len() {
            kept.buffer.drain(..kept.start);
            kept.start = 0;
        }
        if kept.buffer.capacity() - kept.buffer.len() < bytes.len() {
            // Twice as much, as a vector would take, could be far more than a peer has sent: this is what has come, or a little more where little comes at a time.
            let more = (kept.buffer.len() / 8).min(GROWTH_BYTES_MAX);
            kept.buffer.reserve_exact(bytes.len().max(more));
        }
        kept.buffer.extend_from_slice(bytes);
        turn.counters.bytes_held += bytes.len() as u64;
    }

    pub(in crate::session) fn take_kept(&mut self, turn: &mut Turn) -> Kept {
        let kept = std::mem::take(&mut self.kept);
        turn.counters.bytes_held -= kept.bytes().len() as u64;
        kept
    }

    pub(in crate::session) fn put_back(&mut self, mut kept: Kept, taken: usize, turn: &mut Turn) {
        kept.start += taken;
        let left = kept.bytes().len();
        if self.phase == Phase::Open && left > 0 {
            turn.counters.bytes_held += left as u64;
            self.kept = kept;
        } else {
            self.discard(left, turn);
            turn.take_back_buffer(kept.buffer);
        }
    }

    pub(in crate::session) fn discard_kept(&mut self, kept: Kept, taken: usize, turn: &mut Turn) {
        self.discard(kept.bytes().len() - taken, turn);
        turn.take_back_buffer(kept.buffer);
    }

    pub(in crate::session) fn discard(&mut self, bytes: usize, turn: &mut Turn) {
        self.dropped_input += bytes;
        turn.counters.bytes_discarded += bytes as u64;
    }

    /// Looks at the limits on input after the handler was called; `progress` says whether it took anything.
    pub(in crate::session) fn after_input(&mut self, turn: &mut Turn, progress: bool) {
        if self.phase != Phase::Open {
            return;
        }
        if self.is_between_messages() {
            self.read_by = Time::NEVER;
            return;
        }
        let max = turn.config().input_bytes_max;
        if self.want > max || (self.kept.bytes().len() >= max && self.is_receptive()) {
            self.close_because(CloseReason::InputOverflow, turn);
        } else if !self.is_receptive() {
            self.read_by = Time::NEVER;
        } else if progress || self.read_by == Time::NEVER {
            self.read_by = turn.now.after_limit(turn.limits.read_timeout);
        }
    }

    /// Notes that the peer has sent its end; true the first time.
    pub(in crate::session) fn set_ended(&mut self) -> bool {
        let first = !self.flags.any(Flags::ENDED);
        self.flags.set(Flags::ENDED);
        first
    }
}
