//! Where one mode overtakes another as connections grow in number: the number that a choice between them turns on.

use serde::Serialize;

use super::finding::between;
use super::{Doubt, Finding, metric_as_word, ranked_by};
use crate::report::{Kind, Metric, Report};

/// How two modes stand to each other with few connections and with many, when that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Crossover {
    /// By which metric.
    #[serde(serialize_with = "metric_as_word")]
    pub metric: Metric,
    /// The two, in the order of the report.
    pub modes: [String; 2],
    /// What changes.
    pub shift: Shift,
    /// Up to how many connections it is as before: somewhere between this and [`from`](Crossover::from) it changes.
    pub up_to: usize,
    /// From how many connections on it is as after.
    pub from: usize,
}

/// What changes between two modes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// They cannot be told apart before, and this one is ahead after.
    Begins {
        /// Who is ahead.
        ahead: String,
    },
    /// This one is ahead before, and they cannot be told apart after.
    Ends {
        /// Who was ahead.
        ahead: String,
    },
    /// One is ahead before, and the other one after.
    Turns {
        /// Who is ahead with few connections.
        before: String,
        /// Who is ahead with many.
        after: String,
    },
}

/// How two stand to each other with one number of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Balance {
    /// Nobody can be shown to be ahead.
    Level,
    /// This one is ahead.
    Ahead(String),
}

/// Every change that holds to the highest number of connections.
pub(super) fn crossovers(report: &Report, findings: &[Finding]) -> Vec<Crossover> {
    let modes: Vec<_> = (report.contestants.iter())
        .filter(|contestant| contestant.kind == Kind::Mode)
        .map(|contestant| contestant.name.as_str())
        .collect();
    let mut crossovers = Vec::new();
    for (index, &one) in modes.iter().enumerate() {
        for &other in &modes[index + 1..] {
            crossovers.extend(ranked_by(&report.setup).into_iter().filter_map(|metric| {
                let balances: Vec<_> = (report.setup.connections.iter())
                    .filter_map(|&connections| {
                        let finding = between(findings, (one, other), connections, metric)?;
                        Some((connections, balance(finding)?))
                    })
                    .collect();
                crossover(&balances, metric, [one, other])
            }));
        }
    }
    crossovers
}

/// What could not be compared is no balance: its end would be no change.
fn balance(finding: &Finding) -> Option<Balance> {
    match finding.doubt() {
        None => Some(Balance::Ahead(finding.best.clone())),
        Some(Doubt::Overlap | Doubt::Small | Doubt::Noise) => Some(Balance::Level),
        Some(Doubt::TooFewRounds | Doubt::GeneratorBound) => None,
    }
}

/// One that is clear: a state that holds from the first on, and another one that holds to the last. Between them may be a stretch where
/// neither mode is ahead. Whatever goes to and fro is left alone, since chance does so.
fn crossover(balances: &[(usize, Balance)], metric: Metric, modes: [&str; 2]) -> Option<Crossover> {
    let (_, before) = balances.first()?;
    let (_, after) = balances.last()?;
    let first_run = (balances.iter()).take_while(|(_, balance)| balance == before);
    let last_run = (balances.iter().rev()).take_while(|(_, balance)| balance == after);
    let (up_to, from) = (first_run.last()?.0, last_run.last()?.0);
    let is_clear = (balances.iter())
        .filter(|&&(connections, _)| up_to < connections && connections < from)
        .all(|(_, balance)| *balance == Balance::Level);
    Some(Crossover {
        metric,
        modes: modes.map(str::to_owned),
        shift: shift(before, after).filter(|_| is_clear)?,
        up_to,
        from,
    })
}

fn shift(before: &Balance, after: &Balance) -> Option<Shift> {
    match (before.clone(), after.clone()) {
        (before, after) if before == after => None,
        (Balance::Level, Balance::Level) => None,
        (Balance::Level, Balance::Ahead(ahead)) => Some(Shift::Begins { ahead }),
        (Balance::Ahead(ahead), Balance::Level) => Some(Shift::Ends { ahead }),
        (Balance::Ahead(before), Balance::Ahead(after)) => Some(Shift::Turns { before, after }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, Random, TWO_MODES, report};

    fn of(states: &str) -> Option<(Shift, usize, usize)> {
        let balances: Vec<_> = (states.chars().enumerate())
            .map(|(index, state)| {
                let balance = match state {
                    '=' => Balance::Level,
                    name => Balance::Ahead(name.to_string()),
                };
                (index, balance)
            })
            .collect();
        let found = crossover(&balances, Metric::P99, ["a", "b"])?;
        Some((found.shift, found.up_to, found.from))
    }

    fn turns(before: &str, after: &str) -> Shift {
        let (before, after) = (before.to_owned(), after.to_owned());
        Shift::Turns { before, after }
    }

    #[test]
    fn only_a_change_that_is_clear_and_stays_is_one() {
        let ahead = || "a".to_owned();
        for (states, expected) in [
            ("", None),
            ("=", None),
            ("aaa", None),
            ("===", None),
            ("==a", Some((Shift::Begins { ahead: ahead() }, 1, 2))),
            ("aa=", Some((Shift::Ends { ahead: ahead() }, 1, 2))),
            ("baa", Some((turns("b", "a"), 0, 1))),
            ("bb==a", Some((turns("b", "a"), 1, 4))),
            ("=a=", None),
            ("a=a", None),
            ("=ab", None),
            ("ab=", None),
            ("aba=b", None),
        ] {
            assert_eq!(of(states), expected, "{states}");
        }
    }

    #[test]
    fn a_crossover_is_found_through_noise() {
        let mut random = Random(3);
        let report = report(TWO_MODES, &[10, 100, 1000], 9, |name, connections, _| {
            let p99_us = match (name, connections) {
                ("threads", 10) => 700.0,
                ("threads", 1000) => 1800.0,
                _ => 1000.0,
            };
            let figures = Figures {
                p99_us,
                ..Figures::default()
            };
            figures.with_noise(0.03, &mut random)
        });
        let crossovers = report.verdict().crossovers;
        assert_eq!(crossovers.len(), 1, "{crossovers:?}");
        let found = &crossovers[0];
        assert_eq!((found.up_to, found.from), (10, 1000));
        assert_eq!(found.metric, Metric::P99);
        assert_eq!(found.shift, turns("threads", "reactor"));
    }

    #[test]
    fn where_the_generator_was_the_bottleneck_nothing_begins() {
        let report = report(TWO_MODES, &[10, 1000], 6, |name, connections, _| Figures {
            served: if name == "threads" {
                25_000.0
            } else {
                50_000.0
            },
            busy: if connections == 10 { 1.0 } else { 0.5 },
            ..Figures::default()
        });
        // With ten connections both may be equal or not; that they differ with a thousand is no change that was seen.
        let verdict = report.verdict();
        assert!(
            verdict
                .finding("reactor", "threads", 1000, Metric::Served)
                .unwrap()
                .differs()
        );
        assert_eq!(verdict.crossovers, []);
    }
}
