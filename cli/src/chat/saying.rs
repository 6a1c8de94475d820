//! What is typed, and where it goes.

use std::sync::Arc;

use super::club::{Club, Stage};
use super::complete::Completion;
use crate::exit::{Code, Failure};
use crate::keyboard::{Keyboard, Typed};
use crate::lines::Line;

/// The longest line that servers take.
pub(super) const LINE_BYTES_MAX: usize = 2000;

/// Sends what is typed.
pub(super) struct Saying {
    pub(super) club: Arc<Club>,
    pub(super) is_terminal: bool,
}

impl Saying {
    pub(super) fn run(self, mut keyboard: Keyboard<Completion>) {
        loop {
            match keyboard.next() {
                Ok(Typed::Line(line)) => {
                    if !self.obey(&line) {
                        return;
                    }
                }
                Ok(Typed::Interrupt) => {
                    return self.club.end(Err(Failure::told(Code::Interrupted)));
                }
                Ok(Typed::End) => break,
                Err(failure) => return self.club.end(Err(failure)),
            }
        }
        self.obey_text("/quit");
        self.club.leave();
    }

    /// Does what a line says; false to type no more.
    fn obey(&self, line: &Line) -> bool {
        let Some(bytes) = &line.bytes else {
            complain(&format!(
                "line {} has {} bytes and was not sent, since {LINE_BYTES_MAX} is the most (send it in parts)",
                line.number, line.size
            ));
            return true;
        };
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        // An empty line is pressed by mistake more often than not.
        if text.is_empty() {
            return true;
        }
        self.obey_text(text)
    }

    fn obey_text(&self, text: &str) -> bool {
        let leaves = text.split_whitespace().next() == Some("/quit");
        let stage = if self.is_terminal {
            Some(self.club.stage())
        } else {
            // Nobody is there who could type it again.
            self.club.wait_to_be_in()
        };
        match stage {
            // Whoever leaves before he has come in needs nobody's leave.
            Some(Stage::Away | Stage::Nameless) | None if leaves => self.club.end(Ok(())),
            None => return false,
            Some(Stage::Nameless) => self.club.choose(text),
            Some(Stage::Away) => {
                complain("not connected: this was not sent (wait, or leave with /quit)");
            }
            Some(Stage::In(sender)) => {
                self.club.note(text);
                if let Some(name) = text.strip_prefix("/nick ") {
                    self.club.rename(name.trim());
                }
                // Known before it is sent, since the server may end before the call does.
                if leaves {
                    self.club.leave();
                }
                // What cannot be sent is lost with the connection, which the other thread sees.
                let _ = sender.send(text);
            }
        }
        !leaves
    }
}

fn complain(sentence: &str) {
    let _ = Failure::new(Code::Failed, sentence).say();
}
