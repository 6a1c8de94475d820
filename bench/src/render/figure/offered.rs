//! What was offered against what was served, where servers were offered different rates: the knee is where they can do no more.

use super::{Figure, Grid, axis};
use crate::render::chart::{Chart, Line, Lines, Look, Scale, Spot};
use crate::render::units::{self, counted, number};
use crate::report::{Estimate, Metric, Report, Run, Unit};

/// Rates that differ by less were meant to be the same.
const RATIO_SAME_MAX: f64 = 1.05;

const READING: &str = "\
On the dotted line all that was offered was served. A server leaves it where it can do no more.";

/// The chart with the most connections; none without an open loop, or when there was a single rate: throughput against connections has it
/// as a line then.
pub(crate) fn against_served(report: &Report) -> Option<Figure> {
    let &connections = report.setup.connections.last()?;
    let lines: Vec<_> = (report.contestants.iter().enumerate())
        .map(|(index, contestant)| Line {
            name: contestant.name.clone(),
            look: Look(index),
            spots: spots(report.runs_at_all_rates(&contestant.name, connections)),
        })
        .collect();
    let spots = || lines.iter().flat_map(|line| line.spots.iter().flatten());
    let lowest = spots().map(|spot| spot.x).reduce(f64::min)?;
    let highest = spots().map(|spot| spot.x).reduce(f64::max)?;
    if highest <= lowest * RATIO_SAME_MAX {
        return None;
    }
    let scale = Scale::fitting(spots().flat_map(|spot| [spot.x, spot.low, spot.high]));
    let what = if report.setup.has_chat() {
        "deliveries"
    } else {
        "messages"
    };
    let begin = if scale.is_log() { lowest } else { 0.0 };
    let all = vec![(begin, begin), (highest, highest)];
    Some(Figure {
        id: "figure-offered".to_owned(),
        title: format!(
            "Offered and served, with {}",
            counted(connections, "connection")
        ),
        reading: READING.to_owned(),
        grid: grid(&lines),
        chart: Chart::Lines(Lines {
            x: axis(
                &format!("{what} offered per second"),
                Unit::PerSecond,
                scale,
            ),
            y: axis(&format!("{what} served per second"), Unit::PerSecond, scale),
            each: lines,
            reference: Some(("all that was offered".to_owned(), all)),
        }),
    })
}

/// The rounds of each rate together, by rising rate.
fn spots(runs: Vec<&Run>) -> Vec<Option<Spot>> {
    let offered = |run: &Run| {
        let offered = number(run.offered? as usize);
        (offered > 0.0 && run.seconds > 0.0).then(|| offered / run.seconds)
    };
    let mut pairs: Vec<_> = (runs.into_iter())
        .filter_map(|run| Some((offered(run)?, run.served_per_second())))
        .collect();
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let same_rate = |one: &(f64, f64), other: &(f64, f64)| other.0 <= one.0 * RATIO_SAME_MAX;
    pairs.chunk_by(same_rate).map(spot).collect()
}

fn spot(pairs: &[(f64, f64)]) -> Option<Spot> {
    let offered = Estimate::of(pairs.iter().map(|pair| pair.0))?;
    let served = Estimate::of(pairs.iter().map(|pair| pair.1))?;
    Some(Spot {
        x: offered.median,
        low: served.low,
        middle: served.median,
        high: served.high,
        is_marked: true,
        is_bound: false,
    })
}

/// A row for each rate of each contestant, since two contestants need not have had the same rates.
fn grid(lines: &[Line]) -> Grid {
    let written = |value: f64| units::value(Metric::Served, value);
    let rows = lines.iter().flat_map(|line| {
        let spots = line.spots.iter().flatten();
        spots.map(|spot| vec![line.name.clone(), written(spot.x), written(spot.middle)])
    });
    Grid {
        head: ["server", "offered/s", "served/s"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}
