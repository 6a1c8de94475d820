//! The tables that every form of a report has: a section for each number of connections, a row for each contestant.

use crate::report::{Contestant, Estimate, Metric, Report};

use super::marks::{self, Footnotes};

/// What the clients see over streams.
const SEEN: [Metric; 7] = [
    Metric::Served,
    Metric::P50,
    Metric::P90,
    Metric::P99,
    Metric::P999,
    Metric::Max,
    Metric::Fairness,
];

/// What the clients see of datagrams: the loss stands beside what was served, which means nothing without it.
const SEEN_OF_DATAGRAMS: [Metric; 8] = [
    Metric::Served,
    Metric::Loss,
    Metric::P50,
    Metric::P90,
    Metric::P99,
    Metric::P999,
    Metric::Max,
    Metric::Fairness,
];

/// What the clients see of files.
const SEEN_OF_FILES: [Metric; 7] = [
    Metric::Throughput,
    Metric::Served,
    Metric::P50,
    Metric::P90,
    Metric::P99,
    Metric::Max,
    Metric::Fairness,
];

/// What the clients see of a chat. How evenly is no question: everybody hears the same, or something is wrong.
const SEEN_OF_CHAT: [Metric; 6] = [
    Metric::Served,
    Metric::P50,
    Metric::P90,
    Metric::P99,
    Metric::P999,
    Metric::Max,
];

/// What the server spends for it, and what went wrong: last, since it is nothing as a rule.
const SPENT: [Metric; 7] = [
    Metric::Cpu,
    Metric::SystemCalls,
    Metric::ContextSwitches,
    Metric::Memory,
    Metric::MemoryPerConnection,
    Metric::Threads,
    Metric::Errors,
];

/// The same for files.
const SPENT_ON_FILES: [Metric; 5] = [
    Metric::CpuPerGib,
    Metric::Memory,
    Metric::MemoryPerConnection,
    Metric::Threads,
    Metric::Errors,
];

/// The same for a chat.
const SPENT_ON_CHAT: [Metric; 7] = [
    Metric::Cpu,
    Metric::ServedPerCpuSecond,
    Metric::ContextSwitches,
    Metric::Memory,
    Metric::MemoryPerConnection,
    Metric::Threads,
    Metric::Errors,
];

/// What is drawn first: how fast, how long, and at what price.
pub(crate) fn drawn(report: &Report) -> [Metric; 4] {
    if report.setup.has_files() {
        [
            Metric::Throughput,
            Metric::P99,
            Metric::CpuPerGib,
            Metric::Memory,
        ]
    } else {
        [Metric::Served, Metric::P99, Metric::Cpu, Metric::Memory]
    }
}

/// The heading of a metric's column.
fn heading(metric: Metric, has_chat: bool) -> &'static str {
    match metric {
        Metric::Served if has_chat => "deliveries/s",
        Metric::Cpu if has_chat => "cpu/delivery",
        Metric::ServedPerCpuSecond if has_chat => "deliveries/cpu-s",
        Metric::ContextSwitches if has_chat => "switches/delivery",
        Metric::MemoryPerConnection if has_chat => "memory/member",
        Metric::ServedPerCpuSecond => "served/cpu-s",
        Metric::Served => "served/s",
        Metric::Cpu => "cpu/msg",
        Metric::User => "user/msg",
        Metric::System => "system/msg",
        Metric::SystemCalls => "syscalls/msg",
        Metric::ContextSwitches => "switches/msg",
        Metric::CpuPerGib => "cpu/GiB",
        Metric::MemoryPerConnection => "memory/conn",
        other => other.word(),
    }
}

/// What the clients see, in the order of the columns.
fn seen(report: &Report) -> &'static [Metric] {
    if report.setup.has_files() {
        &SEEN_OF_FILES
    } else if report.setup.has_chat() {
        &SEEN_OF_CHAT
    } else if report.runs.iter().any(|run| run.datagrams.is_some()) {
        &SEEN_OF_DATAGRAMS
    } else {
        &SEEN
    }
}

/// What servers spend, in the order of the columns.
fn spent(report: &Report) -> &'static [Metric] {
    if report.setup.has_files() {
        &SPENT_ON_FILES
    } else if report.setup.has_chat() {
        &SPENT_ON_CHAT
    } else {
        &SPENT
    }
}

/// What was measured with one number of connections.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// How many connections.
    pub(crate) connections: usize,
    /// What the clients see, in the order of the columns.
    pub(crate) seen: &'static [Metric],
    /// What servers spend, in the columns behind those.
    pub(crate) spent: &'static [Metric],
    /// The contestants, in the order of the report.
    pub(crate) rows: Vec<Row<'a>>,
    /// What the marks of the rows mean.
    pub(crate) footnotes: Footnotes,
    /// Whether what is served are the deliveries of a chat.
    has_chat: bool,
}

impl Section<'_> {
    /// The metrics of its columns.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = Metric> {
        (self.seen.iter().chain(self.spent)).copied()
    }

    /// The heading of a metric's column.
    pub(crate) fn heading(&self, metric: Metric) -> &'static str {
        heading(metric, self.has_chat)
    }
}

/// What was measured of one contestant.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// Who.
    pub(crate) contestant: &'a Contestant,
    /// The numbers of the footnotes that belong to it.
    pub(crate) marks: Vec<usize>,
    estimates: Vec<(Metric, Option<Estimate>)>,
}

/// The tables of a report.
pub(crate) fn sections(report: &Report) -> Vec<Section<'_>> {
    let section = |&connections: &usize| {
        let mut footnotes = Footnotes::default();
        let rows = (report.contestants.iter())
            .map(|contestant| row(report, contestant, connections, &mut footnotes))
            .collect();
        Section {
            connections,
            seen: seen(report),
            spent: spent(report),
            rows,
            footnotes,
            has_chat: report.setup.has_chat(),
        }
    };
    report.setup.connections.iter().map(section).collect()
}

fn row<'a>(
    report: &Report,
    contestant: &'a Contestant,
    connections: usize,
    footnotes: &mut Footnotes,
) -> Row<'a> {
    let estimate = |metric| {
        (
            metric,
            report.estimate(&contestant.name, connections, metric),
        )
    };
    let sentences = marks::sentences(report, &contestant.name, connections);
    Row {
        contestant,
        marks: (sentences.into_iter())
            .map(|sentence| footnotes.number(sentence))
            .collect(),
        estimates: Metric::ALL.map(estimate).to_vec(),
    }
}

impl Row<'_> {
    /// What its rounds say about a metric.
    pub(crate) fn estimate(&self, metric: Metric) -> Option<Estimate> {
        let found = self.estimates.iter().find(|(known, _)| *known == metric);
        found.and_then(|&(_, estimate)| estimate)
    }

    /// Its marks as tables have them; empty without any.
    pub(crate) fn mark(&self) -> String {
        if self.marks.is_empty() {
            return String::new();
        }
        let numbers: Vec<_> = self.marks.iter().map(usize::to_string).collect();
        format!("[!] {}", numbers.join(","))
    }
}
