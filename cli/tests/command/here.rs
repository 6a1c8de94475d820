//! A folder in which commands are run, and what they leave there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{DEADLINE, Ended, Process, command};

/// A folder in which commands run.
pub(crate) struct Here(TempDir);

impl Here {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.current_dir(self.0.path());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        Process::start(&mut self.command(words)).end()
    }

    /// Runs a command that works.
    pub(crate) fn works(&self, words: &[&str]) -> Ended {
        let ended = self.run(words);
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended
    }

    /// Runs a command that fails with this code and a sentence that has this in it.
    pub(crate) fn fails(&self, words: &[&str], code: i32, sentence: &str) -> Ended {
        let ended = self.run(words);
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(sentence),
            "{words:?}: {}",
            ended.stderr
        );
        ended
    }

    /// Types commands into the interactive client.
    pub(crate) fn types(&self, address: &str, lines: &[&str]) -> Ended {
        let mut process = Process::start(&mut self.command(&["files", address]));
        // All at once, since whoever stops at the first that fails does not take the others.
        process.types(lines.join("\n"));
        process.types_no_more();
        process.end()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Writes a file, and makes the folders on the way.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// How much has come of a file that is being transferred into a folder.
    pub(crate) fn part_bytes(&self, folder: &str) -> u64 {
        let names = self.names(folder).into_iter();
        let parts = names.filter(|name| name.starts_with(".socketserver-"));
        // It may have got its name meanwhile.
        let sizes = parts.map(|name| fs::metadata(self.path(folder).join(name)));
        sizes.flatten().map(|part| part.len()).max().unwrap_or(0)
    }

    /// What is in a folder, hidden or not.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn text(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.stdout).unwrap()
}

pub(crate) fn json_lines(ended: &Ended) -> Vec<Value> {
    let lines = text(ended).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::yield_now();
    }
}
