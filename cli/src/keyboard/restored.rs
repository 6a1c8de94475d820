//! The terminal as it was, when the program ends while somebody types.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Above;
use super::typing::Typing;
use crate::exit::Failure;

/// How long what was shown last may take to be seen. It is a matter of milliseconds, unless the terminal is stopped.
const PATIENCE: Duration = Duration::from_secs(1);
/// Begins the line anew, clears it, and has text that is pasted come as it is typed.
const CLEAN: &[u8] = b"\r\x1b[K\x1b[?2004l";
/// What shells add to the number of the signal that has ended a program.
const SIGNALLED: i32 = 128;

/// Makes the terminal as it was, when it is dropped.
pub(crate) struct Restored {
    terminal: Arc<Terminal>,
}

struct Terminal {
    /// None where there is no terminal.
    before: Option<Termios>,
    typing: Arc<Typing>,
    above: Above,
}

impl Restored {
    pub(super) fn new(typing: Arc<Typing>, above: Above) -> Self {
        let terminal = Terminal {
            before: tcgetattr(io::stdin()).ok(),
            typing,
            above,
        };
        Self {
            terminal: Arc::new(terminal),
        }
    }

    /// From now on a signal ends the program as it would anyway, but not before the terminal is as it was.
    pub(crate) fn also_at_signals(&self) -> Result<(), Failure> {
        let cannot = |error| Failure::system("cannot listen to signals", &error);
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(cannot)?;
        let terminal = self.terminal.clone();
        let thread = thread::Builder::new().name("signals".into());
        let end = move || {
            if let Some(signal) = signals.forever().next() {
                terminal.restore();
                process::exit(SIGNALLED + signal);
            }
        };
        thread.spawn(end).map_err(cannot)?;
        Ok(())
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        self.terminal.restore();
    }
}

impl Terminal {
    fn restore(&self) {
        let Some(before) = &self.before else {
            return;
        };
        if !self.typing.is_going_on() {
            return;
        }
        // The thread that shows it may be about to return with its last line, and never show anything again.
        let (done, all_seen) = channel();
        let above = self.above.clone();
        let flush = move || {
            above.flush();
            let _ = done.send(());
        };
        let flushing = thread::Builder::new().name("last words".into());
        if flushing.spawn(flush).is_ok() {
            let _ = all_seen.recv_timeout(PATIENCE);
        }
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        if let Ok(mut terminal) = OpenOptions::new().write(true).open("/dev/tty") {
            let _ = terminal.write_all(CLEAN);
        }
    }
}
