//! A report against an earlier one of the same comparison: what got better since, and what got worse.

use std::fmt;

use serde::Serialize;

use super::verdict::words::{Served, and, connections, named, times, value};
use super::verdict::{doubt, estimate_as_fields, is_limited_by_generator, metric_as_word};
use super::{Doubt, Estimate, Kind, Metric, Noise, Report, Setup};

/// What has changed from an earlier report to a later one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changes {
    /// Every contestant with every number of connections and every metric that both reports have.
    pub changes: Vec<Change>,
    /// The same in words, what got worse first.
    pub sentences: Vec<String>,
}

/// How one figure has changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Of whom.
    pub contestant: String,
    /// With how many connections.
    pub connections: usize,
    /// Which figure.
    #[serde(serialize_with = "metric_as_word")]
    pub metric: Metric,
    /// What it was.
    #[serde(serialize_with = "estimate_as_fields")]
    pub before: Estimate,
    /// What it is.
    #[serde(serialize_with = "estimate_as_fields")]
    pub after: Estimate,
    /// What it is for what it was. Its interval is that of the two farthest from each other, since the rounds of two comparisons are no pairs.
    #[serde(serialize_with = "estimate_as_fields")]
    pub ratio: Estimate,
    /// Which way it went.
    pub direction: Direction,
}

/// Which way a figure went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is better than it was.
    Better,
    /// It is worse than it was.
    Worse,
    /// Nothing can be concluded.
    Undecided(Doubt),
}

/// Why two reports cannot be compared, as one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomparable(String);

/// What sentences tell of. The others are parts of these, or too uncertain: the slowest answer of a million differs every time.
const TOLD: [Metric; 8] = [
    Metric::Served,
    Metric::P50,
    Metric::P99,
    Metric::Cpu,
    Metric::SystemCalls,
    Metric::Memory,
    Metric::Throughput,
    Metric::CpuPerGib,
];

impl Report {
    /// What has changed since an earlier report, which must have measured the same.
    pub fn changes_since(&self, earlier: &Self) -> Result<Changes, Incomparable> {
        if let Some(difference) = difference(&earlier.setup, &self.setup) {
            return Err(Incomparable(format!(
                "the two reports did not measure the same: {difference}; measure again as the earlier one did"
            )));
        }
        let changes = changes(earlier, self);
        if changes.is_empty() {
            return Err(Incomparable(
                "the two reports have nobody in common with the same number of connections: measure the same contestants and numbers again"
                    .to_owned(),
            ));
        }
        let sentences = sentences(earlier, self, &changes);
        Ok(Changes { changes, sentences })
    }
}

impl Changes {
    /// Whether anything got worse for sure.
    pub fn has_worse(&self) -> bool {
        (self.changes.iter()).any(|change| change.direction == Direction::Worse)
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.sentences.iter()).try_for_each(|sentence| writeln!(f, "{sentence}"))
    }
}

impl fmt::Display for Incomparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Incomparable {}

/// What was done to the servers must be equal. How long and how often may differ, since the intervals hold that, and of the numbers of
/// connections those in both are enough.
fn difference(earlier: &Setup, later: &Setup) -> Option<String> {
    let optional = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let written = |setup: &Setup| {
        [
            ("the handler", setup.handler.clone()),
            ("the transport", setup.transport.clone()),
            ("the load", setup.load.clone()),
            ("bytes of a message", setup.message_bytes.to_string()),
            ("messages on their way", setup.window.to_string()),
            (
                "messages in a second",
                optional(setup.rate.map(|rate| rate.to_string())),
            ),
            (
                "seconds of waiting after an answer",
                setup.think_seconds.to_string(),
            ),
            (
                "connections that speak",
                setup
                    .active
                    .map_or_else(|| "all".to_owned(), |active| active.to_string()),
            ),
            ("connections that never read", setup.stuck.to_string()),
            ("sending at once (nodelay)", setup.nodelay.to_string()),
            (
                "seconds until a datagram is lost",
                optional(setup.loss_timeout_seconds.map(|time| time.to_string())),
            ),
        ]
    };
    let (earlier, later) = (written(earlier), written(later));
    let differences: Vec<_> = (earlier.into_iter().zip(later))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((what, before), (_, after))| format!("{what} was '{before}' and is '{after}'"))
        .collect();
    (!differences.is_empty()).then(|| and(&differences))
}

