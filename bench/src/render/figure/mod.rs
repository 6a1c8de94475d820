//! Which charts a report has: each with a title, how to read it, and its figures as a table for those who cannot see it.

mod against;
mod latency;
mod offered;
mod stalls;

pub(crate) use self::against::against;

use super::chart::{Axis, Chart, Scale, Tick};
use super::summary;
use super::units::{self, number, thousands};
use crate::report::{Metric, Report, Unit};

/// A chart with what belongs to it.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its name in links; no two have the same.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) reading: String,
    /// The chart.
    pub(crate) chart: Chart,
    /// The figures of it.
    pub(crate) grid: Grid,
}

/// Figures in rows and columns.
#[derive(Debug)]
pub(crate) struct Grid {
    /// The headings; the first one is that of the names.
    pub(crate) head: Vec<String>,
    /// The rows; the first cell of each is a name.
    pub(crate) rows: Vec<Vec<String>>,
}

/// All charts of a report, in the order in which they answer questions: how long, how much, at what price, and whether it stalls.
pub(crate) fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = latency::by_percentile(report);
    let metrics = summary::drawn(report).into_iter().chain([Metric::Threads]);
    figures.extend(metrics.filter_map(|metric| against(report, metric)));
    figures.extend(offered::against_served(report));
    figures.extend(stalls::over_time(report));
    figures
}

/// An axis with round values of a unit, and its scale in its title.
fn axis(what: &str, unit: Unit, scale: Scale) -> Axis {
    let name = |at: f64| Tick {
        at,
        name: units::tick(unit, at),
    };
    Axis {
        title: format!("{what}, {}", scale.word()),
        scale,
        ticks: scale.ticks(6).into_iter().map(name).collect(),
    }
}

/// The axis with the numbers of connections that were compared.
fn connections(report: &Report) -> Axis {
    let connections = &report.setup.connections;
    let name = |&count: &usize| Tick {
        at: number(count),
        name: thousands(count),
    };
    let scale = Scale::log_around(connections.iter().map(|&count| number(count)));
    Axis {
        title: format!("connections, {}", scale.word()),
        scale,
        ticks: connections.iter().map(name).collect(),
    }
}

/// `median of 6 rounds`, or what else a place in a chart is.
fn rounds(report: &Report) -> String {
    match report.setup.rounds {
        0 | 1 => "one round".to_owned(),
        rounds => format!("median of {rounds} rounds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Machine, SCHEMA, Setup};

    #[test]
    fn a_report_without_runs_has_no_charts() {
        let report = Report {
            schema: SCHEMA,
            when: String::new(),
            command: Vec::new(),
            machine: Machine::default(),
            setup: Setup {
                connections: vec![1, 10],
                ..Setup::default()
            },
            generator: crate::report::GeneratorLimit::default(),
            contestants: Vec::new(),
            runs: Vec::new(),
            notes: Vec::new(),
            is_complete: true,
        };
        assert!(figures(&report).is_empty());
        assert_eq!(connections(&report).ticks.len(), 2);
    }
}
