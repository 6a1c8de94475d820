//! The steps of a script.

use std::fmt;
use std::time::Duration;

use super::{Data, Pattern};

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Sends bytes.
    Send(Data),
    /// Receives bytes, which must be like this.
    Expect(Pattern),
    /// Receives nothing more but the end: of this kind, or of any.
    ExpectEnd(Option<End>),
    /// Lets time pass.
    Wait(Duration),
    /// Sends the end of our side.
    HalfClose,
    /// Leaves at once, so that the other side sees a reset.
    Reset,
}

/// How the other side of a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was closed in order.
    Closed,
    /// It was reset.
    Reset,
}

impl End {
    /// The word for it, as scripts have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
        }
    }

    /// How a sentence goes on that begins with who has ended.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Closed => "closed the connection",
            Self::Reset => "reset the connection",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(data) => write!(f, "send {data}"),
            Self::Expect(pattern) => write!(f, "expect {pattern}"),
            Self::ExpectEnd(end) => write!(f, "expect {}", end.map_or("end", End::word)),
            // Without the spaces that a time of several units has.
            Self::Wait(time) => {
                let written = humantime::format_duration(*time).to_string();
                write!(f, "wait {}", written.replace(' ', ""))
            }
            Self::HalfClose => f.write_str("half-close"),
            Self::Reset => f.write_str("reset"),
        }
    }
}
