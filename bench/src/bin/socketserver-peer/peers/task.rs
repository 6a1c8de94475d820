//! What a peer does with what it receives: the same as our handlers.

use std::time::Duration;

use super::failure::Failure;

/// What is done for a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Every byte comes back.
    Bytes(Letters),
    /// Every line comes back, when its time has passed.
    Lines(Pace),
}

/// How bytes come back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Letters {
    /// As they are.
    Unchanged,
    /// Those from a to z as capital ones.
    Capital,
}

/// How the time of a line passes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// A processor is kept busy for so long.
    Work(Duration),
    /// The connection waits for so long, and no other one should.
    Wait(Duration),
}

/// What `work` and `wait` take where no time is written, as with `socketserver serve`.
const WORK: Duration = Duration::from_micros(200);
const WAIT: Duration = Duration::from_millis(5);

impl Task {
    /// What a peer does where nothing else is said.
    pub(super) const ECHO: Self = Self::Bytes(Letters::Unchanged);

    /// Reads the value of `--handler`.
    pub(super) fn read(word: &str) -> Result<Self, Failure> {
        let time = |text: &str| {
            humantime::parse_duration(text).map_err(|_| {
                Failure::usage(format!(
                    "'{text}' is not a time: write 200us or 5ms (in --handler {word})"
                ))
            })
        };
        match word.split_once(':') {
            None if word == "echo" => Ok(Self::ECHO),
            None if word == "uppercase" => Ok(Self::Bytes(Letters::Capital)),
            None if word == "work" => Ok(Self::Lines(Pace::Work(WORK))),
            None if word == "wait" => Ok(Self::Lines(Pace::Wait(WAIT))),
            Some(("work", text)) => Ok(Self::Lines(Pace::Work(time(text)?))),
            Some(("wait", text)) => Ok(Self::Lines(Pace::Wait(time(text)?))),
            _ => Err(Failure::usage(format!(
                "'{word}' is not a known handler: write echo, uppercase, work:TIME or wait:TIME (in --handler)"
            ))),
        }
    }
}

impl Letters {
    /// Makes the answer of what was received.
    pub(super) fn change(self, bytes: &mut [u8]) {
        match self {
            Self::Unchanged => {}
            Self::Capital => bytes.make_ascii_uppercase(),
        }
    }
}
