//! What a driver lends to each session in turn: the time, buffers, counters.

use std::sync::Arc;
use std::time::Duration;

use super::output::Output;
use crate::mail::Place;
use crate::server::{Config, Counters, Shared};
use crate::stream::Buffers;
use crate::timer::{Clock, Limit, Time};

/// The most queues and buffers that a driver keeps for reuse.
const SPARE_MAX: usize = 1024;
/// A buffer that has grown beyond this is given back rather than kept.
const SPARE_BYTES_MAX: usize = 64 * 1024;
/// What a staging buffer may have grown to and still be kept.
const STAGING_BYTES_MAX: usize = 256 * 1024;

/// What one thread lends to its sessions, one after the other.
///
/// No connection owns a buffer while it is idle: what it writes is staged here until its callback has returned, and what
/// it must keep comes from the spares here and goes back to them.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) now: Time,
    /// What the present session has written; empty between sessions.
    pub(crate) staging: Vec<u8>,
    /// Up to how many staged bytes no limit can be broken.
    pub(crate) staging_room: usize,
    pub(crate) counters: Counters,
    pub(crate) limits: Limits,
    pub(crate) place: Arc<Place>,
    pub(crate) shared: Arc<Shared>,
    /// The number that the system gave to the last failure of a socket.
    pub(crate) os_error: Option<i32>,
    /// Where a callback's timers get the time from, which a test replaces.
    clock: fn() -> Time,
    #[expect(
        clippy::vec_box,
        reason = "connections hold their queue in a box, which is what is reused"
    )]
    outputs: Vec<Box<Output>>,
    buffers: Vec<Vec<u8>>,
    /// What blocking handlers read from and write to, one after the other.
    pub(crate) desk: Option<Box<Buffers>>,
    /// When the watch was last looked at, where callbacks are watched.
    watched: Time,
    /// From which duration on a callback is slow; none where callbacks are not watched.
    slow_callback: Limit,
}

/// The limits on the time of every connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(super) idle_timeout: Limit,
    pub(super) read_timeout: Limit,
    pub(super) write_timeout: Limit,
    pub(super) lifetime: Limit,
}

impl Limits {
    fn new(config: &Config) -> Self {
        Self {
            idle_timeout: config.idle_timeout.into(),
            read_timeout: config.read_timeout.into(),
            write_timeout: config.write_timeout.into(),
            lifetime: config.lifetime.into(),
        }
    }
}

impl Turn {
    pub(crate) fn new(place: Arc<Place>, shared: Arc<Shared>) -> Self {
        let clock = shared.clock;
        Self::with_clock(place, shared, clock)
    }

    /// A turn whose time comes from elsewhere.
    pub(crate) fn with_clock(place: Arc<Place>, shared: Arc<Shared>, clock: fn() -> Time) -> Self {
        Self {
            now: clock(),
            staging: Vec::new(),
            staging_room: shared.config.output_high.min(STAGING_BYTES_MAX),
            counters: Counters::default(),
            limits: Limits::new(&shared.config),
            place,
            shared,
            os_error: None,
            clock,
            outputs: Vec::new(),
            buffers: Vec::new(),
            desk: None,
            watched: Time::NEVER,
            slow_callback: Limit::NONE,
        }
    }

    /// Watches how long callbacks take, where others wait for them.
    pub(crate) fn watching(mut self) -> Self {
        self.slow_callback = self.shared.config.slow_callback.into();
        self
    }

    /// Begins a turn of the loop.
    pub(crate) fn begin(&mut self, now: Time) {
        self.now = now;
        if self.slow_callback != Limit::NONE {
            self.watched = Clock::coarse();
        }
    }

    /// The time to the nanosecond, for timers that a callback sets: the turn may have begun a while ago.
    pub(crate) fn exact_now(&self) -> Time {
        (self.clock)()
    }

    pub(crate) fn clock(&self) -> fn() -> Time {
        self.clock
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// How long the callback that has just returned took, if that was too long.
    #[inline]
    pub(super) fn watch(&mut self) -> Option<Duration> {
        if self.slow_callback == Limit::NONE {
            return None;
        }
        let now = Clock::coarse();
        let begun = std::mem::replace(&mut self.watched, now);
        now.exceeds(begun, self.slow_callback)
            .then(|| now.since(begun))
    }

    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is reused")]
    pub(super) fn lend_output(&mut self) -> Box<Output> {
        self.outputs.pop().unwrap_or_default()
    }

    pub(super) fn take_back_output(&mut self, mut output: Box<Output>) {
        if self.outputs.len() < SPARE_MAX {
            output.clear();
            self.outputs.push(output);
        }
    }

    pub(super) fn lend_buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(super) fn take_back_buffer(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > 0
            && buffer.capacity() <= SPARE_BYTES_MAX
            && self.buffers.len() < SPARE_MAX
        {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// Empties the staging buffer, and gives its memory back if one session has written uncommonly much.
    #[inline]
    pub(super) fn clear_staging(&mut self) {
        if self.staging.capacity() > STAGING_BYTES_MAX {
            self.staging = Vec::new();
        } else {
            self.staging.clear();
        }
    }
}
