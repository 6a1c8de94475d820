//! Messages behind a number that says how long they are.

use super::{Codec, Decoded, EncodeError, FrameError, MESSAGE_BYTES_MAX, check_length};

/// The most bytes that a length may take: as many as a `u64` has.
const WIDTH_MAX: usize = 8;

/// Messages behind their length, a number of one to eight bytes.
///
/// The number counts the bytes of the message, not its own. In Python it is written with `struct.pack`: `big_endian(4)` is `">I"`,
/// `little_endian(4).signed()` is `"<i"`. Messages are limited to 1 MiB less 16 bytes (so that a connection keeps the whole frame by default), or to what the number can say, unless
/// [`max`](LengthPrefix::max) says otherwise.
///
/// ```
/// use socketserver::{Codec, Decoded, LengthPrefix};
///
/// let mut codec = LengthPrefix::little_endian(4).signed().max(1000);
/// assert_eq!(codec.decode(b"\x05\0")?, Decoded::Incomplete { bytes_min: 4 });
/// assert_eq!(codec.decode(b"\x05\0\0\0")?, Decoded::Incomplete { bytes_min: 9 });
/// assert_eq!(codec.decode(b"\x05\0\0\0hello")?, Decoded::Message { payload: 4..9, length: 9 });
///
/// let error = codec.decode(b"\0\0\0\x05hello").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "a message of 83886080 bytes was announced, and at most 1000 are allowed (is the peer's byte order the other one?)"
/// );
/// # Ok::<(), socketserver::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LengthPrefix {
    width: usize,
    order: Order,
    signed: bool,
    /// The longest message that was asked for.
    max: Option<usize>,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl LengthPrefix {
    /// A length of `width` bytes, the most significant one first: the order of networks.
    ///
    /// # Panics
    ///
    /// When `width` is not 1 to 8.
    pub fn big_endian(width: usize) -> Self {
        Self::new(width, Order::Big)
    }

    /// A length of `width` bytes, the least significant one first: the order of most processors.
    ///
    /// # Panics
    ///
    /// When `width` is not 1 to 8.
    pub fn little_endian(width: usize) -> Self {
        Self::new(width, Order::Little)
    }

    fn new(width: usize, order: Order) -> Self {
        assert!(
            (1..=WIDTH_MAX).contains(&width),
            "a length cannot take {width} bytes (choose 1 to {WIDTH_MAX})"
        );
        Self {
            width,
            order,
            signed: false,
            max: None,
        }
    }

    /// The same, with a sign (two's complement). A negative length is an error of the peer.
    ///
    /// # Panics
    ///
    /// When the number is too small now for the maximum that was asked for before.
    pub fn signed(self) -> Self {
        let signed = Self {
            signed: true,
            ..self
        };
        signed.checked()
    }

    /// The same, with messages of at most `bytes` bytes.
    ///
    /// # Panics
    ///
    /// When the number is too small for that.
    pub fn max(self, bytes: usize) -> Self {
        let limited = Self {
            max: Some(bytes),
            ..self
        };
        limited.checked()
    }

    fn checked(self) -> Self {
        if let Some(max) = self.max {
            assert!(
                max as u64 <= self.largest(),
                "a length of {} bytes cannot say {max} (choose more bytes or a lower maximum)",
                self.width
            );
        }
        self
    }

    /// The largest length that the number can say.
    fn largest(self) -> u64 {
        u64::MAX >> (64 - self.bits() + u32::from(self.signed))
    }

    fn bits(self) -> u32 {
        8 * self.width as u32
    }

    fn message_bytes_max(self) -> usize {
        let largest = usize::try_from(self.largest()).unwrap_or(usize::MAX);
        self.max.unwrap_or(MESSAGE_BYTES_MAX.min(largest))
    }

    /// The length that a complete prefix announces.
    fn length(self, prefix: &[u8]) -> Result<usize, FrameError> {
        let max = self.message_bytes_max();
        let length = number(prefix, self.order);
        if self.allows(length) {
            return Ok(length as usize);
        }
        let swapped = self.allows(match self.order {
            Order::Big => number(prefix, Order::Little),
            Order::Little => number(prefix, Order::Big),
        });
        Err(if length > self.largest() {
            // The sign is spread over all bits of a wider number.
            let unused = 64 - self.bits();
            let length = (length << unused).cast_signed() >> unused;
            FrameError::LengthNegative { length, swapped }
        } else {
            FrameError::LengthTooLarge {
                length,
                max,
                swapped,
            }
        })
    }

    fn allows(self, length: u64) -> bool {
        length <= self.message_bytes_max() as u64
    }
}

