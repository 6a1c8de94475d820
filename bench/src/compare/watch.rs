//! When a server is looked at.

use crate::load::Phases;
use crate::watch::{Sample, sample};

/// Looks at the server when the load says so.
#[derive(Debug)]
pub(super) struct Watch {
    process: u32,
    /// Before anybody has connected.
    pub(super) before: Option<Sample>,
    pub(super) begin: Option<Sample>,
    pub(super) end: Option<Sample>,
}

impl Watch {
    pub(super) fn new(process: u32) -> Self {
        Self {
            process,
            before: sample(process),
            begin: None,
            end: None,
        }
    }
}

impl Phases for Watch {
    fn begin(&mut self) {
        self.begin = sample(self.process);
    }

    fn end(&mut self) {
        self.end = sample(self.process);
    }
}
