//! The life of a server: new, running, draining, stopped; and the handle that ends it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::config::Mode;
use super::shared::Shared;
use crate::timer::{Clock, Time};

/// How far the life of a server has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// Bound, and not serving yet.
    New,
    /// Serving.
    Running,
    /// Asked to stop: no new connections, live ones finish until a deadline.
    Draining,
    /// Not serving any more.
    Stopped,
}

/// What was asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serve,
    Drain,
    Cut,
}

#[derive(Debug)]
pub(crate) struct Life {
    stage: AtomicU8,
    drain_timeout: Duration,
    drain_by: OnceLock<Time>,
    /// Where the drain deadline counts from, which a simulation replaces.
    clock: fn() -> Time,
    state: Mutex<State>,
    /// The state or the stage has changed, or a thread has ended.
    changed: Condvar,
}

impl Life {
    pub(crate) fn new(drain_timeout: Duration, clock: fn() -> Time) -> Self {
        Self {
            clock,
            stage: AtomicU8::new(Stage::Serve as u8),
            drain_timeout,
            drain_by: OnceLock::new(),
            state: Mutex::new(State::New),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::SeqCst) {
            0 => Stage::Serve,
            1 => Stage::Drain,
            _ => Stage::Cut,
        }
    }

    /// When live connections are cut; never before the server was asked to stop.
    pub(crate) fn drain_by(&self) -> Time {
        self.drain_by.get().copied().unwrap_or(Time::NEVER)
    }

    pub(crate) fn set_state(&self, new: State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = new.max(*state);
        self.changed.notify_all();
    }

    /// Makes whoever waits look again.
    pub(crate) fn notify(&self) {
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.changed.notify_all();
    }

    /// Waits while `busy` holds of the state, until the deadline that the present stage has.
    pub(crate) fn wait_while(
        &self,
        busy: impl Fn(State) -> bool,
        deadline: impl Fn(Stage) -> Time,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while busy(*state) {
            let left = deadline(self.stage()).since(Clock::now());
            if left.is_zero() {
                return;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn state(&self) -> State {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state == State::Running && self.stage() > Stage::Serve {
            State::Draining
        } else {
            state
        }
    }

    /// True when this is the first call that asks for this much.
    fn ask(&self, stage: Stage) -> bool {
        let _ = self.drain_by.set((self.clock)().after(self.drain_timeout));
        let first = self.stage.fetch_max(stage as u8, Ordering::SeqCst) < stage as u8;
        self.notify();
        first
    }
}

/// Stops a server, from any thread and from inside a handler. Clones stop the same server.
///
/// A stop is sticky: asked for before the server runs, it makes the server return at once. Asking again changes nothing, and nothing here waits.
#[derive(Clone, Debug)]
pub struct StopHandle {
    shared: Arc<Shared>,
}

impl StopHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Asks the server to drain: to accept no more, to let live connections finish until
    /// [`Config::drain_timeout`](crate::Config::drain_timeout), and then to return.
    pub fn stop(&self) {
        if !self.shared.life.ask(Stage::Drain) {
            return;
        }
        self.shared.seats.interrupt();
        self.shared.wake_all();
        if self.shared.config.mode == Mode::Serial {
            // The one thread of this mode may be waiting for its peer in a system call when the deadline comes.
            let handle = self.clone();
            let guard = std::thread::Builder::new().name("drain deadline".into());
            let spawned = guard.spawn(move || {
                let life = &handle.shared.life;
                life.wait_while(|state| state < State::Stopped, |_| life.drain_by());
                handle.cut();
            });
            if let Err(error) = spawned {
                log::warn!(
                    "the drain deadline is not watched, since no thread could be started: {error}"
                );
            }
        }
    }

    /// Asks the server to return now: live connections are cut.
    pub fn cut(&self) {
        self.stop();
        if self.shared.life.ask(Stage::Cut) {
            self.shared.seats.cut();
            self.shared.wake_all();
        }
    }

    /// How far the server's life has come.
    pub fn state(&self) -> State {
        self.shared.life.state()
    }
}
