//! The file that keeps a report: written once, read by whoever draws it again or compares it with a later one.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Report, SCHEMA};

/// Why a report could not be read or written, as one sentence for people.
#[derive(Debug)]
pub struct ReportError {
    /// The file, where there is one.
    path: Option<PathBuf>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(io::Error),
    Unwritable(io::Error),
    NotJson(String),
    NotAReport(String),
    Newer(u64),
}

impl Report {
    /// Reads the report that a file keeps.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ReportError> {
        let path = path.as_ref();
        let text =
            fs::read_to_string(path).map_err(|error| Problem::Unreadable(error).at(Some(path)))?;
        parsed(&text).map_err(|problem| problem.at(Some(path)))
    }

    /// Writes the report to a file, over what is there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        let path = path.as_ref();
        fs::write(path, self.to_json() + "\n")
            .map_err(|error| Problem::Unwritable(error).at(Some(path)))
    }

    /// Reads a report from its JSON. What it holds besides, such as verdicts, is passed over: it follows from the rest.
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        parsed(text).map_err(|problem| problem.at(None))
    }

    /// The report as JSON, in one line: its many figures are for programs.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|error| unreachable!("plain fields and keys of text: {error}"))
    }
}

/// A newer form is looked for before the form itself, since a newer one may well miss fields of this one.
fn parsed(text: &str) -> Result<Report, Problem> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Problem::NotJson(error.to_string()))?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema > u64::from(SCHEMA) => return Err(Problem::Newer(schema)),
        Some(_) => {}
        None => return Err(Problem::NotAReport("it has no number 'schema'".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| Problem::NotAReport(error.to_string()))
}

impl Problem {
    fn at(self, path: Option<&Path>) -> ReportError {
        ReportError {
            path: path.map(Path::to_owned),
            problem: self,
        }
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = match &self.path {
            Some(path) => format!("'{}'", path.display()),
            None => "the text".to_owned(),
        };
        match &self.problem {
            Problem::Unreadable(error) => write!(
                f,
                "{file} cannot be read ({error}): give a file that a comparison has written"
            ),
            Problem::Unwritable(error) => write!(
                f,
                "{file} cannot be written ({error}): give a file in a folder that exists and that you may write to"
            ),
            Problem::NotJson(error) => write!(
                f,
                "{file} is not JSON ({error}): give a file that a comparison has written as JSON"
            ),
            Problem::NotAReport(error) => write!(
                f,
                "{file} is JSON but not the report of a comparison ({error}): give a file that a comparison has written"
            ),
            Problem::Newer(schema) => write!(
                f,
                "{file} has form {schema} of a report, and this program knows forms up to {SCHEMA}: read it with a newer version of this \
                 program, or measure again with this one"
            ),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) | Problem::Unwritable(error) => Some(error),
            Problem::NotJson(_) | Problem::NotAReport(_) | Problem::Newer(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::samples::{Figures, TWO_MODES, report};

    #[test]
    fn a_report_comes_back_from_its_file_as_it_was() {
        let mut saved = report(TWO_MODES, &[10, 100], 6, |_, _, _| Figures::default());
        saved.runs[0].latency.max_us = 0.1 + 0.2;
        let path = std::env::temp_dir().join(format!("report-{}.json", std::process::id()));
        saved.save(&path).unwrap();
        let loaded = Report::load(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(loaded.unwrap(), saved);
    }

    #[test]
    fn what_is_added_to_a_report_is_passed_over() {
        let plain = report(TWO_MODES, &[10], 6, |_, _, _| Figures::default());
        let mut value: Value = serde_json::from_str(&plain.to_json()).unwrap();
        value["verdicts"] = serde_json::to_value(plain.verdict()).unwrap();
        assert_eq!(Report::from_json(&value.to_string()).unwrap(), plain);
    }

    #[test]
    fn a_report_of_the_first_form_is_read_and_has_no_datagrams() {
        let report = report(TWO_MODES, &[10], 6, |_, _, _| Figures::default());
        let mut value: Value = serde_json::from_str(&report.to_json()).unwrap();
        value["schema"] = 1.into();
        value["setup"]
            .as_object_mut()
            .unwrap()
            .remove("loss_timeout_seconds");
        for run in value["runs"].as_array_mut().unwrap() {
            run.as_object_mut().unwrap().remove("datagrams");
        }
        let read = Report::from_json(&value.to_string()).unwrap();
        assert_eq!((read.schema, read.runs), (1, report.runs));
    }

    #[test]
    fn every_error_is_a_sentence_that_says_what_to_do() {
        let missing = Report::load("/nowhere/report.json").unwrap_err();
        let folder = report(TWO_MODES, &[10], 6, |_, _, _| Figures::default())
            .save("/nowhere/report.json")
            .unwrap_err();
        let of = |text: &str| Report::from_json(text).unwrap_err().to_string();
        for (sentence, cause, advice) in [
            (missing.to_string(), "cannot be read (No such", "give a"),
            (folder.to_string(), "cannot be written (No such", "exists"),
            (of("{"), "is not JSON (EOF", "give a file"),
            (of("[]"), "no number 'schema'", "give a file"),
            (of(r#"{"schema": 1}"#), "missing field `when`", "give a"),
            (of(r#"{"schema": 3}"#), "has form 3", "newer version"),
        ] {
            assert!(sentence.contains(cause), "{sentence}");
            assert!(sentence.contains(advice), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }
}
