//! When the messages of an open loop are due: at fixed times, whoever has been answered.

use super::Form;

/// The times at which messages are due, one behind the other. Times are nanoseconds since the load began.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Messages in a second; None where messages are due after answers.
    rate: Option<f64>,
    /// None before it begins and after it has ended.
    start: Option<u64>,
    /// How many were due since `start`.
    count: u64,
}

impl Schedule {
    pub(super) fn of(form: Form) -> Self {
        Self {
            rate: form.rate(),
            start: None,
            count: 0,
        }
    }

    /// Begins then, with the first message.
    pub(super) fn begin(&mut self, start: u64) {
        self.start = Some(start);
        self.count = 0;
    }

    /// Nothing more is due.
    pub(super) fn end(&mut self) {
        self.start = None;
    }

    /// How many messages were due since the beginning.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// When the next message is due; at the end of time where none is.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "nanoseconds of some minutes, above zero"
    )]
    pub(super) fn next(&self) -> u64 {
        match (self.start, self.rate) {
            (Some(start), Some(rate)) => start + (self.count as f64 / rate * 1e9) as u64,
            _ => u64::MAX,
        }
    }

    /// The next message, if it is due by now: its number, counted from zero, and when it was due.
    pub(super) fn take(&mut self, now: u64) -> Option<(u64, u64)> {
        let due = self.next();
        (due <= now).then(|| {
            self.count += 1;
            (self.count - 1, due)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_at_fixed_times() {
        let mut schedule = Schedule::of(Form::Open { rate: 1000.0 });
        assert_eq!(schedule.next(), u64::MAX, "it has not begun");
        schedule.begin(500);
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(2_000_500)).collect();
        assert_eq!(taken, [(0, 500), (1, 1_000_500), (2, 2_000_500)]);
        assert_eq!((schedule.count(), schedule.next()), (3, 3_000_500));
        schedule.end();
        assert_eq!((schedule.count(), schedule.take(u64::MAX - 1)), (3, None));
        let mut closed = Schedule::of(Form::Closed { window: 1 });
        closed.begin(0);
        assert_eq!(closed.next(), u64::MAX);
    }
}
