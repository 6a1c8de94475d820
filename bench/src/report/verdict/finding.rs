//! Whether two contestants differ by a metric, and if that is not known, why not.

use serde::Serialize;

use super::{Flaw, Noise, estimate_as_fields, metric_as_word, ranked, ranked_by};
use crate::report::{Estimate, Metric, Report, Run};

/// Two contestants, compared by one metric with so many connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// With how many connections.
    pub connections: usize,
    /// By which metric.
    #[serde(serialize_with = "metric_as_word")]
    pub metric: Metric,
    /// Who looks better.
    pub best: String,
    /// Who looks worse.
    pub other: String,
    /// How many times better, within rounds: 3 when the other needs three times as much, or serves a third. The median is at least 1.
    #[serde(serialize_with = "estimate_as_fields")]
    pub ratio: Estimate,
    /// Whether that is more than appearance.
    pub outcome: Outcome,
}

/// What may be concluded from a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They differ.
    Differs,
    /// They differ by at least the ratio: the load generator could not ask more of the better one.
    DiffersAtLeast,
    /// Nothing.
    Undecided(Doubt),
}

/// Why nothing may be concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// With fewer than six rounds, chance alone makes all of them agree too often.
    TooFewRounds,
    /// The load generator was the bottleneck for the one that looks worse, which may be as good in truth.
    GeneratorBound,
    /// Rounds disagree about who is better.
    Overlap,
    /// The difference is too small to matter.
    Small,
    /// The same server differs as much from itself.
    Noise,
}

/// What matters: a difference of less than 2 % changes nobody's decision, and the order of functions in a binary makes as much.
const FACTOR_MIN: f64 = 1.02;

impl Finding {
    /// Whether the better one is better.
    pub fn differs(&self) -> bool {
        self.doubt().is_none()
    }

    /// Why that is not known.
    pub fn doubt(&self) -> Option<Doubt> {
        match self.outcome {
            Outcome::Differs | Outcome::DiffersAtLeast => None,
            Outcome::Undecided(doubt) => Some(doubt),
        }
    }

    /// Whether this one is better, and really so.
    pub(super) fn is_won_by(&self, contestant: &str) -> bool {
        self.differs() && self.best == contestant
    }
}

/// Why a ratio of two may not be believed, given how many times the same server differs from itself.
///
/// What is asked of the ratio is asked of its inverse alike, so that nothing depends on who is named first.
pub(in crate::report) fn doubt(ratio: Estimate, noise: Option<f64>) -> Option<Doubt> {
    let distance = |value: f64| value.max(1.0 / value);
    let median = distance(ratio.median);
    if !ratio.is_sure() {
        Some(Doubt::TooFewRounds)
    } else if distance(ratio.low).max(distance(ratio.high)) <= FACTOR_MIN {
        Some(Doubt::Small)
    } else if ratio.contains(1.0) {
        Some(Doubt::Overlap)
    } else if median <= FACTOR_MIN {
        Some(Doubt::Small)
    } else if noise.is_some_and(|noise| median <= noise) {
        Some(Doubt::Noise)
    } else {
        None
    }
}

/// Whether a figure is one of the load generator rather than of the server.
///
/// Where answers are waited for before more is sent, a generator without time sends less and sees answers late. In an open loop latency
/// counts from the time at which sending was due, whoever was late.
pub(in crate::report) fn is_limited_by_generator(
    report: &Report,
    contestant: &str,
    connections: usize,
    metric: Metric,
) -> bool {
    let is_latency = matches!(
        metric,
        Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999 | Metric::Max
    );
    let is_open = report.setup.load == "open loop";
    let is_speed = matches!(metric, Metric::Served | Metric::Throughput);
    if !(is_speed || is_latency && !is_open) {
        return false;
    }
    let runs = report.runs_of(contestant, connections);
    let bound = runs.iter().filter(|run| Run::is_bound_by_generator(run));
    bound.count() * 2 > runs.len()
}

/// Every two that can be ranked.
pub(super) fn findings(report: &Report, noise: &Noise, flaws: &[Flaw]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &connections in &report.setup.connections {
        let contestants = ranked(report, flaws, connections);
        for (index, one) in contestants.clone().enumerate() {
            for other in contestants.clone().skip(index + 1) {
                findings.extend(ranked_by(&report.setup).into_iter().filter_map(|metric| {
                    finding(report, noise, (&one.name, &other.name), connections, metric)
                }));
            }
        }
    }
    findings
}

/// The one about these two, whoever is better.
pub(super) fn between<'a>(
    findings: &'a [Finding],
    (one, other): (&str, &str),
    connections: usize,
    metric: Metric,
) -> Option<&'a Finding> {
    findings.iter().find(|finding| {
        finding.connections == connections
            && finding.metric == metric
            && ((finding.best == one && finding.other == other)
                || (finding.best == other && finding.other == one))
    })
}

