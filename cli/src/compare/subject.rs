//! What is compared: a handler, or files in both directions.

use std::str::FromStr;

use socketserver_bench::load::{Conversation, Direction, UnknownConversation};

/// One conversation, or several that are compared one after the other, each with a report of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject(Vec<Conversation>);

impl Subject {
    pub(super) fn conversations(&self) -> &[Conversation] {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = UnknownConversation;

    fn from_str(text: &str) -> Result<Self, UnknownConversation> {
        let both = || [Direction::Get, Direction::Put].map(Conversation::Files);
        match text {
            "files" => Ok(Self(both().into())),
            text => text.parse().map(|conversation| Self(vec![conversation])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_a_direction_are_both() {
        let written = |text: &str| {
            let subject: Subject = text.parse().expect(text);
            let words = subject.0.iter().map(ToString::to_string);
            words.collect::<Vec<_>>()
        };
        assert_eq!(written("files"), ["files:get", "files:put"]);
        assert_eq!(written("files:put"), ["files:put"]);
        assert_eq!(written("echo"), ["echo"]);
        assert!("files:".parse::<Subject>().is_err());
    }
}
