//! How the program ends: an exit code that scripts can rely on, and one sentence for people.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use socketserver::StartError;

/// The exit codes, as the help prints them.
pub(crate) const CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 cannot connect or resolve, 4 cannot bind or no permission, \
5 the other side says not found, 6 integrity mismatch, 7 incomplete but resumable, 8 refused login, 9 a budget of compare was not met, 130 interrupted.";

/// What kind of failure ended the program. The numbers are its exit codes and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// Something failed on the way.
    Failed = 1,
    /// The command line, the environment or the configuration file is wrong.
    Usage = 2,
    /// The other side cannot be reached, or its name has no address.
    Connect = 3,
    /// An endpoint cannot be listened on, or the system does not permit something.
    Bind = 4,
    /// The other side says that there is no such file or folder.
    NotFound = 5,
    /// What has come is not what was sent.
    Integrity = 6,
    /// A transfer broke off, and the same command goes on from there.
    Incomplete = 7,
    /// The name or the password is wrong, or a login is needed.
    Login = 8,
    /// A budget of `compare --fail-if` was not met.
    Budget = 9,
    /// It was interrupted, and has kept what it had.
    Interrupted = 130,
}

/// Why the program ends before it has done its work.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    /// None once it was said, or where the result says it all.
    sentence: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: Some(sentence.into()),
        }
    }

    /// The work was done, and its result, which is printed, is a failure.
    pub(crate) fn told(code: Code) -> Self {
        Self {
            code,
            sentence: None,
        }
    }

    /// Something failed on the way, and the system said why.
    pub(crate) fn system(what: impl Display, error: &io::Error) -> Self {
        Self::new(Code::Failed, format!("{what}: {}", cause(error)))
    }

    /// A server did not start.
    pub(crate) fn start(error: &StartError) -> Self {
        let code = match error {
            StartError::Bind(_) => Code::Bind,
            _ => Code::Usage,
        };
        Self::new(code, error.to_string())
    }

    /// Says the sentence, and gives the code to end with.
    pub(crate) fn report(self) -> ExitCode {
        ExitCode::from(self.say().code as u8)
    }

    /// Says the sentence now, where the program goes on for a while before it ends with the code.
    pub(crate) fn say(mut self) -> Self {
        if let Some(sentence) = self.sentence.take() {
            // A name from outside must not be able to break the one line in two or to play with the terminal.
            let sentence: String = sentence.chars().map(printable).collect();
            // When even standard error is gone, the code still says what happened.
            let _ = writeln!(io::stderr(), "socketserver: {sentence}");
        }
        self
    }

    /// The sentence, for who says it elsewhere and goes on.
    pub(crate) fn sentence(&self) -> &str {
        self.sentence.as_deref().unwrap_or_default()
    }

    /// Whether the sentence was said already.
    pub(crate) fn is_said(&self) -> bool {
        self.sentence.is_none()
    }
}

fn printable(letter: char) -> char {
    if letter.is_control() {
        '\u{FFFD}'
    } else {
        letter
    }
}

/// The text of a system error as a person would say it: lower case, without the error number.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_read_like_the_rest_of_a_sentence() {
        assert_eq!(
            cause(&io::Error::from_raw_os_error(13)),
            "permission denied"
        );
        assert_eq!(cause(&io::Error::other("Strange things")), "strange things");
        assert_eq!(cause(&io::Error::other("")), "");
    }
}
