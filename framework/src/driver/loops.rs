//! Loops side by side: one on the calling thread, and a thread for each of the others.

use std::thread;

use super::cannot;
use crate::error::ServeError;
use crate::server::StopHandle;

/// Runs all of them until they end. Whatever ends one ends them all.
pub(super) fn run_all<L: Send>(
    mut all: Vec<L>,
    run: impl Fn(L) -> Result<(), ServeError> + Sync,
    stop: &StopHandle,
) -> Result<(), ServeError> {
    let Some(own) = all.pop() else { return Ok(()) };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut result = Ok(());
        for other in all {
            let thread = thread::Builder::new().name("reactor".into());
            match thread.spawn_scoped(scope, || run(other)) {
                Ok(thread) => threads.push(thread),
                Err(error) => result = Err(cannot("starting a reactor thread")(error)),
            }
        }
        if result.is_ok() {
            result = run(own);
        }
        stop.stop();
        for thread in threads {
            match thread.join() {
                Ok(other) => result = result.and(other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        result
    })
}
