//! The simulated time, which passes only when nothing else can happen.

use std::cell::Cell;
use std::time::Duration;

use crate::timer::Time;

thread_local! {
    /// The time of the simulation that runs on this thread.
    static NOW: Cell<Time> = const { Cell::new(Time::NEVER) };
}

/// The simulated time.
pub(super) fn now() -> Time {
    NOW.get()
}

/// When every simulation begins.
pub(super) fn begin() -> Time {
    Time::default().after(Duration::from_secs(1))
}

/// Begins the time of a simulation.
pub(super) fn restart() {
    NOW.set(begin());
}

/// Lets time pass until then; false when it is then, or later, already.
pub(super) fn advance_to(time: Time) -> bool {
    let is_later = time > now();
    if is_later {
        NOW.set(time);
    }
    is_later
}
