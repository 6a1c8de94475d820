//! Netstrings: a length in decimal digits, a colon, the message, a comma.

use super::{Codec, Decoded, EncodeError, FrameError, MESSAGE_BYTES_MAX, check_length};

/// As many digits as the largest length has, and the colon.
const HEADER_BYTES_MAX: usize = 21;

/// Messages as [netstrings](https://cr.yp.to/proto/netstrings.txt): `5:hello,`.
///
/// A length has no leading zeros, so that each message has exactly one form.
///
/// ```
/// use socketserver::{Codec, Decoded, Netstring};
///
/// let mut codec = Netstring::default();
/// assert_eq!(codec.decode(b"5:hello,")?, Decoded::Message { payload: 2..7, length: 8 });
/// assert_eq!(codec.decode(b"5:he")?, Decoded::Incomplete { bytes_min: 8 });
/// # Ok::<(), socketserver::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Netstring {
    max: usize,
}

impl Netstring {
    /// Netstrings of messages of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { max }
    }
}

/// Netstrings of messages of at most 1 MiB less 16 bytes, so that a connection keeps the whole frame by default.
impl Default for Netstring {
    fn default() -> Self {
        Self::new(MESSAGE_BYTES_MAX)
    }
}

impl Codec for Netstring {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        let Some((length, header)) = self.length(input)? else {
            // The next byte may already be a wrong one.
            let bytes_min = input.len() + 1;
            return Ok(Decoded::Incomplete { bytes_min });
        };
        let end = length.saturating_add(header);
        match input.get(end) {
            None => Ok(Decoded::Incomplete {
                bytes_min: end.saturating_add(1),
            }),
            Some(b',') => Ok(Decoded::Message {
                payload: header..end,
                length: end + 1,
            }),
            Some(&found) => Err(FrameError::CommaMissing { found }),
        }
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        check_length(message, self.max)?;
        let mut buffer = [0; HEADER_BYTES_MAX];
        output(header(message.len(), &mut buffer));
        output(message);
        output(b",");
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        let header = header(self.max, &mut [0; HEADER_BYTES_MAX]).len();
        self.max.saturating_add(header + 1)
    }
}

impl Netstring {
    /// The length of the message and of the header before it, once the colon is there.
    fn length(self, input: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
        let mut length: usize = 0;
        for (index, &byte) in input.iter().enumerate() {
            match byte {
                b'0'..=b'9' if index > 0 && length == 0 => {
                    return Err(FrameError::LengthLeadingZero);
                }
                b'0'..=b'9' => {
                    length = length
                        .checked_mul(10)
                        .and_then(|length| length.checked_add(usize::from(byte - b'0')))
                        .filter(|&length| length <= self.max)
                        .ok_or(FrameError::TooLong { max: self.max })?;
                }
                b':' if index > 0 => return Ok(Some((length, index + 1))),
                found => return Err(FrameError::LengthNotDigits { found }),
            }
        }
        Ok(None)
    }
}

/// The digits of a length and the colon, written from the end since the last digit is known first.
fn header(mut length: usize, buffer: &mut [u8; HEADER_BYTES_MAX]) -> &[u8] {
    let mut start = HEADER_BYTES_MAX - 1;
    buffer[start] = b':';
    loop {
        start -= 1;
        buffer[start] = b'0' + (length % 10) as u8;
        length /= 10;
        if length == 0 {
            return &buffer[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn messages_have_the_form_of_the_specification() {
        for (message, framed) in [
            (b"hello world!".as_slice(), b"12:hello world!,".as_slice()),
            (b"", b"0:,"),
            (
                &[b'x'; 100],
                &[b"100:", [b'x'; 100].as_slice(), b","].concat(),
            ),
        ] {
            assert_eq!(frame(&mut Netstring::default(), message).unwrap(), framed);
        }
        let mut buffer = [0; HEADER_BYTES_MAX];
        assert_eq!(header(usize::MAX, &mut buffer).len(), HEADER_BYTES_MAX);
    }

    #[test]
    fn what_is_no_netstring_is_refused_at_its_first_wrong_byte() {
        for (input, error) in [
            ("00", FrameError::LengthLeadingZero),
            (":", FrameError::LengthNotDigits { found: b':' }),
            ("-", FrameError::LengthNotDigits { found: b'-' }),
            ("1 ", FrameError::LengthNotDigits { found: b' ' }),
            ("101", FrameError::TooLong { max: 100 }),
            ("3:abc;", FrameError::CommaMissing { found: b';' }),
            ("0::", FrameError::CommaMissing { found: b':' }),
        ] {
            let mut codec = Netstring::new(100);
            let (last, bytes) = input.as_bytes().split_last().unwrap();
            assert!(codec.decode(bytes).is_ok(), "before {last} in {input}");
            assert_eq!(codec.decode(input.as_bytes()), Err(error), "{input}");
        }
    }
}
