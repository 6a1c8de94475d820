//! Who is best by a metric, who may be as good, and who is behind.

use std::cmp::Ordering;

use serde::Serialize;

use super::finding::between;
use super::{Finding, Flaw, estimate_as_fields, metric_as_word, ranked, ranked_by};
use crate::report::{Estimate, Metric, Report};

/// How all that can be ranked stand by one metric with so many connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// With how many connections.
    pub connections: usize,
    /// By which metric.
    #[serde(serialize_with = "metric_as_word")]
    pub metric: Metric,
    /// Whom nobody is ahead of; where several are so, the one with the best median.
    pub best: String,
    /// What the best has.
    #[serde(serialize_with = "estimate_as_fields")]
    pub value: Estimate,
    /// Who cannot be told from the best.
    pub level: Vec<String>,
    /// Who is behind the best, the nearest first.
    pub behind: Vec<String>,
}

impl Standing {
    /// Whether nobody may be as good as the best.
    pub fn is_clear(&self) -> bool {
        self.level.is_empty() && !self.behind.is_empty()
    }
}

/// All standings, with few connections first.
pub(super) fn standings(report: &Report, flaws: &[Flaw], findings: &[Finding]) -> Vec<Standing> {
    (report.setup.connections.iter())
        .flat_map(|&connections| {
            ranked_by(&report.setup)
                .into_iter()
                .filter_map(move |metric| {
                    let names: Vec<_> = ranked(report, flaws, connections)
                        .map(|contestant| contestant.name.as_str())
                        .collect();
                    standing(report, findings, &names, connections, metric)
                })
        })
        .collect()
}

/// The one of these names that the fewest are ahead of, and of several such the one with the best median.
///
/// Who is ahead is known of pairs only, and by ratios within rounds: the best median alone may belong to a server that another one beats in
/// every round.
pub(super) fn leader<'a>(
    report: &Report,
    findings: &[Finding],
    names: &[&'a str],
    connections: usize,
    metric: Metric,
) -> Option<(&'a str, Estimate)> {
    let beaten = |name: &str| {
        let is_ahead = |other: &&&str| {
            between(findings, (name, other), connections, metric)
                .is_some_and(|finding| finding.is_won_by(other))
        };
        names.iter().filter(is_ahead).count()
    };
    (names.iter())
        .filter_map(|&name| {
            let estimate = report.estimate(name, connections, metric)?;
            Some((name, estimate, beaten(name)))
        })
        .min_by(|(_, one, beaten_one), (_, other, beaten_other)| {
            let by_median = match one.median.total_cmp(&other.median) {
                order if metric.is_better_high() => order.reverse(),
                order => order,
            };
            beaten_one.cmp(beaten_other).then(by_median)
        })
        .map(|(name, estimate, _)| (name, estimate))
}

fn standing(
    report: &Report,
    findings: &[Finding],
    names: &[&str],
    connections: usize,
    metric: Metric,
) -> Option<Standing> {
    let (best, value) = leader(report, findings, names, connections, metric)?;
    let mut others: Vec<_> = (names.iter())
        .filter_map(|&other| {
            let finding = between(findings, (best, other), connections, metric)?;
            Some((other, finding))
        })
        .collect();
    others.sort_by(|(_, one), (_, other)| {
        (one.ratio.median.partial_cmp(&other.ratio.median)).unwrap_or(Ordering::Equal)
    });
    let of = |is_behind: bool| {
        (others.iter())
            .filter(|(_, finding)| finding.is_won_by(best) == is_behind)
            .map(|&(name, _)| name.to_owned())
            .collect()
    };
    Some(Standing {
        connections,
        metric,
        best: best.to_owned(),
        value,
        level: of(false),
        behind: of(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Kind;
    use crate::report::verdict::samples::{Figures, report};

    const THREE: &[(&str, Kind)] = &[
        ("a", Kind::Mode),
        ("again", Kind::Control),
        ("b", Kind::Mode),
        ("c", Kind::Peer),
    ];

    #[test]
    fn those_behind_stand_in_their_order_and_ties_beside_the_best() {
        let report = report(THREE, &[10], 6, |name, _, _| Figures {
            p99_us: match name {
                "b" => 3000.0,
                "c" => 2000.0,
                _ => 1000.0,
            },
            memory: if name == "b" { 8e6 } else { 4e6 },
            ..Figures::default()
        });
        let verdict = report.verdict();
        let by_p99 = verdict.standing(10, Metric::P99).unwrap();
        assert_eq!((by_p99.best.as_str(), by_p99.is_clear()), ("a", true));
        assert_eq!(by_p99.behind, ["c", "b"]);
        let by_memory = verdict.standing(10, Metric::Memory).unwrap();
        assert_eq!(
            (by_memory.best.as_str(), by_memory.is_clear()),
            ("a", false)
        );
        assert_eq!(
            (by_memory.level.as_slice(), by_memory.behind.as_slice()),
            (["c".to_owned()].as_slice(), ["b".to_owned()].as_slice())
        );
        assert!(verdict.standing(20, Metric::P99).is_none());
    }

    #[test]
    fn who_is_beaten_in_every_round_is_not_best_by_a_lucky_median() {
        // The machine slows down from round to round, and b misses the slowest rounds: its median is lower, and it loses in every round.
        let mut report = report(THREE, &[10], 12, |name, _, round| Figures {
            p99_us: 1000.0
                * f64::from(u32::try_from(round).unwrap())
                * if name == "b" { 1.2 } else { 1.0 },
            ..Figures::default()
        });
        report
            .runs
            .retain(|run| run.contestant != "b" || run.round <= 6);
        let median = |name| report.estimate(name, 10, Metric::P99).unwrap().median;
        assert!(median("b") < median("a"));
        let verdict = report.verdict();
        let standing = verdict.standing(10, Metric::P99).unwrap();
        assert_ne!(standing.best, "b");
        assert_eq!(standing.behind, ["b"]);
    }
}
