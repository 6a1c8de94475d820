//! The state of a connection that its handler acts upon: what is kept, what is queued, when it is due, how it ends.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::output::{Output, SendError, Sent, Wire};
use super::{Step, Turn};
use crate::CloseReason;
use crate::conn::ConnectionId;
use crate::group::{Members, SlowMember};
use crate::net::Address;
use crate::remote::LetterBox;
use crate::timer::Time;

/// How far the life of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The handler is in charge.
    Open,
    /// The end is decided, and what is queued is still being sent.
    Flushing,
    /// Our end is sent; what the peer still sends is dropped, so that it can read ours.
    Lingering,
    /// The socket can be closed.
    Over,
}

/// What a connection consists of, its handler apart. An idle one owns no buffer.
#[derive(Debug)]
pub(crate) struct Core {
    id: ConnectionId,
    peer: Address,
    /// What the handler has left of its input.
    kept: Kept,
    /// How many bytes there must be before the handler is called again.
    want: usize,
    /// What the peer has not taken yet.
    output: Option<Box<Output>>,
    /// What few connections have.
    extras: Option<Box<Extras>>,
    reason: Option<CloseReason>,
    last_activity: Time,
    /// When the message under way must be complete.
    read_by: Time,
    /// When the peer must have taken some output.
    write_by: Time,
    /// When the lifetime, or the lingering, is over.
    close_by: Time,
    /// Bytes that came after the end was decided.
    dropped_input: usize,
    /// Where the driver keeps this connection.
    key: u32,
    /// Which of the server's listeners accepted it.
    listener: u16,
    phase: Phase,
    flags: Flags,
}

/// Independent facts about a connection, one bit each, so that the usual case (none of them) is one comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Flags(u8);

impl Flags {
    /// The peer has sent its end.
    const ENDED: Self = Self(1);
    /// The handler does not want to read.
    const PAUSED: Self = Self(1 << 1);
    /// Output has grown to the high mark and not fallen to the low mark since.
    const THROTTLED: Self = Self(1 << 2);
    /// What is kept should be offered again, since reading is possible again.
    const REOFFER: Self = Self(1 << 3);
    /// Close as soon as no message is half received.
    const FINISHING: Self = Self(1 << 4);
    /// The server is stopping.
    const DRAINING: Self = Self(1 << 5);
    /// The peer should see a reset.
    const RESET: Self = Self(1 << 6);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these facts holds.
    fn any(self, facts: Self) -> bool {
        self.0 & facts.0 != 0
    }

    fn set(&mut self, fact: Self) {
        self.0 |= fact.0;
    }

    fn clear(&mut self, fact: Self) {
        self.0 &= !fact.0;
    }
}

/// After how long without a byte in either direction everything that was sent counts as received.
const QUIET: Duration = Duration::from_secs(1);

/// Bytes that the handler has left, the first `start` of them taken since.
#[derive(Debug, Default)]
pub(super) struct Kept {
    buffer: Vec<u8>,
    start: usize,
}

#[derive(Debug, Default)]
struct Extras {
    timers: Vec<(u8, Time)>,
    groups: Vec<Arc<Members>>,
    letters: Option<Arc<LetterBox>>,
    /// Where the connection arrived, if the listener's address does not tell.
    local: Option<Address>,
}

impl Kept {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

impl Core {
    #[inline]
    pub(crate) fn new(
        id: ConnectionId,
        key: u32,
        peer: Address,
        listener: u16,
        turn: &Turn,
    ) -> Self {
        Self {
            id,
            peer,
            kept: Kept::default(),
            want: 0,
            output: None,
            extras: None,
            reason: None,
            last_activity: turn.now,
            read_by: Time::NEVER,
            write_by: Time::NEVER,
            close_by: turn.now.after_limit(turn.limits.lifetime),
            dropped_input: 0,
            key,
            listener,
            phase: Phase::Open,
            flags: Flags::default(),
        }
    }

