//! Why a connection ended: exactly one [`CloseReason`] each.

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::HandlerError;
use crate::codec::FrameError;

/// Why a connection ended. Every connection ends for exactly one reason, and [`Stats`](crate::Stats) count them by kind.
///
/// A peer that hangs up is not an error: only the reasons for which [`CloseReason::is_error`] is true are reported to
/// [`Hooks::handle_error`](crate::Hooks::handle_error) .
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer ended its side, and the handler had nothing more to say.
    PeerClosed,
    /// The peer reset the connection, or was gone when something was sent to it.
    PeerReset,
    /// The handler closed the connection with [`Conn::close`](crate::Conn::close).
    HandlerClosed,
    /// Another thread closed the connection with [`Remote::close`](crate::Remote::close).
    RemoteClosed,
    /// The handler or a [`Remote`](crate::Remote) cut the connection with `abort`.
    Aborted,
    /// A callback of the handler returned this error.
    HandlerError(Arc<HandlerError>),
    /// A callback of the handler, or the factory that makes handlers, panicked with this message.
    Panic(Arc<str>),
    /// Nothing was received or sent for [`Config::idle_timeout`](crate::Config::idle_timeout), or the peer of a datagram server has sent nothing for
    /// [`Config::peer_idle_timeout`](crate::Config::peer_idle_timeout).
    IdleTimeout,
    /// A message that had begun was not complete after [`Config::read_timeout`](crate::Config::read_timeout).
    ReadTimeout,
    /// The peer took nothing of what was waiting for it during [`Config::write_timeout`](crate::Config::write_timeout).
    WriteTimeout,
    /// The connection was open for [`Config::lifetime`](crate::Config::lifetime).
    LifetimeOver,
    /// The handler left more unread input than [`Config::input_bytes_max`](crate::Config::input_bytes_max).
    InputOverflow,
    /// The handler wrote more than [`Config::output_bytes_max`](crate::Config::output_bytes_max) that the peer had not taken.
    OutputOverflow,
    /// The connection was too slow for a [`Group`](crate::Group) whose policy is to disconnect slow members.
    SlowMember,
    /// A file given to [`Conn::send_file`](crate::Conn::send_file) ended before the range that was promised, or could not be read.
    FileTruncated,
    /// The server drained, and the connection had finished its work.
    Drained,
    /// The server drained, and the connection was cut at the deadline.
    DrainCut,
    /// The operating system reported an error for the socket.
    Io(io::ErrorKind),
    /// The peer sent what the protocol does not allow: a callback of the handler returned this [`FrameError`].
    ProtocolError(Arc<FrameError>),
    /// The peer of a datagram server had to make room for another; see [`Config::eviction`](crate::Config::eviction).
    Evicted,
}

impl CloseReason {
    /// The words under which reasons are counted and printed, in the order of [`CloseReason::index`].
    pub(crate) const WORDS: [&'static str; 20] = [
        "peer_closed",
        "peer_reset",
        "handler_closed",
        "remote_closed",
        "aborted",
        "handler_error",
        "panic",
        "idle_timeout",
        "read_timeout",
        "write_timeout",
        "lifetime_over",
        "input_overflow",
        "output_overflow",
        "slow_member",
        "file_truncated",
        "drained",
        "drain_cut",
        "io_error",
        "protocol_error",
        "evicted",
    ];

