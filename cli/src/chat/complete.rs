//! What the tabulator completes: commands, rooms and names.

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::seen::Seen;

/// What servers of this protocol know.
const COMMANDS: [&str; 17] = [
    "/away", "/help", "/history", "/join", "/key", "/kick", "/me", "/msg", "/mute", "/nick", "/op",
    "/part", "/quit", "/rooms", "/topic", "/unmute", "/who",
];
/// Those of them that begin with a room.
const FOR_ROOMS: [&str; 3] = ["/join", "/part", "/who"];

/// Completes lines.
pub(super) struct Completion {
    seen: Arc<Mutex<Seen>>,
}

impl Completion {
    pub(super) fn new(seen: Arc<Mutex<Seen>>) -> Self {
        Self { seen }
    }

    /// What the last word of a line can become, each with what stands behind it.
    fn candidates(&self, before: &str, word: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = before.trim();
        if before.is_empty() && word.starts_with('/') {
            let fitting = COMMANDS.iter().filter(|name| name.starts_with(word));
            return fitting.map(|name| format!("{name} ")).collect();
        }
        if word.is_empty() {
            return Vec::new();
        }
        if FOR_ROOMS.contains(&before) {
            return seen.rooms(word);
        }
        // Who is spoken to stands first in a line.
        let end = if before.is_empty() { ": " } else { " " };
        let names = seen.names(word).into_iter();
        names.map(|name| name + end).collect()
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let start = typed.rfind(' ').map_or(0, |space| space + 1);
        let candidates = self.candidates(&typed[..start], &typed[start..]);
        let pairs = candidates.into_iter().map(|replacement| Pair {
            display: replacement.trim_end_matches([':', ' ']).to_owned(),
            replacement,
        });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_becomes_what_fits_at_its_place() {
        let mut seen = Seen::default();
        seen.note("[lobby] Ann: hello");
        let completion = Completion::new(Arc::new(Mutex::new(seen)));
        for (before, word, candidates) in [
            ("", "/jo", vec!["/join "]),
            ("", "/k", vec!["/key ", "/kick "]),
            ("", "an", vec!["Ann: "]),
            ("hello ", "an", vec!["Ann "]),
            ("/msg ", "A", vec!["Ann "]),
            ("/join ", "lo", vec!["lobby"]),
            ("/join ", "an", vec![]),
            ("hello ", "/jo", vec![]),
            ("", "", vec![]),
        ] {
            assert_eq!(
                completion.candidates(before, word),
                candidates,
                "{before}{word}"
            );
        }
    }
}
