//! Why a load cannot be made at all.

use std::{fmt, io};

use socketserver::Endpoint;

/// A load that could not begin, or not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The name of the host has no address.
    Resolve {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// Not a single connection could be made.
    Connect {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// There are not enough descriptors for so many connections.
    Descriptors {
        /// How many connections are wanted.
        connections: usize,
        /// How many files this program may have open.
        files: u64,
    },
    /// The server does not take, or give, the files that are to be transferred: this is why.
    Files(String),
    /// The server does not let enough members into a room for anybody to talk: this is why.
    Chat(String),
    /// The plan contradicts itself.
    Plan(&'static str),
    /// The system refuses something else.
    System(io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { endpoint, source } => {
                write!(
                    f,
                    "cannot find an address for {endpoint}: {}",
                    cause(source)
                )
            }
            Self::Connect { endpoint, source } => write!(
                f,
                "cannot connect to {endpoint}: {} (is the server running?)",
                cause(source)
            ),
            Self::Descriptors { connections, files } => write!(
                f,
                "{connections} connections need more than the {files} files that this program may have open: \
                 raise the limit (ulimit -Hn) or use fewer connections"
            ),
            Self::Files(why) => write!(f, "no file can be transferred: {why}"),
            Self::Chat(why) => write!(f, "no chat comes about: {why}"),
            Self::Plan(what) => f.write_str(what),
            Self::System(source) => write!(f, "the load cannot go on: {}", cause(source)),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::Connect { source, .. } | Self::System(source) => {
                Some(source)
            }
            Self::Descriptors { .. } | Self::Files(_) | Self::Chat(_) | Self::Plan(_) => None,
        }
    }
}

/// The text of a system error as the rest of a sentence: lower case, without the error number.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}
