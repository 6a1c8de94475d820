//! Who is best with one number of connections: a sentence for each metric that has a winner, and one for those that have none.

use super::{because, has_too_few_rounds};
use crate::report::verdict::finding::between;
use crate::report::verdict::words::{Served, and, counted, how_much, named, value};
use crate::report::verdict::{Doubt, Finding, Flaw, Standing, Verdict, ranked, ranked_by};
use crate::report::{Metric, Report};

/// What follows `With 50 connections, `.
pub(super) fn sentences(report: &Report, verdict: &Verdict, connections: usize) -> Vec<String> {
    let mut sentences = flaws(verdict, connections);
    if has_too_few_rounds(verdict) {
        return sentences;
    }
    let names: Vec<_> = ranked(report, &verdict.flaws, connections)
        .map(|contestant| named(&contestant.name))
        .collect();
    match names.as_slice() {
        [] => sentences.push("nobody served all clients without fault.".to_owned()),
        [only] => sentences.push(format!("only {only} served all clients without fault.")),
        _ => {
            let served = Served::of(&report.setup);
            let standings =
                ranked_by(&report.setup).map(|metric| verdict.standing(connections, metric));
            let standings = standings.into_iter().flatten();
            let won = standings.filter(|standing| !standing.behind.is_empty());
            sentences.extend(won.map(|standing| winner(verdict, standing, served)));
            sentences.extend(ties(report, verdict, connections));
        }
    }
    sentences
}

/// Who did not do the job comes first: without it, a reader looks for that name in vain.
fn flaws(verdict: &Verdict, connections: usize) -> Vec<String> {
    (verdict.flaws.iter())
        .filter(|flaw| flaw.connections == connections)
        .map(|flaw| format!("{}: it is ranked nowhere.", flawed(flaw)))
        .collect()
}

fn flawed(flaw: &Flaw) -> String {
    let name = named(&flaw.contestant);
    let fault = flaw
        .fault
        .as_deref()
        .map(|fault| fault.trim_end_matches('.'));
    if !flaw.is_measured && flaw.unserved == 0 {
        let fault = fault.unwrap_or("it answered nothing");
        return format!("{name} could not be measured ({fault})");
    }
    let mut troubles = Vec::new();
    if flaw.unserved > 0 {
        let clients = counted(flaw.speaking, "client", "clients");
        troubles.push(format!("left {} of {clients} unserved", flaw.unserved));
    }
    if !flaw.errors.is_empty() {
        let errors: Vec<_> = (flaw.errors.iter())
            .map(|(word, count)| format!("{count} {}", word.replace('_', " ")))
            .collect();
        troubles.push(format!("had errors, {}", and(&errors)));
    }
    if troubles.is_empty() {
        troubles.push("failed".to_owned());
    }
    let fault = fault.map_or_else(String::new, |fault| format!(" ({fault})"));
    format!("{name} {}{fault}", and(&troubles))
}

fn winner(verdict: &Verdict, standing: &Standing, served: Served) -> String {
    let mut best = vec![named(&standing.best)];
    best.extend(standing.level.iter().map(|name| named(name)));
    let is_one = best.len() == 1;
    let verb = |one: &'static str, many: &'static str| if is_one { one } else { many };
    let figure = value(standing.metric, standing.value.median);
    let what = match standing.metric {
        Metric::P99 => format!(
            "{} soonest (99 of 100 {} within {figure})",
            if served.answers() == served.many() {
                verb("delivers", "deliver")
            } else {
                verb("answers", "answer")
            },
            served.answers()
        ),
        Metric::Served => format!(
            "{} most ({figure} {} in a second)",
            verb("serves", "serve"),
            served.many()
        ),
        Metric::Cpu => format!(
            "{} the least processor time ({figure} for each {})",
            verb("needs", "need"),
            served.one()
        ),
        Metric::Throughput => format!("{} most ({figure} in a second)", verb("moves", "move")),
        Metric::CpuPerGib => format!(
            "{} the least processor time ({figure} for each GiB)",
            verb("needs", "need")
        ),
        metric => format!(
            "{} the least {} ({figure})",
            verb("needs", "need"),
            served.noun(metric)
        ),
    };
    let first = match best.as_slice() {
        [_] => ":".to_owned(),
        // What is known of the first need not be so of those that may be as good.
        several => format!(" and cannot be told apart: {}", several[0]),
    };
    format!(
        "{} {what}{first} {}.",
        and(&best),
        behind(verdict, standing)
    )
}

/// `1.6 times less than threads and 4 times less than python`; of many, the nearest and the farthest.
fn behind(verdict: &Verdict, standing: &Standing) -> String {
    let than = |name: &String| {
        let finding = between(
            &verdict.findings,
            (&standing.best, name),
            standing.connections,
            standing.metric,
        )?;
        let much = how_much(finding);
        let than = if much.ends_with("as many") {
            "as"
        } else {
            "than"
        };
        Some(format!("{much} {than} {}", named(name)))
    };
    match standing.behind.as_slice() {
        [first, between @ .., last] if between.len() > 1 => {
            let ends: Vec<_> = [first, last].into_iter().filter_map(than).collect();
            format!(
                "{}, with {} others between",
                ends.join(", up to "),
                between.len()
            )
        }
        few => and(&few.iter().filter_map(than).collect::<Vec<_>>()),
    }
}

/// The metrics by which nobody is behind, those with the same names and the same reason in one sentence.
fn ties(report: &Report, verdict: &Verdict, connections: usize) -> Vec<String> {
    let served = Served::of(&report.setup);
    let mut groups: Vec<(Vec<String>, Doubt, Vec<Metric>)> = Vec::new();
    for metric in ranked_by(&report.setup) {
        let Some(standing) = verdict.standing(connections, metric) else {
            continue;
        };
        let Some(doubt) = deepest(verdict, standing).filter(|_| standing.behind.is_empty()) else {
            continue;
        };
        let mut names = vec![standing.best.clone()];
        names.extend(standing.level.iter().cloned());
        let is_same = |(known, reason, _): &&mut (Vec<String>, Doubt, Vec<Metric>)| {
            *reason == doubt
                && known.len() == names.len()
                && known.iter().all(|name| names.contains(name))
        };
        match groups.iter_mut().find(is_same) {
            Some((_, _, metrics)) => metrics.push(metric),
            None => groups.push((names, doubt, vec![metric])),
        }
    }
    (groups.into_iter())
        .map(|(names, doubt, metrics)| {
            let names: Vec<_> = names.iter().map(|name| named(name)).collect();
            let metrics: Vec<_> = metrics
                .into_iter()
                .map(|metric| served.noun(metric))
                .collect();
            format!(
                "{} cannot be told apart by {}, because {}.",
                and(&names),
                and(&metrics),
                because(doubt)
            )
        })
        .collect()
}

/// The reason that explains most: of several that cannot be told from the best, the one that looks worst.
fn deepest(verdict: &Verdict, standing: &Standing) -> Option<Doubt> {
    let last = standing.level.last()?;
    let pair = (standing.best.as_str(), last.as_str());
    let finding: &Finding = between(
        &verdict.findings,
        pair,
        standing.connections,
        standing.metric,
    )?;
    finding.doubt()
}
