//! Messages that all have the same size.

use super::{Codec, Decoded, EncodeError, FrameError};

/// Messages of one size, with nothing around them.
///
/// ```
/// use socketserver::{Codec, Decoded, Fixed};
///
/// let mut samples = Fixed::new(8);
/// assert_eq!(samples.decode(b"12345678123")?, Decoded::Message { payload: 0..8, length: 8 });
/// assert_eq!(samples.decode(b"123")?, Decoded::Incomplete { bytes_min: 8 });
/// # Ok::<(), socketserver::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    size: usize,
}

impl Fixed {
    /// Messages of exactly `size` bytes.
    ///
    /// # Panics
    ///
    /// When `size` is zero: a stream would contain messages without end.
    pub fn new(size: usize) -> Self {
        assert!(
            size > 0,
            "a message of a fixed size has at least one byte (give the size)"
        );
        Self { size }
    }
}

impl Codec for Fixed {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        let size = self.size;
        Ok(if input.len() < size {
            Decoded::Incomplete { bytes_min: size }
        } else {
            Decoded::Message {
                payload: 0..size,
                length: size,
            }
        })
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        if message.len() != self.size {
            return Err(EncodeError::WrongSize {
                length: message.len(),
                size: self.size,
            });
        }
        output(message);
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn a_message_of_another_size_is_not_sent() {
        assert_eq!(frame(&mut Fixed::new(3), b"abc").unwrap(), b"abc");
        for (message, length) in [("ab", 2), ("abcd", 4), ("", 0)] {
            assert_eq!(
                frame(&mut Fixed::new(3), message.as_bytes()),
                Err(EncodeError::WrongSize { length, size: 3 })
            );
        }
    }

    #[test]
    fn half_a_message_at_the_end_is_an_error() {
        assert_eq!(
            Fixed::new(3).decode_end(b"ab"),
            Err(FrameError::EndsInside { bytes: 2 })
        );
    }

    #[test]
    #[should_panic(expected = "at least one byte")]
    fn no_size_is_the_programmers_error() {
        Fixed::new(0);
    }
}
