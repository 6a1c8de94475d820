//! What a reader must know before believing a row: each reservation as a sentence, numbered where it is used.

use crate::report::{Datagrams, Report, Run};

use super::units::{counted, percent, thousands};

/// What has to be said about a contestant with so many connections.
pub(crate) fn sentences(report: &Report, contestant: &str, connections: usize) -> Vec<String> {
    let runs = report.runs_of(contestant, connections);
    if runs.is_empty() {
        return vec!["was not measured".to_owned()];
    }
    [
        unmeasured(&runs),
        unserved(&runs),
        bound(&runs),
        astray(&runs),
        cut(&runs, report.setup.stuck),
        errors(&runs),
        unseen(&runs),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the load generator was the bottleneck in a round at least.
pub(crate) fn is_bound(report: &Report, contestant: &str, connections: usize) -> bool {
    let runs = report.runs_of(contestant, connections);
    runs.into_iter().any(Run::is_bound_by_generator)
}

/// Sentences with the numbers that rows refer to: the same sentence has the same number.
#[derive(Debug, Default)]
pub(crate) struct Footnotes {
    sentences: Vec<String>,
}

impl Footnotes {
    /// The number of a sentence.
    pub(crate) fn number(&mut self, sentence: String) -> usize {
        let known = self.sentences.iter().position(|known| *known == sentence);
        known.map_or_else(
            || {
                self.sentences.push(sentence);
                self.sentences.len()
            },
            |index| index + 1,
        )
    }

    /// The sentences in the order of their numbers, which begin with one.
    pub(crate) fn sentences(&self) -> &[String] {
        &self.sentences
    }
}

/// Nothing was answered.
fn unmeasured(runs: &[&Run]) -> Option<String> {
    let rounds = share(runs, |run| run.served == 0)?;
    let fault = runs
        .iter()
        .filter(|run| run.served == 0)
        .find_map(|run| run.fault.as_deref());
    let why = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
    Some(format!("nothing was answered{rounds}{why}"))
}

/// Connections waited in vain.
fn unserved(runs: &[&Run]) -> Option<String> {
    let is_misleading = |run: &Run| run.served > 0 && !run.has_latency();
    let worst = runs
        .iter()
        .filter(|run| run.served > 0)
        .max_by_key(|run| run.unserved)?;
    let never = format!(
        "{} of {} were never served",
        thousands(worst.unserved),
        counted(worst.connections, "connection")
    );
    if let Some(rounds) = share(runs, is_misleading) {
        return Some(format!(
            "{never}{rounds}; percentiles would mislead and are left out"
        ));
    }
    let rounds = share(runs, |run| run.unserved > 0)?;
    Some(format!(
        "{never}{rounds}; their waiting is in no percentile"
    ))
}

/// The load generator could do no more.
fn bound(runs: &[&Run]) -> Option<String> {
    let rounds = share(runs, Run::is_bound_by_generator)?;
    Some(format!(
        "the load generator was the bottleneck{rounds}: the server may be able to do more"
    ))
}

/// Datagrams went astray: lost, late, twice, out of order.
fn astray(runs: &[&Run]) -> Option<String> {
    let datagrams = runs.iter().filter_map(|run| run.datagrams);
    let all = datagrams.fold(Datagrams::default(), Datagrams::and);
    let counts: Vec<_> = (all.astray())
        .map(|(word, count)| match word {
            "lost" => format!(
                "{} lost ({})",
                thousands(count as usize),
                percent(all.loss_percent())
            ),
            "overrun" => format!(
                "{} of the lost found no room with the load generator",
                thousands(count as usize)
            ),
            word => format!("{} {word}", thousands(count as usize)),
        })
        .collect();
    (!counts.is_empty()).then(|| {
        format!(
            "of {} sent in all rounds: {}",
            counted(all.sent as usize, "datagram"),
            counts.join(", ")
        )
    })
}

/// Who never reads was cut or was not, which decides what the server keeps for them.
fn cut(runs: &[&Run], stuck: usize) -> Option<String> {
    if stuck == 0 {
        return None;
    }
    let mut cut: Vec<_> = (runs.iter())
        .filter_map(|run| run.chat.map(|chat| chat.stuck_cut))
        .collect();
    cut.sort_unstable();
    let count = match (*cut.first()?, *cut.last()?) {
        (fewest, most) if fewest == most => thousands(most),
        (fewest, most) => format!("{} to {}", thousands(fewest), thousands(most)),
    };
    let members = counted(stuck, "member");
    Some(format!("of {members} that never read it cut {count}"))
}

/// Something went wrong although there were answers.
fn errors(runs: &[&Run]) -> Option<String> {
    let rounds = share(runs, |run| run.error_count() > 0)?;
    let mut kinds = std::collections::BTreeMap::new();
    for (kind, count) in runs.iter().flat_map(|run| &run.errors) {
        *kinds.entry(kind.replace('_', " ")).or_insert(0) += *count;
    }
    let kinds: Vec<_> = (kinds.into_iter())
        .filter(|&(_, count)| count > 0)
        .map(|(kind, count)| format!("{} {kind}", thousands(count as usize)))
        .collect();
    // Where nothing was answered at all, the fault was told already.
    let mut answered = runs.iter().filter(|run| run.served > 0);
    let first = answered.find_map(|run| run.fault.as_deref());
    let first = first
        .map(|fault| format!("; the first: {fault}"))
        .unwrap_or_default();
    Some(format!("errors{rounds}: {}{first}", kinds.join(", ")))
}

/// The process of the server could not be looked at.
fn unseen(runs: &[&Run]) -> Option<String> {
    let rounds = share(runs, |run| run.served > 0 && run.server.is_none())?;
    Some(format!("what the server spent could not be seen{rounds}"))
}

/// In how many of the rounds something holds, in words; none when in no round.
fn share(runs: &[&Run], holds: impl Fn(&Run) -> bool) -> Option<String> {
    let count = runs.iter().filter(|run| holds(run)).count();
    match count {
        0 => None,
        _ if count == runs.len() => Some(String::new()),
        _ => Some(format!(" in {count} of {} rounds", runs.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(run: Run) -> Vec<String> {
        let run = Run {
            connections: 10,
            ..run
        };
        let runs = [&run];
        [
            unmeasured(&runs),
            unserved(&runs),
            bound(&runs),
            astray(&runs),
            cut(&runs, 2),
            errors(&runs),
            unseen(&runs),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    #[test]
    fn each_reservation_is_said_once() {
        let silent = Run {
            fault: Some("it did not start".to_owned()),
            ..Run::default()
        };
        assert_eq!(said(silent), ["nothing was answered: it did not start"]);
        let serial = Run {
            served: 5,
            unserved: 9,
            server: Some(crate::report::Cost::default()),
            ..Run::default()
        };
        assert_eq!(
            said(serial),
            ["9 of 10 connections were never served; percentiles would mislead and are left out"]
        );
        let broken = Run {
            served: 5,
            errors: [("wrong_bytes".to_owned(), 3)].into(),
            fault: Some("a byte differs".to_owned()),
            ..Run::default()
        };
        assert_eq!(
            said(broken),
            [
                "errors: 3 wrong bytes; the first: a byte differs",
                "what the server spent could not be seen"
            ]
        );
        let chat = Run {
            served: 5,
            server: Some(crate::report::Cost::default()),
            chat: Some(crate::report::Chat {
                messages: 5,
                stuck_cut: 1,
            }),
            ..Run::default()
        };
        assert_eq!(said(chat), ["of 2 members that never read it cut 1"]);
    }

    #[test]
    fn what_became_of_datagrams_is_told_where_anything_went_astray() {
        let run = |datagrams| Run {
            served: 5,
            server: Some(crate::report::Cost::default()),
            datagrams: Some(datagrams),
            ..Run::default()
        };
        let sent = Datagrams {
            sent: 120_000,
            received: 119_998,
            ..Datagrams::default()
        };
        assert_eq!(said(run(sent)), [""; 0]);
        let astray = Datagrams {
            lost: 3,
            duplicated: 1,
            reordered: 2,
            ..sent
        };
        assert_eq!(
            said(run(astray)),
            [
                "of 120,000 datagrams sent in all rounds: 3 lost (0.003 %), 1 duplicated, 2 reordered"
            ]
        );
    }

    #[test]
    fn the_same_sentence_has_the_same_number() {
        let mut footnotes = Footnotes::default();
        let numbers = ["a", "b", "a"].map(|sentence| footnotes.number(sentence.to_owned()));
        assert_eq!(numbers, [1, 2, 1]);
        assert_eq!(footnotes.sentences(), ["a", "b"]);
    }
}
