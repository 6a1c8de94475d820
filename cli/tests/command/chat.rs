//! `chat` in a pipe, and a server that says what a test wants it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;
use socket2::SockRef;

use crate::connect::{accept, listener};
use crate::process::{Process, command};
use crate::usage::fails;

/// Somebody who has come to the server.
pub(crate) struct Guest {
    stream: BufReader<TcpStream>,
}

impl Guest {
    /// Waits for somebody, and greets.
    pub(crate) fn of(listener: &TcpListener) -> Self {
        let mut guest = Self {
            stream: BufReader::new(accept(listener)),
        };
        guest.tell("-- Welcome. What is your name?");
        guest
    }

    /// The same, who is let in by this name.
    pub(crate) fn named(listener: &TcpListener, name: &str) -> Self {
        let mut guest = Self::of(listener);
        guest.says(name);
        guest.tell(&format!(
            "-- Hello, {name}. You are in lobby; /help lists what you can do."
        ));
        guest
    }

    /// Sends a line.
    pub(crate) fn tell(&mut self, line: &str) {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Receives a line.
    pub(crate) fn says(&mut self, expected: &str) {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{expected}\n"));
    }

    /// Receives the end, and nothing before.
    pub(crate) fn leaves(mut self) {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        let stream = self.stream.into_inner();
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// A client that is called ann, at a server that nobody has answered yet.
fn ann(options: &str) -> (Process, TcpListener) {
    let (listener, address) = listener();
    let client = Process::run(&format!("chat {address} --nick ann {options}"));
    (client, listener)
}

fn is_in(client: &mut Process) {
    let hello = "-- Hello, ann. You are in lobby; /help lists what you can do.";
    assert_eq!(client.stdout.line(), hello);
}

#[test]
fn every_line_is_sent_what_comes_is_printed_and_the_end_leaves() {
    let (mut client, listener) = ann("");
    let mut guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    for line in ["hello, 你好", "/me waves", "//slash"] {
        client.types(line);
        guest.says(line);
    }
    client.types("");
    guest.tell("[lobby] bob: good morning");
    assert_eq!(client.stdout.line(), "[lobby] bob: good morning");
    client.types_no_more();
    guest.says("/quit");
    guest.tell("-- Bye.");
    drop(guest);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice(), ended.stderr.as_str()),
        (Some(0), b"-- Bye.\n".as_slice(), "")
    );
}

#[test]
fn lines_that_were_there_before_the_server_wait_for_it() {
    let (mut client, listener) = ann("--room rust --room #go --key k");
    for number in 0..200 {
        client.types(format!("line {number}"));
    }
    client.types("/quit see you");
    let mut guest = Guest::named(&listener, "ann");
    guest.says("/join rust k");
    guest.says("/join #go k");
    for number in 0..200 {
        guest.says(&format!("line {number}"));
    }
    guest.says("/quit see you");
    drop(guest);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "its input is still open"
    );
}

#[test]
fn a_refused_name_is_a_refused_login() {
    let (client, listener) = ann("");
    let mut guest = Guest::of(&listener);
    guest.says("ann");
    guest.tell("!! ann is somebody else");
    guest.leaves();
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(8),
            "socketserver: the server refuses the name 'ann': ann is somebody else (see --nick)\n"
        )
    );
}

#[test]
fn what_the_server_sends_cannot_drive_a_terminal() {
    let (mut client, listener) = ann("");
    let mut guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    guest.tell("[lobby] \x1b[31mbob\x1b[0m: \x1b]0;title\x07\x1b[2J\u{9b}1Ahello\x08\x07\r");
    assert_eq!(client.stdout.line(), "[lobby] bob: hello");
    guest.tell("\x1b]52;c;bm8=");
    assert_eq!(client.stdout.line(), "");
    guest.tell(&"x".repeat(70_000));
    assert_eq!(client.stdout.line(), "(a line of 70000 bytes was left out)");
    guest.tell("[lobby] \u{202e}evil\u{2066}");
    assert_eq!(client.stdout.line(), "[lobby] evil");
}

