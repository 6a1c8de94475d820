//! The servers that are not ours do what ours do, to the byte: otherwise a comparison with them would mean nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use socket2::Socket;

const KINDS: [&str; 4] = ["tokio", "tokio-threads", "epoll", "threads"];
/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running peer, killed when the test ends.
struct Peer {
    child: Child,
    address: String,
    path: Option<PathBuf>,
}

impl Peer {
    fn run(kind: &str, endpoint: &str, handler: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_socketserver-peer"))
            .args([kind, endpoint, "--handler", handler])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The output ends when the process does, so that this waits for ever only for a peer that hangs before it listens.
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening ").expect("an address");
        Self {
            child,
            address: address.strip_suffix('\n').expect("a whole line").to_owned(),
            path: endpoint.strip_prefix("unix:").map(PathBuf::from),
        }
    }

    fn dial(&self) -> Socket {
        let socket: Socket = match self.address.strip_prefix("tcp://") {
            Some(address) => TcpStream::connect(address).unwrap().into(),
            None => UnixStream::connect(self.path.as_ref().unwrap())
                .unwrap()
                .into(),
        };
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Does something with a peer of each kind, over TCP and over a Unix socket.
fn each(handler: &str, act: impl Fn(&Peer)) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    for kind in KINDS {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("socketserver-peer-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        for endpoint in ["tcp://127.0.0.1:0", &format!("unix:{}", path.display())] {
            let peer = Peer::run(kind, endpoint, handler);
            println!("{kind} at {}", peer.address);
            act(&peer);
        }
    }
}

/// Sends pieces, ends its side, and gives what comes back until the other side ends too.
fn exchange<'a>(mut socket: &Socket, pieces: impl Iterator<Item = &'a [u8]> + Send) -> Vec<u8> {
    let mut output = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut socket = socket;
            for piece in pieces {
                socket.write_all(piece).unwrap();
            }
            socket.shutdown(Shutdown::Write).unwrap();
        });
        socket.read_to_end(&mut output).unwrap();
    });
    output
}

