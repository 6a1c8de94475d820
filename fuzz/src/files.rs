//! What holds for a file server, whatever it is sent: its replies are frames, and nothing but names reaches its storage.

use std::sync::Arc;

use serde_json::Value;
use socketserver::testkit::offline::Offline;
use socketserver::{Codec, Config, Decoded, LengthPrefix};
use socketserver_handlers::files::path::{NAME_BYTES_MAX, NAMES_MAX, PATH_BYTES_MAX, RESERVED};
use socketserver_handlers::files::storage::{
    Announced, Entry, Listing, Quota, Source, Storage, Upload,
};
use socketserver_handlers::files::{Access, FilePath, Files, Refusal, Settings};
use socketserver_tests::Memory;

use crate::oracle::{self, assert_sentence};

/// What is sent to a client that has asked for a file, in front of the file.
const FILE_FOLLOWS: &str = "the file follows";
/// How much of a refused body is read: little, so that both ends of the rule are met.
const DRAIN_BYTES_MAX: u64 = 64;

/// A storage that looks at every path.
#[derive(Debug)]
struct Watched(Memory);

/// What a path is, whoever has made it.
pub fn assert_is_path(path: &FilePath) {
    let text = path.as_str();
    let names: Vec<_> = text.split('/').collect();
    assert!(text.len() <= PATH_BYTES_MAX && names.len() <= NAMES_MAX);
    for name in names.iter().filter(|_| !path.is_root()) {
        assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "{path:?}");
        assert!(![".", ".."].contains(name), "{path:?}");
        assert!(!name.contains(['\\', '\0', '/']), "{path:?}");
        assert!(!name.starts_with(RESERVED), "{path:?}");
        assert_sentence(name);
    }
}

impl Storage for Watched {
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
        assert_is_path(folder);
        self.0.list(folder, after, max)
    }

    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
        assert_is_path(path);
        self.0.entry(path)
    }

    fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
        assert_is_path(path);
        self.0.open(path)
    }

    fn upload(&self, path: &FilePath, announced: &Announced) -> Result<Box<dyn Upload>, Refusal> {
        assert_is_path(path);
        self.0.upload(path, announced)
    }

    fn make_folder(&self, path: &FilePath, quota: Option<&Quota>) -> Result<(), Refusal> {
        assert_is_path(path);
        self.0.make_folder(path, quota)
    }

    fn remove(&self, path: &FilePath) -> Result<(), Refusal> {
        assert_is_path(path);
        self.0.remove(path)
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), Refusal> {
        assert_is_path(from);
        assert_is_path(to);
        self.0.rename(from, to)
    }

    fn make_home(&self, path: &FilePath) -> Result<(), Refusal> {
        assert_is_path(path);
        self.0.make_home(path)
    }
}

/// Sends a stream to a server whose clients may do so much without a login, and gives its replies, bodies left out. However the stream is cut, they are the
/// same.
pub fn talk(anonymous: Option<Access>, stream: &[u8], cuts: &[u16]) -> Vec<Value> {
    let whole = send(anonymous, &[stream]);
    let cut = send(anonymous, &oracle::pieces(stream, cuts));
    assert_eq!(cut, whole, "a stream that was cut is answered otherwise");
    replies(&whole)
}

fn send(anonymous: Option<Access>, pieces: &[&[u8]]) -> Vec<u8> {
    let settings = Settings {
        anonymous,
        drain_bytes_max: DRAIN_BYTES_MAX,
        ..Settings::default()
    };
    let memory = Memory::default().with("a.txt", b"abc").with("dir/b", b"");
    let files = Files::new(Arc::new(Watched(memory)), settings);
    let config = files.config(Config::default());
    let mut peer = Offline::new(config, move |peer| files.handler(peer)).connect();
    let mut answer = Vec::new();
    for piece in pieces {
        answer.extend_from_slice(peer.exchange(piece));
    }
    let _ = peer.leave();
    answer
}

/// Takes an answer apart, of which nothing may be left.
fn replies(mut answer: &[u8]) -> Vec<Value> {
    let mut framing = LengthPrefix::little_endian(4).signed();
    let mut replies = Vec::new();
    while !answer.is_empty() {
        let Ok(Decoded::Message { payload, length }) = framing.decode(answer) else {
            panic!("no frame: {}", answer.escape_ascii());
        };
        let header = &answer[payload];
        assert!(header.is_ascii());
        let reply: Value = serde_json::from_slice(header).expect("a header is JSON");
        answer = &answer[length..];
        if reply["res"] == FILE_FOLLOWS {
            let size = reply["size"].as_u64().expect("a file has a size") as usize;
            assert!(size <= answer.len(), "half a file: {reply}");
            answer = &answer[size..];
        }
        assert_reply(&reply);
        replies.push(reply);
    }
    replies
}

/// What every reply says.
fn assert_reply(reply: &Value) {
    let code = reply["code"].as_u64().expect("every reply has a code");
    assert!(reply["res"].is_string(), "{reply}");
    assert_eq!(code >= 400, reply["err"].is_string(), "{reply}");
    for entry in reply["entries"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().expect("an entry has a name");
        let path = FilePath::parse(name).expect("a name is a path");
        assert_eq!(path.names().count(), 1);
    }
}
