//! What can be wrong with a users file, for whoever runs the server: the file, the cause, and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::password::PasswordError;

/// Users cannot be read or changed. Neither passwords nor their hashes are in its sentence.
#[derive(Debug)]
#[non_exhaustive]
pub enum UsersError {
    /// Occurs when the file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Occurs when the file cannot be written, or its folder not be locked.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Occurs when the file does not contain what it should.
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, and what to do.
        flaw: String,
    },
    /// Occurs when a user is to be added whose name is taken.
    Exists {
        /// The name.
        name: String,
    },
    /// Occurs when there is no user of this name.
    Unknown {
        /// The name.
        name: String,
    },
    /// Occurs when a text cannot be a name.
    Name {
        /// The text.
        name: String,
        /// What is wrong with it, and what to do.
        flaw: &'static str,
    },
    /// Occurs when a password cannot be hashed: the system has no memory or no random numbers.
    Hashing {
        /// What failed.
        cause: String,
    },
    /// Occurs when a text cannot be a password.
    Password(PasswordError),
}

impl UsersError {
    /// Whether there is no file to read.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => {
                let (path, cause) = (path.display(), cause(source));
                let advice = match source.kind() {
                    io::ErrorKind::NotFound => " (make it with socketserver users add)",
                    io::ErrorKind::PermissionDenied => " (it must belong to whoever runs this)",
                    _ => "",
                };
                write!(f, "cannot read the users file {path}: {cause}{advice}")
            }
            Self::Write { path, source } => {
                let (path, cause) = (path.display(), cause(source));
                let advice = match source.kind() {
                    io::ErrorKind::NotFound => " (make the folder first)",
                    io::ErrorKind::PermissionDenied => {
                        " (file and folder must belong to whoever runs this)"
                    }
                    _ => "",
                };
                write!(f, "cannot write the users file {path}: {cause}{advice}")
            }
            Self::Invalid { path, flaw } => {
                write!(f, "the users file {} is invalid: {flaw}", path.display())
            }
            Self::Exists { name } => write!(
                f,
                "{name} is there already: change the password with users passwd"
            ),
            Self::Unknown { name } => write!(
                f,
                "there is no user '{}': see users list",
                name.escape_debug()
            ),
            Self::Name { name, flaw } => {
                let name = name.escape_debug();
                write!(f, "'{name}' cannot be a user's name: {flaw}")
            }
            Self::Hashing { cause } => {
                write!(f, "the password cannot be hashed: {cause} (try again)")
            }
            Self::Password(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UsersError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<PasswordError> for UsersError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

/// The text of a system error as a person would say it: lower case, without the error number.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}
