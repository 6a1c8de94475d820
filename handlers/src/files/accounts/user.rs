//! A user: the name, what it may do, and where.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::UsersError;
use crate::files::path::{FilePath, PathError, is_treacherous};

/// The most bytes of a user's name.
pub const USER_NAME_BYTES_MAX: usize = 64;

/// What a user may do with files; `ro` and `rw` where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Reading, and nothing else.
    #[serde(rename = "ro")]
    ReadOnly,
    /// Reading, writing and removing.
    #[serde(rename = "rw")]
    ReadWrite,
}

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What it logs in with; [`User::check_name`] says what may be one.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// The folder that it cannot leave.
    pub home: FilePath,
    /// How much may lie in its home; none: as much as the disk has.
    pub quota_bytes: Option<u64>,
}

/// A text is neither `ro` nor `rw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAccess(String);

impl User {
    /// Whether a text may be a name: 1 to 64 bytes, and nothing that drives a terminal, breaks a line or turns text around, since names
    /// are shown in lists and logs.
    ///
    /// # Errors
    ///
    /// [`UsersError::Name`].
    pub fn check_name(name: &str) -> Result<(), UsersError> {
        let flaw = if name.is_empty() {
            "it is empty (write 1 to 64 bytes)"
        } else if name.len() > USER_NAME_BYTES_MAX {
            "it is too long (write 1 to 64 bytes)"
        } else if name.chars().any(is_treacherous) {
            "it has a control character (leave it out)"
        } else {
            return Ok(());
        };
        Err(UsersError::Name {
            name: name.to_owned(),
            flaw,
        })
    }

    /// A home as people write it, with or without a `/` in front; `/` alone is everything.
    pub fn parse_home(text: &str) -> Result<FilePath, PathError> {
        match text {
            "/" => Ok(FilePath::root()),
            text => FilePath::parse(text.strip_prefix('/').unwrap_or(text)),
        }
    }
}

impl FromStr for Access {
    type Err = UnknownAccess;

    fn from_str(text: &str) -> Result<Self, UnknownAccess> {
        match text {
            "ro" => Ok(Self::ReadOnly),
            "rw" => Ok(Self::ReadWrite),
            other => Err(UnknownAccess(other.to_owned())),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
        })
    }
}

impl fmt::Display for UnknownAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(f, "'{text}' is not an access: write ro or rw")
    }
}

impl std::error::Error for UnknownAccess {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_can_be_shown() {
        for name in ["b", "bob", "Bob Smith", "你", &"x".repeat(64)] {
            User::check_name(name).unwrap();
        }
        for (name, sentence) in [
            (
                "",
                "'' cannot be a user's name: it is empty (write 1 to 64 bytes)",
            ),
            (
                "a\0b",
                "'a\\0b' cannot be a user's name: it has a control character (leave it out)",
            ),
            (
                "a\nb",
                "'a\\nb' cannot be a user's name: it has a control character (leave it out)",
            ),
            (
                "\u{202e}bob",
                "'\\u{202e}bob' cannot be a user's name: it has a control character (leave it out)",
            ),
        ] {
            assert_eq!(User::check_name(name).unwrap_err().to_string(), sentence);
        }
        let sentence = User::check_name(&"x".repeat(65)).unwrap_err().to_string();
        assert!(
            sentence.ends_with("it is too long (write 1 to 64 bytes)"),
            "{sentence}"
        );
    }

    #[test]
    fn a_home_is_below_the_root_or_the_root() {
        for (text, home) in [("bob", "/bob"), ("/bob/x", "/bob/x"), ("/", "/")] {
            assert_eq!(User::parse_home(text).unwrap().to_string(), home);
        }
        for text in ["", "..", "/../x", "//x", "a/", "a\0b"] {
            assert!(User::parse_home(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_access_is_read_as_it_is_written() {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            assert_eq!(access.to_string().parse(), Ok(access));
            let json = serde_json::to_string(&access).unwrap();
            assert_eq!(json, format!("\"{access}\""));
            assert_eq!(serde_json::from_str::<Access>(&json).unwrap(), access);
        }
        assert_eq!(
            "RW".parse::<Access>().unwrap_err().to_string(),
            "'RW' is not an access: write ro or rw"
        );
    }
}