fn changes(earlier: &Report, later: &Report) -> Vec<Change> {
    let noises = [Noise::of(earlier), Noise::of(later)];
    let mut changes = Vec::new();
    for contestant in &later.contestants {
        if contestant.kind == Kind::Control {
            continue;
        }
        for &connections in &later.setup.connections {
            let of = |metric| {
                change(
                    earlier,
                    later,
                    &noises,
                    &contestant.name,
                    connections,
                    metric,
                )
            };
            changes.extend(Metric::ALL.into_iter().filter_map(of));
        }
    }
    changes
}

fn change(
    earlier: &Report,
    later: &Report,
    noises: &[Noise; 2],
    contestant: &str,
    connections: usize,
    metric: Metric,
) -> Option<Change> {
    let before = earlier.estimate(contestant, connections, metric)?;
    let after = later.estimate(contestant, connections, metric)?;
    let ratio = ratio(after, before)?;
    let is_better = (ratio.median > 1.0) == metric.is_better_high();
    let worse = if is_better { earlier } else { later };
    let levels = noises
        .iter()
        .filter_map(|noise| noise.factor(connections, metric));
    let direction = match doubt(ratio, levels.reduce(f64::max)) {
        Some(Doubt::TooFewRounds) => Direction::Undecided(Doubt::TooFewRounds),
        _ if is_limited_by_generator(worse, contestant, connections, metric) => {
            Direction::Undecided(Doubt::GeneratorBound)
        }
        Some(doubt) => Direction::Undecided(doubt),
        None if is_better => Direction::Better,
        None => Direction::Worse,
    };
    Some(Change {
        contestant: contestant.to_owned(),
        connections,
        metric,
        before,
        after,
        ratio,
        direction,
    })
}

/// None where something was zero: from nothing to something is no ratio.
fn ratio(after: Estimate, before: Estimate) -> Option<Estimate> {
    (before.low > 0.0 && after.low > 0.0).then(|| Estimate {
        median: after.median / before.median,
        low: after.low / before.high,
        high: after.high / before.low,
        rounds: after.rounds.min(before.rounds),
    })
}

fn sentences(earlier: &Report, later: &Report, changes: &[Change]) -> Vec<String> {
    let served = Served::of(&later.setup);
    let worse = told(changes, Direction::Worse, "got worse", served);
    let better = told(changes, Direction::Better, "got better", served);
    let errors = new_errors(earlier, later);
    let same = (worse.is_empty() && better.is_empty() && errors.is_empty())
        .then(|| unchanged(changes).to_owned());
    [
        machine(earlier, later).into_iter().collect(),
        errors,
        worse,
        better,
        same.into_iter().collect(),
    ]
    .concat()
}

fn unchanged(changes: &[Change]) -> &'static str {
    let is_short = |change: &Change| change.direction == Direction::Undecided(Doubt::TooFewRounds);
    if changes.iter().all(is_short) {
        "Nothing can be concluded: both reports need at least six rounds."
    } else {
        "Nothing got better or worse by more than the noise."
    }
}

/// A machine that is another one explains any change, but what it explains is for the reader to say.
fn machine(earlier: &Report, later: &Report) -> Option<String> {
    let told = |report: &Report| {
        let machine = &report.machine;
        format!(
            "{}, {} processors, {}",
            machine.processor, machine.processors, machine.system
        )
    };
    let (before, after) = (told(earlier), told(later));
    (before != after).then(|| {
        format!(
            "The machine is not the same ({before}; now {after}): what changed may be the machine."
        )
    })
}

/// Errors have no ratio to none, and are what changes most.
fn new_errors(earlier: &Report, later: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    for contestant in &later.contestants {
        for &count in &later.setup.connections {
            let errors = |report: &Report| -> Option<u64> {
                let runs = report.runs_of(&contestant.name, count);
                (!runs.is_empty()).then(|| runs.iter().map(|run| run.error_count()).sum())
            };
            if let (Some(0), Some(now @ 1..)) = (errors(earlier), errors(later)) {
                sentences.push(format!(
                    "{} with {} had no errors before, and now has {now}.",
                    named(&contestant.name),
                    connections(count)
                ));
            }
        }
    }
    sentences
}