impl Codec for LengthPrefix {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        let Some(prefix) = input.get(..self.width) else {
            let bytes_min = self.width;
            return Ok(Decoded::Incomplete { bytes_min });
        };
        let length = self.length(prefix)?.saturating_add(self.width);
        Ok(if input.len() < length {
            Decoded::Incomplete { bytes_min: length }
        } else {
            let payload = self.width..length;
            Decoded::Message { payload, length }
        })
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        check_length(message, self.message_bytes_max())?;
        let length = message.len() as u64;
        match self.order {
            Order::Big => output(&length.to_be_bytes()[WIDTH_MAX - self.width..]),
            Order::Little => output(&length.to_le_bytes()[..self.width]),
        }
        output(message);
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        self.message_bytes_max().saturating_add(self.width)
    }
}

/// What at most eight bytes say as a number without a sign.
fn number(bytes: &[u8], order: Order) -> u64 {
    let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, append),
        Order::Little => bytes.iter().rev().fold(0, append),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame;
    use super::*;

    #[test]
    fn every_width_in_both_orders_is_read_back() {
        for width in 1..=8 {
            for codec in [
                LengthPrefix::big_endian(width),
                LengthPrefix::little_endian(width),
                LengthPrefix::big_endian(width).signed(),
                LengthPrefix::little_endian(width).signed(),
            ] {
                let message = [7; 100];
                let framed = frame(&mut { codec }, &message).unwrap();
                let (payload, length) = (width..width + 100, width + 100);
                assert_eq!(framed.len(), length);
                assert_eq!(
                    { codec }.decode(&framed),
                    Ok(Decoded::Message { payload, length })
                );
            }
        }
        let framed = frame(&mut LengthPrefix::big_endian(3), &[1; 258]).unwrap();
        assert_eq!(framed[..4], [0, 1, 2, 1]);
        let framed = frame(&mut LengthPrefix::little_endian(3), &[1; 258]).unwrap();
        assert_eq!(framed[..4], [2, 1, 0, 1]);
    }

    #[test]
    fn the_default_maximum_is_what_fits() {
        let max = |codec: LengthPrefix| codec.message_bytes_max();
        assert_eq!(max(LengthPrefix::big_endian(1)), 255);
        assert_eq!(max(LengthPrefix::big_endian(1).signed()), 127);
        assert_eq!(max(LengthPrefix::big_endian(2)), 65_535);
        assert_eq!(max(LengthPrefix::big_endian(8).signed()), MESSAGE_BYTES_MAX);
        let largest = LengthPrefix::big_endian(8).max(usize::MAX);
        assert_eq!(largest.frame_bytes_max(), usize::MAX);
    }

    #[test]
    fn a_length_that_cannot_be_right_is_refused_when_it_is_complete() {
        let refused = |codec: LengthPrefix, prefix: &[u8]| { codec }.decode(prefix).unwrap_err();
        let little = LengthPrefix::little_endian(4).signed();
        assert_eq!(
            refused(little, b"\xff\xff\xff\x7f"),
            FrameError::LengthTooLarge {
                length: 0x7fff_ffff,
                max: MESSAGE_BYTES_MAX,
                swapped: false
            }
        );
        assert_eq!(
            refused(little, b"\xff\xff\xff\xff"),
            FrameError::LengthNegative {
                length: -1,
                swapped: false
            }
        );
        assert_eq!(
            refused(little, b"\0\0\0\x80"),
            FrameError::LengthNegative {
                length: -0x8000_0000,
                swapped: true
            }
        );
        assert_eq!(
            refused(LengthPrefix::big_endian(2).max(9), b"\x05\0"),
            FrameError::LengthTooLarge {
                length: 0x500,
                max: 9,
                swapped: true
            }
        );
        // One byte is the same in both orders.
        assert_eq!(
            refused(LengthPrefix::big_endian(1).max(9), b"\x0a"),
            FrameError::LengthTooLarge {
                length: 10,
                max: 9,
                swapped: false
            }
        );
    }

    #[test]
    #[should_panic(expected = "a length cannot take 9 bytes (choose 1 to 8)")]
    fn too_wide_a_length_is_the_programmers_error() {
        LengthPrefix::big_endian(9);
    }

    #[test]
    #[should_panic(expected = "a length of 1 bytes cannot say 200")]
    fn a_maximum_that_does_not_fit_is_the_programmers_error() {
        LengthPrefix::big_endian(1).max(200).signed();
    }
}
