//! What is said, to the byte: the room, the names in it, and messages that say which ones they are.
//!
//! A message begins with its number and with the time at which it was due, in microseconds since the load began; letters of its own fill the rest.
//! All names of a load are of one length, and so are all its messages. A line that is delivered therefore has its parts at known places, and whether it
//! is right is a single comparison.

use std::io::Write;
use std::ops::Range;

use crate::load::Conversation;
use crate::load::payload::Payload;

/// Digits of the number of a message: more than can be said while anybody waits.
const NUMBER_DIGITS: usize = 10;
/// Digits of the time at which it was due: eleven days.
const TIME_DIGITS: usize = 12;
/// What stands in front of the letters, with the spaces.
const HEADER_BYTES: usize = NUMBER_DIGITS + 1 + TIME_DIGITS + 1;

/// The shortest message: its number, its time, a letter and the end of its line.
pub(in crate::load) const MESSAGE_BYTES_MIN: usize = HEADER_BYTES + 2;
/// The longest one, with the end of its line: what the line door of the chat takes.
pub(in crate::load) const MESSAGE_BYTES_MAX: usize = 2000;

/// How the letters and digits look that tell the room and the names of one load from those of another: few, since short names are allowed everywhere.
const MARK_BYTES: usize = 5;

/// The messages of all members.
#[derive(Debug)]
pub(super) struct Messages {
    payload: Payload,
    /// `r7f3k2`.
    room: String,
    /// What stands before the number of a member in its name: `m7f3k2`.
    stem: String,
    /// Digits of that number.
    digits: usize,
}

impl Messages {
    /// For so many members, whose messages have so many bytes, with the ends of their lines.
    pub(super) fn new(members: usize, message_bytes: usize) -> Self {
        let mark: String = std::iter::repeat_with(|| fastrand::char('a'..='z'))
            .take(MARK_BYTES)
            .collect();
        Self {
            payload: Payload::without_lines(Conversation::Chat, message_bytes - 1),
            room: format!("r{mark}"),
            stem: format!("m{mark}"),
            digits: members.saturating_sub(1).to_string().len(),
        }
    }

    /// The room that is made for this load.
    pub(super) fn room(&self) -> &str {
        &self.room
    }

    /// What a member is called.
    pub(super) fn name(&self, member: usize) -> String {
        format!("{}{member:0digits$}", self.stem, digits = self.digits)
    }

    /// Which member has this name.
    pub(super) fn member(&self, name: &[u8]) -> Option<usize> {
        let number = name.strip_prefix(self.stem.as_bytes())?;
        (number.len() == self.digits)
            .then(|| decimal(number))
            .flatten()
    }

    /// A message as it comes to the others, with the end of its line.
    pub(super) fn line(&self, speaker: usize, message: u64, due: u64) -> Box<[u8]> {
        let mut line = Vec::with_capacity(self.line_bytes());
        let name = self.name(speaker);
        let (number, micros) = (message + 1, due / 1000);
        // Writing to a vector does not fail.
        let _ = write!(
            line,
            "[{}] {name}: {number:0NUMBER_DIGITS$} {micros:0TIME_DIGITS$} ",
            self.room
        );
        self.payload.say(speaker, message, HEADER_BYTES, &mut line);
        line.push(b'\n');
        line.into_boxed_slice()
    }

    /// How long all lines are that are delivered.
    pub(super) fn line_bytes(&self) -> usize {
        self.prefix_bytes() + self.message_bytes()
    }

    /// How long all messages are as they are said, with the ends of their lines.
    pub(super) fn message_bytes(&self) -> usize {
        self.payload.message_bytes() + 1
    }

    /// How long that is which the server sets in front of them.
    pub(super) fn prefix_bytes(&self) -> usize {
        "[] ".len() + self.room.len() + self.stem.len() + self.digits + ": ".len()
    }

    /// The number of whoever speaks in a line, if the line is a right one: nothing else is looked at.
    pub(super) fn speaker_at_its_place(&self, line: &[u8]) -> Option<usize> {
        let start = "[] ".len() + self.room.len() + self.stem.len();
        line.get(start..start + self.digits).and_then(decimal)
    }

    /// Which message a text says that it is, counted from zero.
    pub(super) fn number(text: &[u8]) -> Option<u64> {
        let number = decimal(text.get(..NUMBER_DIGITS)?)?;
        (number as u64).checked_sub(1)
    }

    /// Whether a text, without the end of its line, is this message, whenever that was due.
    pub(super) fn is_text_of(&self, speaker: usize, message: u64, text: &[u8]) -> bool {
        let letters = Range {
            start: HEADER_BYTES,
            end: self.payload.message_bytes(),
        };
        Self::number(text) == Some(message)
            && text.len() == letters.end
            && (self.payload)
                .compare(speaker, message, letters.start, &text[letters])
                .is_none()
    }
}

/// A number of digits and nothing else.
fn decimal(digits: &[u8]) -> Option<usize> {
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_parts_where_they_are_looked_for() {
        let messages = Messages::new(1000, 64);
        let line = messages.line(42, 6, 1_234_567_000);
        let text = String::from_utf8(line.to_vec()).expect("it is ASCII");
        let (room, name) = (messages.room(), messages.name(42));
        assert!(name.ends_with("042"), "{name}");
        let start = format!("[{room}] {name}: 0000000007 000001234567 ");
        assert!(text.starts_with(&start), "{text}");
        assert_eq!(line.len(), messages.line_bytes());
        assert_eq!(line.len() - messages.prefix_bytes(), 64);
        assert_eq!(messages.speaker_at_its_place(&line), Some(42));
        assert_eq!(messages.member(name.as_bytes()), Some(42));
        assert_eq!(messages.member(b"somebody"), None);
    }

    #[test]
    fn a_text_is_known_without_its_time() {
        let messages = Messages::new(2, MESSAGE_BYTES_MIN);
        let line = messages.line(1, 0, 5000);
        let text = &line[messages.prefix_bytes()..line.len() - 1];
        assert_eq!(Messages::number(text), Some(0));
        assert!(messages.is_text_of(1, 0, text));
        assert!(!messages.is_text_of(0, 0, text), "another one says it");
        let mut wrong = text.to_vec();
        *wrong.last_mut().expect("there are letters") ^= 1;
        assert!(!messages.is_text_of(1, 0, &wrong));
        assert_eq!(Messages::number(b"short"), None);
        assert_eq!(Messages::number(b"0000000000"), None, "it begins with one");
    }

    #[test]
    fn neighbours_say_something_else() {
        let messages = Messages::new(10, 100);
        let letters = |speaker, message| {
            let line = messages.line(speaker, message, 0);
            line[messages.prefix_bytes() + HEADER_BYTES..].to_vec()
        };
        assert_ne!(letters(1, 1), letters(1, 2));
        assert_ne!(letters(1, 1), letters(2, 1));
    }
}
