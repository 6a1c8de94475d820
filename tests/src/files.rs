//! What tests of the file server share: a folder on the disk with users, and a client that says what it likes.

use std::fmt::Display;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use socketserver::Config;
use socketserver_handlers::files::storage::{Folder, FolderSettings};
use socketserver_handlers::files::{Access, Accounts, Files, Settings};
use tempfile::TempDir;

use crate::{Case, Client, End, Running};

/// The password of everybody but ann.
pub const PASSWORD: &str = "geheim";
/// Ann's password.
pub const OTHER_PASSWORD: &str = "other secret";
/// The room that joe has.
pub const QUOTA: u64 = 8 * 4096;

/// Hashes of the two, with the cheapest parameters that there are.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg5MDEyMzQ1Ng$HFEj8e/t4peWE4o141P5IkkpZD7bjxJ1C8qG+PC06eI";
const OTHER_HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg5MDEyMzQ1Ng$6xrtKdo9eMgwxIi4bCGjWvblsqvJEqXhR7dkrcq3gmQ";

/// A folder to serve and a file of users: bob, who may write, ann, who may only read, and joe, who has a quota. Each has a home of the same name.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
}

/// In memory, where that is possible, since most tests are not about the disk.
impl Default for Place {
    fn default() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::at(dir.expect("there is a folder for temporary files"))
    }
}

impl Place {
    /// A place on the disk.
    pub fn on_disk() -> Self {
        Self::at(tempfile::tempdir().expect("there is a folder for temporary files"))
    }

    fn at(dir: TempDir) -> Self {
        fs::create_dir(dir.path().join("root")).expect("a folder can be made");
        let place = Self { dir };
        let user = |name: &str, hash: &str, access: &str| json!({"name": name, "password": hash, "access": access, "home": name});
        let mut joe = user("joe", HASH, "rw");
        joe["quota"] = QUOTA.into();
        let users = [user("bob", HASH, "rw"), user("ann", OTHER_HASH, "ro"), joe];
        let path = place.users();
        fs::write(&path, json!({ "users": users }).to_string()).expect("a file can be written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        place
    }

    /// Something in the folder that is served.
    pub fn root(&self, name: &str) -> PathBuf {
        self.dir.path().join("root").join(name)
    }

    /// Where the users are.
    pub fn users(&self) -> PathBuf {
        self.dir.path().join("users.json")
    }

    /// What is in a folder, the server's own files too.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Settings under which these users may log in, and nobody else may do anything.
    pub fn for_users(&self) -> Settings {
        Settings {
            accounts: Accounts::open(&self.users()).expect("the users are in order"),
            ..Settings::default()
        }
    }

    /// A server of the folder, each of which opens it anew.
    pub fn files(&self, settings: Settings) -> Files {
        files_at(&self.root(""), settings)
    }

    /// Serves the folder to its users.
    pub fn serve(&self, case: &Case) -> Running {
        serve(case, case.config(), &self.files(self.for_users()))
    }

    /// Serves the folder to everybody.
    pub fn serve_to_all(&self, case: &Case) -> Running {
        serve(case, case.config(), &self.files(to_all()))
    }
}

/// Settings under which everybody may do everything.
pub fn to_all() -> Settings {
    Settings {
        anonymous: Some(Access::ReadWrite),
        ..Settings::default()
    }
}

/// A server of a folder.
pub fn files_at(root: &Path, settings: Settings) -> Files {
    let folder = Folder::open(root, FolderSettings::default());
    Files::new(Arc::new(folder.expect("the folder is there")), settings)
}

/// Serves files with a configuration.
pub fn serve(case: &Case, config: Config, files: &Files) -> Running {
    let config = files.config(config);
    let files = files.clone();
    case.serve_events_with(config, move |peer| files.handler(peer))
}

/// A header with its length in front.
pub fn frame(header: impl Display) -> Vec<u8> {
    let header = header.to_string();
    let length = u32::try_from(header.len()).expect("a header is short");
    [&length.to_le_bytes(), header.as_bytes()].concat()
}

/// The word of a reply that is a refusal; `ok` of any other.
pub fn word(reply: &Value) -> &str {
    let is_fine = reply["code"].as_u64().is_some_and(|code| code < 400);
    assert_eq!(is_fine, reply["err"].is_null(), "{reply}");
    reply["err"].as_str().unwrap_or("ok")
}

/// A connection to a file server.
#[derive(Debug)]
pub struct Speaker {
    /// The connection.
    pub client: Client,
    /// How many bytes it has sent.
    pub sent: u64,
}

impl Speaker {
    /// Connects.
    #[track_caller]
    pub fn connect(server: &Running) -> Self {
        Self {
            client: server.connect(),
            sent: 0,
        }
    }

