//! Errors for people: what failed, why, and what to do about it, in one sentence.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

/// What a handler returns when it cannot go on with a connection.
///
/// Any error converts into it with `?`, and so does a text: `return Err("not a number".into())`. The connection ends
/// with [`CloseReason::HandlerError`](crate::CloseReason::HandlerError) after what was written before has been sent; the server goes on.
pub struct HandlerError(Box<dyn Error + Send + Sync>);

impl HandlerError {
    /// The error that the handler returned.
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An endpoint could not be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The endpoint as it was asked for.
    pub endpoint: String,
    /// What the operating system said.
    pub source: io::Error,
}

impl BindError {
    fn advice(&self) -> &'static str {
        let unix = self.endpoint.starts_with("unix");
        match self.source.kind() {
            io::ErrorKind::AddrInUse if unix => {
                " (another server listens there, or the file is not a socket: stop it or choose another path)"
            }
            io::ErrorKind::AddrInUse => {
                " (another server listens there: stop it or choose another port; port 0 picks a free one)"
            }
            io::ErrorKind::AddrNotAvailable => " (the address is not one of this machine's)",
            io::ErrorKind::PermissionDenied if unix => " (the folder must be writable)",
            io::ErrorKind::PermissionDenied => {
                " (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
            }
            io::ErrorKind::NotFound if unix => " (the folder does not exist)",
            _ => "",
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = cause_of(&self.source);
        write!(f, "cannot bind {}: {cause}{}", self.endpoint, self.advice())
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The text of an operating system error as a person would say it: lower case, without the error number.
pub(crate) fn cause_of(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|first| first.to_lowercase().to_string())
        .unwrap_or_default();
    first + letters.as_str()
}

/// The server could not start to serve, or could not go on.
#[non_exhaustive]
pub enum ServeError {
    /// Occurs when the operating system refuses what the server itself needs: a poll descriptor, a wake-up, a thread.
    Resource {
        /// What was being set up.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// Occurs when every listener has failed for good, so that no connection can come any more.
    NoListenerLeft,
}

/// As a program that returns it from `main` shows it: the sentence.
impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { what, source } => {
                write!(f, "cannot serve: {what} failed: {} (look at the limits on open files and threads)", cause_of(source))
            }
            Self::NoListenerLeft => {
                f.write_str("cannot go on serving: every listener has failed (the log tells why; start the server again)")
            }
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Resource { source, .. } => Some(source),
            Self::NoListenerLeft => None,
        }
    }
}

/// A configuration that cannot be read, or that contradicts itself.
#[derive(Debug)]
pub struct ConfigError(pub(crate) String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OneLine(&self.0).fmt(f)
    }
}

impl Error for ConfigError {}

/// A text that quotes what somebody else has written: it stays one line, and a terminal survives it.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                letter.escape_default().fmt(f)?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_error_is_one_sentence_with_cause_and_advice() {
        let error = BindError {
            endpoint: "tcp://127.0.0.1:80".into(),
            source: io::Error::from_raw_os_error(13),
        };
        assert_eq!(
            error.to_string(),
            "cannot bind tcp://127.0.0.1:80: permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
        );
    }

    #[test]
    fn any_error_and_any_text_become_a_handler_error() {
        let number = || -> Result<i32, HandlerError> { Ok("x".parse::<i32>()?) };
        assert_eq!(
            number().unwrap_err().to_string(),
            "invalid digit found in string"
        );
        assert_eq!(HandlerError::from("no").to_string(), "no");
    }
}
