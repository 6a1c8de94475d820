//! How servers that are not of this framework stand to the mode that one would use.

use crate::report::verdict::finding::between;
use crate::report::verdict::words::{Served, and, connections, named};
use crate::report::verdict::{Finding, Verdict, ranked, ranked_by, ranked_modes};
use crate::report::{Contestant, Kind, Report};

use super::has_too_few_rounds;

/// A sentence for each of them.
pub(super) fn sentences(report: &Report, verdict: &Verdict) -> Vec<String> {
    if has_too_few_rounds(verdict) {
        return Vec::new();
    }
    (report.contestants.iter())
        .filter(|contestant| matches!(contestant.kind, Kind::Peer | Kind::Foreign))
        .filter_map(|peer| sentence(report, verdict, peer))
        .collect()
}

/// The most connections with which both can be ranked tell most: with few, everybody is good.
fn sentence(report: &Report, verdict: &Verdict, peer: &Contestant) -> Option<String> {
    let (count, mode) = report.setup.connections.iter().rev().find_map(|&count| {
        let is_ranked = ranked(report, &verdict.flaws, count).any(|ranked| ranked == peer);
        Some((count, mode(report, verdict, count).filter(|_| is_ranked)?))
    })?;
    let served = Served::of(&report.setup);
    let found: Vec<_> = (ranked_by(&report.setup).into_iter())
        .filter_map(|metric| between(&verdict.findings, (mode, &peer.name), count, metric))
        .collect();
    let won_by = |name: &str| {
        let won = found.iter().filter(|finding| finding.is_won_by(name));
        won.copied().collect::<Vec<_>>()
    };
    let (ours, theirs) = (won_by(mode), won_by(&peer.name));
    let advantages = |findings: &[&Finding]| served.advantages(findings);
    let (mode, peer) = (named(mode), named(&peer.name));
    let compared = match (ours.as_slice(), theirs.as_slice()) {
        ([], []) => format!("{mode} and {peer} cannot be told apart"),
        (ours, []) => format!("compared with {peer}, {mode} {}", advantages(ours)),
        ([], theirs) => format!("compared with {mode}, {peer} {}", advantages(theirs)),
        (ours, theirs) => format!(
            "compared with {peer}, {mode} {}; {peer} on the other hand {}",
            advantages(ours),
            advantages(theirs)
        ),
    };
    let level: Vec<_> = (found.iter())
        .filter(|finding| !finding.differs())
        .map(|finding| served.noun(finding.metric))
        .collect();
    let level = match level.len() {
        0 => String::new(),
        _ if level.len() == found.len() => format!(" by {}", and(&level)),
        _ => format!("; they cannot be told apart by {}", and(&level)),
    };
    Some(format!("With {}, {compared}{level}.", connections(count)))
}

/// The mode that one would use; without a choice, the first that can be ranked.
fn mode<'a>(report: &'a Report, verdict: &'a Verdict, count: usize) -> Option<&'a str> {
    let modes = ranked_modes(report, &verdict.flaws, count);
    let chosen = (verdict.choices.iter())
        .find(|choice| (choice.from..=choice.to).contains(&count))
        .and_then(|choice| choice.modes.first());
    chosen
        .map(String::as_str)
        .filter(|chosen| modes.contains(chosen))
        .or_else(|| modes.first().copied())
}
