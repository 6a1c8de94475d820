//! Makes harmless what comes from outside: names, commands and faults must neither play with a terminal nor break a document.

use std::fmt::Write;

/// The text as one line without anything that a terminal would obey.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// The text as XML has it, inside an element or an attribute. Line ends stay, since commands may have some.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            _ => out.push(printable(letter)),
        }
    }
    out
}

/// JSON with only such letters as every document may have. The others can stand in its strings only, where JSON has another way to write
/// them: so nothing is lost.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' || printable(letter) == letter {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// The text as Markdown has it, in a paragraph or a cell of a table.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().map(printable) {
        if "\\`*_{}[]<>#|~&$".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A command as a shell would take it: only words that need it are quoted.
pub(crate) fn shell(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let is_plain = |letter: char| letter.is_alphanumeric() || "-_=+.,:/@%^".contains(letter);
        if !word.is_empty() && word.chars().all(is_plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The letter, or a replacement for what controls a terminal, turns the direction of writing, or is no letter of XML.
fn printable(letter: char) -> char {
    let is_direction = matches!(
        letter,
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
    );
    let is_no_letter =
        (u32::from(letter) & 0xFFFE) == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&letter);
    if letter.is_control() || is_direction || is_no_letter {
        '\u{FFFD}'
    } else {
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[31m\u{202E}<b>&\"'\n\u{FFFF}|`";

    #[test]
    fn nothing_hostile_comes_through() {
        assert_eq!(
            line(HOSTILE),
            "a\u{FFFD}[31m\u{FFFD}<b>&\"'\u{FFFD}\u{FFFD}|`"
        );
        assert_eq!(
            xml(HOSTILE),
            "a\u{FFFD}[31m\u{FFFD}&lt;b&gt;&amp;&quot;&#39;\n\u{FFFD}|`"
        );
        assert_eq!(markdown("a|b`c\n"), "a\\|b\\`c\u{FFFD}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = serde_json::to_string(HOSTILE).expect("a string is JSON");
        let cleaned = json(&text);
        assert!(!cleaned.contains('\u{202E}') && !cleaned.contains('\u{FFFF}'));
        let read: String = serde_json::from_str(&cleaned).expect("it is still JSON");
        assert_eq!(read, HOSTILE);
    }

    #[test]
    fn a_shell_gets_the_same_words() {
        let words = ["python3", "a b.py", "", "it's"].map(str::to_owned);
        assert_eq!(shell(&words), r"python3 'a b.py' '' 'it'\''s'");
    }
}
