//! What people see: the datagrams on standard output, and on a terminal a prompt below them.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;

use socketserver::Address;

use crate::exit::Failure;

const PROMPT: &str = "> ";
/// Begins the line of the prompt anew, and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Standard output, and whether there is somebody to prompt.
#[derive(Debug)]
pub(super) struct Screen {
    output: File,
    /// A menu asks its own questions, and shows nothing meanwhile.
    has_prompt: bool,
}

impl Screen {
    /// Says where datagrams are received. Whoever reads no further knows enough.
    pub(super) fn open(address: &Address, has_menu: bool) -> Result<Self, Failure> {
        // The bare file, since a datagram is to be seen at once.
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let screen = Self {
            output: File::from(
                stdout.map_err(|error| Failure::system("cannot use standard output", &error))?,
            ),
            has_prompt: !has_menu
                && io::stdin().is_terminal()
                && io::stdout().is_terminal()
                && io::stderr().is_terminal(),
        };
        match screen.write(&format!("listening {address}")) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::system(
                "cannot say on standard output where it listens",
                &error,
            )),
            _ => Ok(screen),
        }
    }

    /// Whether somebody types.
    pub(super) fn has_prompt(&self) -> bool {
        self.has_prompt
    }

    /// Shows a line, above the prompt if there is one.
    pub(super) fn show(&self, line: &str) -> io::Result<()> {
        if self.has_prompt {
            tell(CLEAR);
        }
        let result = self.write(line);
        self.prompt();
        result
    }

    /// Asks for the next line.
    pub(super) fn prompt(&self) {
        if self.has_prompt {
            tell(PROMPT);
        }
    }

    /// One write for the whole line, so that lines of several processes do not mix.
    fn write(&self, line: &str) -> io::Result<()> {
        (&self.output).write_all(format!("{line}\n").as_bytes())
    }

    /// Answers a command, which also somebody who wants it quiet has given.
    pub(super) fn answer(line: &str) {
        tell(&format!("{line}\n"));
    }
}

fn tell(text: &str) {
    // When nobody can read it, nobody waits for it.
    let _ = io::stderr().write_all(text.as_bytes());
}
