//! The conversation in lines: each is a text for somebody, or a command.

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::peers::Peer;
use super::room::{Room, plain};
use super::screen::Screen;
use super::typed::{self, Typed};
use super::voice::Voice;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::lines::Line;
use crate::shown;

/// Goes on until `/quit`, or for a while after the end of the input.
///
/// A line that cannot be sent is said and left out. Where nobody has typed it, and so nobody may see that, the exit code tells in the end.
pub(super) fn run(
    room: &Room,
    voice: &Voice,
    wait: Option<Duration>,
    console: Console,
) -> Result<(), Failure> {
    let mut talk = Talk {
        room,
        voice,
        console,
        told: None,
    };
    if room.screen().has_prompt() {
        console.say("/help tells what can be typed");
    }
    let mut all_done = true;
    loop {
        room.screen().prompt();
        let Some(line) = room.next_line() else {
            room.wait_for_silence(wait);
            break;
        };
        match talk.obey(&line) {
            Ok(true) => {}
            Ok(false) => break,
            Err(sentence) => {
                Failure::new(Code::Failed, sentence).say();
                all_done = false;
            }
        }
    }
    room.result()?;
    if all_done || io::stdin().is_terminal() {
        Ok(())
    } else {
        Err(Failure::told(Code::Failed))
    }
}

struct Talk<'a> {
    room: &'a Room,
    voice: &'a Voice,
    console: Console,
    /// The number of the peer of whom it was said that text without an address goes there.
    told: Option<u64>,
}

impl Talk<'_> {
    /// Does what a line says; false to leave.
    fn obey(&mut self, line: &Line) -> Result<bool, String> {
        let Some(bytes) = &line.bytes else {
            return Err(format!(
                "line {} of standard input has {} bytes, which no datagram can carry (send it in parts)",
                line.number, line.size
            ));
        };
        match typed::parse(bytes) {
            Typed::Nothing => {}
            Typed::Quit => return Ok(false),
            Typed::Help => typed::HELP.into_iter().for_each(Screen::answer),
            Typed::Peers => self.list_peers(),
            Typed::Unknown(command) => {
                return Err(format!(
                    "'{0}' is not a command: write /peers, /help or /quit, or /{0} to send it",
                    shown::line(command)
                ));
            }
            Typed::Plain(text) => self.answer(text)?,
            Typed::Numbered(number, text) => {
                let peer = self.room.peers(|peers| peers.numbered(number));
                let peer = peer.ok_or_else(|| {
                    format!("there is no peer {number}: /peers lists those that are known")
                })?;
                self.spoke(self.voice.send(text, peer.address)?);
            }
            Typed::Addressed(address, text) => {
                self.spoke(self.voice.send_to_written(text, address)?);
            }
        }
        Ok(true)
    }

    /// Sends to whoever was the last, and says so when that is somebody else than before: a datagram may have come while this was typed.
    fn answer(&mut self, text: &[u8]) -> Result<(), String> {
        let last = self.room.peers(|peers| peers.last());
        let last = last.ok_or("nobody was spoken to or heard from yet: write @HOST:PORT text")?;
        let peer = self.voice.send(text, last.address)?;
        if self.told != Some(peer.number) {
            self.console.say(format_args!("to {}", name(peer)));
        }
        self.spoke(peer);
        Ok(())
    }

    fn spoke(&mut self, peer: Peer) {
        self.told = Some(peer.number);
    }

    fn list_peers(&self) {
        let peers = self.room.peers(|peers| peers.all());
        if peers.is_empty() {
            Screen::answer("nobody was spoken to or heard from yet");
        }
        for peer in peers {
            Screen::answer(&name(peer));
        }
    }
}

fn name(peer: Peer) -> String {
    format!("[{}] {}", peer.number, plain(peer.address))
}
