//! The rooms that somebody is in, as far as commands tell, so that they can be entered again.

/// Rooms, by the commands that have led there.
///
/// Whether the server has obeyed is not looked at: a room that was refused is refused again, and a room that somebody was removed from lets him in or
/// does not.
#[derive(Clone, Debug, Default)]
pub(super) struct Rooms {
    /// The last one is the current one.
    entered: Vec<Room>,
    /// What was left although it was never entered by a command, since the server leads everybody there: the names as they were written, which may be
    /// none for the current one.
    left: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Room {
    name: String,
    key: Option<String>,
}

impl Rooms {
    /// Rooms to be entered at once, with a key if they have one.
    pub(super) fn new(names: &[String], key: Option<&str>) -> Result<Self, String> {
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        };
        if let Some(name) = names.iter().find(|name| !is_word(name)) {
            let name = name.escape_debug();
            return Err(format!(
                "'{name}' cannot be a room, which is one word (in --room)"
            ));
        }
        if key.is_some_and(|key| !is_word(key)) {
            return Err("a key is one word, without spaces (in --key)".into());
        }
        let mut rooms = Self::default();
        for name in names {
            rooms.enter(name, key);
        }
        Ok(rooms)
    }

    /// A line was sent, which may be a command about rooms.
    pub(super) fn note(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("/join"), Some(name), key) => self.enter(name, key),
            (Some("/part"), name, _) => self.leave(name),
            _ => {}
        }
    }

    fn enter(&mut self, name: &str, key: Option<&str>) {
        let known = self.position(name).map(|index| self.entered.remove(index));
        let key = key.map(str::to_owned);
        let key = key.or_else(|| known.and_then(|room| room.key));
        let name = name.to_owned();
        self.left.retain(|left| !is_same(left, &name));
        self.entered.push(Room { name, key });
    }

    fn leave(&mut self, name: Option<&str>) {
        let known = match name {
            Some(name) => self.position(name),
            None => self.entered.len().checked_sub(1),
        };
        if let Some(index) = known {
            self.entered.remove(index);
        } else if let name = name.unwrap_or_default().to_owned()
            && !self.left.contains(&name)
        {
            self.left.push(name);
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entered
            .iter()
            .position(|room| is_same(&room.name, name))
    }

    /// The commands that lead to where somebody was, from where a server leads everybody.
    pub(super) fn commands(&self) -> Vec<String> {
        let enter = self.entered.iter().map(|Room { name, key }| match key {
            Some(key) => format!("/join {name} {key}"),
            None => format!("/join {name}"),
        });
        // Without a name it means the room in which a server puts everybody, and so goes first.
        let (unnamed, named): (Vec<_>, Vec<_>) = self.left.iter().partition(|name| name.is_empty());
        let unnamed = unnamed.into_iter().map(|_| "/part".to_owned());
        let named = named.into_iter().map(|name| format!("/part {name}"));
        unnamed.chain(enter).chain(named).collect()
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.strip_prefix('#').unwrap_or(name).to_lowercase();
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Vec<String> {
        let mut rooms = Rooms::default();
        for line in lines {
            rooms.note(line);
        }
        rooms.commands()
    }

    #[test]
    fn the_rooms_that_were_entered_and_not_left_are_entered_again() {
        for (lines, commands) in [
            (vec!["hello", "/joined a", "//join a"], vec![]),
            (vec!["/join a", "/join b k"], vec!["/join a", "/join b k"]),
            (
                vec!["/join a", "/join b", "/join #A"],
                vec!["/join b", "/join #A"],
            ),
            (
                vec!["/join a k", "/join b", "/join a"],
                vec!["/join b", "/join a k"],
            ),
            (vec!["/join a", "/join b", "/part"], vec!["/join a"]),
            (vec!["/join a", "/join b", "/part a"], vec!["/join b"]),
            (
                vec!["/join a", "/part lobby"],
                vec!["/join a", "/part lobby"],
            ),
            (vec!["/part", "/join a"], vec!["/part", "/join a"]),
            (vec!["/part lobby", "/join lobby"], vec!["/join lobby"]),
        ] {
            assert_eq!(after(&lines), commands, "{lines:?}");
        }
    }

    #[test]
    fn rooms_that_are_asked_for_are_words() {
        let names = ["a", "b"].map(String::from);
        let rooms = Rooms::new(&names, Some("k")).unwrap();
        assert_eq!(rooms.commands(), ["/join a k", "/join b k"]);
        assert!(Rooms::new(&["a b".into()], None).is_err());
        assert!(Rooms::new(&names, Some("a\nb")).is_err());
    }
}
