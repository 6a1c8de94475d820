//! The verbs of the interactive client.

use std::cell::RefCell;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use socketserver_handlers::files::client::{Client, Error, TransferOptions};
use socketserver_handlers::files::{Algorithm, FilePath, UnknownAlgorithm};

use super::super::failing;
use super::super::local_walk::{LocalFiles, Place};
use super::super::ls::{self, Form};
use super::super::put;
use super::super::report::Report;
use super::super::target::Destination;
use super::super::verbs::{described, hash_line, new_path};
use super::super::wanted::{Wanted, WantedFiles};
use super::super::work::run_here;
use super::remote::Remote;
use super::words;
use crate::exit::{Code, Failure, cause};
use crate::load::print;
use crate::shown;

/// Whether there are more commands to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Goes,
    Ends,
}

/// A verb, as it is explained and completed.
#[derive(Debug)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    /// What is written behind it.
    arguments: &'static str,
    does: &'static str,
    /// What these are, for completion; the last one may come several times.
    kinds: &'static [Argument],
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Remote,
    Local,
    Other,
}

use Argument::{Local, Other, Remote as There};

/// Everything that can be typed.
pub(super) const VERBS: [Verb; 15] = [
    verb("ls", "[-l] [PATH]", "lists a folder", &[There]),
    verb(
        "cd",
        "[PATH]",
        "goes to a folder; without one, home",
        &[There],
    ),
    verb("pwd", "", "says which folder one is in", &[Other]),
    verb(
        "get",
        "[-r] PATH [LOCAL]",
        "copies a file or a folder to this side",
        &[There, Local],
    ),
    verb(
        "put",
        "[-r] LOCAL [PATH]",
        "copies a file or a folder to the server",
        &[Local, There],
    ),
    verb("mkdir", "PATH", "makes a folder", &[There]),
    verb("rm", "PATH...", "removes files and empty folders", &[There]),
    verb(
        "mv",
        "PATH NEWPATH",
        "gives a file or folder another path",
        &[There],
    ),
    verb("stat", "PATH", "says what a file or folder is", &[There]),
    verb(
        "hash",
        "PATH [ALGORITHM]",
        "prints a hash: blake3, sha256, md5",
        &[There, Other],
    ),
    verb("lcd", "[PATH]", "goes to a folder on this side", &[Local]),
    verb(
        "lpwd",
        "",
        "says which folder on this side one is in",
        &[Other],
    ),
    verb("lls", "[PATH]", "lists a folder on this side", &[Local]),
    verb("help", "", "lists the commands", &[Other]),
    verb("quit", "", "leaves; so does the end of the input", &[Other]),
];

const fn verb(
    name: &'static str,
    arguments: &'static str,
    does: &'static str,
    kinds: &'static [Argument],
) -> Verb {
    Verb {
        name,
        arguments,
        does,
        kinds,
    }
}

impl Verb {
    /// What the argument at this place is.
    pub(super) fn argument(&self, place: usize) -> Argument {
        let kind = self.kinds.get(place).or(self.kinds.last());
        kind.copied().unwrap_or(Other)
    }
}

/// Whoever does what is typed.
pub(super) struct Commands<'a> {
    remote: Rc<RefCell<Remote<'a>>>,
    report: &'a Report,
}

impl<'a> Commands<'a> {
    pub(super) fn new(remote: Rc<RefCell<Remote<'a>>>, report: &'a Report) -> Self {
        Self { remote, report }
    }

