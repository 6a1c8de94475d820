//! A file server: any bytes, and requests that make sense in themselves, with bodies.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use socketserver_fuzz::files::talk;
use socketserver_handlers::files::{Access, Algorithm};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(Anonymous, [u16; 3], &'a [u8]),
    Requests(Anonymous, [u16; 3], Vec<Request<'a>>),
}

#[derive(Arbitrary, Debug)]
enum Anonymous {
    Writes,
    Reads,
    Nobody,
}

#[derive(Arbitrary, Debug)]
enum Request<'a> {
    /// Version 1: a verb, its words, and a body.
    Typed(u8, Vec<Text<'a>>, Vec<Field<'a>>, &'a [u8]),
    /// Version 2.
    Fields(u8, Vec<Field<'a>>),
    Open(Text<'a>, u8),
    /// The token of the last upload that could be open, or another one.
    Data(u8, u8, &'a [u8]),
    Commit(u8, &'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Field<'a>(u8, Text<'a>, bool);

#[derive(Arbitrary, Debug)]
enum Text<'a> {
    Common(u8),
    Number(u64),
    Any(&'a str),
}

/// The most requests of one stream.
const REQUESTS_MAX: usize = 24;
const COMMON: [&str; 17] = [
    "a.txt",
    "dir",
    "dir/b",
    "x",
    "new/x",
    "..",
    "../x",
    "/",
    "~",
    ".",
    "",
    "blake3",
    "md5",
    "a b",
    "open",
    "data",
    ".socketserver-part-1",
];
// A login is not among them: it takes as long as all others together.
const TYPED: [&str; 13] = [
    "put", "get", "ls", "cd", "pwd", "mkdir", "rm", "mv", "stat", "hash", "help", "hello",
    "nothing",
];
const VERBS: [&str; 11] = [
    "put", "get", "ls", "cd", "pwd", "mkdir", "rm", "mv", "stat", "hash", "help",
];
const FIELDS: [&str; 15] = [
    "path",
    "to",
    "after",
    "offset",
    "size",
    "if_hash",
    "hash_alg",
    "hash",
    "token",
    "phase",
    "total",
    "create",
    "filename",
    "dst_dir",
    "file_hash",
];

fuzz_target!(|input: Input<'_>| {
    match input {
        // Whoever logs in is made to wait, which costs a hash for each try, and time stands still here.
        Input::Bytes(_, _, stream) if stream.windows(5).any(|window| window == b"login") => {}
        Input::Bytes(anonymous, cuts, stream) => {
            talk(anonymous.access(), stream, &cuts);
        }
        Input::Requests(anonymous, cuts, requests) => {
            let mut stream = Vec::new();
            let mut count = 0;
            for request in requests.iter().take(REQUESTS_MAX) {
                let (mut header, body) = request.parts();
                header.insert("id".into(), count.into());
                count += 1;
                let header = Value::Object(header).to_string();
                stream.extend_from_slice(&(header.len() as u32).to_le_bytes());
                stream.extend_from_slice(header.as_bytes());
                stream.extend_from_slice(body);
            }
            assert_in_order(&talk(anonymous.access(), &stream, &cuts), count);
        }
    }
});

/// Each request has one reply, in order, until the connection has ended: for a body that is too long to be dropped, or for a field that cannot be read.
fn assert_in_order(replies: &[Value], count: usize) {
    for (place, reply) in replies.iter().enumerate() {
        if reply["err"] == "bad_frame" {
            assert_eq!(
                place + 1,
                replies.len(),
                "something follows the end: {replies:?}"
            );
            return;
        }
        assert_eq!(reply["id"].as_u64(), Some(place as u64), "{replies:?}");
    }
    if replies.len() < count {
        let last = replies.last().expect("the first request has a reply");
        assert!(
            last["err"].is_string(),
            "a request has no reply: {replies:?}"
        );
    }
}

impl Anonymous {
    fn access(&self) -> Option<Access> {
        match self {
            Self::Writes => Some(Access::ReadWrite),
            Self::Reads => Some(Access::ReadOnly),
            Self::Nobody => None,
        }
    }
}

impl Request<'_> {
    /// The header, and the body that it announces.
    fn parts(&self) -> (Map<String, Value>, &[u8]) {
        let (header, body): (Value, &[u8]) = match self {
            Self::Typed(verb, words, fields, body) => {
                let words = words.iter().map(|word| format!(" {:?}", word.text()));
                let line = format!("{}{}", pick(&TYPED, *verb), words.collect::<String>());
                let mut header = all(fields);
                header.insert("cmd".into(), line.into());
                header.insert("size".into(), body.len().into());
                return (header, body);
            }
            Self::Fields(verb, fields) => {
                let mut header = all(fields);
                header.insert("verb".into(), pick(&VERBS, *verb).into());
                if header.get("phase").is_some_and(|phase| phase == "data") {
                    header.insert("size".into(), 0.into());
                }
                return (header, b"");
            }
            Self::Open(path, total) => (
                json!({"verb": "put", "phase": "open", "path": path.text(), "total": total}),
                b"",
            ),
            Self::Data(token, offset, body) => (
                json!({"verb": "put", "phase": "data", "token": token.to_string(), "offset": offset, "size": body.len()}),
                body,
            ),
            Self::Commit(token, content) => {
                let hash = Algorithm::Blake3.hash(content);
                (
                    json!({"verb": "put", "phase": "commit", "token": token.to_string(), "hash": hash.as_str()}),
                    b"",
                )
            }
        };
        match header {
            Value::Object(header) => (header, body),
            other => panic!("{other} is no object"),
        }
    }
}

fn all(fields: &[Field<'_>]) -> Map<String, Value> {
    let fields = fields.iter().map(|Field(name, text, is_text)| {
        let value = match text {
            Text::Number(number) if !is_text => (*number).into(),
            text => text.text().into(),
        };
        (pick(&FIELDS, *name).to_owned(), value)
    });
    fields.collect()
}

fn pick<'a>(texts: &[&'a str], number: u8) -> &'a str {
    texts[usize::from(number) % texts.len()]
}

impl Text<'_> {
    fn text(&self) -> String {
        match self {
            Self::Common(number) => pick(&COMMON, *number).to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Any(text) => (*text).to_owned(),
        }
    }
}
