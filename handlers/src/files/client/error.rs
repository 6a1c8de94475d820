//! Why something a client was asked for is not done.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use socketserver::Endpoint;

use super::super::path::{PathError, is_treacherous};
use super::super::wire::ReplyFields;
use super::super::{Hash, Word};

/// The most letters of a server's sentence that are passed on.
const SENTENCE_LETTERS_MAX: usize = 500;

/// Why something a client was asked for is not done. Each is shown as one sentence, in which nothing that a server has said can end the line or
/// drive a terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Occurs when the server cannot be reached, or its host has no address ([`NotFound`](io::ErrorKind::NotFound)).
    Connect {
        /// Where it should be.
        endpoint: Endpoint,
        /// What the system said.
        cause: io::Error,
    },
    /// Occurs when the server does not do what it was asked for.
    Refused {
        /// The kind; none from servers of version 1 that do not say it.
        word: Option<Word>,
        /// What the server says to people, or what is said in its place.
        sentence: String,
    },
    /// Occurs when a path breaks the rule for names, which is found before anything is sent.
    Name(PathError),
    /// Occurs when a file has another hash than it should have. What had come of it is dropped.
    Integrity {
        /// The file.
        name: String,
        /// The hash that the sender has told.
        expected: Hash,
        /// The hash of what has come.
        found: Hash,
    },
    /// Occurs when a transfer ends early.
    Incomplete {
        /// The file.
        name: String,
        /// How many of its bytes are there.
        have: u64,
        /// How many bytes it has.
        total: u64,
        /// Whether another attempt goes on from there.
        is_resumable: bool,
        /// What has ended it.
        cause: Box<Error>,
    },
    /// Occurs when a server sends a name that would lead elsewhere. Nothing is written.
    Hostile {
        /// The name, in a form that can be shown.
        name: String,
        /// What is wrong with it.
        problem: PathError,
    },
    /// Occurs when a local file was changed while it was sent. Nothing has its name on the server.
    Changed {
        /// The file.
        name: String,
    },
    /// Occurs when something fails on this side.
    Local {
        /// What was tried: `open`, `write`.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Occurs when a reply is none, or lacks what the protocol asks for; the connection is of no more use.
    Protocol(String),
    /// Occurs when nothing moves for too long; the connection is of no more use.
    TimedOut(Duration),
    /// Occurs when the connection has ended ([`UnexpectedEof`](io::ErrorKind::UnexpectedEof)) or broken.
    Lost(io::Error),
    /// Occurs when something is asked for that version 1 does not have, which is all that the server speaks; says what.
    Unsupported(&'static str),
}

impl Error {
    /// The refusal that a reply is.
    pub(super) fn refused(reply: &ReplyFields) -> Self {
        let sentence = match (shown(&reply.res), reply.code) {
            (sentence, _) if !sentence.is_empty() => sentence,
            (_, Some(code)) => {
                format!("the server refuses with the code {code}, and does not say why")
            }
            (_, None) => "the server refuses, and does not say why".to_owned(),
        };
        Self::Refused {
            word: reply.err,
            sentence,
        }
    }

    /// What a null in place of a reply means.
    pub(super) fn unknown_verb() -> Self {
        Self::Refused {
            word: Some(Word::Unknown),
            sentence: "the server does not know this verb".to_owned(),
        }
    }

    /// A reply that lacks a field.
    pub(super) fn lacking(field: &str) -> Self {
        Self::Protocol(format!("its field {field} is missing or empty"))
    }

    /// Whether it is a refusal of this kind.
    pub fn is_refusal(&self, kind: Word) -> bool {
        matches!(self, Self::Refused { word: Some(word), .. } if *word == kind)
    }

    /// Whether the connection is of no more use.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Protocol(_) | Self::TimedOut(_) | Self::Lost(_))
    }
}

/// A text of a server as one line that cannot drive a terminal.
pub(super) fn shown(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        '\n' | '\t' => ' ',
        letter if is_treacherous(letter) => char::REPLACEMENT_CHARACTER,
        letter => letter,
    });
    let text: String = letters.take(SENTENCE_LETTERS_MAX).collect();
    text.trim().to_owned()
}

/// What is wrong with a name, without what its writer could do, who does not read this.
fn without_advice(problem: PathError) -> String {
    let sentence = problem.to_string();
    sentence.split(" (").next().unwrap_or_default().to_owned()
}

/// The text of a system error as it stands in a sentence: without the error number.
fn cause_of(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { endpoint, cause } => {
                write!(f, "cannot connect to {endpoint}: {}", cause_of(cause))
            }
            Self::Refused { sentence, .. } => f.write_str(sentence),
            Self::Name(problem) => write!(f, "this is no path for the server: {problem}"),
            Self::Integrity {
                name,
                expected,
                found,
            } => write!(
                f,
                "{} is damaged: its {} should be {expected} and is {found} (what has come is dropped)",
                shown(name),
                expected.algorithm()
            ),
            Self::Incomplete {
                name,
                have,
                total,
                cause,
                ..
            } => write!(
                f,
                "{} is incomplete, with {have} of {total} bytes: {cause}",
                shown(name)
            ),
            Self::Hostile { name, problem } => write!(
                f,
                "the server calls a file '{}', and nothing was written: {}",
                shown(name),
                without_advice(*problem)
            ),
            Self::Changed { name } => write!(
                f,
                "{} was changed while it was sent (send it again once nobody writes to it)",
                shown(name)
            ),
            Self::Local { doing, path, cause } => {
                write!(
                    f,
                    "cannot {doing} {}: {}",
                    shown(&path.to_string_lossy()),
                    cause_of(cause)
                )
            }
            Self::Protocol(problem) => write!(
                f,
                "this is no reply of a file server: {} (is it another kind of server?)",
                shown(problem)
            ),
            Self::TimedOut(after) => write!(f, "the server did nothing for {after:?}"),
            Self::Lost(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the server has ended the connection")
            }
            Self::Lost(error) => write!(f, "the connection broke: {}", cause_of(error)),
            Self::Unsupported(what) => {
                write!(
                    f,
                    "the server speaks version 1 of the protocol only: {what}"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { cause, .. } | Self::Local { cause, .. } | Self::Lost(cause) => {
                Some(cause)
            }
            Self::Incomplete { cause, .. } => Some(cause),
            Self::Name(problem) | Self::Hostile { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

impl From<PathError> for Error {
    fn from(problem: PathError) -> Self {
        Self::Name(problem)
    }
}
