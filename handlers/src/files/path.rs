//! Names that come from the other side: what may be one, and what a path of them is.
//!
//! This is the only place where text from a peer becomes a path. The server reads requests with it, and the client what a server calls its files, since a hostile server
//! is as dangerous to a client as the other way round (CVE-2019-6111). What passes here still goes to the disk through a folder's own handle, below which links
//! cannot lead out.

use std::fmt;
use std::str::FromStr;

/// The most bytes of a name: what Linux's file systems take.
pub const NAME_BYTES_MAX: usize = 255;
/// The most bytes of a path: `PATH_MAX`.
pub const PATH_BYTES_MAX: usize = 4096;
/// The most names in a path.
pub const NAMES_MAX: usize = 64;
/// How the names begin that the server uses itself.
pub const RESERVED: &str = ".socketserver-";

/// A path below a folder: names that are safe, none for the folder itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath {
    /// With `/` between the names.
    text: String,
}

/// Why a text is no path; the sentence is for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// A name is empty: the path is empty, begins or ends with `/`, or has `//`.
    Empty,
    /// A name is `.` or `..`.
    Dots,
    /// A name has a control character, among them NUL and the line end, or one that changes the direction of writing.
    Control,
    /// A name has a backslash.
    Backslash,
    /// A name has more than [`NAME_BYTES_MAX`] bytes, or there are more than [`PATH_BYTES_MAX`] bytes or [`NAMES_MAX`] names.
    TooLong,
    /// A name begins with [`RESERVED`].
    Reserved,
}

impl FilePath {
    /// The folder itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path that has at least one name.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::root().join(text)
    }

    /// A path below this one.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        text.split('/').try_for_each(check_name)?;
        let joined = match self.text.as_str() {
            "" => text.to_owned(),
            folder => format!("{folder}/{text}"),
        };
        if joined.len() > PATH_BYTES_MAX || joined.split('/').count() > NAMES_MAX {
            return Err(PathError::TooLong);
        }
        Ok(Self { text: joined })
    }

    /// A path that was safe below another folder, below this one.
    pub fn join_path(&self, path: &Self) -> Result<Self, PathError> {
        if path.is_root() {
            Ok(self.clone())
        } else {
            self.join(&path.text)
        }
    }

    /// The folder in which it lies, and its own name; none for the folder itself.
    pub fn split(&self) -> Option<(Self, &str)> {
        let (folder, name) = match self.text.rsplit_once('/') {
            Some((folder, name)) => (folder, name),
            None if self.text.is_empty() => return None,
            None => ("", self.text.as_str()),
        };
        let folder = Self {
            text: folder.to_owned(),
        };
        Some((folder, name))
    }

    /// The folder in which it lies; none for the folder itself.
    pub fn folder(&self) -> Option<Self> {
        self.split().map(|(folder, _)| folder)
    }

    /// Whether it is the folder itself.
    pub fn is_root(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it is this path, or lies below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || self
                .text
                .strip_prefix(&folder.text)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The names, from the outermost one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|name| !name.is_empty())
    }

    /// The path as text, without a `/` in front; empty for the folder itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether this text is one name.
fn check_name(name: &str) -> Result<(), PathError> {
    if name.is_empty() {
        Err(PathError::Empty)
    } else if name.len() > NAME_BYTES_MAX {
        Err(PathError::TooLong)
    } else if name == "." || name == ".." {
        Err(PathError::Dots)
    } else if name.contains('\\') {
        Err(PathError::Backslash)
    } else if name.chars().any(is_treacherous) {
        Err(PathError::Control)
    } else if name.starts_with(RESERVED) {
        Err(PathError::Reserved)
    } else {
        Ok(())
    }
}

/// Whether a letter drives a terminal, ends a line, or makes text read as something else: controls (C0, C1, DEL), line and paragraph separators,
/// and what sets the direction of writing (Unicode Standard Annex 9).
pub(crate) fn is_treacherous(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{061C}'
        )
        || ('\u{202A}'..='\u{202E}').contains(&letter)
        || ('\u{2066}'..='\u{2069}').contains(&letter)
}

impl FromStr for FilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

/// The path as people write it, with a `/` in front.
impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.text)
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "a name is empty (write a path as folder/name, without a / in front or behind)"
            }
            Self::Dots => "a name is . or .. (write the path from the current folder downwards)",
            Self::Control => "a name has a control character",
            Self::Backslash => "a name has a backslash (write / between folders)",
            Self::TooLong => {
                "the path is too long (a name has at most 255 bytes, a path 4096 bytes and 64 names)"
            }
            Self::Reserved => "a name begins with .socketserver-, as only the server's own do",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_from_the_top_downwards() {
        let path = FilePath::parse("a/b c/你.txt").unwrap();
        assert_eq!(path.names().collect::<Vec<_>>(), ["a", "b c", "你.txt"]);
        let (folder, name) = path.split().unwrap();
        assert_eq!((folder.as_str(), name), ("a/b c", "你.txt"));
        assert!(path.is_within(&folder) && path.is_within(&FilePath::root()));
        assert!(
            !FilePath::parse("ab")
                .unwrap()
                .is_within(&FilePath::parse("a").unwrap())
        );
        assert_eq!(FilePath::root().split(), None);
        assert_eq!(
            (path.to_string(), FilePath::root().to_string()),
            ("/a/b c/你.txt".into(), "/".into())
        );
        assert_eq!(folder.join(name).unwrap(), path);
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_path() {
        let long = "x".repeat(256);
        let wide = ["x".repeat(255).as_str(); 17].join("/");
        let deep = ["x"; 65].join("/");
        for (text, error) in [
            ("", PathError::Empty),
            ("/", PathError::Empty),
            ("/etc/passwd", PathError::Empty),
            ("a//b", PathError::Empty),
            ("a/", PathError::Empty),
            (".", PathError::Dots),
            ("..", PathError::Dots),
            ("../a", PathError::Dots),
            ("a/../../b", PathError::Dots),
            ("a/.", PathError::Dots),
            ("a\\..\\b", PathError::Backslash),
            ("C:\\a", PathError::Backslash),
            ("a\0b", PathError::Control),
            ("a\nb", PathError::Control),
            ("\u{1b}[31m", PathError::Control),
            ("\u{9b}31m", PathError::Control),
            ("gpj.\u{202e}exe", PathError::Control),
            (".socketserver-x", PathError::Reserved),
            ("a/.socketserver-/b", PathError::Reserved),
            (long.as_str(), PathError::TooLong),
            (wide.as_str(), PathError::TooLong),
            (deep.as_str(), PathError::TooLong),
        ] {
            assert_eq!(FilePath::parse(text), Err(error), "{text:?}");
        }
        for text in [
            "...",
            "..a",
            "a..",
            " ",
            "~",
            "-rf",
            "a:b",
            "%2e%2e",
            "x".repeat(255).as_str(),
        ] {
            assert!(FilePath::parse(text).is_ok(), "{text:?}");
        }
        let folder = FilePath::parse(&["x"; 64].join("/")).unwrap();
        assert_eq!(folder.join("y"), Err(PathError::TooLong));
    }
}
