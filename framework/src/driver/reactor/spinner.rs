//! How a loop waits: at once asleep, or looking for a while first.

use std::io::ErrorKind;
use std::time::Duration;

use mio::{Events, Poll};

use crate::timer::Clock;

/// Decides how long a loop looks for events before it sleeps.
///
/// Looking pays when the next event is near. After a look in vain the time halves, down to nothing; when an event then comes soon after falling asleep, it
/// is worth looking again.
pub(super) struct Spinner {
    max: Duration,
    now: Duration,
}

impl Spinner {
    pub(super) fn new(max: Duration) -> Self {
        Self { max, now: max }
    }

    /// Waits for events; returns how many system calls that took.
    pub(super) fn wait(
        &mut self,
        poll: &mut Poll,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> std::io::Result<u64> {
        if self.max.is_zero() || timeout == Some(Duration::ZERO) {
            return wait_once(poll, events, timeout).map(|()| 1);
        }
        let begun = Clock::now();
        let until = begun.after(self.now.min(timeout.unwrap_or(Duration::MAX)));
        let mut waits = 0;
        while Clock::now() < until {
            waits += 1;
            wait_once(poll, events, Some(Duration::ZERO))?;
            if !events.is_empty() {
                self.now = self.max;
                return Ok(waits);
            }
        }
        self.now = if self.now < self.max / 16 {
            Duration::ZERO
        } else {
            self.now / 2
        };
        wait_once(poll, events, timeout)?;
        if Clock::now().since(begun) < self.max {
            self.now = self.max;
        }
        Ok(waits + 1)
    }
}

fn wait_once(
    poll: &mut Poll,
    events: &mut Events,
    timeout: Option<Duration>,
) -> std::io::Result<()> {
    match poll.poll(events, timeout) {
        // mio hands interruptions by signals to its caller: nothing has happened then.
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}
