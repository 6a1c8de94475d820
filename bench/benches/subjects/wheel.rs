//! The timing wheel, which every loop has, with one deadline for each of a thousand connections.
//!
//! The wheel is private to the framework and nobody's business outside, so it is not made public for the sake of these lines; nor can it be
//! reached through a connection, whose own work would hide it. Its file is compiled here a second time instead. It can be, since it knows nothing
//! of the rest of the framework: whoever changes that sees this fail to build.

use std::hint::black_box;
use std::time::Duration;

use self::timer::{Time, Wheel};
use super::{Subject, TIMES, subject};

#[allow(
    dead_code,
    unused_imports,
    reason = "the wheel is all that is wanted of the file: not the clock, nor its tests when benchmarks are tested"
)]
#[path = "../../../framework/src/timer.rs"]
mod timer;

/// How many connections have a deadline.
const KEYS: u32 = 1000;
/// A deadline that does not come while somebody measures, and within the wheel's horizon of two years.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Deadlines of all distances from a millisecond to a quarter of an hour: set and given up, as those of messages are that come in time.
pub(crate) fn schedule_and_cancel() -> Subject {
    let (mut wheel, now) = busy();
    subject(move || {
        for key in keys() {
            wheel.schedule(black_box(KEYS + key), now.after(distance(key)));
        }
        for key in keys() {
            wheel.cancel(black_box(KEYS + key));
        }
    })
}

/// Deadlines that are moved: far away, and back.
pub(crate) fn reschedule() -> Subject {
    let (mut wheel, now) = busy();
    subject(move || {
        for key in keys() {
            let distance = distance(key) + FAR / 2 * (key % 2);
            wheel.schedule(black_box(key / 2), now.after(distance));
        }
    })
}

/// Deadlines that come: set, then waited for one after the other as a loop does, through the levels of the wheel.
pub(crate) fn expire() -> Subject {
    let mut now = Time::default();
    let mut wheel = Wheel::new(now);
    let mut fired = Vec::new();
    subject(move || {
        for key in keys() {
            wheel.schedule(black_box(key), now.after(distance(key)));
        }
        fired.clear();
        while let Some(next) = wheel.next_deadline() {
            now = black_box(next);
            wheel.expire(now, &mut fired);
        }
        assert_eq!(fired.len(), TIMES);
    })
}

/// Time that passes while no deadline comes, looked at every two milliseconds: what a loop pays when it is busy otherwise.
pub(crate) fn advance() -> Subject {
    let (mut wheel, mut now) = busy();
    let mut fired = Vec::new();
    subject(move || {
        for _ in 0..TIMES {
            now = now.after(Duration::from_millis(2));
            black_box(wheel.next_deadline());
            wheel.expire(black_box(now), &mut fired);
        }
        assert!(fired.is_empty());
    })
}

/// A wheel in which every connection has a deadline that is far away, and the time.
fn busy() -> (Wheel, Time) {
    let now = Time::default().after(Duration::from_secs(1));
    let mut wheel = Wheel::new(now);
    for key in 0..KEYS {
        wheel.schedule(key, now.after(FAR));
    }
    (wheel, now)
}

/// As many keys as there are to be timers.
fn keys() -> std::ops::Range<u32> {
    0..TIMES as u32
}

/// How far away the deadline of a key is: everything from a millisecond on, and five to each doubling.
fn distance(key: u32) -> Duration {
    Duration::from_millis(1 << (key / 5)) * (5 + key % 5) / 5
}
