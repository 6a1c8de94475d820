//! Control-C in the middle of transfers: what has come is kept already, so that the process may end anywhere.

use std::process;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::report::Report;
use crate::exit::{Code, Failure};

/// From now on SIGINT and SIGTERM end the process with a word on how to go on.
pub(super) fn explain(report: Arc<Report>) -> Result<(), Failure> {
    let cannot = |error| Failure::system("cannot listen to signals", &error);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(cannot)?;
    let wait = move || {
        if signals.forever().next().is_some() {
            report.interrupted();
            process::exit(Code::Interrupted as i32);
        }
    };
    let thread = thread::Builder::new().name("signals".into());
    thread.spawn(wait).map_err(cannot)?;
    Ok(())
}
