//! Bars for the eye: as long as the median, and shaded where it may lie.

use std::fmt::Write;

use crate::report::{Estimate, Metric};

use super::Style;
use super::paint::{Ink, fitted};
use super::table::name_width;
use crate::render::chart::Scale;
use crate::render::clean;
use crate::render::summary::{Row, Section};
use crate::render::units::{self, whole};

/// Letters of a bar: fewer show nothing, more only take space.
const BAR_MIN: usize = 12;
const BAR_MAX: usize = 30;

/// Letters that the longest figure takes.
const FIGURE: usize = 8;

/// Writes bars for some metrics: beside each other where there is room.
pub(crate) fn write(out: &mut String, section: &Section<'_>, metrics: &[Metric], style: Style) {
    let name = name_width(&section.rows, style.width);
    let measured: Vec<_> = (metrics.iter().copied())
        .filter(|&metric| {
            section
                .rows
                .iter()
                .any(|row| row.estimate(metric).is_some())
        })
        .collect();
    let room = style.width - name;
    let beside = room / measured.len().max(1) >= BAR_MIN + FIGURE + 4;
    let groups = measured.chunks(if beside { measured.len().max(1) } else { 1 });
    for metrics in groups {
        let width = (room / metrics.len())
            .saturating_sub(FIGURE + 4)
            .min(BAR_MAX);
        bars(out, section, metrics, name, width, style);
    }
}

fn bars(
    out: &mut String,
    section: &Section<'_>,
    metrics: &[Metric],
    name: usize,
    width: usize,
    style: Style,
) {
    let rows = section.rows.as_slice();
    let scales: Vec<_> = metrics.iter().map(|&metric| scale(rows, metric)).collect();
    let headings = metrics.iter().zip(&scales).map(|(&metric, scale)| {
        let heading = format!("{}, {}", section.heading(metric), scale.word());
        fitted(&format!("  {heading}"), width + FIGURE + 4)
    });
    let headings = format!("{}{}", " ".repeat(name), headings.collect::<String>());
    *out += "\n";
    *out += &Ink::Dim.on(headings.trim_end(), style);
    *out += "\n";
    for row in rows {
        let mut line = fitted(&clean::line(&row.contestant.name), name);
        for (&metric, &scale) in metrics.iter().zip(&scales) {
            let estimate = row.estimate(metric);
            let bar =
                estimate.map_or_else(|| " ".repeat(width), |estimate| bar(estimate, scale, width));
            let median = units::median(metric, estimate);
            let _ = write!(line, "  {bar} {median:>FIGURE$} ");
        }
        *out += line.trim_end();
        *out += "\n";
    }
}

/// A scale that all bars of a metric share.
fn scale(rows: &[Row<'_>], metric: Metric) -> Scale {
    let estimates = rows.iter().filter_map(|row| row.estimate(metric));
    Scale::fitting(estimates.flat_map(|estimate| [estimate.low, estimate.median, estimate.high]))
}

/// Full to where the interval begins, lighter to the median, and lightest to where the interval ends.
fn bar(estimate: Estimate, scale: Scale, width: usize) -> String {
    let letters = |value: f64| whole(scale.position(value) * units::number(width));
    let (low, median, high) = (
        letters(estimate.low),
        letters(estimate.median),
        letters(estimate.high),
    );
    let bar = (0..width).map(|place| match place {
        // A bar is never invisible, since that would mean that there is none.
        0 if median == 0 => '▏',
        _ if place < low => '█',
        _ if place < median => '▓',
        _ if place < high => '░',
        _ => ' ',
    });
    bar.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_its_interval() {
        let estimate = |low, median, high| Estimate {
            median,
            low,
            high,
            rounds: 6,
        };
        let scale = Scale::linear(10.0);
        assert_eq!(bar(estimate(2.0, 4.0, 7.0), scale, 10), "██▓▓░░░   ");
        assert_eq!(bar(estimate(0.0, 0.0, 0.0), scale, 10), "▏         ");
    }
}
