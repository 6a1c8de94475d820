//! The strokes that charts are made of.

use std::fmt;

use super::LETTER;
use crate::render::markup::Markup;

/// A place or a length in a picture. A tenth of a unit is finer than any screen, and more digits would double a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length(pub(crate) f64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero makes a negative zero positive.
        let tenths = (self.0 * 10.0).round() / 10.0 + 0.0;
        write!(f, "{}", if tenths.is_finite() { tenths } else { 0.0 })
    }
}

/// Which part of a label stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Letters at a place.
pub(crate) fn label(
    markup: &mut Markup,
    class: &str,
    (x, y): (f64, f64),
    anchor: Anchor,
    text: &str,
) {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    markup.leaf(
        "text",
        &[
            ("class", &class),
            ("x", &Length(x)),
            ("y", &Length(y)),
            ("text-anchor", &anchor),
        ],
        text,
    );
}

/// A straight line.
pub(crate) fn stroke(markup: &mut Markup, class: &str, from: (f64, f64), to: (f64, f64)) {
    let path = open_path([from, to]);
    markup.empty("path", &[("class", &class), ("d", &path)]);
}

/// A rectangle from its upper left corner.
pub(crate) fn rectangle(
    markup: &mut Markup,
    class: &str,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
) {
    markup.empty(
        "rect",
        &[
            ("class", &class),
            ("x", &Length(x)),
            ("y", &Length(y)),
            ("width", &Length(width.max(0.0))),
            ("height", &Length(height.max(0.0))),
        ],
    );
}

/// The data of a path through places.
pub(crate) fn open_path(places: impl IntoIterator<Item = (f64, f64)>) -> String {
    let places = (places.into_iter()).map(|(x, y)| format!("{} {}", Length(x), Length(y)));
    format!("M{}", places.collect::<Vec<_>>().join("L"))
}

/// About how wide a text is in letters of a chart. Fonts differ, so it is a bit more than most of them need.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|letter| letter_width(letter) * LETTER)
        .sum()
}

/// The text in so much room: cut with a sign when it is too long.
pub(crate) fn fitted(text: &str, room: f64) -> String {
    if text_width(text) <= room {
        return text.to_owned();
    }
    let mut used = letter_width('…') * LETTER;
    let kept = text.chars().take_while(|&letter| {
        used += letter_width(letter) * LETTER;
        used <= room
    });
    kept.chain(['…']).collect()
}

fn letter_width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '\'' | '|' | '!' => 0.33,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '/' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 0.95,
        letter if letter.is_ascii() && !letter.is_ascii_uppercase() => 0.6,
        letter if u32::from(letter) < 0x2000 => 0.7,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_always_numbers() {
        let written = [1.0, 1.26, -0.01, f64::NAN].map(|length| Length(length).to_string());
        assert_eq!(written, ["1", "1.3", "0", "0"]);
        assert_eq!(
            open_path([(0.0, 1.0), (2.0, 3.55)]),
            "M0 1L2 3.5".to_owned().replace("3.5", "3.6")
        );
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(fitted("abc", 100.0), "abc");
        let cut = fitted("a rather long name of a server", 100.0);
        assert!(cut.ends_with('…') && text_width(&cut) <= 100.0);
    }
}