    /// Connects, and logs in.
    #[track_caller]
    pub fn logged_in(server: &Running, user: &str) -> Self {
        let mut speaker = Self::connect(server);
        let reply = speaker.log_in(user, password_of(user));
        assert_eq!(word(&reply), "ok", "{reply}");
        speaker
    }

    /// Says who it is.
    #[track_caller]
    pub fn log_in(&mut self, user: &str, password: &str) -> Value {
        self.ask(json!({"verb": "login", "user": user, "psd": password}))
    }

    /// Sends a header.
    #[track_caller]
    pub fn say(&mut self, header: impl Display) -> &mut Self {
        self.send(frame(header))
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.sent += bytes.as_ref().len() as u64;
        self.client.send(bytes);
        self
    }

    /// Receives a reply's header.
    #[track_caller]
    pub fn hear(&mut self) -> Value {
        let length = self.body(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let header = self.body(length as usize);
        serde_json::from_slice(&header).expect("a reply is JSON")
    }

    /// Receives so many bytes.
    #[track_caller]
    pub fn body(&mut self, bytes: usize) -> Vec<u8> {
        let mut body = vec![0; bytes];
        self.client
            .read_exact(&mut body)
            .expect("the server sends what it has announced");
        body
    }

    /// Sends a header, and receives the reply.
    #[track_caller]
    pub fn ask(&mut self, header: impl Display) -> Value {
        self.say(header).hear()
    }

    /// Sends a header and its body, and receives the reply.
    #[track_caller]
    pub fn ask_with(&mut self, header: impl Display, body: &[u8]) -> Value {
        self.send(frame(header)).send(body).hear()
    }

    /// Sends a header, and receives a word.
    #[track_caller]
    pub fn word(&mut self, header: impl Display) -> String {
        word(&self.ask(header)).to_owned()
    }

    /// Begins a put of version 2.
    #[track_caller]
    pub fn open(&mut self, path: &str, total: usize) -> Value {
        self.ask(json!({"verb": "put", "phase": "open", "path": path, "total": total}))
    }

    /// Sends a piece of the file whose put has begun with this reply.
    #[track_caller]
    pub fn data(&mut self, opened: &Value, offset: usize, piece: &[u8]) -> Value {
        self.ask_with(data(opened, offset, piece.len()), piece)
    }

    /// Ends a put that has begun with this reply.
    #[track_caller]
    pub fn commit(&mut self, opened: &Value, hash: impl Display) -> Value {
        let hash = hash.to_string();
        self.ask(json!({"verb": "put", "phase": "commit", "token": opened["token"], "hash": hash}))
    }

    /// Receives nothing more but the end.
    #[track_caller]
    pub fn expect_end(&mut self) -> End {
        self.client.expect_end()
    }
}

/// The header of a piece of a file.
pub fn data(opened: &Value, offset: usize, size: usize) -> Value {
    let token = &opened["token"];
    json!({"verb": "put", "phase": "data", "token": token, "offset": offset, "size": size})
}

/// What a user's password is.
pub fn password_of(user: &str) -> &'static str {
    match user {
        "ann" => OTHER_PASSWORD,
        _ => PASSWORD,
    }
}

/// Bytes that differ from place to place, and from one number to the other.
pub fn bytes(number: u8, length: usize) -> Vec<u8> {
    const BLOCK: usize = 64 * 1024;
    let block: Vec<_> = (0..BLOCK)
        .map(|index| (index % 251) as u8 ^ number)
        .collect();
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let start = bytes.len();
        bytes.extend_from_slice(&block[..BLOCK.min(length - start)]);
        bytes[start] ^= (start / BLOCK) as u8;
    }
    bytes
}

/// How many descriptors of this process lead to a file.
pub fn open_files(path: &Path) -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("there are descriptors");
    let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link == path).count()
}
