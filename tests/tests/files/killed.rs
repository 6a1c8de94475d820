//! A server that is killed at any moment leaves the old file or the new one, and none older than the last that it has acknowledged.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socketserver::{Config, Mode, Server, StreamServer};
use socketserver_handlers::files::Algorithm::Blake3;
use socketserver_tests::PATIENCE;
use socketserver_tests::files::{Place, bytes, data, files_at, frame, to_all};

const ROOT: &str = "SOCKETSERVER_TEST_FILES_ROOT";
const CHILD: &str = "killed::child_serves_until_it_is_killed";
/// The sizes of versions take several pieces, and differ.
const SIZES: [usize; 2] = [300_000, 200_001];

#[test]
fn a_server_that_is_killed_leaves_the_old_file_or_the_new_one() {
    kill(25);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn a_server_that_is_killed_a_thousand_times_leaves_the_old_file_or_the_new_one() {
    kill(1000);
}

fn kill(times: usize) {
    let place = Place::on_disk();
    let mut random = fastrand::Rng::with_seed(9);
    let (mut last, mut unheard, mut parts, mut resumed) = (0, 0, 0, 0);
    for _ in 0..times {
        let mut server = Killed::start(&place.root(""));
        let port = server.port;
        let (sender, acknowledged) = channel();
        let client = thread::spawn(move || {
            // It ends with the server.
            upload(port, last + 1, |generation, offset| {
                let _ = sender.send((generation, offset));
            })
        });
        last = kill_after_some(&mut server, &acknowledged, &mut random, last, &mut resumed);
        let _ = client.join().expect("the client does not panic");
        // What it has acknowledged before it died is as true as the rest.
        for (generation, offset) in acknowledged.try_iter() {
            resumed += usize::from(offset > 0);
            last = last.max(generation);
        }
        let generation = read_generation(&place.root("a"));
        assert!(generation >= last, "{generation} is older than {last}");
        assert!(
            generation <= last + 1,
            "{generation} was never sent after {last}"
        );
        unheard += generation - last;
        last = generation;
        let names = place.names("");
        parts += names.iter().filter(|name| *name != "a").count();
        assert!(names.len() <= 2, "{names:?}");
    }
    println!(
        "{times} kills left {parts} parts, {resumed} uploads went on, {unheard} files were stored that nobody had heard of; the last is {last}"
    );
    assert!(parts > 0, "nobody was ever killed while he wrote");
}

/// Lets some versions be acknowledged, and kills in the middle of the next.
fn kill_after_some(
    server: &mut Killed,
    acknowledged: &Receiver<(u64, u64)>,
    random: &mut fastrand::Rng,
    mut last: u64,
    resumed: &mut usize,
) -> u64 {
    for _ in 0..random.usize(1..4) {
        let (generation, offset) = acknowledged.recv_timeout(PATIENCE).expect("an upload ends");
        *resumed += usize::from(offset > 0);
        last = last.max(generation);
    }
    let moment = Instant::now() + Duration::from_micros(random.u64(0..15_000));
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    server.child.kill().expect("it is ours");
    server.child.wait().expect("it was killed");
    last
}

/// A server in a process of its own.
struct Killed {
    child: Child,
    port: u16,
}

impl Killed {
    fn start(root: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command
            .args(["--ignored", "--exact", "--nocapture", CHILD])
            .env(ROOT, root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let port = line.split_once("listening on ")?.1;
            port.strip_suffix('.')?.parse().ok()
        });
        let port = port.expect("it says where it listens");
        Self { child, port }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the other process of a test"]
fn child_serves_until_it_is_killed() {
    let Some(root) = std::env::var_os(ROOT) else {
        return;
    };
    let files = files_at(Path::new(&root), to_all());
    let config = Config {
        mode: Mode::Reactor { loops: 1 },
        ..Config::default()
    };
    let builder = StreamServer::builder().config(files.config(config));
    let endpoint = "tcp://127.0.0.1:0".parse().expect("an endpoint");
    let server = builder
        .endpoints([endpoint])
        .bind()
        .expect("a port is free");
    let port = server.addresses()[0].port().expect("it has one");
    println!("listening on {port}.");
    server
        .serve_forever(move |peer| files.handler(peer))
        .expect("it serves");
}

fn version(generation: u64) -> Vec<u8> {
    let mut version = bytes(generation as u8, SIZES[generation as usize % 2]);
    version[..8].copy_from_slice(&generation.to_le_bytes());
    version
}

/// Which version the file is, which has to be one as a whole.
fn read_generation(path: &Path) -> u64 {
    let bytes = fs::read(path).expect("the first version was acknowledged");
    let generation = u64::from_le_bytes(*bytes.first_chunk().expect("a version is not empty"));
    assert!(bytes == version(generation), "a mixture");
    generation
}

/// Uploads one version after the other, until the server is gone, and tells which were acknowledged, and at which offset each went on.
fn upload(port: u16, first: u64, acknowledged: impl Fn(u64, u64)) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    for generation in first.. {
        let version = version(generation);
        let open = json!({"verb": "put", "phase": "open", "path": "a", "total": version.len()});
        let opened = ask(&mut stream, &open, b"")?;
        let held = opened["offset"].as_u64().unwrap_or_default();
        // What is there is of this version or of another one.
        let held = match version.get(..held as usize) {
            Some(start) if opened["hash"] == Blake3.hash(start).to_string() => held,
            _ => 0,
        };
        let mut offset = held as usize;
        for piece in version[offset..].chunks(50_000) {
            ask(&mut stream, &data(&opened, offset, piece.len()), piece)?;
            offset += piece.len();
        }
        let hash = Blake3.hash(&version).to_string();
        let commit =
            json!({"verb": "put", "phase": "commit", "token": opened["token"], "hash": hash});
        assert_eq!(ask(&mut stream, &commit, b"")?["code"], 201);
        acknowledged(generation, held);
    }
    Ok(())
}

fn ask(stream: &mut TcpStream, header: &Value, body: &[u8]) -> io::Result<Value> {
    stream.write_all(&[&frame(header), body].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut reply)?;
    let reply: Value = serde_json::from_slice(&reply)?;
    assert!(reply["err"].is_null(), "{header}: {reply}");
    Ok(reply)
}
