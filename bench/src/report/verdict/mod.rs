//! What a comparison allows to conclude, and what it does not: first as data, then in words.
//!
//! A difference is believed when at least six rounds agree about it, when it is larger than what the same server shows against itself, and
//! when it is large enough to matter. Everything else is said not to be known: a table of numbers invites to see a winner in every line.

mod choice;
mod crossover;
mod finding;
mod flaw;
mod noise;
#[cfg(test)]
pub(super) mod samples;
mod sections;
mod standing;
pub(super) mod words;

use std::fmt;

use serde::{Serialize, Serializer};

pub use self::choice::Choice;
pub use self::crossover::{Crossover, Shift};
pub use self::finding::{Doubt, Finding, Outcome};
pub use self::flaw::Flaw;
pub use self::noise::{Noise, NoiseLevel};
pub use self::sections::Section;
pub use self::standing::Standing;

pub(super) use self::finding::{doubt, is_limited_by_generator};
use super::{Contestant, Estimate, Kind, Metric, Report, Setup};

/// By what contestants are ranked: how they serve, then what that costs. The other metrics explain these.
///
/// Files are ranked by their bytes: in a short time only a few large ones end, and their number is too coarse.
pub(super) fn ranked_by(setup: &Setup) -> [Metric; 4] {
    let (speed, price) = if setup.has_files() {
        (Metric::Throughput, Metric::CpuPerGib)
    } else {
        (Metric::Served, Metric::Cpu)
    };
    [Metric::P99, speed, price, Metric::Memory]
}

/// What follows from a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What the same server shows against itself.
    pub noise: Noise,
    /// Who was not served, answered wrongly or failed, and is ranked nowhere for that.
    pub flaws: Vec<Flaw>,
    /// Every two contestants, for each number of connections and each metric that ranks.
    pub findings: Vec<Finding>,
    /// Who is best, for each number of connections and each metric that ranks.
    pub standings: Vec<Standing>,
    /// Where one mode overtakes another as connections grow in number.
    pub crossovers: Vec<Crossover>,
    /// Which mode to use, from few connections to many; empty when that is not known.
    pub choices: Vec<Choice>,
    /// All of it in words, the most useful first.
    pub sections: Vec<Section>,
}

impl Report {
    /// What follows from this report.
    pub fn verdict(&self) -> Verdict {
        let noise = Noise::of(self);
        let flaws = flaw::flaws(self);
        let findings = finding::findings(self, &noise, &flaws);
        let standings = standing::standings(self, &flaws, &findings);
        let crossovers = crossover::crossovers(self, &findings);
        let choices = choice::choices(self, &flaws, &findings);
        let mut verdict = Verdict {
            noise,
            flaws,
            findings,
            standings,
            crossovers,
            choices,
            sections: Vec::new(),
        };
        verdict.sections = sections::sections(self, &verdict);
        verdict
    }
}

impl Verdict {
    /// Every sentence, each of which can stand alone.
    pub fn sentences(&self) -> Vec<String> {
        self.sections.iter().flat_map(Section::complete).collect()
    }

    /// What was found about two contestants, whichever of them is better.
    pub fn finding(
        &self,
        one: &str,
        other: &str,
        connections: usize,
        metric: Metric,
    ) -> Option<&Finding> {
        finding::between(&self.findings, (one, other), connections, metric)
    }

    /// Who is best by a metric with so many connections.
    pub fn standing(&self, connections: usize, metric: Metric) -> Option<&Standing> {
        (self.standings.iter())
            .find(|standing| standing.connections == connections && standing.metric == metric)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, section) in self.sections.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            section.fmt(f)?;
        }
        Ok(())
    }
}

/// Who can be ranked with so many connections: not what tells the noise, and nobody with a flaw.
fn ranked<'a>(
    report: &'a Report,
    flaws: &'a [Flaw],
    connections: usize,
) -> impl Iterator<Item = &'a Contestant> + Clone {
    report.contestants.iter().filter(move |contestant| {
        contestant.kind != Kind::Control
            && !report.runs_of(&contestant.name, connections).is_empty()
            && !flaws
                .iter()
                .any(|flaw| flaw.contestant == contestant.name && flaw.connections == connections)
    })
}

/// The names of those of our modes that can be ranked with so many connections.
fn ranked_modes<'a>(report: &'a Report, flaws: &'a [Flaw], connections: usize) -> Vec<&'a str> {
    ranked(report, flaws, connections)
        .filter(|contestant| contestant.kind == Kind::Mode)
        .map(|contestant| contestant.name.as_str())
        .collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn metric_as_word<S: Serializer>(
    metric: &Metric,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.word())
}

pub(super) fn estimate_as_fields<S: Serializer>(
    estimate: &Estimate,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields {
        median: f64,
        low: f64,
        high: f64,
        rounds: usize,
    }
    let Estimate {
        median,
        low,
        high,
        rounds,
    } = *estimate;
    Fields {
        median,
        low,
        high,
        rounds,
    }
    .serialize(serializer)
}
