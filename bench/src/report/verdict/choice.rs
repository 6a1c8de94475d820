//! Which of our modes to use, from few connections to many, and what speaks for it and against it.

use serde::Serialize;

use super::finding::between;
use super::standing::leader;
use super::{Doubt, Finding, Flaw, ranked_by, ranked_modes};
use crate::report::{Kind, Report};

/// The mode to use for a range of numbers of connections.
///
/// The mode that serves best is chosen, by latency and throughput; of those that serve about as well, the one that costs least, in processor
/// time and memory. In this order, since a server exists to serve, and since memory of a few connections is little whatever its ratio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// From how many connections on.
    pub from: usize,
    /// Up to how many.
    pub to: usize,
    /// The mode to use; where there are several, they do about equally well.
    pub modes: Vec<String>,
    /// The mode that would be used otherwise; none when no other one can be ranked.
    pub rival: Option<String>,
    /// By what the first of the modes is better than the rival, with the most connections of the range.
    pub reasons: Vec<Finding>,
    /// By what the rival is better.
    pub despite: Vec<Finding>,
}

/// How many times worse still counts as about as good: where modes are this close, the cheaper one is worth more.
const CLOSE: f64 = 1.1;

/// The choices, without gaps and with as few changes of mode as may be.
pub(super) fn choices(report: &Report, flaws: &[Flaw], findings: &[Finding]) -> Vec<Choice> {
    let modes = (report.contestants.iter()).filter(|contestant| contestant.kind == Kind::Mode);
    if modes.count() < 2 {
        return Vec::new();
    }
    let mut choices: Vec<Choice> = Vec::new();
    for &connections in &report.setup.connections {
        let good = good(report, flaws, findings, connections);
        if good.is_empty() {
            continue;
        }
        match choices.last_mut() {
            Some(last) if last.modes.iter().any(|mode| good.contains(&mode.as_str())) => {
                last.to = connections;
                last.modes.retain(|mode| good.contains(&mode.as_str()));
            }
            _ => choices.push(Choice {
                from: connections,
                to: connections,
                modes: good.into_iter().map(str::to_owned).collect(),
                rival: None,
                reasons: Vec::new(),
                despite: Vec::new(),
            }),
        }
    }
    for index in 0..choices.len() {
        argue(report, flaws, findings, &mut choices, index);
    }
    choices
}

/// The modes that can be used with so many connections; none when that is not known.
fn good<'a>(
    report: &'a Report,
    flaws: &'a [Flaw],
    findings: &[Finding],
    connections: usize,
) -> Vec<&'a str> {
    let modes = ranked_modes(report, flaws, connections);
    let scores: Vec<_> = (modes.iter())
        .map(|mode| score(report, findings, &modes, mode, connections))
        .collect();
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let service = least(&mut scores.iter().map(|score| score.service)) * CLOSE;
    let serving: Vec<_> = (modes.iter().zip(&scores))
        .filter(|(_, score)| score.service <= service)
        .collect();
    let cost = least(&mut serving.iter().map(|(_, score)| score.cost)) * CLOSE;
    let is_known = modes.len() == 1 || is_known(findings, &modes, connections);
    (serving.iter())
        .filter(|(_, score)| is_known && score.cost <= cost)
        .map(|(mode, _)| **mode)
        .collect()
}

/// How many times worse than the best a mode is, as far as that is sure: 1 means nothing worse is known of it.
struct Score {
    service: f64,
    cost: f64,
}

fn score(
    report: &Report,
    findings: &[Finding],
    modes: &[&str],
    mode: &str,
    connections: usize,
) -> Score {
    let behind = |metric| {
        let (best, _) = leader(report, findings, modes, connections, metric)?;
        let finding = between(findings, (best, mode), connections, metric)?;
        finding.is_won_by(best).then_some(finding.ratio.median)
    };
    let behind = |metric| behind(metric).unwrap_or(1.0);
    let [latency, speed, price, memory] = ranked_by(&report.setup);
    Score {
        service: behind(latency) * behind(speed),
        cost: behind(price) * behind(memory),
    }
}

/// Whether there were rounds enough to know anything of these.
fn is_known(findings: &[Finding], modes: &[&str], connections: usize) -> bool {
    findings.iter().any(|finding| {
        finding.connections == connections
            && modes.contains(&finding.best.as_str())
            && modes.contains(&finding.other.as_str())
            && finding.doubt() != Some(Doubt::TooFewRounds)
    })
}

