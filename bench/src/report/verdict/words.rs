//! Figures in words that need no explanation: rounded to what anybody can remember, and with their meaning instead of a symbol.

use super::{Finding, Outcome};
use crate::report::{Metric, Setup, Unit};

/// What is counted as served: with churn, a connection is opened for each; of files, it is a transfer, and of a chat a delivery.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct Served {
    one: &'static str,
    many: &'static str,
    /// What latencies are those of.
    answers: &'static str,
}

/// The verb of everything that a server spends.
const NEEDS: &str = "needs ";
const ANSWERS: &str = "answers";

impl Served {
    pub(in crate::report) fn of(setup: &Setup) -> Self {
        if setup.has_files() {
            Self {
                one: "transfer",
                many: "transfers",
                answers: ANSWERS,
            }
        } else if setup.has_chat() {
            Self {
                one: "delivery",
                many: "deliveries",
                answers: "deliveries",
            }
        } else if setup.load == "churn" {
            Self {
                one: "connection",
                many: "connections",
                answers: ANSWERS,
            }
        } else {
            Self {
                one: "message",
                many: "messages",
                answers: ANSWERS,
            }
        }
    }

    pub(in crate::report) fn one(self) -> &'static str {
        self.one
    }

    pub(in crate::report) fn many(self) -> &'static str {
        self.many
    }

    pub(in crate::report) fn answers(self) -> &'static str {
        self.answers
    }

    /// What the better one of a finding does, behind its name: `needs 3 times less memory`.
    pub(in crate::report) fn advantage(self, finding: &Finding) -> String {
        let much = how_much(finding);
        match finding.metric {
            Metric::Served => format!("serves {much} {} in a second", self.many),
            Metric::Cpu => format!("{NEEDS}{much} processor time for each {}", self.one),
            Metric::Throughput => format!("moves {much} bytes in a second"),
            Metric::CpuPerGib => format!("{NEEDS}{much} processor time for each GiB"),
            Metric::Memory => format!("{NEEDS}{much} memory"),
            Metric::P99 => format!("gives 99 of 100 {} {much}", self.answers),
            Metric::ServedPerCpuSecond => {
                format!("serves {much} {} in a second of a processor", self.many)
            }
            metric => format!("is {much} by {}", self.noun(metric)),
        }
    }

    /// What the better one does by all of these findings, with a verb that several share said once.
    pub(in crate::report) fn advantages(self, findings: &[&Finding]) -> String {
        let (needs, others): (Vec<_>, Vec<_>) = (findings.iter())
            .map(|finding| self.advantage(finding))
            .partition(|advantage| advantage.starts_with(NEEDS));
        let needs: Vec<_> = needs
            .iter()
            .map(|need| need.replacen(NEEDS, "", 1))
            .collect();
        let needed = (!needs.is_empty()).then(|| format!("{NEEDS}{}", and(&needs)));
        and(&others.into_iter().chain(needed).collect::<Vec<_>>())
    }

    /// What a metric measures.
    pub(in crate::report) fn noun(self, metric: Metric) -> String {
        match metric {
            Metric::Served => format!("{} served in a second", self.many),
            Metric::P50 => "latency of the middle answer".to_owned(),
            Metric::P90 => format!("latency of 90 of 100 {}", self.answers),
            Metric::P99 => format!("latency of 99 of 100 {}", self.answers),
            Metric::P999 => format!("latency of 999 of 1000 {}", self.answers),
            Metric::Max => "latency of the slowest answer".to_owned(),
            Metric::Cpu => format!("processor time for each {}", self.one),
            Metric::User => format!(
                "processor time in the server's own code for each {}",
                self.one
            ),
            Metric::System => format!("processor time in the kernel for each {}", self.one),
            Metric::SystemCalls => format!("system calls for each {}", self.one),
            Metric::ContextSwitches => format!("context switches for each {}", self.one),
            Metric::Memory => "memory".to_owned(),
            Metric::MemoryPerConnection => "memory for each connection".to_owned(),
            Metric::Threads => "threads".to_owned(),
            Metric::Fairness => "evenness of service".to_owned(),
            Metric::Errors => "errors".to_owned(),
            Metric::Loss => "lost datagrams".to_owned(),
            Metric::Throughput => "bytes moved in a second".to_owned(),
            Metric::CpuPerGib => "processor time for each GiB".to_owned(),
            Metric::ServedPerCpuSecond => {
                format!("{} served in a second of a processor", self.many)
            }
        }
    }
}

