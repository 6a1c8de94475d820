//! The end of workers: they finish, are cut at the drain deadline, and are left behind if they do not notice.

use std::time::Duration;

use crate::server::{Shared, Stage};
use crate::timer::{Clock, Time};

/// How long a stopped server waits, after everything was cut, for handlers that do not return.
const GRACE: Duration = Duration::from_secs(1);

/// Waits until no thread is left, or the drain deadline has come: then has the others cut, and gives them a moment.
///
/// Whoever ends must say so with [`Life::notify`](crate::server::Shared::life).
pub(super) fn wait_for_threads(shared: &Shared, threads: impl Fn() -> usize, cut: impl FnOnce()) {
    let life = &shared.life;
    life.wait_while(
        |_| threads() > 0,
        |stage| {
            if stage < Stage::Cut {
                life.drain_by()
            } else {
                Time::default()
            }
        },
    );
    if threads() > 0 {
        cut();
        let deadline = Clock::now().after(GRACE);
        life.wait_while(|_| threads() > 0, |_| deadline);
    }
    let left = threads();
    if left > 0 {
        log::warn!(
            "{left} handlers did not return when the server stopped; their threads are left behind"
        );
    }
}
