//! Shows what peers have sent as one line of text, in which nothing can end the line or drive a terminal.

/// A message as one line, without a line end.
///
/// Backslashes stay as they are, since JSON has its own and is printed as it came.
pub(crate) fn line(message: &[u8]) -> String {
    let mut line = String::with_capacity(message.len() + 1);
    for chunk in message.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if is_escaped(letter) {
                line.extend(letter.escape_default());
            } else {
                line.push(letter);
            }
        }
        line.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    line
}

fn is_escaped(letter: char) -> bool {
    match letter {
        // It separates columns, and does nothing else.
        '\t' => false,
        // Many programs take these for line ends.
        '\u{2028}' | '\u{2029}' => true,
        letter => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        for (message, shown) in [
            (b"".as_slice(), ""),
            (b"a\tb", "a\tb"),
            ("grüße 你".as_bytes(), "grüße 你"),
            (b"a\nb\r\n", "a\\nb\\r\\n"),
            (b"\x1b[2J\x07\0\x7f", "\\u{1b}[2J\\u{7}\\u{0}\\u{7f}"),
            ("\u{9b}2J\u{2028}".as_bytes(), "\\u{9b}2J\\u{2028}"),
            (b"a\xff\x9bb\xe4\xbd", "a\\xff\\x9bb\\xe4\\xbd"),
            (br#"{"a": "\n\u001b"}"#, "{\"a\": \"\\n\\u001b\"}"),
        ] {
            assert_eq!(line(message), shown);
        }
    }
}