/// Finds what speaks for a choice: against the one before or after it, and without such, against the next best.
fn argue(
    report: &Report,
    flaws: &[Flaw],
    findings: &[Finding],
    choices: &mut [Choice],
    index: usize,
) {
    let connections = choices[index].to;
    let ranked = ranked_modes(report, flaws, connections);
    let neighbour = (index.checked_sub(1))
        .or(Some(index + 1))
        .and_then(|neighbour| choices.get(neighbour)?.modes.first());
    let next_best = || {
        let others = ranked.iter().filter(|mode| {
            let modes = &choices[index].modes;
            !modes.iter().any(|chosen| chosen == *mode)
        });
        let sum = |mode: &str| {
            let score = score(report, findings, &ranked, mode, connections);
            score.service * score.cost
        };
        others.min_by(|one, other| sum(one).total_cmp(&sum(other)))
    };
    let rival = neighbour
        .filter(|mode| ranked.contains(&mode.as_str()))
        .cloned()
        .or_else(|| next_best().map(|&mode| mode.to_owned()));
    let choice = &mut choices[index];
    if let Some(rival) = &rival {
        let mode = choice.modes[0].as_str();
        let found: Vec<_> = (ranked_by(&report.setup).into_iter())
            .filter_map(|metric| between(findings, (mode, rival), connections, metric))
            .collect();
        let won_by = |name: &str| {
            let won = found.iter().filter(|finding| finding.is_won_by(name));
            won.map(|&finding| finding.clone()).collect()
        };
        (choice.reasons, choice.despite) = (won_by(mode), won_by(rival));
    }
    choice.rival = rival;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Metric;
    use crate::report::verdict::samples::{Figures, TWO_MODES, report};

    /// The choices as `from-to: modes`, when `threads` has these figures.
    fn chosen(rounds: usize, threads: impl Fn(usize) -> Figures) -> Vec<String> {
        let report = report(
            TWO_MODES,
            &[10, 100, 1000],
            rounds,
            |name, connections, _| match name {
                "threads" => threads(connections),
                _ => Figures::default(),
            },
        );
        (report.verdict().choices.iter())
            .map(|choice| format!("{}-{}: {}", choice.from, choice.to, choice.modes.join("|")))
            .collect()
    }

    #[test]
    fn service_comes_before_cost() {
        let fast = |p99_us: f64| {
            move |_| Figures {
                p99_us,
                memory: 40e6,
                ..Figures::default()
            }
        };
        assert_eq!(chosen(6, fast(500.0)), ["10-1000: threads"]);
        assert_eq!(chosen(6, fast(950.0)), ["10-1000: reactor"]);
    }

    #[test]
    fn the_mode_changes_where_another_one_does_better() {
        let threads = |connections| Figures {
            served: if connections == 10 {
                60_000.0
            } else {
                50_000.0
            },
            memory: if connections == 1000 { 12e6 } else { 4e6 },
            ..Figures::default()
        };
        // With a hundred connections both are as good: then the mode does not change yet.
        assert_eq!(
            chosen(6, threads),
            ["10-100: threads", "1000-1000: reactor"]
        );
    }

    #[test]
    fn equal_modes_are_both_chosen_and_too_few_rounds_choose_none() {
        assert_eq!(
            chosen(6, |_| Figures::default()),
            ["10-1000: reactor|threads"]
        );
        assert_eq!(chosen(5, |_| Figures::default()), [] as [&str; 0]);
    }

    #[test]
    fn a_mode_that_fails_is_not_chosen() {
        let threads = |connections| Figures {
            p99_us: 100.0,
            resets: u64::from(connections == 1000),
            ..Figures::default()
        };
        assert_eq!(
            chosen(6, threads),
            ["10-100: threads", "1000-1000: reactor"]
        );
    }

    #[test]
    fn a_choice_has_its_reasons_and_what_speaks_against_it() {
        let report = report(TWO_MODES, &[10], 6, |name, _, _| match name {
            "threads" => Figures {
                served: 48_000.0,
                cpu_us: 5.0,
                memory: 12e6,
                ..Figures::default()
            },
            _ => Figures::default(),
        });
        let choice = &report.verdict().choices[0];
        assert_eq!(choice.modes, ["reactor"]);
        assert_eq!(choice.rival.as_deref(), Some("threads"));
        let metrics = |findings: &[Finding]| {
            findings
                .iter()
                .map(|finding| finding.metric)
                .collect::<Vec<_>>()
        };
        assert_eq!(metrics(&choice.reasons), [Metric::Served, Metric::Memory]);
        assert_eq!(metrics(&choice.despite), [Metric::Cpu]);
    }
}
