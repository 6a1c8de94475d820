//! Decisions: how probable each fate of a datagram is, and dice that fall the same way whenever they have the same seed.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use fastrand::Rng;

/// How many parts a whole has. Whole numbers add up without rounding.
const WHOLE: u32 = 1_000_000;

/// A part of all datagrams, written `10%`, `0.5%` or without the sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percent {
    parts: u32,
}

/// How probable it is that a datagram is dropped, sent twice, or overtaken by later ones. No datagram meets two of these fates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    drop: Percent,
    duplicate: Percent,
    reorder: Percent,
}

/// A text is no percentage, or several of them are more than a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChanceError {
    /// Occurs when a text is not a number from 0 to 100, with or without a percent sign.
    NotPercent(String),
    /// Occurs when the three chances are more than 100 % together.
    TooMuch,
}

/// What happens to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent on as it came.
    Passed,
    /// It is lost.
    Dropped,
    /// It is sent on twice.
    Duplicated,
    /// It is held back until the next one was sent on.
    Reordered,
}

/// The decisions for one stream of datagrams.
///
/// ```
/// use socketserver_examples::lossy::{Chances, Dice};
///
/// let chances = Chances::new("30%".parse()?, "5%".parse()?, "5%".parse()?)?;
/// let [mut one, mut again] = [Dice::new(chances, 7, 0), Dice::new(chances, 7, 0)];
/// assert!((0..100).all(|_| one.throw() == again.throw()));
/// # Ok::<(), socketserver_examples::lossy::ChanceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dice {
    chances: Chances,
    random: Rng,
}

impl FromStr for Percent {
    type Err = ChanceError;

    fn from_str(text: &str) -> Result<Self, ChanceError> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end().parse();
        let Ok(percent @ 0.0..=100.0) = number else {
            return Err(ChanceError::NotPercent(text.into()));
        };
        #[expect(clippy::cast_sign_loss, reason = "there is no sign at 0 to 100")]
        let parts = (percent * f64::from(WHOLE) / 100.0_f64).round() as u32;
        Ok(Self { parts })
    }
}

impl Chances {
    /// All other datagrams are passed on as they came.
    ///
    /// # Errors
    ///
    /// When they are more than a whole together.
    pub fn new(drop: Percent, duplicate: Percent, reorder: Percent) -> Result<Self, ChanceError> {
        if drop.parts + duplicate.parts + reorder.parts > WHOLE {
            return Err(ChanceError::TooMuch);
        }
        Ok(Self {
            drop,
            duplicate,
            reorder,
        })
    }
}

impl Dice {
    /// Dice for one of many streams, each of which has decisions of its own from the same seed.
    pub fn new(chances: Chances, seed: u64, stream: u64) -> Self {
        // An odd factor, so that no two streams share a seed; it is far from the generator's own step, so that none runs after another.
        let seed = seed.wrapping_add(stream.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self {
            chances,
            random: Rng::with_seed(seed),
        }
    }

    /// The fate of the next datagram.
    pub fn throw(&mut self) -> Fate {
        let Chances {
            drop,
            duplicate,
            reorder,
        } = self.chances;
        let mut parts = self.random.u32(0..WHOLE);
        for (chance, fate) in [
            (drop, Fate::Dropped),
            (duplicate, Fate::Duplicated),
            (reorder, Fate::Reordered),
        ] {
            if parts < chance.parts {
                return fate;
            }
            parts -= chance.parts;
        }
        Fate::Passed
    }
}

impl fmt::Display for ChanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPercent(text) => {
                write!(
                    f,
                    "{text:?} is no percentage (write a number from 0 to 100, such as 2.5%)"
                )
            }
            Self::TooMuch => f.write_str("the chances are more than 100% together"),
        }
    }
}

impl Error for ChanceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    fn fates(chances: Chances, seed: u64, stream: u64) -> Vec<Fate> {
        let mut dice = Dice::new(chances, seed, stream);
        (0..10_000).map(|_| dice.throw()).collect()
    }

    #[test]
    fn a_percentage_is_a_number_from_0_to_100() {
        assert_eq!(percent("10%"), percent("10"));
        assert_eq!(percent("0.0001%").parts, 1);
        assert_eq!(percent("100 %").parts, WHOLE);
        for text in ["", "%", "-1%", "100.1%", "NaN", "inf", "ten", "1%%"] {
            let error = text.parse::<Percent>().unwrap_err();
            assert_eq!(error, ChanceError::NotPercent(text.into()));
        }
    }

    #[test]
    fn three_chances_are_a_whole_at_most() {
        let third = percent("33.3333%");
        assert!(Chances::new(third, third, percent("33.3334%")).is_ok());
        let error = Chances::new(third, third, percent("33.3335%")).unwrap_err();
        assert_eq!(error, ChanceError::TooMuch);
    }

    #[test]
    fn nothing_and_everything_are_exact() {
        let (none, all) = (percent("0%"), percent("100%"));
        for (chances, fate) in [
            (Chances::default(), Fate::Passed),
            (Chances::new(all, none, none).unwrap(), Fate::Dropped),
            (Chances::new(none, all, none).unwrap(), Fate::Duplicated),
            (Chances::new(none, none, all).unwrap(), Fate::Reordered),
        ] {
            assert!(fates(chances, 1, 0).iter().all(|&other| other == fate));
        }
    }

    #[test]
    fn a_seed_decides_and_streams_differ() {
        let chances = Chances::new(percent("30%"), percent("10%"), percent("5%")).unwrap();
        let first = fates(chances, 1, 0);
        assert_eq!(first, fates(chances, 1, 0));
        assert_ne!(first, fates(chances, 2, 0));
        assert_ne!(first, fates(chances, 1, 1));
        for (fate, expected) in [
            (Fate::Passed, 5_500),
            (Fate::Dropped, 3_000),
            (Fate::Duplicated, 1_000),
            (Fate::Reordered, 500),
        ] {
            let count = first.iter().filter(|&&other| other == fate).count();
            assert!(count.abs_diff(expected) < 200, "{count} times {fate:?}");
        }
    }
}
