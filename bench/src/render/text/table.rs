//! Tables for the terminal. Columns that do not fit beside each other go into a further table below, whole groups first: one cannot compare
//! what is folded.

use std::fmt::Write;

use crate::report::Metric;

use super::Style;
use super::paint::{Ink, fitted};
use crate::render::summary::{Row, Section};
use crate::render::{clean, units};

/// How much of a line a name may take: longer ones are cut.
const NAME_MAX: usize = 26;

/// A heading that is longer takes two lines: it would make its column wider than the figures need.
const HEADING_MAX: usize = 8;

/// What lies between two columns; where the line is too short for that, a single space.
const GAP: usize = 2;

/// Writes the rows, in as many tables as the width demands.
pub(crate) fn write(out: &mut String, section: &Section<'_>, style: Style) {
    let rows = section.rows.as_slice();
    let name = name_width(rows, style.width);
    let mark = rows
        .iter()
        .map(|row| row.mark().len() + 2)
        .max()
        .unwrap_or(0);
    let columns = [section.seen, section.spent].map(|group| {
        let columns = group.iter().map(|&metric| Column::of(metric, section));
        columns.collect()
    });
    let room = style.width.saturating_sub(name + mark.max(2));
    for (index, columns) in fold(columns.into(), room).iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        table(out, rows, columns, name, style);
    }
}

/// How wide the names are: of all rows the widest, but never more than a third of the line.
pub(crate) fn name_width(rows: &[Row<'_>], width: usize) -> usize {
    let widest = rows
        .iter()
        .map(|row| row.contestant.name.chars().count())
        .max();
    widest.unwrap_or(0).clamp(6, NAME_MAX.min(width / 3))
}

struct Column {
    /// Two lines, of which the upper one may be empty.
    heading: [&'static str; 2],
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn of(metric: Metric, section: &Section<'_>) -> Self {
        let heading = section.heading(metric);
        let heading = match heading.find('/') {
            Some(place) if heading.len() > HEADING_MAX => [&heading[..place], &heading[place..]],
            _ => ["", heading],
        };
        let cells: Vec<_> = (section.rows.iter())
            .map(|row| units::median(metric, row.estimate(metric)))
            .collect();
        let width = cells.iter().map(|cell| cell.chars().count()).max();
        Self {
            heading,
            width: widest(&heading).max(width.unwrap_or(0)) + GAP,
            cells,
        }
    }
}

/// Groups of columns that fit into a line: all together, or each by itself, or closer to each other, or a group in pieces.
fn fold(groups: Vec<Vec<Column>>, room: usize) -> Vec<Vec<Column>> {
    if groups.iter().map(|group| width(group)).sum::<usize>() <= room {
        return vec![groups.into_iter().flatten().collect()];
    }
    groups
        .into_iter()
        .flat_map(|group| pieces(group, room))
        .collect()
}

/// A group in as few tables as the width allows.
fn pieces(mut group: Vec<Column>, room: usize) -> Vec<Vec<Column>> {
    if width(&group) > room {
        for column in &mut group {
            column.width -= GAP - 1;
        }
    }
    let mut tables = Vec::new();
    let mut table = Vec::new();
    for column in group {
        if !table.is_empty() && width(&table) + column.width > room {
            tables.push(std::mem::take(&mut table));
        }
        table.push(column);
    }
    tables.push(table);
    tables
}

fn widest(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.len()).max().unwrap_or(0)
}

fn width(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width).sum()
}

fn table(out: &mut String, rows: &[Row<'_>], columns: &[Column], name: usize, style: Style) {
    for line in 0..2 {
        let headings = columns.iter().map(|column| {
            let width = column.width;
            format!("{:>width$}", column.heading[line])
        });
        let headings = format!("{}{}", " ".repeat(name), headings.collect::<String>());
        if !headings.trim().is_empty() {
            *out += &Ink::Dim.on(headings.trim_end(), style);
            out.push('\n');
        }
    }
    for (index, row) in rows.iter().enumerate() {
        *out += &fitted(&clean::line(&row.contestant.name), name);
        for column in columns {
            let width = column.width;
            let _ = write!(out, "{:>width$}", column.cells[index]);
        }
        if !row.marks.is_empty() {
            *out += "  ";
            *out += &Ink::Warning.on(&row.mark(), style);
        }
        out.push('\n');
    }
}
