//! Whether what a member hears is right: every message of every other speaker, whole, in order, once, and nothing else.
//!
//! A line that is expected is compared as a whole with what must come, and that is all that it costs. Any other line is looked at closely, since it is a
//! notice, which everybody may get, or a fault, which is to be named. A fault ends no connection: what comes behind it tells more.

use super::line::{Line, quoted};
use super::member::{Member, Turn};
use super::messages::Messages;

/// How many messages that were overtaken a member knows by their numbers: the oldest beyond that is lost.
const MISSED_KNOWN_MAX: usize = 4096;

impl Member {
    /// Takes the next message of somebody if these bytes begin with it. Says how many of them it is.
    pub(super) fn take_expected(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Option<usize> {
        let line = bytes.get(..turn.messages.line_bytes())?;
        let speaker = turn.messages.speaker_at_its_place(line)?;
        let next = *self.next.get(speaker)?;
        if speaker == self.number || turn.said.get(speaker)?.line(next)? != line {
            return None;
        }
        self.deliver(speaker, next, turn);
        Some(line.len())
    }

    /// Says what a line is that is not the next message of anybody.
    pub(super) fn judge(&mut self, line: &[u8], turn: &mut Turn<'_>) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        match Line::of(text) {
            Line::Notice(_) => {}
            Line::Refusal(why) => {
                let (number, why) = (self.number, quoted(why));
                turn.tally.note_error("refused", || {
                    format!("the server refused something of member {number}: {why} (it must run with --flood off)")
                });
            }
            Line::Said { room, name, text } => {
                let speaker = (turn.messages.member(name)).filter(|&one| one < turn.said.len());
                let is_here = room == turn.messages.room().as_bytes();
                match speaker {
                    Some(speaker) if is_here => self.judge_message(speaker, text, line, turn),
                    Some(speaker) => self.astray(speaker, room, text, turn),
                    None if is_here => self.not_expected(line, turn),
                    None => self.judge_stranger(room, line, turn),
                }
            }
            Line::Other(Some(room)) => self.judge_stranger(room, line, turn),
            Line::Other(None) => self.not_expected(line, turn),
        }
    }

    /// Somebody of the load says something in the room, and it is not what comes next.
    fn judge_message(&mut self, speaker: usize, text: &[u8], line: &[u8], turn: &mut Turn<'_>) {
        let member = self.number;
        let Some(message) = Messages::number(text) else {
            return self.not_expected(line, turn);
        };
        if speaker == member {
            turn.tally.note_error("own", || {
                format!("{} came back to it", which(speaker, message))
            });
        } else if message < self.next[speaker] {
            if !turn.messages.is_text_of(speaker, message, text) {
                return self.not_expected(line, turn);
            }
            let overtaken = (self.missed.iter()).position(|&missed| missed == (speaker, message));
            if let Some(place) = overtaken {
                self.missed.remove(place);
                turn.tally.note_error("out_of_order", || {
                    format!(
                        "{} came to member {member} after a later one",
                        which(speaker, message)
                    )
                });
            } else {
                turn.tally.note_error("doubled", || {
                    format!("{} came to member {member} twice", which(speaker, message))
                });
            }
        } else if turn.said[speaker].line(message) == Some(line) {
            for overtaken in self.next[speaker]..message {
                self.miss(speaker, overtaken, turn);
            }
            self.deliver(speaker, message, turn);
        } else {
            self.not_expected(line, turn);
        }
    }

    /// Somebody of the load says something in another room.
    fn astray(&mut self, speaker: usize, room: &[u8], text: &[u8], turn: &mut Turn<'_>) {
        let message = Messages::number(text);
        let (member, room) = (self.number, quoted(room));
        turn.tally.note_error("wrong_room", || {
            let what = message.map_or_else(
                || format!("something of member {speaker}"),
                |message| which(speaker, message),
            );
            format!("{what} came to member {member} in the room {room}, where it was not said")
        });
        if speaker != self.number && message == Some(self.next[speaker]) {
            self.pass(speaker, turn);
        }
    }

