//! Whether somebody types at this moment, so that nothing is written into the line.
//!
//! What comes while a line is edited is shown by the editor, above it; what comes while none is goes to the terminal itself. In between the editor
//! has begun, and has not drawn its prompt yet: then one waits for a moment, or the prompt would stand before what came.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// What the editor does.
#[derive(Default)]
pub(super) struct Typing {
    stage: Mutex<Stage>,
    news: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing: what it was for has been read.
    #[default]
    Idle,
    /// It makes the terminal ready.
    Begins,
    /// It draws what is typed, and shows above it what it is given.
    Edits,
}

impl Typing {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, stage: Stage) {
        *self.stage() = stage;
        self.news.notify_all();
    }

    /// Runs the editor.
    pub(super) fn during<T>(&self, edit: impl FnOnce() -> T) -> T {
        self.set(Stage::Begins);
        let result = edit();
        self.set(Stage::Idle);
        result
    }

    /// Whether the terminal is in a state that other programs do not expect.
    pub(super) fn is_going_on(&self) -> bool {
        *self.stage() != Stage::Idle
    }

    /// Writes if nobody types, and lets nobody begin meanwhile. None when somebody does, so that the editor must show it.
    pub(super) fn unless_going_on<T>(&self, write: impl FnOnce() -> T) -> Option<T> {
        let begins = |stage: &mut Stage| *stage == Stage::Begins;
        let stage = self.news.wait_while(self.stage(), begins);
        let stage = stage.unwrap_or_else(PoisonError::into_inner);
        (*stage == Stage::Idle).then(write)
    }
}

/// What helps the editor, and is told when it is ready: it asks for a hint before it draws a line.
pub(super) struct Watched<C> {
    pub(super) completer: C,
    pub(super) typing: Arc<Typing>,
}

impl<C: Completer> Completer for Watched<C> {
    type Candidate = C::Candidate;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<C::Candidate>)> {
        self.completer.complete(line, position, context)
    }
}

impl<C> Hinter for Watched<C> {
    type Hint = String;

    fn hint(&self, _line: &str, _position: usize, _context: &Context<'_>) -> Option<String> {
        self.typing.set(Stage::Edits);
        None
    }
}

impl<C> Highlighter for Watched<C> {}

impl<C> Validator for Watched<C> {}

impl<C: Completer> Helper for Watched<C> {}
