//! An expectation that was not met: which, where, and how what came differs.

use std::fmt;

use crate::testkit::hex;

/// A step of a script did not go as it should. Its first line is the sentence, and what follows shows the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    line: usize,
    offset: usize,
    problem: String,
    /// What should have come, if the script says so exactly: where it begins in the output, and the bytes.
    expected: Option<(usize, Vec<u8>)>,
    /// Everything that has come.
    received: Vec<u8>,
}

impl Failure {
    pub(super) fn new(line: usize, offset: usize, problem: impl Into<String>) -> Self {
        Self {
            line,
            offset,
            problem: problem.into(),
            expected: None,
            received: Vec::new(),
        }
    }

    pub(super) fn expected(self, start: usize, bytes: &[u8]) -> Self {
        let expected = Some((start, bytes.to_vec()));
        Self { expected, ..self }
    }

    pub(super) fn received(self, bytes: &[u8]) -> Self {
        let received = bytes.to_vec();
        Self { received, ..self }
    }

    /// The line of the script whose step failed, counted from one.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte at which it failed, counted from zero in everything that was received.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        format!("line {} of the script: {}", self.line, self.problem)
    }

    /// The bytes that were expected and received around the place, as lines of hexadecimal digits with a caret.
    pub fn view(&self) -> String {
        let mut text = String::new();
        if let Some((start, expected)) = &self.expected {
            // With what was received before, so that both views have the same offsets.
            let before = &self.received[..(*start).min(self.received.len())];
            let whole = [before, expected.as_slice()].concat();
            text += &hex::view("expected", &whole, &[self.offset]);
        }
        text + &hex::view("received", &self.received, &[self.offset])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.sentence(), self.view().trim_end())
    }
}

impl std::error::Error for Failure {}
