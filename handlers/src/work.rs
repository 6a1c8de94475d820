//! Answers lines after work: what a computation does to the connections beside it.

use std::time::Duration;

use socketserver::{
    BlockingHandler, Conn, Datagram, DatagramHandler, DatagramSocket, Handler, HandlerError, Input,
    Stream,
};

use crate::line_by_line::LineByLine;
use crate::spin;

/// Answers every line with the same line, after keeping a processor busy for a while.
///
/// It stands for whatever computes: a template, a signature, a compression. Nothing can be done beside it on the same processor, so the modes
/// differ only in how many processors they use. A loop works for one connection at a time, in either style, and all others of the loop
/// wait; with `reactor:N`, `pool` and `threads` the scheduler of the system shares out the processors.
///
/// An answer is the line and LF, whichever line end the peer has sent; a last line without an end is answered too. A line may have 64 KiB. A
/// longer one ends the connection with [`CloseReason::ProtocolError`](socketserver::CloseReason::ProtocolError).
///
/// Several lines that come together are answered in their order, and each takes its time. After ten milliseconds, or one line
/// that takes longer, the answers leave, and the other connections of the loop have their turn before the rest.
#[derive(Clone, Debug)]
pub struct Work {
    time: Duration,
    lines: LineByLine,
}

impl Work {
    /// A handler that works so long for each line, as [`spin`] counts it.
    pub fn new(time: Duration) -> Self {
        Self {
            time,
            lines: LineByLine::new(time),
        }
    }
}

impl Handler for Work {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.lines.received(input, conn, || spin(self.time))
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.lines.ended(input, conn, || spin(self.time))
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        LineByLine::timer(conn);
        Ok(())
    }
}

impl BlockingHandler for Work {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        while let Some(line) = self.lines.receive(stream)? {
            // In `Stream::offload` a loop could serve others meanwhile. Here it is to be seen what happens to those who do not know that.
            spin(self.time);
            self.lines.send(&line, stream)?;
        }
        Ok(())
    }
}

/// A datagram is a line, whatever is in it.
impl DatagramHandler for Work {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        spin(self.time);
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}
