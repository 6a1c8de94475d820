//! Why a request is refused: one word for programs, one number, and one sentence for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::path::PathError;

/// The kinds of refusals, as they travel. `PROTOCOL.md` says when each occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Word {
    /// What came is no frame; the connection ends.
    BadFrame,
    /// The request lacks a field, contradicts itself, or is not allowed at this point.
    BadRequest,
    /// A path breaks the rule for names.
    BadName,
    /// A login is needed, or its name or password is wrong.
    Auth,
    /// The right to write is needed.
    Denied,
    /// The file or folder is not there.
    NotFound,
    /// The verb is not known.
    Unknown,
    /// Something would be replaced that must not be.
    Exists,
    /// Somebody else is writing it, or there is too much to do.
    Busy,
    /// The request is about a state of a file that is no more.
    Changed,
    /// The header is longer than it may be; the connection ends.
    TooBig,
    /// It is no regular file, or no folder.
    NotAFile,
    /// There are no such bytes.
    Range,
    /// The bytes have another hash.
    Hash,
    /// It is too soon after wrong passwords.
    SlowDown,
    /// Something failed on the server.
    Failed,
    /// The disk is full.
    NoSpace,
    /// The user's room is used up.
    Quota,
}

impl Word {
    /// The number that goes with it, as in HTTP.
    pub fn code(self) -> u16 {
        match self {
            Self::BadFrame | Self::BadRequest | Self::BadName => 400,
            Self::Auth => 401,
            Self::Denied => 403,
            Self::NotFound | Self::Unknown => 404,
            Self::Exists | Self::Busy => 409,
            Self::Changed => 412,
            Self::TooBig => 413,
            Self::NotAFile => 415,
            Self::Range => 416,
            Self::Hash => 422,
            Self::SlowDown => 429,
            Self::Failed => 500,
            Self::NoSpace | Self::Quota => 507,
        }
    }
}

/// A request is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind.
    pub word: Word,
    /// One sentence for people, without anything that the asker should not know.
    pub sentence: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(word: Word, sentence: impl Into<String>) -> Self {
        Self {
            word,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::new(Word::BadName, error.to_string())
    }
}
