//! What a script expects: a small language of patterns for bytes, without going back.

use std::fmt;
use std::ops::Range;

use memchr::memmem;

use super::Data;

/// What the next bytes must be like: parts, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Exactly these bytes.
    Exactly(Data),
    /// So many bytes, whichever they are.
    Any(usize),
    /// Everything up to the first time that this comes, and this.
    Until(Data),
    /// Everything up to the end of the connection.
    Rest,
    /// What this part matches, which may be different each time: a date, a number of a session.
    Skip(Box<Part>),
}

impl Pattern {
    /// A pattern of these parts.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        Self {
            parts: parts.into_iter().collect(),
        }
    }

    /// Its parts, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl From<Data> for Pattern {
    fn from(data: Data) -> Self {
        Self::new([Part::Exactly(data)])
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.parts.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(data) => data.fmt(f),
            Self::Any(count) => write!(f, "any {count}"),
            Self::Until(data) => write!(f, "until {data}"),
            Self::Rest => f.write_str("rest"),
            Self::Skip(part) => write!(f, "skip {part}"),
        }
    }
}

impl Part {
    /// How it is compared, whether it is skipped or not.
    fn inner(&self) -> &Self {
        match self {
            Self::Skip(part) => part.inner(),
            part => part,
        }
    }

    /// Whether it is at the end of every pattern.
    pub(super) fn is_last(&self) -> bool {
        *self.inner() == Self::Rest
    }
}

/// How far the comparison of a pattern with a stream has come. No byte is looked at twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matching {
    /// How many parts have matched.
    part: usize,
    /// Where the present part begins in the bytes.
    start: usize,
    /// How many bytes of the present part were looked at.
    seen: usize,
    /// What has matched and may be different each time.
    pub(crate) skipped: Vec<Range<usize>>,
}

/// What a comparison has found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It matches so many bytes.
    Matches(usize),
    /// More bytes, or the end, must come before that is known.
    Incomplete,
    /// The byte at this place is wrong.
    Differs(usize),
}

impl Matching {
    /// Goes on with the comparison. `bytes` are those from before with more behind them, `ended` says that no more come.
    pub(crate) fn look(&mut self, pattern: &Pattern, bytes: &[u8], ended: bool) -> Verdict {
        while let Some(part) = pattern.parts.get(self.part) {
            let there = &bytes[self.start..];
            let length = match part.inner() {
                Part::Exactly(data) => {
                    let expected = data.bytes();
                    let come = expected.len().min(there.len());
                    let same = same_length(&there[self.seen..come], &expected[self.seen..come]);
                    self.seen += same;
                    if self.seen < come {
                        return Verdict::Differs(self.start + self.seen);
                    }
                    (self.seen == expected.len()).then_some(self.seen)
                }
                Part::Any(count) => (there.len() >= *count).then_some(*count),
                Part::Until(data) => {
                    let last = data.bytes();
                    // The beginning of what is looked for may lie in what was seen before.
                    let from = self.seen.saturating_sub(last.len().saturating_sub(1));
                    let found = memmem::find(&there[from..], last);
                    self.seen = there.len();
                    found.map(|index| from + index + last.len())
                }
                Part::Rest | Part::Skip(_) => ended.then_some(there.len()),
            };
            let Some(length) = length else {
                return Verdict::Incomplete;
            };
            if matches!(part, Part::Skip(_)) {
                self.skipped.push(self.start..self.start + length);
            }
            self.part += 1;
            self.start += length;
            self.seen = 0;
        }
        Verdict::Matches(self.start)
    }

    /// The bytes that are compared at present, if the pattern says which, and where they begin.
    pub(crate) fn expected<'a>(&self, pattern: &'a Pattern) -> Option<(usize, &'a [u8])> {
        match pattern.parts.get(self.part)?.inner() {
            Part::Exactly(data) => Some((self.start, data.bytes())),
            _ => None,
        }
    }
}

/// How many bytes are the same at the beginning of two slices of one length.
fn same_length(one: &[u8], other: &[u8]) -> usize {
    // Which is usually all of them, and then quickly seen.
    if one == other {
        return one.len();
    }
    let pairs = one.iter().zip(other);
    pairs.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern() -> Pattern {
        Pattern::new([
            Part::Exactly("ab".into()),
            Part::Any(2),
            Part::Until("--".into()),
            Part::Exactly("!".into()),
        ])
    }

    #[test]
    fn a_pattern_matches_the_same_however_the_bytes_come() {
        let bytes = b"abxyz- --!rest";
        for step in 1..=bytes.len() {
            let mut matching = Matching::default();
            let mut verdict = Verdict::Incomplete;
            for end in (step..bytes.len() + step).step_by(step) {
                verdict = matching.look(&pattern(), &bytes[..end.min(bytes.len())], false);
                if verdict != Verdict::Incomplete {
                    break;
                }
            }
            assert_eq!(verdict, Verdict::Matches(10), "in steps of {step}");
        }
    }

    #[test]
    fn the_first_wrong_byte_is_found_at_once() {
        for (bytes, place) in [("x", 0), ("ax", 1), ("ab12--?", 6)] {
            let verdict = Matching::default().look(&pattern(), bytes.as_bytes(), false);
            assert_eq!(verdict, Verdict::Differs(place), "{bytes}");
        }
    }

    #[test]
    fn what_is_skipped_is_remembered() {
        let parts = [
            Part::Any(2),
            Part::Skip(Part::Until("\n".into()).into()),
            Part::Skip(Part::Any(1).into()),
        ];
        let mut matching = Matching::default();
        let verdict = matching.look(&Pattern::new(parts), b"ab12\nx", false);
        assert_eq!(verdict, Verdict::Matches(6));
        assert_eq!(matching.skipped, [2..5, 5..6]);
    }

    #[test]
    fn the_rest_is_known_at_the_end_only() {
        let rest = Pattern::new([Part::Exactly("a".into()), Part::Rest]);
        let mut matching = Matching::default();
        assert_eq!(matching.look(&rest, b"abc", false), Verdict::Incomplete);
        assert_eq!(matching.look(&rest, b"abcd", true), Verdict::Matches(4));
        let nothing = Matching::default().look(&rest, b"a", true);
        assert_eq!(nothing, Verdict::Matches(1));
    }
}
