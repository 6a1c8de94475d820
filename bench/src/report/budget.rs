//! What a comparison may find without anybody minding, as people write it: `reactor.p99 > 5ms` is broken when that is so.

use std::fmt;
use std::str::FromStr;

use super::verdict::words::{self, counted, or};
use super::{Estimate, Metric, Report, Run, Unit};

/// A condition that must not come true, such as `reactor.p99 > 5ms` or `'reactor, blocking'@1000.memory >= 200MiB`.
///
/// It is broken when the median of the rounds fulfils it with any of the numbers of connections, or with the one that it names. Of errors and
/// of lost datagrams the worst round counts instead: a server that failed in two rounds of six has failed, although the median is zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// As it was written, for sentences.
    text: String,
    contestant: String,
    /// None means every number that was measured.
    connections: Option<usize>,
    metric: Metric,
    comparison: Comparison,
    /// In the unit of the metric.
    limit: f64,
    /// The unit that the limit was written in, so that what was measured is told in the same one.
    scale: Scale,
}

/// Why a budget is none, as one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetError(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A unit as it is written, and how much of the metric's own unit it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    word: &'static str,
    factor: f64,
}

impl Budget {
    /// The contestant that it is about.
    pub fn contestant(&self) -> &str {
        &self.contestant
    }

    /// What is looked at.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Refuses a contestant that is none of these, before anything is measured in vain.
    pub fn check_names<S: AsRef<str>>(&self, names: &[S]) -> Result<(), BudgetError> {
        if names.iter().any(|name| name.as_ref() == self.contestant) {
            return Ok(());
        }
        let names: Vec<_> = names.iter().map(|name| quoted(name.as_ref())).collect();
        Err(self.refused(&format!(
            "nobody of the name {} is compared: write {}",
            quoted(&self.contestant),
            or(&names)
        )))
    }

    /// Refuses a number of connections that is none of these.
    pub fn check_connections(&self, measured: &[usize]) -> Result<(), BudgetError> {
        let Some(connections) = self.connections else {
            return Ok(());
        };
        if measured.contains(&connections) {
            return Ok(());
        }
        let measured: Vec<_> = measured.iter().map(ToString::to_string).collect();
        Err(self.refused(&format!(
            "{connections} connections are not measured: write {}",
            or(&measured)
        )))
    }

    /// A sentence for each number of connections with which the budget is broken; none when it is kept.
    ///
    /// What has no value keeps no budget either: a server that did not start must not pass.
    pub fn broken(&self, report: &Report) -> Vec<String> {
        match self.connections {
            Some(connections) => self.broken_with(connections, report).into_iter().collect(),
            None => (report.setup.connections.iter())
                .filter_map(|&connections| self.broken_with(connections, report))
                .collect(),
        }
    }

    fn broken_with(&self, connections: usize, report: &Report) -> Option<String> {
        let runs = report.runs_of(&self.contestant, connections);
        let values = runs.iter().filter_map(|run| self.value(run));
        let Some(estimate) = Estimate::of(values.clone()) else {
            let fault = runs.iter().find_map(|run| run.fault.as_deref());
            return Some(self.without_value(connections, fault));
        };
        let (value, kind) = match self.metric {
            Metric::Errors | Metric::Loss => (values.fold(0.0, f64::max), "the worst round"),
            _ => (estimate.median, "the median"),
        };
        self.comparison.holds(value, self.limit).then(|| {
            format!(
                "the budget '{}' is broken with {}: {kind} of {} is {}",
                self.text,
                words::connections(connections),
                counted(estimate.rounds, "round", "rounds"),
                self.scale.written(value)
            )
        })
    }

    /// A run in which nothing could be measured has counts of zero, which are no values.
    fn value(&self, run: &Run) -> Option<f64> {
        let was_measured = run.served > 0 || run.fault.is_none();
        let is_counted = self.metric == Metric::Errors && run.error_count() > 0;
        (was_measured || is_counted)
            .then(|| self.metric.of(run))
            .flatten()
    }

    fn without_value(&self, connections: usize, fault: Option<&str>) -> String {
        format!(
            "the budget '{}' is broken with {}: nothing was measured of it ({})",
            self.text,
            words::connections(connections),
            fault.unwrap_or("no run has a value")
        )
    }

