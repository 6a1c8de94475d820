//! Where a value lies on an axis, and which values the axis names.

use crate::render::units::number;

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Equal differences are equally long; it begins at zero, since bars and slopes lie otherwise.
    Linear,
    /// Equal ratios are equally long.
    Log,
    /// Every further nine of a share is equally long: 0.9, 0.99, 0.999.
    Nines,
}

/// An axis between two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    form: Form,
    low: f64,
    high: f64,
}

/// How far values stay away from the ends of a log scale.
const MARGIN: f64 = 1.1;

/// From which ratio on values of one chart need a log scale: on a linear one the smallest would be a twentieth of the largest, a few pixels.
const RATIO_LINEAR_MAX: f64 = 20.0;

impl Scale {
    /// From zero to a round number that is at least `high`.
    pub(crate) fn linear(high: f64) -> Self {
        let high = if high.is_finite() && high > 0.0 {
            high
        } else {
            1.0
        };
        let step = step(high, 5.0);
        Self {
            form: Form::Linear,
            low: 0.0,
            high: (high / step - 1e-9).ceil() * step,
        }
    }

    /// Between round numbers around positive values, with a margin, since a line on the edge is taken for a part of it.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let (low, high) = (round_down(low / MARGIN), round_up(high * MARGIN));
        let high = if high > low { high } else { low * 10.0 };
        Self {
            form: Form::Log,
            low,
            high,
        }
    }

    /// Exactly around positive values, with a margin for their markers: for an axis that names its values instead of round numbers.
    pub(crate) fn log_around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let margin = (high / low).max(2.0).powf(0.04);
        Self {
            form: Form::Log,
            low: low / margin,
            high: high * margin,
        }
    }

    /// From a little below the half to a little above a share.
    pub(crate) fn nines(high: f64) -> Self {
        Self {
            form: Form::Nines,
            low: 0.45,
            high: 1.0 - (1.0 - high) * 0.8,
        }
    }

    /// From zero to exactly so much: for time.
    pub(crate) fn until(high: f64) -> Self {
        let high = if high.is_finite() && high > 0.0 {
            high
        } else {
            1.0
        };
        Self {
            form: Form::Linear,
            low: 0.0,
            high,
        }
    }

    /// A linear scale, or a log scale where values differ so much that a linear one would hide the small ones.
    pub(crate) fn fitting(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<_> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        let (low, high) = range(values.iter().copied());
        if high / low > RATIO_LINEAR_MAX {
            Self::log(values)
        } else {
            Self::linear(values.into_iter().fold(0.0, f64::max) * 1.02)
        }
    }

    /// Where a value lies, from 0 to 1. What lies beyond an end is drawn there.
    pub(crate) fn position(self, value: f64) -> f64 {
        let (low, high, value) = match self.form {
            Form::Linear => (self.low, self.high, value),
            Form::Log => (self.low.ln(), self.high.ln(), value.max(self.low).ln()),
            Form::Nines => (nines(self.low), nines(self.high), nines(value)),
        };
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Whether it can show a value: a log scale has no zero.
    pub(crate) fn has(self, value: f64) -> bool {
        value.is_finite() && (self.form != Form::Log || value > 0.0)
    }

    /// Round values on it, about so many, in rising order.
    pub(crate) fn ticks(self, count: usize) -> Vec<f64> {
        match self.form {
            Form::Linear => linear_ticks(self.high, count),
            Form::Log => log_ticks(self.low, self.high, count),
            Form::Nines => (NINES.into_iter())
                .filter(|&share| share <= self.high)
                .collect(),
        }
    }

    /// Values between the named ones, so that a log scale shows how it grows; too many of them would show nothing.
    pub(crate) fn minor_ticks(self) -> Vec<f64> {
        if self.form != Form::Log || self.high / self.low > 1e6 {
            return Vec::new();
        }
        let (first, last) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let ticks = (first..=last)
            .flat_map(|exponent| (1..10).map(move |digit| f64::from(digit) * power(exponent)));
        ticks
            .filter(|&tick| tick >= self.low && tick <= self.high)
            .collect()
    }

    /// Its name, for those who read the axis.
    pub(crate) fn word(self) -> &'static str {
        match self.form {
            Form::Linear => "linear scale",
            Form::Log => "log scale",
            Form::Nines => "nines scale",
        }
    }

    /// Whether equal ratios are equally long on it.
    pub(crate) fn is_log(self) -> bool {
        self.form == Form::Log
    }
}

/// The shares that a nines scale names.
pub(crate) const NINES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 0.9999];

fn nines(share: f64) -> f64 {
    -(1.0 - share).max(1e-9).log10()
}

fn linear_ticks(high: f64, count: usize) -> Vec<f64> {
    let step = step(high, number(count.max(1)));
    (0..=100_u32)
        .map(|index| f64::from(index) * step)
        .take_while(|&tick| tick <= high * (1.0 + 1e-9))
        .collect()
}

