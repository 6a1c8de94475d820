//! Lines: messages that end with LF or CR LF.

use std::ops::Range;

use memchr::memchr;

use super::{Codec, Decoded, EncodeError, FrameError, check_length};

/// The longest line by default: far longer than what people write, far shorter than what hurts.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Messages that are lines.
///
/// A line ends with LF or CR LF, and both kinds may follow each other on one connection. The handler gets it without its
/// end. What the peer has left without an end when it closes is a last line, as `readline` of Python has it; a CR at its end counts as
/// the beginning of the line end.
///
/// What is sent ends with LF, or with CR LF after [`crlf`](Lines::crlf). A message that ends with a CR of its own always
/// gets CR LF, since with LF alone its CR would be read as part of the line end. One that contains LF is refused.
///
/// ```
/// use socketserver::{Codec, Decoded, Lines};
///
/// let mut lines = Lines::new(80);
/// assert_eq!(lines.decode(b"hel")?, Decoded::Incomplete { bytes_min: 4 });
/// assert_eq!(lines.decode(b"hello\r\nnext")?, Decoded::Message { payload: 0..5, length: 7 });
/// # Ok::<(), socketserver::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    max: usize,
    crlf: bool,
    /// How many bytes of the line under way were searched for its end, so that a line that trickles is searched once.
    scanned: usize,
}

impl Lines {
    /// Lines of at most `max` bytes, their ends not counted.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            crlf: false,
            scanned: 0,
        }
    }

    /// The same, but what is sent ends with CR LF, as the older protocols of the Internet and `telnet` want it.
    pub fn crlf(self) -> Self {
        Self { crlf: true, ..self }
    }
}

/// Lines of at most 64 KiB.
impl Default for Lines {
    fn default() -> Self {
        Self::new(LINE_BYTES_MAX)
    }
}

impl Codec for Lines {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        // Where the longest line with the longest end ends. What lies beyond cannot change anything.
        let window = &input[..input.len().min(self.frame_bytes_max())];
        let fresh = window.get(self.scanned..).unwrap_or_default();
        let end = memchr(b'\n', fresh).map(|index| self.scanned + index);
        let payload = 0..without_cr(&window[..end.unwrap_or(window.len())]);
        if payload.end > self.max {
            return Err(FrameError::TooLong { max: self.max });
        }
        if let Some(end) = end {
            self.scanned = 0;
            let length = end + 1;
            return Ok(Decoded::Message { payload, length });
        }
        self.scanned = window.len();
        let bytes_min = window.len() + 1;
        Ok(Decoded::Incomplete { bytes_min })
    }

    fn decode_end(&mut self, rest: &[u8]) -> Result<Range<usize>, FrameError> {
        Ok(0..without_cr(rest))
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        check_length(message, self.max)?;
        if memchr(b'\n', message).is_some() {
            return Err(EncodeError::ContainsDelimiter);
        }
        output(message);
        output(if self.crlf || message.ends_with(b"\r") {
            b"\r\n"
        } else {
            b"\n"
        });
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        self.max.saturating_add(2)
    }
}

/// How long a line is without the CR that may belong to its end.
fn without_cr(line: &[u8]) -> usize {
    line.len() - usize::from(line.ends_with(b"\r"))
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn a_line_of_the_longest_length_passes_with_either_end() {
        for line in ["abc\n", "abc\r\n"] {
            let decoded = Lines::new(3).decode(line.as_bytes());
            let (payload, length) = (0..3, line.len());
            assert_eq!(decoded, Ok(Decoded::Message { payload, length }));
        }
    }

    #[test]
    fn a_line_is_refused_at_the_first_byte_too_many() {
        let too_long = Err(FrameError::TooLong { max: 3 });
        for input in [b"abcd".as_slice(), b"abcd\n", b"abc\r\r", b"abc\rd\n"] {
            assert_eq!(Lines::new(3).decode(input), too_long, "{input:?}");
        }
        let waiting = Ok(Decoded::Incomplete { bytes_min: 5 });
        assert_eq!(Lines::new(3).decode(b"abc\r"), waiting);
    }

    #[test]
    fn a_byte_that_was_searched_is_not_searched_again() {
        let mut lines = Lines::default();
        lines.decode(b"abc").unwrap();
        assert_eq!(lines.scanned, 3);
        // Where nothing is searched again, a line end that was put there meanwhile is not found.
        assert_eq!(
            lines.decode(b"\nbcd"),
            Ok(Decoded::Incomplete { bytes_min: 5 })
        );
    }

    #[test]
    fn the_rest_is_a_last_line() {
        for (rest, payload) in [("abc", 0..3), ("abc\r", 0..3), ("\r", 0..0)] {
            assert_eq!(Lines::new(3).decode_end(rest.as_bytes()), Ok(payload));
        }
    }

    #[test]
    fn what_is_sent_has_the_chosen_end() {
        let frame = |mut lines: Lines, message: &str| frame(&mut lines, message.as_bytes());
        assert_eq!(frame(Lines::new(3), "abc").unwrap(), b"abc\n");
        assert_eq!(frame(Lines::new(3).crlf(), "").unwrap(), b"\r\n");
        assert_eq!(frame(Lines::new(3), "ab\r").unwrap(), b"ab\r\r\n");
        assert_eq!(
            frame(Lines::new(3), "a\nb"),
            Err(EncodeError::ContainsDelimiter)
        );
        assert_eq!(
            frame(Lines::new(3), "abcd"),
            Err(EncodeError::TooLong { length: 4, max: 3 })
        );
    }
}