    fn refused(&self, why: &str) -> BudgetError {
        BudgetError(format!("the budget '{}' cannot be kept: {why}", self.text))
    }
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let text = text.trim();
        parsed(text).map_err(|why| BudgetError(format!("'{text}' is not a budget: {why}")))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BudgetError {}

impl Comparison {
    /// What stands before it, itself, and what stands behind; a name in quotation marks may hold anything.
    fn split(text: &str) -> Option<(&str, Self, &str)> {
        let mut is_quoted = false;
        let at = text.find(|letter| {
            is_quoted ^= letter == '\'';
            !is_quoted && matches!(letter, '<' | '>')
        })?;
        let (before, rest) = text.split_at(at);
        [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::Above),
            ("<", Self::Below),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| Some((before, comparison, rest.strip_prefix(sign)?)))
    }

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
        }
    }
}

impl Scale {
    /// The units of times, of sizes, of plain numbers, and of parts of a hundred.
    fn all(unit: Unit) -> &'static [Self] {
        const fn scale(word: &'static str, factor: f64) -> Scale {
            Scale { word, factor }
        }
        const TIMES: &[Scale] = &[scale("us", 1.0), scale("ms", 1e3), scale("s", 1e6)];
        const SIZES: &[Scale] = &[
            scale("", 1.0),
            scale("B", 1.0),
            scale("kB", 1e3),
            scale("MB", 1e6),
            scale("GB", 1e9),
            scale("KiB", 1024.0),
            scale("MiB", 1_048_576.0),
            scale("GiB", 1_073_741_824.0),
        ];
        const RATES: &[Scale] = &[
            scale("B/s", 1.0),
            scale("kB/s", 1e3),
            scale("MB/s", 1e6),
            scale("GB/s", 1e9),
            scale("KiB/s", 1024.0),
            scale("MiB/s", 1_048_576.0),
            scale("GiB/s", 1_073_741_824.0),
        ];
        const NUMBERS: &[Scale] = &[scale("", 1.0), scale("k", 1e3)];
        const PARTS: &[Scale] = &[scale("%", 1.0)];
        match unit {
            Unit::Microseconds => TIMES,
            Unit::Bytes => SIZES,
            Unit::BytesPerSecond => RATES,
            Unit::PerSecond | Unit::Count => NUMBERS,
            Unit::Percent => PARTS,
        }
    }

    /// A value in this unit, with three digits or all those before the point.
    fn written(self, value: f64) -> String {
        let value = value / self.factor;
        let digits = match value {
            value if value >= 100.0 || value.fract() == 0.0 => 0,
            value if value >= 10.0 => 1,
            value if value >= 1.0 => 2,
            _ => 3,
        };
        format!("{value:.digits$}{}", self.word)
    }
}

fn parsed(text: &str) -> Result<Budget, String> {
    let (place, comparison, value) = Comparison::split(text).ok_or(
        "write a contestant, a metric, one of > >= < <=, and a value, as in reactor.p99 > 5ms",
    )?;
    let (place, metric) = metric(place.trim())?;
    let (contestant, connections) = contestant(place)?;
    let (limit, scale) = limit(value.trim(), metric)?;
    Ok(Budget {
        text: text.to_owned(),
        contestant,
        connections,
        metric,
        comparison,
        limit,
        scale,
    })
}

/// The metric behind the last dot but for its own, since `p99.9` has one.
fn metric(place: &str) -> Result<(&str, Metric), String> {
    let found = Metric::ALL.into_iter().find_map(|metric| {
        let place = place.strip_suffix(metric.word())?.strip_suffix('.')?;
        Some((place, metric))
    });
    found.ok_or_else(|| match place.rsplit_once('.') {
        Some((_, word)) => match word.parse::<Metric>() {
            Err(unknown) => unknown.to_string(),
            Ok(_) => "write a contestant before the dot".to_owned(),
        },
        None => "write a contestant, a dot and a metric on the left, as in reactor.p99".to_owned(),
    })
}

/// `reactor`, `reactor@1000`, `'reactor, blocking'@1000`.
fn contestant(place: &str) -> Result<(String, Option<usize>), String> {
    let (name, connections) = match place.strip_prefix('\'') {
        Some(quoted) => {
            let (name, rest) = (quoted.split_once('\''))
                .ok_or("a name that begins with a quotation mark ends with one")?;
            match rest.strip_prefix('@') {
                Some(number) => (name, Some(number)),
                None if rest.is_empty() => (name, None),
                None => return Err(format!("'{rest}' is too much behind the name")),
            }
        }
        None => match place.rsplit_once('@') {
            Some((name, number)) => (name, Some(number)),
            None => (place, None),
        },
    };
    if name.trim().is_empty() {
        return Err("write a contestant before the metric".to_owned());
    }
    let connections = connections.map(|number| {
        (number.parse().ok())
            .filter(|&number: &usize| number > 0)
            .ok_or_else(|| format!("'{number}' is not a number of connections: write @1000"))
    });
    Ok((name.trim().to_owned(), connections.transpose()?))
}

