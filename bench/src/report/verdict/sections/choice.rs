//! Which mode to use, and why; and from how many connections on that matters.

use super::has_too_few_rounds;
use crate::report::verdict::finding::between;
use crate::report::verdict::words::{Served, and, connections, named, or};
use crate::report::verdict::{Choice, Crossover, Doubt, Finding, Shift, Verdict};
use crate::report::{Kind, Metric, Report};

/// How many changes are told: a reader who has to choose among more of them chooses by none. The data has them all.
const CHANGES_MAX: usize = 4;

/// Nothing when there are no two modes to choose from.
pub(super) fn sentences(report: &Report, verdict: &Verdict) -> Vec<String> {
    let modes = (report.contestants.iter()).filter(|contestant| contestant.kind == Kind::Mode);
    let modes = modes.count();
    let served = Served::of(&report.setup);
    let mut sentences = match verdict.choices.as_slice() {
        _ if modes < 2 => return Vec::new(),
        [] if has_too_few_rounds(verdict) => {
            vec!["Which mode to use is not known: there were too few rounds.".to_owned()]
        }
        [] => vec![
            "Which mode to use is not known: none served all clients without fault.".to_owned(),
        ],
        [only] => vec![single(only, modes, report)],
        several => vec![sequence(several)],
    };
    let argued = verdict
        .choices
        .iter()
        .filter_map(|choice| reasons(choice, served));
    sentences.extend(argued);
    sentences.extend(changes(verdict, served));
    sentences.extend(unknown_speed(verdict));
    sentences
}

fn single(choice: &Choice, modes: usize, report: &Report) -> String {
    let range = match (choice.from, choice.to) {
        (from, to) if from == to => format!("with {}", connections(to)),
        (from, to) => format!("from {from} to {}", connections(to)),
    };
    let names: Vec<_> = choice.modes.iter().map(|name| named(name)).collect();
    if names.len() == modes {
        return format!(
            "No mode is better than another one here: {range}, {} do about equally well as far as can be told, so use the one that suits your handler.",
            and(&names)
        );
    }
    let handler = &report.setup.handler;
    format!(
        "Use {}{} for {handler} under this load: {range} no other mode serves better, or as well at less cost.",
        or(&names),
        if names.len() > 1 {
            ", which do about equally well as far as can be told,"
        } else {
            ""
        },
    )
}

/// `Up to 100 connections use threads, from 1000 on use reactor.`
fn sequence(choices: &[Choice]) -> String {
    let parts: Vec<_> = (choices.iter().enumerate())
        .map(|(index, choice)| {
            let names: Vec<_> = choice.modes.iter().map(|name| named(name)).collect();
            let names = or(&names);
            match index {
                0 => format!("{} use {names}", up_to(choice.to)),
                _ if index + 1 == choices.len() => format!("from {} on use {names}", choice.from),
                _ => format!("from {} to {} use {names}", choice.from, choice.to),
            }
        })
        .collect();
    format!(
        "{}: then no other mode serves better, or as well at less cost.",
        parts.join(", ")
    )
}

fn reasons(choice: &Choice, served: Served) -> Option<String> {
    let advantages = |findings: &[Finding]| served.advantages(&findings.iter().collect::<Vec<_>>());
    let rival = named(choice.rival.as_deref()?);
    let mode = named(choice.modes.first()?);
    let with = connections(choice.to);
    match (choice.reasons.as_slice(), choice.despite.as_slice()) {
        ([], _) => None,
        (reasons, []) => Some(format!(
            "With {with}, compared with {rival}, {mode} {}.",
            advantages(reasons)
        )),
        (reasons, despite) => Some(format!(
            "With {with}, compared with {rival}, {mode} {}; {rival} on the other hand {}.",
            advantages(reasons),
            advantages(despite)
        )),
    }
}

