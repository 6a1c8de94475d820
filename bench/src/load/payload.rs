//! What clients say, and what must come back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What kind of answers a server gives.
///
/// It is written as the handlers of `socketserver serve` are: `echo`, `uppercase`, `work:200us`, `wait:5ms`, `chat`; and `files:get` or `files:put`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// The same bytes.
    Echo,
    /// The same bytes, with the letters a to z in capitals.
    Uppercase,
    /// The same line, after so much work.
    Work(Duration),
    /// The same line, after so long a wait.
    Wait(Duration),
    /// What each member of a room says comes to all others in it, by the line door of the chat.
    Chat,
    /// Files, by the file protocol in version 2, that everybody may read and write.
    Files(Direction),
}

/// Which way files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    Get,
    /// To the server.
    Put,
}

/// A text that names no conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownConversation(String);

impl Conversation {
    /// Whether messages are lines.
    pub fn has_lines(self) -> bool {
        matches!(self, Self::Work(_) | Self::Wait(_))
    }

    /// Whether messages are files.
    pub fn has_files(self) -> bool {
        matches!(self, Self::Files(_))
    }

    /// How many of so many connections speak: those that shall, or all of them; in a chat one, since whatever is said there comes to everybody.
    pub(crate) fn speakers(self, active: Option<usize>, connections: usize) -> usize {
        let unless_said = match self {
            Self::Chat => 1,
            _ => connections,
        };
        active.unwrap_or(unless_said).min(connections)
    }

    /// The handler that serves it, as `socketserver serve` has it.
    pub fn handler(self) -> String {
        match self {
            Self::Files(_) => "files".to_owned(),
            other => other.to_string(),
        }
    }
}

impl FromStr for Conversation {
    type Err = UnknownConversation;

    fn from_str(text: &str) -> Result<Self, UnknownConversation> {
        let unknown = || UnknownConversation(text.to_owned());
        let time = |time: &str| humantime::parse_duration(time).map_err(|_| unknown());
        match text.split_once(':') {
            None if text == "echo" => Ok(Self::Echo),
            None if text == "uppercase" => Ok(Self::Uppercase),
            None if text == "work" => Ok(Self::Work(Duration::from_micros(200))),
            None if text == "wait" => Ok(Self::Wait(Duration::from_millis(5))),
            None if text == "chat" => Ok(Self::Chat),
            Some(("work", rest)) => Ok(Self::Work(time(rest)?)),
            Some(("wait", rest)) => Ok(Self::Wait(time(rest)?)),
            Some(("files", "get")) => Ok(Self::Files(Direction::Get)),
            Some(("files", "put")) => Ok(Self::Files(Direction::Put)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, time) = match self {
            Self::Echo => return f.write_str("echo"),
            Self::Uppercase => return f.write_str("uppercase"),
            Self::Work(time) => ("work", time),
            Self::Wait(time) => ("wait", time),
            Self::Chat => return f.write_str("chat"),
            Self::Files(Direction::Get) => return f.write_str("files:get"),
            Self::Files(Direction::Put) => return f.write_str("files:put"),
        };
        // Without the spaces that a time of several units has.
        let time = humantime::format_duration(*time).to_string();
        write!(f, "{word}:{}", time.replace(' ', ""))
    }
}

impl fmt::Display for UnknownConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' cannot be measured: write echo, uppercase, work:200us, wait:5ms, chat, files:get or files:put",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for UnknownConversation {}

/// Letters whose order repeats so seldom that two messages that are taken for each other differ.
const LETTERS: usize = 251;

/// The messages of all connections, as places in one text.
#[derive(Debug)]
pub(super) struct Payload {
    /// The letters, as often as it takes for a whole message from each of them.
    said: Vec<u8>,
    /// What comes back for them.
    answer: Vec<u8>,
    message_bytes: usize,
    has_lines: bool,
}

impl Payload {
    pub(super) fn new(conversation: Conversation, message_bytes: usize) -> Self {
        Self {
            has_lines: conversation.has_lines(),
            ..Self::without_lines(conversation, message_bytes)
        }
    }