/// A sentence for each contestant and number of connections.
fn told(changes: &[Change], direction: Direction, verb: &str, served: Served) -> Vec<String> {
    let is_told = |change: &&Change| change.direction == direction && TOLD.contains(&change.metric);
    let told: Vec<_> = changes.iter().filter(is_told).collect();
    told.chunk_by(|one, other| {
        one.contestant == other.contestant && one.connections == other.connections
    })
    .map(|changes| {
        let figures: Vec<_> = changes
            .iter()
            .map(|change| figure(change, served))
            .collect();
        format!(
            "{} with {} {verb}: {}.",
            named(&changes[0].contestant),
            connections(changes[0].connections),
            figures.join("; ")
        )
    })
    .collect()
}

/// `memory from 4 MB to 12 MB, 3 times as much`
fn figure(change: &Change, served: Served) -> String {
    let ratio = change.ratio.median;
    let much = if ratio > 1.0 / 1.1 && ratio < 1.1 {
        let direction = if ratio > 1.0 { "more" } else { "less" };
        format!("{:.0} % {direction}", 100.0 * (ratio - 1.0).abs())
    } else if ratio > 1.0 {
        format!("{} as much", times(ratio))
    } else {
        format!("{} less", times(1.0 / ratio))
    };
    let metric = change.metric;
    format!(
        "{} from {} to {}, {much}",
        served.noun(metric),
        value(metric, change.before.median),
        value(metric, change.after.median)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, Random, TWO_MODES, report};

    fn measured(rounds: usize, figures: impl Fn(&str) -> Figures) -> Report {
        report(TWO_MODES, &[50, 1000], rounds, |name, _, _| figures(name))
    }

    fn plain(_: &str) -> Figures {
        Figures::default()
    }

    fn slow(name: &str) -> Figures {
        Figures {
            p99_us: if name == "threads" { 1600.0 } else { 1000.0 },
            memory: if name == "threads" { 3e6 } else { 4e6 },
            ..Figures::default()
        }
    }

    #[test]
    fn what_got_worse_is_told_before_what_got_better() {
        let changes = measured(6, slow)
            .changes_since(&measured(6, plain))
            .unwrap();
        assert!(changes.has_worse());
        assert_eq!(
            changes.to_string(),
            "\
threads with 50 connections got worse: latency of the middle answer from 1 ms to 1.6 ms, 1.6 times as much; latency of 99 of 100 answers from 1 ms to 1.6 ms, 1.6 times as much.
threads with 1000 connections got worse: latency of the middle answer from 1 ms to 1.6 ms, 1.6 times as much; latency of 99 of 100 answers from 1 ms to 1.6 ms, 1.6 times as much.
threads with 50 connections got better: memory from 4 MB to 3 MB, 1.3 times less.
threads with 1000 connections got better: memory from 4 MB to 3 MB, 1.3 times less.
"
        );
        let back = measured(6, plain)
            .changes_since(&measured(6, slow))
            .unwrap();
        let direction = |changes: &Changes, metric| {
            let found = (changes.changes.iter())
                .find(|change| change.contestant == "threads" && change.metric == metric);
            found.unwrap().direction
        };
        assert_eq!(direction(&back, Metric::P99), Direction::Better);
        assert_eq!(direction(&back, Metric::Memory), Direction::Worse);
        assert_eq!(
            direction(&back, Metric::Cpu),
            Direction::Undecided(Doubt::Small)
        );
    }

    #[test]
    fn the_same_measured_twice_has_not_changed() {
        let changed = (1..=100).filter(|&seed| {
            let mut random = Random(seed);
            let mut measure = || {
                report(TWO_MODES, &[50, 1000], 9, |_, _, _| {
                    Figures::default().with_noise(0.05, &mut random)
                })
            };
            let (earlier, later) = (measure(), measure());
            let changes = later.changes_since(&earlier).unwrap();
            let told = ["Nothing got better or worse by more than the noise.".to_owned()];
            changes.sentences != told
        });
        let changed = changed.count();
        assert!(changed <= 5, "{changed} of 100");
    }

    #[test]
    fn a_change_within_the_noise_of_either_report_is_refused() {
        let noisy = report(TWO_MODES, &[50], 6, |name, _, round| Figures {
            p99_us: if name == "control" && round == 1 {
                1800.0
            } else {
                1000.0
            },
            ..Figures::default()
        });
        for (earlier, later) in [
            (noisy.clone(), measured(6, slow)),
            (measured(6, slow), noisy),
        ] {
            let changes = later.changes_since(&earlier).unwrap();
            let found = (changes.changes.iter())
                .find(|change| change.contestant == "threads" && change.metric == Metric::P99);
            assert_eq!(found.unwrap().direction, Direction::Undecided(Doubt::Noise));
        }
    }

    #[test]
    fn rounds_that_overlap_are_no_change() {
        let spread = |middle: f64| {
            report(TWO_MODES, &[50], 6, |_, _, round| Figures {
                p99_us: middle + if round % 2 == 0 { 200.0 } else { -200.0 },
                ..Figures::default()
            })
        };
        let changes = spread(1300.0).changes_since(&spread(1000.0)).unwrap();
        let found = (changes.changes.iter()).find(|change| change.metric == Metric::P99);
        assert_eq!(
            found.unwrap().direction,
            Direction::Undecided(Doubt::Overlap)
        );
        assert!(!changes.has_worse());
    }

    #[test]
    fn a_generator_that_was_the_bottleneck_of_the_worse_one_concludes_nothing() {
        let busy = |busy: f64| move |name: &str| Figures { busy, ..slow(name) };
        let of = |later: Report| {
            let changes = later.changes_since(&measured(6, plain)).unwrap();
            (changes.changes.iter())
                .find(|change| change.contestant == "threads" && change.metric == Metric::P99)
                .unwrap()
                .direction
        };
        assert_eq!(
            of(measured(6, busy(1.0))),
            Direction::Undecided(Doubt::GeneratorBound)
        );
        assert_eq!(of(measured(6, busy(0.5))), Direction::Worse);
    }

    #[test]
    fn too_few_rounds_and_another_machine_are_said() {
        let mut later = measured(5, slow);
        later.machine.processor = "another one".to_owned();
        let sentences = later.changes_since(&measured(6, plain)).unwrap().sentences;
        assert!(
            sentences[0].contains("what changed may be the machine"),
            "{sentences:?}"
        );
        assert!(
            sentences[1].contains("at least six rounds"),
            "{sentences:?}"
        );
    }

    #[test]
    fn new_errors_are_named_although_they_have_no_ratio() {
        let failing = |name: &str| Figures {
            resets: u64::from(name == "reactor"),
            ..Figures::default()
        };
        let sentences = measured(6, failing)
            .changes_since(&measured(6, plain))
            .unwrap()
            .sentences;
        assert_eq!(
            sentences[0],
            "reactor with 50 connections had no errors before, and now has 6."
        );
        assert_eq!(sentences.len(), 2, "{sentences:?}");
    }

    #[test]
    fn another_load_is_refused_by_its_name() {
        let earlier = measured(6, plain);
        let mut later = earlier.clone();
        later.setup.handler = "work:200us".to_owned();
        later.setup.active = Some(10);
        let error = later.changes_since(&earlier).unwrap_err().to_string();
        assert!(
            error.contains("the handler was 'echo' and is 'work:200us'"),
            "{error}"
        );
        assert!(
            error.contains("connections that speak was 'all' and is '10'"),
            "{error}"
        );
        let elsewhere = report(TWO_MODES, &[7], 6, |_, _, _| Figures::default());
        let error = elsewhere.changes_since(&earlier).unwrap_err().to_string();
        assert!(error.contains("nobody in common"), "{error}");
        later = earlier.clone();
        (later.setup.seconds, later.setup.seed) = (9.0, 9);
        assert!(later.changes_since(&earlier).is_ok());
    }
}
