//! `serve talk`: an operator who types, and peers who are heard.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::process::Signal;
use socket2::Socket;

use crate::process::{Ended, Process, command, dial};
use crate::terminal::Terminal;
use crate::usage::fails;

/// Somebody who talks to the operator.
struct Peer(BufReader<Socket>);

impl Peer {
    fn of(address: &str) -> Self {
        Self(BufReader::new(dial(address)))
    }

    fn says(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn hears(&mut self, line: &str) {
        let mut heard = String::new();
        self.0.read_line(&mut heard).unwrap();
        assert_eq!(heard, format!("{line}\n"));
    }

    fn hears_the_end(&mut self) {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

/// A server, with its address; what it says of itself is left out.
fn server(options: &str) -> (Process, String) {
    let mut server = Process::run(&format!("serve talk :0 {options}"));
    let address = server.address();
    server.stderr.line_with(&["mode "]);
    (server, address)
}

/// A peer that has come as the number.
fn peer(server: &mut Process, address: &str, number: u64) -> Peer {
    let peer = Peer::of(address);
    let line = server.stderr.line();
    let start = format!("{number} (127.0.0.1:");
    assert!(
        line.starts_with(&start) && line.ends_with(") is there"),
        "{line}"
    );
    peer
}

fn ends_well(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout, b"",
        "it has said where it listens, and nothing else"
    );
}

#[test]
fn the_operator_speaks_to_all_or_to_one_and_hears_everybody() {
    let (mut server, address) = server("");
    server.types("too early");
    assert_eq!(server.stderr.line(), "nobody is there");
    let mut first = peer(&mut server, &address, 1);
    server.types("hello, all");
    first.hears("hello, all");
    let mut second = peer(&mut server, &address, 2);
    second.says("good morning\r\n\x1b[2JZoë\n");
    assert_eq!(server.stderr.line(), "2: good morning");
    assert_eq!(server.stderr.line(), "2: Zoë");
    server.types("@2 only you");
    server.types("");
    server.types("@@1 to all");
    second.hears("only you");
    for peer in [&mut first, &mut second] {
        peer.hears("@1 to all");
    }
    server.types("@");
    for number in [1, 2] {
        let line = server.stderr.line();
        assert!(line.starts_with(&format!("{number} (127.0.0.1:")), "{line}");
    }
    drop(second);
    assert_eq!(server.stderr.line(), "2 has gone");
    server.types("still there?");
    first.hears("still there?");
    server.signal(Signal::TERM);
    first.hears_the_end();
    drop(first);
    let ended = server.end();
    ends_well(&ended);
    assert!(
        ended.stderr.contains("talk: served 2 connections"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_cannot_be_said_is_said_in_one_sentence() {
    let (mut server, address) = server("");
    let mut first = peer(&mut server, &address, 1);
    let long = "x".repeat(8193);
    for (line, sentence) in [
        ("@3", "'@3' has no text: write @3 and what to say"),
        ("@1 ", "'@1' has no text: write @1 and what to say"),
        (
            "@3 hello",
            "nobody with the number 3 is there (each number belongs to one peer, and is never used again)",
        ),
        (
            "@ann hello",
            "'@ann' is not the number of a peer: write @3 and a text, @ to see who is there, or @@ to say a text that begins with @",
        ),
        (
            long.as_str(),
            "a line of 8193 bytes is too long: it may have 8192 (send it in parts)",
        ),
    ] {
        server.types(line);
        assert_eq!(server.stderr.line(), format!("socketserver: {sentence}"));
    }
    server.types("@1 hello");
    first.hears("hello");
    first.says(&long);
    first.hears("!! a line may have 8192 bytes at most");
    first.hears_the_end();
    drop(first);
    let line = server.stderr.line();
    assert!(
        line.starts_with("1 has gone (it was sent away: a message is longer than 8192 bytes"),
        "{line}"
    );
}

#[test]
fn a_server_without_an_operator_goes_on_and_hears() {
    let mut server = Process::start(command(["serve", "talk", ":0"]).stdin(Stdio::null()));
    let address = server.address();
    assert_eq!(
        server.stderr.line_with(&["the input"]),
        "the input has ended: the server goes on, and shows what peers say"
    );
    let mut first = peer(&mut server, &address, 1);
    first.says("is anybody there?\n");
    assert_eq!(server.stderr.line(), "1: is anybody there?");
    server.signal(Signal::TERM);
    first.hears_the_end();
    drop(first);
    ends_well(&server.end());
}

#[test]
fn quiet_shows_what_peers_say_and_no_more() {
    let mut server = Process::run("serve talk :0 --quiet");
    let address = server.address();
    let mut first = Peer::of(&address);
    first.says("hello\n");
    assert_eq!(server.stderr.line(), "1: hello");
    drop(first);
    server.signal(Signal::TERM);
    let ended = server.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn in_turns_three_exchanges_and_the_quit_word_then_the_next_one() {
    let (mut server, address) = server("--turns");
    let mut first = peer(&mut server, &address, 1);
    let mut second = peer(&mut server, &address, 2);
    second.says("me\n");
    for (question, answer) in [("one", "first"), ("two", "@2 second"), ("three", "q")] {
        first.says(&format!("{question}\n"));
        assert_eq!(server.stderr.line(), format!("1: {question}"));
        server.types(answer);
        first.hears(answer);
    }
    first.hears_the_end();
    assert_eq!(server.stderr.line(), "1 has gone");
    assert_eq!(server.stderr.line(), "2: me");
    server.types("at last");
    second.hears("at last");
    server.types_no_more();
    second.hears_the_end();
    drop((first, second));
    let ended = server.end();
    ends_well(&ended);
    assert!(
        ended.stderr.starts_with(
            "the input has ended: nobody can be answered any more, so the server stops\n"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn in_turns_answers_may_be_typed_ahead_and_the_quit_word_is_a_choice() {
    let (mut server, address) = server("--turns --quit-word bye");
    for line in ["one", "q", "bye", "for the next"] {
        server.types(line);
    }
    let mut first = peer(&mut server, &address, 1);
    for (question, answer) in [("1", "one"), ("2", "q"), ("3", "bye")] {
        first.says(&format!("{question}\n"));
        first.hears(answer);
    }
    first.hears_the_end();
    // As tutorials do, without line ends.
    let mut second = Peer::of(&address);
    second.says("hello");
    let mut answer = [0; 12];
    second.0.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"for the next");
    server.types("bye");
    second.says("?");
    let mut rest = Vec::new();
    second.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"bye");
    server.types_no_more();
    drop((first, second));
    ends_well(&server.end());
}

#[test]
fn in_turns_a_client_that_is_killed_costs_nobody_anything() {
    for mode in ["serial", "threads", "pool:2", "reactor"] {
        let (mut server, address) = server(&format!("--turns --mode {mode}"));
        let mut client = Process::run(&format!("talk {address} --turns"));
        client.types("hello");
        let line = server.stderr.line();
        assert!(line.starts_with("1 (127.0.0.1:"), "{line}");
        assert_eq!(server.stderr.line(), "1: hello");
        server.types("well?");
        assert_eq!(client.stdout.line(), "well?");
        client.types("well");
        assert_eq!(server.stderr.line(), "1: well");
        client.signal(Signal::KILL);
        let line = server.stderr.line();
        if line.starts_with("1 says no more") {
            server.types("too late");
            let line = server.stderr.line();
            assert!(line.starts_with("1 has gone"), "{mode}: {line}");
        } else {
            assert_eq!(line, "1 has gone (peer reset)", "{mode}");
        }
        let mut next = peer(&mut server, &address, 2);
        next.says("and I?\n");
        assert_eq!(server.stderr.line(), "2: and I?");
        server.types("q");
        next.hears("q");
        next.hears_the_end();
        drop(next);
        server.types_no_more();
        ends_well(&server.end());
    }
}

#[test]
fn at_a_terminal_what_peers_say_is_shown_above_what_is_typed() {
    let address = format!(
        "unix:@socketserver-talk-at-a-terminal-{}",
        std::process::id()
    );
    let mut server = Terminal::run_wholly(&format!("serve talk {address}"));
    server.shows("listening unix:@");
    server.shows("> ");
    let mut first = Peer::of(&address);
    server.shows("is there");
    server.types("half a l");
    server.shows("half a l");
    first.says("hello\x1b[2J\n");
    server.shows("1: hello\r\n");
    // The prompt comes again, with what was typed.
    server.shows("> half a l");
    server.types("ine\r");
    first.hears("half a line");
    // Control-C is a signal here, too.
    server.types("\x03");
    server.shows("stopping: ");
    first.hears_the_end();
    drop(first);
    let (ended, shown) = server.end();
    assert_eq!(ended.code, Some(0), "{shown}");
    assert!(shown.contains("talk: served 1 connection"), "{shown}");
}

#[test]
fn options_of_talk_are_for_talk() {
    for (words, sentence) in [
        (
            "serve echo :0 --turns",
            "--turns is for talk: serve talk with it",
        ),
        (
            "serve echo :0 --quit-word x",
            "--quit-word is for talk: serve talk with it",
        ),
        (
            "serve talk :0 --quit-word x",
            "--quit-word ends a conversation in turns, and this one has none: add --turns",
        ),
        (
            "serve talk udp://:0",
            "talk needs a stream, and udp://127.0.0.1:0 has datagrams: write tcp:// or unix:",
        ),
        (
            "serve talk :0 --style blocking",
            "talk is served with callbacks only: leave --style out",
        ),
        (
            "serve talk:5ms",
            "talk takes no time: write talk, work:TIME or wait:TIME",
        ),
        (
            "talk udp://:1",
            "talk needs a stream, and udp://127.0.0.1:1 has datagrams: use connect or udp-chat",
        ),
    ] {
        fails(words, 2, sentence);
    }
}
