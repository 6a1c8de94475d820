//! Which cuts are tried, and how many.

use std::fmt;
use std::str::FromStr;

/// Which cuts are tried, written `single:4096,pairs:256,bytes,random:200`: whatever is left out is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// How many single cuts are tried. Of an input with more places than that, so many are chosen.
    pub single_max: usize,
    /// Up to how many bytes of input all pairs of cuts are tried. Their number grows with the square.
    pub pairs_input_max: usize,
    /// Whether the input is also sent byte by byte.
    pub bytes: bool,
    /// How many times it is cut at several places that are chosen at random.
    pub random: usize,
}

impl Cuts {
    /// None, to which others can be added.
    pub const NONE: Self = Self {
        single_max: 0,
        pairs_input_max: 0,
        bytes: false,
        random: 0,
    };
    /// For handlers in this process: a run takes some microseconds.
    pub const HANDLER: Self = Self {
        single_max: 4096,
        pairs_input_max: 256,
        bytes: true,
        random: 200,
    };
    /// For servers behind a socket: a run takes some milliseconds, since every cut needs a gap of time.
    pub const SERVER: Self = Self {
        single_max: 128,
        pairs_input_max: 16,
        bytes: true,
        random: 32,
    };
}

/// A text does not say which cuts to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutsError {
    text: String,
}

impl FromStr for Cuts {
    type Err = CutsError;

    fn from_str(text: &str) -> Result<Self, CutsError> {
        let error = || CutsError {
            text: text.to_owned(),
        };
        let mut cuts = Self::NONE;
        for word in text.split(',') {
            let (name, number) = match word.trim().split_once(':') {
                None => (word.trim(), None),
                Some((name, number)) => (name, Some(number.parse().map_err(|_| error())?)),
            };
            match (name, number) {
                ("none", None) => {}
                ("single", number) => cuts.single_max = number.unwrap_or(Self::SERVER.single_max),
                ("pairs", number) => {
                    cuts.pairs_input_max = number.unwrap_or(Self::SERVER.pairs_input_max);
                }
                ("bytes", None) => cuts.bytes = true,
                ("random", number) => cuts.random = number.unwrap_or(Self::SERVER.random),
                _ => return Err(error()),
            }
        }
        Ok(cuts)
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [
            ("single", self.single_max),
            ("pairs", self.pairs_input_max),
            ("random", self.random),
        ];
        let numbers = numbers.iter().filter(|(_, number)| *number > 0);
        let mut words: Vec<_> = numbers
            .map(|(name, number)| format!("{name}:{number}"))
            .collect();
        if self.bytes {
            words.push("bytes".to_owned());
        }
        if words.is_empty() {
            words.push("none".to_owned());
        }
        f.write_str(&words.join(","))
    }
}

impl fmt::Display for CutsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' does not say which cuts to try: write single:128,pairs:16,bytes,random:32, or some of them, or none",
            self.text.escape_debug()
        )
    }
}

impl std::error::Error for CutsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read_again() {
        for cuts in [Cuts::NONE, Cuts::HANDLER, Cuts::SERVER] {
            assert_eq!(cuts.to_string().parse(), Ok(cuts));
        }
        let bytes = Cuts {
            bytes: true,
            ..Cuts::NONE
        };
        assert_eq!("bytes".parse(), Ok(bytes));
        assert_eq!(
            "single, bytes ,pairs,random".parse(),
            Ok(Cuts::SERVER),
            "without numbers they are those for servers"
        );
    }

    #[test]
    fn what_is_wrong_is_shown_with_an_example() {
        for text in ["", "all", "single:x", "bytes:3", "random:-1"] {
            let error = text.parse::<Cuts>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("'{text}' does not say which")),
                "{error}"
            );
        }
    }
}
