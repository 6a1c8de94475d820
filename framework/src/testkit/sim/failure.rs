//! What a run that has failed says, and how a command repeats it.

use std::ops::Range;
use std::{env, fmt, thread};

use super::Fault;

/// The environment variable that has [`check`](super::Simulation::check) run one seed, and tell everything that happens.
const SEED_VARIABLE: &str = "SOCKETSERVER_SEED";

/// The only seed to run, if the environment names one.
///
/// # Panics
///
/// When it names something that is no number: a test that runs other seeds than were asked for would pass for the answer.
fn seed_to_repeat() -> Option<u64> {
    let seed = env::var_os(SEED_VARIABLE)?;
    let number = seed.to_str().and_then(|seed| seed.parse().ok());
    Some(number.unwrap_or_else(|| {
        panic!(
            "{SEED_VARIABLE} is {}, which is no seed: write the number that the failure names",
            seed.display()
        )
    }))
}

/// Runs the seeds and stops at the first failure; or the one seed that the environment names.
pub(super) fn check<R, F>(
    seeds: Range<u64>,
    run: impl Fn(u64) -> Result<R, Failure<F>>,
) -> Result<(), Failure<F>> {
    if let Some(seed) = seed_to_repeat() {
        return run(seed).map(drop).map_err(Failure::repeated);
    }
    for seed in seeds {
        run(seed)?;
    }
    Ok(())
}

/// Leaves out the faults without which a run still fails: all of them, then halves, then fewer, then one at a time.
pub(super) fn shrink<F: Clone>(mut faults: Vec<F>, fails: impl Fn(&[F]) -> bool) -> Vec<F> {
    let mut size = faults.len();
    while size > 0 {
        let mut start = 0;
        while start < faults.len() {
            let mut fewer = faults.clone();
            fewer.drain(start..faults.len().min(start + size));
            if fails(&fewer) {
                faults = fewer;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    faults
}

/// A run in which something was wrong: what it was, with the least that it needs.
#[derive(Clone)]
pub struct Failure<F = Fault> {
    pub(super) seed: u64,
    pub(super) faults: Vec<F>,
    pub(super) what: String,
    pub(super) trace: String,
    /// The test that has found it, if it was one with a thread of its own.
    pub(super) test: Option<String>,
    /// Somebody has asked for this very seed, and wants to read the trace.
    pub(super) is_repeated: bool,
}

impl<F> Failure<F> {
    pub(super) fn new(seed: u64, faults: Vec<F>, what: String, trace: String) -> Self {
        // The harness names a test's thread after the test.
        let name = thread::current().name().map(str::to_owned);
        Self {
            seed,
            faults,
            what,
            trace,
            test: name.filter(|name| name != "main"),
            is_repeated: false,
        }
    }

    pub(super) fn repeated(self) -> Self {
        Self {
            is_repeated: true,
            ..self
        }
    }

    /// The command that repeats the run, and prints its trace.
    pub fn command(&self) -> String {
        let seed = self.seed;
        let test = self.test.as_deref().unwrap_or_default();
        let space = if test.is_empty() { "" } else { " " };
        format!("{SEED_VARIABLE}={seed} cargo test --workspace{space}{test} -- --include-ignored")
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The faults that it takes for the failure.
    pub fn faults(&self) -> &[F] {
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

impl<F: fmt::Display> fmt::Display for Failure<F> {
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
        if self.is_repeated {
            return write!(f, "what happened:\n{}", self.trace);
        }
        write!(f, "  again with its trace: {}", self.command())
    }
}

/// As a test that returns it shows it: the sentences.
impl<F: fmt::Display> fmt::Debug for Failure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<F: fmt::Display> std::error::Error for Failure<F> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_after_shrinking_is_what_the_failure_needs() {
        for needed in [vec![], vec![0], vec![6, 7], vec![1, 4, 9]] {
            let fails = |faults: &[u32]| needed.iter().all(|fault| faults.contains(fault));
            assert_eq!(shrink((0..10).collect(), fails), needed);
        }
    }
}
