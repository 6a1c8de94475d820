//! What people and programs are told about transfers, from all threads that make them: how far they are, what is done, what has failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use indicatif::MultiProgress;
use socketserver_handlers::files::client::{Error, Transferred};

use super::progress::Drawn;
use super::{failing, finished};
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::load::print;
use crate::shown;

/// Where everything is told.
pub(super) struct Report {
    console: Console,
    /// Only where somebody watches.
    bars: Option<MultiProgress>,
    /// Whether what is done is printed for programs.
    is_json: bool,
    /// What has to be done so that a transfer goes on that broke off.
    again: String,
    /// Whether there is a server with which it can.
    can_resume: AtomicBool,
    first_failure: Mutex<Option<Failure>>,
}

impl Report {
    /// A report; `again` says what goes on with a transfer that broke off.
    pub(super) fn new(console: Console, is_json: bool, again: String) -> Self {
        Self {
            console,
            bars: console.is_watched().then(MultiProgress::new),
            is_json,
            again,
            can_resume: AtomicBool::new(false),
            first_failure: Mutex::new(None),
        }
    }

    /// Says that a server was met with which transfers can be resumed.
    pub(super) fn note_resuming(&self) {
        self.can_resume.store(true, Ordering::Relaxed);
    }

    /// Somebody to be told how far one transfer after another is.
    pub(super) fn progress(&self) -> Drawn<'_> {
        Drawn::new(self)
    }

    pub(super) fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// Says something that is no failure.
    pub(super) fn note(&self, line: &str) {
        self.above_the_bars(|| self.console.say(shown::line(line.as_bytes())));
    }

    /// A file was transferred.
    pub(super) fn done(&self, name: &str, transferred: &Transferred) {
        if self.is_json {
            self.print(&finished::json(name, transferred));
        } else {
            self.note(&finished::line(name, transferred));
        }
    }

    /// Prints a result.
    pub(super) fn print(&self, text: &str) {
        if let Err(failure) = self.above_the_bars(|| print(text)) {
            self.fail(failure);
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Something about this file has failed; the others go on.
    pub(super) fn failed(&self, name: &str, error: &Error) {
        if failing::code(error) == Code::Incomplete {
            let sentence = format!("{error} ({})", self.again);
            self.fail(Failure::new(Code::Incomplete, sentence));
        } else {
            self.fail(failing::about(name, error));
        }
    }

    pub(super) fn fail(&self, failure: Failure) {
        let failure = self.above_the_bars(|| failure.say());
        self.first().get_or_insert(failure);
    }

    /// The first failure, whose code is that of the whole; none if there was none since it was asked for.
    pub(super) fn result(&self) -> Result<(), Failure> {
        self.first().take().map_or(Ok(()), Err)
    }

    /// Says how to go on after the process has ended.
    pub(super) fn interrupted(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
        let sentence = if self.can_resume.load(Ordering::Relaxed) {
            format!("interrupted; what has come is kept, and {}", self.again)
        } else {
            "interrupted".to_owned()
        };
        Failure::new(Code::Interrupted, sentence).say();
    }

    fn first(&self) -> std::sync::MutexGuard<'_, Option<Failure>> {
        self.first_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Bars that are drawn would be torn by what is written between them.
    fn above_the_bars<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}
