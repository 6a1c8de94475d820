//! Latency by percentile: the whole distribution of each contestant, with its tail as wide as its middle.

use super::{Figure, Grid, axis, rounds};
use crate::render::chart::{Axis, Chart, Line, Lines, Look, NINES, Scale, Spot, Tick};
use crate::render::units::{self, counted};
use crate::report::{Estimate, Metric, Report, Run, Unit};

/// At most so many charts: those with the most connections, where contestants differ. The tables have the others.
const CHARTS_MAX: usize = 6;

/// The shares that a line goes through. Those between the named ones give it its form.
const SHARES: [f64; 12] = [
    0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999,
];

/// A chart for each number of connections with which anything was answered.
pub(crate) fn by_percentile(report: &Report) -> Vec<Figure> {
    let connections = &report.setup.connections;
    let skipped = connections.len().saturating_sub(CHARTS_MAX);
    let figures = connections.iter().skip(skipped);
    figures
        .filter_map(|&connections| figure(report, connections))
        .collect()
}

fn figure(report: &Report, connections: usize) -> Option<Figure> {
    let lines: Vec<_> = (report.contestants.iter().enumerate())
        .map(|(index, contestant)| Line {
            name: contestant.name.clone(),
            look: Look(index),
            spots: spots(&report.runs_of(&contestant.name, connections)),
        })
        .collect();
    let spots = || lines.iter().flat_map(|line| line.spots.iter().flatten());
    let highest = spots().map(|spot| spot.x).reduce(f64::max)?;
    let y = Scale::log(spots().flat_map(|spot| [spot.low, spot.high]));
    let band = match report.setup.rounds {
        0 | 1 => "",
        _ => "; the band reaches from the lowest to the highest round",
    };
    Some(Figure {
        id: format!("figure-latency-{connections}"),
        title: format!("Latency with {}", counted(connections, "connection")),
        reading: format!(
            "Lower is better. Each line is the {}{band}.",
            rounds(report)
        ),
        grid: grid(&lines, highest),
        chart: Chart::Lines(Lines {
            x: shares(highest),
            y: axis("latency", Unit::Microseconds, y),
            each: lines,
            reference: None,
        }),
    })
}

/// The axis of percentiles, up to the highest that is drawn.
fn shares(highest: f64) -> Axis {
    let scale = Scale::nines(highest.max(0.99));
    let name = |at: f64| Tick {
        at,
        name: percent(at),
    };
    Axis {
        title: format!("percentile, {}", scale.word()),
        scale,
        ticks: scale.ticks(NINES.len()).into_iter().map(name).collect(),
    }
}

fn percent(share: f64) -> String {
    format!("{}", (share * 1e6).round() / 1e4)
}

fn spots(runs: &[&Run]) -> Vec<Option<Spot>> {
    SHARES.into_iter().map(|share| spot(runs, share)).collect()
}

/// A place on a line; none where a round has too few answers for it. Without that round the median would be one of others, and a line of
/// percentiles could fall.
fn spot(runs: &[&Run], share: f64) -> Option<Spot> {
    let values: Vec<_> = runs.iter().filter_map(|run| quantile(run, share)).collect();
    let rounds = runs
        .iter()
        .filter(|run| quantile(run, 0.5).is_some())
        .count();
    if values.len() < rounds {
        return None;
    }
    Some(Spot {
        x: share,
        low: values.iter().copied().reduce(f64::min)?,
        middle: Estimate::of(values.iter().copied())?.median,
        high: values.iter().copied().reduce(f64::max)?,
        is_marked: NINES.contains(&share),
        is_bound: false,
    })
}

/// A quantile of a run; none where it would be the maximum by another name.
fn quantile(run: &Run, share: f64) -> Option<f64> {
    let count: u64 = run.latency.buckets.iter().map(|&(_, count)| count).sum();
    let above = units::number(count as usize) * (1.0 - share);
    let has_some_above = above > 1.0 - 1e-6 || share <= 0.5;
    (run.has_latency() && has_some_above)
        .then(|| run.latency.quantile(share))
        .flatten()
}

fn grid(lines: &[Line], highest: f64) -> Grid {
    let named = NINES.into_iter().filter(|&share| share <= highest);
    let heads = named.clone().map(|share| format!("p{}", percent(share)));
    let rows = lines.iter().map(|line| {
        let cell = |share: f64| {
            let mut spots = line.spots.iter().flatten();
            let spot = spots.find(|spot| spot.x.total_cmp(&share).is_eq());
            spot.map_or_else(|| units::NONE.to_owned(), cell)
        };
        std::iter::once(line.name.clone())
            .chain(named.clone().map(cell))
            .collect()
    });
    Grid {
        head: std::iter::once("server".to_owned()).chain(heads).collect(),
        rows: rows.collect(),
    }
}

/// A median with the lowest and the highest round.
fn cell(spot: &Spot) -> String {
    let [low, middle, high] =
        [spot.low, spot.middle, spot.high].map(|value| units::value(Metric::P99, value));
    if low == high {
        middle
    } else {
        format!("{middle} ({})", units::range(&low, &high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Latency;

    #[test]
    fn a_line_ends_where_the_first_round_has_no_answers_left() {
        let run = |answers: u64, time: f64| Run {
            served: answers,
            connections: 1,
            latency: Latency {
                max_us: time,
                buckets: vec![(time, answers)],
            },
            ..Run::default()
        };
        let (slow, short) = (run(10_000, 90.0), run(100, 10.0));
        let runs = [&slow, &short];
        assert_eq!(spot(&runs, 0.99).map(|spot| spot.middle), Some(50.0));
        assert!(spot(&runs, 0.999).is_none(), "the second round has none");
        assert!(spot(&[&slow], 0.999).is_some());
    }

    #[test]
    fn a_line_ends_before_percentiles_are_the_maximum() {
        let run = Run {
            served: 1000,
            connections: 1,
            latency: Latency {
                max_us: 90.0,
                buckets: vec![(10.0, 900), (100.0, 100)],
            },
            ..Run::default()
        };
        assert_eq!(quantile(&run, 0.9), Some(10.0));
        assert_eq!(quantile(&run, 0.999), Some(90.0));
        assert_eq!(quantile(&run, 0.9995), None);
        let unserved = Run { unserved: 1, ..run };
        assert_eq!(quantile(&unserved, 0.9), None);
    }

    #[test]
    fn percentiles_are_written_as_people_say_them() {
        assert_eq!(NINES.map(percent), ["50", "90", "99", "99.9", "99.99"]);
    }
}