/// How many times better, of what its metric counts: `1.6 times sooner`, `4 % more`, `at least 3 times less`.
pub(in crate::report) fn how_much(finding: &Finding) -> String {
    let factor = finding.ratio.median;
    let is_more = finding.metric.is_better_high();
    let is_latency = matches!(
        finding.metric,
        Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999 | Metric::Max
    );
    let (direction, percent) = match (is_more, is_latency) {
        (true, _) => ("more", 100.0 * (factor - 1.0)),
        (false, true) => ("sooner", 100.0 * (1.0 - 1.0 / factor)),
        (false, false) => ("less", 100.0 * (1.0 - 1.0 / factor)),
    };
    let at_least = match finding.outcome {
        Outcome::DiffersAtLeast => "at least ",
        Outcome::Differs | Outcome::Undecided(_) => "",
    };
    if factor < 1.1 {
        format!("{at_least}{percent:.0} % {direction}")
    } else if is_more {
        format!("{at_least}{} as many", times(factor))
    } else {
        format!("{at_least}{} {direction}", times(factor))
    }
}

/// `1.6 times`, `3 times`, `120 times`.
pub(in crate::report) fn times(factor: f64) -> String {
    let factor = if factor < 10.0 {
        significant((factor * 10.0).round() / 10.0, 2)
    } else {
        significant(factor, 2)
    };
    format!("{factor} times")
}

/// A value with its unit: `1.2 ms`, `3 MB`, `52,300`.
pub(in crate::report) fn value(metric: Metric, value: f64) -> String {
    const TIMES: &[(f64, &str)] = &[(1.0, "µs"), (1e3, "ms"), (1e6, "s")];
    const SIZES: &[(f64, &str)] = &[(1.0, "bytes"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")];
    let units = match metric.unit() {
        Unit::Microseconds => TIMES,
        Unit::Bytes | Unit::BytesPerSecond => SIZES,
        Unit::PerSecond | Unit::Count => return significant(value, 3),
        Unit::Percent => return format!("{} %", significant(value, 2)),
    };
    // What two digits round up to a thousand is one of the next unit.
    let fitting = |&&(size, _): &&(f64, &str)| value >= 0.995 * size;
    let &(size, word) = units.iter().rev().find(fitting).unwrap_or(&units[0]);
    format!("{} {word}", significant(value / size, 2))
}

/// A number with so many digits that count, and commas between thousands.
pub(in crate::report) fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let magnitude = value.abs().log10().floor() as i32;
    let unit = 10_f64.powi(magnitude + 1 - digits);
    let decimals = usize::try_from(digits - 1 - magnitude).unwrap_or(0);
    let text = format!("{:.decimals$}", (value / unit).round() * unit);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        thousands(&text)
    }
}

/// `1 connection`, `50 connections`.
pub(in crate::report) fn connections(count: usize) -> String {
    counted(count, "connection", "connections")
}

