//! Headers as they travel: the fields of requests and replies, and how they are framed.
//!
//! Both sides use these types, the server to read requests and write replies, the client the other way round. What the fields mean together is
//! not decided here.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::ser::{CharEscape, Formatter};
use socketserver::{FrameError, LengthPrefix};

use super::storage::Entry;
use super::{Algorithm, Refusal, Word};

/// The longest header, unless something else is asked for.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// The bytes of the length in front of a header.
pub(crate) const PREFIX_BYTES: usize = 4;

/// How headers are framed, with at most so many bytes.
pub(crate) fn framing(frame_bytes_max: usize) -> LengthPrefix {
    LengthPrefix::little_endian(PREFIX_BYTES)
        .signed()
        .max(frame_bytes_max)
}

/// The fields that a request may have. Fields that are not known are ignored, and one that comes twice is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cmd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) v: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) psd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dst_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mtime: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) if_hash: Option<String>,
}

/// The fields that a reply may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReplyFields {
    pub(crate) res: String,
    /// Absent in replies of servers that know version 1 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub(crate) err: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) v: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) have: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dst_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entries: Option<Vec<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mtime: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

impl ReplyFields {
    /// A reply with a code and a sentence.
    pub(crate) fn new(code: u16, sentence: impl Into<String>) -> Self {
        Self {
            res: sentence.into(),
            code: Some(code),
            ..Self::default()
        }
    }
}

impl From<Refusal> for ReplyFields {
    fn from(refusal: Refusal) -> Self {
        Self {
            err: Some(refusal.word),
            ..Self::new(refusal.word.code(), refusal.sentence)
        }
    }
}

/// What a server limits, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// A header.
    pub(crate) frame: u64,
    /// The body of a refused request that is still read.
    pub(crate) drain: u64,
}

/// What a request is called by its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Number(u64),
    Text(String),
}

/// A number of bytes or seconds, from 0 to 2^63-1, or nothing: `""`, `null`. It may be written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Number(pub(crate) Option<u64>);

impl Number {
    /// What the field says, if it is there and says something.
    pub(crate) fn of(field: Option<Self>) -> Option<u64> {
        field.and_then(|number| number.0)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(Some(number))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Reads a [`Number`], however it is written.
struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer from 0 to 2^63-1")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        if number > i64::MAX.cast_unsigned() {
            return Err(E::invalid_value(de::Unexpected::Unsigned(number), &self));
        }
        Ok(Number(Some(number)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Err(E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        if text.is_empty() {
            return Ok(Number(None));
        }
        // `parse` also takes a sign in front.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number);
        match number {
            Some(number) => self.visit_u64(number),
            None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
        Ok(Number(None))
    }
}

/// A word that is not known is none: a newer server may have more of them.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    let word = serde_json::Value::deserialize(deserializer)?;
    Ok(Word::deserialize(word).ok())
}

/// Reads a header, which must be one JSON object.
pub(crate) fn read<T: de::DeserializeOwned>(header: &[u8]) -> Result<T, FrameError> {
    // A structure could be read from an array as well.
    let first = header.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'{') {
        return Err(FrameError::Json("it is not an object".into()));
    }
    serde_json::from_slice(header).map_err(|error| FrameError::Json(without_values(&error)))
}

/// What a parser of JSON says, without the values that it quotes, since one of them may be a password at a wrong place.
pub(super) fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((start, expected)) if start.starts_with("invalid ") => format!("expected {expected}"),
        _ => text,
    }
}

/// Writes a frame: the length, and the header in ASCII.
pub(crate) fn write<T: Serialize>(header: &T) -> Vec<u8> {
    let mut frame = vec![0; PREFIX_BYTES];
    let mut serializer = serde_json::Serializer::with_formatter(&mut frame, Ascii);
    header
        .serialize(&mut serializer)
        .expect("a header has texts as keys, and memory does not fail");
    let length = frame.len() - PREFIX_BYTES;
    let length = i32::try_from(length).expect("the caller keeps headers far below 2 GiB");
    frame[..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
    frame
}

/// JSON in which everything beyond ASCII is escaped, as Python's `json.dumps` does by default.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|letter: char| !letter.is_ascii() || letter == '\u{7f}') {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut letters = rest[at..].chars();
            for unit in letters.next().unwrap_or_default().encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

/// A time as it travels: whole seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A time that has travelled.
pub(crate) fn time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> Result<RequestFields, FrameError> {
        read(json.as_bytes())
    }

    #[test]
    fn sizes_are_integers_or_written_as_such() {
        for (json, size) in [
            (r#"{"size":5}"#, Some(5)),
            (r#"{"size":"5"}"#, Some(5)),
            (r#"{"size":0}"#, Some(0)),
            (r#"{"size":""}"#, None),
            (r#"{"size":null}"#, None),
            ("{}", None),
            (
                r#"{"size":9223372036854775807}"#,
                Some(i64::MAX.cast_unsigned()),
            ),
        ] {
            assert_eq!(Number::of(request(json).unwrap().size), size, "{json}");
        }
        for json in [
            r#"{"size":-1}"#,
            r#"{"size":1.5}"#,
            r#"{"size":1e400}"#,
            r#"{"size":9223372036854775808}"#,
            r#"{"size":99999999999999999999999999}"#,
            r#"{"size":"-1"}"#,
            r#"{"size":"+1"}"#,
            r#"{"size":"1.5"}"#,
            r#"{"size":" 1"}"#,
            r#"{"size":"9223372036854775808"}"#,
            r#"{"size":[]}"#,
            r#"{"size":true}"#,
            r#"{"size":1,"size":2}"#,
            r#"{"cmd":5}"#,
            "[]",
            "null",
            "\"cmd\"",
            "",
            "{",
            "{} {}",
        ] {
            assert!(request(json).is_err(), "{json}");
        }
    }

    #[test]
    fn headers_are_ascii_as_pythons_are() {
        let reply = ReplyFields {
            res: "你 😀 \u{7f} \" \n".into(),
            code: Some(200),
            ..ReplyFields::default()
        };
        let frame = write(&reply);
        let text = r#"{"res":"\u4f60 \ud83d\ude00 \u007f \" \n","code":200}"#;
        assert_eq!(&frame[PREFIX_BYTES..], text.as_bytes());
        assert_eq!(frame[..PREFIX_BYTES], (text.len() as u32).to_le_bytes());
        assert_eq!(read::<ReplyFields>(text.as_bytes()).unwrap(), reply);
    }

    #[test]
    fn a_word_that_is_not_known_is_none() {
        let reply = |json: &str| read::<ReplyFields>(json.as_bytes()).unwrap().err;
        assert_eq!(reply(r#"{"err":"not_found"}"#), Some(Word::NotFound));
        assert_eq!(reply(r#"{"err":"teapot"}"#), None);
        assert_eq!(reply(r#"{"res":"ok"}"#), None);
    }
}
