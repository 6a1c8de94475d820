//! One connection without a socket: its session, and what lies on its wires.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;

use crate::CloseReason;
use crate::session::{Session, Step, Turn, Wire};
use crate::testkit::script::End;

/// One connection, and its wires in both directions.
#[derive(Default)]
pub(super) struct Seat {
    /// None once it is over.
    pub(super) session: Option<Session>,
    /// What the peer has sent and the session has not read, the first `read` bytes of it apart.
    pub(super) incoming: Vec<u8>,
    pub(super) read: usize,
    /// What the peer does last: the end of its side, or a reset.
    pub(super) peer_end: Option<End>,
    /// The session knows of it.
    pub(super) end_delivered: bool,
    /// What was sent to the peer, and not received yet.
    pub(super) outgoing: Vec<u8>,
    /// How our side has ended, as the peer sees it.
    pub(super) end: Option<End>,
    pub(super) reason: Option<CloseReason>,
}

impl Seat {
    /// Sends, receives and closes, until there is nothing to do before the peer does something.
    pub(super) fn run(&mut self, mut room: usize, buffer_bytes: usize, turn: &mut Turn) {
        while let Some(session) = &mut self.session {
            let mut wire = Vein {
                bytes: &mut self.outgoing,
                room: &mut room,
            };
            session.flush(&mut wire, usize::MAX, turn);
            match session.step(turn) {
                Step::Wait => {}
                Step::ShutdownWrite => {
                    self.end = Some(End::Closed);
                    continue;
                }
                Step::Close => return self.finish(End::Closed, turn),
                Step::Reset => return self.finish(End::Reset, turn),
            }
            if !session.wants_input(turn) {
                return;
            }
            if self.read < self.incoming.len() {
                let end = self.incoming.len().min(self.read + buffer_bytes);
                session.receive(&self.incoming[self.read..end], turn);
                self.read = end;
                continue;
            }
            self.incoming.clear();
            self.read = 0;
            match self.peer_end {
                Some(End::Closed) if !self.end_delivered => session.end(turn),
                Some(End::Reset) if !self.end_delivered => {
                    session.fail(io::ErrorKind::ConnectionReset, turn);
                }
                _ => return,
            }
            self.end_delivered = true;
        }
    }

    fn finish(&mut self, end: End, turn: &mut Turn) {
        if let Some(mut session) = self.session.take() {
            self.reason = Some(session.finish(turn));
        }
        // An end that the peer has seen stays one.
        self.end.get_or_insert(end);
    }
}

/// A wire that takes so many bytes, and then is full until the peer does something.
struct Vein<'a> {
    bytes: &'a mut Vec<u8>,
    room: &'a mut usize,
}

impl Wire for Vein<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(*self.room);
        *self.room -= count;
        self.bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn send_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for piece in pieces {
            match self.send(piece) {
                Ok(count) => sent += count,
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        if *self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.min(*self.room)];
        let read = file.read_at(&mut bytes, offset)?;
        self.send(&bytes[..read])
    }
}