/// `1 round`, `6 rounds`.
pub(in crate::report) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A name within a sentence; one with commas or spaces would be taken for several words of it.
pub(in crate::report) fn named(name: &str) -> String {
    if name.contains([',', ' ']) {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(in crate::report) fn and(words: &[String]) -> String {
    joined(words, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub(in crate::report) fn or(words: &[String]) -> String {
    joined(words, "or")
}

fn joined(words: &[String], word: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Estimate;

    fn finding(metric: Metric, factor: f64, outcome: Outcome) -> Finding {
        Finding {
            connections: 10,
            metric,
            best: "a".to_owned(),
            other: "b".to_owned(),
            ratio: Estimate::of([factor]).unwrap(),
            outcome,
        }
    }

    #[test]
    fn figures_are_rounded_to_what_can_be_remembered() {
        for (metric, figure, text) in [
            (Metric::P99, 1234.0, "1.2 ms"),
            (Metric::P99, 999.0, "1 ms"),
            (Metric::P99, 990.0, "990 µs"),
            (Metric::P99, 45_600.0, "46 ms"),
            (Metric::P99, 2e6, "2 s"),
            (Metric::Cpu, 0.123, "0.12 µs"),
            (Metric::Cpu, 0.0, "0 µs"),
            (Metric::Memory, 3_140_000.0, "3.1 MB"),
            (Metric::Memory, 512.0, "510 bytes"),
            (Metric::Served, 52_345.0, "52,300"),
            (Metric::Served, 1_234_567.0, "1,230,000"),
            (Metric::Threads, 12.0, "12"),
        ] {
            assert_eq!(value(metric, figure), text, "{figure}");
        }
        for (factor, text) in [
            (1.56, "1.6 times"),
            (2.96, "3 times"),
            (9.97, "10 times"),
            (124.0, "120 times"),
        ] {
            assert_eq!(times(factor), text);
        }
    }

    #[test]
    fn what_a_chat_serves_is_deliveries() {
        let served = Served::of(&Setup {
            handler: "chat".to_owned(),
            ..Setup::default()
        });
        for (metric, text) in [
            (Metric::P99, "gives 99 of 100 deliveries 2 times sooner"),
            (
                Metric::Served,
                "serves 2 times as many deliveries in a second",
            ),
            (
                Metric::Cpu,
                "needs 2 times less processor time for each delivery",
            ),
            (
                Metric::ServedPerCpuSecond,
                "serves 2 times as many deliveries in a second of a processor",
            ),
        ] {
            let finding = finding(metric, 2.0, Outcome::Differs);
            assert_eq!(served.advantage(&finding), text);
        }
    }

    #[test]
    fn advantages_are_told_as_people_tell_them() {
        let served = Served::of(&Setup::default());
        for (metric, factor, outcome, text) in [
            (
                Metric::P99,
                1.6,
                Outcome::Differs,
                "gives 99 of 100 answers 1.6 times sooner",
            ),
            (
                Metric::P99,
                1.05,
                Outcome::Differs,
                "gives 99 of 100 answers 5 % sooner",
            ),
            (
                Metric::Served,
                1.04,
                Outcome::Differs,
                "serves 4 % more messages in a second",
            ),
            (
                Metric::Served,
                2.0,
                Outcome::DiffersAtLeast,
                "serves at least 2 times as many messages in a second",
            ),
            (
                Metric::Cpu,
                1.64,
                Outcome::Differs,
                "needs 1.6 times less processor time for each message",
            ),
            (
                Metric::Throughput,
                1.3,
                Outcome::DiffersAtLeast,
                "moves at least 1.3 times as many bytes in a second",
            ),
            (
                Metric::CpuPerGib,
                2.0,
                Outcome::Differs,
                "needs 2 times less processor time for each GiB",
            ),
            (
                Metric::Memory,
                3.0,
                Outcome::Differs,
                "needs 3 times less memory",
            ),
        ] {
            assert_eq!(served.advantage(&finding(metric, factor, outcome)), text);
        }
        let [p99, cpu, memory] = [Metric::P99, Metric::Cpu, Metric::Memory]
            .map(|metric| finding(metric, 2.0, Outcome::Differs));
        assert_eq!(
            served.advantages(&[&p99, &cpu, &memory]),
            "gives 99 of 100 answers 2 times sooner and needs 2 times less processor time for each message and 2 times less memory"
        );
    }

    #[test]
    fn lists_and_names_are_read_without_doubt() {
        let names = ["reactor", "threads, blocking", "python"].map(named);
        assert_eq!(and(&names), "reactor, 'threads, blocking' and python");
        assert_eq!(or(&names[..2]), "reactor or 'threads, blocking'");
        assert_eq!(and(&names[..1]), "reactor");
        assert_eq!(
            (connections(1), connections(50)),
            ("1 connection".to_owned(), "50 connections".to_owned())
        );
    }
}
