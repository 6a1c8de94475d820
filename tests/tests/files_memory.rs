//! How much memory a file server spends on those who send it little, counted over all threads of the process.
//!
//! It is a test binary of its own, with one test, so that nothing else allocates meanwhile.

use std::alloc::System;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use socketserver::Mode;
use socketserver_tests::files::{Place, Speaker, bytes, data, frame, open_files, word};
use socketserver_tests::{Case, PATIENCE, Running, Style, Transport, eventually};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a connection may take besides the bytes that it has sent.
const BESIDES: usize = 4096;
/// What a connection may take of somebody who has not logged in, whatever he sends.
const STRANGER_MAX: usize = 8 * 1024;

/// Who sends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Stranger,
    User,
    /// A user who has announced a file, of which bytes come.
    Uploader,
}

/// What peers send, and in which pieces.
struct Input {
    name: &'static str,
    peer: Peer,
    bytes: Vec<u8>,
    piece: usize,
    peers: usize,
}

/// How much of the heap is in use, once it is the same several times: threads that were just told something may still be at it.
fn in_use() -> usize {
    let (mut before, mut times) = (0, 0);
    while times < 4 {
        thread::park_timeout(Duration::from_millis(2));
        let stats = ALLOCATOR.stats();
        let now = stats.bytes_allocated - stats.bytes_deallocated;
        times = if now == before { times + 1 } else { 0 };
        before = now;
    }
    before
}

impl Input {
    /// Has all peers send, and says by how much the heap has grown for each of them, the connection itself included.
    fn measure(&self) -> usize {
        let place = Place::default();
        let case = Case {
            mode: Mode::Reactor { loops: 1 },
            style: Style::Events,
            transport: Transport::Unix,
        };
        let server = place.serve(&case);
        // What is made once for all connections is there after the first.
        let mut peers = Vec::with_capacity(self.peers);
        self.send(&server, &mut peers, 1);
        peers.clear();
        server.until("the first one to be gone", |stats| stats.live == 0);
        let before = in_use();
        self.send(&server, &mut peers, self.peers);
        in_use().saturating_sub(before) / self.peers
    }

    fn send(&self, server: &Running, peers: &mut Vec<Speaker>, count: usize) {
        let mut sent = server.stats().bytes_in;
        for index in 0..count {
            let speaker = self.connect(server, index);
            sent += speaker.sent;
            peers.push(speaker);
        }
        wait(server, sent);
        for piece in self.bytes.chunks(self.piece) {
            for speaker in &mut *peers {
                speaker.send(piece);
            }
            sent += (piece.len() * count) as u64;
            wait(server, sent);
        }
    }

    fn connect(&self, server: &Running, index: usize) -> Speaker {
        let mut speaker = Speaker::connect(server);
        if self.peer != Peer::Stranger {
            assert_eq!(word(&speaker.log_in("bob", "geheim")), "ok");
        }
        if self.peer == Peer::Uploader {
            let opened = eventually("the file to be free", || {
                let opened = speaker.open(&format!("up/{index}"), 1 << 20);
                (word(&opened) == "ok").then_some(opened)
            });
            speaker.send(frame(data(&opened, 0, 1 << 20)));
        }
        speaker
    }

    /// How much a connection may take.
    fn limit(&self) -> usize {
        let limit = self.bytes.len() + BESIDES;
        match self.peer {
            Peer::Stranger => limit.min(STRANGER_MAX),
            _ => limit,
        }
    }
}

/// Waits until so much has come.
fn wait(server: &Running, sent: u64) {
    let deadline = Instant::now() + PATIENCE;
    while server.stats().bytes_in < sent {
        assert!(Instant::now() < deadline, "what was sent does not come");
        thread::yield_now();
    }
}

/// A header that is not complete, in a frame of so many bytes.
fn unfinished(length: u32, sent: usize) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(br#"{"cmd":"help","pad":""#);
    bytes.resize(sent, b'x');
    bytes
}

