//! The tables of the page: all figures of all contestants, with intervals below the medians.

use crate::render::markup::Markup;
use crate::render::summary::{Row, Section};
use crate::render::units::{self, counted};
use crate::report::Metric;

/// Writes a table for each number of connections.
pub(crate) fn write(markup: &mut Markup, sections: &[Section<'_>], rounds: usize) {
    markup.element("section", &[("id", &"tables")], |section| {
        section.leaf("h2", &[], "Tables");
        if sections.is_empty() {
            section.leaf("p", &[], "Nothing was measured.");
            return;
        }
        section.leaf("p", &[("class", &"reading")], &reading(rounds));
        for part in sections {
            self::section(section, part);
        }
    });
}

fn reading(rounds: usize) -> String {
    let first = match rounds {
        0 | 1 => "One round: nothing says how far a figure may be off.".to_owned(),
        2..=5 => {
            format!("Medians of {rounds} rounds; below each, the lowest and the highest round.")
        }
        _ => format!(
            "Medians of {rounds} rounds; below each, an interval that holds the true median in 95 of 100 cases."
        ),
    };
    format!(
        "{first} Fairness is that of Jain: 1 when all connections were served as often. Processor time, system calls and context switches \
         are the server’s, for each message, for each delivery of a chat, or for each GiB of files."
    )
}

fn section(markup: &mut Markup, section: &Section<'_>) {
    let connections = section.connections;
    let title = counted(connections, "connection");
    markup.leaf("h3", &[("id", &format!("table-{connections}"))], &title);
    markup.element(
        "div",
        &[
            ("class", &"scroll"),
            ("role", &"region"),
            ("aria-label", &title),
            ("tabindex", &"0"),
        ],
        |scroll| {
            scroll.element("table", &[("class", &"figures")], |table| {
                table.element("thead", &[], |inside| head(inside, section));
                table.element("tbody", &[], |body| {
                    for row in &section.rows {
                        body.element("tr", &[], |inside| cells(inside, row, section));
                    }
                });
            });
        },
    );
    footnotes(markup, section);
}

fn head(markup: &mut Markup, section: &Section<'_>) {
    markup.element("tr", &[], |row| {
        row.leaf("th", &[("scope", &"col")], "server");
        for metric in section.metrics() {
            let class = if metric == section.spent[0] {
                "first"
            } else {
                ""
            };
            row.element("th", &[("scope", &"col"), ("class", &class)], |cell| {
                title(cell, section.heading(metric));
            });
        }
    });
}

/// A heading, which may break before its unit: columns should be as wide as their figures.
fn title(markup: &mut Markup, heading: &str) {
    let (word, unit) = heading.split_at(heading.find('/').unwrap_or(heading.len()));
    markup.text(word);
    if !unit.is_empty() {
        markup.empty("wbr", &[]);
        markup.text(unit);
    }
}

fn cells(markup: &mut Markup, row: &Row<'_>, section: &Section<'_>) {
    let connections = section.connections;
    markup.element("th", &[("scope", &"row")], |name| {
        name.text(&row.contestant.name);
        for mark in &row.marks {
            name.text(" ");
            name.element("sup", &[], |sup| {
                let target = format!("#mark-{connections}-{mark}");
                sup.leaf("a", &[("href", &target)], &format!("[!] {mark}"));
            });
        }
    });
    for metric in section.metrics() {
        let class = if metric == section.spent[0] {
            "first"
        } else {
            ""
        };
        markup.element("td", &[("class", &class)], |cell| figure(cell, row, metric));
    }
}

fn figure(markup: &mut Markup, row: &Row<'_>, metric: Metric) {
    let estimate = row.estimate(metric);
    markup.text(&units::median(metric, estimate));
    if let Some(interval) = estimate.and_then(|estimate| units::interval(metric, estimate)) {
        markup.text(" ");
        markup.leaf("small", &[], &interval);
    }
}

fn footnotes(markup: &mut Markup, section: &Section<'_>) {
    let sentences = section.footnotes.sentences();
    if sentences.is_empty() {
        return;
    }
    markup.element("ol", &[("class", &"marks")], |list| {
        for (index, sentence) in sentences.iter().enumerate() {
            let id = format!("mark-{}-{}", section.connections, index + 1);
            list.element("li", &[("id", &id)], |item| {
                item.leaf("b", &[], &format!("[!] {}", index + 1));
                item.text(&format!(" {sentence}"));
            });
        }
    });
}
