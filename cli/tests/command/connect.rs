//! `connect`: a pipe to a server and back.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use socket2::SockRef;

use crate::process::{DEADLINE, Path, Process, command, pattern};

/// A listener that does not wait for its client for ever, and its address.
pub(crate) fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener)
        .set_read_timeout(Some(DEADLINE))
        .unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// The side of the server, once the client has come.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    peer.set_write_timeout(Some(DEADLINE)).unwrap();
    peer
}

/// A client, and the server's side of its connection.
fn connected() -> (Process, TcpStream) {
    connected_with("")
}

/// A client with options, and the server's side of its connection.
pub(crate) fn connected_with(options: &str) -> (Process, TcpStream) {
    let (listener, address) = listener();
    let client = Process::run(&format!("connect {address} {options}"));
    (client, accept(&listener))
}

#[test]
fn ten_megabytes_go_to_the_server_and_come_back() {
    let path = Path::new();
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut server = Process::run(&format!("serve echo :0 unix:{path} unix:@{name}"));
    let input = pattern(10_000_000);
    for _ in 0..3 {
        let address = server.address();
        let mut client = Process::run(&format!("connect {address}"));
        let mut stdin = client.stdin.take().unwrap();
        let output = thread::scope(|scope| {
            // Dropping the pipe is the end of the input.
            scope.spawn(|| stdin.write_all(&input).map(|()| drop(stdin)).unwrap());
            client.stdout.rest()
        });
        assert!(output == input, "{address}: wrong bytes");
        let ended = client.end();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{address}"
        );
    }
}

#[test]
fn answers_come_while_the_input_is_still_open() {
    let mut server = Process::run("serve uppercase :0");
    let address = server.address();
    // By its name, so that an address that nobody listens on may come first.
    let named = address.replace("127.0.0.1", "localhost");
    let mut client = Process::run(&format!("connect {named}"));
    for (question, answer) in [("hello\n", "HELLO"), ("again\n", "AGAIN")] {
        client
            .stdin
            .as_mut()
            .unwrap()
            .write_all(question.as_bytes())
            .unwrap();
        assert_eq!(client.stdout.line(), answer);
    }
    server.signal(Signal::TERM);
    assert_eq!(
        client.end().code,
        Some(0),
        "it ends when the server ends, with its input still open"
    );
}

#[test]
fn the_end_of_the_input_is_a_half_close() {
    let (mut client, mut peer) = connected();
    client.stdin.take().unwrap().write_all(b"question").unwrap();
    let mut question = Vec::new();
    peer.read_to_end(&mut question).unwrap();
    assert_eq!(question, b"question");
    peer.write_all(b"answer").unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(0), b"answer".as_slice())
    );
}

#[test]
fn a_reset_is_a_failure() {
    let (mut client, mut peer) = connected();
    // After a line has come through, a reset is surely not one of connecting.
    peer.write_all(b"part\n").unwrap();
    assert_eq!(client.stdout.line(), "part");
    SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(1), "socketserver: the peer reset the connection\n")
    );
}

#[test]
fn a_closed_standard_output_ends_it_quietly() {
    let (listener, address) = listener();
    let (reader, writer) = pipe().unwrap();
    let client = Process::start(command(["connect", &address]).stdout(writer));
    drop(reader);
    let mut peer = accept(&listener);
    // More than once, since a process that another test is just starting may still hold the pipe for a moment.
    while peer.write_all(b"nobody reads this").is_ok() {}
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupt_has_the_code_of_an_interrupt() {
    let (mut client, mut peer) = connected();
    // After a byte has come through, the client surely listens to signals.
    peer.write_all(b"ready\n").unwrap();
    assert_eq!(client.stdout.line(), "ready");
    client.signal(Signal::INT);
    assert_eq!(client.end().code, Some(130));
}

#[test]
fn an_input_that_cannot_be_read_is_a_failure_after_the_answer() {
    let (listener, address) = listener();
    let folder = File::open("/").unwrap();
    let client = Process::start(command(["connect", &address]).stdin(folder));
    let mut peer = accept(&listener);
    assert_eq!(
        peer.read(&mut [0]).unwrap(),
        0,
        "the peer is told that nothing will come"
    );
    peer.write_all(b"answer").unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(1), b"answer".as_slice())
    );
    assert_eq!(
        ended.stderr,
        "socketserver: cannot read standard input: is a directory\n"
    );
}
