//! The menu of the tutorials: send or receive, one at a time.
//!
//! What comes while somebody sends is kept for the next "receive". Nothing that is typed ends the program but the wish to.

use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::room::{Heard, Room, plain};
use super::voice::Voice;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::lines::Line;
use crate::shown;

/// Goes on until the choice or the end of the input ends it.
pub(super) fn run(
    room: &Room,
    voice: &Voice,
    wait: Option<Duration>,
    console: Console,
) -> Result<(), Failure> {
    let menu = Menu {
        room,
        voice,
        wait,
        console,
        has_terminal: io::stdin().is_terminal() && io::stderr().is_terminal(),
    };
    while let Some(choice) = menu.ask("1 send, 2 receive, 3 quit", choice) {
        let goes_on = match choice {
            Choice::Send => menu.send().is_some(),
            Choice::Receive => menu.receive()?,
            Choice::Quit => break,
        };
        if !goes_on {
            break;
        }
    }
    room.result()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Send,
    Receive,
    Quit,
}

struct Menu<'a> {
    room: &'a Room,
    voice: &'a Voice,
    /// How long to wait for a datagram when nothing can be typed any more.
    wait: Option<Duration>,
    console: Console,
    has_terminal: bool,
}

impl Menu<'_> {
    /// Asks until the answer is right; none at the end of the input.
    fn ask<T>(&self, question: &str, parse: impl Fn(&[u8]) -> Result<T, String>) -> Option<T> {
        loop {
            self.prompt(question);
            let answer = match self.room.next_line()? {
                Line {
                    bytes: Some(bytes), ..
                } => parse(&bytes),
                Line { size, .. } => Err(format!(
                    "a line of {size} bytes is longer than any datagram (write less)"
                )),
            };
            match answer {
                Ok(answer) => return Some(answer),
                Err(sentence) => say(sentence),
            }
        }
    }

    /// In a pipe a question has a line of its own, since nobody's key ends it there.
    fn prompt(&self, question: &str) {
        let end = if self.has_terminal { " " } else { "\n" };
        // Whoever cannot see the question may still answer it.
        let _ = io::stderr().write_all(format!("{question}:{end}").as_bytes());
    }

    /// None at the end of the input.
    fn send(&self) -> Option<()> {
        let ip = self.ask("ip", ip)?;
        let port = self.ask("port", port)?;
        let text = self.ask("text", |text| Ok(text.to_vec()))?;
        match self.voice.send(&text, SocketAddr::new(ip, port)) {
            Ok(peer) => {
                let (size, to) = (text.len(), plain(peer.address));
                let noun = if size == 1 { "byte" } else { "bytes" };
                self.console.say(format_args!("sent {size} {noun} to {to}"));
            }
            Err(sentence) => say(sentence),
        }
        Some(())
    }

    /// Shows what has come, or what comes next; false at the end of the input.
    fn receive(&self) -> Result<bool, Failure> {
        if !self.room.has_heard() {
            self.console
                .say("waiting for a datagram; an empty line goes back to the menu");
        }
        match self.room.next_heard(self.wait) {
            Heard::Over => Ok(false),
            Heard::Enough => Ok(true),
            Heard::Datagrams(lines, lost) => {
                if lost > 0 {
                    self.console.say(format_args!(
                        "only the last ones were kept: {lost} are lost"
                    ));
                }
                for line in lines {
                    match self.room.screen().show(&line) {
                        Ok(()) => {}
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                            return Ok(false);
                        }
                        Err(error) => {
                            return Err(Failure::system("cannot write to standard output", &error));
                        }
                    }
                }
                Ok(true)
            }
        }
    }
}

fn say(sentence: String) {
    Failure::new(Code::Failed, sentence).say();
}

fn choice(answer: &[u8]) -> Result<Choice, String> {
    match answer.trim_ascii() {
        b"1" => Ok(Choice::Send),
        b"2" => Ok(Choice::Receive),
        b"3" | b"0" => Ok(Choice::Quit),
        other => Err(format!(
            "'{}' is a bad choice: write 1, 2 or 3",
            shown::line(other)
        )),
    }
}

fn ip(answer: &[u8]) -> Result<IpAddr, String> {
    let text = shown::line(answer.trim_ascii());
    text.parse()
        .map_err(|_| format!("'{text}' is not an IP address: write one such as 127.0.0.1"))
}

fn port(answer: &[u8]) -> Result<u16, String> {
    let text = shown::line(answer.trim_ascii());
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "'{text}' is not a port: write a number from 1 to 65535"
        )),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_only_if_they_are_right() {
        assert_eq!(choice(b" 1 "), Ok(Choice::Send));
        assert_eq!(choice(b"0"), Ok(Choice::Quit));
        for answer in ["", "4", "one", "1 2", "-1"] {
            assert!(
                choice(answer.as_bytes())
                    .unwrap_err()
                    .contains("is a bad choice")
            );
        }
        assert_eq!(port(b"65535"), Ok(65535));
        for answer in ["", "0", "65536", "-1", "http"] {
            assert!(
                port(answer.as_bytes())
                    .unwrap_err()
                    .contains("is not a port")
            );
        }
        assert!(ip(b"::1").is_ok());
        for answer in ["", "1.2.3", "1.2.3.256", "localhost"] {
            assert!(
                ip(answer.as_bytes())
                    .unwrap_err()
                    .contains("is not an IP address")
            );
        }
    }
}
