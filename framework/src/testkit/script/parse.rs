//! From the text of a script to its steps.

use std::path::{Path, PathBuf};

use super::error::Problem;
use super::words::{Kind, Word, is_hex, words};
use super::{Data, End, Part, Pattern, SCRIPT_BYTES_MAX, Script, ScriptError, Step};
use crate::error::cause_of;

/// Reads what may not even be a text.
pub(super) fn bytes(bytes: &[u8], folder: &Path) -> Result<Script, ScriptError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => script(text, folder),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let line = valid.split(|&byte| byte == b'\n').count();
            let start = valid
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |end| end + 1);
            let column = String::from_utf8_lossy(&valid[start..]).chars().count() + 1;
            let sentence = "a script is a text in UTF-8, and this byte is not: write it \\xff";
            Err(ScriptError::at(line, Problem::new(column, sentence)))
        }
    }
}

pub(super) fn script(text: &str, folder: &Path) -> Result<Script, ScriptError> {
    let mut script = Script::default();
    let (mut past, mut bytes) = (Past::default(), 0);
    for (line, number) in text.lines().zip(1..) {
        let step = Line::new(line, folder, bytes).and_then(|mut line| {
            let step = line.step()?;
            if let Some(step) = &step {
                line.check_order(step, past)?;
                past.add(step);
            }
            bytes = line.bytes;
            Ok(step)
        });
        if let Some(step) = step.map_err(|problem| ScriptError::at(number, problem))? {
            script.steps.push(step);
            script.lines.push(number);
        }
    }
    Ok(script)
}

/// What has been before a step, which decides what can follow.
#[derive(Clone, Copy, Default)]
struct Past {
    is_reset: bool,
    is_half_closed: bool,
    has_ended: bool,
}

impl Past {
    fn add(&mut self, step: &Step) {
        match step {
            Step::Reset => self.is_reset = true,
            Step::HalfClose => self.is_half_closed = true,
            Step::ExpectEnd(_) => self.has_ended = true,
            Step::Send(_) | Step::Expect(_) | Step::Wait(_) => {}
        }
    }
}

/// One line, from its first word to its last.
struct Line<'a> {
    words: std::iter::Peekable<std::vec::IntoIter<Word<'a>>>,
    folder: &'a Path,
    /// Where its first word is.
    start: usize,
    /// Where something is missing when there are no more words.
    end: usize,
    /// How many bytes of data the script has so far.
    bytes: usize,
}

impl<'a> Line<'a> {
    fn new(line: &'a str, folder: &'a Path, bytes: usize) -> Result<Self, Problem> {
        let words = words(line)?;
        Ok(Self {
            folder,
            start: words.first().map_or(1, |word| word.column),
            end: line.trim_end().chars().count() + 1,
            bytes,
            words: words.into_iter().peekable(),
        })
    }

    /// The step that it describes; none if it is empty.
    fn step(&mut self) -> Result<Option<Step>, Problem> {
        const STEPS: &str = "write send, expect, wait, half-close or reset";
        let Some(word) = self.words.next() else {
            return Ok(None);
        };
        let step = match word.kind {
            Kind::Bare("send") => Step::Send(self.data("what to send")?),
            Kind::Bare("expect") => self.expectation()?,
            Kind::Bare("wait") => self.wait()?,
            Kind::Bare("half-close") => Step::HalfClose,
            Kind::Bare("reset") => Step::Reset,
            Kind::Bare(other) => {
                let sentence = format!("'{}' is not a step: {STEPS}", other.escape_debug());
                return Err(Problem::new(word.column, sentence));
            }
            Kind::Text(_) | Kind::Star => {
                let sentence = format!("a line begins with a step: {STEPS}");
                return Err(Problem::new(word.column, sentence));
            }
        };
        match self.words.next() {
            None => Ok(Some(step)),
            Some(word) => Err(Problem::new(
                word.column,
                "this does not belong to the step: write one step a line, and # before a comment",
            )),
        }
    }

    fn wait(&mut self) -> Result<Step, Problem> {
        let column = self.here();
        let time = match self.words.next().map(|word| word.kind) {
            Some(Kind::Bare(word)) => humantime::parse_duration(word).ok(),
            _ => None,
        };
        time.map(Step::Wait)
            .ok_or_else(|| Problem::new(column, "wait needs a time: write wait 50ms or wait 2s"))
    }