/// Powers of ten, or so many of them; below two of those, 1, 2 and 5 of each.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let is_inside = |&tick: &f64| tick >= low * (1.0 - 1e-9) && tick <= high * (1.0 + 1e-9);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let powers: Vec<_> = (first..=last).map(power).filter(is_inside).collect();
    if powers.len() > 2 || high / low >= 90.0 {
        let every = powers.len().div_ceil(count.max(2));
        return powers.into_iter().step_by(every.max(1)).collect();
    }
    let fine =
        (first..=last).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * power(exponent)));
    fine.filter(is_inside).collect()
}

/// The smallest and the largest of the positive values; 1 and 10 without any.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let positive = values
        .into_iter()
        .filter(|&value| value.is_finite() && value > 0.0);
    let range = positive.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    });
    range.unwrap_or((1.0, 10.0))
}

/// A step of 1, 2 or 5 of a power of ten, of which about so many make up the whole.
fn step(whole: f64, count: f64) -> f64 {
    round_up(whole / count * 0.99)
}

fn round_up(value: f64) -> f64 {
    let unit = power(value.log10().floor() as i32);
    let digits = [1.0, 2.0, 5.0, 10.0];
    let digit = digits
        .into_iter()
        .find(|digit| digit * unit >= value * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * unit
}

fn round_down(value: f64) -> f64 {
    let unit = power(value.log10().floor() as i32);
    let digits = [5.0, 2.0, 1.0];
    let digit = digits
        .into_iter()
        .find(|digit| digit * unit <= value * (1.0 + 1e-9));
    digit.unwrap_or(1.0) * unit
}

fn power(exponent: i32) -> f64 {
    10_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks are sums and products, so they are compared by what an axis would write.
    fn written(ticks: Vec<f64>) -> Vec<String> {
        ticks
            .into_iter()
            .map(|tick| format!("{}", (tick * 1e6).round() / 1e6))
            .collect()
    }

    #[test]
    fn a_linear_scale_begins_at_zero_and_ends_at_a_round_number() {
        let scale = Scale::linear(940.0);
        assert_eq!(
            written(scale.ticks(5)),
            ["0", "200", "400", "600", "800", "1000"]
        );
        assert!((scale.position(500.0) - 0.5).abs() < 1e-9);
        assert!(scale.position(-1.0).abs() < 1e-9 && (scale.position(1e9) - 1.0).abs() < 1e-9);
        assert_eq!(
            written(Scale::linear(0.0).ticks(5))
                .last()
                .map(String::as_str),
            Some("1")
        );
    }

    #[test]
    fn a_log_scale_names_powers_of_ten_or_what_lies_between() {
        let wide = Scale::log([13.0, 90_000.0]);
        assert_eq!(
            written(wide.ticks(6)),
            ["10", "100", "1000", "10000", "100000"]
        );
        assert!((wide.position(1000.0) - 0.5).abs() < 1e-9);
        let narrow = Scale::log([13.0, 90.0]);
        assert_eq!(written(narrow.ticks(6)), ["10", "20", "50", "100"]);
        let single = Scale::log([100.0, 100.0]);
        assert!(single.ticks(6).len() >= 2);
        assert!(!wide.has(0.0) && wide.has(0.1) && !wide.has(f64::NAN));
    }

    #[test]
    fn a_nines_scale_gives_every_nine_the_same_room() {
        let scale = Scale::nines(0.9999);
        assert_eq!(scale.ticks(5), NINES);
        let places = [0.9, 0.99, 0.999, 0.9999].map(|share| scale.position(share));
        let steps = places.windows(2).map(|pair| pair[1] - pair[0]);
        let steps: Vec<_> = steps.collect();
        assert!((steps[0] - steps[1]).abs() < 1e-9 && (steps[1] - steps[2]).abs() < 1e-9);
    }

    #[test]
    fn a_scale_fits_its_values() {
        assert!(Scale::fitting([1.0, 1001.0]).is_log());
        assert!(!Scale::fitting([100.0, 1001.0]).is_log());
        assert!(!Scale::fitting([0.0, 0.0]).is_log());
        assert!(!Scale::fitting([]).is_log());
    }

    #[test]
    fn no_value_makes_an_endless_axis() {
        for value in [1e-300, 1e300, f64::INFINITY, f64::NAN, -1.0, 0.0] {
            for scale in [
                Scale::linear(value),
                Scale::log([value]),
                Scale::fitting([value, 1.0]),
                Scale::until(value),
            ] {
                assert!(scale.ticks(6).len() <= 101, "{value}");
                assert!((0.0..=1.0).contains(&scale.position(1.0)), "{value}");
            }
        }
    }
}
