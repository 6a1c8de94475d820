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
mod tests {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

    use super::Text;

    /// Says why a text is not one that may be shown, independently of how it was cleaned.
    #[track_caller]
    fn assert_harmless(raw: &str) -> Text {
        let text = Text::clean(raw);
        for character in text.chars() {
            assert!(
                !matches!(
                    character.general_category(),
                    GeneralCategory::Control
                        | GeneralCategory::Format
                        | GeneralCategory::LineSeparator
                        | GeneralCategory::ParagraphSeparator
                        | GeneralCategory::PrivateUse
                        | GeneralCategory::Unassigned
                ),
                "{character:?} of {raw:?} is left"
            );
            assert!(!character.is_control() && character != '\u{fffd}');
        }
        assert_eq!(text.trim(), text.as_str());
        assert_eq!(Text::clean(&text), text, "{raw:?} is cleaned twice");
        text
    }

    /// Whole sequences: nothing of them may stay.
    fn sequences() -> Vec<String> {
        let mut sequences = Vec::new();
        // Both forms of each introducer, and of the end of a string.
        for (csi, osc, dcs, end) in [
            ("\x1b[", "\x1b]", "\x1bP", "\x1b\\"),
            ("\u{9b}", "\u{9d}", "\u{90}", "\u{9c}"),
        ] {
            for body in [
                "31m",
                "0m",
                "2J",
                "H",
                "?1049h",
                "6n",
                "c",
                ">c",
                "21t",
                "1;1H",
                "38;2;1;2;3m",
                "38:2::1:2:3m",
                "!p",
                "5i",
                "?2004l",
                "200~",
                "1$}",
                "=1u",
            ] {
                sequences.push(format!("{csi}{body}"));
            }
            for body in [
                "0;title",
                "2;title",
                "52;c;cm0gLXJmIH4K",
                "52;c;?",
                "8;;http://evil.example/",
                "8;;",
                "4;1;?",
                "10;?",
                "1337;File=name=YQ==:AAAA",
                "777;notify;a;b",
                "7;file:///etc",
                "é✓Ü",
            ] {
                for end in [end, "\x07"] {
                    sequences.push(format!("{osc}{body}{end}"));
                }
            }
            for body in [
                "$q\"p",
                "+q544e",
                "q#0;2;0;0;0#0~~",
                "1$r0m",
                "tmux;x",
                "q Ü ✓ 👋",
            ] {
                sequences.push(format!("{dcs}{body}{end}"));
            }
        }
        for start in ["\x1bX", "\x1b^", "\x1b_", "\u{98}", "\u{9e}", "\u{9f}"] {
            for end in ["\x1b\\", "\u{9c}"] {
                sequences.push(format!("{start}Gf=100;secret{end}"));
            }
        }
        for single in [
            "\x1bc",
            "\x1b7",
            "\x1b8",
            "\x1bD",
            "\x1bE",
            "\x1bM",
            "\x1b=",
            "\x1b>",
            "\x1b(B",
            "\x1b(0",
            "\x1b)0",
            "\x1b*A",
            "\x1b+A",
            "\x1b-A",
            "\x1b%G",
            "\x1b%@",
            "\x1b#8",
            "\x1b F",
            "\x1bNx",
            "\x1bOP",
            "\u{8e}x",
            "\u{8f}P",
            "\x1bn",
            "\x1bo",
            "\x1b|",
            "\x1bZ",
            "\x1b\x1b[0m",
        ] {
            sequences.push(single.to_owned());
        }
        sequences
    }

    fn hostile() -> Vec<String> {
        let mut hostile = sequences();
        hostile.extend(
            (0..0x20)
                .chain(0x7f..0xa0)
                .filter_map(char::from_u32)
                .map(String::from),
        );
        for range in [
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0xfeff..=0xfeff,
            0xad..=0xad,
            0x61c..=0x61c,
            0xe0001..=0xe0001,
            0xe0020..=0xe007f,
            0xfff9..=0xfffb,
            0x180e..=0x180e,
            0xe000..=0xe003,
            0xfffe..=0xffff,
            0xfdd0..=0xfdd3,
            0x10_fffe..=0x10_ffff,
            0x3164..=0x3164,
            0x115f..=0x1160,
        ] {
            hostile.extend(range.filter_map(char::from_u32).map(String::from));
        }
        hostile
    }

    #[test]
    fn whole_sequences_vanish() {
        let sequences = sequences();
        assert!(sequences.len() > 100, "{}", sequences.len());
        for sequence in sequences {
            assert_eq!(assert_harmless(&sequence).as_str(), "", "{sequence:?}");
            let text = assert_harmless(&format!("before {sequence}after"));
            assert_eq!(text.as_str(), "before after", "{sequence:?}");
        }
    }