    /// The same where a message ends by itself, as a datagram does.
    pub(super) fn without_lines(conversation: Conversation, message_bytes: usize) -> Self {
        // A prime multiplier goes through all remainders; both cases of letters come, so that an echo is no uppercase.
        let letter = |index: usize| {
            let number = (index % LETTERS * 167 + 13) % LETTERS;
            let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
            letters[number % letters.len()]
        };
        let said: Vec<_> = (0..message_bytes + LETTERS).map(letter).collect();
        let answer = match conversation {
            Conversation::Uppercase => said.to_ascii_uppercase(),
            _ => said.clone(),
        };
        Self {
            said,
            answer,
            message_bytes,
            has_lines: false,
        }
    }

    pub(super) fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// Adds a message from one of its bytes on, as it is sent.
    pub(super) fn say(&self, connection: usize, message: u64, from: usize, out: &mut Vec<u8>) {
        let start = start(connection, message);
        out.extend_from_slice(&self.said[start + from..start + self.message_bytes]);
        if self.has_lines
            && let Some(last) = out.last_mut()
        {
            *last = b'\n';
        }
    }

    /// At which byte an answer is wrong, if it is: `bytes` are the part of it that begins at `from`.
    pub(super) fn compare(
        &self,
        connection: usize,
        message: u64,
        from: usize,
        bytes: &[u8],
    ) -> Option<usize> {
        let start = start(connection, message) + from;
        let expected = &self.answer[start..start + bytes.len()];
        let ends = from + bytes.len() == self.message_bytes;
        let letters = if self.has_lines && ends && !bytes.is_empty() {
            bytes.len() - 1
        } else {
            bytes.len()
        };
        if bytes[..letters] != expected[..letters] {
            let wrong = (0..letters).find(|&index| bytes[index] != expected[index]);
            return wrong.map(|index| from + index);
        }
        (letters < bytes.len() && bytes[letters] != b'\n').then_some(from + letters)
    }
}

/// Where in the text a message begins.
fn start(connection: usize, message: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "a remainder is below 251")]
    let number = (message % LETTERS as u64) as usize;
    (connection * 31 + number * 7) % LETTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_written_as_it_is_read() {
        for text in [
            "echo",
            "uppercase",
            "work:200us",
            "wait:5ms",
            "wait:1s500ms",
            "chat",
            "files:get",
            "files:put",
        ] {
            let conversation: Conversation = text.parse().expect(text);
            assert_eq!(conversation.to_string(), text);
        }
        for text in [
            "",
            "Echo",
            "work:",
            "work:soon",
            "echo:1s",
            "chat:1s",
            "files",
            "files:ls",
        ] {
            assert!(text.parse::<Conversation>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_answer_is_right_in_pieces_and_any_other_byte_is_found() {
        for (text, bytes) in [("echo", 1), ("uppercase", 64), ("work", 2), ("wait", 1000)] {
            let conversation: Conversation = text.parse().expect(text);
            let payload = Payload::new(conversation, bytes);
            let mut said = Vec::new();
            payload.say(3, 1_000_000_007, 0, &mut said);
            assert_eq!(said.len(), bytes);
            assert_eq!(conversation.has_lines(), said.ends_with(b"\n"));
            let mut answer = said.clone();
            if conversation == Conversation::Uppercase {
                answer.make_ascii_uppercase();
                assert_ne!(answer, said, "an echo is no uppercase");
            }
            for cut in 0..=bytes {
                let (one, two) = answer.split_at(cut);
                assert_eq!(payload.compare(3, 1_000_000_007, 0, one), None);
                assert_eq!(payload.compare(3, 1_000_000_007, cut, two), None);
            }
            for place in 0..bytes {
                let mut wrong = answer.clone();
                wrong[place] ^= 1;
                assert_eq!(payload.compare(3, 1_000_000_007, 0, &wrong), Some(place));
            }
        }
    }

    #[test]
    fn neighbours_say_something_else() {
        let payload = Payload::new(Conversation::Echo, 64);
        let said = |connection, message| {
            let mut said = Vec::new();
            payload.say(connection, message, 0, &mut said);
            said
        };
        assert_ne!(said(1, 1), said(2, 1));
        assert_ne!(said(1, 1), said(1, 2));
    }
}
