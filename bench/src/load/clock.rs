//! Time as numbers, and how evenly it was shared: what every load computes with.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

pub(super) const MICROSECOND: u64 = 1_000;
pub(super) const MILLISECOND: u64 = 1_000_000;

/// How often somebody who wants to stop is heard.
pub(super) const LISTEN_EVERY: u64 = 50 * MILLISECOND;
/// A poll waits for whole milliseconds; what is due earlier is waited for by asking again and again.
const SPIN_BELOW: u64 = 1_500 * MICROSECOND;

/// Nanoseconds since a load began.
#[derive(Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.0.elapsed())
    }
}

/// How long a poll may wait if something is due in so many nanoseconds.
pub(super) fn poll_timeout(wait: u64) -> Duration {
    if wait < SPIN_BELOW {
        Duration::ZERO
    } else {
        // A whole millisecond less, since polls are late rather than early.
        Duration::from_nanos(wait - MILLISECOND)
    }
}

/// How long this thread was on a processor, in nanoseconds.
pub(super) fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// How evenly a sum is shared, as R. K. Jain has it: 1 when all have the same, 1/n when one of n has all.
#[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
pub(super) fn jain(shares: impl Iterator<Item = u64>) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for share in shares {
        let share = share as f64;
        count += 1.0;
        sum += share;
        squares += share * share;
    }
    if squares > 0.0 {
        sum * sum / (count * squares)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_one_for_all_and_one_nth_for_one() {
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(near(jain([5, 5, 5].into_iter()), 1.0));
        assert!(near(jain([9, 0, 0].into_iter()), 1.0 / 3.0));
        assert!(near(jain(std::iter::empty()), 1.0));
    }
}
