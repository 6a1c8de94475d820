//! Whole conversations: servers that echo messages, callbacks and blocking, on a reactor and on threads.
//!
//! What comes back is what the codec alone makes of the stream, up to the first mistake of the peer.

#![no_main]

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::{Codec, Framed, HandlerError, Mode, Replies, Stream, StreamServer};
use socketserver_fuzz::codecs::{Choice, Message};
use socketserver_fuzz::exchange::{FRAMES_MAX, Frame};
use socketserver_fuzz::oracle;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    codec: Choice,
    server: u8,
    cuts: [u16; 3],
    messages: Vec<Message>,
    /// What is sent behind the messages.
    rest: &'a [u8],
}

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(8);
const SERVERS: [(Mode, bool); 4] = [
    (Mode::Reactor { loops: 1 }, false),
    (Mode::Reactor { loops: 1 }, true),
    (Mode::Threads, false),
    (Mode::Threads, true),
];
/// The codec of the next connection: there is one at a time.
static CODEC: Mutex<Choice> = Mutex::new(Choice::Fixed { size: 0 });
/// Started with the first input, they serve until the process ends.
static ADDRESSES: LazyLock<[SocketAddr; 4]> = LazyLock::new(|| std::array::from_fn(start));

fuzz_target!(|input: Input<'_>| {
    let codec = || input.codec.codec();
    let mut stream = Vec::new();
    for message in input.messages.iter().take(FRAMES_MAX) {
        if let Ok(frame) = Frame::new(&mut *codec(), &message.bytes(input.codec.size())) {
            stream.extend_from_slice(frame.bytes());
        }
    }
    stream.extend_from_slice(input.rest);
    let (messages, _) = oracle::read(codec, &stream, &input.cuts);
    let mut expected = Vec::new();
    for message in messages {
        let frame = Frame::new(&mut *codec(), &message).expect("what was read can be sent");
        expected.extend_from_slice(frame.bytes());
    }

    *CODEC.lock().expect("no handler panics") = input.codec.clone();
    let address = &ADDRESSES[usize::from(input.server) % SERVERS.len()];
    let answer = talk(address, &oracle::pieces(&stream, &input.cuts));
    assert_eq!(answer, expected, "the answers are not what was sent");
});

/// Starts a server, and says where it listens.
fn start(number: usize) -> SocketAddr {
    let (mode, is_blocking) = SERVERS[number];
    // Abstract, so that a process that ends by a finding leaves no file behind.
    let name = format!("socketserver-fuzz-{}-{number}", process::id());
    let server = StreamServer::builder()
        .mode(mode)
        .endpoint(&format!("unix:@{name}"));
    let server = server
        .and_then(socketserver::Builder::bind)
        .expect("the name is free");
    thread::spawn(move || {
        if is_blocking {
            server.serve_forever_blocking(|_peer| repeat)
        } else {
            server.serve_forever(|_peer| Framed::new(chosen(), echo))
        }
    });
    SocketAddr::from_abstract_name(name).expect("a name is not too long")
}

fn chosen() -> Box<dyn Codec> {
    CODEC.lock().expect("no handler panics").codec()
}

fn echo(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
    Ok(replies.send(message)?)
}

fn repeat(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut codec = chosen();
    while let Some(message) = stream.receive(&mut codec)? {
        let message = message.to_vec();
        stream.send(&message, &mut codec)?;
    }
    Ok(())
}

/// Sends pieces and the end, and reads to the end.
fn talk(address: &SocketAddr, pieces: &[&[u8]]) -> Vec<u8> {
    let mut socket = UnixStream::connect_addr(address).expect("the server is there");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout above zero");
    for piece in pieces {
        match socket.write_all(piece) {
            Ok(()) => {}
            // The server has closed at a mistake before.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => panic!("cannot send: {error}"),
        }
    }
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = socket.read_to_end(&mut answer) {
        panic!("after {} bytes: {error}", answer.len());
    }
    answer
}
