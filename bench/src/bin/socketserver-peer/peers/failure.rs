//! Why a peer does not serve: one sentence, and an exit code as `socketserver` has it.

use std::fmt;
use std::io;

use socketserver::Endpoint;

/// Why a peer does not serve.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    sentence: String,
}

impl Failure {
    /// The command line is wrong.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self {
            code: 2,
            sentence: sentence.into(),
        }
    }

    /// The endpoint cannot be listened on.
    pub(super) fn bind(endpoint: &Endpoint, error: &io::Error) -> Self {
        Self {
            code: 4,
            sentence: format!("cannot bind {endpoint}: {error}"),
        }
    }

    /// Something else failed.
    pub(super) fn system(what: &str, error: &io::Error) -> Self {
        Self {
            code: 1,
            sentence: format!("{what}: {error}"),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
