//! The line door: for `nc`, `telnet`, and programs that send lines.

mod telnet;

use std::time::Duration;

use socketserver::{CloseReason, Conn, Handler, HandlerError, Input};

use self::telnet::{LineFinder, corrected, text_of};
use super::Chat;
use super::flood::Bucket;
use super::hub::{Departure, Outlet};
use super::terminal::{Next, Session};

/// The timer that ends a wait for a token.
const TOKEN: u8 = 0;
/// The timer that ends the wait for a name.
const NAME: u8 = 1;
/// The timer that ends the wait of a last line for a token.
const LAST_TOKEN: u8 = 2;
/// How many lines are heard before others on the same thread have their turn, and before what was said is sent: so many of them may wait there for a member that reads.
const LINES_PER_TURN_MAX: u32 = 100;
/// How long somebody may take to say a name.
const NAME_TIMEOUT: Duration = Duration::from_secs(60);

/// The handler of one connection with a person, or with a program that writes like one. [`Chat::line_door`] makes it.
///
/// The protocol is in `handlers/src/chat/PROTOCOL.md`. Lines that come faster than they may wait in the client's socket, since the connection is not read
/// from until they may be heard.
#[derive(Debug)]
pub struct LineDoor {
    chat: Chat,
    session: Session,
    bucket: Bucket,
    finder: LineFinder,
    /// How many lines were heard since others had their turn for sure.
    heard: u32,
    /// A last line without an end, that waits for a token.
    last: Vec<u8>,
    /// What is answered to the lines of one callback.
    answer: String,
}

impl LineDoor {
    pub(super) fn new(chat: Chat, bucket: Bucket) -> Self {
        let session = Session::new(chat.hub().clone(), chat.lobby().clone());
        Self {
            chat,
            session,
            bucket,
            finder: LineFinder::default(),
            heard: 0,
            last: Vec::new(),
            answer: String::new(),
        }
    }

    /// Hears lines as long as there are whole ones, tokens for them, and room for what they are answered.
    fn hear_all(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Next {
        // Some bytes may ask for a list of many thousands, and be sent many times in one piece. At half of the queue there is still room for the longest list, and for what the rooms
        // say meanwhile.
        let waiting_max = self.chat.hub().settings().queued_bytes_max / 2;
        while let Some(length) = self.finder.find(input) {
            if conn.queued() + self.answer.len() >= waiting_max {
                conn.pause_until_sent();
                return Next::Stay;
            }
            if let Err(wait) = self.take_turn(conn) {
                // Nothing of this line is taken, and it is found again.
                conn.pause_reading();
                conn.set_timer(TOKEN, wait);
                return Next::Stay;
            }
            if self.hear(input.take(length), conn) == Next::Leave {
                return Next::Leave;
            }
        }
        Next::Stay
    }

    fn hear(&mut self, line: &[u8], conn: &mut Conn<'_>) -> Next {
        let bytes = text_of(line);
        let Some(text) = self.session.check(&bytes, &mut self.answer) else {
            return Next::Stay;
        };
        let text = corrected(text);
        if self.session.has_entered() {
            return self.session.hear(&text, &mut self.answer);
        }
        if !text.trim().is_empty() {
            let outlet = Outlet::connection(self.chat.line_wire(), conn.remote());
            self.session.enter(&text, outlet, &mut self.answer);
            if self.session.has_entered() {
                conn.cancel_timer(NAME);
            }
        }
        Next::Stay
    }

    /// Whether another line may be heard now, or how long it has to wait.
    fn take_turn(&mut self, conn: &Conn<'_>) -> Result<(), Duration> {
        if self.heard == LINES_PER_TURN_MAX {
            return Err(Duration::ZERO);
        }
        self.bucket.take(conn.instant())?;
        self.heard += 1;
        Ok(())
    }

    /// Hears the last line if there is one, and a token for it; then the conversation is over.
    fn hear_last(&mut self, conn: &mut Conn<'_>) {
        let line = std::mem::take(&mut self.last);
        if !line.is_empty() {
            if let Err(wait) = self.bucket.take(conn.instant()) {
                self.last = line;
                return conn.set_timer(LAST_TOKEN, wait);
            }
            self.hear(&line, conn);
            self.send_answer(conn);
        }
        self.session.leave(&Departure::Quit(None));
        conn.close();
    }

    fn send_answer(&mut self, conn: &mut Conn<'_>) {
        if !self.answer.is_empty() {
            conn.write(self.answer.as_bytes());
            // Nobody keeps a buffer who says nothing.
            self.answer = String::new();
        }
    }
}

impl Handler for LineDoor {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        Session::greet(&mut self.answer);
        self.send_answer(conn);
        conn.set_timer(NAME, NAME_TIMEOUT);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let next = self.hear_all(input, conn);
        self.send_answer(conn);
        if next == Next::Leave {
            conn.close();
        }
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // The last line need not have an end, unless the end is our own.
        if !conn.is_stopping() {
            self.last = input.take_all().to_vec();
        }
        self.hear_last(conn);
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match timer {
            TOKEN => {
                self.heard = 0;
                conn.resume_reading();
            }
            LAST_TOKEN => self.hear_last(conn),
            _ => {
                conn.write(b"!! no name has come (connect again, and say one)\n");
                conn.close();
            }
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.session.leave(&Departure::Stopping);
        conn.write(b"-- The server stops. Bye.\n");
        conn.close();
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        let departure = match reason {
            CloseReason::SlowMember | CloseReason::WriteTimeout | CloseReason::OutputOverflow => {
                Departure::DidNotRead
            }
            CloseReason::Drained | CloseReason::DrainCut => Departure::Stopping,
            CloseReason::IdleTimeout => Departure::Silent,
            _ => Departure::Lost,
        };
        self.session.leave(&departure);
    }
}
