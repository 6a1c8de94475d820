//! The state of a connection that its handler acts upon: what is kept, what is queued, when it is due, how it ends.

mod deadlines;
mod ending;
mod input;
mod sending;

use std::sync::Arc;

use super::Turn;
use super::output::Output;
use crate::CloseReason;
use crate::conn::ConnectionId;
use crate::group::Members;
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
    /// The handler waits until all of its output is sent, not only down to the low mark.
    const EMPTYING: Self = Self(1 << 7);

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
    /// How far our end of the stream has come, if the handler sends it before the connection ends.
    own_end: OwnEnd,
}

/// Whether a handler that still reads has sent the end of its own side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OwnEnd {
    #[default]
    Open,
    /// It is sent as soon as the output before it is.
    Asked,
    Sent,
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

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
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