    /// One word for the kind of reason, as used in logs and statistics, for instance `idle_timeout`.
    pub fn word(&self) -> &'static str {
        Self::WORDS[self.index()]
    }

    /// Whether the reason points to a fault on this side: an error or a panic of a handler, a limit that the handler
    /// itself broke, or an error of the operating system.
    pub fn is_error(&self) -> bool {
        matches!(
            self,
            Self::HandlerError(_)
                | Self::Panic(_)
                | Self::OutputOverflow
                | Self::FileTruncated
                | Self::Io(_)
        )
    }

    pub(crate) fn index(&self) -> usize {
        match self {
            Self::PeerClosed => 0,
            Self::PeerReset => 1,
            Self::HandlerClosed => 2,
            Self::RemoteClosed => 3,
            Self::Aborted => 4,
            Self::HandlerError(_) => 5,
            Self::Panic(_) => 6,
            Self::IdleTimeout => 7,
            Self::ReadTimeout => 8,
            Self::WriteTimeout => 9,
            Self::LifetimeOver => 10,
            Self::InputOverflow => 11,
            Self::OutputOverflow => 12,
            Self::SlowMember => 13,
            Self::FileTruncated => 14,
            Self::Drained => 15,
            Self::DrainCut => 16,
            Self::Io(_) => 17,
            Self::ProtocolError(_) => 18,
            Self::Evicted => 19,
        }
    }

    /// The reason that an error of a callback stands for: what the peer did wrong is no fault of the handler.
    pub(crate) fn from_handler_error(error: HandlerError) -> Self {
        let inner = error.inner();
        let wrapped = || inner.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref();
        match inner.downcast_ref::<FrameError>().or_else(wrapped) {
            Some(error) => Self::ProtocolError(Arc::new(error.clone())),
            None => Self::HandlerError(Arc::new(error)),
        }
    }

    /// The reason that an error of the socket stands for.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::PeerReset,
            kind => Self::Io(kind),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerClosed => f.write_str("the peer closed the connection"),
            Self::PeerReset => f.write_str("the peer reset the connection"),
            Self::HandlerClosed => f.write_str("the handler closed the connection"),
            Self::RemoteClosed => f.write_str("another thread closed the connection"),
            Self::Aborted => f.write_str("the connection was aborted on this side"),
            Self::HandlerError(error) => write!(f, "the handler failed: {error}"),
            Self::Panic(message) => write!(f, "the handler panicked: {message}"),
            Self::IdleTimeout => f.write_str("nothing came within the idle timeout"),
            Self::ReadTimeout => f.write_str("a message was not complete within the read timeout"),
            Self::WriteTimeout => f.write_str("the peer took no output within the write timeout"),
            Self::LifetimeOver => f.write_str("the connection reached its maximum lifetime"),
            Self::InputOverflow => f.write_str("a message was longer than the input limit"),
            Self::OutputOverflow => f.write_str("the handler wrote more than the output limit"),
            Self::SlowMember => f.write_str("the connection was too slow for its group"),
            Self::FileTruncated => f.write_str("a file became shorter while it was sent"),
            Self::Drained => f.write_str("the server stopped and the connection was finished"),
            Self::DrainCut => {
                f.write_str("the server stopped and the connection was cut at the drain deadline")
            }
            Self::Io(kind) => write!(f, "the socket failed: {kind}"),
            Self::ProtocolError(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Evicted => f.write_str("the peer had to make room for another"),
        }
    }
}

impl Serialize for CloseReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> = CloseReason::WORDS.iter().collect();
        assert_eq!(words.len(), CloseReason::WORDS.len());
        assert_eq!(CloseReason::Io(io::ErrorKind::Other).word(), "io_error");
        assert_eq!(CloseReason::DrainCut.word(), "drain_cut");
        assert_eq!(
            protocol_error(FrameError::LengthLeadingZero).word(),
            "protocol_error"
        );
    }

    fn protocol_error(error: impl Into<HandlerError>) -> CloseReason {
        CloseReason::from_handler_error(error.into())
    }

    #[test]
    fn what_the_peer_did_wrong_is_not_an_error_of_this_side() {
        let error = FrameError::EndsInside { bytes: 3 };
        for reason in [
            protocol_error(error.clone()),
            protocol_error(io::Error::from(error)),
        ] {
            assert!(!reason.is_error());
            assert_eq!(
                reason.to_string(),
                "the peer broke the protocol: the peer ended inside a message, after 3 bytes of it \
                 (it must send messages whole before it closes)"
            );
        }
        for reason in [
            protocol_error("a bug"),
            protocol_error(io::Error::from(io::ErrorKind::InvalidData)),
            protocol_error(io::Error::other("a bug")),
        ] {
            assert_eq!(reason.word(), "handler_error");
            assert!(reason.is_error());
        }
    }

    #[test]
    fn a_peer_that_hangs_up_is_not_an_error() {
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe] {
            let reason = CloseReason::from_io(&kind.into());
            assert_eq!(reason.word(), "peer_reset");
            assert!(!reason.is_error());
        }
        assert!(CloseReason::from_io(&io::ErrorKind::OutOfMemory.into()).is_error());
    }
}
