//! A server that follows a script: one closure for each connection, in the order in which they come.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use socketserver::Endpoint;

use super::super::super::FilePath;
use super::super::{Client, ClientOptions, Version};

/// What a connection does. A panic in it fails the test.
pub(super) type Script = Box<dyn FnOnce(&mut Peer) + Send>;

pub(super) struct Fake {
    pub(super) endpoint: Endpoint,
    thread: Option<JoinHandle<()>>,
}

/// The server's end of a connection.
pub(super) struct Peer {
    pub(super) socket: TcpStream,
    /// Whether every byte is sent on its own.
    pub(super) is_slow: bool,
}

impl Fake {
    pub(super) fn new(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().into();
        let serve = move || {
            for script in scripts {
                let (socket, _) = listener.accept().unwrap();
                socket.set_nodelay(true).unwrap();
                socket
                    .set_read_timeout(Some(Duration::from_secs(10)))
                    .unwrap();
                script(&mut Peer {
                    socket,
                    is_slow: false,
                });
            }
        };
        Self {
            endpoint,
            thread: Some(thread::spawn(serve)),
        }
    }

    /// A server for one client of version 2, which is greeted already.
    pub(super) fn two(script: impl FnOnce(&mut Peer) + Send + 'static) -> (Self, Client) {
        let greet_and = |peer: &mut Peer| {
            peer.greets();
            script(peer);
        };
        let fake = Self::new(vec![Box::new(greet_and)]);
        let client = fake.client(Version::Two);
        (fake, client)
    }

    /// A server for one client of version 1.
    pub(super) fn one(script: impl FnOnce(&mut Peer) + Send + 'static) -> (Self, Client) {
        let fake = Self::new(vec![Box::new(script)]);
        let client = fake.client(Version::One);
        (fake, client)
    }

    pub(super) fn client(&self, version: Version) -> Client {
        let mut options = options();
        options.version = Some(version);
        Client::connect(&self.endpoint, options).unwrap()
    }

    /// Waits until the script is over.
    pub(super) fn end(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// With times that are short for a test that fails, and long for one that does not.
pub(super) fn options() -> ClientOptions {
    ClientOptions {
        progress_timeout: Some(Duration::from_secs(10)),
        hello_timeout: Duration::from_secs(10),
        ..ClientOptions::default()
    }
}

pub(super) fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

impl Peer {
    /// Answers the greeting of version 2.
    pub(super) fn greets(&mut self) {
        let greeting = self.request();
        assert_eq!(
            (&greeting["cmd"], &greeting["v"]),
            (&json!("hello"), &json!(2))
        );
        self.reply(&json!({
            "res": "hello", "code": 200, "v": 2,
            "have": ["resume", "list", "blake3", "sha256", "md5"],
            "limits": {"frame": 1_048_576, "drain": 1_048_576}, "auth": ["plain"],
        }));
    }

    /// The next request.
    pub(super) fn request(&mut self) -> Value {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).unwrap();
        let header = self.body(i32::from_le_bytes(length).try_into().unwrap());
        serde_json::from_slice(&header).unwrap()
    }

    /// The next request, which must be this one.
    pub(super) fn asked(&mut self, request: &Value) {
        assert_eq!(&self.request(), request);
    }

    /// The next bytes.
    pub(super) fn body(&mut self, size: usize) -> Vec<u8> {
        let mut body = vec![0; size];
        self.socket.read_exact(&mut body).unwrap();
        body
    }

    pub(super) fn reply(&mut self, reply: &Value) {
        self.send_frame(reply.to_string().as_bytes());
    }

    pub(super) fn refuses(&mut self, word: &str, code: u16) {
        self.reply(&json!({"res": format!("this is {word}"), "err": word, "code": code}));
    }

    pub(super) fn send_frame(&mut self, header: &[u8]) {
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        self.send(&[&length, header].concat());
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let piece = if self.is_slow { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(piece) {
            self.socket.write_all(piece).unwrap();
        }
    }

    /// Waits until the client ends the connection.
    pub(super) fn is_left(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = self.socket.read_to_end(&mut rest);
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Ends the connection, so that what was sent arrives all the same.
    pub(super) fn leaves(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
        let _ = self.socket.read_to_end(&mut Vec::new());
    }
}
