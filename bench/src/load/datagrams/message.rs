//! What a datagram says: who sends it and which one it is, as far as it has room, and then letters that are its own.
//!
//! The number of the message comes first, its lowest digit at the front, then that of the connection. A datagram that is shorter than both
//! carries the digits that fit: one byte tells 32 messages apart, two tell 1,024. Digits are decimal digits and capital letters, which a server that
//! answers in capitals leaves as they are.

use crate::load::Conversation;
use crate::load::payload::Payload;

/// 32 of them, so that a digit is five bits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const DIGIT_BITS: u32 = 5;
/// Digits of the number of a message: a million million of them.
const MESSAGE_DIGITS: usize = 8;
/// Digits of the number of a connection: a million of them, and more than one program can have.
const CONNECTION_DIGITS: usize = 4;

/// The messages of all connections.
#[derive(Debug)]
pub(super) struct Messages {
    payload: Payload,
    /// How many bytes of a message say which one it is.
    mark_bytes: usize,
}

/// What a datagram says about its number: that it is `residue`, or so many times `modulus` more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) residue: u64,
    pub(super) modulus: u64,
}

impl Messages {
    pub(super) fn new(conversation: Conversation, message_bytes: usize) -> Self {
        Self {
            payload: Payload::without_lines(conversation, message_bytes),
            mark_bytes: message_bytes.min(MESSAGE_DIGITS + CONNECTION_DIGITS),
        }
    }

    pub(super) fn message_bytes(&self) -> usize {
        self.payload.message_bytes()
    }

    /// Writes a message over what is in `out`.
    pub(super) fn say(&self, connection: usize, message: u64, out: &mut Vec<u8>) {
        out.clear();
        self.payload.say(connection, message, 0, out);
        for (place, byte) in out[..self.mark_bytes].iter_mut().enumerate() {
            *byte = digit(connection, message, place);
        }
    }

    /// At which byte an answer is wrong, if it is; one of another length is so where the shorter of both ends.
    pub(super) fn compare(&self, connection: usize, message: u64, answer: &[u8]) -> Option<usize> {
        let whole = self.message_bytes();
        let marks = &answer[..self.mark_bytes.min(answer.len())];
        let is_wrong = |&(place, &byte): &(usize, &u8)| byte != digit(connection, message, place);
        if let Some((place, _)) = marks.iter().enumerate().find(is_wrong) {
            return Some(place);
        }
        let shorter = whole.min(answer.len());
        // One that ends amid the mark has no letters.
        let letters = answer.get(self.mark_bytes..shorter).unwrap_or_default();
        (self.payload)
            .compare(connection, message, self.mark_bytes, letters)
            .or((answer.len() != whole).then_some(shorter))
    }

    /// In how many bytes an answer of the right length differs from the right one.
    pub(super) fn distance(&self, connection: usize, message: u64, answer: &[u8]) -> usize {
        let mut at = 0;
        let mut wrong = 0;
        while at < answer.len() {
            let next = if at < self.mark_bytes {
                (answer[at] != digit(connection, message, at)).then_some(at)
            } else {
                (self.payload).compare(connection, message, at, &answer[at..])
            };
            match next {
                Some(place) => (wrong, at) = (wrong + 1, place + 1),
                None if at < self.mark_bytes => at += 1,
                None => break,
            }
        }
        wrong
    }

    /// What an answer says about its number; None where no message begins like that.
    pub(super) fn mark(&self, answer: &[u8]) -> Option<Mark> {
        let digits = answer.get(..self.mark_bytes.min(MESSAGE_DIGITS))?;
        let mut residue = 0;
        for &byte in digits.iter().rev() {
            let value = DIGITS.iter().position(|&digit| digit == byte)?;
            residue = residue << DIGIT_BITS | value as u64;
        }
        let modulus = 1 << (DIGIT_BITS as usize * digits.len());
        Some(Mark { residue, modulus })
    }
}

/// The digit at a place of the mark.
fn digit(connection: usize, message: u64, place: usize) -> u8 {
    let (number, place) = match place.checked_sub(MESSAGE_DIGITS) {
        None => (message, place),
        Some(place) => (connection as u64, place),
    };
    let bits = number >> (DIGIT_BITS as usize * place);
    DIGITS[(bits % DIGITS.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: u64 = 1_000_000_007;

    fn said(messages: &Messages, connection: usize, message: u64) -> Vec<u8> {
        let mut said = Vec::new();
        messages.say(connection, message, &mut said);
        said
    }

    #[test]
    fn a_message_says_its_number_as_far_as_it_has_room() {
        for bytes in [1, 2, 7, 8, 9, 12, 13, 64, 65_507] {
            let messages = Messages::new(Conversation::Echo, bytes);
            let said = said(&messages, 3, NUMBER);
            assert_eq!(said.len(), bytes);
            let mark = messages.mark(&said).expect("it is a message");
            assert_eq!(mark.residue, NUMBER % mark.modulus, "{bytes} bytes");
            assert_eq!(mark.modulus, 1 << (5 * bytes.min(8)));
        }
        let messages = Messages::new(Conversation::Echo, 64);
        assert_eq!(messages.mark(b"0123456"), None, "it is too short");
        assert_eq!(messages.mark(b"0123456a"), None, "that is no digit");
    }

    #[test]
    fn every_wrong_byte_is_found_and_every_wrong_length() {
        for conversation in [Conversation::Echo, Conversation::Uppercase] {
            for bytes in [1, 8, 12, 13, 64] {
                let messages = Messages::new(conversation, bytes);
                let mut answer = said(&messages, 70_000, NUMBER);
                if conversation == Conversation::Uppercase {
                    answer.make_ascii_uppercase();
                }
                assert_eq!(messages.compare(70_000, NUMBER, &answer), None);
                assert_eq!(messages.distance(70_000, NUMBER, &answer), 0);
                for place in 0..bytes {
                    let mut wrong = answer.clone();
                    wrong[place] ^= 1;
                    assert_eq!(messages.compare(70_000, NUMBER, &wrong), Some(place));
                    assert_eq!(messages.distance(70_000, NUMBER, &wrong), 1);
                    let short = &answer[..place];
                    assert_eq!(messages.compare(70_000, NUMBER, short), Some(place));
                }
                answer.push(b'x');
                assert_eq!(messages.compare(70_000, NUMBER, &answer), Some(bytes));
            }
        }
    }

    #[test]
    fn neighbours_and_other_connections_say_something_else() {
        let messages = Messages::new(Conversation::Echo, 64);
        let one = said(&messages, 1, 1);
        for (connection, message) in [(2, 1), (1, 2)] {
            assert!(messages.distance(connection, message, &one) > 16);
        }
    }
}
