//! A report as a page: one file without scripts and without anything from elsewhere, so that it can be kept, sent and read in years.
//!
//! It is HTML and XML at once, so every tool for either can read it.

mod about;
mod plate;
mod style;
mod tables;

use super::figure::figures;
use super::markup::Markup;
use super::{clean, prose, summary};
use crate::report::Report;

/// A report as a page.
pub fn html(report: &Report, verdict: &[String]) -> String {
    let title = prose::title(report);
    let mut markup = Markup::default();
    markup.verbatim("<!DOCTYPE html>\n");
    let attributes: &[(&str, &dyn std::fmt::Display)] = &[
        ("xmlns", &"http://www.w3.org/1999/xhtml"),
        ("lang", &"en"),
        ("xml:lang", &"en"),
    ];
    markup.element("html", attributes, |page| {
        page.element("head", &[], |head| {
            head.empty("meta", &[("charset", &"utf-8")]);
            head.empty(
                "meta",
                &[
                    ("name", &"viewport"),
                    ("content", &"width=device-width, initial-scale=1"),
                ],
            );
            head.empty(
                "meta",
                &[("name", &"color-scheme"), ("content", &"light dark")],
            );
            head.leaf("title", &[], &title);
            head.element("style", &[], |sheet| sheet.verbatim(&style::sheet()));
        });
        page.element("body", &[], |body| {
            body.element("main", &[], |main| {
                front(main, report, verdict, &title);
                charts(main, report);
                tables::write(main, &summary::sections(report), report.setup.rounds);
                about::write(main, report);
            });
        });
    });
    markup.into_text()
}

/// What a reader in a hurry sees: the question, the answer, and where it holds.
fn front(markup: &mut Markup, report: &Report, verdict: &[String], title: &str) {
    markup.element("header", &[], |header| {
        let when = report.when.replace('T', " ").replace('Z', " UTC");
        let kicker = format!("socketserver compare · {}", clean::line(&when));
        header.leaf("p", &[("class", &"kicker")], kicker.trim_end_matches(" · "));
        header.leaf("h1", &[], title);
        if let Some((first, others)) = verdict.split_first() {
            header.element("div", &[("class", &"verdict")], |inside| {
                inside.leaf("p", &[("class", &"lead")], first);
                for sentence in others {
                    inside.leaf("p", &[], sentence);
                }
            });
        }
        header.element("dl", &[("class", &"facts")], |list| {
            for (word, fact) in prose::facts(report) {
                list.element("div", &[], |pair| {
                    pair.leaf("dt", &[], word);
                    pair.leaf("dd", &[], &fact);
                });
            }
        });
        if !report.is_complete {
            header.leaf(
                "p",
                &[("class", &"warning")],
                "The comparison was interrupted: some rounds are missing.",
            );
        }
    });
}

/// What holds for all charts, and is said once.
const READING: &str = "\
A server has the same colour, pattern and marker in all charts. Percentiles stand on a scale of nines: at 99, one answer of a hundred took \
longer, and a line ends where no answer is left above it.";

fn charts(markup: &mut Markup, report: &Report) {
    markup.element("section", &[("id", &"charts")], |section| {
        section.leaf("h2", &[], "Charts");
        let figures = figures(report);
        if figures.is_empty() {
            section.leaf("p", &[], "Nothing was measured that could be drawn.");
            return;
        }
        section.leaf("p", &[("class", &"reading")], READING);
        section.element("div", &[("class", &"plates")], |plates| {
            for (index, figure) in figures.iter().enumerate() {
                plate::write(plates, figure, index + 1);
            }
        });
    });
}
