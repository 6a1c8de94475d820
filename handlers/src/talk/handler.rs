//! The conversation with one peer: its lines go to the desk, while the desk listens.

use std::sync::Arc;
use std::time::Duration;

use socketserver::{CloseReason, Conn, FrameError, Handler, HandlerError, Input, Remote};

use super::LINE_BYTES_MAX;
use super::desk::Desk;
use crate::chat::Text;

/// How long a peer that has never sent a line end is silent when its line is complete.
const SILENCE: Duration = Duration::from_millis(50);
/// The timer that notices it.
const SILENT: u8 = 0;

/// One peer of an [`Operator`](super::Operator) or of [`Turns`](super::Turns), which make it.
///
/// A line that is too long ends the connection, and the peer is told why.
#[derive(Debug)]
pub struct Talk {
    desk: Arc<Desk>,
    /// Who it is, once it has come.
    guest: Option<(u64, Remote)>,
    /// The beginning of a line. It is kept here and not in the connection, since silence may end it.
    begun: Vec<u8>,
    /// Whether the peer has ever sent a line end.
    has_line_ends: bool,
    /// What had come before the end of the peer's side and was not listened to yet, once that has come.
    rest: Option<Vec<u8>>,
    /// Nothing is owed to the peer any more, and it leaves at the next call.
    is_leaving: bool,
}

impl Talk {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            guest: None,
            begun: Vec::new(),
            has_line_ends: false,
            rest: None,
            is_leaving: false,
        }
    }

    fn number(&self) -> u64 {
        self.guest.as_ref().map_or(0, |(number, _)| *number)
    }

    fn listens(&self) -> bool {
        self.desk.listens(self.number())
    }

    /// Takes the next line from what has come, or a beginning of one; how many bytes that were.
    fn take(&mut self, bytes: &[u8], conn: &mut Conn<'_>) -> Result<usize, HandlerError> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        // One byte more, since it may be the first half of the line end.
        let is_too_long = self.begun.len() + piece.len() > LINE_BYTES_MAX + 1;
        if !is_too_long {
            self.begun.extend_from_slice(piece);
        }
        if is_too_long || self.line().len() > LINE_BYTES_MAX {
            conn.write(format!("!! a line may have {LINE_BYTES_MAX} bytes at most\n").as_bytes());
            let max = LINE_BYTES_MAX;
            return Err(FrameError::TooLong { max }.into());
        }
        if end.is_some() {
            self.has_line_ends = true;
            conn.cancel_timer(SILENT);
            self.say();
        }
        Ok(piece.len() + usize::from(end.is_some()))
    }

    /// What has begun, without the CR that may belong to the line end.
    fn line(&self) -> &[u8] {
        self.begun.strip_suffix(b"\r").unwrap_or(&self.begun)
    }

    /// Says what has begun, which is a line now.
    fn say(&mut self) {
        let text = Text::clean_lossy(self.line()).to_string();
        // An idle connection keeps no memory.
        self.begun = Vec::new();
        self.desk.hear(self.number(), text, self.has_line_ends);
    }

    /// Waits for the rest of a line that has begun, if one has.
    fn await_rest(&self, conn: &mut Conn<'_>) {
        if self.begun.is_empty() {
            return;
        }
        if self.has_line_ends {
            // A line is under way, which may take as long as any message.
            conn.want(1);
        } else {
            conn.set_timer(SILENT, SILENCE);
        }
    }

    /// Says what is left after the peer's end, as far as it is listened to, and leaves when nothing is left and no answer is owed.
    fn finish(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let mut rest = self.rest.take().unwrap_or_default();
        let mut taken = 0;
        while taken < rest.len() || !self.begun.is_empty() {
            if !self.listens() {
                rest.drain(..taken);
                self.rest = Some(rest);
                return Ok(());
            }
            taken += self.take(&rest[taken..], conn)?;
            if taken == rest.len() && !self.begun.is_empty() {
                self.say();
            }
        }
        self.rest = Some(Vec::new());
        if self.desk.ends(self.number()) {
            return Ok(());
        }
        // What the operator has said just now is still on its way here. It has come when this is woken.
        if std::mem::replace(&mut self.is_leaving, true) {
            conn.close();
        } else {
            conn.remote().wake();
        }
        Ok(())
    }
}

impl Handler for Talk {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let remote = conn.remote();
        let number = self.desk.arrive(remote.clone(), conn.peer().clone());
        self.guest = Some((number, remote));
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while !input.is_empty() {
            if !self.listens() {
                // Only now, since a peer that has nothing more to say may leave, and that should be seen.
                conn.pause_reading();
                return Ok(());
            }
            let taken = self.take(input, conn)?;
            input.take(taken);
        }
        self.await_rest(conn);
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // The end may be our own, since the server stops; then the beginning of a line is no last one.
        if conn.is_stopping() {
            conn.close();
            return Ok(());
        }
        self.rest = Some(input.take_all().to_vec());
        self.finish(conn)
    }

    fn timer(&mut self, _timer: u8, _conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if !self.begun.is_empty() && self.listens() {
            self.say();
        }
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.rest.is_some() {
            return self.finish(conn);
        }
        if self.listens() {
            conn.resume_reading();
            self.await_rest(conn);
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match &self.guest {
            // What the operator has said just before goes first.
            Some((_, remote)) => remote.close(),
            None => conn.close(),
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        if let Some((number, _)) = &self.guest {
            self.desk.leave(*number, reason);
        }
    }
}