    fn expectation(&mut self) -> Result<Step, Problem> {
        let end = match self.words.peek().map(|word| &word.kind) {
            Some(Kind::Bare("closed")) => Some(End::Closed),
            Some(Kind::Bare("reset")) => Some(End::Reset),
            Some(Kind::Bare("end")) => None,
            _ => return Ok(Step::Expect(self.pattern()?)),
        };
        self.words.next();
        Ok(Step::ExpectEnd(end))
    }

    fn pattern(&mut self) -> Result<Pattern, Problem> {
        let mut parts = Vec::new();
        while let Some(word) = self.words.peek() {
            if parts.last().is_some_and(Part::is_last) {
                let sentence = "nothing can follow rest: write it last";
                return Err(Problem::new(word.column, sentence));
            }
            parts.push(self.part()?);
        }
        if parts.is_empty() {
            const FORMS: &str = "what is expected is missing: write bytes such as \"ok\\n\", or closed, reset or end";
            return Err(Problem::new(self.end, FORMS));
        }
        Ok(Pattern::new(parts))
    }

    /// One part of a pattern. Bytes are one part, however many pieces they have.
    fn part(&mut self) -> Result<Part, Problem> {
        let column = self.here();
        match self.words.next_if(is_keyword).map(|word| word.kind) {
            Some(Kind::Bare("any")) => Ok(Part::Any(self.number("how many bytes: write any 4")?)),
            Some(Kind::Bare("until")) => {
                let data = self.piece("what comes last: write until \"\\n\"")?;
                if data.bytes().is_empty() {
                    return Err(Problem::new(column, "until needs at least one byte"));
                }
                Ok(Part::Until(data))
            }
            Some(Kind::Bare("rest")) => Ok(Part::Rest),
            // Only one word more is looked at: a part in a part in a part could be deeper than the stack.
            Some(_) => match self.words.peek().map(|word| &word.kind) {
                Some(Kind::Bare("any" | "until" | "rest")) => Ok(Part::Skip(self.part()?.into())),
                _ => Err(Problem::new(
                    column,
                    "only what may be different can be skipped: write skip any 4, skip until \"\\n\" or skip rest",
                )),
            },
            None => {
                let mut pieces = vec![self.piece("a part of the pattern")?];
                while self.words.peek().is_some_and(|word| !is_keyword(word)) {
                    pieces.push(self.piece("a part of the pattern")?);
                }
                Ok(Part::Exactly(Data::all(pieces)))
            }
        }
    }

    /// Data up to the end of the line.
    fn data(&mut self, what: &str) -> Result<Data, Problem> {
        let mut pieces = vec![self.piece(what)?];
        while self.words.peek().is_some() {
            pieces.push(self.piece(what)?);
        }
        Ok(Data::all(pieces))
    }

    /// One piece of data, and how often it is repeated.
    fn piece(&mut self, what: &str) -> Result<Data, Problem> {
        let Some(word) = self.words.next() else {
            return Err(Problem::new(self.end, format!("here is missing {what}")));
        };
        let data = match word.kind {
            Kind::Text(bytes) => Data::text(bytes),
            Kind::Bare("hex") => self.hex()?,
            Kind::Bare("file") => self.file(word.column)?,
            Kind::Bare(other) => {
                let sentence = format!(
                    "'{}' is not data: write a text in quotes, hex 0d0a or file \"name\"",
                    other.escape_debug()
                );
                return Err(Problem::new(word.column, sentence));
            }
            Kind::Star => {
                let sentence = "there is nothing before the * that it could repeat";
                return Err(Problem::new(word.column, sentence));
            }
        };
        let star = self.words.next_if(|word| word.kind == Kind::Star);
        let times = match star {
            Some(_) => self.number("how often: write \"x\" * 3")?,
            None => 1,
        };
        self.bytes = (data.bytes().len().saturating_mul(times)).saturating_add(self.bytes);
        if self.bytes > SCRIPT_BYTES_MAX {
            let sentence =
                format!("a script has at most {SCRIPT_BYTES_MAX} bytes of data: repeat less");
            return Err(Problem::new(self.start, sentence));
        }
        Ok(data.times(times))
    }

