//! A terminal to run the command at, with somebody who reads and types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::process::{DEADLINE, Ended, Process, command};

/// A command at a terminal that is its own. Its standard output and standard error are pipes.
pub(crate) struct Terminal {
    process: Process,
    /// What the terminal shows, and where its keys are.
    screen: File,
    shown: String,
    /// How much of that was waited for.
    seen: usize,
    /// The beginning of a letter.
    unread: Vec<u8>,
    /// Keeps the terminal until all of it was read.
    line: OwnedFd,
}

impl Terminal {
    pub(crate) fn run(words: &str) -> Self {
        Self::start(words, false)
    }

    /// The same, but what the command prints is on the terminal, too, as for most who type.
    pub(crate) fn run_wholly(words: &str) -> Self {
        Self::start(words, true)
    }

    fn start(words: &str, is_whole: bool) -> Self {
        // Other tests start processes meanwhile, which must not inherit it.
        let screen =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let line = open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .unwrap();
        // `setsid` makes it the terminal of the process, which is what /dev/tty stands for.
        let plain = command(words.split_whitespace());
        let mut command = Command::new("setsid");
        command
            .arg("-c")
            .arg(plain.get_program())
            .args(plain.get_args())
            .stdin(line.try_clone().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("TERM", "xterm");
        if is_whole {
            command
                .stdout(line.try_clone().unwrap())
                .stderr(line.try_clone().unwrap());
        }
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        Self {
            process: Process::start(&mut command),
            screen: File::from(screen),
            shown: String::new(),
            seen: 0,
            unread: Vec::new(),
            line,
        }
    }

    /// Waits for a question, and until nothing is shown any more that is typed.
    pub(crate) fn asks(&mut self, question: &str) {
        while !self.shown.ends_with(question) {
            self.read();
        }
        let deadline = Instant::now() + DEADLINE;
        while self.echoes() {
            assert!(Instant::now() < deadline, "what is typed is shown");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until this is shown behind what was waited for before.
    pub(crate) fn shows(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            self.read();
        }
    }

    /// Waits for more.
    fn read(&mut self) {
        let mut watched = [PollFd::new(&self.screen, PollFlags::IN)];
        let timeout = Timespec::try_from(DEADLINE).unwrap();
        let ready = poll(&mut watched, Some(&timeout)).unwrap();
        assert!(ready > 0, "nothing came any more after {:?}", self.shown);
        let mut buffer = [0; 1024];
        let count = self.screen.read(&mut buffer).unwrap();
        self.unread.extend(&buffer[..count]);
        // A letter may come in two pieces.
        let whole = match std::str::from_utf8(&self.unread) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let text: Vec<u8> = self.unread.drain(..whole).collect();
        self.shown += std::str::from_utf8(&text).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.screen).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end, whereafter the terminal must show again what is typed, and gives what it has shown, too.
    pub(crate) fn end(mut self) -> (Ended, String) {
        let ended = self.process.end();
        let modes = tcgetattr(&self.screen).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ISIG));
        // When nobody has the other side any more, the rest is followed by an error.
        drop(self.line);
        let mut rest = Vec::new();
        let _ = self.screen.read_to_end(&mut rest);
        (ended, self.shown + &String::from_utf8(rest).unwrap())
    }
}
