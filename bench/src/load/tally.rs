//! What a load has found: answers, how long they took, and what went wrong.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::report::{Chat, Datagrams, GeneratorCost, Latency, Point};

/// The longest latency that is told apart, in nanoseconds: an hour.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
/// A series has a point for each second, or so many where the load is shorter.
const POINTS_MIN: u64 = 10;
const SECOND: u64 = 1_000_000_000;

/// What a load has measured.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measurement {
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Right answers within that time, or in an open loop to what was due within that time; with churn, connections; of a chat, deliveries.
    pub served: u64,
    /// Right answers from the first to the last, the warm-up included.
    pub answered: u64,
    /// Messages, or deliveries, that were due within that time, in an open loop.
    pub offered: Option<u64>,
    /// Bytes of files that went within that time, also of transfers that had not ended; none where there are no files.
    pub bytes: Option<u64>,
    /// What became of the datagrams; none over streams.
    pub datagrams: Option<Datagrams>,
    /// What was said and who was cut; none where there is no chat.
    pub chat: Option<Chat>,
    /// How long answers took. What was lost counts with the time that was waited for it.
    pub latency: Latency,
    /// The same in pieces of time.
    pub series: Vec<Point>,
    /// How evenly connections were served, from 1/n to 1.
    pub fairness: f64,
    /// Connections that speak and were never served.
    pub unserved: usize,
    /// What went wrong, and how often.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first thing that went wrong.
    pub fault: Option<String>,
    /// What it took here.
    pub generator: GeneratorCost,
}

/// What is counted while a load goes on. Times are nanoseconds since it began.
pub(super) struct Tally {
    /// From when to when is measured: never, at first.
    window: std::ops::Range<u64>,
    /// What counts is when messages were due, and not when answers come.
    by_due: bool,
    latency: Histogram<u64>,
    /// How late messages were sent.
    lateness: Histogram<u64>,
    /// The present piece of the series, and when it ends.
    piece: Histogram<u64>,
    piece_end: u64,
    piece_length: u64,
    series: Vec<Point>,
    pub(super) served: u64,
    pub(super) answered: u64,
    pub(super) errors: BTreeMap<&'static str, u64>,
    pub(super) fault: Option<String>,
}

impl Tally {
    pub(super) fn new(by_due: bool) -> Self {
        Self {
            window: 0..0,
            by_due,
            latency: histogram(3),
            lateness: histogram(2),
            piece: histogram(2),
            piece_end: u64::MAX,
            piece_length: SECOND,
            series: Vec::new(),
            served: 0,
            answered: 0,
            errors: BTreeMap::new(),
            fault: None,
        }
    }

    /// Measuring begins, and will go on until then.
    pub(super) fn begin(&mut self, window: std::ops::Range<u64>) {
        let length = window.end - window.start;
        self.piece_length = if length >= POINTS_MIN * SECOND {
            SECOND
        } else {
            (length / POINTS_MIN).max(1)
        };
        self.piece_end = window.start + self.piece_length;
        self.window = window;
    }

    /// An answer has come, to a message that was due then. Returns whether it is measured.
    pub(super) fn note_answer(&mut self, due: u64, now: u64) -> bool {
        self.answered += 1;
        if !self.measures(due, now) {
            return false;
        }
        self.end_pieces(now);
        self.served += 1;
        // What was sent before, waited while the load itself was looking elsewhere.
        if due >= self.window.start {
            self.latency.saturating_record(now - due);
            self.piece.saturating_record(now - due);
        }
        true
    }

    /// Whether what happens now with a message that was due then belongs to what is measured.
    pub(super) fn measures(&self, due: u64, now: u64) -> bool {
        self.window.contains(if self.by_due { &due } else { &now })
    }

    /// A message that was due then is not answered, and will not be waited for any more. It counts with the time that it has waited: leaving out
    /// the longest would make the others look good.
    pub(super) fn note_unanswered(&mut self, due: u64, now: u64) {
        if due < self.window.end {
            self.latency.saturating_record(now - due);
        }
    }

    /// A datagram that was due then is lost, and counts with the time that was waited for it, in every form of load: a server that drops what is
    /// hard would be the fastest otherwise.
    pub(super) fn note_lost(&mut self, due: u64, now: u64) {
        if self.window.contains(&due) {
            self.latency.saturating_record(now - due);
        }
    }

    /// The longest that an answer has taken so far.
    pub(super) fn longest(&self) -> u64 {
        self.latency.max()
    }

    /// A message was sent that had been due then.
    pub(super) fn note_sent(&mut self, due: u64, now: u64) {
        if self.window.contains(&due) {
            self.lateness.saturating_record(now.saturating_sub(due));
        }
    }

