//! `talk`: the other end, of our server and of tutorials' servers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use socket2::SockRef;

use crate::connect::{accept, listener};
use crate::process::{Process, command};
use crate::terminal::Terminal;

/// A client with options, and the server's side of its connection.
fn connected(options: &str) -> (Process, TcpStream) {
    let (listener, address) = listener();
    let client = Process::run(&format!("talk {address} {options}"));
    (client, accept(&listener))
}

/// A client at a terminal, and the server's side of its connection.
fn at_a_terminal(options: &str) -> (Terminal, TcpStream) {
    let (listener, address) = listener();
    let client = Terminal::run_wholly(&format!("talk {address} {options}"));
    (client, accept(&listener))
}

/// What has come at the server, which is known to be so long.
fn expect(peer: &mut TcpStream, expected: &str) {
    let mut received = vec![0; expected.len()];
    peer.read_exact(&mut received).unwrap();
    assert_eq!(String::from_utf8(received).unwrap(), expected);
}

#[test]
fn both_ways_at_once_in_a_pipe() {
    let (mut client, mut peer) = connected("");
    peer.write_all(b"the server speaks first\nand \x1b[31magain\x07\r\n")
        .unwrap();
    assert_eq!(client.stdout.line(), "the server speaks first");
    assert_eq!(client.stdout.line(), "and again");
    client.types("grüße");
    client.types("");
    expect(&mut peer, "grüße\n\n");
    client.types_no_more();
    assert_eq!(
        peer.read(&mut [0]).unwrap(),
        0,
        "the end of the input is a half-close"
    );
    peer.write_all(b"still heard").unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice(), ended.stderr.as_str()),
        (Some(0), b"still heard\n".as_slice(), "")
    );
}

#[test]
fn a_server_that_sends_no_line_ends_is_understood() {
    let (mut client, mut peer) = connected("");
    for line in ["hello", "你好"] {
        peer.write_all(line.as_bytes()).unwrap();
        assert_eq!(client.stdout.line(), line);
    }
    // From the first line end on only line ends count.
    peer.write_all(b"a line\nhalf ").unwrap();
    assert_eq!(client.stdout.line(), "a line");
    client.types("?");
    expect(&mut peer, "?\n");
    peer.write_all(b"a line\n").unwrap();
    assert_eq!(client.stdout.line(), "half a line");
}

#[test]
fn in_turns_until_the_quit_word() {
    for (options, word, end) in [
        ("--turns", "q", "\n"),
        ("--turns --quit-word bye", "bye", ""),
    ] {
        let (mut client, mut peer) = connected(options);
        for answer in ["first", "second", word] {
            client.types("question");
            expect(&mut peer, "question\n");
            peer.write_all(format!("{answer}{end}").as_bytes()).unwrap();
            assert_eq!(client.stdout.line(), answer);
        }
        let ended = client.end();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "its input is still open"
        );
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn in_turns_the_end_of_the_input_is_an_end_and_that_of_the_server_is_not() {
    let (mut client, mut peer) = connected("--turns");
    client.types("question");
    client.types_no_more();
    expect(&mut peer, "question\n");
    peer.write_all(b"answer\n").unwrap();
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(0), b"answer\n".as_slice())
    );

    let (mut client, mut peer) = connected("--turns");
    client.types("question");
    expect(&mut peer, "question\n");
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "socketserver: the server has ended the conversation without an answer, and without 'q' (see --quit-word)\n"
        )
    );
}

#[test]
fn it_talks_to_our_server_on_every_kind_of_stream() {
    let name = format!("socketserver-talk-on-every-kind-{}", std::process::id());
    let mut server = Process::run(&format!("serve talk :0 unix:@{name}"));
    for number in 1..=2 {
        let address = server.address();
        let mut client = Process::run(&format!("talk {address}"));
        server.stderr.line_with(&[&format!("{number} (")]);
        server.types(format!("@{number} hello"));
        assert_eq!(client.stdout.line(), "hello");
        client.types("good day");
        assert_eq!(server.stderr.line(), format!("{number}: good day"));
        client.types_no_more();
        let ended = client.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(server.stderr.line(), format!("{number} has gone"));
    }
}

#[test]
fn a_line_that_is_too_long_is_said_and_the_next_one_goes_on() {
    let (mut client, mut peer) = connected("");
    client.types("x".repeat(65_537));
    assert_eq!(
        client.stderr.line(),
        "socketserver: line 1 has 65537 bytes and was left out, since at most 65536 are sent at once (send it in parts)"
    );
    client.types("next");
    expect(&mut peer, "next\n");
    peer.write_all("x".repeat(65_537).as_bytes()).unwrap();
    peer.write_all(b"\nnext\n").unwrap();
    assert_eq!(client.stderr.line(), "a line of 65537 bytes was left out");
    assert_eq!(client.stdout.line(), "next");
}

#[test]
fn a_reset_and_a_server_that_is_not_there_are_failures() {
    let (mut client, mut peer) = connected("");
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
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ended = Process::start(command(["talk", &address.to_string()]).stdin(Stdio::null())).end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}

#[test]
fn at_a_terminal_what_comes_is_shown_above_what_is_typed() {
    let (mut client, mut peer) = at_a_terminal("");
    client.shows("> ");
    client.types("half a l");
    client.shows("half a l");
    peer.write_all(b"hello\x1b[2J\n").unwrap();
    client.shows("hello\r\n");
    client.shows("> half a l");
    client.types("ine\r");
    expect(&mut peer, "half a line\n");
    peer.write_all(b"last words\n").unwrap();
    drop(peer);
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
    assert!(shown.contains("last words\r\n"), "{shown}");
    assert!(!shown.contains("\x1b[2J"), "{shown}");
}

#[test]
fn at_a_terminal_a_text_that_is_pasted_is_sent_line_by_line() {
    let (mut client, mut peer) = at_a_terminal("");
    client.shows("> ");
    client.types("\x1b[200~one\ntwo\r\nthree\x1b[201~\r");
    expect(&mut peer, "one\ntwo\nthree\n");
    client.types("four\r");
    expect(&mut peer, "four\n");
}

#[test]
fn at_a_terminal_it_can_be_left_at_any_time() {
    for (key, code) in [("\x03", 130), ("\x04", 0)] {
        let (mut client, mut peer) = at_a_terminal("");
        client.shows("> ");
        client.types(key);
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        drop(peer);
        let (ended, shown) = client.end();
        assert_eq!((ended.code, rest), (Some(code), Vec::new()), "{shown}");
    }
    // The helper looks at the state in which the terminal is left.
    let (mut client, _peer) = at_a_terminal("--turns");
    client.shows("> ");
    client.signal(Signal::TERM);
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(143), "{shown}");
}
