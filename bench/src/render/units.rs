//! Writes numbers for people: three digits say all that a measurement knows, and the unit grows with the number.

use crate::report::{Estimate, Metric, Unit};

/// What stands where there is no number.
pub(crate) const NONE: &str = "–";

/// A count of things as a number.
#[expect(clippy::cast_precision_loss, reason = "no report has 2^52 of anything")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// The nearest whole number that is not negative: places and counts.
#[expect(clippy::cast_sign_loss, reason = "negative numbers become zero")]
pub(crate) fn whole(value: f64) -> usize {
    value.round().max(0.0) as usize
}

/// A value of a metric with its unit, as tables have it.
pub(crate) fn value(metric: Metric, value: f64) -> String {
    match metric.unit() {
        Unit::Microseconds => scaled(value, &TIMES),
        Unit::Bytes => scaled(value, &SIZES),
        Unit::BytesPerSecond => scaled(value, &SIZES) + "/s",
        Unit::Percent => percent(value),
        _ if metric == Metric::Threads || metric == Metric::Errors => count(value),
        Unit::PerSecond | Unit::Count if value >= 99.95 => thousands(whole(value)),
        Unit::PerSecond | Unit::Count => digits(value),
    }
}

/// A median as tables have it.
pub(crate) fn median(metric: Metric, estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || NONE.to_owned(),
        |estimate| value(metric, estimate.median),
    )
}

/// The interval of an estimate; none when it has no width.
pub(crate) fn interval(metric: Metric, estimate: Estimate) -> Option<String> {
    let (low, high) = (value(metric, estimate.low), value(metric, estimate.high));
    (low != high).then(|| range(&low, &high))
}

/// From one value to another; a unit that both have is written once.
pub(crate) fn range(low: &str, high: &str) -> String {
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number}–{high}"),
        _ => format!("{low}–{high}"),
    }
}

/// A value with a unit, as short as the scale of an axis allows.
pub(crate) fn tick(unit: Unit, value: f64) -> String {
    let steps: &[(f64, &str)] = match unit {
        Unit::Microseconds => &TIMES,
        Unit::Bytes | Unit::BytesPerSecond => &SIZES,
        Unit::PerSecond | Unit::Count | Unit::Percent => {
            &[(1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")]
        }
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let (step, suffix) = step(value, steps);
    let value = (value / step * 1e6).round() / 1e6;
    format!("{value}{suffix}")
}

/// A whole number with its thousands apart.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time in seconds, as people say it.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds >= 1.0 {
        format!("{} s", (seconds * 100.0).round() / 100.0)
    } else {
        tick(Unit::Microseconds, seconds * 1e6)
    }
}

/// Bytes, as people say it.
pub(crate) fn bytes(bytes: f64) -> String {
    scaled(bytes, &SIZES)
}

/// `1 round`, `6 rounds`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}

/// Parts of a hundred: what is above zero never looks like nothing.
pub(crate) fn percent(value: f64) -> String {
    match value {
        0.0 => "0 %".to_owned(),
        value if value < 0.001 => "< 0.001 %".to_owned(),
        value if value < 0.0995 => format!("{value:.3} %"),
        value => format!("{} %", digits(value)),
    }
}

const TIMES: [(f64, &str); 3] = [(1e6, " s"), (1e3, " ms"), (1.0, " µs")];
const SIZES: [(f64, &str); 4] = [(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1.0, " B")];

/// A value in the largest unit of which it has one at least.
fn scaled(value: f64, steps: &[(f64, &str)]) -> String {
    let (step, suffix) = step(value, steps);
    format!("{}{suffix}", digits(value / step))
}

/// The largest step that a value reaches once it is rounded to three digits, or the smallest of all.
fn step<'a>(value: f64, steps: &[(f64, &'a str)]) -> (f64, &'a str) {
    let found = steps.iter().find(|(step, _)| value.abs() >= 0.9995 * step);
    *found.or(steps.last()).unwrap_or(&(1.0, ""))
}

/// Three digits, and no more than four places.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        0.0 => 0,
        size if size >= 0.0995 => 3,
        _ => 4,
    };
    format!("{value:.places$}")
}

/// A count of things; the median of an even number of rounds may lie between two of them.
fn count(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 {
        thousands(whole(value))
    } else {
        format!("{}.5", thousands(whole(value.floor())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        for (metric, number, expected) in [
            (Metric::P99, 0.8, "0.800 µs"),
            (Metric::P99, 58.32, "58.3 µs"),
            (Metric::P99, 999.4, "999 µs"),
            (Metric::P99, 999.6, "1.00 ms"),
            (Metric::P99, 12_340.0, "12.3 ms"),
            (Metric::P99, 61e6, "61.0 s"),
            (Metric::Memory, 94_200_000.0, "94.2 MB"),
            (Metric::Throughput, 1.234e9, "1.23 GB/s"),
            (Metric::CpuPerGib, 812_345.0, "812 ms"),
            (Metric::Served, 19_998.4, "19,998"),
            (Metric::Served, 0.0, "0"),
            (Metric::SystemCalls, 2.0, "2.00"),
            (Metric::ContextSwitches, 0.0132, "0.0132"),
            (Metric::Threads, 1001.0, "1,001"),
            (Metric::Errors, 2.5, "2.5"),
            (Metric::Fairness, 1.0, "1.00"),
        ] {
            assert_eq!(value(metric, number), expected);
        }
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(tick(Unit::Microseconds, 100_000.0), "100 ms");
        assert_eq!(tick(Unit::PerSecond, 20_000.0), "20k");
        assert_eq!(tick(Unit::PerSecond, 1_500_000.0), "1.5M");
        assert_eq!(tick(Unit::Count, 0.1 + 0.2), "0.3");
        assert_eq!(tick(Unit::Bytes, 0.0), "0");
    }

    #[test]
    fn words_around_numbers() {
        assert_eq!(range("410 µs", "433 µs"), "410–433 µs");
        assert_eq!(range("0.9 ms", "1.1 s"), "0.9 ms–1.1 s");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(1, "round"), "1 round");
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(seconds(10.0), "10 s");
    }
}
