//! A report as Markdown, for a README or an issue: tables and sentences, which also read well as plain text.

use std::fmt::Write;

use crate::report::{Metric, Report};

use super::summary::{self, Section};
use super::{clean, prose, units};

/// A report as Markdown.
pub fn markdown(report: &Report, verdict: &[String]) -> String {
    let mut out = format!("# {}\n\n", clean::markdown(&prose::title(report)));
    if let Some((first, others)) = verdict.split_first() {
        let _ = writeln!(out, "**{}**\n", clean::markdown(first));
        for sentence in others {
            let _ = writeln!(out, "- {}", clean::markdown(sentence));
        }
        out.push('\n');
    }
    for (word, fact) in prose::facts(report) {
        let _ = writeln!(out, "- {word}: {}", clean::markdown(&fact));
    }
    let sections = summary::sections(report);
    for section in &sections {
        table(&mut out, section);
    }
    if sections.is_empty() {
        out.push_str("\nNothing was measured.\n");
    }
    let _ = writeln!(
        out,
        "\n## How it was measured\n\n{}",
        clean::markdown(&prose::method(report).join(" "))
    );
    let notes = prose::notes(report);
    if !notes.is_empty() {
        out.push('\n');
    }
    for note in notes {
        let _ = writeln!(out, "- {}", clean::markdown(&note));
    }
    code(&mut out, &clean::shell(&report.command));
    out
}

fn table(out: &mut String, section: &Section<'_>) {
    let _ = writeln!(
        out,
        "\n## {}\n",
        units::counted(section.connections, "connection")
    );
    let headings: Vec<_> = (section.metrics())
        .map(|metric| section.heading(metric))
        .collect();
    let _ = writeln!(out, "| server | {} | |", headings.join(" | "));
    let _ = writeln!(out, "|:--|{}:--|", "--:|".repeat(headings.len()));
    for row in &section.rows {
        let cell = |metric: Metric| units::median(metric, row.estimate(metric));
        let cells: Vec<_> = section.metrics().map(cell).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            clean::markdown(&row.contestant.name),
            cells.join(" | "),
            clean::markdown(&row.mark())
        );
    }
    let footnotes = section.footnotes.sentences();
    if !footnotes.is_empty() {
        out.push('\n');
    }
    for (index, sentence) in footnotes.iter().enumerate() {
        let _ = writeln!(
            out,
            "- \\[!\\] {}: {}",
            index + 1,
            clean::markdown(sentence)
        );
    }
}

/// A block of code whose fence is longer than any in the code.
fn code(out: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    let text = clean::line(text);
    let longest = text.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let _ = writeln!(out, "\n{fence}sh\n{text}\n{fence}");
}
