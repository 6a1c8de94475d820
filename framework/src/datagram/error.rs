//! Why a datagram was not sent.

use std::error::Error;
use std::fmt;
use std::io;

use crate::error::cause_of;

/// A datagram was not sent. Nothing of it was.
///
/// What the network does to datagrams later is not reported here, and mostly nowhere.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// Occurs when a datagram is longer than any that can be sent to this address.
    TooLong {
        /// How long it is, in bytes.
        size: usize,
        /// How long it may be.
        max: usize,
    },
    /// Occurs when the peer has sent too little to be answered with so much while nobody knows whether it is who it claims to be; see
    /// [`Config::amplification_max`](crate::Config::amplification_max).
    Unproven {
        /// How long the datagram is, in bytes.
        size: usize,
        /// How many bytes the next one may have.
        left: usize,
    },
    /// Occurs when the peer is a Unix socket without a name, to which nothing can be sent.
    Unnamed,
    /// Occurs when the system refuses the datagram, for instance since its queue is full ([`io::ErrorKind::WouldBlock`]).
    Refused(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot send a datagram: ")?;
        match self {
            Self::TooLong { size, max } => write!(
                f,
                "it has {size} bytes, and {max} is the most (send it in parts)"
            ),
            Self::Unproven { size, left } => write!(
                f,
                "it has {size} bytes, and a peer that has sent so little and was not proven may get {left} \
                 (prove it first, or raise amplification_max)"
            ),
            Self::Unnamed => f.write_str(
                "the peer's socket has no name to send to (it must bind its socket to a path first)",
            ),
            Self::Refused(error) if error.kind() == io::ErrorKind::WouldBlock => {
                f.write_str("the queue before it is full (send less at once)")
            }
            Self::Refused(error) => f.write_str(&cause_of(error)),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}