/// What changes between the mode that is used with most connections and each other one; metrics that change at the same place together.
fn changes(verdict: &Verdict, served: Served) -> Vec<String> {
    let Some(mode) = verdict
        .choices
        .last()
        .and_then(|choice| choice.modes.first())
    else {
        return Vec::new();
    };
    let mut groups: Vec<(&Crossover, Vec<Metric>)> = Vec::new();
    for crossover in &verdict.crossovers {
        if !crossover.modes.contains(mode) {
            continue;
        }
        let alike = |(known, _): &&mut (&Crossover, Vec<Metric>)| {
            let metric = known.metric;
            **known
                == Crossover {
                    metric,
                    ..crossover.clone()
                }
        };
        match groups.iter_mut().find(alike) {
            Some((_, metrics)) => metrics.push(crossover.metric),
            None => groups.push((crossover, vec![crossover.metric])),
        }
    }
    (groups.iter().take(CHANGES_MAX))
        .map(|(crossover, metrics)| change(verdict, crossover, metrics, served))
        .collect()
}

/// `With 1 connection`, `Up to 100 connections`.
fn up_to(count: usize) -> String {
    let word = if count == 1 { "With" } else { "Up to" };
    format!("{word} {}", connections(count))
}

fn change(verdict: &Verdict, crossover: &Crossover, metrics: &[Metric], served: Served) -> String {
    let [one, other] = &crossover.modes;
    let nouns: Vec<_> = metrics.iter().map(|&metric| served.noun(metric)).collect();
    let nouns = and(&nouns);
    let up_to = up_to(crossover.up_to);
    let from = crossover.from;
    let other_than = |name: &String| if name == one { other } else { one };
    match &crossover.shift {
        Shift::Begins { ahead } => {
            let behind = other_than(ahead);
            let won = won(verdict, (ahead, behind), metrics, served);
            let (ahead, behind) = (named(ahead), named(behind));
            let begins = match won {
                Some((count, won)) if count == from => format!("with {from}, {ahead} {won}"),
                Some((count, won)) => {
                    format!("from {from} on {ahead} is better, and with {count} it {won}")
                }
                None => format!("from {from} on {ahead} is better"),
            };
            format!("{up_to}, {behind} does as well as {ahead} by {nouns}; {begins}.")
        }
        Shift::Turns { before, after } => format!(
            "{up_to}, {} is better than {} by {nouns}; from {from} on it is the other way round.",
            named(before),
            named(after)
        ),
        Shift::Ends { ahead } => format!(
            "{up_to}, {} is better than {} by {nouns}; from {from} on they cannot be told apart.",
            named(ahead),
            named(other_than(ahead))
        ),
    }
}

/// By how much a mode is better with the most connections with which it is, unless the choice has said so already.
fn won(
    verdict: &Verdict,
    (ahead, behind): (&str, &str),
    metrics: &[Metric],
    served: Served,
) -> Option<(usize, String)> {
    let of = |count: usize| {
        let found = (metrics.iter())
            .filter_map(move |&metric| between(&verdict.findings, (ahead, behind), count, metric));
        found.filter(|finding| finding.is_won_by(ahead))
    };
    let counts = verdict
        .standings
        .iter()
        .map(|standing| standing.connections);
    let count = counts.filter(|&count| of(count).next().is_some()).max()?;
    let is_said = verdict.choices.iter().any(|choice| {
        choice.to == count
            && choice.modes.first().is_some_and(|mode| mode == ahead)
            && choice.rival.as_deref() == Some(behind)
    });
    (!is_said).then(|| (count, served.advantages(&of(count).collect::<Vec<_>>())))
}

/// Where the load generator was the bottleneck, a choice is one by costs alone, and who chooses must know that.
fn unknown_speed(verdict: &Verdict) -> Option<String> {
    if verdict.choices.is_empty() {
        return None;
    }
    let mut bound: Vec<_> = (verdict.findings.iter())
        .filter(|finding| finding.doubt() == Some(Doubt::GeneratorBound))
        .map(|finding| finding.connections)
        .collect();
    bound.dedup();
    let bound: Vec<_> = bound.iter().map(ToString::to_string).collect();
    (!bound.is_empty()).then(|| {
        format!(
            "Some are perhaps faster than they look with {} connections: the load generator could not ask more of them.",
            and(&bound)
        )
    })
}
