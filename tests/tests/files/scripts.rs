//! Conversations with a file server, byte by byte, and what they leave behind.

use socketserver::testkit::script::{Data, End, Part, Pattern, Script, Step};
use socketserver_handlers::files::{Access, Algorithm, Settings};
use socketserver_tests::Memory;

use crate::bodies::bodies;

/// A conversation with a server of its own.
pub(crate) struct Conversation {
    /// What it is about.
    pub(crate) name: &'static str,
    pub(crate) settings: fn() -> Settings,
    pub(crate) steps: Vec<Step>,
    /// Whether there is so much to send that few ways to cut it must do.
    pub(crate) is_long: bool,
    /// Files that are there in the end, or are not.
    pub(crate) files: Vec<(&'static str, Option<Vec<u8>>)>,
}

/// What is there before each of them.
pub(crate) fn shelf() -> Memory {
    Memory::default()
        .with("a.txt", b"abc")
        .with("empty", b"")
        .with("dir/\u{4f60}.bin", &long())
}

/// A file of more than one read.
pub(crate) fn long() -> Vec<u8> {
    (0..70_000_u32).map(|index| (index % 251) as u8).collect()
}

pub(crate) fn open_to_all() -> Settings {
    Settings {
        anonymous: Some(Access::ReadWrite),
        ..Settings::default()
    }
}

pub(crate) fn read_only() -> Settings {
    Settings {
        anonymous: Some(Access::ReadOnly),
        ..Settings::default()
    }
}

impl Conversation {
    pub(crate) fn new(name: &'static str, settings: fn() -> Settings) -> Self {
        Self {
            name,
            settings,
            steps: Vec::new(),
            is_long: false,
            files: Vec::new(),
        }
    }

    /// Sends a header, and a body behind it.
    pub(crate) fn ask_with(mut self, header: &str, body: &[u8]) -> Self {
        let length = (header.len() as u32).to_le_bytes();
        let mut data = Data::hex(length).and(Data::text(header));
        if !body.is_empty() {
            data = data.and(Data::text(body));
        }
        self.steps.push(Step::Send(data));
        self
    }

    pub(crate) fn ask(self, header: &str) -> Self {
        self.ask_with(header, b"")
    }

    /// Receives exactly this header, and a body behind it.
    pub(crate) fn hear_with(mut self, header: &str, body: &[u8]) -> Self {
        let length = (header.len() as u32).to_le_bytes();
        let mut data = Data::hex(length).and(Data::text(header));
        if !body.is_empty() {
            data = data.and(Data::text(body));
        }
        self.steps.push(Step::Expect(Pattern::from(data)));
        self
    }

    pub(crate) fn hear(self, header: &str) -> Self {
        self.hear_with(header, b"")
    }

    /// Sends bytes as they are.
    pub(crate) fn say(mut self, bytes: &[u8]) -> Self {
        self.steps.push(Step::Send(Data::hex(bytes)));
        self
    }

    /// Ends its side, and sees the server end.
    pub(crate) fn end(mut self) -> Self {
        self.steps.push(Step::HalfClose);
        self.closed()
    }

    /// Sees the server end.
    pub(crate) fn closed(mut self) -> Self {
        self.steps.push(Step::ExpectEnd(Some(End::Closed)));
        self
    }

    pub(crate) fn leaves(mut self, file: &'static str, bytes: Option<&[u8]>) -> Self {
        self.files.push((file, bytes.map(Into::into)));
        self
    }

