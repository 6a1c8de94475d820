//! The 99th percentile over time: stalls, which a percentile of a whole run says nothing about.

use super::{Figure, Grid, axis};
use crate::render::chart::{Axis, Chart, Look, Moment, Scale, Strip, Strips, Tick};
use crate::render::units::{self, counted, number};
use crate::report::{Estimate, Metric, Point, Report, Unit};

/// At most so many pieces of a run are drawn: more than that many pixels, no chart has.
const PIECES_MAX: usize = 240;

/// At most so many strips in a chart: more become two charts, which stand beside each other where there is room.
const STRIPS_MAX: usize = 6;

const READING: &str = "\
A thin line for each round, on the same scale for all. A peak is a stall, and in a grey piece nothing was answered at all.";

/// The charts with the most connections of which there is anything; none when no run was cut in pieces.
pub(crate) fn over_time(report: &Report) -> Vec<Figure> {
    let mut connections = report.setup.connections.iter().rev();
    let found = connections.find_map(|&connections| figures(report, connections));
    found.unwrap_or_default()
}

fn figures(report: &Report, connections: usize) -> Option<Vec<Figure>> {
    let mut strips = strips(report, connections);
    let moments = || {
        strips
            .iter()
            .flat_map(|strip| strip.rounds.iter().flatten())
    };
    let end = moments().map(|moment| moment.end).reduce(f64::max)?;
    moments().find_map(|moment| moment.value)?;
    let y = decades(moments().filter_map(|moment| moment.value));
    let charts = strips.len().div_ceil(STRIPS_MAX);
    let together = strips.len().div_ceil(charts);
    let mut figures = Vec::new();
    while !strips.is_empty() {
        let others = strips.split_off(together.min(strips.len()));
        let part = std::mem::replace(&mut strips, others);
        figures.push(figure(
            connections,
            part,
            end,
            &y,
            (figures.len() + 1, charts),
        ));
    }
    Some(figures)
}

fn figure(
    connections: usize,
    strips: Vec<Strip>,
    end: f64,
    y: &Axis,
    (part, parts): (usize, usize),
) -> Figure {
    let parts = if parts > 1 {
        format!(" ({part} of {parts})")
    } else {
        String::new()
    };
    Figure {
        id: format!("figure-time-{part}"),
        title: format!(
            "99th percentile over time, with {}{parts}",
            counted(connections, "connection")
        ),
        reading: READING.to_owned(),
        grid: grid(&strips),
        chart: Chart::Strips(Strips {
            x: time(end),
            y: y.clone(),
            each: strips,
        }),
    }
}

/// The strips of all contestants that were cut in pieces.
fn strips(report: &Report, connections: usize) -> Vec<Strip> {
    let contestants = report.contestants.iter().enumerate();
    let strips = contestants.map(|(index, contestant)| {
        let runs = report.runs_of(&contestant.name, connections);
        Strip {
            name: contestant.name.clone(),
            look: Look(index),
            rounds: runs.into_iter().map(|run| moments(&run.series)).collect(),
        }
    });
    strips
        .filter(|strip| strip.rounds.iter().any(|round| !round.is_empty()))
        .collect()
}

/// The pieces of a run, several together where there are too many: the worst of them, since that is what one looks for.
fn moments(series: &[Point]) -> Vec<Moment> {
    let together = series.len().div_ceil(PIECES_MAX).max(1);
    let moments = series.chunks(together).map(|points| Moment {
        end: points.last().map_or(0.0, |point| point.at_seconds),
        value: points
            .iter()
            .filter_map(|point| point.p99_us)
            .reduce(f64::max),
    });
    moments.collect()
}

/// A log axis between powers of ten that names only its ends.
fn decades(values: impl Iterator<Item = f64>) -> Axis {
    let positive: Vec<_> = values
        .filter(|&value| value.is_finite() && value > 0.0)
        .collect();
    let low = positive.iter().copied().fold(f64::INFINITY, f64::min);
    let high = positive.iter().copied().fold(0.0, f64::max);
    let power = |exponent: f64| 10_f64.powf(exponent);
    let low = power(low.max(1e-3).log10().floor());
    let high = power(high.max(low * 1.01).log10().ceil());
    let mut axis = axis("p99 latency", Unit::Microseconds, Scale::log([low, high]));
    axis.ticks = [low, high]
        .map(|at| Tick {
            at,
            name: units::tick(Unit::Microseconds, at),
        })
        .to_vec();
    axis
}

fn time(end: f64) -> Axis {
    let scale = Scale::until(end);
    let name = |at: f64| Tick {
        at,
        name: units::tick(Unit::Count, at),
    };
    Axis {
        title: "seconds from the beginning of the run".to_owned(),
        scale,
        ticks: scale.ticks(6).into_iter().map(name).collect(),
    }
}

/// What the pieces of all rounds say together, and when the worst was.
fn grid(strips: &[Strip]) -> Grid {
    let written = |value: Option<f64>| {
        value.map_or_else(
            || units::NONE.to_owned(),
            |value| units::value(Metric::P99, value),
        )
    };
    let rows = strips.iter().map(|strip| {
        let moments = || strip.rounds.iter().flatten();
        let values = || moments().filter_map(|moment| moment.value);
        let worst = moments().max_by(|one, other| {
            let value = |moment: &Moment| moment.value.unwrap_or(0.0);
            value(one).total_cmp(&value(other))
        });
        let silent = moments().filter(|moment| moment.value.is_none()).count();
        vec![
            strip.name.clone(),
            written(Estimate::of(values()).map(|estimate| estimate.median)),
            written(values().reduce(f64::max)),
            worst.map_or_else(
                || units::NONE.to_owned(),
                |moment| units::seconds(moment.end),
            ),
            format!("{silent} of {}", number(moments().count())),
        ]
    });
    Grid {
        head: [
            "server",
            "median piece",
            "worst piece",
            "its end",
            "without an answer",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pieces_become_fewer_and_keep_the_worst() {
        let series: Vec<_> = (1..=1000_u32)
            .map(|index| Point {
                at_seconds: f64::from(index) / 100.0,
                served: 1,
                p99_us: Some(if index == 503 { 9e6 } else { 50.0 }),
            })
            .collect();
        let moments = moments(&series);
        assert!(moments.len() <= PIECES_MAX);
        let worst = moments
            .iter()
            .filter_map(|moment| moment.value)
            .fold(0.0, f64::max);
        assert!(worst > 8e6);
        assert!(moments.last().is_some_and(|moment| moment.end > 9.99));
    }
}