    /// Something went wrong; the first sentence is kept.
    pub(super) fn note_error(&mut self, word: &'static str, sentence: impl FnOnce() -> String) {
        *self.errors.entry(word).or_default() += 1;
        if self.fault.is_none() {
            self.fault = Some(sentence());
        }
    }

    /// Closes all pieces of the series that have ended by now.
    fn end_pieces(&mut self, now: u64) {
        // What comes after the end belongs to the last piece.
        while now >= self.piece_end && self.piece_end < self.window.end {
            self.end_piece();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
    fn end_piece(&mut self) {
        let served = self.piece.len();
        self.series.push(Point {
            at_seconds: (self.piece_end - self.window.start) as f64 / 1e9,
            served,
            p99_us: (served > 0).then(|| self.piece.value_at_quantile(0.99) as f64 / 1e3),
        });
        self.piece.reset();
        self.piece_end += self.piece_length;
    }

    /// Everything together. What only the clients know, they add.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
    pub(super) fn into_measurement(mut self) -> Measurement {
        let end = self.window.end;
        self.end_pieces(end);
        if !self.window.is_empty() {
            self.end_piece();
        }
        let late = self.lateness.value_at_quantile(0.99) as f64 / 1e3;
        Measurement {
            seconds: end.saturating_sub(self.window.start) as f64 / 1e9,
            served: self.served,
            answered: self.answered,
            latency: latency(&self.latency),
            series: self.series,
            errors: self.errors,
            fault: self.fault,
            generator: GeneratorCost {
                busy: 0.0,
                late_p99_us: (!self.lateness.is_empty()).then_some(late),
            },
            ..Measurement::default()
        }
    }

    /// The load ends before its time.
    pub(super) fn end_early(&mut self, now: u64) {
        self.window.end = now.clamp(self.window.start, self.window.end);
    }
}

fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, digits)
        .expect("one to an hour is a range, and five digits are the most")
}

/// The counts of a histogram with two digits, in microseconds.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes")]
fn latency(fine: &Histogram<u64>) -> Latency {
    let mut coarse = histogram(2);
    // Both have the same range.
    let _ = coarse.add(fine);
    let buckets = coarse.iter_recorded().map(|value| {
        (
            value.value_iterated_to() as f64 / 1e3,
            value.count_at_value(),
        )
    });
    Latency {
        max_us: fine.max() as f64 / 1e3,
        buckets: buckets.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn only_what_lies_in_the_window_is_measured() {
        let mut tally = Tally::new(false);
        assert!(!tally.note_answer(0, 5 * MS), "the warm-up");
        tally.begin(10 * MS..110 * MS);
        assert!(tally.note_answer(5 * MS, 12 * MS), "served, but not timed");
        for answer in 0..9 {
            tally.note_answer((20 + answer) * MS, (21 + answer) * MS);
        }
        assert!(!tally.note_answer(100 * MS, 111 * MS), "too late");
        let measured = tally.into_measurement();
        assert_eq!((measured.served, measured.answered), (10, 12));
        let counted: u64 = measured.latency.buckets.iter().map(|bucket| bucket.1).sum();
        assert_eq!(counted, 9);
        assert!((measured.latency.max_us - 1000.0).abs() < 10.0);
    }

    #[test]
    fn an_open_loop_waits_for_everything_that_was_due() {
        let mut tally = Tally::new(true);
        tally.begin(10 * MS..110 * MS);
        assert!(!tally.note_answer(5 * MS, 12 * MS), "due before");
        assert!(
            tally.note_answer(109 * MS, 300 * MS),
            "due in time, and late"
        );
        tally.note_unanswered(108 * MS, 408 * MS);
        let measured = tally.into_measurement();
        assert_eq!(measured.served, 1);
        assert!((measured.latency.max_us - 300_000.0).abs() < 1000.0);
        assert_eq!(measured.series.len(), 10);
        assert_eq!(measured.series[9].served, 1);
    }

    #[test]
    fn the_series_shows_when_nothing_was_served() {
        let mut tally = Tally::new(false);
        tally.begin(0..100 * MS);
        tally.note_answer(MS, 2 * MS);
        tally.note_answer(MS, 52 * MS);
        let series = tally.into_measurement().series;
        let served: Vec<_> = series.iter().map(|point| point.served).collect();
        assert_eq!(served, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(series[1].p99_us, None);
        let stall = series[5].p99_us.expect("an answer came");
        assert!((stall - 51_000.0).abs() < 1000.0, "{stall}");
    }

    #[test]
    fn the_first_fault_is_kept_and_all_are_counted() {
        let mut tally = Tally::new(false);
        tally.note_error("reset", || "first".to_owned());
        tally.note_error("reset", || "second".to_owned());
        let measured = tally.into_measurement();
        assert_eq!(measured.errors["reset"], 2);
        assert_eq!(measured.fault.as_deref(), Some("first"));
    }
}