    /// Says where the connection arrived, when the address of its listener is a wildcard.
    pub(crate) fn set_local(&mut self, local: Address) {
        self.extras().local = Some(local);
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn key(&self) -> u32 {
        self.key
    }

    pub(crate) fn peer(&self) -> &Address {
        &self.peer
    }

    pub(crate) fn local<'a>(&'a self, turn: &'a Turn) -> &'a Address {
        let own = self
            .extras
            .as_ref()
            .and_then(|extras| extras.local.as_ref());
        own.unwrap_or_else(|| &turn.shared.addresses[usize::from(self.listener)])
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.flags.any(Flags::DRAINING)
    }

    /// Whether the wire was full.
    pub(crate) fn has_queue(&self) -> bool {
        self.output.is_some()
    }

    /// Whether other threads may write to this connection, so that its thread must be able to wake up for them.
    pub(crate) fn is_shared(&self) -> bool {
        self.extras
            .as_ref()
            .is_some_and(|extras| extras.letters.is_some() || !extras.groups.is_empty())
    }

    /// Whether the connection waits for nothing but the beginning of a message.
    #[inline]
    pub(crate) fn is_between_messages(&self) -> bool {
        self.kept.bytes().is_empty() && self.want == 0
    }
}

/// Input: what is kept, and whether more is welcome.
impl Core {
    /// Whether there is nothing but input to wait for.
    pub(super) fn is_quiet(&self) -> bool {
        self.phase == Phase::Open
            && self.flags == Flags::default()
            && self.output.is_none()
            && self.extras.is_none()
            && self.read_by.min(self.close_by) == Time::NEVER
    }

    pub(super) fn touch(&mut self, now: Time) {
        self.last_activity = now;
    }

    pub(super) fn kept_is_empty(&self) -> bool {
        // A buffer that is used up is given back, so that there is none.
        self.kept.buffer.is_empty()
    }

    /// Whether the handler should be called with this many bytes.
    pub(super) fn is_owed(&self, bytes: usize) -> bool {
        bytes > 0 && bytes >= self.want && self.is_receptive()
    }

    fn is_receptive(&self) -> bool {
        self.phase == Phase::Open && !self.flags.any(Flags::PAUSED.or(Flags::THROTTLED))
    }

