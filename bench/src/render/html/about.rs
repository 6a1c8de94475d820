//! The end of the page: how it was measured, who took part, the command that repeats it, and the data.

use serde_json::Value;

use crate::render::markup::Markup;
use crate::render::{clean, prose};
use crate::report::Report;

/// Writes what a reader needs to doubt the figures, and to repeat them.
pub(crate) fn write(markup: &mut Markup, report: &Report) {
    markup.element(
        "section",
        &[("id", &"method"), ("class", &"text")],
        |section| {
            section.leaf("h2", &[], "How it was measured");
            section.leaf("p", &[], &prose::method(report).join(" "));
            let notes = prose::notes(report);
            if !notes.is_empty() {
                section.element("ul", &[], |list| {
                    for note in &notes {
                        list.leaf("li", &[], note);
                    }
                });
            }
            if !report.contestants.is_empty() {
                section.leaf("h3", &[], "Who was compared");
                contestants(section, report);
            }
            if !report.command.is_empty() {
                section.leaf("h3", &[], "The command that repeats it");
                section.leaf(
                    "pre",
                    &[("class", &"command")],
                    &clean::shell(&report.command),
                );
            }
            section.leaf("h3", &[], "The data");
            section.element("details", &[], |details| {
                details.leaf("summary", &[], "Every run, as JSON");
                details.leaf("pre", &[("id", &"data"), ("class", &"data")], &data(report));
            });
        },
    );
}

fn contestants(markup: &mut Markup, report: &Report) {
    let attributes: &[(&str, &dyn std::fmt::Display)] = &[
        ("class", &"scroll"),
        ("role", &"region"),
        ("aria-label", &"Who was compared"),
        ("tabindex", &"0"),
    ];
    markup.element("div", attributes, |scroll| {
        scroll.element("table", &[("class", &"words")], |table| {
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    for name in ["server", "what it is", "how it was started"] {
                        row.leaf("th", &[("scope", &"col")], name);
                    }
                });
            });
            table.element("tbody", &[], |body| {
                for contestant in &report.contestants {
                    body.element("tr", &[], |row| {
                        row.leaf("th", &[("scope", &"row")], &contestant.name);
                        row.leaf("td", &[], prose::origin(contestant.kind));
                        row.element("td", &[], |cell| {
                            cell.leaf("code", &[], &clean::shell(&contestant.command));
                        });
                    });
                }
            });
        });
    });
}

/// The report as JSON with a line for each run: in a single line of some megabytes a browser would have to look for places to break it.
fn data(report: &Report) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(report) else {
        return String::new();
    };
    let fields = fields.iter().map(|(key, value)| {
        let value = match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let items: Vec<_> = items.iter().map(Value::to_string).collect();
                format!("[\n{}\n]", items.join(",\n"))
            }
            other => other.to_string(),
        };
        format!("{}:{value}", Value::from(key.as_str()))
    });
    clean::json(&format!("{{{}}}", fields.collect::<Vec<_>>().join(",\n")))
}
