//! Names and rooms that were seen, which the tabulator can complete.

use std::collections::VecDeque;

/// How many of each are remembered. A server may make up as many as it likes.
const MAX: usize = 256;

/// The names and rooms that were seen last.
#[derive(Debug, Default)]
pub(super) struct Seen {
    names: Recent,
    rooms: Recent,
}

impl Seen {
    /// Looks at a line that has come.
    pub(super) fn note(&mut self, line: &str) {
        let Some((place, rest)) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "))
        else {
            return;
        };
        match place.split_once(" -> ") {
            Some(("you", name) | (name, "you")) => self.names.note(name),
            Some(_) => {}
            None => {
                self.rooms.note(place);
                if let Some(name) = speaker(rest) {
                    self.names.note(name);
                }
            }
        }
    }

    /// The names that begin so, in any case.
    pub(super) fn names(&self, start: &str) -> Vec<String> {
        self.names.beginning_with(start)
    }

    /// The rooms that begin so, in any case.
    pub(super) fn rooms(&self, start: &str) -> Vec<String> {
        self.rooms.beginning_with(start)
    }
}

/// Who has said or done something, in what stands behind the room.
fn speaker(rest: &str) -> Option<&str> {
    // What was said before: `(5 min ago) ann: hello`.
    let rest = match rest.strip_prefix('(') {
        Some(old) => old.split_once(") ")?.1,
        None => rest,
    };
    if let Some(deed) = rest.strip_prefix("* ").or(rest.strip_prefix("-- ")) {
        return deed.split(' ').next();
    }
    let (name, _) = rest.split_once(':')?;
    (!name.contains(' ')).then_some(name)
}

/// Words, the one that was seen last at the end.
#[derive(Debug, Default)]
struct Recent(VecDeque<String>);

impl Recent {
    fn note(&mut self, word: &str) {
        if word.is_empty() || word.contains(char::is_whitespace) {
            return;
        }
        let known = self.0.iter().position(|known| known == word);
        if let Some(index) = known {
            self.0.remove(index);
        } else if self.0.len() == MAX {
            self.0.pop_front();
        }
        self.0.push_back(word.to_owned());
    }

    fn beginning_with(&self, start: &str) -> Vec<String> {
        let start = start.to_lowercase();
        let fitting = self.0.iter().rev();
        fitting
            .filter(|word| word.to_lowercase().starts_with(&start))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_rooms_are_found_in_every_kind_of_line() {
        let mut seen = Seen::default();
        for line in [
            "-- Hello, me. You are in lobby",
            "!! [no] nobody: x",
            "[lobby] ann: hello: you",
            "[rust] * bob waves",
            "[lobby] -- cid has joined",
            "[lobby] (5 min ago) dan: before",
            "[lobby] (1 h ago) * eve waved",
            "[fay -> you] psst",
            "[you -> gus] psst",
            "[lobby] a line: from nobody",
        ] {
            seen.note(line);
        }
        assert_eq!(
            seen.names(""),
            ["gus", "fay", "eve", "dan", "cid", "bob", "ann"]
        );
        assert_eq!(seen.names("A"), ["ann"]);
        assert_eq!(seen.rooms(""), ["lobby", "rust"]);
    }

    #[test]
    fn only_the_last_ones_are_remembered() {
        let mut seen = Seen::default();
        for number in 0..1000 {
            seen.note(&format!("[r{number}] n{number}: x"));
        }
        assert_eq!(seen.names("").len(), MAX);
        assert_eq!(seen.names("").first().map(String::as_str), Some("n999"));
    }
}
