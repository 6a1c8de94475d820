//! Work for a processor, by the time that it takes.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How many steps are made between two looks at the clock: about a microsecond, so that looking, which is a system call, is a small part of it.
const STEPS: u32 = 500;

/// Keeps the processor busy for `time`, and returns.
///
/// What counts is the time that the calling thread has had a processor, and not what a clock on the wall shows. Threads that take turns on
/// one processor would otherwise do their work while others run, and a server with more threads than processors would seem to do
/// more work than there is room for.
pub fn spin(time: Duration) {
    let begun = processor_time();
    let mut state = 1_u32;
    while processor_time().saturating_sub(begun) < time {
        for _ in 0..STEPS {
            state = black_box(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        }
    }
}

/// How long this thread has had a processor so far.
fn processor_time() -> Duration {
    // The clock of a thread is never negative.
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// How long this thread has a processor while it does something.
    fn spent(act: impl FnOnce()) -> Duration {
        let before = processor_time();
        act();
        processor_time().saturating_sub(before)
    }

    #[test]
    fn the_time_is_that_of_the_processor() {
        let time = Duration::from_millis(5);
        assert!(spent(|| spin(time)) >= time);
        // Nobody unparks this thread, which does not work meanwhile.
        let pause = Duration::from_millis(50);
        assert!(spent(|| thread::park_timeout(pause)) < pause);
    }
}
