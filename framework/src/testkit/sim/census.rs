//! Whether every handler that was made has come to its end, once.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many handlers were made, closed and dropped.
#[derive(Debug, Default)]
pub(super) struct Census {
    made: AtomicU64,
    closed: AtomicU64,
    closed_twice: AtomicU64,
    dropped: AtomicU64,
}

impl Census {
    pub(super) fn count_made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call of `closed`, which may be the second one of that handler.
    pub(super) fn count_closed(&self, is_again: bool) {
        let count = if is_again {
            &self.closed_twice
        } else {
            &self.closed
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many handlers were made and are not closed.
    pub(super) fn open(&self) -> u64 {
        let [made, closed] = [&self.made, &self.closed].map(|count| count.load(Ordering::Relaxed));
        made.saturating_sub(closed)
    }

    /// What does not add up at the end of a run.
    pub(super) fn trouble(&self) -> Option<String> {
        let [made, closed, twice, dropped] =
            [&self.made, &self.closed, &self.closed_twice, &self.dropped]
                .map(|count| count.load(Ordering::Relaxed));
        (made != closed || made != dropped || twice != 0).then(|| {
            format!(
                "of {made} handlers {closed} were closed, {twice} of them twice, and {dropped} dropped"
            )
        })
    }
}
