//! What a run that has failed says.

use std::fmt;

use super::Fault;

/// A run in which something was wrong: what it was, with the least that it needs.
#[derive(Clone)]
pub struct Failure {
    pub(super) seed: u64,
    pub(super) faults: Vec<Fault>,
    pub(super) what: String,
    pub(super) trace: String,
}

impl Failure {
    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The faults that it takes for the failure.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What was wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Everything that happened, a line each.
    pub fn trace(&self) -> &str {
        &self.trace
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        if self.faults.is_empty() {
            writeln!(
                f,
                "no fault is needed for it, only this order and these cuts"
            )?;
        }
        for fault in &self.faults {
            writeln!(f, "  {fault}")?;
        }
        write!(
            f,
            "run it again with `Simulation::run({})`; its trace tells every step",
            self.seed
        )
    }
}

/// As a test that returns it shows it: the sentences.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}