/// Receives exactly these bytes.
fn expect(mut socket: &Socket, expected: &[u8]) {
    let mut received = vec![0; expected.len()];
    socket.read_exact(&mut received).unwrap();
    assert_eq!(
        received.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

/// Bytes in which a shift, a loss or a repetition shows.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn a_megabyte_comes_back_however_it_is_cut() {
    let input = pattern(1_000_000);
    for (handler, expected) in [
        ("echo", input.clone()),
        ("uppercase", input.to_ascii_uppercase()),
    ] {
        each(handler, |peer| {
            let mut sizes = [1, 7, 4096, 65_537, 3, 8192, 8191].into_iter().cycle();
            let mut rest = &input[..];
            let pieces = std::iter::from_fn(|| {
                let (piece, left) = rest.split_at(rest.len().min(sizes.next()?));
                rest = left;
                (!piece.is_empty()).then_some(piece)
            });
            let output = exchange(&peer.dial(), pieces);
            assert!(output == expected, "{handler}: other bytes come back");
        });
    }
}

#[test]
fn a_peer_that_reads_late_gets_everything() {
    // More than the buffers of a Unix socket take, and less than both sides of a TCP connection do.
    let input = pattern(200_000);
    each("echo", |peer| {
        let socket = peer.dial();
        thread::scope(|scope| {
            let (sender, written) = channel();
            let (mut writer, input) = (&socket, &input);
            scope.spawn(move || {
                for piece in input.chunks(10_000) {
                    writer.write_all(piece).unwrap();
                    sender.send(()).unwrap();
                }
                writer.shutdown(Shutdown::Write).unwrap();
            });
            // Nothing is read before nothing moves any more, or everything was written.
            while written.recv_timeout(Duration::from_millis(100)).is_ok() {}
            expect(&socket, input);
            assert_eq!((&socket).read(&mut [0]).unwrap(), 0);
        });
    });
}

#[test]
fn many_connections_are_served_at_once() {
    each("echo", |peer| {
        let sockets: Vec<_> = (0..300).map(|_| peer.dial()).collect();
        for round in 0..3 {
            for (number, mut socket) in sockets.iter().enumerate() {
                socket
                    .write_all(format!("{number} {round}").as_bytes())
                    .unwrap();
            }
            for (number, socket) in sockets.iter().enumerate().rev() {
                expect(socket, format!("{number} {round}").as_bytes());
            }
        }
    });
}

#[test]
fn a_connection_that_is_reset_hurts_nobody() {
    for handler in ["echo", "wait:20ms", "work:1us"] {
        each(handler, |peer| {
            let mut waiting = peer.dial();
            waiting.write_all(b"x\n").unwrap();
            for _ in 0..20 {
                let mut socket = peer.dial();
                socket.write_all(b"hello\nyou\n").unwrap();
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
            expect(&waiting, b"x\n");
            assert_eq!(exchange(&peer.dial(), [&b"y\n"[..]].into_iter()), b"y\n");
        });
    }
}

#[test]
fn lines_are_answered_in_their_order() {
    for handler in ["work", "work:1us", "wait", "wait:1us"] {
        each(handler, |peer| {
            let mut socket = peer.dial();
            socket.write_all(b"one\r\ntwo\n\nthr").unwrap();
            expect(&socket, b"one\ntwo\n\n");
            socket.write_all(b"ee\na\rb\r\r\n").unwrap();
            expect(&socket, b"three\na\rb\r\r\n");
            assert_eq!(
                exchange(&socket, [&b"la"[..], b"st\r"].into_iter()),
                b"last\n"
            );
        });
    }
}

#[test]
fn many_lines_are_answered_while_more_come() {
    // More than is held of a connection.
    let input: Vec<_> = (0..50_000_u32)
        .flat_map(|number| format!("{number}\n").into_bytes())
        .collect();
    each("work:0s", |peer| {
        let output = exchange(&peer.dial(), input.chunks(9_999));
        assert!(output == input, "other lines come back");
    });
}

#[test]
fn a_line_that_is_too_long_ends_its_connection() {
    each("work:0s", |peer| {
        let mut socket = peer.dial();
        // The end may come before all is sent.
        let _ = socket.write_all(&vec![b'x'; 70_000]);
        assert_eq!(socket.read(&mut [0]).unwrap_or(0), 0);
        assert_eq!(exchange(&peer.dial(), [&b"y"[..]].into_iter()), b"y\n");
    });
}

#[test]
fn a_wait_keeps_nobody_waiting() {
    // One after the other they would take a minute.
    each("wait:200ms", |peer| {
        let sockets: Vec<_> = (0..300).map(|_| peer.dial()).collect();
        let begun = Instant::now();
        for mut socket in &sockets {
            socket.write_all(b"x\n").unwrap();
        }
        for socket in &sockets {
            expect(socket, b"x\n");
        }
        assert!(begun.elapsed() < PATIENCE);
    });
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    const USAGE: &str = "write socketserver-peer tokio|tokio-threads|epoll|threads ENDPOINT \
        [--handler echo|uppercase|work:TIME|wait:TIME]";
    for (words, code, sentence) in [
        ("", 2, format!("the kind of server is missing: {USAGE}")),
        ("epoll", 2, format!("the endpoint is missing: {USAGE}")),
        (
            "uring :0",
            2,
            "'uring' is not a kind of server: write tokio, tokio-threads, epoll or threads".into(),
        ),
        (
            "epoll nowhere",
            2,
            "'nowhere' is not an endpoint: the port is missing (write tcp://HOST:PORT, HOST:PORT, :PORT, unix:PATH, udp://HOST:PORT or unixgram:PATH)"
                .into(),
        ),
        (
            "epoll unix:@name",
            2,
            "'unix:@name' is not served by peers: write tcp://HOST:PORT or unix:PATH".into(),
        ),
        ("epoll :0 :0", 2, format!("':0' is too much: {USAGE}")),
        ("epoll :0 --fast", 2, format!("'--fast' is not a flag: {USAGE}")),
        (
            "epoll :0 --handler",
            2,
            "--handler needs a value: write --handler echo".into(),
        ),
        (
            "epoll :0 --handler gopher",
            2,
            "'gopher' is not a known handler: write echo, uppercase, work:TIME or wait:TIME (in --handler)".into(),
        ),
        (
            "epoll :0 --handler=wait:soon",
            2,
            "'soon' is not a time: write 200us or 5ms (in --handler wait:soon)".into(),
        ),
        (
            "threads unix:/no/such/folder/socket",
            4,
            "cannot bind unix:/no/such/folder/socket: No such file or directory (os error 2)".into(),
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_socketserver-peer"));
        let output = command.args(words.split_whitespace()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("socketserver-peer: {sentence}\n"), "{words}");
        assert_eq!(output.status.code(), Some(code), "{words}");
        assert!(output.stdout.is_empty(), "{words}");
    }
}
