//! A metric against the number of connections; where there is only one number, the metric alone, as bars.

use std::fmt::Write;

use super::{Figure, Grid, axis, connections, rounds};
use crate::render::chart::{Axis, Bar, Bars, Chart, Line, Lines, Look, Scale, Spot};
use crate::render::marks;
use crate::render::units::{self, counted, number, thousands};
use crate::report::{Estimate, Metric, Report};

/// The chart of a metric; none when no run has it.
pub(crate) fn against(report: &Report, metric: Metric) -> Option<Figure> {
    let table = Table::of(report, metric);
    let single = match report.setup.connections[..] {
        [connections] => Some(connections),
        _ => None,
    };
    let mut values = table.values().peekable();
    values.peek()?;
    let offered = report.setup.rate.filter(|_| metric == Metric::Served);
    let offered = offered.map(|rate| levels(report, rate));
    // Latency spreads over decades wherever it comes from, and is read in decades.
    let scale = if metric == Metric::P99 {
        Scale::log(values)
    } else {
        let offered = offered.iter().flatten().map(|&(_, height)| height);
        Scale::fitting(values.chain(offered.filter(|_| single.is_none())))
    };
    let what = what(metric, report.setup.has_chat());
    let axis = value_axis(metric, scale, report.setup.has_chat());
    let title = match single {
        Some(connections) => format!("{what} with {}", counted(connections, "connection")),
        None => format!("{what} against connections"),
    };
    let chart = match single {
        Some(connections) => Chart::Bars(bars(report, metric, connections, axis)),
        None => Chart::Lines(Lines {
            x: connections(report),
            y: axis,
            each: lines(report, &table, metric),
            reference: offered.map(|levels| ("offered".to_owned(), levels)),
        }),
    };
    Some(Figure {
        id: format!("figure-{}", metric.word().replace('.', "-")),
        title,
        reading: reading(report, metric, scale, &table),
        chart,
        grid: table.grid(report, metric),
    })
}

/// The estimates of all contestants with all numbers of connections.
struct Table(Vec<Vec<Option<Estimate>>>);

impl Table {
    fn of(report: &Report, metric: Metric) -> Self {
        let row = |name: &str| {
            let connections = report.setup.connections.iter();
            connections
                .map(|&connections| report.estimate(name, connections, metric))
                .collect()
        };
        let contestants = report.contestants.iter();
        Self(
            contestants
                .map(|contestant| row(&contestant.name))
                .collect(),
        )
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let estimates = self.0.iter().flatten().flatten();
        estimates.flat_map(|estimate| [estimate.low, estimate.median, estimate.high])
    }

    fn grid(&self, report: &Report, metric: Metric) -> Grid {
        let numbers = report
            .setup
            .connections
            .iter()
            .map(|&count| counted(count, "connection"));
        let cell = |estimate: &Option<Estimate>| {
            let Some(estimate) = *estimate else {
                return units::NONE.to_owned();
            };
            let median = units::value(metric, estimate.median);
            match units::interval(metric, estimate) {
                Some(interval) => format!("{median} ({interval})"),
                None => median,
            }
        };
        let rows = report
            .contestants
            .iter()
            .zip(&self.0)
            .map(|(contestant, row)| {
                let name = contestant.name.clone();
                std::iter::once(name).chain(row.iter().map(cell)).collect()
            });
        Grid {
            head: std::iter::once("server".to_owned())
                .chain(numbers)
                .collect(),
            rows: rows.collect(),
        }
    }
}

/// Whether it is one that a load generator without time makes worse.
fn is_speed(metric: Metric) -> bool {
    matches!(metric, Metric::Served | Metric::Throughput)
}

/// What a metric is, at the beginning of a title.
fn what(metric: Metric, has_chat: bool) -> &'static str {
    match metric {
        Metric::Cpu if has_chat => "Processor time per delivery",
        Metric::Served | Metric::Throughput => "Throughput",
        Metric::P99 => "99th percentile of the latency",
        Metric::Cpu => "Processor time per message",
        Metric::CpuPerGib => "Processor time per GiB",
        Metric::Memory => "Memory",
        Metric::Threads => "Threads",
        other => other.word(),
    }
}

