//! Text that may be sent to every terminal and written to every log, whoever it comes from.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use vte::{Params, Parser, Perform};

/// Text without anything in it that acts instead of being shown.
///
/// A terminal takes orders from the text it shows: to take a new title, to answer with what a shell then runs, to give away the clipboard. A log takes a line end for
/// the beginning of a new record. And whoever reads follows marks of direction that put one name where another one stands. [`Text::clean`] is the only way to make
/// such a text, so what has this type has none of that in it:
///
/// * no escape sequences (ECMA-48, and what xterm adds), in their forms of 7 and of 8 bits: control sequences (CSI), command strings (OSC, with hyperlinks and the clipboard;
///   DCS, SOS, PM, APC), single shifts (SS2, SS3) with the character they shift, and selections of character sets. They go as a whole, with all that they say;
/// * no control characters, thus no line ends either (general category Cc: C0, DEL, C1). A tab becomes a space;
/// * no format characters (Cf: marks of direction, zero widths and joiners, the byte order mark, soft hyphens, tags), no separators of lines and paragraphs (U+2028, U+2029), and
///   none of the few letters and marks that are shown as nothing at all (the Hangul fillers, the grapheme joiner, two vowels of Khmer);
/// * nothing that has no meaning of its own: no private use, no noncharacters, and nothing that Unicode had not assigned when this was compiled;
/// * no more than [`Text::MARKS_MAX`] marks that stand over, under or around one character;
/// * no white space at its beginning and its end.
///
/// Everything else stays as it came, also its normalization. What that costs: an emoji that is joined from several ones is shown as several ones, the flags of England, Scotland and
/// Wales as black ones, and Persian or Indic text that asks for another joining than the usual one gets the usual one.
///
/// A command string that does not end takes the rest of the text with it, as it would in a terminal; so does a control sequence up to the first ASCII character that
/// ends one, or to the end. What was before stays. Since a sequence that CAN or SUB (U+0018, U+001A) cuts off is over, too, what comes after them stays.
///
/// ```
/// use socketserver_handlers::chat::Text;
///
/// let text = Text::clean("\x1b]0;owned\x07hello,\tworld\r\n[lobby] root: \x1b[31mrun this");
/// assert_eq!(text.as_str(), "hello, world[lobby] root: run this");
/// assert_eq!(Text::clean("Grüße, 世界 👋🏽").as_str(), "Grüße, 世界 👋🏽");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// How many marks may stand over, under or around one character (general categories Mn and Me). More are removed, since piles of them run over the lines above and
    /// below, and since the invisible ones among them, variation selectors, could carry a message unseen. Four is what UTS 39, section 5.4, takes for the most that
    /// is meant.
    pub const MARKS_MAX: usize = 4;

    /// Takes everything out of a text that the type does not allow; it cannot fail. Cleaning what is clean changes nothing, and is one look and one copy.
    pub fn clean(raw: &str) -> Self {
        let raw = raw.trim();
        let mut sieve = Sieve::default();
        if raw.chars().all(|character| sieve.keeps(character)) {
            return Self(Arc::from(raw));
        }

        let mut parser = Parser::new();
        let mut screen = Screen::default();
        for character in raw.chars() {
            show(&mut parser, &mut screen, character);
        }
        Self(Arc::from(screen.text.trim()))
    }

    /// The same with bytes that may be no text: what is not UTF-8 becomes `\u{fffd}`.
    pub fn clean_lossy(raw: &[u8]) -> Self {
        Self::clean(&String::from_utf8_lossy(raw))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Decides about one character after the other, outside of sequences. It has to see them in their order, since marks pile up.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    /// How many marks there are already since the last character that takes a place of its own.
    piled: usize,
}

impl Sieve {
    pub(super) fn keeps(&mut self, character: char) -> bool {
        if (' '..='~').contains(&character) {
            self.piled = 0;
            return true;
        }
        if is_blank_letter(character) {
            return false;
        }
        match character.general_category() {
            GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned => false,
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => {
                let kept = self.piled < Text::MARKS_MAX;
                self.piled += usize::from(kept);
                kept
            }
            // It stands beside its letter, and what is piled on the letter still is.
            GeneralCategory::SpacingMark => true,
            _ => {
                self.piled = 0;
                true
            }
        }
    }
}

/// Whether a character is a letter or a mark by its category, and yet is shown as nothing: what is default ignorable (UAX 44) and neither a format character nor a variation
/// selector.
fn is_blank_letter(character: char) -> bool {
    matches!(
        character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
    )
}

/// What a terminal would show, and only that: the parser tells it where sequences begin and end.
#[derive(Debug, Default)]
struct Screen {
    text: String,
    sieve: Sieve,
    /// The next character belongs to a single shift.
    shifted: bool,
    /// The parser is inside of a device control string.
    in_device_string: bool,
}

impl Perform for Screen {
    fn print(&mut self, character: char) {
        let shifted = std::mem::take(&mut self.shifted);
        if shifted && (' '..='~').contains(&character) {
            return;
        }
        if self.sieve.keeps(character) {
            self.text.push(character);
        }
    }

    fn execute(&mut self, control: u8) {
        if control == b'\t' {
            self.print(' ');
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, last: u8) {
        self.shifted = intermediates.is_empty() && matches!(last, b'N' | b'O');
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, _: char) {
        self.in_device_string = true;
    }

    fn unhook(&mut self) {
        self.in_device_string = false;
    }
}

/// Hands a character over to the parser, which knows sequences of 7 bits, and takes bytes.
fn show(parser: &mut Parser, screen: &mut Screen, character: char) {
    match character {
        // ECMA-48, 5.3: a control of 8 bits is ESC and the character 64 places before it.
        '\u{80}'..='\u{9f}' => parser.advance(screen, &[0x1b, character as u8 - 0x40]),
        // The parser would take the byte 0x9C, wherever in a character it is, for the end of such a string, and what follows for text.
        '\u{a0}'.. if screen.in_device_string => {}
        _ => parser.advance(screen, character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests;
