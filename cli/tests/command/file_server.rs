//! A small file server in memory, for tests of the commands: it does what the protocol says, but for what it is told to do wrong.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use socketserver_handlers::files::Algorithm;

use crate::process::DEADLINE;

/// How many entries of a folder are told at once.
const PAGE: usize = 2;

/// A server. Its threads end with the test.
pub(crate) struct FileServer {
    /// `HOST:PORT`, or `unix:PATH`.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

/// What it has, and what it does wrong.
#[derive(Default)]
pub(crate) struct State {
    /// Paths and bytes; none for folders.
    pub(crate) places: BTreeMap<String, Option<Vec<u8>>>,
    /// What has come of files that are not committed.
    pub(crate) parts: BTreeMap<String, Vec<u8>>,
    /// Whether it knows version 1 only, and says null to what it does not know.
    pub(crate) is_old: bool,
    /// Who may come in; anybody if none.
    pub(crate) login: Option<(&'static str, &'static str)>,
    /// Ends the next connection after so many bytes of a file, in either direction.
    pub(crate) cut_after: Option<usize>,
    /// Falls silent after so many bytes of a file that is got.
    pub(crate) stall_after: Option<usize>,
    /// Sends a wrong byte.
    pub(crate) is_damaging: bool,
    /// What is in every folder besides.
    pub(crate) strange_entries: Vec<Value>,
    /// How many connections there were.
    pub(crate) connections: usize,
}

/// A connection.
struct Session {
    socket: TcpStream,
    state: Arc<Mutex<State>>,
    is_in: bool,
    /// The path that is being written, with its size.
    upload: Option<(String, usize)>,
}

/// The connection ends.
struct Ended;

type Flow = Result<(), Ended>;

impl FileServer {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self::serving(address, move || listener.accept().unwrap().0)
    }

    /// The same at a path.
    pub(crate) fn at(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let address = format!("unix:{}", path.display());
        // What is done with a socket here can be done with one of either kind.
        Self::serving(address, move || {
            OwnedFd::from(listener.accept().unwrap().0).into()
        })
    }

    fn serving(address: String, accept: impl Fn() -> TcpStream + Send + 'static) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            loop {
                let socket = accept();
                shared.lock().unwrap().connections += 1;
                let session = Session {
                    socket,
                    state: shared.clone(),
                    is_in: false,
                    upload: None,
                };
                thread::spawn(|| session.serve());
            }
        });
        Self { address, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Puts a file there, with the folders on the way.
    pub(crate) fn holds(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state().store(path, bytes.into());
    }

    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.state().places.get(path).cloned().flatten()
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("files://{}/{path}", self.address)
    }
}

impl State {
    fn store(&mut self, path: &str, bytes: Vec<u8>) {
        for (at, _) in path.match_indices('/') {
            self.places.insert(path[..at].to_owned(), None);
        }
        self.places.insert(path.to_owned(), Some(bytes));
    }

    fn entry(&self, path: &str) -> Option<Value> {
        let name = path.rsplit('/').next();
        Some(match self.places.get(path)? {
            Some(bytes) => {
                json!({"name": name, "type": "file", "size": bytes.len(), "mtime": 1_700_000_000})
            }
            None => json!({"name": name, "type": "folder", "size": 0, "mtime": 1_700_000_000}),
        })
    }

    fn entries(&self, folder: &str) -> Vec<Value> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let inside = self.places.keys().filter(|path| {
            path.strip_prefix(&prefix)
                .is_some_and(|name| !name.is_empty() && !name.contains('/'))
        });
        let mut entries: Vec<_> = inside.filter_map(|path| self.entry(path)).collect();
        entries.extend(self.strange_entries.iter().cloned());
        entries.sort_by_key(|entry| entry["name"].as_str().map(str::to_owned));
        entries
    }
}

