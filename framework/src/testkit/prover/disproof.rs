//! What shows that a server is wrong: the fewest cuts, what they change, and how to see it again.

use std::fmt;

use super::run::{Difference, Outcome};
use crate::testkit::hex;
use crate::testkit::script::{End, Failure};

/// How many cuts a sentence names.
const CUTS_NAMED_MAX: usize = 8;

/// A server does not always do the same, or not what the script expects.
///
/// Printed, it is a sentence, the bytes around the guilty place, and what sees it again.
#[derive(Clone, Debug)]
pub struct Disproof {
    fault: Fault,
    cuts: Vec<usize>,
    input: Vec<u8>,
    /// In what the outcome differs from the reference, and that one.
    difference: Option<(Difference, Outcome)>,
    outcome: Outcome,
}

/// What a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Even with its input whole it does not do what the script expects.
    Expectation,
    /// Even with its input whole it panics.
    Panic,
    /// The same input, whole both times, has different effects. State may be shared between connections, or the server says the time, which a
    /// script can `skip`.
    Unsteady,
    /// What it does depends on how its input is cut.
    Cut,
    /// What it does depends on how fast its output is taken.
    Trickle,
    /// What it does depends on what another connection does meanwhile.
    Neighbour,
}

impl Disproof {
    pub(super) fn new(
        fault: Fault,
        cuts: Vec<usize>,
        input: Vec<u8>,
        difference: Option<(Difference, Outcome)>,
        outcome: Outcome,
    ) -> Self {
        Self {
            fault,
            cuts,
            input,
            difference,
            outcome,
        }
    }

    /// What the server does wrong.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The fewest cuts that show it, each as the number of bytes before it. [`Prover::replay`](super::Prover::replay) takes them.
    pub fn cuts(&self) -> &[usize] {
        &self.cuts
    }

    /// The expectation that was not met, if one was not.
    pub fn failure(&self) -> Option<&Failure> {
        self.outcome.failure.as_deref()
    }

    /// What came with the input whole; nothing if that failed already.
    pub fn expected(&self) -> Option<&[u8]> {
        let (_, reference) = self.difference.as_ref()?;
        Some(&reference.output)
    }

    /// What came instead.
    pub fn received(&self) -> &[u8] {
        &self.outcome.output
    }

    /// What is wrong, in one sentence.
    pub fn sentence(&self) -> String {
        let cuts = self.cut_words();
        let change = self.change();
        match (self.fault, self.cuts.is_empty()) {
            (Fault::Expectation | Fault::Panic, _) => {
                format!("disproved even with its input whole: {change}")
            }
            (Fault::Unsteady, _) => format!(
                "disproved: the same input, whole both times, has two effects: {change} (is state shared between connections, or is it a date, which the script can skip?)"
            ),
            (Fault::Cut, _) => {
                format!("disproved: cut {cuts}, the input has another effect than whole: {change}")
            }
            (Fault::Trickle, true) => {
                format!("disproved: with its output taken one byte at a time, {change}")
            }
            (Fault::Trickle, false) => format!(
                "disproved: with its output taken one byte at a time and its input cut {cuts}, {change}"
            ),
            (Fault::Neighbour, true) => format!(
                "disproved: while another connection sends the same in turn, {change} (is state shared between connections?)"
            ),
            (Fault::Neighbour, false) => format!(
                "disproved: while another connection sends the same in turn, cut {cuts}, {change} (is state shared between connections?)"
            ),
        }
    }

    /// The bytes around the cuts and around what they change, as lines of hexadecimal digits with carets.
    pub fn view(&self) -> String {
        let mut text = String::new();
        if !self.cuts.is_empty() {
            text += &hex::view("input", &self.input, &self.cuts);
        }
        match (&self.difference, &self.outcome.failure) {
            (Some((Difference::Output(place), reference)), _) => {
                text += &hex::view("expected", &reference.output, &[*place]);
                text += &hex::view("received", &self.outcome.output, &[*place]);
            }
            (_, Some(failure)) => text += &failure.view(),
            _ => {}
        }
        text
    }

    /// The cuts as `--replay` of the command takes them.
    pub fn replay(&self) -> String {
        let cuts: Vec<_> = self.cuts.iter().map(usize::to_string).collect();
        cuts.join(",")
    }

    /// `before byte 3`, `before the bytes 3 and 17`.
    fn cut_words(&self) -> String {
        let numbers: Vec<_> = self.cuts.iter().map(usize::to_string).collect();
        match numbers.as_slice() {
            [one] => format!("before byte {one}"),
            [others @ .., last] if numbers.len() <= CUTS_NAMED_MAX => {
                format!("before the bytes {} and {last}", others.join(", "))
            }
            many => format!("at {} places", many.len()),
        }
    }

    /// What is different, as the end of a sentence.
    fn change(&self) -> String {
        let unmet = || {
            let failure = self.outcome.failure.as_ref();
            failure.map_or_else(String::new, |failure| failure.sentence())
        };
        let Some((difference, reference)) = &self.difference else {
            let reason = self.outcome.reason.clone();
            return match self.fault {
                Fault::Panic => reason.unwrap_or_default(),
                _ => unmet(),
            };
        };
        let (was, is) = (reference, &self.outcome);
        match difference {
            Difference::Output(place) => match (was.output.get(*place), is.output.get(*place)) {
                (Some(was), Some(is)) => {
                    format!("byte {place} of the output is {is:02x} instead of {was:02x}")
                }
                (Some(_), None) => format!(
                    "the output ends after {place} bytes instead of {}",
                    was.output.len()
                ),
                _ => format!("the output goes on after its {place} bytes"),
            },
            Difference::End => format!(
                "in the end the connection is {} instead of {}",
                end_word(is.end),
                end_word(was.end)
            ),
            Difference::Reason => {
                let reason = |outcome: &Outcome| {
                    let reason = outcome.reason.clone();
                    reason.unwrap_or_else(|| "nothing ended the connection".to_owned())
                };
                format!(
                    "the connection ends with \"{}\" instead of \"{}\"",
                    reason(is),
                    reason(was)
                )
            }
            Difference::Events(place) => {
                let event = |outcome: &Outcome| {
                    let event = outcome.events.get(*place);
                    event.map_or_else(|| "missing".to_owned(), |event| format!("{event:?}"))
                };
                format!(
                    "event {} is {} instead of {}",
                    place + 1,
                    event(is),
                    event(was)
                )
            }
            Difference::Expectation => unmet(),
        }
    }
}

fn end_word(end: Option<End>) -> &'static str {
    end.map_or("still open", End::word)
}

impl fmt::Display for Disproof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.sentence(), self.view())?;
        write!(f, "  replay    Prover::replay({:?})", self.cuts)
    }
}

impl std::error::Error for Disproof {}
