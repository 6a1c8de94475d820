//! Answers lines after a wait: what a slow database does to the connections beside it, and what it need not do.

use std::thread;
use std::time::Duration;

use socketserver::{
    BlockingHandler, Conn, Datagram, DatagramHandler, DatagramSocket, Handler, HandlerError, Input,
    Stream,
};

use crate::line_by_line::LineByLine;

/// Answers every line with the same line, after waiting for a while.
///
/// It stands for a question to a database or to another server, during which a processor has nothing to do. Here the styles differ, and that
/// is the lesson:
///
/// * With callbacks it waits in [`thread::sleep`], as the call of a database client does that knows nothing of event loops. On a thread of its
///   own nobody else is concerned. On a reactor all other connections of the loop wait too: a hundred connections with a wait of 5 ms
///   get two hundred answers a second, together.
/// * In straight lines it waits in [`Stream::sleep`]. On a thread that is the same; on a reactor only the handler is suspended, and the same hundred
///   connections get nearly twenty thousand answers a second.
///
/// A handler with callbacks that wants to wait properly sets a timer ([`Conn::set_timer`]) and answers when it rings.
///
/// Lines, their limit, and lines that come together are as for [`Work`](crate::Work): each waits its time, one after the other. The wait must be
/// shorter than [`Config::idle_timeout`](socketserver::Config::idle_timeout), since meanwhile nothing moves on the connection.
#[derive(Clone, Debug)]
pub struct Wait {
    time: Duration,
    lines: LineByLine,
}

impl Wait {
    /// A handler that waits so long for each line.
    pub fn new(time: Duration) -> Self {
        Self {
            time,
            lines: LineByLine::new(time),
        }
    }
}

impl Handler for Wait {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.lines
            .received(input, conn, || thread::sleep(self.time))
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.lines.ended(input, conn, || thread::sleep(self.time))
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        LineByLine::timer(conn);
        Ok(())
    }
}

impl BlockingHandler for Wait {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        while let Some(line) = self.lines.receive(stream)? {
            stream.sleep(self.time)?;
            self.lines.others_had_their_turn();
            self.lines.send(&line, stream)?;
        }
        Ok(())
    }
}

/// A datagram is a line, whatever is in it.
impl DatagramHandler for Wait {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        thread::sleep(self.time);
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}