    pub(super) fn wants_input(&self, turn: &Turn) -> bool {
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
    pub(super) fn is_amid_message(&self) -> bool {
        self.want != 0 || self.read_by != Time::NEVER
    }

    pub(super) fn reset_want(&mut self) {
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

    /// Keeps what the handler has left.
    pub(super) fn keep(&mut self, bytes: &[u8], turn: &mut Turn) {
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
        kept.buffer.extend_from_slice(bytes);
        turn.counters.bytes_held += bytes.len() as u64;
    }

    pub(super) fn take_kept(&mut self, turn: &mut Turn) -> Kept {
        let kept = std::mem::take(&mut self.kept);
        turn.counters.bytes_held -= kept.bytes().len() as u64;
        kept
    }

    pub(super) fn put_back(&mut self, mut kept: Kept, taken: usize, turn: &mut Turn) {
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

    pub(super) fn discard_kept(&mut self, kept: Kept, taken: usize, turn: &mut Turn) {
        self.discard(kept.bytes().len() - taken, turn);
        turn.take_back_buffer(kept.buffer);
    }

    pub(super) fn discard(&mut self, bytes: usize, turn: &mut Turn) {
        self.dropped_input += bytes;
        turn.counters.bytes_discarded += bytes as u64;
    }

    /// Looks at the limits on input after the handler was called; `progress` says whether it took anything.
    pub(super) fn after_input(&mut self, turn: &mut Turn, progress: bool) {
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
    pub(super) fn set_ended(&mut self) -> bool {
        let first = !self.flags.any(Flags::ENDED);
        self.flags.set(Flags::ENDED);
        first
    }
}

/// Output: what is written, queued and sent.
impl Core {
    pub(crate) fn queued(&self, turn: &Turn) -> usize {
        turn.staging.len() + self.output.as_ref().map_or(0, |output| output.bytes())
    }

    pub(super) fn has_output(&self, turn: &Turn) -> bool {
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
        if self.phase != Phase::Open {
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

    pub(super) fn deliver(
        &mut self,
        message: &Bytes,
        bytes_max: usize,
        policy: SlowMember,
        turn: &mut Turn,
    ) {
        if self.phase != Phase::Open {
            return;
        }
        let mut dropped = 0;
        let stays = self
            .queue(turn)
            .push_message(message.clone(), bytes_max, policy, &mut dropped);
        turn.counters.messages_dropped += dropped;
        if !stays {
            self.cut(CloseReason::SlowMember, turn);
        }
    }

    pub(super) fn read_letters(&mut self, turn: &mut Turn) {
        let Some(letters) = self
            .extras
            .as_ref()
            .and_then(|extras| extras.letters.clone())
        else {
            return;
        };
        let ending = letters.empty(|message| self.write_shared(message, turn));
        if let Some(ending) = ending {
            match ending {
                crate::remote::Ending::Close => self.close_because(ending.reason(), turn),
                crate::remote::Ending::Abort => {
                    self.flags.set(Flags::RESET);
                    self.cut(ending.reason(), turn);
                }
            }
        }
    }

    pub(super) fn note_high_water(&mut self, turn: &Turn) {
        if self.queued(turn) >= turn.config().output_high {
            self.flags.set(Flags::THROTTLED);
        }
    }

    /// Whether output that was high is low now; true once.
    pub(super) fn falls_to_low_water(&mut self, turn: &Turn) -> bool {
        let falls =
            self.flags.any(Flags::THROTTLED) && self.queued(turn) <= turn.config().output_low;
        if falls {
            self.flags.clear(Flags::THROTTLED);
            self.flags.set(Flags::REOFFER);
        }
        falls
    }

    /// Whether what is kept should be offered again; true once.
    pub(super) fn resumes(&mut self) -> bool {
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
    pub(super) fn send_staged(
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
    pub(super) fn note_blocked(&mut self, turn: &mut Turn) {
        self.queue_staged(turn);
        self.note_high_water(turn);
        self.write_by = turn.now.after_limit(turn.limits.write_timeout);
    }

    /// Moves what is staged to the end of the queue.
    pub(super) fn queue_staged(&mut self, turn: &mut Turn) {
        if !turn.staging.is_empty() {
            self.queue(turn);
        }
    }

    pub(super) fn send(
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

    fn drop_output(&mut self, turn: &mut Turn) {
        turn.clear_staging();
        if let Some(output) = self.output.take() {
            turn.take_back_output(output);
        }
        self.write_by = Time::NEVER;
    }
}

/// Deadlines.
impl Core {
    pub(crate) fn set_timer(&mut self, timer: u8, at: Time) {
        let timers = &mut self.extras().timers;
        match timers.iter_mut().find(|(number, _)| *number == timer) {
            Some((_, time)) => *time = at,
            None => timers.push((timer, at)),
        }
    }

    pub(crate) fn cancel_timer(&mut self, timer: u8) {
        if let Some(extras) = &mut self.extras {
            extras.timers.retain(|&(number, _)| number != timer);
        }
    }

    /// Takes out the timer that is due first, if one is.
    pub(super) fn due_timer(&mut self, now: Time) -> Option<u8> {
        if self.phase != Phase::Open {
            return None;
        }
        let timers = &mut self.extras.as_mut()?.timers;
        let (index, &(_, at)) = timers.iter().enumerate().min_by_key(|(_, (_, at))| *at)?;
        (at <= now).then(|| timers.swap_remove(index).0)
    }

    pub(crate) fn has_timers(&self) -> bool {
        self.extras
            .as_ref()
            .is_some_and(|extras| !extras.timers.is_empty())
    }

    pub(super) fn deadline(&self) -> Time {
        let first = self.read_by.min(self.write_by).min(self.close_by);
        match &self.extras {
            Some(extras) if self.phase == Phase::Open => extras
                .timers
                .iter()
                .fold(first, |first, &(_, at)| first.min(at)),
            _ => first,
        }
    }

    pub(super) fn idle_deadline(&self, turn: &Turn) -> Time {
        match self.phase {
            // Output that does not move has a deadline of its own.
            Phase::Open if self.output.is_none() => {
                self.last_activity.after_limit(turn.limits.idle_timeout)
            }
            _ => Time::NEVER,
        }
    }

    /// The deadline that has passed, if one has.
    pub(super) fn expired(&self, turn: &Turn) -> Option<CloseReason> {
        let now = turn.now;
        if self.write_by <= now {
            Some(CloseReason::WriteTimeout)
        } else if self.close_by <= now {
            Some(CloseReason::LifetimeOver)
        } else if self.read_by <= now && self.phase == Phase::Open {
            Some(CloseReason::ReadTimeout)
        } else if self.idle_deadline(turn) <= now {
            Some(CloseReason::IdleTimeout)
        } else {
            None
        }
    }

    pub(super) fn expire(&mut self, reason: CloseReason, turn: &mut Turn) {
        match reason {
            CloseReason::LifetimeOver if self.phase == Phase::Open => {
                self.close_because(reason, turn);
            }
            reason => self.cut(reason, turn),
        }
    }
}

/// The end.
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

    pub(super) fn set_draining(&mut self) -> bool {
        let first = !self.flags.any(Flags::DRAINING);
        self.flags.set(Flags::DRAINING);
        first
    }

    /// Decides the end: what is queued is still sent.
    #[inline]
    pub(super) fn close_because(&mut self, reason: CloseReason, turn: &mut Turn) {
        if self.phase == Phase::Open {
            self.phase = Phase::Flushing;
            self.reason = Some(reason);
            self.read_by = Time::NEVER;
            self.close_by = Time::NEVER;
            self.drop_kept(turn);
        }
    }

    /// Ends at once: what is queued is dropped.
    pub(super) fn cut(&mut self, reason: CloseReason, turn: &mut Turn) {
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
    pub(super) fn step(&mut self, turn: &mut Turn) -> Step {
        if let Some(letters) = self
            .extras
            .as_ref()
            .and_then(|extras| extras.letters.as_ref())
        {
            letters.set_queued(self.queued(turn));
        }
        let may_finish = self.flags.any(Flags::FINISHING.or(Flags::DRAINING));
        if may_finish && self.phase == Phase::Open && self.is_finished(turn) {
            self.close_because(self.own_reason(), turn);
        }
        match self.phase {
            Phase::Open => Step::Wait,
            Phase::Flushing if self.has_output(turn) => Step::Wait,
            Phase::Flushing => self.say_goodbye(turn),
            Phase::Lingering if self.wants_input(turn) => Step::Wait,
            Phase::Lingering | Phase::Over => self.last_step(),
        }
    }

    /// Whether an open connection that was asked to finish, or whose server drains, has nothing more to do.
    fn is_finished(&self, turn: &Turn) -> bool {
        let nothing_to_wait_for =
            || !self.has_output(turn) && !self.has_timers() && !self.is_shared();
        self.is_between_messages() && (self.flags.any(Flags::FINISHING) || nothing_to_wait_for())
    }

    /// Everything is sent: send the end too, unless the peer has gone before.
    #[inline]
    fn say_goodbye(&mut self, turn: &Turn) -> Step {
        let linger = turn.config().linger_timeout;
        // A server that stops need not wait for peers to which nothing can be on its way.
        let quiet = self.flags.any(Flags::DRAINING) && turn.now.since(self.last_activity) > QUIET;
        if self.flags.any(Flags::ENDED) || linger.is_zero() || quiet {
            self.phase = Phase::Over;
            return self.last_step();
        }
        self.phase = Phase::Lingering;
        self.close_by = turn.now.after(linger);
        Step::ShutdownWrite
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
    pub(super) fn release(&mut self, turn: &mut Turn) -> CloseReason {
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

/// What few connections have.
impl Core {
    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    pub(crate) fn letters(&mut self, turn: &Turn) -> Arc<LetterBox> {
        let (key, id, max) = (self.key, self.id, turn.config().output_bytes_max);
        let place = &turn.place;
        self.extras()
            .letters
            .get_or_insert_with(|| LetterBox::new(place.clone(), key, id, max))
            .clone()
    }

    pub(crate) fn remember_group(&mut self, members: &Arc<Members>) {
        let groups = &mut self.extras().groups;
        if !groups.iter().any(|group| Arc::ptr_eq(group, members)) {
            groups.push(members.clone());
        }
    }

    pub(crate) fn forget_group(&mut self, members: &Arc<Members>) {
        if let Some(extras) = &mut self.extras {
            extras.groups.retain(|group| !Arc::ptr_eq(group, members));
        }
    }
}
