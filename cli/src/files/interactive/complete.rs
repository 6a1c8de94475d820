//! What the tabulator completes: verbs, paths on the server, and paths on this side.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use socketserver_handlers::files::storage::Kind;

use super::commands::{Argument, VERBS};
use super::remote::Remote;
use super::words;
use crate::shown;

/// Completes lines.
pub(super) struct Completion<'a> {
    remote: Rc<RefCell<Remote<'a>>>,
}

impl<'a> Completion<'a> {
    pub(super) fn new(remote: Rc<RefCell<Remote<'a>>>) -> Self {
        Self { remote }
    }

    /// What a word can become: the whole words, with a `/` behind those of folders.
    fn candidates(&self, words: &[words::Word]) -> Vec<String> {
        let Some((word, before)) = words.split_last() else {
            return Vec::new();
        };
        let Some(verb) = before.first() else {
            let verbs = VERBS.iter().map(|verb| verb.name);
            let fitting = verbs.filter(|name| name.starts_with(&word.text));
            return fitting.map(str::to_owned).collect();
        };
        let Some(verb) = VERBS.iter().find(|known| known.name == verb.text) else {
            return Vec::new();
        };
        // Options are not counted among the arguments.
        let place = before[1..]
            .iter()
            .filter(|word| !word.text.starts_with('-'));
        match verb.argument(place.count()) {
            Argument::Remote => self.remote_paths(&word.text),
            Argument::Local => local_paths(&word.text),
            Argument::Other => Vec::new(),
        }
    }

    fn remote_paths(&self, word: &str) -> Vec<String> {
        let (folder, start) = divided(word);
        // While a command runs nobody types.
        let Ok(mut remote) = self.remote.try_borrow_mut() else {
            return Vec::new();
        };
        let Ok(path) = remote.resolve(folder) else {
            return Vec::new();
        };
        let fitting = remote
            .names(&path)
            .iter()
            .filter(|(name, _)| name.starts_with(start));
        let whole = fitting.map(|(name, kind)| {
            let end = if *kind == Kind::Folder { "/" } else { "" };
            format!("{folder}{name}{end}")
        });
        whole.collect()
    }
}

/// The folder in which a path ends, with its `/`, and the beginning of a name there.
fn divided(path: &str) -> (&str, &str) {
    match path.rfind('/') {
        Some(at) => path.split_at(at + 1),
        None => ("", path),
    }
}

fn local_paths(word: &str) -> Vec<String> {
    let (folder, start) = divided(word);
    let place = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = fs::read_dir(Path::new(place)) else {
        return Vec::new();
    };
    let fitting = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // Hidden files are completed for those who ask for them.
        let is_hidden = name.starts_with('.') && !start.starts_with('.');
        if is_hidden || !name.starts_with(start) {
            return None;
        }
        let end = if entry.path().is_dir() { "/" } else { "" };
        Some(format!("{folder}{name}{end}"))
    });
    let mut paths: Vec<_> = fitting.collect();
    paths.sort();
    paths
}

impl Completer for Completion<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let words = words::so_far(&line[..position]);
        let start = words.last().map_or(position, |word| word.start);
        let pairs = self.candidates(&words).into_iter().map(|word| {
            let mut replacement = words::quoted(&word);
            if word.ends_with('/') && replacement.ends_with('"') {
                // One goes on into the folder.
                replacement.pop();
            }
            Pair {
                display: shown::line(word.as_bytes()),
                replacement,
            }
        });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Completion<'_> {
    type Hint = String;
}

impl Highlighter for Completion<'_> {}

impl Validator for Completion<'_> {}

impl Helper for Completion<'_> {}
