//! How many tokens come in how much time, as people write it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many tokens come in how much time, and how many there may be.
///
/// It is written `10/s:20`: ten in a second, and twenty at once after a while of silence. The unit is `s`, `min` or `h`. The default is `10/s:20`, which nobody who types reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    per: Per,
    burst: u32,
}

/// The time in which the tokens of a [`Rate`] come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// `s`.
    Second,
    /// `min`.
    Minute,
    /// `h`.
    Hour,
}

/// A [`Rate`], or none: what an option of a command line or a line of a configuration says.
///
/// It is written as a rate, or `off`. The default is the default rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloodLimit {
    /// Everybody may be as fast as he can.
    Off,
    /// Nobody may be faster than that.
    Rate(Rate),
}

/// Why a text or numbers are no [`Rate`]. Both say what it was that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateError {
    /// Occurs when a text does not have the form of a rate.
    Form(String),
    /// Occurs when one of the numbers is not within 1 and [`Rate::TOKENS_MAX`].
    Number(String),
}

impl Rate {
    /// The greatest number that either part of a rate may have.
    pub const TOKENS_MAX: u32 = 1_000_000;

    /// A rate of `count` tokens in the time of `per`, and of `burst` at once.
    ///
    /// # Errors
    ///
    /// [`RateError::Number`] if one of the numbers is 0 or more than [`Self::TOKENS_MAX`].
    pub fn new(count: u32, per: Per, burst: u32) -> Result<Self, RateError> {
        let rate = Self { count, per, burst };
        let within = 1..=Self::TOKENS_MAX;
        if within.contains(&count) && within.contains(&burst) {
            Ok(rate)
        } else {
            Err(RateError::Number(rate.to_string()))
        }
    }

    /// A rate of `count` tokens in a second.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn per_second(count: u32, burst: u32) -> Result<Self, RateError> {
        Self::new(count, Per::Second, burst)
    }

    /// How many tokens come.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In how much time they come.
    pub fn per(self) -> Per {
        self.per
    }

    /// How many there may be at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How much of the unit a token is; a nanosecond brings `count` of it.
    pub(super) fn token(self) -> u64 {
        self.per.seconds() * 1_000_000_000
    }

    /// How much of it a full bucket has. With the greatest numbers it is 3.6 · 10^18, a fifth of what the type holds.
    pub(super) fn full(self) -> u64 {
        self.token() * u64::from(self.burst)
    }
}

impl Per {
    fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

impl FloodLimit {
    /// The rate, for [`Flood::new`](super::Flood::new).
    pub fn rate(self) -> Option<Rate> {
        match self {
            Self::Off => None,
            Self::Rate(rate) => Some(rate),
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            count: 10,
            per: Per::Second,
            burst: 20,
        }
    }
}

impl Default for FloodLimit {
    fn default() -> Self {
        Self::Rate(Rate::default())
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let form = || RateError::Form(text.to_owned());
        let number = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(form());
            }
            // What is all digits and does not fit is too great.
            digits
                .parse()
                .map_err(|_| RateError::Number(text.to_owned()))
        };
        let (count, rest) = text.split_once('/').ok_or_else(form)?;
        let (per, burst) = rest.split_once(':').ok_or_else(form)?;
        let per = match per {
            "s" => Per::Second,
            "min" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(form()),
        };
        Self::new(number(count)?, per, number(burst)?)
    }
}

impl FromStr for FloodLimit {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Rate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.count, self.per, self.burst)
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        })
    }
}

impl fmt::Display for FloodLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(
                f,
                "'{}' is not a rate: write how many in which time, and after a colon how many at once, as in 10/s:20, 600/min:50 or 1/h:1",
                text.escape_debug()
            ),
            Self::Number(text) => write!(
                f,
                "'{}' is not a rate that works: write numbers from 1 to {}",
                text.escape_debug(),
                Rate::TOKENS_MAX
            ),
        }
    }
}

impl Error for RateError {}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for FloodLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FloodLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
