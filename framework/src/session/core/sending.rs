//! The output of a connection: what is written, queued and sent.

use std::fs::File;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::{Core, Flags, Phase};
use crate::CloseReason;
use crate::group::{Parcel, SlowMember};
use crate::session::Turn;
use crate::session::output::{Output, SendError, Sent, Wire};
use crate::timer::Time;

impl Core {
    pub(crate) fn queued(&self, turn: &Turn) -> usize {
        turn.staging.len() + self.output.as_ref().map_or(0, |output| output.bytes())
    }

    pub(crate) fn has_output(&self, turn: &Turn) -> bool {
        !turn.staging.is_empty() || self.output.is_some()
    }

    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8], turn: &mut Turn) {
        let staged = turn.staging.len() + bytes.len();
        if self.output.is_none() && self.phase == Phase::Open && staged <= turn.staging_room {
            turn.staging.extend_from_slice(bytes);
        } else {
            self.write_more(bytes, turn);
        }
    }

    #[inline(never)]
    fn write_more(&mut self, bytes: &[u8], turn: &mut Turn) {
        if self.has_room(bytes.len(), turn) {
            match &mut self.output {
                None => turn.staging.extend_from_slice(bytes),
                Some(output) => output.push_copied(bytes),
            }
        }
    }

    /// Sends everything in a buffer, and leaves an empty one in its place.
    #[inline]
    pub(crate) fn write_buffer(&mut self, buffer: &mut Vec<u8>, turn: &mut Turn) {
        let is_simple = self.output.is_none()
            && self.phase == Phase::Open
            && turn.staging.is_empty()
            && buffer.len() <= turn.staging_room;
        if is_simple {
            std::mem::swap(&mut turn.staging, buffer);
        } else {
            self.write(buffer, turn);
            buffer.clear();
        }
    }

    pub(crate) fn write_shared(&mut self, bytes: Bytes, turn: &mut Turn) {
        if self.has_room(bytes.len(), turn) {
            self.queue(turn).push_shared(bytes);
        }
    }

    pub(crate) fn send_file(&mut self, file: File, range: Range<u64>, turn: &mut Turn) {
        if self.has_room(0, turn) {
            self.queue(turn).push_file(file, range);
        }
    }

    /// Whether so many bytes may still be written; too many end the connection.
    fn has_room(&mut self, bytes: usize, turn: &mut Turn) -> bool {
        if self.phase != Phase::Open || self.has_ended_output() {
            return false;
        }
        let fits = self.queued(turn).saturating_add(bytes) <= turn.config().output_bytes_max;
        if !fits {
            self.cut(CloseReason::OutputOverflow, turn);
        }
        fits
    }

    /// The queue, with what is staged in front.
    fn queue(&mut self, turn: &mut Turn) -> &mut Output {
        let output = self.output.get_or_insert_with(|| turn.lend_output());
        if !turn.staging.is_empty() {
            output.push_copied(&turn.staging);
            turn.clear_staging();
        }
        output
    }

    /// Whether with these messages a considerable part of what may wait for a member would.
    pub(in crate::session) fn is_filled_by(&self, parcel: &Parcel<'_>) -> bool {
        self.output
            .as_ref()
            .is_some_and(|output| output.is_filled_by(parcel.bytes_max(), parcel.part_bytes()))
    }

    /// Queues messages of a group, each as its policy for slow members says.
    pub(in crate::session) fn deliver(&mut self, parcel: &Parcel<'_>, turn: &mut Turn) {
        if self.phase != Phase::Open || self.has_ended_output() {
            return;
        }
        turn.counters.messages_dropped += parcel.missed();
        let is_late = parcel.missed() > 0 && parcel.policy() == SlowMember::Disconnect;
        if is_late || !self.queue_messages(parcel, 0, turn) {
            self.cut(CloseReason::SlowMember, turn);
        }
    }

    /// Queues messages of a group, of which the first `sent` bytes are sent already. False when the connection is to be cut.
    fn queue_messages(&mut self, parcel: &Parcel<'_>, mut sent: usize, turn: &mut Turn) -> bool {
        let mut dropped = 0;
        let output = self.queue(turn);
        let stays = parcel.messages().all(|message| {
            if sent >= message.len() {
                sent -= message.len();
                return true;
            }
            if sent > 0 {
                output.push_begun(message.slice(std::mem::take(&mut sent)..));
                return true;
            }
            let (max, policy) = (parcel.queued_bytes_max(), parcel.policy());
            output.push_message(message.clone(), max, policy, &mut dropped)
        });
        turn.counters.messages_dropped += dropped;
        stays
    }

    /// Tries the usual case: nothing waits, and what the group has to say leaves in one call. None when it is not that simple.
    #[inline]
    pub(in crate::session) fn send_parcel(
        &mut self,
        parcel: &Parcel<'_>,
        wire: &mut impl Wire,
        turn: &mut Turn,
    ) -> Option<Result<Sent, SendError>> {
        let unusual = Flags::THROTTLED.or(Flags::REOFFER);
        let is_simple = self.phase == Phase::Open
            && self.output.is_none()
            && turn.staging.is_empty()
            && parcel.missed() == 0
            && !self.flags.any(unusual)
            && !self.has_ended_output();
        if !is_simple {
            return None;
        }
        // What fits into the limits as a whole, no limit can be broken by.
        let bytes = parcel
            .whole()
            .filter(|bytes| bytes.len() <= turn.staging_room.min(parcel.queued_bytes_max()))?;
        if bytes.is_empty() {
            return Some(Ok(Sent::All));
        }
        let sent = match wire.send(bytes) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Some(Err(SendError::Wire(error))),
        };
        self.note_progress(sent as u64, turn);
        if sent == bytes.len() {
            return Some(Ok(Sent::All));
        }
        self.queue_messages(parcel, sent, turn);
        self.note_blocked(turn);
        Some(Ok(Sent::Blocked))
    }

    /// Does what other threads have asked for; true when they also want the handler to be called.
    pub(in crate::session) fn read_letters(&mut self, turn: &mut Turn) -> bool {
        let Some(letters) = self
            .extras
            .as_ref()
            .and_then(|extras| extras.letters.clone())
        else {
            return false;
        };
        let (woken, ending) = letters.empty(|message| self.write_shared(message, turn));
        if let Some(ending) = ending {
            match ending {
                crate::remote::Ending::Close => self.close_because(ending.reason(), turn),
                crate::remote::Ending::Abort => {
                    self.flags.set(Flags::RESET);
                    self.cut(ending.reason(), turn);
                }
            }
        }
        woken
    }

    /// Has the handler's `drained` called as soon as everything that is written now is sent.
    pub(crate) fn await_empty_output(&mut self) {
        self.flags.set(Flags::THROTTLED.or(Flags::EMPTYING));
    }

    /// Nobody waits for that any more: what is still queued counts as it does otherwise.
    pub(crate) fn forget_empty_output(&mut self, turn: &Turn) {
        self.flags.clear(Flags::THROTTLED.or(Flags::EMPTYING));
        self.note_high_water(turn);
    }

    pub(in crate::session) fn note_high_water(&mut self, turn: &Turn) {
        if self.queued(turn) >= turn.config().output_high {
            self.flags.set(Flags::THROTTLED);
        }
    }

    /// Whether output that was high is low now; true once.
    pub(in crate::session) fn falls_to_low_water(&mut self, turn: &Turn) -> bool {
        let is_low = if self.flags.any(Flags::EMPTYING) {
            !self.has_output(turn)
        } else {
            self.queued(turn) <= turn.config().output_low
        };
        let falls = self.flags.any(Flags::THROTTLED) && is_low;
        if falls {
            self.flags.clear(Flags::THROTTLED.or(Flags::EMPTYING));
            self.flags.set(Flags::REOFFER);
        }
        falls
    }

    /// Whether what is kept should be offered again; true once.
    pub(in crate::session) fn resumes(&mut self) -> bool {
        if !self.flags.any(Flags::REOFFER) || !self.is_receptive() {
            return false;
        }
        self.flags.clear(Flags::REOFFER);
        self.is_owed(self.kept.bytes().len())
    }

    /// Tries the usual case: nothing is queued, and what a callback has written leaves in one call. False when it is not
    /// that simple; an error of kind `WouldBlock` when the wire did not take everything.
    #[expect(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(in crate::session) fn send_staged(
        &mut self,
        wire: &mut impl Wire,
        turn: &mut Turn,
    ) -> Result<bool, SendError> {
        let staged = turn.staging.len();
        let unusual = Flags::THROTTLED.or(Flags::REOFFER);
        if self.output.is_some() || staged > turn.staging_room || self.flags.any(unusual) {
            return Ok(false);
        }
        if staged == 0 {
            return Ok(true);
        }
        let sent = wire.send(&turn.staging).map_err(SendError::Wire)?;
        turn.counters.bytes_out += sent as u64;
        self.touch(turn.now);
        if sent < staged {
            turn.staging.drain(..sent);
            return Err(SendError::Wire(io::ErrorKind::WouldBlock.into()));
        }
        turn.staging.clear();
        Ok(true)
    }

    /// The wire is full: what is staged waits in the queue.
    pub(in crate::session) fn note_blocked(&mut self, turn: &mut Turn) {
        self.queue_staged(turn);
        self.note_high_water(turn);
        self.write_by = turn.now.after_limit(turn.limits.write_timeout);
    }

    /// Moves what is staged to the end of the queue.
    pub(in crate::session) fn queue_staged(&mut self, turn: &mut Turn) {
        if !turn.staging.is_empty() {
            self.queue(turn);
        }
    }

    pub(in crate::session) fn send(
        &mut self,
        wire: &mut impl Wire,
        budget: &mut usize,
        turn: &mut Turn,
    ) -> Result<Sent, SendError> {
        let Some(output) = &mut self.output else {
            return Ok(Sent::All);
        };
        let mut progress = 0;
        let sent = output.send(wire, budget, &mut progress)?;
        self.note_progress(progress, turn);
        if sent == Sent::All {
            self.write_by = Time::NEVER;
            if let Some(output) = self.output.take() {
                turn.take_back_output(output);
            }
        } else if progress > 0 || self.write_by == Time::NEVER {
            self.write_by = turn.now.after_limit(turn.limits.write_timeout);
        }
        Ok(sent)
    }

    fn note_progress(&mut self, sent: u64, turn: &mut Turn) {
        turn.counters.bytes_out += sent;
        if sent > 0 {
            self.touch(turn.now);
        }
    }

    pub(super) fn drop_output(&mut self, turn: &mut Turn) {
        turn.clear_staging();
        if let Some(output) = self.output.take() {
            turn.take_back_output(output);
        }
        self.write_by = Time::NEVER;
    }
}
