//! What an operator hears, and why something could not be said.

use std::fmt;

use socketserver::{Address, CloseReason};

/// What has happened.
///
/// The first that an operator hears of a peer is that it came, and the last that it left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A peer has come.
    Came {
        /// Its number: 1 for the first one, and so on.
        number: u64,
        /// Where it is.
        address: Address,
    },
    /// A peer has said a line.
    Said {
        /// Whose line it is.
        number: u64,
        /// The line, in which nothing can drive a terminal.
        text: String,
    },
    /// In turns: a peer has sent its end and says no more, but can still read the answer that it waits for, unless it is gone for good, which looks
    /// the same.
    Ended {
        /// Who says no more.
        number: u64,
    },
    /// A peer has left, or was sent away.
    Left {
        /// Who it was.
        number: u64,
        /// Why.
        reason: CloseReason,
    },
}

/// A peer that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number.
    pub number: u64,
    /// Where it is.
    pub address: Address,
}

/// Why something was not said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SayError {
    /// Nobody with this number is there, any more or yet.
    NoSuchPeer {
        /// The number.
        number: u64,
    },
    /// The peer does not read: so much waits for it already that nothing more is sent to it.
    DoesNotRead {
        /// Who it is.
        number: u64,
    },
    /// The text has too many bytes for a line.
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The text has a line end in it.
    SeveralLines,
    /// All is over, and nobody will be there any more.
    Over,
}

impl fmt::Display for SayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPeer { number } => {
                write!(
                    f,
                    "nobody with the number {number} is there (each number belongs to one peer, and is never used again)"
                )
            }
            Self::DoesNotRead { number } => write!(
                f,
                "{number} does not read, and was not sent this: too much waits for it already (wait, or say it again later)"
            ),
            Self::TooLong { bytes } => write!(
                f,
                "a line of {bytes} bytes is too long: it may have {} (send it in parts)",
                super::LINE_BYTES_MAX
            ),
            Self::SeveralLines => f.write_str(
                "a text with a line end in it is several lines: say one after the other",
            ),
            Self::Over => {
                f.write_str("nobody can be told anything any more, since the server has ended")
            }
        }
    }
}

impl std::error::Error for SayError {}
