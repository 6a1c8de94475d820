//! A line of a script as a row of words: bare ones, texts in quotes, and the star.

use super::error::Problem;

/// One word, and where it begins.
#[derive(Debug)]
pub(super) struct Word<'a> {
    pub(super) column: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Bare(&'a str),
    /// A text in quotes, with its escapes resolved.
    Text(Vec<u8>),
    Star,
}

/// The words of one line, in their order.
pub(super) fn words(line: &str) -> Result<Vec<Word<'_>>, Problem> {
    let mut reader = Reader {
        line,
        rest: line,
        counted: (0, 0),
    };
    let mut words = Vec::new();
    while let Some(word) = reader.word()? {
        words.push(word);
    }
    Ok(words)
}

struct Reader<'a> {
    line: &'a str,
    /// What was not read yet.
    rest: &'a str,
    /// How many bytes of the line, and letters in them, were counted, so that a long line is counted once.
    counted: (usize, usize),
}

impl<'a> Reader<'a> {
    /// The column of the next letter, counted from one.
    fn column(&mut self) -> usize {
        let (bytes, letters) = self.counted;
        let read = self.line.len() - self.rest.len();
        self.counted = (read, letters + self.line[bytes..read].chars().count());
        self.counted.1 + 1
    }

    fn word(&mut self) -> Result<Option<Word<'a>>, Problem> {
        self.rest = self.rest.trim_start();
        let column = self.column();
        let kind = match self.rest.chars().next() {
            None | Some('#') => return Ok(None),
            Some('"') => {
                self.rest = &self.rest[1..];
                Kind::Text(self.text(column)?)
            }
            Some('*') => {
                self.rest = &self.rest[1..];
                Kind::Star
            }
            Some(_) => {
                let is_end = |letter: char| letter.is_whitespace() || "\"*#".contains(letter);
                let end = self.rest.find(is_end).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                Kind::Bare(word)
            }
        };
        Ok(Some(Word { column, kind }))
    }

    /// What is between the quotes, of which the first, at `start`, is read.
    fn text(&mut self, start: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        loop {
            let column = self.column();
            match self.letter() {
                None => {
                    return Err(Problem::new(
                        start,
                        "this text has no end: write \" behind it",
                    ));
                }
                Some('"') => return Ok(bytes),
                Some('\\') => self.escape(column, &mut bytes)?,
                Some(letter) => bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    /// What a backslash at `column` stands for.
    fn escape(&mut self, column: usize, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        match self.letter() {
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some(letter @ ('"' | '\\')) => bytes.push(letter as u8),
            Some('x') => {
                let digits = self.rest.get(..2).filter(|digits| is_hex(digits));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or_else(|| {
                    Problem::new(column, "\\x needs two hexadecimal digits: write \\x0a")
                })?);
                self.rest = &self.rest[2..];
            }
            Some('u') => {
                let digits = self
                    .rest
                    .strip_prefix('{')
                    .and_then(|rest| rest.split_once('}'));
                let letter =
                    digits
                        .filter(|(digits, _)| is_hex(digits))
                        .and_then(|(digits, rest)| {
                            let number = u32::from_str_radix(digits, 16).ok()?;
                            Some((char::from_u32(number)?, rest))
                        });
                let (letter, rest) = letter.ok_or_else(|| {
                    Problem::new(column, "\\u needs the number of a letter: write \\u{20ac}")
                })?;
                bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
                self.rest = rest;
            }
            _ => {
                return Err(Problem::new(
                    column,
                    "this escape is not known: write \\n, \\r, \\t, \\0, \\\", \\\\, \\x0a or \\u{20ac}",
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