impl Session {
    fn serve(mut self) {
        self.socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let is_open = self.state().login.is_none();
        self.is_in = is_open;
        while let Ok(request) = self.request() {
            let answered = if self.state().is_old {
                self.answer_one(&request)
            } else {
                self.answer_two(&request)
            };
            if answered.is_err() {
                break;
            }
        }
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn request(&mut self) -> Result<Value, Ended> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).map_err(|_| Ended)?;
        let header = self.body(u32::from_le_bytes(length) as usize)?;
        serde_json::from_slice(&header).map_err(|_| Ended)
    }

    fn body(&mut self, size: usize) -> Result<Vec<u8>, Ended> {
        let mut body = vec![0; size];
        self.socket.read_exact(&mut body).map_err(|_| Ended)?;
        Ok(body)
    }

    fn send(&mut self, bytes: &[u8]) -> Flow {
        self.socket.write_all(bytes).map_err(|_| Ended)
    }

    fn reply(&mut self, reply: &Value) -> Flow {
        let header = reply.to_string();
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        self.send(&[&length, header.as_bytes()].concat())
    }

    fn refuse(&mut self, word: &str, code: u16) -> Flow {
        self.reply(&json!({"res": format!("this is {word}"), "err": word, "code": code}))
    }

    fn not_found(&mut self) -> Flow {
        self.refuse("not_found", 404)
    }

    /// Version 1: login, get, put and ls.
    fn answer_one(&mut self, request: &Value) -> Flow {
        let text = |field: &str| request[field].as_str().unwrap_or_default().to_owned();
        let line = text("cmd");
        let verb = line.split(' ').next().unwrap_or_default();
        match verb {
            "login" => self.login(request),
            _ if !self.is_in && verb != "hello" => self.refuse("auth", 401),
            "get" => {
                let path = text("filename");
                let Some(bytes) = self.state().places.get(&path).cloned().flatten() else {
                    return self.reply(&json!({"res": "no such file"}));
                };
                let hash = Algorithm::Md5.hash(&bytes);
                self.reply(&json!({
                    "res": "ok", "filename": path, "dst_dir": ".", "size": bytes.len(), "file_hash": hash.as_str(),
                }))?;
                self.send_file(&bytes)
            }
            "put" => {
                let body =
                    self.body(usize::try_from(request["size"].as_u64().unwrap()).unwrap())?;
                let hash = Algorithm::Md5.hash(&body);
                let path = match text("dst_dir").as_str() {
                    "." => text("filename"),
                    folder => format!("{folder}/{}", text("filename")),
                };
                self.state().store(&path, body);
                self.reply(&json!({"res": "stored", "file_hash": hash.as_str()}))
            }
            "ls" => {
                let names: Vec<_> = self.state().places.keys().cloned().collect();
                self.reply(&json!({"res": names.join("\n")}))
            }
            _ => {
                let null = *b"\x04\0\0\0null";
                self.send(&null)?;
                thread::sleep(DEADLINE);
                Err(Ended)
            }
        }
    }

    fn answer_two(&mut self, request: &Value) -> Flow {
        if request["cmd"] == "hello" {
            return self.reply(&json!({
                "res": "hello", "code": 200, "v": 2, "have": ["resume", "list", "blake3", "sha256", "md5"],
                "limits": {"frame": 1_048_576, "drain": 1_048_576}, "auth": ["plain"],
            }));
        }
        let verb = request["verb"].as_str().unwrap_or_default();
        let path = request["path"].as_str().unwrap_or_default().to_owned();
        match verb {
            "login" => self.login(request),
            "quit" => self
                .reply(&json!({"res": "bye", "code": 200}))
                .and(Err(Ended)),
            _ if !self.is_in => self.refuse("auth", 401),
            "ls" => self.list(&path, request["after"].as_str().unwrap_or_default()),
            "cd" => {
                let is_folder = path == "/" || self.state().places.get(&path) == Some(&None);
                if is_folder {
                    self.done(&json!({"path": path}))
                } else {
                    self.not_found()
                }
            }
            "stat" => {
                let entry = self.state().entry(&path);
                match entry {
                    Some(entry) => self.done(&json!({"entry": entry})),
                    None => self.not_found(),
                }
            }
            "hash" => self.hash(&path, request),
            "mkdir" if self.state().places.contains_key(&path) => self.refuse("exists", 409),
            "mkdir" => {
                self.state().places.insert(path, None);
                self.done(&json!({}))
            }
            "rm" => {
                let removed = self.state().places.remove(&path);
                match removed {
                    Some(_) => self.done(&json!({})),
                    None => self.not_found(),
                }
            }
            "mv" => self.rename(&path, request["to"].as_str().unwrap_or_default()),
            "get" => self.get(&path, request),
            "put" => self.put(&path, request),
            _ => self.refuse("unknown", 404),
        }
    }

    fn done(&mut self, fields: &Value) -> Flow {
        let mut reply = fields.clone();
        reply["res"] = json!("done");
        reply["code"] = json!(200);
        self.reply(&reply)
    }

    fn login(&mut self, request: &Value) -> Flow {
        let given = (
            request["user"].as_str().unwrap_or_default(),
            request["psd"].as_str().unwrap_or_default(),
        );
        let is_right = self.state().login == Some(given);
        self.is_in = is_right;
        if is_right {
            self.done(&json!({"access": "rw"}))
        } else {
            self.refuse("auth", 401)
        }
    }

    fn list(&mut self, folder: &str, after: &str) -> Flow {
        let there = { self.state().places.get(folder).cloned() };
        match there {
            _ if folder.is_empty() => {}
            Some(None) => {}
            Some(Some(_)) => return self.refuse("not_a_file", 415),
            None => return self.not_found(),
        }
        let entries = self.state().entries(folder);
        let later: Vec<_> = entries
            .into_iter()
            .filter(|entry| entry["name"].as_str() > Some(after))
            .collect();
        let mut reply = json!({"entries": later[..later.len().min(PAGE)]});
        if later.len() > PAGE {
            reply["next"] = later[PAGE - 1]["name"].clone();
        }
        self.done(&reply)
    }

    fn hash(&mut self, path: &str, request: &Value) -> Flow {
        let Some(bytes) = self.state().places.get(path).cloned().flatten() else {
            return self.not_found();
        };
        let algorithm: Algorithm = request["hash_alg"].as_str().unwrap().parse().unwrap();
        self.done(&json!({"hash": algorithm.hash(&bytes).as_str(), "hash_alg": algorithm}))
    }

    fn rename(&mut self, from: &str, to: &str) -> Flow {
        let moved = {
            let mut state = self.state();
            let moved = state.places.remove(from);
            moved.map(|bytes| state.places.insert(to.to_owned(), bytes))
        };
        if moved.is_some() {
            self.done(&json!({}))
        } else {
            self.not_found()
        }
    }

    fn get(&mut self, path: &str, request: &Value) -> Flow {
        let Some(bytes) = self.state().places.get(path).cloned().flatten() else {
            return self.not_found();
        };
        let hash = Algorithm::Blake3.hash(&bytes).to_string();
        if request["if_hash"]
            .as_str()
            .is_some_and(|wanted| wanted != hash)
        {
            return self.refuse("changed", 412);
        }
        let offset = usize::try_from(request["offset"].as_u64().unwrap_or(0)).unwrap();
        if offset > bytes.len() {
            return self.refuse("range", 416);
        }
        self.done(&json!({
            "size": bytes.len() - offset, "total": bytes.len(), "offset": offset, "mtime": 1_700_000_000,
            "hash": hash, "hash_alg": "blake3",
        }))?;
        self.send_file(&bytes[offset..])
    }

    fn send_file(&mut self, bytes: &[u8]) -> Flow {
        let (cut, stall, is_damaging) = {
            let mut state = self.state();
            (
                state.cut_after.take(),
                state.stall_after.take(),
                state.is_damaging,
            )
        };
        let mut bytes = bytes.to_vec();
        if is_damaging {
            bytes[0] ^= 1;
        }
        if let Some(count) = cut {
            self.send(&bytes[..count])?;
            return Err(Ended);
        }
        if let Some(count) = stall {
            self.send(&bytes[..count])?;
            thread::sleep(DEADLINE);
            return Err(Ended);
        }
        self.send(&bytes)
    }

    fn put(&mut self, path: &str, request: &Value) -> Flow {
        let number = |field: &str| usize::try_from(request[field].as_u64().unwrap_or(0)).unwrap();
        match request["phase"].as_str().unwrap() {
            "open" => {
                if request["create"] == true && self.state().places.contains_key(path) {
                    return self.refuse("exists", 409);
                }
                self.upload = Some((path.to_owned(), number("total")));
                let held = self
                    .state()
                    .parts
                    .entry(path.to_owned())
                    .or_default()
                    .clone();
                let hash = Algorithm::Blake3.hash(&held);
                self.reply(&json!({
                    "res": "go on", "code": 100, "offset": held.len(), "hash": hash.as_str(), "hash_alg": "blake3",
                    "token": "t",
                }))
            }
            "data" => {
                let (path, _) = self.upload.clone().unwrap();
                let cut = { self.state().cut_after.take() };
                let body = self.body(cut.unwrap_or(number("size")))?;
                let mut state = self.state();
                let part = state.parts.entry(path).or_default();
                part.truncate(number("offset"));
                part.extend(body);
                let offset = part.len();
                drop(state);
                if cut.is_some() {
                    return Err(Ended);
                }
                self.done(&json!({"offset": offset}))
            }
            "commit" => {
                let (path, total) = self.upload.take().unwrap();
                let bytes = { self.state().parts.remove(&path) }.unwrap_or_default();
                let hash = Algorithm::Blake3.hash(&bytes);
                if bytes.len() != total || request["hash"] != hash.as_str() {
                    return self.refuse("hash", 422);
                }
                self.state().store(&path, bytes);
                self.reply(&json!({"res": "stored", "code": 201, "size": total, "hash": hash.as_str(), "hash_alg": "blake3"}))
            }
            _ => self.done(&json!({})),
        }
    }
}

/// A server that is sent a name, and sends back a file.
pub(crate) fn by_name(asked: &'static [u8], bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut name = Vec::new();
        socket.read_to_end(&mut name).unwrap();
        if name == asked {
            socket.write_all(bytes).unwrap();
        }
    });
    format!("files://{address}/")
}