    /// Somebody else says something. Everybody may be in the lobby, and what strangers say there is their own business.
    fn judge_stranger(&mut self, room: &[u8], line: &[u8], turn: &mut Turn<'_>) {
        if !turn.lobby.is_empty() && room == turn.lobby.as_slice() {
            return;
        }
        self.not_expected(line, turn);
    }

    /// A line that is none of those that may come: a message that was damaged, or nothing that anybody knows.
    fn not_expected(&mut self, line: &[u8], turn: &mut Turn<'_>) {
        let member = self.number;
        let Some((speaker, byte)) = self.nearest(line, turn) else {
            turn.tally.note_error("unexpected", || {
                format!(
                    "member {member} got a line that nobody has said: {}",
                    quoted(line)
                )
            });
            return;
        };
        let message = self.next[speaker];
        turn.tally.note_error("wrong_bytes", || {
            format!(
                "byte {byte} of the line with {} is wrong, as it came to member {member}",
                which(speaker, message)
            )
        });
        self.pass(speaker, turn);
    }

    /// Whose next message this was meant to be, and its first byte that is wrong: the one that it resembles in half of its bytes at least.
    fn nearest(&self, line: &[u8], turn: &Turn<'_>) -> Option<(usize, usize)> {
        let resembles = |speaker: usize| {
            let expected = turn.said[speaker].line(*self.next.get(speaker)?)?;
            let pairs = || line.iter().zip(expected);
            let right = pairs().filter(|(one, other)| one == other).count();
            let shorter = line.len().min(expected.len());
            let wrong = pairs().position(|(one, other)| one != other);
            (2 * right >= expected.len()).then(|| (right, speaker, wrong.unwrap_or(shorter)))
        };
        let speakers = (0..turn.said.len()).filter(|&speaker| speaker != self.number);
        let (_, speaker, byte) = speakers.filter_map(resembles).max_by_key(|found| found.0)?;
        Some((speaker, byte))
    }

    /// A message has come as it should.
    fn deliver(&mut self, speaker: usize, message: u64, turn: &mut Turn<'_>) {
        let due = turn.said[speaker].due(message).unwrap_or(turn.now);
        self.received += 1;
        self.served += u64::from(turn.tally.note_answer(due, turn.now));
        self.next[speaker] = message;
        self.pass(speaker, turn);
    }

    /// The next message of a speaker is dealt with, for this member.
    fn pass(&mut self, speaker: usize, turn: &mut Turn<'_>) {
        let message = self.next[speaker];
        self.next[speaker] += 1;
        if turn.said[speaker].settle(message) {
            turn.completed.push(speaker);
        }
    }

    /// A later message has come before the next one.
    fn miss(&mut self, speaker: usize, message: u64, turn: &mut Turn<'_>) {
        if self.missed.len() == MISSED_KNOWN_MAX
            && let Some(lost) = self.missed.pop_front()
        {
            self.lose(lost, turn);
        }
        self.missed.push_back((speaker, message));
        self.pass(speaker, turn);
    }

    /// What was overtaken has not come in the end either.
    pub(super) fn lose_what_was_missed(&mut self, turn: &mut Turn<'_>) {
        while let Some(lost) = self.missed.pop_front() {
            self.lose(lost, turn);
        }
    }

    fn lose(&self, (speaker, message): (usize, u64), turn: &mut Turn<'_>) {
        let member = self.number;
        turn.tally.note_error("lost", || {
            format!(
                "{} never came to member {member}, and later ones did",
                which(speaker, message)
            )
        });
    }

    /// Waits for nothing more: whatever somebody waits for on its behalf is dealt with.
    pub(super) fn pass_everything(&mut self, turn: &mut Turn<'_>) {
        for speaker in 0..self.next.len() {
            if speaker == self.number {
                continue;
            }
            while self.next[speaker] < turn.said[speaker].end() {
                self.pass(speaker, turn);
            }
        }
    }
}

/// `message 7 of member 0`.
pub(super) fn which(speaker: usize, message: u64) -> String {
    format!("message {} of member {speaker}", message + 1)
}
