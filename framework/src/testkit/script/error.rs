//! What is wrong with the text of a script, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::cause_of;

/// A text is not a script, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    file: Option<PathBuf>,
    place: Option<(usize, usize)>,
    problem: String,
}

impl ScriptError {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self {
            file: None,
            place: None,
            problem: format!(
                "cannot read the script {}: {}",
                file.display(),
                cause_of(error)
            ),
        }
    }

    pub(super) fn at(line: usize, problem: Problem) -> Self {
        Self {
            file: None,
            place: Some((line, problem.column)),
            problem: problem.sentence,
        }
    }

    pub(super) fn in_file(self, file: &Path) -> Self {
        let file = Some(file.to_owned());
        Self { file, ..self }
    }

    /// The line that is wrong, counted from one, if the text could be read at all.
    pub fn line(&self) -> Option<usize> {
        self.place.map(|(line, _)| line)
    }

    /// At which letter of that line, counted from one.
    pub fn column(&self) -> Option<usize> {
        self.place.map(|(_, column)| column)
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}, ", file.display())?,
            None if self.place.is_some() => f.write_str("the script, ")?,
            None => {}
        }
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ScriptError {}

/// What is wrong in one line.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) column: usize,
    pub(super) sentence: String,
}

impl Problem {
    pub(super) fn new(column: usize, sentence: impl Into<String>) -> Self {
        Self {
            column,
            sentence: sentence.into(),
        }
    }
}
