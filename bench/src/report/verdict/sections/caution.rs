//! How sure all of it is: what the noise was, what disturbed, and what is missing.

use super::has_too_few_rounds;
use crate::report::verdict::words::{Served, and, connections, counted, named, significant};
use crate::report::verdict::{NoiseLevel, Verdict, ranked_by};
use crate::report::{Datagrams, Report, Run};

/// What a reader has to bear in mind.
pub(super) fn sentences(report: &Report, verdict: &Verdict) -> Vec<String> {
    [
        interrupted(report),
        too_few_rounds(report, verdict),
        busy(report),
        late(report),
        lossy(report),
        overrun(report),
        Some(noise(report, verdict)),
        unknown_noise(report, verdict),
        many(verdict),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn interrupted(report: &Report) -> Option<String> {
    let made = report.runs.len();
    let planned = report.contestants.len()
        * report.setup.connections.len()
        * report.setup.rounds
        * report.setup.rates.len().max(1);
    (!report.is_complete).then(|| {
        format!("The comparison was interrupted: {made} of {planned} runs were made, and the rest is missing.")
    })
}

fn too_few_rounds(report: &Report, verdict: &Verdict) -> Option<String> {
    let rounds = report.runs.iter().map(|run| run.round).max().unwrap_or(0);
    has_too_few_rounds(verdict).then(|| {
        format!(
            "There {} only {}: it takes six that agree before a difference is more than chance, so measure at least six.",
            if rounds == 1 { "was" } else { "were" },
            counted(rounds, "round", "rounds")
        )
    })
}

/// Programs at work in the minute before: half a processor of them on a small machine, or a tenth of the processors of a large one.
fn busy(report: &Report) -> Option<String> {
    let machine = &report.machine;
    #[expect(clippy::cast_precision_loss, reason = "a number of processors")]
    let quiet = (machine.processors as f64 / 10.0).max(0.5);
    (machine.load_average > quiet).then(|| {
        format!(
            "The machine was busy before the comparison began ({} programs wanted a processor on average): measure again when it is quiet.",
            significant(machine.load_average, 2)
        )
    })
}

/// In an open loop latency counts from the time at which a message was due, also when the generator itself was late.
fn late(report: &Report) -> Option<String> {
    let is_late = |count: usize| {
        let runs: Vec<_> = (report.runs.iter())
            .filter(|run| run.connections == count && run.generator.late_p99_us.is_some())
            .filter(|run| run.rate.is_none() || run.rate == report.setup.rate)
            .collect();
        let late = runs.iter().filter(|run| Run::is_bound_by_generator(run));
        late.count() * 2 > runs.len()
    };
    let late = report
        .setup
        .connections
        .iter()
        .filter(|&&count| is_late(count));
    let late: Vec<_> = late.map(|&count| connections(count)).collect();
    (!late.is_empty()).then(|| {
        format!(
            "With {} the load generator itself was late, which is part of the latencies.",
            and(&late)
        )
    })
}

/// Who lost more datagrams than can be passed over, in all rounds together.
fn lossy(report: &Report) -> Option<String> {
    let mut told = Vec::new();
    for &count in &report.setup.connections {
        for contestant in &report.contestants {
            let lost = datagrams(report, &contestant.name, count);
            if lost.is_lossy() {
                let percent = significant(lost.loss_percent(), 2);
                let name = named(&contestant.name);
                told.push(format!("{name} {percent} % with {}", connections(count)));
            }
        }
    }
    (!told.is_empty()).then(|| {
        format!(
            "Datagrams were lost ({}): a server that drops is not faster, so read its figures together with its loss.",
            and(&told)
        )
    })
}

/// The load generator may lose answers by itself.
fn overrun(report: &Report) -> Option<String> {
    let runs = report.runs.iter().filter_map(|run| run.datagrams);
    let overrun: u64 = runs.map(|datagrams| datagrams.overrun).sum();
    (overrun > 0).then(|| {
        format!(
            "Of the lost datagrams {overrun} were answers that found no room with the load generator, which is no fault of a server: allow \
             larger buffers (sysctl net.core.rmem_max) or ask for less at once."
        )
    })
}

/// What became of all datagrams of a contestant with so many connections.
fn datagrams(report: &Report, contestant: &str, connections: usize) -> Datagrams {
    let runs = report.runs_of(contestant, connections).into_iter();
    (runs.filter_map(|run| run.datagrams)).fold(Datagrams::default(), Datagrams::and)
}

/// The largest noise of each metric that is worth a word.
fn noise(report: &Report, verdict: &Verdict) -> String {
    let Some(name) = &verdict.noise.contestant else {
        return "No server was measured twice, so nobody knows how much of a difference is noise."
            .to_owned();
    };
    let served = Served::of(&report.setup);
    let levels: Vec<_> = (ranked_by(&report.setup).into_iter())
        .filter_map(|metric| {
            let levels = verdict
                .noise
                .levels
                .iter()
                .filter(|level| level.metric == metric);
            let factor = levels.map(NoiseLevel::factor).fold(1.0, f64::max);
            (factor > 1.02).then(|| format!("{} by {}", served.noun(metric), apart(factor)))
        })
        .collect();
    let name = named(name);
    if levels.is_empty() {
        return format!(
            "In every round {name} was measured twice, and its two runs differed by less than 2 %: nothing smaller counts as a difference."
        );
    }
    format!(
        "In every round {name} was measured twice, and its two runs differed in {}: nothing smaller counts as a difference with as many \
         connections.",
        and(&levels)
    )
}

/// Where the server that is measured twice has failed, a difference is believed although nobody knows how it differs from itself.
fn unknown_noise(report: &Report, verdict: &Verdict) -> Option<String> {
    let name = verdict.noise.contestant.as_deref()?;
    let is_known = |count| {
        let mut metrics = ranked_by(&report.setup).into_iter();
        metrics.all(|metric| verdict.noise.factor(count, metric).is_some())
    };
    let unknown: Vec<_> = (report.setup.connections.iter())
        .filter(|&&count| !is_known(count))
        .map(|&count| connections(count))
        .collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "With {} the noise is not known by every figure, since {} was not measured twice there: believe large differences only.",
            and(&unknown),
            named(name)
        )
    })
}

/// Of equal servers one comparison of some hundreds looks like a difference: whoever makes a hundred must expect it.
fn many(verdict: &Verdict) -> Option<String> {
    const MANY: usize = 50;
    let compared = verdict.findings.len();
    (compared >= MANY && !has_too_few_rounds(verdict)).then(|| {
        format!(
            "{compared} comparisons were made, and of so many one may look like a difference by chance: measure again before you trust a \
             small one that stands alone."
        )
    })
}

fn apart(factor: f64) -> String {
    if !factor.is_finite() {
        "any amount".to_owned()
    } else if factor < 2.0 {
        format!("up to {:.0} %", 100.0 * (factor - 1.0))
    } else {
        format!("a factor of up to {}", significant(factor, 2))
    }
}