    pub(crate) fn script(&self) -> Script {
        self.steps.iter().cloned().collect()
    }
}

/// Every conversation.
pub(crate) fn all() -> Vec<Conversation> {
    [first(), second(), refused(), hostile(), bodies()]
        .into_iter()
        .flatten()
        .collect()
}

/// Version 1.
fn first() -> Vec<Conversation> {
    let long = long();
    let long_hash = Algorithm::Md5.hash(&long);
    vec![
        Conversation::new("a put as the tutorial sends it", open_to_all)
            .ask_with(r#"{"cmd": "put a.txt", "filename": "a.txt", "src_dir": "a.txt", "dst_dir": "up", "size": 3}"#, b"abc")
            .hear(r#"{"res":"stored /up/a.txt (3 bytes)","code":201,"file_hash":"900150983cd24fb0d6963f7d28e17f72"}"#)
            .ask(r#"{"cmd": "quit"}"#)
            .hear(r#"{"res":"bye","code":200}"#)
            .closed()
            .leaves("up/a.txt", Some(b"abc")),
        Conversation::new("a get as the tutorial sends it", read_only)
            .ask(r#"{"cmd": "get a.txt", "filename": "a.txt", "dst_dir": "dl", "size": ""}"#)
            .hear_with(r#"{"res":"the file follows","code":200,"filename":"a.txt","dst_dir":"dl","size":3,"file_hash":"900150983cd24fb0d6963f7d28e17f72"}"#, b"abc")
            .end(),
        Conversation::new("empty files", open_to_all)
            .ask(r#"{"cmd": "get empty"}"#)
            .hear(r#"{"res":"the file follows","code":200,"filename":"empty","dst_dir":".","size":0,"file_hash":"d41d8cd98f00b204e9800998ecf8427e"}"#)
            .ask(r#"{"cmd": "put none", "filename": "none", "size": 0}"#)
            .hear(r#"{"res":"stored /none (0 bytes)","code":201,"file_hash":"d41d8cd98f00b204e9800998ecf8427e"}"#)
            .end()
            .leaves("none", Some(b"")),
        Conversation::new("names beyond ASCII, escaped and not", open_to_all)
            .ask(r#"{"cmd": "get \"dir/\u4f60.bin\""}"#)
            .hear_with(
                &format!(r#"{{"res":"the file follows","code":200,"filename":"\u4f60.bin","dst_dir":".","size":70000,"file_hash":"{long_hash}"}}"#),
                &long,
            )
            .ask_with(r#"{"cmd": "put é", "size": "2"}"#, b"hi")
            .hear(r#"{"res":"stored /\u00e9 (2 bytes)","code":201,"file_hash":"49f68a5c8493ec2c0bf489821c21fc3b"}"#)
            .end()
            .leaves("\u{e9}", Some(b"hi")),
        Conversation::new("folders", open_to_all)
            .ask(r#"{"cmd": "mkdir new"}"#)
            .hear(r#"{"res":"made","code":200}"#)
            .ask(r#"{"cmd": "cd new"}"#)
            .hear(r#"{"res":"/new","code":200,"path":"/new"}"#)
            .ask_with(r#"{"cmd": "put x", "size": 1}"#, b"x")
            .hear(r#"{"res":"stored /new/x (1 bytes)","code":201,"file_hash":"9dd4e461268c8034f5c8564e155c67a6"}"#)
            .ask(r#"{"cmd": "ls"}"#)
            .hear(r#"{"res":"x","code":200,"entries":[{"name":"x","type":"file","size":1,"mtime":1700000000}]}"#)
            .ask(r#"{"cmd": "cd ../.."}"#)
            .hear(r#"{"res":"/","code":200,"path":"/"}"#)
            .ask(r#"{"cmd": "pwd"}"#)
            .hear(r#"{"res":"/","code":200,"path":"/"}"#)
            .ask(r#"{"cmd": "mv new/x y"}"#)
            .hear(r#"{"res":"renamed","code":200}"#)
            .ask(r#"{"cmd": "rm new"}"#)
            .hear(r#"{"res":"removed","code":200}"#)
            .ask(r#"{"cmd": "stat y"}"#)
            .hear(r#"{"res":"file, 1 bytes","code":200,"entry":{"name":"y","type":"file","size":1,"mtime":1700000000}}"#)
            .ask(r#"{"cmd": "hash y"}"#)
            .hear(r#"{"res":"9dd4e461268c8034f5c8564e155c67a6","code":200,"hash":"9dd4e461268c8034f5c8564e155c67a6","hash_alg":"md5"}"#)
            .end()
            .leaves("y", Some(b"x"))
            .leaves("new/x", None),
        Conversation::new("requests that are sent ahead", open_to_all)
            .say(&b"\x0e\0\0\0{\"cmd\": \"pwd\"}".repeat(40))
            .hear_pwds(40)
            .end(),
        Conversation::new("a hash that is promised and wrong", open_to_all)
            .ask_with(r#"{"cmd": "put bad", "size": 3, "file_hash": "00000000000000000000000000000000"}"#, b"abc")
            .hear(r#"{"res":"what has come has the md5 hash 900150983cd24fb0d6963f7d28e17f72, and not the one that was announced (send it again)","code":422,"err":"hash"}"#)
            .end()
            .leaves("bad", None),
    ]
}

impl Conversation {
    fn hear_pwds(self, times: usize) -> Self {
        (0..times).fold(self, |so_far, _| {
            so_far.hear(r#"{"res":"/","code":200,"path":"/"}"#)
        })
    }
}

/// Version 2.
fn second() -> Vec<Conversation> {
    let abc = Algorithm::Blake3.hash(b"abc");
    let abcdef = Algorithm::Blake3.hash(b"abcdef");
    let nothing = Algorithm::Blake3.hash(b"");
    vec![
        Conversation::new("a greeting", open_to_all)
            .ask(r#"{"cmd":"hello","v":2,"client":"x","id":7}"#)
            .hear(r#"{"res":"socketserver files","code":200,"id":7,"v":2,"have":["resume","list","blake3","sha256","md5"],"limits":{"frame":1048576,"drain":1048576},"auth":["plain"]}"#)
            .end(),
        Conversation::new("parts of a file", read_only)
            .ask(r#"{"verb":"get","path":"a.txt","offset":1,"size":1,"hash_alg":"md5","id":"one"}"#)
            .hear_with(r#"{"res":"the file follows","code":206,"id":"one","size":1,"offset":1,"total":3,"mtime":1700000000,"hash":"900150983cd24fb0d6963f7d28e17f72","hash_alg":"md5"}"#, b"b")
            .ask(&format!(r#"{{"verb":"get","path":"a.txt","offset":3,"if_hash":"{abc}"}}"#))
            .hear(&format!(r#"{{"res":"the file follows","code":206,"size":0,"offset":3,"total":3,"mtime":1700000000,"hash":"{abc}","hash_alg":"blake3"}}"#))
            .ask(r#"{"verb":"get","path":"a.txt","offset":4}"#)
            .hear(r#"{"res":"the file has 3 bytes (ask for some of them)","code":416,"err":"range"}"#)
            .ask(&format!(r#"{{"verb":"get","path":"a.txt","if_hash":"{nothing}"}}"#))
            .hear(r#"{"res":"the file is another one now (get it from the beginning)","code":412,"err":"changed"}"#)
            .end(),
        Conversation::new("a put in pieces", open_to_all)
            .ask(r#"{"verb":"put","phase":"open","path":"new/x","total":6}"#)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{nothing}","hash_alg":"blake3","token":"1"}}"#))
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":3}"#, b"abc")
            .hear(r#"{"res":"received","code":200,"offset":3}"#)
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":4,"size":2}"#, b"no")
            .hear(r#"{"res":"3 bytes are there (go on at this offset, or begin again at 0)","code":416,"err":"range"}"#)
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":3,"size":4}"#, b"defg")
            .hear(r#"{"res":"the file was announced with 6 bytes (open it again with the true total)","code":416,"err":"range"}"#)
            .ask(&format!(r#"{{"verb":"put","phase":"commit","token":"1","hash":"{abcdef}"}}"#))
            .hear(r#"{"res":"3 of 6 bytes are there (send the rest, then commit)","code":416,"err":"range"}"#)
            .ask(r#"{"verb":"put","phase":"open","path":"new/x","total":6}"#)
            .hear(&format!(r#"{{"res":"3 bytes are there","code":100,"offset":3,"hash":"{abc}","hash_alg":"blake3","token":"2"}}"#))
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":3,"size":3}"#, b"def")
            .hear(r#"{"res":"no upload is open under this token (open it first)","code":400,"err":"bad_request"}"#)
            .ask_with(r#"{"verb":"put","phase":"data","token":"2","offset":3,"size":3}"#, b"def")
            .hear(r#"{"res":"received","code":200,"offset":6}"#)
            .ask(&format!(r#"{{"verb":"put","phase":"commit","token":"2","hash":"{abcdef}","mtime":5}}"#))
            .hear(&format!(r#"{{"res":"stored /new/x (6 bytes)","code":201,"size":6,"hash":"{abcdef}","hash_alg":"blake3"}}"#))
            .end()
            .leaves("new/x", Some(b"abcdef")),
        Conversation::new("a put that begins again, and one that is broken off", open_to_all)
            .ask(r#"{"verb":"put","phase":"open","path":"x","total":3}"#)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{nothing}","hash_alg":"blake3","token":"1"}}"#))
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":2}"#, b"zz")
            .hear(r#"{"res":"received","code":200,"offset":2}"#)
            .ask_with(r#"{"verb":"put","phase":"data","token":"1","offset":0,"size":3}"#, b"abc")
            .hear(r#"{"res":"received","code":200,"offset":3}"#)
            .ask(r#"{"verb":"put","phase":"abort","token":"1"}"#)
            .hear(r#"{"res":"set aside","code":200}"#)
            .ask(r#"{"verb":"put","phase":"open","path":"x","total":3}"#)
            .hear(&format!(r#"{{"res":"3 bytes are there","code":100,"offset":3,"hash":"{abc}","hash_alg":"blake3","token":"2"}}"#))
            .ask(&format!(r#"{{"verb":"put","phase":"commit","token":"2","hash":"{nothing}"}}"#))
            .hear(&format!(r#"{{"res":"what has come has the blake3 hash {abc}, and not the one that was announced (send it again)","code":422,"err":"hash"}}"#))
            .ask(r#"{"verb":"put","phase":"open","path":"x","total":3}"#)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{nothing}","hash_alg":"blake3","token":"3"}}"#))
            .end()
            .leaves("x", None),
        Conversation::new("a file that must be new, and an empty one", open_to_all)
            .ask(r#"{"verb":"put","phase":"open","path":"a.txt","total":0,"create":true}"#)
            .hear(r#"{"res":"/a.txt is there","code":409,"err":"exists"}"#)
            .ask(r#"{"verb":"put","phase":"open","path":"nil","total":0}"#)
            .hear(&format!(r#"{{"res":"0 bytes are there","code":100,"offset":0,"hash":"{nothing}","hash_alg":"blake3","token":"1"}}"#))
            .ask(&format!(r#"{{"verb":"put","phase":"commit","token":"1","hash":"{nothing}"}}"#))
            .hear(&format!(r#"{{"res":"stored /nil (0 bytes)","code":201,"size":0,"hash":"{nothing}","hash_alg":"blake3"}}"#))
            .end()
            .leaves("a.txt", Some(b"abc"))
            .leaves("nil", Some(b"")),
        Conversation::new("pages, paths and partial hashes", read_only)
            .ask(r#"{"verb":"ls","path":""}"#)
            .hear(r#"{"res":"3 entries","code":200,"entries":[{"name":"a.txt","type":"file","size":3,"mtime":1700000000},{"name":"dir","type":"folder","size":0,"mtime":1700000000},{"name":"empty","type":"file","size":0,"mtime":1700000000}]}"#)
            .ask(r#"{"verb":"ls","path":"","after":"dir"}"#)
            .hear(r#"{"res":"1 entries","code":200,"entries":[{"name":"empty","type":"file","size":0,"mtime":1700000000}]}"#)
            .ask(r#"{"verb":"hash","path":"a.txt","size":0,"hash_alg":"md5"}"#)
            .hear(r#"{"res":"d41d8cd98f00b204e9800998ecf8427e","code":200,"size":0,"hash":"d41d8cd98f00b204e9800998ecf8427e","hash_alg":"md5"}"#)
            .ask(r#"{"verb":"cd","path":"~"}"#)
            .hear(r#"{"res":"/","code":200,"path":"/"}"#)
            .end(),
    ]
}

/// What is not allowed.
fn refused() -> Vec<Conversation> {
    let mut conversations = vec![
        Conversation::new("nobody may do anything before login", Settings::default)
            .ask_with(r#"{"cmd": "put x", "size": 3}"#, b"abc")
            .hear(r#"{"res":"log in first (login NAME PASSWORD)","code":401,"err":"auth"}"#)
            .ask(r#"{"verb":"get","path":"a.txt","id":"x"}"#)
            .hear(r#"{"res":"log in first (login NAME PASSWORD)","code":401,"err":"auth","id":"x"}"#)
            .ask(r#"{"cmd":"cd /"}"#)
            .hear(r#"{"res":"log in first (login NAME PASSWORD)","code":401,"err":"auth"}"#)
            .end()
            .leaves("x", None),
        Conversation::new("who may read only does not write", read_only)
            .ask_with(r#"{"cmd": "put x", "size": 3}"#, b"abc")
            .hear(r#"{"res":"anonymous may read only","code":403,"err":"denied"}"#)
            .ask(r#"{"verb":"rm","path":"a.txt"}"#)
            .hear(r#"{"res":"anonymous may read only","code":403,"err":"denied"}"#)
            .end()
            .leaves("x", None)
            .leaves("a.txt", Some(b"abc")),
        Conversation::new("a refused body that is too long to be read ends it", read_only)
            .ask(r#"{"cmd": "put x", "size": 1048577}"#)
            .hear(r#"{"res":"anonymous may read only","code":403,"err":"denied"}"#)
            .closed(),
        Conversation::new("a body of what is no put", open_to_all)
            .ask_with(r#"{"cmd": "ls", "size": 4}"#, b"\0\0\0\0")
            .hear(r#"{"res":"only a put has a body (leave the size out)","code":400,"err":"bad_request"}"#)
            .end(),
        Conversation::new("a verb that is not there", open_to_all)
            .ask(r#"{"cmd": "order_handler x"}"#)
            .hear(r#"{"res":"unknown command \"order_handler\" (ask for help to see which there are)","code":404,"err":"unknown"}"#)
            .ask(r#"{"cmd": "get nowhere"}"#)
            .hear(r#"{"res":"/nowhere is not there","code":404,"err":"not_found"}"#)
            .ask(r#"{"cmd": "get dir"}"#)
            .hear(r#"{"res":"/dir is no file","code":415,"err":"not_a_file"}"#)
            .end(),
        Conversation::new("a field that nobody knows, however deep it is", open_to_all)
            .ask(&format!(r#"{{"x":{}1{},"cmd":"pwd"}}"#, "[".repeat(10_000), "]".repeat(10_000)))
            .hear(r#"{"res":"/","code":200,"path":"/"}"#)
            .end(),
        Conversation::new("a peer that leaves in a body", open_to_all)
            .ask_with(r#"{"cmd": "put x", "size": 9}"#, b"abc")
            .end()
            .leaves("x", None),
    ];
    for path in [
        "../x",
        "/etc/passwd",
        "dir/../../x",
        "a\\\\b",
        "x\\u0000y",
        ".socketserver-part-1",
    ] {
        conversations.push(
            Conversation::new("a path that leads elsewhere", open_to_all)
                .ask_with(
                    &format!(r#"{{"cmd": "put x", "filename": "{path}", "size": 1}}"#),
                    b"x",
                )
                .hear_refusal(path),
        );
    }
    conversations
}

impl Conversation {
    /// The refusal of a name, and the end.
    fn hear_refusal(self, path: &str) -> Self {
        let sentence = match path {
            path if path.contains("..") => {
                "a name is . or .. (write the path from the current folder downwards)"
            }
            path if path.starts_with('/') => {
                "a name is empty (write a path as folder/name, without a / in front or behind)"
            }
            path if path.contains("u0000") => "a name has a control character",
            path if path.contains('\\') => "a name has a backslash (write / between folders)",
            _ => "a name begins with .socketserver-, as only the server's own do",
        };
        self.hear(&format!(
            r#"{{"res":"{sentence}","code":400,"err":"bad_name"}}"#
        ))
        .end()
    }
}

/// What is no request at all: one reply, and the end.
fn hostile() -> Vec<Conversation> {
    let deep = [&(20_000_u32).to_le_bytes()[..], &b"[".repeat(20_000)].concat();
    let header = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let cases: Vec<(&'static str, Vec<u8>, &'static str)> = vec![
        (
            "a length of 2 GiB",
            Vec::from(b"\xff\xff\xff\x7f"),
            "too_big",
        ),
        (
            "a length of one more than may be",
            Vec::from(&(1_048_577_u32).to_le_bytes()),
            "too_big",
        ),
        (
            "a negative length",
            Vec::from(b"\xff\xff\xff\xff"),
            "bad_frame",
        ),
        (
            "the most negative length",
            Vec::from(b"\0\0\0\x80"),
            "bad_frame",
        ),
        (
            "a length in the other byte order",
            Vec::from(b"\0\0\0\x10{\"cmd\": \"pwd\"}"),
            "too_big",
        ),
        ("a length of zero", Vec::from(b"\0\0\0\0"), "bad_frame"),
        ("an array", header("[]\n"), "bad_frame"),
        ("a text", header("\"ls\""), "bad_frame"),
        ("half an object", header("{"), "bad_frame"),
        ("nothing but brackets", deep, "bad_frame"),
        (
            "a key twice",
            header(r#"{"cmd":"pwd","cmd":"quit"}"#),
            "bad_frame",
        ),
        (
            "a size that is no number",
            header(r#"{"cmd":"put x","size":"much"}"#),
            "bad_frame",
        ),
        (
            "a negative size",
            header(r#"{"cmd":"put x","size":-1}"#),
            "bad_frame",
        ),
        (
            "half a byte",
            header(r#"{"cmd":"put x","size":0.5}"#),
            "bad_frame",
        ),
        (
            "a size of 2^63",
            header(r#"{"cmd":"put x","size":9223372036854775808}"#),
            "bad_frame",
        ),
        (
            "what is not UTF-8",
            b"\x0b\0\0\0{\"cmd\":\"\xff\"}".to_vec(),
            "bad_frame",
        ),
    ];
    cases
        .into_iter()
        .map(|(name, bytes, word)| {
            Conversation::new(name, open_to_all)
                .say(&bytes)
                .hear_word(word)
                .closed()
        })
        .collect()
}

impl Conversation {
    /// A reply that ends with this word.
    pub(crate) fn hear_word(mut self, word: &str) -> Self {
        let tail = format!(r#""err":"{word}"}}"#);
        self.steps.push(Step::Expect(Pattern::new([
            Part::Any(4),
            Part::Until(Data::text(tail)),
        ])));
        self
    }
}
