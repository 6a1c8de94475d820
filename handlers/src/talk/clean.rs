//! Makes a harmless line of what somebody has sent.

/// A line as text that cannot drive a terminal: without control characters, without the sequences that begin with an escape, and without
/// marks that turn the direction of what follows. Tabs become spaces, and what is not UTF-8 becomes `�`.
///
/// ```
/// use socketserver_handlers::talk::clean;
///
/// assert_eq!(clean(b"\x1b[2J\x1b]0;title\x07hello\tall\r"), "hello all");
/// ```
pub fn clean(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\t' => text.push(' '),
            '\u{1b}' => match letters.next() {
                Some('[') => skip_parameters(&mut letters),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_text(&mut letters),
                // A sequence of two or three letters: intermediate ones, and a last one.
                Some(' '..='/') => {
                    while letters
                        .next_if(|letter| matches!(letter, ' '..='/'))
                        .is_some()
                    {}
                    letters.next_if(|letter| matches!(letter, '0'..='~'));
                }
                _ => {}
            },
            // The same in one letter each.
            '\u{9b}' => skip_parameters(&mut letters),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_text(&mut letters),
            letter if is_harmless(letter) => text.push(letter),
            _ => {}
        }
    }
    text
}

/// Whether a letter does nothing but show itself.
fn is_harmless(letter: char) -> bool {
    let breaks_lines = matches!(letter, '\u{2028}' | '\u{2029}');
    let turns_direction = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !(letter.is_control() || breaks_lines || turns_direction)
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips the parameters of a control sequence and the letter that ends it (ECMA-48, 5.4).
fn skip_parameters(letters: &mut Letters<'_>) {
    while letters
        .next_if(|letter| matches!(letter, ' '..='?'))
        .is_some()
    {}
    letters.next_if(|letter| matches!(letter, '@'..='~'));
}

/// Skips the text of a control string up to its end: a bell, or a string terminator. One without an end takes the whole line, as it would at a
/// terminal.
fn skip_text(letters: &mut Letters<'_>) {
    while let Some(letter) = letters.next() {
        match letter {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if letters.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_left_can_drive_a_terminal() {
        for (line, text) in [
            (b"hello".as_slice(), "hello"),
            ("grüße 你好 👋".as_bytes(), "grüße 你好 👋"),
            (b"a\tb\r", "a b"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b[?1049h\x1b[2J\x1b[1;1Hgone", "gone"),
            (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
            (b"\x1bP1$r0m\x1b\\a\x1b_b\x1b\\\x1b^c\x1b\\", "a"),
            (b"\x1b]52;c;bm8=", ""),
            (b"\x1bca\x1b(0b\x1b#8c\x1b", "abc"),
            (b"\x1b[31", ""),
            (b"\x1b[3\x1b[1mx", "x"),
            ("\u{9b}2Ja\u{9d}t\u{9c}b".as_bytes(), "ab"),
            (b"a\0\x07\x08\x7fb\x0e", "ab"),
            (b"\xff\xe4\xbda", "\u{fffd}\u{fffd}a"),
            ("a\u{202e}b\u{2066}c\u{200f}\u{2028}d".as_bytes(), "abcd"),
        ] {
            assert_eq!(clean(line), text, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn every_two_letters_behind_an_escape_leave_nothing_but_text() {
        for first in 0..=255 {
            for second in 0..=255 {
                let text = clean(&[0x1b, first, second, b'x']);
                assert!(!text.contains(char::is_control), "{first} {second}");
            }
        }
    }
}
