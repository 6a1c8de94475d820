//! How a handler waits for something else than its peer: a time, or work that is done elsewhere.

use std::io;
#[cfg(doc)]
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::waiting::Work;
use super::{Stream, Wait, nobody_waits};
use crate::{CloseReason, Offloaded};

impl Stream<'_> {
    /// Waits for a while, and lets others run meanwhile.
    ///
    /// On a reactor `std::thread::sleep` would stop every connection of the loop; this suspends only the handler.
    ///
    /// # Errors
    ///
    /// When the connection is over, or the [deadline](Stream::set_deadline) comes first.
    pub fn sleep(&mut self, duration: Duration) -> io::Result<()> {
        let until = self.now().after(duration);
        self.wait(Wait::Time(until.min(self.deadline)))?;
        self.refusals = 0;
        if self.deadline < until {
            return Err(self.timed_out(CloseReason::ReadTimeout));
        }
        Ok(())
    }

    /// Has blocking work done (a file, a password hash, a database) while other connections go on, and returns its result.
    ///
    /// On a reactor it runs on one of at most [`Config::offload_threads_max`](crate::Config::offload_threads_max) threads; on a thread of
    /// its own the handler does it right there.
    ///
    /// # Errors
    ///
    /// [`ResourceBusy`](ErrorKind::ResourceBusy) when [`Config::offload_queue_max`](crate::Config::offload_queue_max) others are waiting already; and
    /// when the connection is over. In that case the work is still done, and its result dropped.
    ///
    /// # Panics
    ///
    /// When the work panics: its panic goes on in the handler.
    pub fn offload<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        if self.over.is_some() {
            return Err(self.refuse());
        }
        self.refusals = 0;
        if !self.line().is_shared() {
            return Ok(work());
        }
        let (mut result, job) = Offloaded::new(work);
        let done = Arc::new(AtomicBool::new(false));
        let job = {
            let done = done.clone();
            Box::new(move || {
                job();
                done.store(true, Ordering::Release);
            })
        };
        self.wait(Wait::Work(Box::new(Work { job, done })))?;
        result.take().ok_or_else(nobody_waits)
    }
}
