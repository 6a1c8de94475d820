//! Letters on a terminal: how wide they are, where a line breaks, and how they are emphasised.

use super::Style;

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Warning,
}

impl Ink {
    /// The text in this ink; unchanged where the style has no colours. Spaces at the end stay outside, so that a line's end is always plain.
    pub(crate) fn on(self, text: &str, style: Style) -> String {
        let inked = text.trim_end();
        if !style.colour || inked.is_empty() {
            return text.to_owned();
        }
        let code = match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Warning => "33",
        };
        format!("\x1b[{code}m{inked}\x1b[0m{}", &text[inked.len()..])
    }
}

/// A sentence in lines of at most so many letters, after a word that the following lines are indented by.
pub(crate) fn wrapped(word: &str, sentence: &str, width: usize) -> String {
    let indent = word.chars().count();
    let room = width.saturating_sub(indent).max(20);
    let mut out = word.to_owned();
    let mut used = 0;
    for piece in sentence.split(' ').flat_map(|word| pieces(word, room)) {
        let length = piece.chars().count();
        if used > 0 && used + 1 + length > room {
            out.push('\n');
            out += &" ".repeat(indent);
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out += &piece;
        used += length;
    }
    out.push('\n');
    out
}

/// The text in so many letters: filled up with spaces, or cut with a sign that it was.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A word that is longer than a line, in several: a path in a fault, say.
fn pieces(word: &str, room: usize) -> Vec<String> {
    let letters: Vec<_> = word.chars().collect();
    letters
        .chunks(room)
        .map(|chunk| chunk.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_only_long_words_are_cut() {
        let text = wrapped(
            "note ",
            "a word and anotherwordthatisfartoolongforthis line",
            25,
        );
        assert_eq!(
            text,
            "note a word and\n     anotherwordthatisfar\n     toolongforthis line\n"
        );
        assert_eq!(wrapped("x ", "", 30), "x \n");
    }

    #[test]
    fn without_colours_there_are_no_codes() {
        let plain = Style::default();
        let coloured = Style {
            colour: true,
            ..plain
        };
        assert_eq!(Ink::Bold.on("a\n", plain), "a\n");
        assert_eq!(Ink::Bold.on("a\n", coloured), "\x1b[1ma\x1b[0m\n");
        assert_eq!(fitted("abc", 5), "abc  ");
        assert_eq!(fitted("abcdef", 4), "abc…");
    }
}
