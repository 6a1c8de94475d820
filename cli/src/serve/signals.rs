//! Ends the servers at signals: politely at the first, at once at the second.

use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use socketserver::StopHandle;

use crate::console::Console;
use crate::exit::Failure;
use crate::units;

/// From now on SIGTERM and SIGINT stop the servers instead of killing the process.
pub(crate) fn stop_at_signals(
    stops: Vec<StopHandle>,
    drain_timeout: Duration,
    console: Console,
) -> Result<(), Failure> {
    let cannot = |error| Failure::system("cannot listen to signals", &error);
    let signals = Signals::new([SIGINT, SIGTERM]).map_err(cannot)?;
    let thread = thread::Builder::new().name("signals".into());
    thread
        .spawn(move || watch(signals, &stops, drain_timeout, console))
        .map_err(cannot)?;
    Ok(())
}

fn watch(mut signals: Signals, stops: &[StopHandle], drain_timeout: Duration, console: Console) {
    let mut signals = signals.forever();
    signals.next();
    let deadline = units::written(Some(drain_timeout));
    console.say(format_args!(
        "stopping: live connections may finish for {deadline}; a second signal cuts them"
    ));
    stops.iter().for_each(StopHandle::stop);
    for _ in signals {
        console.say("stopping at once");
        stops.iter().for_each(StopHandle::cut);
    }
}
