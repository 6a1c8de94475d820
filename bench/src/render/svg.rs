//! A report as one picture, for a README: throughput, latency, processor time and memory as small charts with a common legend.

use super::chart::{Anchor, FORMS, Key, LETTER, Length, THEMES, label, legend, rules, text_width};
use super::figure::{Figure, against};
use super::markup::Markup;
use super::units::number;
use super::{prose, summary};
use crate::report::Report;

/// As wide as a README is at most.
const WIDTH: f64 = 900.0;
/// What stays free at the edges and between charts.
const EDGE: f64 = 24.0;
const GUTTER: f64 = 40.0;
/// How wide a small chart is: two beside each other.
const SMALL: f64 = (WIDTH - 2.0 * EDGE - GUTTER) / 2.0;
/// How high the title of a small chart is.
const TITLE: f64 = LETTER * 2.0;

/// A report as a picture that stands alone, in SVG.
pub fn picture(report: &Report, verdict: &[String]) -> String {
    let figures: Vec<_> = summary::drawn(report)
        .into_iter()
        .filter_map(|metric| against(report, metric))
        .collect();
    // The height is known when all is drawn, and stands in front of it.
    let mut inside = Markup::default();
    let height = draw(&mut inside, report, verdict, &figures);
    let inside = inside.into_text();
    let mut markup = Markup::default();
    let view = format!("0 0 {} {}", Length(WIDTH), Length(height));
    markup.element(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("viewBox", &view),
            ("width", &Length(WIDTH)),
            ("height", &Length(height)),
            ("role", &"img"),
            ("aria-labelledby", &"title text"),
        ],
        |svg| {
            svg.leaf("title", &[("id", &"title")], &prose::title(report));
            svg.leaf("desc", &[("id", &"text")], &description(&figures, verdict));
            svg.element("style", &[], |style| style.verbatim(&sheet()));
            let size: &[(&str, &dyn std::fmt::Display)] = &[
                ("class", &"paper"),
                ("width", &Length(WIDTH)),
                ("height", &Length(height)),
            ];
            svg.empty("rect", size);
            svg.verbatim(&inside);
        },
    );
    markup.into_text()
}

/// How many sentences stand above the charts: the first ones say which mode to use. All of them are in the description.
const SENTENCES_MAX: usize = 3;

/// Draws everything, and gives the height that it takes.
fn draw(markup: &mut Markup, report: &Report, verdict: &[String], figures: &[Figure]) -> f64 {
    let mut top = EDGE + 16.0;
    label(
        markup,
        "heading",
        (EDGE, top),
        Anchor::Start,
        &prose::title(report),
    );
    top += 12.0;
    for line in verdict
        .iter()
        .take(SENTENCES_MAX)
        .flat_map(|sentence| lines(sentence))
    {
        top += LETTER * 1.5;
        label(markup, "name", (EDGE, top), Anchor::Start, &line);
    }
    top += LETTER * 2.2;
    for row in figures.chunks(2) {
        top += charts(markup, row, top) + LETTER * 1.6;
    }
    if figures.is_empty() {
        label(
            markup,
            "name",
            (EDGE, top),
            Anchor::Start,
            "Nothing was measured.",
        );
        top += LETTER * 2.0;
    }
    let keys = keys(figures);
    if !keys.is_empty() {
        top += legend(markup, &keys, (EDGE, top), WIDTH - 2.0 * EDGE) + LETTER;
    }
    for line in lines(&footer(report)) {
        top += LETTER * 1.4;
        label(markup, "small", (EDGE, top), Anchor::Start, &line);
    }
    top + EDGE
}

/// Draws charts beside each other, and gives the height of the highest.
fn charts(markup: &mut Markup, figures: &[Figure], top: f64) -> f64 {
    let mut height = 0.0_f64;
    for (index, figure) in figures.iter().enumerate() {
        let left = EDGE + number(index) * (SMALL + GUTTER);
        label(
            markup,
            "title",
            (left, top + LETTER),
            Anchor::Start,
            &figure.title,
        );
        let place = format!("translate({} {})", Length(left), Length(top + TITLE));
        markup.element("g", &[("transform", &place)], |chart| {
            figure.chart.draw(chart, SMALL);
        });
        height = height.max(TITLE + figure.chart.height(SMALL));
    }
    height
}

/// The entries that the charts have, each once: the reference of one of them belongs to the legend of all.
fn keys(figures: &[Figure]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in figures.iter().flat_map(|figure| figure.chart.keys()) {
        if !keys
            .iter()
            .any(|known| known.name == key.name && known.look == key.look)
        {
            keys.push(key);
        }
    }
    keys.sort_by_key(|key| key.look.is_none());
    keys
}

fn footer(report: &Report) -> String {
    let facts = prose::facts(report)
        .into_iter()
        .filter(|(word, _)| *word != "generator");
    facts.map(|(_, fact)| fact).collect::<Vec<_>>().join(" · ")
}

fn description(figures: &[Figure], verdict: &[String]) -> String {
    let titles: Vec<_> = figures.iter().map(|figure| figure.title.as_str()).collect();
    format!("{} {}", titles.join("; "), verdict.join(" "))
        .trim()
        .to_owned()
}

/// A sentence in lines that fit the picture.
fn lines(sentence: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if line.is_empty() || text_width(&longer) <= WIDTH - 2.0 * EDGE {
            *line = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn sheet() -> String {
    let [light, dark] = &THEMES;
    format!(
        "\n{LETTERS}{FORMS}{}@media (prefers-color-scheme:dark){{\n{}}}\n",
        rules(light),
        rules(dark)
    )
}

const LETTERS: &str = "\
svg{font:12.5px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',Arial,sans-serif}
.heading{font-size:20px;font-weight:600}.title{font-weight:600}.small,.tick,.axis-title{font-size:11.5px}
";
