//! Lines as they are typed: words between blanks, and in double quotes what has blanks in it.

/// The words of a line.
///
/// In quotes, `\"` and `\\` stand for `"` and `\`; outside of them a `\` is what it is.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let words = scan(line);
    if words.last().is_some_and(|word| word.is_open) {
        return Err("a quotation mark is missing at the end");
    }
    Ok(words.into_iter().map(|word| word.text).collect())
}

/// A word of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it begins in the line, with its quotation mark.
    pub(super) start: usize,
    /// Its closing quotation mark is missing.
    pub(super) is_open: bool,
}

/// The words of a line that may not be complete yet. At its end comes an empty word, if the last one is followed by a blank.
pub(super) fn so_far(line: &str) -> Vec<Word> {
    let mut words = scan(line);
    let is_between = line.chars().next_back().is_none_or(char::is_whitespace);
    if is_between && !words.last().is_some_and(|word| word.is_open) {
        words.push(Word {
            start: line.len(),
            ..Word::default()
        });
    }
    words
}

fn scan(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        let is_open = word.as_ref().is_some_and(|word| word.is_open);
        if letter.is_whitespace() && !is_open {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            start: at,
            ..Word::default()
        });
        match letter {
            '"' => word.is_open = !is_open,
            '\\' if is_open => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => word.text.push(escaped),
                Some((_, other)) => word.text.extend(['\\', other]),
                None => word.text.push('\\'),
            },
            letter => word.text.push(letter),
        }
    }
    words.extend(word);
    words
}

/// A word as it has to be typed.
pub(super) fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains(|letter: char| letter.is_whitespace() || letter == '"') {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_between_blanks_or_in_quotes() {
        for (line, words) in [
            ("", vec![]),
            ("  ", vec![]),
            ("ls", vec!["ls"]),
            (" get  a\tb ", vec!["get", "a", "b"]),
            (r#"get "a b" c"#, vec!["get", "a b", "c"]),
            (r#"get "a \"b\" \\ \n""#, vec!["get", r#"a "b" \ \n"#]),
            (r#"rm """#, vec!["rm", ""]),
            (r#"rm a"b c"d"#, vec!["rm", "ab cd"]),
            (r"rm a\b", vec!["rm", r"a\b"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert!(split("get \"a b").is_err());
        assert!(split("get \"a\\\"").is_err());
    }

    #[test]
    fn a_word_that_was_quoted_is_the_same_word() {
        for word in ["a", "a b", "", "say \"hi\"", "it's", "a \"\\\" b"] {
            assert_eq!(split(&quoted(word)).unwrap(), [word]);
        }
    }

    #[test]
    fn the_last_word_may_be_in_the_making() {
        let last = |line| so_far(line).pop().map(|word| (word.text, word.start));
        assert_eq!(last(""), Some((String::new(), 0)));
        assert_eq!(last("ge"), Some(("ge".into(), 0)));
        assert_eq!(last("get "), Some((String::new(), 4)));
        assert_eq!(last("get \"a b"), Some(("a b".into(), 4)));
        assert_eq!(last("get \"a "), Some(("a ".into(), 4)));
        assert_eq!(so_far("get a ").len(), 3);
    }
}
