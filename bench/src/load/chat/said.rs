//! What a speaker has said, for as long as somebody still has to get it.

use std::collections::VecDeque;

/// The messages of one speaker, from the oldest that somebody misses to the latest.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The number of the first of them, counted from zero.
    first: u64,
    messages: VecDeque<Message>,
}

#[derive(Debug)]
struct Message {
    due: u64,
    /// As it is delivered.
    line: Box<[u8]>,
    /// How many members have not got it yet.
    missing: usize,
}

impl Said {
    /// A message is due that so many members have to get.
    pub(super) fn push(&mut self, due: u64, line: Box<[u8]>, missing: usize) {
        self.messages.push_back(Message { due, line, missing });
    }

    /// How many of them somebody misses.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The number of the oldest one.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the next message.
    pub(super) fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// A message as it is delivered, if there is one that somebody misses.
    pub(super) fn line(&self, message: u64) -> Option<&[u8]> {
        self.get(message).map(|message| &*message.line)
    }

    /// When a message was due.
    pub(super) fn due(&self, message: u64) -> Option<u64> {
        self.get(message).map(|message| message.due)
    }

    /// One member more has got a message, or does not wait for it any more. Says whether it was the last one.
    pub(super) fn settle(&mut self, message: u64) -> bool {
        let Some(index) = self.index(message) else {
            return false;
        };
        let message = &mut self.messages[index];
        message.missing -= 1;
        let is_complete = message.missing == 0;
        while self.messages.front().is_some_and(|one| one.missing == 0) {
            self.messages.pop_front();
            self.first += 1;
        }
        is_complete
    }

    fn get(&self, message: u64) -> Option<&Message> {
        self.messages.get(self.index(message)?)
    }

    fn index(&self, message: u64) -> Option<usize> {
        let index = usize::try_from(message.checked_sub(self.first)?).ok()?;
        (index < self.messages.len()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_until_everybody_has_it() {
        let mut said = Said::default();
        for due in [10, 20] {
            said.push(due, Box::from(*b"line"), 2);
        }
        assert!(!said.settle(1));
        assert!(said.settle(1), "both have the second one");
        assert_eq!((said.first(), said.end(), said.len()), (0, 2, 2));
        assert!(!said.settle(0));
        assert_eq!(said.due(0), Some(10));
        assert!(said.settle(0));
        assert_eq!((said.first(), said.end(), said.len()), (2, 2, 0));
        assert_eq!((said.due(0), said.line(2)), (None, None));
    }
}