    /// Does what a line says. What fails of a transfer is in the report.
    pub(super) fn run(&mut self, line: &str) -> Result<Flow, Failure> {
        let words = words::split(line).map_err(usage)?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => {}
            ["quit" | "exit" | "bye"] => {
                self.quit();
                return Ok(Flow::Ends);
            }
            ["help" | "?"] => print(&help())?,
            ["ls"] => self.list(Form::Names, "")?,
            ["ls", "-l"] => self.list(Form::Long, "")?,
            ["ls", "-l", path] => self.list(Form::Long, path)?,
            ["ls", path] => self.list(Form::Names, path)?,
            ["cd"] => self.remote.borrow_mut().change_folder(&FilePath::root())?,
            ["cd", path] => {
                let mut remote = self.remote.borrow_mut();
                let folder = remote.resolve(path)?;
                remote.change_folder(&folder)?;
            }
            ["pwd"] => print(&self.remote.borrow().folder().to_string())?,
            ["get", "-r", path] => self.get(path, None, true)?,
            ["get", "-r", path, local] => self.get(path, Some(local), true)?,
            ["get", path] => self.get(path, None, false)?,
            ["get", path, local] => self.get(path, Some(local), false)?,
            ["put", "-r", local] => self.put(local, "", true)?,
            ["put", "-r", local, path] => self.put(local, path, true)?,
            ["put", local] => self.put(local, "", false)?,
            ["put", local, path] => self.put(local, path, false)?,
            ["mkdir", path] => self.change(path, Client::make_folder)?,
            ["rm", ref paths @ ..] if !paths.is_empty() => {
                for path in paths {
                    self.change(path, Client::remove)?;
                }
            }
            ["mv", from, to] => self.rename(from, to)?,
            ["stat", path] => print(&described(&self.ask(path, Client::entry)?))?,
            ["hash", path] => self.hash(path, None)?,
            ["hash", path, algorithm] => {
                let known = algorithm.parse();
                let known = known.map_err(|error: UnknownAlgorithm| usage(error.to_string()));
                self.hash(path, Some(known?))?;
            }
            ["lcd"] => local_change(&env::home_dir().unwrap_or_default())?,
            ["lcd", path] => local_change(Path::new(path))?,
            ["lpwd"] => print(&local_folder()?)?,
            ["lls"] => local_list(".")?,
            ["lls", path] => local_list(path)?,
            [name, ..] => return Err(misused(name)),
        }
        Ok(Flow::Goes)
    }

    /// Leaves. A server that has left before is no failure.
    pub(super) fn quit(&mut self) {
        self.remote.borrow_mut().leave();
    }

    fn list(&mut self, form: Form, path: &str) -> Result<(), Failure> {
        let mut remote = self.remote.borrow_mut();
        let path = remote.resolve(path)?;
        ls::list(remote.client()?, &path, form)
    }

    /// Asks about one path.
    fn ask<T>(
        &mut self,
        path: &str,
        ask: impl FnOnce(&mut Client, &FilePath) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let mut remote = self.remote.borrow_mut();
        let path = remote.resolve(path)?;
        ask(remote.client()?, &path).map_err(|error| failing::on(&path, &error))
    }

    /// The same where folders are not what they were afterwards.
    fn change(
        &mut self,
        path: &str,
        ask: impl FnOnce(&mut Client, &FilePath) -> Result<(), Error>,
    ) -> Result<(), Failure> {
        self.remote.borrow_mut().forget_names();
        self.ask(path, ask)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        let to = {
            let remote = self.remote.borrow();
            new_path(&remote.resolve(from)?, remote.folder(), to)?
        };
        self.change(from, |client, from| client.rename(from, &to))
    }

    fn hash(&mut self, path: &str, algorithm: Option<Algorithm>) -> Result<(), Failure> {
        let shown = self.remote.borrow().resolve(path)?;
        let hash = self.ask(path, |client, path| {
            client.hash(path, algorithm.unwrap_or(client.algorithm()), None)
        })?;
        print(&hash_line(&hash, &shown))
    }

    fn get(&mut self, path: &str, local: Option<&str>, is_recursive: bool) -> Result<(), Failure> {
        let mut remote = self.remote.borrow_mut();
        let path = remote.resolve(path)?;
        let destination = Destination::find(local.map(Path::new), !is_recursive)?;
        let (sessions, site) = remote.sessions();
        let wanted = Wanted { site, path };
        let options = TransferOptions::default();
        let files = WantedFiles::new([wanted], destination, is_recursive, options);
        run_here(files, sessions, self.report);
        Ok(())
    }

    fn put(&mut self, local: &str, path: &str, is_recursive: bool) -> Result<(), Failure> {
        let mut remote = self.remote.borrow_mut();
        remote.forget_names();
        let folder = remote.resolve(path)?;
        let (sessions, site) = remote.sessions();
        let place = if is_recursive || path.is_empty() || path.ends_with('/') {
            Place::Folder(folder)
        } else {
            put::place(folder, site, sessions)?
        };
        let locals = [PathBuf::from(local)];
        let options = TransferOptions::default();
        let files = LocalFiles::new(site, locals, place, is_recursive, options);
        run_here(files, sessions, self.report);
        Ok(())
    }
}

fn help() -> String {
    let line = |verb: &Verb| {
        let call = format!("{} {}", verb.name, verb.arguments);
        format!("{call:<24}{}", verb.does)
    };
    let mut lines: Vec<_> = VERBS.iter().map(line).collect();
    lines.push(
        "Names with blanks stand in double quotes; / and ~ are home, .. is the folder above."
            .into(),
    );
    lines.join("\n")
}

fn usage(sentence: impl Into<String>) -> Failure {
    Failure::new(Code::Usage, sentence)
}

/// A verb that is not known, or has other arguments than it takes.
fn misused(name: &str) -> Failure {
    match VERBS.iter().find(|verb| verb.name == name) {
        Some(verb) => usage(format!("write {} {}", verb.name, verb.arguments)),
        None => usage(format!("'{name}' is not a command: help lists them")),
    }
}

fn local_change(path: &Path) -> Result<(), Failure> {
    env::set_current_dir(path).map_err(|error| {
        let sentence = format!("cannot go to {}: {}", path.display(), cause(&error));
        Failure::new(Code::Failed, sentence)
    })
}

fn local_folder() -> Result<String, Failure> {
    let folder = env::current_dir();
    let folder = folder.map_err(|error| Failure::system("cannot find this folder", &error))?;
    Ok(shown::line(folder.as_os_str().as_encoded_bytes()))
}

fn local_list(path: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::system(format_args!("cannot list {path}"), &error);
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let end = if entry.path().is_dir() { "/" } else { "" };
        lines.push(shown::line(entry.file_name().as_encoded_bytes()) + end);
    }
    lines.sort();
    if lines.is_empty() {
        return Ok(());
    }
    print(&lines.join("\n"))
}
