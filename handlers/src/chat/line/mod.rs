//! The line door: for `nc`, `telnet`, and programs that send lines.

mod telnet;

use std::time::{Duration, Instant};

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
            answer: String::new(),
        }
    }

    /// Hears lines as long as there are whole ones, and tokens for them.
    fn hear_all(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Next {
        while let Some(length) = self.finder.find(input) {
            if let Err(wait) = self.bucket.take(Instant::now()) {
                // Nothing of this line is taken, so that it is looked for again.
                self.finder = LineFinder::default();
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
        if !input.is_empty() && !conn.is_stopping() && self.bucket.take(Instant::now()).is_ok() {
            self.hear(input.take_all(), conn);
            self.send_answer(conn);
        }
        self.session.leave(&Departure::Quit(None));
        conn.close();
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if timer == TOKEN {
            conn.resume_reading();
        } else {
            conn.write(b"!! no name has come (connect again, and say one)\n");
            conn.close();
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