    #[test]
    fn hostile_strings_are_harmless_wherever_they_are_cut() {
        let hostile = hostile();
        assert!(hostile.len() >= 300, "{}", hostile.len());
        for one in &hostile {
            for (cut, _) in one.char_indices().chain([(one.len(), ' ')]) {
                let text = assert_harmless(&format!("ann{}", &one[..cut]));
                assert!(text.starts_with("ann"), "{one:?}");
                assert_harmless(&format!("{}ann", &one[..cut]));
                assert_harmless(&format!("{}ann✓", &one[cut..]));
            }
        }
    }

    #[test]
    fn hostile_strings_are_harmless_together() {
        let hostile = hostile();
        for (place, one) in hostile.iter().enumerate() {
            for other in hostile.iter().skip(place % 7).step_by(7) {
                assert_harmless(&format!("{one}{other}"));
                assert_harmless(&format!("a\u{301}{one}Ü✓{other}z"));
            }
        }
    }

    #[test]
    fn what_does_not_end_takes_the_rest_with_it() {
        assert_eq!(Text::clean("a\x1b]52;c;cm0gLXJm").as_str(), "a");
        assert_eq!(Text::clean("a\u{9d}52;c;cm0gLXJm b").as_str(), "a");
        assert_eq!(Text::clean("a\x1bPq Ü evil").as_str(), "a");
        assert_eq!(Text::clean("a\x1b_secret\x07 more").as_str(), "a");
        assert_eq!(Text::clean("a\x1b[31").as_str(), "a");
        assert_eq!(Text::clean("a\x1b[31 é ✓ mb").as_str(), "ab");
        assert_eq!(Text::clean("a\x1b").as_str(), "a");
        assert_eq!(Text::clean("a\x1b]0;t\x18b\x1b[3\x1ac").as_str(), "abc");
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "Hello, world! ~^|\\ {}[]()",
            "Grüße aus Köln, ça va, naïve, Ångström, Đặng Thị Huyền, Łódź",
            "cafe\u{301} and Vie\u{323}\u{302}t in pieces",
            "Привет, мир; Γειά σου Κόσμε; Բարեւ; გამარჯობა",
            "שָׁלוֹם עולם, مرحبا بالعالم، مُحَمَّدٌ, سلام دنیا",
            "नमस्ते दुनिया, বাংলা, தமிழ், తెలుగు, ಕನ್ನಡ, മലയാളം, ไทยเป็นภาษาที่, ភាសាខ្មែរ, བོད་སྐད་, မြန်မာ",
            "안녕하세요 세계, 각 in pieces: \u{1100}\u{1161}\u{11a8}",
            "你好,世界。こんにちは、カタカナ、ｶﾅ　全角",
            "👋🏽 ❤️ 🇩🇪 1️⃣ ☕ 🦀 ¯\\_(ツ)_/¯ ∀x∈ℝ: x²≥0 €50 «a» … —",
            "ሰላም, ᏣᎳᎩ, ꦧꦱꦗꦮ",
            "NBSP\u{a0}inside",
        ] {
            assert_eq!(Text::clean(text).as_str(), text);
            assert_eq!(Text::clean(&format!(" \t{text}\r\n")).as_str(), text);
        }
    }

    #[test]
    fn tabs_and_piles() {
        assert_eq!(Text::clean("\ta\tb\t").as_str(), "a b");
        let pile: String = std::iter::repeat_n('\u{30d}', 50).collect();
        assert_eq!(Text::clean(&format!("a{pile}b{pile}")).chars().count(), 10);
        // What is removed between marks does not begin a new pile.
        let hidden: String = std::iter::repeat_n("\u{30d}\u{200b}\x1b[m", 50).collect();
        assert_eq!(Text::clean(&format!("a{hidden}")).chars().count(), 5);
        let unseen: String = ('\u{e0100}'..='\u{e01ef}').collect();
        assert_eq!(Text::clean(&format!("a{unseen}")).chars().count(), 5);
    }

    #[test]
    fn empty() {
        for raw in ["", " ", "\r\n", "\u{200b}\u{3000}", "\x1b[2J \x1b]0;t\x07 "] {
            assert!(Text::clean(raw).is_empty());
        }
        assert_eq!(Text::clean("é").len(), 2);
        assert_eq!(format!("{:>3}|", Text::clean("a")), "  a|");
    }

    #[test]
    fn random_text_is_harmless() {
        let mut random = fastrand::Rng::with_seed(39);
        let hostile = hostile();
        for _ in 0..20_000 {
            let mut raw = String::new();
            for _ in 0..random.usize(..24) {
                match random.u8(..6) {
                    0 => raw.push_str(&hostile[random.usize(..hostile.len())]),
                    1 => raw.push(random.char('\0'..='\u{a5}')),
                    2 => raw.push(random.char('\u{300}'..='\u{330}')),
                    3 => raw.push(random.char(..)),
                    4 => raw.push(random.char('\u{2000}'..='\u{2fff}')),
                    _ => raw.push(random.char(' '..='~')),
                }
            }
            // The replacement character is ordinary when it came, and would be a fault when it did not.
            assert_harmless(&raw.replace('\u{fffd}', ""));
        }
    }
}
