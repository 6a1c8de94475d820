//! Ends the servers at signals: politely at the first, at once at the second.

use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use socketserver::StopHandle;

use crate::console::Console;
use crate::exit::Failure;

/// From now on SIGTERM and SIGINT stop the servers instead of killing the process, and the first one of them has this said.
pub(crate) fn stop_at_signals(
    stops: Vec<StopHandle>,
    note: String,
    console: Console,
) -> Result<(), Failure> {
    let cannot = |error| Failure::system("cannot listen to signals", &error);
    let signals = Signals::new([SIGINT, SIGTERM]).map_err(cannot)?;
    let thread = thread::Builder::new().name("signals".into());
    thread
        .spawn(move || watch(signals, &stops, &note, console))
        .map_err(cannot)?;
    Ok(())
}

fn watch(mut signals: Signals, stops: &[StopHandle], note: &str, console: Console) {
    let mut signals = signals.forever();
    signals.next();
    console.say(note);
    stops.iter().for_each(StopHandle::stop);
    for _ in signals {
        console.say("stopping at once");
        stops.iter().for_each(StopHandle::cut);
    }
}
