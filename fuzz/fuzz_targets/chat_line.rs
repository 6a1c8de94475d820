//! The chat's line door: any bytes, and commands that make sense in themselves, cut anywhere. What is answered are lines that a terminal may be sent, and the same ones however the bytes
//! come.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::Config;
use socketserver::testkit::offline::Offline;
use socketserver_fuzz::oracle::assert_sentence;
use socketserver_handlers::chat::{Chat, Settings};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(u16, &'a [u8]),
    Lines(u16, Vec<Line<'a>>),
}

#[derive(Arbitrary, Debug)]
struct Line<'a>(u8, Vec<Word<'a>>);

#[derive(Arbitrary, Debug)]
enum Word<'a> {
    Common(u8),
    Any(&'a str),
}

/// What begins a line.
const BEGINNINGS: [&str; 19] = [
    "", "//", "/nick", "/join", "/part", "/rooms", "/who", "/msg", "/me", "/topic", "/history",
    "/away", "/help", "/kick", "/mute", "/unmute", "/key", "/op", "/nothing",
];
/// Words that mean something to somebody.
const COMMON: [&str; 6] = ["ann", "lobby", "games", "7", "#x", "\u{202e}\u{1b}[31m"];
/// The most bytes of one conversation.
const BYTES_MAX: usize = 4096;

fn settings() -> Settings {
    Settings {
        rooms_max: 3,
        rooms_per_member_max: 2,
        text_bytes_max: 40,
        note_bytes_max: 10,
        history_lines_max: 3,
        history_bytes_max: 600,
        ..Settings::default()
    }
}

/// What a client reads that sends these pieces and leaves.
fn answer(pieces: &[&[u8]]) -> Vec<u8> {
    let chat = Chat::new(settings(), None);
    let config = chat.config(Config::default());
    let mut peer = Offline::new(config, move |peer| chat.line_door(peer)).connect();
    let mut answer = Vec::new();
    for piece in pieces {
        answer.extend_from_slice(peer.exchange(piece));
    }
    drop(peer.leave());
    answer
}

fn assert_is_for_terminals(answer: &[u8]) {
    let text = std::str::from_utf8(answer).expect("it is text");
    for line in text.lines() {
        assert!(
            ["-- ", "!! ", "["].iter().any(|mark| line.starts_with(mark)),
            "{line:?}"
        );
        assert_sentence(line);
    }
}

fn bytes_of(lines: &[Line<'_>]) -> Vec<u8> {
    let mut bytes = b"ann\n".to_vec();
    for Line(beginning, words) in lines {
        bytes.extend_from_slice(BEGINNINGS[usize::from(*beginning) % BEGINNINGS.len()].as_bytes());
        for word in words {
            let word = match word {
                Word::Common(number) => COMMON[usize::from(*number) % COMMON.len()],
                Word::Any(text) => text,
            };
            bytes.push(b' ');
            bytes.extend_from_slice(word.as_bytes());
        }
        bytes.push(b'\n');
    }
    bytes
}

fuzz_target!(|input: Input<'_>| {
    let (cut, mut bytes) = match input {
        Input::Bytes(cut, bytes) => (cut, bytes.to_vec()),
        Input::Lines(cut, lines) => (cut, bytes_of(&lines)),
    };
    bytes.truncate(BYTES_MAX);
    let whole = answer(&[&bytes]);
    assert_is_for_terminals(&whole);
    let (left, right) = bytes.split_at(usize::from(cut) % (bytes.len() + 1));
    assert_eq!(answer(&[left, right]), whole, "cut after {}", left.len());
});
