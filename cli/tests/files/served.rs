//! The real file server, with a folder of its own.

use rustix::process::Signal;

use crate::here::Here;
use crate::process::{Ended, Process, command};

/// Every mode, as it is written.
pub(crate) const MODES: [&str; 5] = ["serial", "threads", "pool:4", "reactor", "reactor:2"];

/// A file server, and what it serves.
pub(crate) struct Served {
    pub(crate) root: Here,
    /// `HOST:PORT`.
    pub(crate) address: String,
    process: Process,
    /// Where its users file is.
    _outside: Here,
}

impl Served {
    /// A server with these options, which say who may do what.
    pub(crate) fn with(options: &[&str]) -> Self {
        Self::start(options, Here::new())
    }

    /// A server at which everybody may do everything.
    pub(crate) fn to_anybody() -> Self {
        Self::with(&["--anonymous", "rw"])
    }

    /// A server that also knows two users, whose password is `geheim`: bob may write, eve may not. Everything is the home of both.
    pub(crate) fn to_users(options: &[&str]) -> Self {
        let outside = Here::new();
        for (name, access) in [("bob", "rw"), ("eve", "ro")] {
            let words = ["users", "add", name, "--file", "users", "--home", "/"];
            let mut add = outside.command(&words);
            add.args(["--access", access])
                .env("SOCKETSERVER_PASSWORD", "geheim");
            assert_eq!(Process::start(&mut add).end().code, Some(0));
        }
        let users = outside.path("users");
        let users = ["--users", users.to_str().unwrap()];
        Self::start(&[&users, options].concat(), outside)
    }

    fn start(options: &[&str], outside: Here) -> Self {
        let root = Here::new();
        let mut command = command(["serve", "files", "tcp://127.0.0.1:0", "--root"]);
        command.arg(root.path("")).args(options);
        let mut process = Process::start(&mut command);
        let address = process.address();
        Self {
            root,
            address: address.strip_prefix("tcp://").unwrap().to_owned(),
            process,
            _outside: outside,
        }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("files://{}/{path}", self.address)
    }

    /// Stops it, which must work.
    pub(crate) fn stop(self) -> Ended {
        self.process.signal(Signal::TERM);
        let ended = self.process.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }
}