#[test]
fn a_lost_connection_is_a_failure_where_nobody_is_there_to_wait() {
    let (mut client, listener) = ann("");
    let guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    drop(guest);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "socketserver: the server has ended the connection\n"
        )
    );
    let (client, listener) = ann("--no-reconnect");
    drop(Guest::of(&listener));
    assert_eq!(client.end().code, Some(1), "before it was let in");

    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    fails(
        &format!("chat {address} --nick ann --reconnect 3"),
        3,
        &format!("cannot connect to tcp://{address}: connection refused (no server listens there)"),
    );
}

#[test]
fn it_comes_back_to_the_same_rooms_under_the_same_name() {
    let (mut client, listener) = ann("--reconnect 5 --room rust");
    let mut guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    guest.says("/join rust");
    for line in [
        "/join go secret",
        "/join c",
        "/part c",
        "/part lobby",
        "/nick Anna",
        "hello",
    ] {
        client.types(line);
        guest.says(line);
    }
    guest.reset();
    let note = client.stderr.line();
    assert!(
        note.starts_with("the server has reset the connection; trying again in "),
        "{note}"
    );
    client.types("typed meanwhile");
    // The first time the server has not noticed yet that the one it knows is gone.
    let mut guest = Guest::of(&listener);
    guest.says("Anna");
    guest.tell("!! Anna is somebody else");
    guest.leaves();
    let note = client.stderr.line();
    assert!(
        note.starts_with("the server refuses the name 'Anna': "),
        "{note}"
    );
    let mut guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    assert_eq!(client.stderr.line(), "connected again");
    for line in [
        "/join rust",
        "/join go secret",
        "/part lobby",
        "typed meanwhile",
    ] {
        guest.says(line);
    }
    client.types_no_more();
    guest.says("/quit");
    drop(guest);
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn it_does_not_try_for_ever() {
    let (mut client, listener) = ann("--reconnect 1");
    let guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    let address = listener.local_addr().unwrap();
    drop((guest, listener));
    let ended = client.end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let refused = format!("cannot connect to tcp://{address}: connection refused");
    assert!(ended.stderr.contains(&refused), "{}", ended.stderr);
}

#[test]
fn an_interrupt_a_long_line_and_a_closed_output() {
    let (mut client, listener) = ann("");
    let mut guest = Guest::named(&listener, "ann");
    is_in(&mut client);
    client.types("x".repeat(2001));
    assert_eq!(
        client.stderr.line(),
        "socketserver: line 1 has 2001 bytes and was not sent, since 2000 is the most (send it in parts)"
    );
    client.types("short");
    guest.says("short");
    client.signal(Signal::INT);
    assert_eq!(client.end().code, Some(130));

    let (listener, address) = crate::connect::listener();
    let (reader, writer) = std::io::pipe().unwrap();
    let client = Process::start(command(["chat", &address, "--nick", "ann"]).stdout(writer));
    drop(reader);
    let mut guest = Guest::of(&listener);
    guest.says("ann");
    // More than once, since a process that another test is just starting may still hold the pipe for a moment.
    let stream = guest.stream.get_mut();
    while stream
        .write_all(b"-- Hello, ann\nnobody reads this\n")
        .is_ok()
    {}
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn names_and_rooms_that_cannot_be_are_told_at_once() {
    for (options, sentence) in [
        ("--nick=", "nobody has said who you are: write --nick NAME"),
        (
            "--nick a\u{2003}b",
            "'a\\u{2003}b' cannot be a name, which is one word: write --nick NAME",
        ),
        (
            "--nick a --room=",
            "'' cannot be a room, which is one word (in --room)",
        ),
        (
            "--nick a --room b --key=",
            "a key is one word, without spaces (in --key)",
        ),
    ] {
        // Not cut at spaces of other kinds than the usual one.
        let words = format!("chat :1 {options}");
        let ended = Process::start(&mut command(words.split(' '))).end();
        assert_eq!(
            (ended.code, ended.stderr),
            (Some(2), format!("socketserver: {sentence}\n")),
            "{words}"
        );
    }
    let mut nameless = command(["chat", ":1"]);
    let ended = Process::start(nameless.env_remove("USER")).end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let (listener, address) = crate::connect::listener();
    let mut by_user = command(["chat", &address]);
    let _client = Process::start(by_user.env("USER", "otto"));
    Guest::of(&listener).says("otto");
}
