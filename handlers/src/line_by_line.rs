//! Lines that are answered with themselves, one after the other, where each takes its time.
//!
//! A peer may send many lines in one piece, and answering them may take far longer than anybody else on the same loop should wait:
//! 64 KiB of empty lines, each with 200 µs of work, are 13 seconds. [`Framed`](socketserver::Framed) answers all that have come in one
//! callback, and the turns that a loop gives its connections are counted in bytes, since it cannot know what bytes cost. Only who
//! knows the price can ration it: after [`TURN`] the rest waits until others had their turn.

use std::io::{self, BufRead};
use std::time::Duration;

use socketserver::{Codec, Conn, Decoded, HandlerError, Input, Lines, Stream};

/// For how long lines of one connection are answered in a row: a tenth of what counts as a slow callback, and ten times what the timer that
/// ends a pause costs at most. A line that takes longer is a turn of its own.
const TURN: Duration = Duration::from_millis(10);

/// How many lines are answered in a row where they take almost no time.
const LINES_MAX: u32 = 1000;

/// The timer that ends a pause.
const NEXT_TURN: u8 = 0;

/// Answers lines in both styles, in turns.
#[derive(Clone, Debug)]
pub(crate) struct LineByLine {
    codec: Lines,
    lines_per_turn: u32,
    /// In straight lines: how many lines were answered since others last had their turn.
    in_a_row: u32,
}

impl LineByLine {
    /// For lines that take so long each.
    pub(crate) fn new(time: Duration) -> Self {
        let fit = TURN.as_nanos() / time.as_nanos().max(1);
        Self {
            codec: Lines::default(),
            lines_per_turn: fit.clamp(1, LINES_MAX.into()) as u32,
            in_a_row: 0,
        }
    }

    /// Answers the whole lines that have come, each after `take_time`, until the turn is over.
    pub(crate) fn received(
        &mut self,
        input: &mut Input<'_>,
        conn: &mut Conn<'_>,
        take_time: impl Fn(),
    ) -> Result<(), HandlerError> {
        for _ in 0..self.lines_per_turn {
            if input.is_empty() {
                return Ok(());
            }
            if let Some(bytes_min) = self.answer_one(input, conn, &take_time)? {
                conn.want(bytes_min);
                return Ok(());
            }
        }
        if !input.is_empty() {
            // What was written leaves now, others have their turn, and what is left is offered again when the timer resumes reading.
            conn.pause_reading();
            conn.set_timer(NEXT_TURN, Duration::ZERO);
        }
        Ok(())
    }

    /// The pause is over.
    pub(crate) fn timer(conn: &mut Conn<'_>) {
        conn.resume_reading();
    }

    /// Answers what is left at the end, of which the last line need not have an end.
    pub(crate) fn ended(
        &mut self,
        input: &mut Input<'_>,
        conn: &mut Conn<'_>,
        take_time: impl Fn(),
    ) -> Result<(), HandlerError> {
        while !input.is_empty() {
            if self.answer_one(input, conn, &take_time)?.is_none() {
                continue;
            }
            // The end may be our own, since the server stops and the rest was not waited for. Half a line is then no last one.
            if conn.is_stopping() {
                break;
            }
            let line = self.codec.decode_end(input)?;
            take_time();
            self.answer(&input.take_all()[line], conn)?;
        }
        conn.close();
        Ok(())
    }

    /// Waits for the next line; `None` at the end. The turns of others come where the stream waits: for input, or here.
    pub(crate) fn receive(&mut self, stream: &mut Stream<'_>) -> io::Result<Option<Vec<u8>>> {
        if self.in_a_row >= self.lines_per_turn {
            self.others_had_their_turn();
            stream.sleep(Duration::ZERO)?;
        }
        let available = stream.fill_buf()?.len();
        let Some(line) = stream.receive(&mut self.codec)? else {
            return Ok(None);
        };
        // Where nothing lies behind this line and its end, the stream waits before the next one anyway.
        let is_followed = available > line.len() + 2;
        self.in_a_row = if is_followed { self.in_a_row + 1 } else { 0 };
        Ok(Some(line.to_vec()))
    }

    /// The stream has waited for something else than this.
    pub(crate) fn others_had_their_turn(&mut self) {
        self.in_a_row = 0;
    }

    /// Answers a line when the stream next waits.
    pub(crate) fn send(&mut self, line: &[u8], stream: &mut Stream<'_>) -> io::Result<()> {
        stream.send(line, &mut self.codec)
    }

    /// Answers the first line, or says how many bytes there must be if it is not whole.
    fn answer_one(
        &mut self,
        input: &mut Input<'_>,
        conn: &mut Conn<'_>,
        take_time: impl Fn(),
    ) -> Result<Option<usize>, HandlerError> {
        match self.codec.decode(input)? {
            Decoded::Incomplete { bytes_min } => Ok(Some(bytes_min)),
            Decoded::Message { payload, length } => {
                take_time();
                self.answer(&input.take(length)[payload], conn)?;
                Ok(None)
            }
        }
    }

    fn answer(&mut self, line: &[u8], conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(self.codec.encode(line, &mut |piece| conn.write(piece))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_at_least_one_line_and_an_end() {
        for (time, lines) in [
            (Duration::from_micros(200), 50),
            (Duration::from_millis(5), 2),
            (Duration::from_secs(1), 1),
            (Duration::ZERO, LINES_MAX),
            (Duration::MAX, 1),
        ] {
            assert_eq!(LineByLine::new(time).lines_per_turn, lines, "{time:?}");
        }
    }
}
