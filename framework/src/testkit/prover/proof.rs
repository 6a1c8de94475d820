//! What a prover says in the end, and on its way.

use std::fmt;
use std::io;

use super::Disproof;
use crate::error::cause_of;

/// No way of cutting that was tried makes a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// How often the script was played in all.
    pub runs: u64,
    /// Runs with a single cut.
    pub single: u64,
    /// Runs with two cuts.
    pub pairs: u64,
    /// Runs with a cut before every byte.
    pub bytewise: u64,
    /// Runs with cuts at random places.
    pub random: u64,
    /// Runs in which the output was taken one byte at a time.
    pub trickling: u64,
    /// Runs in which another connection played the same in turn.
    pub neighbours: u64,
    /// Runs that were planned, and left out since the time was over.
    pub left_out: u64,
    /// Whether only given cuts were tried.
    pub replayed: bool,
    /// What repeats the choice of random places.
    pub seed: u64,
    /// The length of the script's input.
    pub input_bytes: usize,
    /// The length of what came back each time.
    pub output_bytes: usize,
}

/// How far a prover has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Runs that are done.
    pub done: u64,
    /// Runs that there will be, unless one fails.
    pub total: u64,
}

/// A server was not proved.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unproven {
    /// Occurs when the server does not always do the same, or not what the script expects.
    Disproved(Box<Disproof>),
    /// Occurs when the server cannot be connected to.
    Unreachable {
        /// What the operating system said.
        source: io::Error,
        /// How many runs there were before.
        runs: u64,
    },
}

/// The sentence of a result.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, output) = (self.input_bytes, self.output_bytes);
        write!(
            f,
            "proved: {input} bytes of input always have the same effect, with {output} bytes of output, in {} runs",
            self.runs
        )?;
        let kinds = [
            (self.single, "with a single cut"),
            (self.pairs, "with a pair of cuts"),
            (self.bytewise, "byte by byte"),
            (self.random, "with random cuts"),
            (self.trickling, "with trickling output"),
            (self.neighbours, "beside another connection"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<_> = kinds
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !kinds.is_empty() {
            write!(f, " ({}; seed {})", kinds.join(", "), self.seed)?;
        }
        if self.left_out > 0 {
            write!(
                f,
                ", and {} more were left out since the time was over",
                self.left_out
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disproved(disproof) => disproof.fmt(f),
            Self::Unreachable { source, runs: 0 } => {
                write!(
                    f,
                    "cannot connect: {} (is the server running?)",
                    cause_of(source)
                )
            }
            Self::Unreachable { source, runs } => write!(
                f,
                "cannot connect any more after {runs} runs: {} (has the server ended?)",
                cause_of(source)
            ),
        }
    }
}

impl std::error::Error for Unproven {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disproved(disproof) => Some(disproof),
            Self::Unreachable { source, .. } => Some(source),
        }
    }
}
