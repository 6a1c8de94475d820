//! Several connections that share one list of work, which is found while it is done: nothing but a page of each folder on the way is in memory.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::report::Report;
use super::session::{Sessions, Sites};

/// Where work comes from.
pub(super) trait Work {
    /// One file.
    type Job;

    /// The next file; none when there are no more. It may ask the server, and reports what fails on the way.
    fn next(&mut self, sessions: &mut Sessions<'_>, report: &Report) -> Option<Self::Job>;

    /// Transfers a file, and reports how it went.
    fn transfer(job: Self::Job, sessions: &mut Sessions<'_>, report: &Report);
}

/// Does all work over this many connections, one of which may be there already.
pub(super) fn run<W: Work + Send>(
    work: W,
    sites: &Sites,
    first: Sessions<'_>,
    connections: u16,
    report: &Report,
) {
    let work = Mutex::new(work);
    let serve = |mut sessions: Sessions<'_>| {
        loop {
            let next = work
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next(&mut sessions, report);
            let Some(job) = next else {
                return;
            };
            W::transfer(job, &mut sessions, report);
        }
    };
    thread::scope(|scope| {
        for _ in 1..connections {
            let thread = thread::Builder::new().name("transfer".into());
            let serve = || serve(sites.sessions(Some(report)));
            if thread.spawn_scoped(scope, serve).is_err() {
                // Those that there are do the work as well.
                break;
            }
        }
        serve(first);
    });
}

/// Does all work over connections that are there already.
pub(super) fn run_here<W: Work>(mut work: W, sessions: &mut Sessions<'_>, report: &Report) {
    while let Some(job) = work.next(sessions, report) {
        W::transfer(job, sessions, report);
    }
}