    fn hex(&mut self) -> Result<Data, Problem> {
        let (column, mut digits) = (self.here(), String::new());
        while let Some(word) = self
            .words
            .next_if(|word| matches!(word.kind, Kind::Bare(word) if is_hex(word)))
        {
            if let Kind::Bare(word) = word.kind {
                digits += word;
            }
        }
        if digits.is_empty() || digits.len() % 2 != 0 {
            const FORM: &str = "hex needs digits in pairs: write hex 0d0a or hex 0d 0a";
            return Err(Problem::new(column, FORM));
        }
        let byte = |pair: &[u8]| {
            pair.iter().fold(0, |byte, &digit| {
                byte << 4 | char::from(digit).to_digit(16).unwrap_or(0) as u8
            })
        };
        let bytes: Vec<u8> = digits.as_bytes().chunks(2).map(byte).collect();
        Ok(Data::hex(bytes))
    }

    fn file(&mut self, column: usize) -> Result<Data, Problem> {
        let name = match self.words.next().map(|word| word.kind) {
            Some(Kind::Text(name)) => String::from_utf8(name).ok(),
            _ => None,
        };
        let Some(name) = name else {
            return Err(Problem::new(
                column,
                "file needs a name in quotes: write file \"name\"",
            ));
        };
        Data::file_in(self.folder, PathBuf::from(&name)).map_err(|error| {
            let cause = cause_of(&error);
            let name = name.escape_debug();
            Problem::new(column, format!("cannot read the file \"{name}\": {cause}"))
        })
    }

    fn number(&mut self, what: &str) -> Result<usize, Problem> {
        let column = self.here();
        let number = match self.words.next().map(|word| word.kind) {
            Some(Kind::Bare(word)) => word.parse().ok().filter(|&number| number > 0),
            _ => None,
        };
        number.ok_or_else(|| {
            Problem::new(column, format!("here is missing a number that says {what}"))
        })
    }

    fn here(&mut self) -> usize {
        self.words.peek().map_or(self.end, |word| word.column)
    }

    /// Whether a step makes sense after those before it.
    fn check_order(&self, step: &Step, past: Past) -> Result<(), Problem> {
        let sentence = if past.is_reset && !matches!(step, Step::Wait(_)) {
            "after reset there is no connection any more: end the script with it"
        } else if past.is_half_closed && matches!(step, Step::Send(_) | Step::HalfClose) {
            "after half-close nothing can be sent: write it behind the last send"
        } else if past.has_ended && matches!(step, Step::Expect(_) | Step::ExpectEnd(_)) {
            "after the end nothing can come: expect it last"
        } else {
            return Ok(());
        };
        Err(Problem::new(self.start, sentence))
    }
}

/// Whether a word begins what a pattern has besides bytes.
fn is_keyword(word: &Word<'_>) -> bool {
    matches!(word.kind, Kind::Bare("any" | "until" | "rest" | "skip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these took minutes, or the stack, when the time or the depth grew with more than the length of the text.
    #[test]
    fn long_scripts_are_read_as_quickly_as_short_ones() {
        let count = 200_000;
        let letters = format!("send \"{}\"", "a".repeat(count));
        let pieces = format!("send {}", "\"a\" ".repeat(count));
        for text in [letters, pieces, "send \"a\"\n".repeat(count)] {
            assert_eq!(Script::parse(&text).unwrap().input().len(), count);
        }
        let expected = format!("expect {}", "\"a\" ".repeat(count));
        let script = Script::parse(&expected).unwrap();
        let [Step::Expect(pattern)] = script.steps() else {
            panic!("{} steps", script.steps().len());
        };
        let parts = pattern.parts();
        assert!(matches!(parts, [Part::Exactly(data)] if data.bytes().len() == count));
        let skips = format!("expect {}", "skip ".repeat(count));
        let error = Script::parse(&skips).unwrap_err();
        assert_eq!((error.line(), error.column()), (Some(1), Some(8)));
    }

    #[test]
    fn a_file_without_an_end_is_not_read_to_its_end() {
        let error = Script::parse("send file \"/dev/zero\"").unwrap_err();
        let sentence = format!(
            "the script, line 1, column 6: cannot read the file \"/dev/zero\": it has more than {SCRIPT_BYTES_MAX} bytes"
        );
        assert_eq!(error.to_string(), sentence);
    }
}
