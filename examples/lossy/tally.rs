//! What was done to how many datagrams.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Fate;

/// Counts while datagrams pass, on several threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: AtomicU64,
    dropped: AtomicU64,
    duplicated: AtomicU64,
    reordered: AtomicU64,
    refused: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, fate: Fate) {
        let counter = match fate {
            Fate::Passed => &self.passed,
            Fate::Dropped => &self.dropped,
            Fate::Duplicated => &self.duplicated,
            Fate::Reordered => &self.reordered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            passed: read(&self.passed),
            dropped: read(&self.dropped),
            duplicated: read(&self.duplicated),
            reordered: read(&self.reordered),
            refused: read(&self.refused),
        }
    }
}

/// What was done to how many datagrams, of both directions and of all clients. Each datagram that came is in one of the first four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent on as they came.
    pub passed: u64,
    /// Not sent on.
    pub dropped: u64,
    /// Sent on twice.
    pub duplicated: u64,
    /// Held back, for the next one to overtake them.
    pub reordered: u64,
    /// Those that should have been sent on, and that the system had no room for or no way to.
    pub refused: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            dropped,
            duplicated,
            reordered,
            refused,
        } = self;
        write!(
            f,
            "{passed} passed, {dropped} dropped, {duplicated} duplicated, {reordered} reordered"
        )?;
        match refused {
            0 => Ok(()),
            _ => write!(f, ", {refused} refused by the system"),
        }
    }
}
