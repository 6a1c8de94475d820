//! What several rounds say together: a median, and how far it may be off.

use super::{Metric, Report, Run};

/// A median of several rounds with its interval.
///
/// The interval is that of two ranks which the true median lies between in at least 95 of 100 cases, whatever the distribution. Fewer than
/// six rounds have no such ranks: their lowest and highest are given, and [`is_sure`](Estimate::is_sure) says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// How many rounds there were.
    pub rounds: usize,
}

/// How many rounds it takes before the lowest and the highest hold the median in 95 of 100 cases.
const ROUNDS_MIN: usize = 6;

impl Estimate {
    /// What these values say; none when there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let rounds = values.len();
        let middle = rounds / 2;
        let median = match rounds {
            0 => return None,
            _ if rounds % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        let rank = rank(rounds);
        Some(Self {
            median,
            low: values[rank],
            high: values[rounds - 1 - rank],
            rounds,
        })
    }

    /// Whether the interval holds the median in 95 of 100 cases.
    pub fn is_sure(self) -> bool {
        self.rounds >= ROUNDS_MIN
    }

    /// Whether a value lies in the interval.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// How many values can be left out at either end, so that those which are left still hold the median in 95 of 100 cases.
///
/// That so many or fewer of `rounds` values lie below the median has the probability of a row of tossed coins.
fn rank(rounds: usize) -> usize {
    let mut ways = 1.0;
    let mut below = 0.0;
    for left_out in 0..rounds / 2 {
        below += ways * 0.5_f64.powi(i32::try_from(rounds).unwrap_or(i32::MAX));
        if 2.0 * below > 0.05 {
            return left_out.saturating_sub(1);
        }
        #[expect(clippy::cast_precision_loss, reason = "some dozens of rounds")]
        {
            ways *= (rounds - left_out) as f64 / (left_out + 1) as f64;
        }
    }
    (rounds / 2).saturating_sub(1)
}

impl Report {
    /// The runs of a contestant with so many connections, in the order of their rounds. Of several rates these are the runs of the highest,
    /// where servers differ.
    pub fn runs_of(&self, contestant: &str, connections: usize) -> Vec<&Run> {
        let mut runs = self.runs_at_all_rates(contestant, connections);
        runs.retain(|run| run.rate.is_none() || run.rate == self.setup.rate);
        runs
    }

    /// The same at every rate.
    pub fn runs_at_all_rates(&self, contestant: &str, connections: usize) -> Vec<&Run> {
        let mut runs: Vec<_> = (self.runs.iter())
            .filter(|run| run.contestant == contestant && run.connections == connections)
            .collect();
        runs.sort_by_key(|run| run.round);
        runs
    }

    /// What the rounds of a contestant with so many connections say about a metric.
    pub fn estimate(
        &self,
        contestant: &str,
        connections: usize,
        metric: Metric,
    ) -> Option<Estimate> {
        let runs = self.runs_of(contestant, connections);
        Estimate::of(runs.into_iter().filter_map(|run| metric.of(run)))
    }

    /// How one contestant stands to another: the ratio of a metric, taken within each round, since a machine is as fast as it is only for
    /// a while.
    pub fn ratio(
        &self,
        contestant: &str,
        other: &str,
        connections: usize,
        metric: Metric,
    ) -> Option<Estimate> {
        let others = self.runs_of(other, connections);
        let ratios = self
            .runs_of(contestant, connections)
            .into_iter()
            .filter_map(|run| {
                let other = others.iter().find(|other| other.round == run.round)?;
                let (one, other) = (metric.of(run)?, metric.of(other)?);
                (other > 0.0).then(|| one / other)
            });
        Estimate::of(ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_has_the_ranks_that_tables_of_the_sign_test_have() {
        // Counts of values that may be left out at either end, from tables of the sign test at 5 %.
        for (rounds, left_out) in [
            (5, 0),
            (6, 0),
            (8, 0),
            (9, 1),
            (11, 1),
            (12, 2),
            (15, 3),
            (20, 5),
            (25, 7),
        ] {
            assert_eq!(rank(rounds), left_out, "{rounds} rounds");
        }
    }

    #[test]
    fn of_several_rates_the_highest_is_spoken_of() {
        let run = |rate: f64, served| Run {
            contestant: "reactor".to_owned(),
            connections: 1,
            rate: Some(rate),
            seconds: 1.0,
            served,
            ..Run::default()
        };
        let mut report = Report::from_json(EMPTY).expect("it is a report");
        report.setup.rate = Some(200.0);
        report.runs = vec![run(100.0, 100), run(200.0, 150)];
        let served = report.estimate("reactor", 1, Metric::Served);
        let served = served.expect("it was measured");
        assert!(served.contains(150.0) && served.rounds == 1);
        assert_eq!(report.runs_at_all_rates("reactor", 1).len(), 2);
    }

    const EMPTY: &str = r#"{ "schema": 1, "when": "", "command": [], "machine": { "processor": "", "processors": 1, "system": "",
        "memory_bytes": 0, "load_average": 0, "server_processors": [], "load_processors": [] }, "setup": { "handler": "echo",
        "transport": "tcp", "load": "open loop", "message_bytes": 64, "window": 0, "rate": null, "think_seconds": 0, "active": null,
        "stuck": 0, "nodelay": true, "connections": [1], "seconds": 1, "warm_up_seconds": 0, "rounds": 1, "seed": 1 },
        "generator": { "messages_per_second": 1 }, "contestants": [], "runs": [], "notes": [], "is_complete": true }"#;

    #[test]
    fn a_median_lies_in_its_interval() {
        let estimate = Estimate::of([5.0, 1.0, 4.0, 2.0, 3.0, 9.0]);
        let estimate = estimate.expect("there are values");
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (1.0, 3.5, 9.0)
        );
        assert!(estimate.is_sure() && estimate.contains(9.0) && !estimate.contains(0.9));
        assert_eq!(Estimate::of([]), None);
        let single = Estimate::of([7.0]).expect("there is a value");
        assert!(!single.is_sure());
        assert_eq!((single.low, single.high), (7.0, 7.0));
    }
}
