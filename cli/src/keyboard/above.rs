//! Where lines are shown while somebody types: above the prompt at a terminal, else as they are.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::ExternalPrinter;

use super::typing::Typing;
use crate::exit::Failure;

/// Where results go. Notes go to standard error in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Output,
    Error,
}

/// Shows lines, from any thread.
#[derive(Clone)]
pub(crate) struct Above {
    shared: Arc<Shared>,
}

struct Shared {
    /// What prints above the line that is being typed.
    printer: Option<Printer>,
    /// The bare file, since a line is to be seen at once.
    output: File,
    /// Whether results, and whether notes, go elsewhere than to the terminal.
    has_results_apart: bool,
    has_notes_apart: bool,
}

impl Above {
    pub(super) fn at_terminal(
        place: Place,
        printer: Box<dyn ExternalPrinter + Send>,
        typing: Arc<Typing>,
    ) -> Result<Self, Failure> {
        // Where the editor draws: at the terminal of the process, or where that is none, on standard output.
        let terminal = OpenOptions::new().write(true).open("/dev/tty");
        let terminal =
            terminal.or_else(|_| io::stdout().as_fd().try_clone_to_owned().map(File::from));
        let terminal =
            terminal.map_err(|error| Failure::system("cannot use the terminal", &error))?;
        let printer = Printer {
            terminal,
            editor: Mutex::new(printer),
            typing,
        };
        Self::new(place, Some(printer))
    }

    pub(super) fn plain(place: Place) -> Result<Self, Failure> {
        Self::new(place, None)
    }

    fn new(place: Place, printer: Option<Printer>) -> Result<Self, Failure> {
        let has_notes_apart = !io::stderr().is_terminal();
        let (output, has_results_apart) = match place {
            Place::Output => (
                io::stdout().as_fd().try_clone_to_owned(),
                !io::stdout().is_terminal(),
            ),
            Place::Error => (io::stderr().as_fd().try_clone_to_owned(), has_notes_apart),
        };
        let output = output.map_err(|error| Failure::system("cannot use the output", &error))?;
        let shared = Shared {
            printer,
            output: File::from(output),
            has_results_apart,
            has_notes_apart,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Shows a result: one line, in which nothing can drive a terminal.
    pub(crate) fn show(&self, line: &str) -> io::Result<()> {
        match &self.shared.printer {
            Some(printer) if !self.shared.has_results_apart => printer.print(line),
            // One write for the whole line, so that lines of several processes do not mix.
            _ => (&self.shared.output).write_all(format!("{line}\n").as_bytes()),
        }
    }

    /// Tells whoever watches something that is no result.
    pub(crate) fn note(&self, line: &str) {
        // When nobody can read it, nobody waits for it.
        let _ = match &self.shared.printer {
            Some(printer) if !self.shared.has_notes_apart => printer.print(line),
            _ => io::stderr().write_all(format!("{line}\n").as_bytes()),
        };
    }

    /// Returns when all that was shown before is to be seen. While nobody types that is so anyway.
    pub(super) fn flush(&self) {
        if let Some(printer) = &self.shared.printer {
            // A line up and down again, which changes nothing. One such text waits at most, so that the second is taken only when the first was, and what
            // was before the first has been shown then.
            for _ in 0..2 {
                let _ = printer.print("\x1b[A");
            }
        }
    }
}

/// A terminal at which somebody types.
struct Printer {
    terminal: File,
    /// What the editor shows above the line.
    editor: Mutex<Box<dyn ExternalPrinter + Send>>,
    typing: Arc<Typing>,
}

impl Printer {
    fn print(&self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        // The editor is not asked while it does nothing: it takes what it is given when it begins again, and whoever makes it begin may be the one who prints.
        let write = || (&self.terminal).write_all(line.as_bytes());
        if let Some(written) = self.typing.unless_going_on(write) {
            return written;
        }
        let mut editor = self.editor.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = editor.print(line);
        shown.map_err(|error| io::Error::other(error.to_string()))
    }
}