/// What a metric's axis is called.
fn value_axis(metric: Metric, scale: Scale, has_chat: bool) -> Axis {
    let what = match metric {
        Metric::Served if has_chat => "deliveries per second",
        Metric::Cpu if has_chat => "processor time per delivery",
        Metric::Served => "messages served per second",
        Metric::P99 => "p99 latency",
        Metric::Throughput => "bytes per second",
        Metric::Cpu => "processor time per message",
        Metric::CpuPerGib => "processor time per GiB",
        Metric::Memory => "resident memory",
        other => other.word(),
    };
    let mut axis = axis(what, metric.unit(), scale);
    if metric == Metric::Threads {
        // There is no half of a thread.
        axis.ticks
            .retain(|tick| (tick.at - tick.at.round()).abs() < 1e-9);
    }
    axis
}

fn reading(report: &Report, metric: Metric, scale: Scale, table: &Table) -> String {
    let better = if metric.is_better_high() {
        "Higher is better"
    } else {
        "Lower is better"
    };
    let interval = match report.setup.rounds {
        0 | 1 => "",
        _ if report.setup.connections.len() == 1 => ", with its interval as a whisker",
        _ => ", with its interval as a band",
    };
    let mut reading = format!("{better}. {}{interval}.", capital(&rounds(report)));
    let is_bound = |name: &str| {
        let mut connections = report.setup.connections.iter();
        connections.any(|&connections| marks::is_bound(report, name, connections))
    };
    let bound = report
        .contestants
        .iter()
        .any(|contestant| is_bound(&contestant.name));
    if bound && is_speed(metric) {
        reading +=
            " Hollow: the load generator was the bottleneck, so the server may be able to do more.";
    }
    if scale.is_log() && table.values().any(|value| value <= 0.0) {
        reading += " A log scale has no zero: what is zero is in the table only.";
    }
    let missing = missing(report, table);
    if !missing.is_empty() {
        let _ = write!(reading, " Without a figure: {}.", missing.join("; "));
    }
    reading
}

/// Who has no figure with which numbers of connections, in words.
fn missing(report: &Report, table: &Table) -> Vec<String> {
    let contestants = report.contestants.iter().zip(&table.0);
    let missing = contestants.filter_map(|(contestant, row)| {
        let connections = report.setup.connections.iter().zip(row);
        let numbers: Vec<_> = (connections.filter(|(_, estimate)| estimate.is_none()))
            .map(|(&connections, _)| thousands(connections))
            .collect();
        match numbers.len() {
            0 => None,
            all if all == row.len() => Some(contestant.name.clone()),
            _ => Some(format!("{} at {}", contestant.name, numbers.join(" and "))),
        }
    });
    missing.collect()
}

fn lines(report: &Report, table: &Table, metric: Metric) -> Vec<Line> {
    let contestants = report.contestants.iter().zip(&table.0).enumerate();
    let lines = contestants.map(|(index, (contestant, row))| {
        let connections = report.setup.connections.iter().zip(row);
        let spots = connections.map(|(&connections, estimate)| {
            estimate.map(|estimate| Spot {
                x: number(connections),
                low: estimate.low,
                middle: estimate.median,
                high: estimate.high,
                is_marked: true,
                is_bound: is_speed(metric)
                    && marks::is_bound(report, &contestant.name, connections),
            })
        });
        Line {
            name: contestant.name.clone(),
            look: Look(index),
            spots: spots.collect(),
        }
    });
    lines.collect()
}

fn bars(report: &Report, metric: Metric, connections: usize, x: Axis) -> Bars {
    let bars = report
        .contestants
        .iter()
        .enumerate()
        .map(|(index, contestant)| {
            let estimate = report.estimate(&contestant.name, connections, metric);
            Bar {
                name: contestant.name.clone(),
                look: Look(index),
                value: units::median(metric, estimate),
                estimate: estimate.map(|estimate| (estimate.low, estimate.median, estimate.high)),
                is_bound: is_speed(metric)
                    && marks::is_bound(report, &contestant.name, connections),
            }
        });
    Bars {
        x,
        bars: bars.collect(),
    }
}

/// What is to be served at a rate, over all numbers of connections: the same with each of them, or in a chat more with more members.
fn levels(report: &Report, rate: f64) -> Vec<(f64, f64)> {
    let connections = report.setup.connections.iter();
    let height = |connections| rate * number(report.setup.served_per_message(connections));
    connections
        .map(|&connections| (number(connections), height(connections)))
        .collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
