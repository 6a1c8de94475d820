//! JSON as it is sent and received: the codecs that carry it, values of every kind, and what must hold for any text.

use arbitrary::Arbitrary;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use socketserver::codec::json;
use socketserver::{Codec, FrameError, Lines};

use crate::codecs::{Ending, Prefix};
use crate::oracle::assert_sentence;
use crate::planted::Planted;

/// What carries JSON.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "they are the settings of the codecs")]
pub enum Carrier {
    Lines { crlf: bool },
    LengthPrefix(Prefix),
}

impl Carrier {
    /// A fresh codec.
    pub fn codec(&self) -> Box<dyn Codec> {
        match self {
            // Whatever was chosen, so that both kinds of targets spend all of their runs on it.
            _ if cfg!(feature = "planted") => Box::new(Planted::default()),
            Self::Lines { crlf: false } => Box::new(Lines::default()),
            Self::Lines { crlf: true } => Box::new(Lines::default().crlf()),
            Self::LengthPrefix(prefix) => Box::new(prefix.codec()),
        }
    }

    /// How it tells where a message ends.
    pub fn ending(&self) -> Ending {
        match self {
            _ if cfg!(feature = "planted") => Ending::Count,
            Self::Lines { .. } => Ending::Line,
            Self::LengthPrefix(_) => Ending::Count,
        }
    }
}

/// A request as the documents recommend it: a field that is not known is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    cmd: Command,
    size: Option<u64>,
    #[serde(default)]
    values: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    Login { user: String },
    Put,
    Get,
}

/// What must hold for any message, whoever has sent it: it is refused with a sentence, or its value survives being sent on.
pub fn assert_read_well(message: &[u8]) {
    let value: Result<Value, _> = json::from_frame(message);
    if let Some(value) = checked(value) {
        assert_comes_back(&value);
    }
    let request: Result<Request, _> = json::from_frame(message);
    if let Some(request) = checked(request) {
        assert_comes_back(&request);
    }
}

fn checked<T>(result: Result<T, FrameError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error, FrameError::Json(_)), "{error:?}");
            assert_sentence(&error.to_string());
            None
        }
    }
}

fn assert_comes_back<T>(value: &T)
where
    T: PartialEq + std::fmt::Debug + Serialize + for<'de> Deserialize<'de>,
{
    let mut line = Vec::new();
    json::write(value, &mut Lines::new(usize::MAX), &mut line).expect("what was read can be sent");
    let back: T = json::from_frame(&line).expect("what was sent can be read");
    assert_eq!(&back, value, "sent as {}", line.escape_ascii());
}

/// A value of JSON.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "they are the kinds of JSON")]
pub enum Tree {
    Null,
    Boolean(bool),
    Integer(i64),
    Natural(u64),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Fields(Vec<(Key, Tree)>),
    /// So many lists around each other: up to and beyond what is allowed.
    Nested(u8),
}

/// The name of a field.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Key {
    Common(u8),
    Any(String),
}

/// Names that protocols have.
const COMMON: [&str; 9] = [
    "cmd", "size", "user", "res", "values", "login", "put", "id", "",
];
/// How deep a text may be nested.
const NESTED_MAX: usize = 127;

impl Tree {
    /// The value.
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::from(*boolean),
            Self::Integer(number) => Value::from(*number),
            Self::Natural(number) => Value::from(*number),
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
            Self::List(trees) => trees.iter().map(Self::value).collect(),
            Self::Fields(fields) => fields
                .iter()
                .map(|(key, tree)| (key.text().to_owned(), tree.value()))
                .collect::<Map<_, _>>()
                .into(),
            Self::Nested(depth) => {
                (0..*depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
            }
        }
    }

    /// Asserts that a message is this value, or is refused since it is nested too deeply.
    pub fn assert_is(&self, message: &[u8]) {
        let read = json::from_frame::<Value>(message);
        let value = self.value();
        if depth(&value) <= NESTED_MAX {
            assert_eq!(read, Ok(value), "read from {}", message.escape_ascii());
        } else {
            assert!(
                matches!(&read, Err(FrameError::Json(text)) if text.contains("recursion limit"))
            );
        }
    }
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::Common(number) => COMMON[usize::from(*number) % COMMON.len()],
            Self::Any(text) => text,
        }
    }
}

/// How deep a value is nested.
fn depth(value: &Value) -> usize {
    let deepest = |inner: &mut dyn Iterator<Item = &Value>| inner.map(depth).max().unwrap_or(0);
    match value {
        Value::Array(items) => 1 + deepest(&mut items.iter()),
        Value::Object(fields) => 1 + deepest(&mut fields.values()),
        _ => 0,
    }
}
