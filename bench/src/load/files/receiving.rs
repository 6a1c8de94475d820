//! What has come to a connection: whether it is right, and what follows from it.

use std::io::{self, ErrorKind, Read};

use super::client::{Client, Job, Standing, Step, TURN_BYTES_MAX, Turn};
use super::frames::{self, Reply};
use crate::load::cause;

impl Client {
    /// Receives what is there, but not for ever.
    pub(super) fn receive(&mut self, turn: &mut Turn<'_>) -> Standing {
        let mut received = 0;
        while self.is_readable && received < TURN_BYTES_MAX {
            let Some(socket) = &mut self.socket else {
                return Standing::Waits;
            };
            let count = match socket.read(turn.buffer) {
                Ok(0) => return self.closed(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.broken(&error),
            };
            received += count;
            // A short read has taken everything.
            self.is_readable = count == turn.buffer.len() || self.is_hung_up;
            // The buffer is lent for as long as it is looked at, so that nothing is copied.
            let buffer = std::mem::take(&mut turn.buffer);
            let standing = self.take(&buffer[..count], turn);
            turn.buffer = buffer;
            if standing != Standing::Waits {
                return standing;
            }
        }
        Standing::Waits
    }

    /// Looks at what was received.
    fn take(&mut self, mut bytes: &[u8], turn: &mut Turn<'_>) -> Standing {
        while !bytes.is_empty() {
            let Some(job) = self.job else {
                let (number, count) = (self.number, bytes.len());
                return wrong(format!(
                    "connection {number} got {count} bytes that it had not asked for"
                ));
            };
            let standing = if let (Step::Body(from), Job::Get(file)) = (self.step, job) {
                self.take_body(&mut bytes, from, file, turn)
            } else {
                match self.inbox.take(&mut bytes) {
                    Err(what) => self.not_understood(&what),
                    Ok(None) => Standing::Waits,
                    Ok(Some(reply)) => self.follow(job, &reply, turn),
                }
            };
            match standing {
                Standing::Waits => {}
                Standing::Done if !bytes.is_empty() => {
                    let (number, count) = (self.number, bytes.len());
                    return wrong(format!(
                        "connection {number} got {count} bytes behind what it had asked for"
                    ));
                }
                standing => return standing,
            }
        }
        Standing::Waits
    }

    /// Compares the next bytes of a file.
    fn take_body(
        &mut self,
        bytes: &mut &[u8],
        from: u64,
        file: usize,
        turn: &mut Turn<'_>,
    ) -> Standing {
        let size = turn.pattern.file_bytes();
        let left = usize::try_from(size - from).unwrap_or(usize::MAX);
        let (body, behind) = bytes.split_at(left.min(bytes.len()));
        *bytes = behind;
        if let Some(byte) = turn.pattern.compare(file, from, body) {
            let (number, transfer) = (self.number, self.answered + 1);
            return wrong(format!(
                "byte {byte} of transfer {transfer} on connection {number} is wrong"
            ));
        }
        *turn.moved += body.len() as u64;
        let at = from + body.len() as u64;
        self.step = Step::Body(at);
        if at == size {
            Standing::Done
        } else {
            Standing::Waits
        }
    }

    /// Does what follows from a reply.
    fn follow(&mut self, job: Job, reply: &Reply, turn: &Turn<'_>) -> Standing {
        if !(100..400).contains(&reply.code) {
            return self.refused(reply);
        }
        let size = turn.pattern.file_bytes();
        match (self.step, job) {
            (Step::Answer, _) => Standing::Done,
            (Step::Opened, Job::Put(file)) => {
                let Some(token) = &reply.token else {
                    return self.not_understood("an upload has no token");
                };
                self.say(frames::data(token, size));
                self.sending = Some(0);
                // Nothing is gained by waiting for the word on the bytes before.
                self.after = frames::commit(token, &turn.files[file].hash);
                self.step = Step::Taken;
                Standing::Waits
            }
            (Step::Taken, _) => {
                self.step = Step::Stored;
                Standing::Waits
            }
            (Step::Stored, Job::Put(file)) => match self.difference(file, reply, turn) {
                Some(what) => wrong(what),
                None => Standing::Done,
            },
            (Step::Header, Job::Get(file)) => {
                if let Some(what) = self.difference(file, reply, turn) {
                    return wrong(what);
                }
                self.step = Step::Body(0);
                Standing::Waits
            }
            _ => self.not_understood("a reply came that was not asked for"),
        }
    }

    /// In what a file differs from the one that it should be, by what a reply says of it.
    fn difference(&self, file: usize, reply: &Reply, turn: &Turn<'_>) -> Option<String> {
        let (number, transfer) = (self.number, self.answered + 1);
        let size = turn.pattern.file_bytes();
        if reply.size != Some(size) {
            return Some(format!(
                "transfer {transfer} on connection {number} is one of {} bytes instead of {size}",
                reply
                    .size
                    .map_or("unknown".to_owned(), |size| size.to_string())
            ));
        }
        (reply.hash.as_ref() != Some(&turn.files[file].hash)).then(|| {
            format!("the server has another hash for transfer {transfer} on connection {number}")
        })
    }

    /// A refusal while a file is being sent leaves the connection in the middle of it.
    fn refused(&mut self, reply: &Reply) -> Standing {
        let why = format!(
            "{} ({} {})",
            reply.res.escape_debug(),
            reply.code,
            reply.err.as_deref().unwrap_or("no reason").escape_debug()
        );
        let is_clean = matches!(self.step, Step::Answer | Step::Opened | Step::Header);
        match reply.code {
            400.. if is_clean => Standing::Refused(why),
            400.. => {
                let (number, transfer) = (self.number, self.answered + 1);
                Standing::Over(
                    "refused",
                    format!("the server refused transfer {transfer} on connection {number}: {why}"),
                )
            }
            _ => self.not_understood("a reply has no code: the server does not speak version 2"),
        }
    }

    fn not_understood(&self, what: &str) -> Standing {
        let number = self.number;
        Standing::Over(
            "not_understood",
            format!("connection {number} does not understand the server: {what}"),
        )
    }

    fn closed(&self) -> Standing {
        let (number, answered) = (self.number, self.answered);
        let now = match self.job {
            Some(_) => ", in the middle of another one",
            None => "",
        };
        Standing::Over(
            "closed",
            format!("the server closed connection {number} after {answered} transfers{now}"),
        )
    }

    pub(super) fn broken(&self, error: &io::Error) -> Standing {
        let (number, answered) = (self.number, self.answered);
        let word = match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset",
            _ => "connection",
        };
        let cause = cause(error);
        Standing::Over(
            word,
            format!("connection {number} broke after {answered} transfers: {cause}"),
        )
    }
}

fn wrong(sentence: String) -> Standing {
    Standing::Over("wrong_bytes", sentence)
}
