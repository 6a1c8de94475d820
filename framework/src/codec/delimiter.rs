//! Messages that end with bytes of the protocol's choice.

use memchr::memmem::Finder;

use super::{Codec, Decoded, EncodeError, FrameError, check_length};

/// Messages that end with certain bytes, for instance a zero or an empty line.
///
/// The handler gets a message without its delimiter. A message that contains the delimiter cannot be sent.
///
/// ```
/// use socketserver::{Codec, Decoded, Delimiter};
///
/// let mut records = Delimiter::new("--", 80);
/// assert_eq!(records.decode(b"one--two-")?, Decoded::Message { payload: 0..3, length: 5 });
/// assert_eq!(records.decode(b"two-")?, Decoded::Incomplete { bytes_min: 5 });
/// # Ok::<(), socketserver::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delimiter {
    finder: Finder<'static>,
    max: usize,
    /// Before which byte of the message under way no delimiter begins, so that a message that trickles is searched once.
    scanned: usize,
}

impl Delimiter {
    /// Messages of at most `max` bytes that end with `delimiter`, which does not count.
    ///
    /// # Panics
    ///
    /// When `delimiter` is empty: every message would end before its first byte.
    pub fn new(delimiter: impl AsRef<[u8]>, max: usize) -> Self {
        let delimiter = delimiter.as_ref();
        assert!(
            !delimiter.is_empty(),
            "a delimiter has at least one byte (give the bytes that end a message)"
        );
        Self {
            finder: Finder::new(delimiter).into_owned(),
            max,
            scanned: 0,
        }
    }

    /// Whether the peer would see the end of this message at the right place.
    fn is_read_back(&self, message: &[u8]) -> bool {
        let delimiter = self.finder.needle();
        // A delimiter such as "aa" behind "xa" is seen one byte early, since its beginning is also its end.
        let overlaps = |count: &usize| {
            delimiter.ends_with(&delimiter[..delimiter.len() - count])
                && message.ends_with(&delimiter[..*count])
        };
        self.finder.find(message).is_none() && (1..delimiter.len()).find(overlaps).is_none()
    }
}

impl Codec for Delimiter {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        let delimiter = self.finder.needle().len();
        let window = &input[..input.len().min(self.frame_bytes_max())];
        let fresh = window.get(self.scanned..).unwrap_or_default();
        if let Some(index) = self.finder.find(fresh) {
            let end = self.scanned + index;
            self.scanned = 0;
            return Ok(Decoded::Message {
                payload: 0..end,
                length: end + delimiter,
            });
        }
        if window.len() == self.frame_bytes_max() {
            return Err(FrameError::TooLong { max: self.max });
        }
        // The last bytes may be the beginning of a delimiter.
        self.scanned = window.len().saturating_sub(delimiter - 1);
        let bytes_min = window.len() + 1;
        Ok(Decoded::Incomplete { bytes_min })
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        check_length(message, self.max)?;
        if !self.is_read_back(message) {
            return Err(EncodeError::ContainsDelimiter);
        }
        output(message);
        output(self.finder.needle());
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        self.max.saturating_add(self.finder.needle().len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn a_delimiter_may_be_cut_anywhere() {
        let mut codec = Delimiter::new("\r\n\r\n", 10);
        let input = b"a\r\nb\r\n\r\nc";
        for count in 1..8 {
            let bytes_min = count + 1;
            assert_eq!(
                codec.decode(&input[..count]),
                Ok(Decoded::Incomplete { bytes_min })
            );
        }
        let (payload, length) = (0..4, 8);
        assert_eq!(
            codec.decode(input),
            Ok(Decoded::Message { payload, length })
        );
    }

    #[test]
    fn a_message_is_refused_when_no_delimiter_can_end_it_in_time() {
        let mut codec = Delimiter::new("--", 3);
        assert_eq!(
            codec.decode(b"abc-"),
            Ok(Decoded::Incomplete { bytes_min: 5 })
        );
        assert_eq!(codec.decode(b"abc-x"), Err(FrameError::TooLong { max: 3 }));
        assert_eq!(
            Delimiter::new("--", 3).decode(b"abcd--"),
            Err(FrameError::TooLong { max: 3 })
        );
    }

    #[test]
    fn only_the_beginning_of_a_delimiter_is_searched_again() {
        let mut codec = Delimiter::new("--", 100);
        codec.decode(b"abc-").unwrap();
        assert_eq!(codec.scanned, 3);
    }

    #[test]
    fn a_message_that_would_end_early_is_not_sent() {
        for (delimiter, message) in [("--", "a--b"), ("aa", "xa"), ("abab", "xab"), ("--", "-")] {
            assert_eq!(
                frame(&mut Delimiter::new(delimiter, 100), message.as_bytes()),
                Err(EncodeError::ContainsDelimiter),
                "{message} before {delimiter}"
            );
        }
        let framed = frame(&mut Delimiter::new("\r\n", 100), b"a\r").unwrap();
        assert_eq!(framed, b"a\r\r\n");
    }

    #[test]
    #[should_panic(expected = "a delimiter has at least one byte")]
    fn an_empty_delimiter_is_the_programmers_error() {
        Delimiter::new("", 1);
    }
}
