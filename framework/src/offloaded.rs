//! Work that a handler has had done elsewhere, and what came of it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The result of work that was given away with [`Conn::offload`](crate::Conn::offload), once it is there.
///
/// Dropping it does not stop the work; its result is dropped then.
pub struct Offloaded<T> {
    slot: Arc<Mutex<Option<thread::Result<T>>>>,
}

impl<T: Send + 'static> Offloaded<T> {
    /// A place for the result of work, and a job that does the work and leaves it there.
    pub(crate) fn new(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let slot = Arc::new(Mutex::new(None));
        let result = Self { slot: slot.clone() };
        let job = move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            *lock(&slot) = Some(result);
        };
        (result, job)
    }
}

impl<T> Offloaded<T> {
    /// Whether the work is done, and its result was not taken yet.
    pub fn is_done(&self) -> bool {
        lock(&self.slot).is_some()
    }

    /// Takes the result; none while the work is not done, and after it was taken.
    ///
    /// # Panics
    ///
    /// When the work has panicked: its panic goes on here.
    pub fn take(&mut self) -> Option<T> {
        let result = lock(&self.slot).take();
        match result? {
            Ok(value) => Some(value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// What is said where too much work is waiting already.
pub(crate) fn too_much() -> io::Error {
    io::Error::new(
        ErrorKind::ResourceBusy,
        "the work is not done, since too much is waiting to be done already (see offload_queue_max)",
    )
}

fn lock<T>(slot: &Mutex<Option<thread::Result<T>>>) -> MutexGuard<'_, Option<thread::Result<T>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> fmt::Debug for Offloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offloaded")
            .field("is_done", &self.is_done())
            .finish()
    }
}