/// A time needs its unit: a plain 5 would be read as milliseconds by some, and as seconds by others.
fn limit(value: &str, metric: Metric) -> Result<(f64, Scale), String> {
    let end = value.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = value.split_at(end.unwrap_or(value.len()));
    let unit = match unit.trim() {
        "µs" | "μs" => "us",
        unit => unit,
    };
    let scale = (Scale::all(metric.unit()).iter()).find(|scale| scale.word == unit);
    match (number.parse::<f64>(), scale) {
        (Ok(number), Some(&scale)) => Ok((number * scale.factor, scale)),
        _ => Err(format!(
            "'{value}' is not a value of {metric}: write {}",
            match metric.unit() {
                Unit::Microseconds => "a time such as 12us, 5ms or 1s",
                Unit::Bytes => "a size such as 64KiB, 200MiB, 1GiB, 64kB or 200MB",
                Unit::BytesPerSecond => "a rate such as 200MB/s or 1.5GiB/s",
                Unit::PerSecond | Unit::Count => "a number such as 200 or 10k",
                Unit::Percent => "parts of a hundred such as 0.1%",
            }
        )),
    }
}

/// A name as it is written in a budget: in quotation marks where they help to see its end.
fn quoted(name: &str) -> String {
    if name.contains([' ', ',', '@', '.', '<', '>']) {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Datagrams;
    use crate::report::verdict::samples::{Figures, TWO_MODES, report};

    fn budget(text: &str) -> Budget {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn budgets_are_read_as_people_write_them() {
        for (text, contestant, connections, metric, limit) in [
            ("reactor.p99 > 5ms", "reactor", None, Metric::P99, 5000.0),
            ("reactor.p99.9>1s", "reactor", None, Metric::P999, 1e6),
            ("node.js.p50 > 5µs", "node.js", None, Metric::P50, 5.0),
            ("r@1000.cpu >= 1.5us", "r", Some(1000), Metric::Cpu, 1.5),
            ("r.cpu-per-gib > 1.5s", "r", None, Metric::CpuPerGib, 1.5e6),
            (
                "r.throughput < 1.5GB/s",
                "r",
                None,
                Metric::Throughput,
                1.5e9,
            ),
            (
                "t.memory > 2MiB",
                "t",
                None,
                Metric::Memory,
                2.0 * 1_048_576.0,
            ),
            ("t.memory > 2MB", "t", None, Metric::Memory, 2e6),
            (
                "t.memory-per-connection <= 64 kB",
                "t",
                None,
                Metric::MemoryPerConnection,
                64e3,
            ),
            (
                "'reactor, blocking'.served < 10k",
                "reactor, blocking",
                None,
                Metric::Served,
                1e4,
            ),
            ("reactor.loss > 0.1%", "reactor", None, Metric::Loss, 0.1),
            (
                "'a > b@2'@7.threads > 3",
                "a > b@2",
                Some(7),
                Metric::Threads,
                3.0,
            ),
        ] {
            let budget = budget(text);
            assert_eq!(budget.contestant(), contestant, "{text}");
            assert_eq!(budget.connections, connections, "{text}");
            assert_eq!(budget.metric(), metric, "{text}");
            assert!((budget.limit - limit).abs() < 1e-6, "{text}");
            assert_eq!(budget.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_budget_is_refused_with_what_to_write() {
        for (text, sentence) in [
            ("reactor.p99", "one of > >= < <="),
            ("reactor > 5", "a dot and a metric"),
            ("reactor.p98 > 5ms", "'p98' is not measured: write served"),
            ("reactor.p99 > 5", "a time such as"),
            ("reactor.p99 > 5MiB", "a time such as"),
            ("reactor.memory > 5ms", "a size such as"),
            ("reactor.errors > few", "a number such as"),
            ("reactor.errors > ", "a number such as"),
            ("reactor.errors > -1", "a number such as"),
            ("reactor.served > 1.2.3", "a number such as"),
            ("reactor.loss > 1", "parts of a hundred such as 0.1%"),
            ("reactor@many.p99 > 5ms", "write @1000"),
            ("reactor@0.p99 > 5ms", "write @1000"),
            (".p99 > 5ms", "write a contestant"),
            ("'reactor.p99 > 5ms", "one of > >= < <="),
            ("'reactor'x.p99 > 5ms", "too much"),
        ] {
            let error = text.parse::<Budget>().unwrap_err().to_string();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }

    #[test]
    fn names_and_numbers_that_are_not_measured_are_refused_with_those_that_are() {
        let names = ["reactor", "threads, blocking"];
        assert_eq!(budget("reactor.p99 > 5ms").check_names(&names), Ok(()));
        let error = budget("reacter.p99 > 5ms").check_names(&names).unwrap_err();
        assert!(
            (error.to_string()).ends_with("write reactor or 'threads, blocking'"),
            "{error}"
        );
        let budget = budget("reactor@20.p99 > 5ms");
        assert_eq!(budget.check_connections(&[10, 20]), Ok(()));
        let error = budget.check_connections(&[10, 50]).unwrap_err();
        assert!(error.to_string().ends_with("write 10 or 50"), "{error}");
    }

    #[test]
    fn the_median_over_rounds_decides_for_each_number_of_connections() {
        // One bad round of seven does not move the median; with 100 connections all are bad.
        let report = report(TWO_MODES, &[10, 100], 7, |_, connections, round| Figures {
            p99_us: if connections == 100 || round == 3 {
                6000.0
            } else {
                4000.0
            },
            ..Figures::default()
        });
        let broken = budget("reactor.p99 > 5ms").broken(&report);
        assert_eq!(
            broken,
            [
                "the budget 'reactor.p99 > 5ms' is broken with 100 connections: the median of 7 rounds is 6ms"
            ]
        );
        for (kept, is_kept) in [
            ("reactor@10.p99 > 5ms", true),
            ("reactor.p99 > 6ms", true),
            ("reactor.p99 >= 6ms", false),
            ("reactor.p99 < 4ms", true),
            ("reactor.p99 <= 4ms", false),
            ("threads.memory > 4MB", true),
            ("threads.memory > 3MiB", false),
        ] {
            assert_eq!(
                budget(kept).broken(&report).is_empty(),
                is_kept,
                "{kept}: {:?}",
                budget(kept).broken(&report)
            );
        }
    }

    #[test]
    fn an_error_in_one_round_breaks_a_budget_of_errors() {
        let report = report(TWO_MODES, &[10], 6, |name, _, round| Figures {
            resets: u64::from(name == "reactor" && round == 4),
            ..Figures::default()
        });
        let broken = budget("reactor.errors > 0").broken(&report);
        assert!(broken[0].ends_with("the worst round of 6 rounds is 1"));
        assert!(budget("threads.errors > 0").broken(&report).is_empty());
    }

    #[test]
    fn the_worst_loss_breaks_a_budget_of_loss_and_streams_lose_nothing_that_could_be_measured() {
        let mut report = report(TWO_MODES, &[10], 6, |_, _, _| Figures::default());
        let streams = budget("reactor.loss > 1%").broken(&report);
        assert!(
            streams[0].contains("nothing was measured of it"),
            "{streams:?}"
        );
        for run in &mut report.runs {
            run.datagrams = Some(Datagrams {
                sent: 1000,
                lost: u64::from(run.round == 2) * 4,
                ..Datagrams::default()
            });
        }
        let broken = budget("reactor.loss > 0.1%").broken(&report);
        assert!(
            broken[0].ends_with("the worst round of 6 rounds is 0.400%"),
            "{broken:?}"
        );
        assert!(budget("reactor.loss > 0.4%").broken(&report).is_empty());
    }

    #[test]
    fn what_was_not_measured_keeps_no_budget() {
        let mut report = report(TWO_MODES, &[10], 6, |_, _, _| Figures::default());
        for run in &mut report.runs {
            if run.contestant == "reactor" {
                *run = Run {
                    contestant: run.contestant.clone(),
                    connections: run.connections,
                    round: run.round,
                    fault: Some("the server did not start".to_owned()),
                    ..Run::default()
                };
            }
        }
        for text in [
            "reactor.p99 > 5ms",
            "reactor.served > 10",
            "reactor.errors > 0",
            "reactor.cpu > 10us",
        ] {
            let broken = budget(text).broken(&report);
            assert!(
                broken[0].ends_with("nothing was measured of it (the server did not start)"),
                "{broken:?}"
            );
        }
        let missing = budget("reactor@20.p99 > 5ms").broken(&report);
        assert!(missing[0].contains("no run has a value"), "{missing:?}");
    }
}
