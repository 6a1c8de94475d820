//! What the thread that says things and the one that hears them share: where we stand with the server, and how all ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rooms::Rooms;
use super::wire::Sender;
use crate::exit::Failure;

/// Where we stand, and who waits for what.
pub(super) struct Club {
    state: Mutex<State>,
    /// Something has changed.
    news: Condvar,
}

struct State {
    stage: Stage,
    rooms: Rooms,
    /// How many lines have come.
    heard: u64,
    /// Whether we want to go, or have gone.
    is_leaving: bool,
    /// How all has ended, once it has.
    end: Option<Result<(), Failure>>,
    /// What we go by.
    name: String,
    /// What we went by before, in case that the server did not agree to the new one.
    former_name: Option<String>,
}

/// Where we stand with the server.
#[derive(Clone)]
pub(super) enum Stage {
    /// It is not connected, or does not know us yet.
    Away,
    /// It has refused our name, and whoever types shall say another one.
    Nameless,
    /// We are in.
    In(Arc<Sender>),
}

/// How long to wait for a server that lets us go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    Endless,
    Time(Duration),
    /// Until nothing has come for so long.
    Silence(Duration),
}

impl Club {
    pub(super) fn new(name: String, rooms: Rooms) -> Self {
        let state = State {
            stage: Stage::Away,
            rooms,
            heard: 0,
            is_leaving: false,
            end: None,
            name,
            former_name: None,
        };
        Self {
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in there, whoever has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, holds: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        let state = self.news.wait_while(self.state(), holds);
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for so long, or until we are leaving, whether that has happened.
    pub(super) fn wait_or_leave(&self, time: Duration) -> bool {
        let stays = |state: &mut State| !state.is_leaving && state.end.is_none();
        let waited = self.news.wait_timeout_while(self.state(), time, stays);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_leaving || state.end.is_some()
    }

    pub(super) fn name(&self) -> String {
        self.state().name.clone()
    }

    /// The name is another one from now on, if the server agrees.
    pub(super) fn rename(&self, name: &str) {
        let mut state = self.state();
        let former = std::mem::replace(&mut state.name, name.to_owned());
        // Of several that it was asked for in a row, the first was the one that it knows.
        state.former_name.get_or_insert(former);
    }

    /// The server knows us by our name.
    pub(super) fn is_known(&self) {
        self.state().former_name = None;
    }

    /// Goes by the former name again, if there is one: the server cannot have agreed to the new one.
    pub(super) fn rename_back(&self) {
        let mut state = self.state();
        if let Some(name) = state.former_name.take() {
            state.name = name;
        }
    }

    /// Notes what a line that is sent will do to our rooms.
    pub(super) fn note(&self, line: &str) {
        self.state().rooms.note(line);
    }

    /// The commands that lead to where we were.
    pub(super) fn way_back(&self) -> Vec<String> {
        self.state().rooms.commands()
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.state().stage = stage;
        self.news.notify_all();
    }

    /// Where we stand now.
    pub(super) fn stage(&self) -> Stage {
        self.state().stage.clone()
    }

    /// Waits until we are in, or asked for another name; none when all is over.
    pub(super) fn wait_to_be_in(&self) -> Option<Stage> {
        let waits = |state: &mut State| matches!(state.stage, Stage::Away) && state.end.is_none();
        let state = self.wait_while(waits);
        state.end.is_none().then(|| state.stage.clone())
    }

    /// Waits for another name; none when all is over.
    pub(super) fn wait_for_name(&self) -> Option<String> {
        let waits = |state: &mut State| {
            matches!(state.stage, Stage::Nameless) && state.end.is_none() && !state.is_leaving
        };
        let state = self.wait_while(waits);
        let goes_on = state.end.is_none() && !state.is_leaving;
        goes_on.then(|| state.name.clone())
    }

    /// Whoever types has said another name.
    pub(super) fn choose(&self, name: &str) {
        let mut state = self.state();
        name.clone_into(&mut state.name);
        state.stage = Stage::Away;
        drop(state);
        self.news.notify_all();
    }

    /// A line has come.
    pub(super) fn hear(&self) {
        self.state().heard += 1;
        self.news.notify_all();
    }

    pub(super) fn leave(&self) {
        self.state().is_leaving = true;
        self.news.notify_all();
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.state().is_leaving
    }

    /// All is over. What has ended it first counts.
    pub(super) fn end(&self, result: Result<(), Failure>) {
        self.state().end.get_or_insert(result);
        self.news.notify_all();
    }

    /// Waits until all is over.
    pub(super) fn wait_for_end(&self, patience: Patience) -> Result<(), Failure> {
        let mut state = self.wait_while(|state| state.end.is_none() && !state.is_leaving);
        let since = Instant::now();
        while state.end.is_none() {
            let heard = state.heard;
            let time = match patience {
                Patience::Endless => None,
                Patience::Time(time) => Some(time.saturating_sub(since.elapsed())),
                Patience::Silence(time) => Some(time),
            };
            let Some(time) = time else {
                drop(state);
                state = self.wait_while(|state| state.end.is_none());
                break;
            };
            let is_quiet = |state: &mut State| state.end.is_none() && state.heard == heard;
            let waited = self.news.wait_timeout_while(state, time, is_quiet);
            let (after, result) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            if result.timed_out() {
                break;
            }
        }
        state.end.take().unwrap_or(Ok(()))
    }
}