fn inputs() -> Vec<Input> {
    use Peer::{Stranger, Uploader, User};
    let input = |peer, name, bytes: Vec<u8>, piece, peers| Input {
        name,
        peer,
        bytes,
        piece,
        peers,
    };
    let mut inputs = vec![
        input(Stranger, "nothing", Vec::new(), 1, 100),
        input(Stranger, "half a length", vec![1, 2], 2, 100),
        input(
            Stranger,
            "4,090 bytes at once",
            unfinished(4096, 4090),
            4090,
            100,
        ),
        input(
            Stranger,
            "4,090 bytes in three",
            unfinished(4096, 4090),
            1365,
            100,
        ),
        input(
            Stranger,
            "4,099 bytes, each alone",
            unfinished(4096, 4099),
            1,
            5,
        ),
        input(
            User,
            "60,000 bytes at once",
            unfinished(1 << 20, 60_000),
            60_000,
            20,
        ),
        input(
            User,
            "34,000 bytes by 8,250",
            unfinished(1 << 20, 34_000),
            8250,
            20,
        ),
        input(Uploader, "2,000 bytes, each alone", bytes(1, 2_000), 1, 20),
        input(Uploader, "100,000 bytes by 50", bytes(1, 100_000), 50, 20),
        input(Uploader, "200,000 bytes by 300", bytes(1, 200_000), 300, 20),
        input(
            Uploader,
            "200,000 bytes by 1,500",
            bytes(1, 200_000),
            1_500,
            20,
        ),
        input(
            Uploader,
            "200,000 bytes by 4,095",
            bytes(1, 200_000),
            4_095,
            20,
        ),
        input(
            Uploader,
            "200,000 bytes by 9,000",
            bytes(1, 200_000),
            9_000,
            20,
        ),
    ];
    for length in [
        0x7fff_ffff,
        0xffff_ffff,
        0x8000_0000,
        0,
        4097,
        1 << 20,
        (1 << 20) + 1,
        0x1000_0000_u32,
    ] {
        let bytes = length.to_le_bytes().to_vec();
        inputs.push(input(Stranger, "a hostile length", bytes.clone(), 4, 100));
        inputs.push(input(User, "a hostile length", bytes, 4, 20));
    }
    inputs
}

/// How much peers take that ask for a large file and a thousand things more, and read nothing.
fn check_those_who_do_not_read() {
    const PEERS: usize = 20;
    let place = Place::default();
    fs::create_dir_all(place.root("bob")).unwrap();
    fs::write(place.root("bob/large"), bytes(1, 4 << 20)).unwrap();
    let path = place.root("bob/large").canonicalize().unwrap();
    let mut requests = frame(json!({"verb": "get", "path": "large"}));
    for number in 0..500 {
        requests.extend(frame(json!({"verb": "pwd", "id": number})));
        requests.extend(frame(json!({"verb": "get", "path": "large"})));
    }
    let case = Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::Unix,
    };
    let server = place.serve(&case);
    let ask_ahead = |peers: &mut Vec<Speaker>, count: usize| {
        for _ in 0..count {
            let mut speaker = Speaker::logged_in(&server, "bob");
            speaker.send(&requests);
            peers.push(speaker);
        }
        eventually("a file to be open for each", || {
            (open_files(&path) == count).then_some(())
        });
    };
    let mut peers = Vec::with_capacity(PEERS);
    ask_ahead(&mut peers, 1);
    peers.clear();
    server.until("the first one to be gone", |stats| stats.live == 0);
    let before = in_use();
    ask_ahead(&mut peers, PEERS);
    let each = in_use().saturating_sub(before) / PEERS;
    let figures = format!(
        "User, 1,001 requests ahead: {} bytes sent, {each} bytes of heap",
        requests.len()
    );
    println!("{figures}");
    assert!(each <= requests.len() + BESIDES, "{figures}");
    assert_eq!(open_files(&path), PEERS, "one at a time");
}

#[test]
fn a_connection_takes_as_much_memory_as_has_come_and_little_besides() {
    for input in inputs() {
        let each = input.measure();
        let sent = input.bytes.len();
        let figures = format!(
            "{:?}, {}: {sent} bytes sent, {each} bytes of heap",
            input.peer, input.name
        );
        println!("{figures}");
        assert!(
            each <= input.limit(),
            "{figures}, which is more than {}",
            input.limit()
        );
    }
    check_those_who_do_not_read();
}
