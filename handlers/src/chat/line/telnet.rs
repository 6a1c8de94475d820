//! Lines as terminals send them: with negotiations of telnet in between, and corrections.

use std::borrow::Cow;

/// "Interpret as command": what follows is about the connection (RFC 854).
const IAC: u8 = 255;
/// The beginning and the end of a negotiation of any length.
const SB: u8 = 250;
const SE: u8 = 240;
/// `WILL`, `WONT`, `DO` and `DONT`, which one byte follows.
const WITH_OPTION: std::ops::RangeInclusive<u8> = 251..=254;

/// Finds lines in what comes, and remembers how far it has looked, so that a line which trickles in is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineFinder {
    scanned: usize,
    place: Place,
}

/// Where in the stream a byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    /// Behind IAC.
    Command,
    /// Behind IAC and one of WILL, WONT, DO, DONT.
    Option,
    /// In a negotiation, where a line end is none.
    Negotiation,
    /// Behind IAC in a negotiation.
    NegotiationCommand,
}

impl Place {
    /// Whether the byte here is text, and where the next one stands.
    fn step(self, byte: u8) -> (bool, Self) {
        match self {
            Self::Text if byte == IAC => (false, Self::Command),
            Self::Text => (true, Self::Text),
            Self::Command => match byte {
                SB => (false, Self::Negotiation),
                byte if WITH_OPTION.contains(&byte) => (false, Self::Option),
                // IAC twice is the byte 255, which is no UTF-8 anyway.
                IAC => (true, Self::Text),
                _ => (false, Self::Text),
            },
            Self::Option => (false, Self::Text),
            Self::Negotiation if byte == IAC => (false, Self::NegotiationCommand),
            Self::NegotiationCommand if byte == SE => (false, Self::Text),
            Self::Negotiation | Self::NegotiationCommand => (false, Self::Negotiation),
        }
    }
}

impl LineFinder {
    /// How long the first line is, with its LF, if it is whole. `input` begins where the last line ended.
    pub(super) fn find(&mut self, input: &[u8]) -> Option<usize> {
        while let Some(&byte) = input.get(self.scanned) {
            self.scanned += 1;
            let (is_text, next) = self.place.step(byte);
            self.place = next;
            if is_text && byte == b'\n' {
                return Some(std::mem::take(self).scanned);
            }
        }
        None
    }
}

/// A line without its end and without negotiations.
pub(super) fn text_of(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.contains(&IAC) {
        return Cow::Borrowed(line);
    }
    let mut place = Place::Text;
    let text = line.iter().copied().filter(|&byte| {
        let (is_text, next) = place.step(byte);
        place = next;
        is_text
    });
    Cow::Owned(text.collect())
}

/// A text as it stands after its corrections: a backspace takes back the character before it.
pub(super) fn corrected(text: &str) -> Cow<'_, str> {
    const BACKSPACE: [char; 2] = ['\u{8}', '\u{7f}'];
    if !text.contains(BACKSPACE) {
        return Cow::Borrowed(text);
    }
    let mut left = String::with_capacity(text.len());
    for character in text.chars() {
        if BACKSPACE.contains(&character) {
            left.pop();
        } else {
            left.push(character);
        }
    }
    Cow::Owned(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of all whole lines, however the bytes come.
    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut finder, mut kept, mut lines) = (LineFinder::default(), Vec::new(), Vec::new());
        for piece in pieces {
            kept.extend_from_slice(piece);
            while let Some(length) = finder.find(&kept) {
                let line: Vec<u8> = kept.drain(..length).collect();
                lines.push(text_of(&line).into_owned());
            }
        }
        lines
    }

    #[test]
    fn negotiations_are_dropped_wherever_they_are_cut() {
        // A window 10 columns wide has a line feed in its size.
        let bytes =
            b"\xff\xfb\x1fhe\xff\xfa\x1f\x00\x0a\x00\x0a\xff\xf0llo\xff\xf1\r\nnext\n\xff\xff\n";
        let expected: Vec<Vec<u8>> = vec![b"hello".to_vec(), b"next".to_vec(), vec![255]];
        assert_eq!(lines(&[bytes]), expected);
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            assert_eq!(lines(&[left, right]), expected, "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(lines(&single), expected);
    }

    #[test]
    fn both_line_ends_end_lines() {
        assert_eq!(
            lines(&[b"a\r\nb\n\nc\rd\n"]),
            [&b"a"[..], b"b", b"", b"c\rd"]
        );
    }

    #[test]
    fn corrections_take_back_characters_and_not_bytes() {
        assert_eq!(corrected("hex\u{8}llo"), "hello");
        assert_eq!(corrected("\u{7f}\u{8}a\u{4f60}\u{7f}b"), "ab");
        assert!(matches!(corrected("plain"), Cow::Borrowed("plain")));
    }
}
