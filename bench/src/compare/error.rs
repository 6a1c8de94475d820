//! Why a server takes no part.

use std::{fmt, io};

use crate::load::cause;

/// A server that could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartServerError {
    /// The program cannot be run.
    Spawn {
        /// Which program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ended before it listened.
    Ended {
        /// How, as the system says it.
        status: String,
        /// The last line that it wrote on standard error.
        last_words: Option<String>,
    },
    /// It did not listen in time.
    Silent {
        /// Where it should have listened.
        place: String,
        /// The last line that it wrote on standard error.
        last_words: Option<String>,
    },
    /// The program of the peers is not there.
    NoPeers,
    /// It cannot be had over this transport: a server of somebody else over a Unix socket, or a peer of this package over datagrams.
    Transport,
    /// It does not serve files: a peer of this package.
    Files,
    /// It does not serve a chat: a peer of this package.
    Chat,
    /// The comparison was interrupted.
    Interrupted,
    /// The system refuses something else.
    System(io::Error),
}

impl fmt::Display for StartServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quote = |text: String, words: &Option<String>| match words {
            Some(words) => write!(f, "{text}, and its last words were: {words}"),
            None => f.write_str(&text),
        };
        match self {
            Self::Spawn { program, source } => {
                write!(f, "cannot run {program}: {}", cause(source))
            }
            Self::Ended { status, last_words } => quote(
                format!("the server ended before it listened ({status})"),
                last_words,
            ),
            Self::Silent { place, last_words } => quote(
                format!(
                    "nothing listened on {place} in time (write {{port}} in its command where the port goes)"
                ),
                last_words,
            ),
            Self::NoPeers => f.write_str(
                "the program socketserver-peer is not there: build it with \
                 `cargo build --release -p socketserver-bench --features peers`",
            ),
            Self::Transport => f.write_str(
                "it does not serve this transport (servers of others are compared over TCP and UDP, the peers of this package over streams)",
            ),
            Self::Files => f.write_str("it does not serve files"),
            Self::Chat => f.write_str("it does not serve a chat"),
            Self::Interrupted => f.write_str("the comparison was interrupted"),
            Self::System(source) => f.write_str(&cause(source)),
        }
    }
}

impl std::error::Error for StartServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Spawn { source, .. } | Self::System(source) => Some(source),
            _ => None,
        }
    }
}
