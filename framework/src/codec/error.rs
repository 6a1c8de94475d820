//! What is wrong with a message: the peer's mistake, and our own.

use std::error::Error;
use std::fmt;
use std::io;

use crate::error::OneLine;

/// A peer has sent what its protocol does not allow.
///
/// A callback that returns it, or an [`io::Error`] made of it, ends its connection with
/// [`CloseReason::ProtocolError`](crate::CloseReason::ProtocolError): that is no fault of this side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// Occurs when a message goes on beyond the maximum, and how long it would have become is not known.
    TooLong {
        /// The longest message that is allowed, in bytes.
        max: usize,
    },
    /// Occurs when a length prefix announces more than the maximum.
    LengthTooLarge {
        /// The length that was announced, in bytes.
        length: u64,
        /// The longest message that is allowed, in bytes.
        max: usize,
        /// Whether the length would be allowed if its bytes were read in the other order.
        swapped: bool,
    },
    /// Occurs when a length prefix with a sign is below zero.
    LengthNegative {
        /// The length that was announced.
        length: i64,
        /// Whether the length would be allowed if its bytes were read in the other order.
        swapped: bool,
    },
    /// Occurs when the length of a netstring has no digits, or something else between them.
    LengthNotDigits {
        /// The first byte that is none.
        found: u8,
    },
    /// Occurs when the length of a netstring begins with a zero and goes on.
    LengthLeadingZero,
    /// Occurs when there is something else than a comma behind a netstring.
    CommaMissing {
        /// What is there instead.
        found: u8,
    },
    /// Occurs when the peer ends its side of the connection inside a message.
    EndsInside {
        /// How many bytes of the message, its header included, had come.
        bytes: usize,
    },
    /// Occurs when a message is not JSON, is nested too deeply, or has other fields than are expected.
    Json(String),
    /// Occurs when a codec or a handler of your own says so: a sentence about what the peer may not send.
    Malformed(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { max } => write!(
                f,
                "a message is longer than {max} bytes (raise the maximum of the codec if it may be)"
            ),
            Self::LengthTooLarge {
                length,
                max,
                swapped,
            } => write!(
                f,
                "a message of {length} bytes was announced, and at most {max} are allowed ({})",
                if *swapped {
                    OTHER_ORDER
                } else {
                    "raise the maximum of the codec if it may be as long"
                }
            ),
            Self::LengthNegative { length, swapped } => write!(
                f,
                "a message of {length} bytes was announced, which is less than none ({})",
                if *swapped {
                    OTHER_ORDER
                } else {
                    "does the peer speak this protocol?"
                }
            ),
            Self::LengthNotDigits { found } => write!(
                f,
                "the length of a netstring has '{}' where digits and a colon belong (does the peer speak this protocol?)",
                found.escape_ascii()
            ),
            Self::LengthLeadingZero => f.write_str(
                "the length of a netstring begins with a zero (the peer must send it without)",
            ),
            Self::CommaMissing { found } => write!(
                f,
                "behind a netstring there is '{}' and not a comma (is the length right that the peer computes?)",
                found.escape_ascii()
            ),
            Self::EndsInside { bytes } => write!(
                f,
                "the peer ended inside a message, after {bytes} bytes of it (it must send messages whole before it closes)"
            ),
            Self::Json(cause) => {
                let cause = OneLine(cause);
                write!(f, "a message is not the JSON that is expected: {cause}")
            }
            Self::Malformed(cause) => OneLine(cause).fmt(f),
        }
    }
}

/// What a person should look at when a length makes sense only backwards.
const OTHER_ORDER: &str = "is the peer's byte order the other one?";

impl Error for FrameError {}

/// For code that reads from a stream: an error of the kind [`InvalidData`](io::ErrorKind::InvalidData), around this one.
impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// A message cannot be sent, since the peer would not read it as the same message.
///
/// It is a mistake of the program that wanted to send it. A handler that returns it ends its connection with
/// [`CloseReason::HandlerError`](crate::CloseReason::HandlerError).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Occurs when a message is longer than the codec's maximum.
    TooLong {
        /// How long it is, in bytes.
        length: usize,
        /// How long it may be, in bytes.
        max: usize,
    },
    /// Occurs when a message contains what marks the end of a message, or ends with so much of it that its end would be seen too early.
    ContainsDelimiter,
    /// Occurs when a message has not the one size that all messages must have.
    WrongSize {
        /// How long it is, in bytes.
        length: usize,
        /// How long it must be, in bytes.
        size: usize,
    },
    /// Occurs when a value cannot be written as JSON, for instance a map whose keys are no texts.
    Json(String),
    /// Occurs when a codec of your own says so: a sentence about what it cannot frame.
    Unsuitable(String),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, max } => write!(
                f,
                "cannot send a message of {length} bytes: at most {max} are allowed (send it in parts, or raise the maximum on both sides)"
            ),
            Self::ContainsDelimiter => f.write_str(
                "cannot send a message that contains its delimiter: it would be taken for two (escape it, or send lengths instead)",
            ),
            Self::WrongSize { length, size } => write!(
                f,
                "cannot send a message of {length} bytes: each must have exactly {size} (fill it up)"
            ),
            Self::Json(cause) => write!(f, "cannot write a value as JSON: {cause}"),
            Self::Unsuitable(cause) => f.write_str(cause),
        }
    }
}

impl Error for EncodeError {}

/// For code that writes to a stream: an error of the kind [`InvalidInput`](io::ErrorKind::InvalidInput), around this one.
impl From<EncodeError> for io::Error {
    fn from(error: EncodeError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_keeps_what_it_is_made_of() {
        let error = io::Error::from(FrameError::LengthLeadingZero);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<FrameError>());
        assert_eq!(inner, Some(&FrameError::LengthLeadingZero));
        let error = io::Error::from(EncodeError::ContainsDelimiter);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            EncodeError::ContainsDelimiter.to_string()
        );
    }

    #[test]
    fn bytes_of_a_peer_are_shown_so_that_a_terminal_survives_them() {
        assert!(
            FrameError::CommaMissing { found: 0x1b }
                .to_string()
                .contains(r"'\x1b'")
        );
        // The name of a field that is not known is the peer's, and serde repeats it as it is.
        let cause = "unknown field `\x1b[2J\n`, expected `a`".to_owned();
        for error in [
            FrameError::Json(cause.clone()),
            FrameError::Malformed(cause),
        ] {
            assert!(error.to_string().contains(r"`\u{1b}[2J\n`"), "{error}");
        }
    }
}
