//! What became of datagrams, which no protocol delivers: every one that was sent and every one that came has its place in a count.

use serde::{Deserialize, Serialize};

/// What became of the datagrams of a load, from the first to the last, the warm-up included: a server that drops them while it is cold has dropped
/// them.
///
/// Two sums hold once a load has ended by itself. What was sent was answered rightly, answered wrongly (`corrupted`) or is `lost`. What was
/// received was a first right answer, `corrupted`, `late`, `duplicated` or `unexpected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Datagrams {
    /// Handed to the system.
    pub sent: u64,
    /// Taken from the system, whatever they were.
    pub received: u64,
    /// Sent, and not answered in time. Whether the question or its answer was dropped cannot be seen from outside.
    pub lost: u64,
    /// Right answers to what had been counted as lost, where it stays.
    pub late: u64,
    /// Right answers to what had been answered before.
    pub duplicated: u64,
    /// Right answers that came after the answer to a later message of the same connection, as RFC 4737 counts them.
    pub reordered: u64,
    /// Answers with a wrong byte or of a wrong length.
    pub corrupted: u64,
    /// What answers nothing that was asked on its connection.
    pub unexpected: u64,
    /// Times at which the system said that nobody listens (`ECONNREFUSED`).
    pub refused: u64,
    /// Answers that found no room in the buffers of the load generator: lost by its fault, and part of `lost`. Linux counts them, for UDP.
    pub overrun: u64,
}

impl Datagrams {
    /// Above which part of a hundred a loss is named in verdicts: a server that drops is not faster.
    pub const LOSS_PERCENT_MAX: f64 = 0.1;

    /// How many of a hundred datagrams were lost; zero where none were sent.
    #[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
    pub fn loss_percent(&self) -> f64 {
        if self.sent > 0 {
            100.0 * self.lost as f64 / self.sent as f64
        } else {
            0.0
        }
    }

    /// Whether so much was lost that figures of speed must not be read without it.
    pub fn is_lossy(&self) -> bool {
        self.loss_percent() > Self::LOSS_PERCENT_MAX
    }

    /// Every count with the word for it, which its field has too.
    pub fn counts(&self) -> [(&'static str, u64); 10] {
        [
            ("sent", self.sent),
            ("received", self.received),
            ("lost", self.lost),
            ("late", self.late),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("corrupted", self.corrupted),
            ("unexpected", self.unexpected),
            ("refused", self.refused),
            ("overrun", self.overrun),
        ]
    }

    /// Those that are zero as long as nothing goes astray, where they are not.
    pub fn astray(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts().into_iter().skip(2);
        counts.filter(|&(_, count)| count > 0)
    }

    /// Both together, as of several runs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            lost: self.lost + other.lost,
            late: self.late + other.late,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            corrupted: self.corrupted + other.corrupted,
            unexpected: self.unexpected + other.unexpected,
            refused: self.refused + other.refused,
            overrun: self.overrun + other.overrun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_a_part_of_what_was_sent() {
        let some = Datagrams {
            sent: 1000,
            lost: 1,
            ..Datagrams::default()
        };
        assert!((some.loss_percent() - 0.1).abs() < 1e-9);
        assert!(!some.is_lossy(), "a thousandth is borne");
        let more = some.and(some).and(Datagrams { lost: 1, ..some });
        assert_eq!((more.sent, more.lost), (3000, 3));
        assert!(Datagrams { lost: 2, ..some }.is_lossy());
        assert!(Datagrams::default().loss_percent() < 1e-9);
        assert_eq!(more.astray().collect::<Vec<_>>(), [("lost", 3)]);
    }

    #[test]
    fn counts_have_the_names_of_their_fields() {
        let value = serde_json::to_value(Datagrams::default()).expect("plain fields");
        let fields = value.as_object().expect("an object");
        let counts = Datagrams::default().counts();
        assert_eq!(fields.len(), counts.len());
        assert!(counts.iter().all(|(word, _)| fields.contains_key(*word)));
    }
}