fn finding(
    report: &Report,
    noise: &Noise,
    (one, other): (&str, &str),
    connections: usize,
    metric: Metric,
) -> Option<Finding> {
    let advantage = |one, other| {
        let (over, under) = if metric.is_better_high() {
            (one, other)
        } else {
            (other, one)
        };
        report.ratio(over, under, connections, metric)
    };
    let (best, other, ratio) = match advantage(one, other)? {
        ratio if ratio.median >= 1.0 => (one, other, ratio),
        // The median of inverse ratios is not the inverse of the median, but no smaller.
        _ => (other, one, advantage(other, one)?),
    };
    let is_limited = |contestant| is_limited_by_generator(report, contestant, connections, metric);
    let outcome = match doubt(ratio, noise.factor(connections, metric)) {
        Some(Doubt::TooFewRounds) => Outcome::Undecided(Doubt::TooFewRounds),
        _ if is_limited(other) => Outcome::Undecided(Doubt::GeneratorBound),
        Some(doubt) => Outcome::Undecided(doubt),
        None if is_limited(best) => Outcome::DiffersAtLeast,
        None => Outcome::Differs,
    };
    Some(Finding {
        connections,
        metric,
        best: best.to_owned(),
        other: other.to_owned(),
        ratio,
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Kind;
    use crate::report::verdict::samples::{Figures, Random, TWO_MODES, report};

    /// What is found by `reactor` against `threads` when each metric is off by this much noise and `threads` has these figures.
    fn outcome(
        rounds: usize,
        noise: f64,
        metric: Metric,
        threads: impl Fn(usize) -> Figures,
    ) -> Outcome {
        let mut random = Random(7);
        let report = report(TWO_MODES, &[10], rounds, |name, _, round| {
            let figures = match name {
                "threads" => threads(round),
                _ => Figures::default(),
            };
            figures.with_noise(noise, &mut random)
        });
        let verdict = report.verdict();
        let finding = verdict.finding("threads", "reactor", 10, metric);
        finding.expect("both were measured").outcome
    }

    fn p99(p99_us: f64) -> impl Fn(usize) -> Figures {
        move |_| Figures {
            p99_us,
            ..Figures::default()
        }
    }

    #[test]
    fn a_clear_difference_is_found_and_told_from_the_better_side() {
        let report = report(TWO_MODES, &[10], 6, |name, _, _| match name {
            "threads" => Figures {
                p99_us: 3000.0,
                served: 100_000.0,
                ..Figures::default()
            },
            _ => Figures::default(),
        });
        let verdict = report.verdict();
        for (metric, best, ratio) in [
            (Metric::P99, "reactor", 3.0),
            (Metric::Served, "threads", 2.0),
        ] {
            let finding = verdict.finding("threads", "reactor", 10, metric).unwrap();
            assert_eq!(
                (finding.best.as_str(), finding.outcome),
                (best, Outcome::Differs)
            );
            assert!((finding.ratio.median - ratio).abs() < 1e-9, "{finding:?}");
            assert!(finding.is_won_by(best) && !finding.is_won_by("control"));
        }
    }

    #[test]
    fn what_is_undecided_has_its_reason() {
        let even = |round| Figures {
            p99_us: if round % 2 == 0 { 500.0 } else { 2100.0 },
            ..Figures::default()
        };
        let undecided = Outcome::Undecided;
        // All rounds agree, and most of them about next to nothing.
        let slightly = |round| Figures {
            p99_us: if round <= 2 { 1060.0 } else { 1010.0 },
            ..Figures::default()
        };
        for (outcome, expected) in [
            (
                outcome(6, 0.0, Metric::P99, slightly),
                undecided(Doubt::Small),
            ),
            (outcome(6, 0.01, Metric::P99, p99(2000.0)), Outcome::Differs),
            (
                outcome(5, 0.01, Metric::P99, p99(2000.0)),
                undecided(Doubt::TooFewRounds),
            ),
            (
                outcome(6, 0.0, Metric::P99, p99(1019.0)),
                undecided(Doubt::Small),
            ),
            (outcome(6, 0.0, Metric::P99, p99(1021.0)), Outcome::Differs),
            (
                outcome(6, 0.0, Metric::P99, even),
                undecided(Doubt::Overlap),
            ),
            (
                outcome(6, 0.0, Metric::P99, p99(1000.0)),
                undecided(Doubt::Small),
            ),
        ] {
            assert_eq!(outcome, expected);
        }
    }

    #[test]
    fn a_difference_that_the_same_server_shows_against_itself_is_refused() {
        // All rounds agree that threads is 1.3 times slower, and in one of them the control was 1.4 times slower than itself.
        let find = |control: f64| {
            let report = report(TWO_MODES, &[10], 6, |name, _, round| Figures {
                p99_us: match name {
                    "threads" => 1300.0,
                    "control" if round == 3 => control,
                    _ => 1000.0,
                },
                ..Figures::default()
            });
            let verdict = report.verdict();
            verdict
                .finding("reactor", "threads", 10, Metric::P99)
                .unwrap()
                .outcome
        };
        assert_eq!(find(1400.0), Outcome::Undecided(Doubt::Noise));
        assert_eq!(find(1.0 / 1.4 * 1000.0), Outcome::Undecided(Doubt::Noise));
        assert_eq!(find(1200.0), Outcome::Differs);
    }

    #[test]
    fn a_bound_generator_refuses_speed_and_not_costs() {
        let find = |reactor_busy: f64, threads_busy: f64, load: &str, metric| {
            let mut report = report(TWO_MODES, &[10], 6, |name, _, _| match name {
                "threads" => Figures {
                    p99_us: 2000.0,
                    served: 25_000.0,
                    cpu_us: 20.0,
                    memory: 8e6,
                    busy: threads_busy,
                    ..Figures::default()
                },
                _ => Figures {
                    busy: reactor_busy,
                    ..Figures::default()
                },
            });
            report.setup.load = load.to_owned();
            report
                .verdict()
                .finding("reactor", "threads", 10, metric)
                .unwrap()
                .outcome
        };
        let refused = Outcome::Undecided(Doubt::GeneratorBound);
        for (metric, both, worse, best) in [
            (Metric::Served, refused, refused, Outcome::DiffersAtLeast),
            (Metric::P99, refused, refused, Outcome::DiffersAtLeast),
            (
                Metric::Cpu,
                Outcome::Differs,
                Outcome::Differs,
                Outcome::Differs,
            ),
            (
                Metric::Memory,
                Outcome::Differs,
                Outcome::Differs,
                Outcome::Differs,
            ),
        ] {
            assert_eq!(find(1.0, 1.0, "closed loop", metric), both, "{metric}");
            assert_eq!(find(0.5, 1.0, "closed loop", metric), worse, "{metric}");
            assert_eq!(find(1.0, 0.5, "closed loop", metric), best, "{metric}");
            assert_eq!(find(0.5, 0.5, "closed loop", metric), Outcome::Differs);
        }
        assert_eq!(find(1.0, 1.0, "open loop", Metric::P99), Outcome::Differs);
        assert_eq!(find(1.0, 1.0, "open loop", Metric::Served), refused);
    }

    #[test]
    fn identical_contestants_differ_in_at_most_five_of_a_hundred_trials() {
        for (rounds, noise) in [(6, 0.05), (9, 0.2), (15, 0.05), (25, 0.3)] {
            let trials = (1..=100).filter(|&seed| {
                let mut random = Random(seed);
                let report = report(TWO_MODES, &[10, 100], rounds, |_, _, _| {
                    Figures::default().with_noise(noise, &mut random)
                });
                report.verdict().findings.iter().any(Finding::differs)
            });
            let found = trials.count();
            assert!(found <= 5, "{found} of 100 with {rounds} rounds");
        }
    }

    #[test]
    fn who_has_flaws_is_compared_with_nobody() {
        let report = report(
            &[("a", Kind::Mode), ("b", Kind::Mode), ("c", Kind::Peer)],
            &[10],
            6,
            |name, _, _| Figures {
                resets: u64::from(name == "b"),
                p99_us: if name == "b" { 1.0 } else { 1000.0 },
                ..Figures::default()
            },
        );
        let verdict = report.verdict();
        assert!(verdict.findings.iter().all(|finding| finding.best != "b"));
        assert!(verdict.finding("a", "b", 10, Metric::P99).is_none());
        assert!(verdict.finding("a", "c", 10, Metric::P99).is_some());
    }

    #[test]
    fn among_many_equal_contestants_fewer_than_one_finding_of_a_hundred_is_false() {
        let four = ["a", "b", "c", "d"].map(|name| (name, Kind::Mode));
        let contestants = [TWO_MODES, &four].concat();
        let (mut found, mut compared) = (0, 0);
        for seed in 1..=10 {
            let mut random = Random(seed);
            let report = report(&contestants, &[10, 100, 1000], 12, |_, _, _| {
                Figures::default().with_noise(0.1, &mut random)
            });
            let findings = report.verdict().findings;
            compared += findings.len();
            found += findings.iter().filter(|finding| finding.differs()).count();
        }
        assert!(found * 100 < compared, "{found} of {compared}");
    }
}
