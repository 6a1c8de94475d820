//! A report for the terminal: where and how, the tables, bars to compare by eye, and what follows from it.

mod bars;
mod paint;
mod table;

use std::fmt::Write;

use crate::report::{Metric, Report};

use self::paint::{Ink, wrapped};
use super::summary::{self, Section};
use super::{clean, prose, units};

/// How a report is written to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How many letters a line may have. Below 40, it counts as 40.
    pub width: usize,
    /// Whether colours and bold letters are used.
    pub colour: bool,
}

impl Default for Style {
    /// A line of 100 letters without colours, as files and pipes should have it.
    fn default() -> Self {
        Self {
            width: 100,
            colour: false,
        }
    }
}

/// A report for the terminal.
pub fn text(report: &Report, verdict: &[String], style: Style) -> String {
    let style = Style {
        width: style.width.max(40),
        ..style
    };
    let mut out = head(report, style);
    let sections = summary::sections(report);
    for section in &sections {
        self::section(&mut out, section, summary::drawn(report), style);
    }
    if sections.is_empty() {
        out.push_str("\nNothing was measured.\n");
    }
    out.push('\n');
    for note in prose::notes(report) {
        out += &wrapped("note     ", &note, style.width);
    }
    for (index, sentence) in verdict.iter().enumerate() {
        let word = if index == 0 { "Verdict: " } else { "         " };
        let text = wrapped(word, &clean::line(sentence), style.width);
        out += &Ink::Bold.on(&text, style);
    }
    out
}

fn head(report: &Report, style: Style) -> String {
    let title = wrapped("", &prose::title(report), style.width);
    let mut out = Ink::Bold.on(&title, style);
    for (word, fact) in prose::facts(report) {
        out += &wrapped(&format!("{word:<10} "), &fact, style.width);
    }
    if !report.runs.is_empty() {
        out += &wrapped("figures    ", &figures(report), style.width);
    }
    out
}

/// What the figures and the bars of all sections are.
fn figures(report: &Report) -> String {
    match report.setup.rounds {
        0 | 1 => "of a single round, so nothing says how far they may be off".to_owned(),
        rounds => format!(
            "medians of {rounds} rounds; a bar is █ to where its interval begins, ▓ to the median, ░ to where the interval ends"
        ),
    }
}

fn section(out: &mut String, section: &Section<'_>, drawn: [Metric; 4], style: Style) {
    let [speed, latency, price, _] = drawn;
    // Files are for their bytes, and messages for their answers.
    let bars = if speed == Metric::Throughput {
        [speed, price]
    } else {
        [latency, price]
    };
    let heading = units::counted(section.connections, "connection");
    let rule = "─".repeat((style.width - 1).saturating_sub(heading.len()));
    let _ = writeln!(
        out,
        "\n{} {}",
        Ink::Bold.on(&heading, style),
        Ink::Dim.on(&rule, style)
    );
    table::write(out, section, style);
    bars::write(out, section, &bars, style);
    for (index, sentence) in section.footnotes.sentences().iter().enumerate() {
        let word = format!("[!] {}: ", index + 1);
        let text = wrapped(&word, &clean::line(sentence), style.width);
        *out += &Ink::Warning.on(&text, style);
    }
}
