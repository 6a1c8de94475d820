//! One run of a script: how it is done, and what comes of it.

use crate::CloseReason;
use crate::testkit::script::{End, Failure, Transcript};

/// How a run is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the input is cut: places in it, in order.
    pub(super) cuts: Vec<usize>,
    pub(super) manner: Manner,
}

/// What else is done to the server, besides cutting its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Nothing.
    Plain,
    /// Its output is taken one byte at a time.
    Trickling,
    /// Another connection plays the same script, and both take turns.
    Neighbours,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) output: Vec<u8>,
    /// None when the connection was still open in the end.
    pub(super) end: Option<End>,
    /// Why the connection ended, where that can be known.
    pub(super) reason: Option<String>,
    /// Whether that was a panic.
    pub(super) panicked: bool,
    /// What witnesses have noted.
    pub(super) events: Vec<String>,
    /// The expectation that was not met.
    pub(super) failure: Option<Box<Failure>>,
}

/// In what two outcomes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The output, from this byte on.
    Output(usize),
    End,
    Reason,
    /// The events, from this one on.
    Events(usize),
    /// An expectation was met in one of them only.
    Expectation,
}

impl Run {
    pub(super) fn whole(manner: Manner) -> Self {
        Self {
            cuts: Vec::new(),
            manner,
        }
    }
}

impl Outcome {
    pub(super) fn new(transcript: Transcript) -> Self {
        Self {
            output: if transcript.skipped.is_empty() {
                transcript.output
            } else {
                transcript.steady_output()
            },
            end: transcript.end,
            ..Self::default()
        }
    }

    /// The same, with the reason why the connection ended.
    pub(super) fn ended(self, reason: Option<&CloseReason>) -> Self {
        Self {
            reason: reason.map(ToString::to_string),
            panicked: matches!(reason, Some(CloseReason::Panic(_))),
            ..self
        }
    }

    /// In what it differs from another outcome, if it does: in the first respect that explains the others.
    pub(super) fn difference(&self, other: &Self, with_events: bool) -> Option<Difference> {
        if self.output != other.output {
            let pairs = self.output.iter().zip(&other.output);
            let same = pairs.take_while(|(one, other)| one == other).count();
            return Some(Difference::Output(same));
        }
        if self.end != other.end {
            return Some(Difference::End);
        }
        if self.reason != other.reason {
            return Some(Difference::Reason);
        }
        if with_events && self.events != other.events {
            let pairs = self.events.iter().zip(&other.events);
            let same = pairs.take_while(|(one, other)| one == other).count();
            return Some(Difference::Events(same));
        }
        (self.failure != other.failure).then_some(Difference::Expectation)
    }
}
