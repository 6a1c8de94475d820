//! One connection: which file it transfers, how far it is, and what it sends next.

use std::io::{self, ErrorKind, Write};

use super::frames::{self, Inbox};
use super::pattern::{PIECE_BYTES, Pattern};
use crate::load::socket::Socket;

/// How many bytes go each way before it is somebody else's turn.
pub(super) const TURN_BYTES_MAX: usize = 4 * PIECE_BYTES;

/// What is done with a file, which is called by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Finds out what the server understands; there is no file.
    Greet,
    /// Takes it, and compares every byte.
    Get(usize),
    /// Puts it there, or in the place of the one that is there.
    Put(usize),
    /// Removes it.
    Remove(usize),
}

/// A file as everybody has it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) hash: String,
}

/// What all connections share for the moment.
pub(super) struct Turn<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) files: &'a [File],
    /// Into which is received.
    pub(super) buffer: &'a mut [u8],
    /// Bytes of files that have gone either way.
    pub(super) moved: &'a mut u64,
}

/// How a job stands after something has happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for the socket.
    Waits,
    /// It could go on at once, and others should come first.
    CouldGoOn,
    /// The job is done.
    Done,
    /// The server does not want it, and says why; the connection goes on.
    Refused(String),
    /// The connection is over, for this reason, which a sentence explains.
    Over(&'static str, String),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A single reply, with which the job is done.
    Answer,
    /// Word that an upload may begin.
    Opened,
    /// Word that all bytes have come.
    Taken,
    /// Word that the file is stored.
    Stored,
    /// The header in front of a file.
    Header,
    /// The file from there on.
    Body(u64),
}

/// One connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about the socket, and none follows from the others"
)]
#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: usize,
    /// None before it begins to connect, and when it is over.
    pub(super) socket: Option<Socket>,
    pub(super) is_connected: bool,
    pub(super) is_readable: bool,
    pub(super) is_writable: bool,
    /// Whether the end is there as well, behind what can be read.
    pub(super) is_hung_up: bool,
    /// Whether it stands in the row of those that could go on.
    pub(super) is_ready: bool,
    pub(super) job: Option<Job>,
    /// When the job began.
    pub(super) since: u64,
    pub(super) step: Step,
    pub(super) inbox: Inbox,
    /// A header that is to be sent, and how much of it is.
    outbox: Vec<u8>,
    outbox_sent: usize,
    /// The place in the file that is sent next, while one is.
    pub(super) sending: Option<u64>,
    /// What follows the file.
    pub(super) after: Vec<u8>,
    /// Transfers that were done, and those of them that were measured.
    pub(super) answered: u64,
    pub(super) served: u64,
}

impl Client {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            socket: None,
            is_connected: false,
            is_readable: false,
            is_writable: false,
            is_hung_up: false,
            is_ready: false,
            job: None,
            since: 0,
            step: Step::Answer,
            inbox: Inbox::default(),
            outbox: Vec::new(),
            outbox_sent: 0,
            sending: None,
            after: Vec::new(),
            answered: 0,
            served: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_connected && self.socket.is_some()
    }

    /// Whether it waits for something, and has reason to: the server has begun to serve it.
    pub(super) fn is_being_served(&self) -> bool {
        let has_begun = !matches!(self.step, Step::Answer | Step::Opened | Step::Header);
        self.is_open() && self.job.is_some() && (has_begun || self.answered > 0)
    }

    /// It is over, with a reset: what is left of a load keeps no ports.
    pub(super) fn end(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.reset_when_dropped();
        }
        self.job = None;
    }

    /// Begins a job; the one before is done.
    pub(super) fn begin(&mut self, job: Job, now: u64, files: &[File], file_bytes: u64) {
        let path = |file: usize| files[file].path.as_str();
        let (header, step) = match job {
            Job::Greet => (frames::hello(), Step::Answer),
            Job::Get(file) => (frames::get(path(file)), Step::Header),
            Job::Put(file) => (frames::open(path(file), file_bytes), Step::Opened),
            Job::Remove(file) => (frames::remove(path(file)), Step::Answer),
        };
        self.job = Some(job);
        self.since = now;
        self.step = step;
        self.say(header);
    }

    pub(super) fn say(&mut self, header: Vec<u8>) {
        self.outbox = header;
        self.outbox_sent = 0;
    }

    /// Sends and receives what the socket has room and bytes for, but not for ever.
    pub(super) fn go_on(&mut self, turn: &mut Turn<'_>) -> Standing {
        let sent = self.send(turn);
        // Whoever has ended the connection may have said why before.
        let standing = self.receive(turn);
        let has_more = self.is_writable && self.has_to_send() || self.is_readable;
        match (standing, sent) {
            (Standing::Waits, Err(error)) => self.broken(&error),
            (Standing::Waits, Ok(())) if has_more && self.socket.is_some() => Standing::CouldGoOn,
            (standing, _) => standing,
        }
    }

    fn has_to_send(&self) -> bool {
        self.outbox_sent < self.outbox.len() || self.sending.is_some()
    }

    fn send(&mut self, turn: &mut Turn<'_>) -> io::Result<()> {
        let mut sent = 0;
        while self.is_writable && sent < TURN_BYTES_MAX {
            let Some(socket) = &mut self.socket else {
                break;
            };
            let bytes = match (&self.outbox[self.outbox_sent..], self.sending, self.job) {
                ([], Some(from), Some(Job::Put(file))) => turn.pattern.piece(file, from),
                ([], ..) => break,
                (header, ..) => header,
            };
            match socket.write(bytes) {
                Ok(count) => {
                    self.is_writable = count == bytes.len();
                    sent += count;
                    self.note_sent(count, turn);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The header goes first, then the file, then what follows it.
    fn note_sent(&mut self, count: usize, turn: &mut Turn<'_>) {
        if self.outbox_sent < self.outbox.len() {
            self.outbox_sent += count;
            return;
        }
        let at = self.sending.unwrap_or(0) + count as u64;
        *turn.moved += count as u64;
        self.sending = (at < turn.pattern.file_bytes()).then_some(at);
        if self.sending.is_none() {
            let after = std::mem::take(&mut self.after);
            self.say(after);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.end();
    }
}
