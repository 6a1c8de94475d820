//! Lines that people type: words between blanks, and in double quotes where they contain some.

/// Why a line has no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnclosedQuote;

/// The words of a line. `"` begins and ends a part in which blanks are letters; `\"` and `\\` stand for `"` and `\` there.
///
/// ```
/// use socketserver_handlers::files::words;
///
/// assert_eq!(words(r#"put "a b.txt" up"#)?, ["put", "a b.txt", "up"]);
/// # Ok::<(), socketserver_handlers::files::UnclosedQuote>(())
/// ```
pub fn words(line: &str) -> Result<Vec<String>, UnclosedQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                // Two quotes with nothing between them are a word, too.
                word.get_or_insert_default();
            }
            '\\' if is_quoted && matches!(letters.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(letters.next());
            }
            _ if letter.is_whitespace() && !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if is_quoted {
        return Err(UnclosedQuote);
    }
    words.extend(word);
    Ok(words)
}

impl std::fmt::Display for UnclosedQuote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a double quote is not closed")
    }
}

impl std::error::Error for UnclosedQuote {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (line, expected) in [
            ("", vec![]),
            ("  ", vec![]),
            ("quit", vec!["quit"]),
            (" get  a\tb ", vec!["get", "a", "b"]),
            (r#"put "a b" c"#, vec!["put", "a b", "c"]),
            (r#"a"b c"d"#, vec!["ab cd"]),
            (r#""" x"#, vec!["", "x"]),
            (r#""a\"b\\c\n""#, vec![r#"a"b\c\n"#]),
            (r"C:\dir\new", vec![r"C:\dir\new"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        assert_eq!(words(r#"get "a b"#), Err(UnclosedQuote));
    }
}
