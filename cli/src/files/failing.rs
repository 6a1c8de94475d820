//! What the library's errors mean for the exit code, and how they are said.

use std::io::ErrorKind;

use socketserver_handlers::files::client::Error;
use socketserver_handlers::files::{FilePath, Word};

use crate::connect::unreachable;
use crate::exit::{Code, Failure};

/// The failure that an error about this file or folder on a server is.
pub(super) fn on(path: &FilePath, error: &Error) -> Failure {
    about(shown(path), error)
}

/// A path as it is called in messages: as in its URL, without the first `/`, but for the home itself.
pub(super) fn shown(path: &FilePath) -> &str {
    match path.as_str() {
        "" => "/",
        path => path,
    }
}

/// The failure that an error about something of this name is.
pub(super) fn about(name: &str, error: &Error) -> Failure {
    let sentence = match error {
        Error::Connect { endpoint, cause } => return unreachable(endpoint, cause),
        // They name what they are about themselves.
        Error::Incomplete { .. }
        | Error::Integrity { .. }
        | Error::Changed { .. }
        | Error::Local { .. }
        | Error::Hostile { .. } => error.to_string(),
        _ if name.is_empty() => error.to_string(),
        _ => format!("{name}: {error}"),
    };
    Failure::new(code(error), sentence)
}

/// The exit code of an error.
pub(super) fn code(error: &Error) -> Code {
    match error {
        Error::Connect { .. } => Code::Connect,
        Error::Refused {
            word: Some(word), ..
        } => match word {
            Word::Auth | Word::SlowDown => Code::Login,
            Word::Denied => Code::Bind,
            Word::NotFound => Code::NotFound,
            Word::Hash => Code::Integrity,
            Word::BadName => Code::Usage,
            _ => Code::Failed,
        },
        Error::Name(_) => Code::Usage,
        Error::Integrity { .. } => Code::Integrity,
        Error::Incomplete {
            is_resumable: true, ..
        } => Code::Incomplete,
        Error::Local { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => Code::Bind,
        _ => Code::Failed,
    }
}

/// The failure to log in.
pub(super) fn login(user: &str, error: &Error) -> Failure {
    let code = match error {
        // It does not say whether the password is right.
        error if error.is_refusal(Word::Busy) => Code::Failed,
        Error::Refused { .. } => Code::Login,
        error => code(error),
    };
    Failure::new(code, format!("cannot log in as {user}: {error}"))
}
