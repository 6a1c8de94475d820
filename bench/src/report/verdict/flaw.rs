//! Who did not do the job: figures of such a server are not worse or better than those of others, they are of something else.

use serde::Serialize;

use crate::report::{Kind, Report, Run};

/// Why a contestant is not ranked with so many connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flaw {
    /// The contestant.
    pub contestant: String,
    /// With how many connections.
    pub connections: usize,
    /// How many of the connections spoke.
    pub speaking: usize,
    /// How many of them were never served, in the median round.
    pub unserved: usize,
    /// How often each thing went wrong in all rounds, the most frequent first.
    pub errors: Vec<(String, u64)>,
    /// What went wrong first, in a sentence.
    pub fault: Option<String>,
    /// False when no round has measured anything.
    pub is_measured: bool,
}

/// Connections of a hundred that may go without service before a server counts as one that leaves clients out. Without any, the last of ten
/// thousand, whose turn would have come after the end, disqualified a server that serves all.
const UNSERVED_PERCENT_MAX: usize = 1;

/// Everybody's flaws, with few connections first.
pub(super) fn flaws(report: &Report) -> Vec<Flaw> {
    (report.setup.connections.iter())
        .flat_map(|&connections| {
            (report.contestants.iter())
                .filter(|contestant| contestant.kind != Kind::Control)
                .filter_map(move |contestant| flaw(report, &contestant.name, connections))
        })
        .collect()
}

fn flaw(report: &Report, contestant: &str, connections: usize) -> Option<Flaw> {
    let runs = report.runs_of(contestant, connections);
    if runs.is_empty() {
        return None;
    }
    let unserved = median(runs.iter().map(|run| run.unserved).collect());
    // In a chat those are served who listen, and that is everybody.
    let speaking = match report.setup.active {
        Some(active) if !report.setup.has_chat() => active.min(connections),
        _ => connections,
    };
    let errors = errors(&runs);
    let fault = runs.iter().find_map(|run| run.fault.clone());
    let leaves_out = unserved * 100 > speaking * UNSERVED_PERCENT_MAX;
    (leaves_out || !errors.is_empty() || fault.is_some()).then(|| Flaw {
        contestant: contestant.to_owned(),
        connections,
        speaking,
        unserved: if leaves_out { unserved } else { 0 },
        errors,
        is_measured: runs.iter().any(|run| run.served > 0),
        fault,
    })
}

fn errors(runs: &[&Run]) -> Vec<(String, u64)> {
    let mut errors: Vec<(String, u64)> = Vec::new();
    for (word, &count) in runs.iter().flat_map(|run| &run.errors) {
        match errors.iter_mut().find(|(known, _)| known == word) {
            _ if count == 0 => {}
            Some((_, sum)) => *sum += count,
            None => errors.push((word.clone(), count)),
        }
    }
    errors.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    errors
}

fn median(mut counts: Vec<usize>) -> usize {
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, TWO_MODES, report};

    #[test]
    fn who_leaves_clients_out_or_fails_in_a_single_round_is_flawed() {
        let report = report(TWO_MODES, &[50, 1000], 6, |name, connections, round| {
            Figures {
                unserved: match (name, connections) {
                    ("threads", 50) => 49,
                    ("threads", 1000) => 10,
                    _ => 0,
                },
                resets: u64::from(name == "reactor" && connections == 1000 && round == 2),
                ..Figures::default()
            }
        });
        let flaws = flaws(&report);
        assert_eq!(flaws.len(), 2, "{flaws:?}");
        assert_eq!(
            (flaws[0].contestant.as_str(), flaws[0].unserved),
            ("threads", 49)
        );
        assert_eq!(flaws[1].contestant, "reactor");
        assert_eq!(flaws[1].errors, [("reset".to_owned(), 1)]);
        assert!(flaws[1].is_measured && flaws[1].fault.is_some());
    }

    #[test]
    fn only_connections_that_speak_can_be_left_out() {
        let mut report = report(TWO_MODES, &[1000], 6, |name, _, _| Figures {
            unserved: if name == "threads" { 5 } else { 0 },
            ..Figures::default()
        });
        assert_eq!(flaws(&report), []);
        report.setup.active = Some(10);
        assert_eq!(flaws(&report)[0].speaking, 10);
    }
}
