//! Bytes for people: the rows of a hex view around the place that matters, with a caret under it.

use std::collections::BTreeSet;
use std::fmt::Write;

/// How many bytes a row has.
const ROW: usize = 16;
/// How many marks are shown.
const MARKS: usize = 4;

/// The rows around `marks`, each led by `label` and its offset, with a caret under every marked byte.
///
/// A mark just behind the last byte stands for what is not there.
pub(crate) fn view(label: &str, bytes: &[u8], marks: &[usize]) -> String {
    let last = bytes.len().saturating_sub(1) / ROW;
    let marks = || marks.iter().take(MARKS).map(|&mark| mark.min(bytes.len()));
    // A mark behind a row that is full has its caret there.
    let row_of = |mark: usize| (mark / ROW).min(last);
    let rows: BTreeSet<usize> = marks()
        .map(row_of)
        .flat_map(|row| row.saturating_sub(1)..=(row + 1).min(last))
        .collect();
    let mut text = String::new();
    let mut next = rows.first().copied().unwrap_or(0);
    for row in rows {
        if row > next {
            let _ = writeln!(text, "  {label:<8}  ...");
        }
        next = row + 1;
        let offset = row * ROW;
        row_into(
            &mut text,
            label,
            offset,
            &bytes[offset..bytes.len().min(offset + ROW)],
        );
        let own = marks().filter(|&mark| row_of(mark) == row);
        carets_into(&mut text, label, own.map(|mark| mark - offset));
    }
    text
}

fn row_into(text: &mut String, label: &str, offset: usize, row: &[u8]) {
    let _ = write!(text, "  {label:<8}  {offset:06x} ");
    for column in 0..ROW {
        let _ = match row.get(column) {
            Some(byte) => write!(text, " {byte:02x}"),
            None => write!(text, "   "),
        };
    }
    text.push_str("  ");
    for &byte in row {
        text.push(match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        });
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

fn carets_into(text: &mut String, label: &str, carets: impl Iterator<Item = usize>) {
    let mut line = String::new();
    for column in carets {
        let place = 2 + label.len().max(8) + 2 + 6 + 2 + 3 * column;
        let _ = write!(line, "{:>1$}", "^^", place + 2 - line.len());
    }
    if !line.is_empty() {
        text.push_str(&line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_its_byte() {
        assert_eq!(
            view("input", b"hello\r\nworld", &[6]),
            "  input     000000  68 65 6c 6c 6f 0d 0a 77 6f 72 6c 64              hello..world\n\
             \x20                                     ^^\n"
        );
    }

    #[test]
    fn several_carets_share_a_line() {
        let text = view("input", b"abcd", &[1, 3]);
        let carets = text.lines().nth(1).unwrap();
        assert_eq!(carets.trim_start(), "^^    ^^");
    }

    #[test]
    fn what_is_missing_has_a_caret_behind_the_last_byte() {
        assert_eq!(
            view("received", b"", &[0]),
            "  received  000000\n                    ^^\n"
        );
        let text = view("received", &[0; 16], &[16]);
        assert!(text.lines().nth(1).unwrap().ends_with("^^"), "{text}");
    }

    #[test]
    fn only_the_rows_around_the_marks_are_shown() {
        let text = view("output", &[0; 1000], &[500, 900]);
        assert_eq!(text.lines().count(), 3 + 1 + 1 + 3 + 1, "{text}");
        assert!(text.contains("0001f0") && text.contains("..."), "{text}");
    }
}
