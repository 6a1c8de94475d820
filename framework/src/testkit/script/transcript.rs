//! What came of playing a script: the output, and how it ended.

use std::ops::Range;

use super::End;

/// What came of playing a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transcript {
    /// Everything that was received.
    pub output: Vec<u8>,
    /// Which parts of it the script has skipped, since they may be different each time.
    pub skipped: Vec<Range<usize>>,
    /// How the other side ended, if it has.
    pub end: Option<End>,
}

impl Transcript {
    /// The output with a `~` for each part that the script has skipped: what must be the same each time.
    pub fn steady_output(&self) -> Vec<u8> {
        let mut steady = Vec::with_capacity(self.output.len());
        let mut start = 0;
        for skipped in &self.skipped {
            steady.extend_from_slice(&self.output[start..skipped.start]);
            steady.push(b'~');
            start = skipped.end;
        }
        steady.extend_from_slice(&self.output[start..]);
        steady
    }
}
