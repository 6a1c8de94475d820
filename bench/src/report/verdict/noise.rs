//! What the same server shows against itself: a difference that is no larger means nothing.

use serde::Serialize;

use super::{estimate_as_fields, metric_as_word};
use crate::report::{Estimate, Kind, Metric, Report};

/// How far two runs of the same server are apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// The contestant that was measured twice; none when none was, and then the noise is not known.
    pub contestant: Option<String>,
    /// For each number of connections and metric with which both have values.
    pub levels: Vec<NoiseLevel>,
}

/// How far they are apart by one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseLevel {
    /// With how many connections.
    pub connections: usize,
    /// By which metric.
    #[serde(serialize_with = "metric_as_word")]
    pub metric: Metric,
    /// The second against the first, within rounds.
    #[serde(serialize_with = "estimate_as_fields")]
    pub ratio: Estimate,
}

impl Noise {
    /// The noise of a report.
    pub(in crate::report) fn of(report: &Report) -> Self {
        let find = |is_control: bool| {
            (report.contestants.iter())
                .find(|contestant| (contestant.kind == Kind::Control) == is_control)
        };
        let (Some(control), Some(first)) = (find(true), find(false)) else {
            return Self {
                contestant: None,
                levels: Vec::new(),
            };
        };
        let levels = report.setup.connections.iter().flat_map(|&connections| {
            Metric::ALL.into_iter().filter_map(move |metric| {
                let ratio = report.ratio(&control.name, &first.name, connections, metric)?;
                Some(NoiseLevel {
                    connections,
                    metric,
                    ratio,
                })
            })
        });
        Self {
            contestant: Some(first.name.clone()),
            levels: levels.collect(),
        }
    }

    /// How many times better one of two equal servers may look by a metric: 1.05 for five percent. None when that is not known.
    pub fn factor(&self, connections: usize, metric: Metric) -> Option<f64> {
        (self.levels.iter())
            .find(|level| level.connections == connections && level.metric == metric)
            .map(NoiseLevel::factor)
    }
}

impl NoiseLevel {
    /// The end of the interval that is farther from 1, told as how many times the larger is the smaller. So 0.5 and 2 are as far from 1:
    /// which of the two servers was the second one must not matter.
    pub fn factor(&self) -> f64 {
        self.ratio.high.max(1.0 / self.ratio.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, TWO_MODES, report};

    #[test]
    fn the_farther_end_of_the_interval_counts_either_way() {
        for (off, factor) in [(1.1, 1.1), (0.5, 2.0)] {
            let report = report(TWO_MODES, &[10], 6, |name, _, round| Figures {
                p99_us: if name == "control" && round == 1 {
                    1000.0 * off
                } else {
                    1000.0
                },
                ..Figures::default()
            });
            let noise = Noise::of(&report);
            assert_eq!(noise.contestant.as_deref(), Some("reactor"));
            assert_eq!(noise.factor(10, Metric::P99), Some(factor));
            assert_eq!(noise.factor(10, Metric::Served), Some(1.0));
            assert_eq!(noise.factor(20, Metric::P99), None);
        }
    }

    #[test]
    fn without_a_control_the_noise_is_not_known() {
        let report = report(
            &[("a", Kind::Mode), ("b", Kind::Mode)],
            &[10],
            6,
            |_, _, _| Figures::default(),
        );
        let noise = Noise::of(&report);
        assert_eq!((noise.contestant.as_ref(), noise.levels.len()), (None, 0));
    }
}
