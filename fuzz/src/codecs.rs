//! Which codec is tried: every one of the framework, with every setting that it has.

use arbitrary::Arbitrary;
use socketserver::{Codec, Delimiter, Fixed, LengthPrefix, Lines, Netstring};

/// A codec and its settings.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "they are the settings of the codecs")]
pub enum Choice {
    Lines { max: Max, crlf: bool },
    Delimiter { delimiter: Separator, max: Max },
    Fixed { size: u8 },
    LengthPrefix(Prefix),
    Netstring { max: Max },
}

impl Choice {
    /// A fresh codec.
    pub fn codec(&self) -> Box<dyn Codec> {
        match self {
            Self::Lines { max, crlf: false } => Box::new(Lines::new(max.bytes())),
            Self::Lines { max, crlf: true } => Box::new(Lines::new(max.bytes()).crlf()),
            Self::Delimiter { delimiter, max } => {
                Box::new(Delimiter::new(delimiter.bytes(), max.bytes()))
            }
            Self::Fixed { size } => Box::new(Fixed::new(usize::from(*size) + 1)),
            Self::LengthPrefix(prefix) => Box::new(prefix.codec()),
            Self::Netstring { max } => Box::new(Netstring::new(max.bytes())),
        }
    }

    /// Asserts that no message is longer than the settings allow.
    pub fn assert_allows(&self, messages: &[Vec<u8>]) {
        let max = match self {
            Self::Lines { max, .. } | Self::Delimiter { max, .. } | Self::Netstring { max } => {
                max.bytes()
            }
            Self::Fixed { size } => usize::from(*size) + 1,
            Self::LengthPrefix(prefix) => prefix.message_bytes_max(),
        };
        for message in messages {
            assert!(message.len() <= max, "{} bytes, not {max}", message.len());
        }
    }

    /// How it tells where a message ends.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Lines { .. } => Ending::Line,
            Self::Delimiter { .. } => Ending::Mark,
            Self::Fixed { .. } | Self::LengthPrefix(_) | Self::Netstring { .. } => Ending::Count,
        }
    }

    /// The one size that messages must have, if there is one.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Fixed { size } => Some(usize::from(*size) + 1),
            _ => None,
        }
    }
}

/// How a codec tells where a message ends, which decides what a changed byte can do to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By its size: what is in a message has no part in it.
    Count,
    /// By a mark behind it, without which there is no message.
    Mark,
    /// By a mark behind it that the last one may lack.
    Line,
}

/// The settings of a length prefix.
#[derive(Arbitrary, Clone, Debug)]
pub struct Prefix {
    width: u8,
    is_little: bool,
    is_signed: bool,
    max: Option<Max>,
}

impl Prefix {
    /// A fresh codec.
    pub fn codec(&self) -> LengthPrefix {
        let width = self.width();
        let unsigned = if self.is_little {
            LengthPrefix::little_endian(width)
        } else {
            LengthPrefix::big_endian(width)
        };
        let codec = if self.is_signed {
            unsigned.signed()
        } else {
            unsigned
        };
        match self.max {
            Some(_) => codec.max(self.message_bytes_max()),
            None => codec,
        }
    }

    fn width(&self) -> usize {
        usize::from(self.width % 8) + 1
    }

    /// A maximum that the number cannot say is the programmer's mistake, not a peer's.
    fn message_bytes_max(&self) -> usize {
        let bits = 8 * self.width() as u32 - u32::from(self.is_signed);
        let largest = usize::try_from(u64::MAX >> (64 - bits)).unwrap_or(usize::MAX);
        let wanted = self.max.as_ref().map_or(DEFAULT_MAX, Max::bytes);
        wanted.min(largest)
    }
}

/// The longest message behind a length when nothing else was said.
const DEFAULT_MAX: usize = 1024 * 1024;

/// The longest message: mostly so short that messages around it are common.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Max {
    Short(u8),
    Long(u16),
    Largest,
}

impl Max {
    fn bytes(&self) -> usize {
        match self {
            Self::Short(bytes) => usize::from(bytes % 40),
            Self::Long(bytes) => usize::from(*bytes),
            Self::Largest => usize::MAX,
        }
    }
}

/// The bytes that end a message.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Separator {
    Zero,
    EmptyLine,
    EmptyCrLfLine,
    /// Of two letters only, so that its end is often also its beginning.
    Letters {
        count: u8,
        bits: u8,
    },
}

impl Separator {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Zero => b"\0".to_vec(),
            Self::EmptyLine => b"\n\n".to_vec(),
            Self::EmptyCrLfLine => b"\r\n\r\n".to_vec(),
            Self::Letters { count, bits } => {
                (0..=count % 6).map(|n| b'a' + (bits >> n & 1)).collect()
            }
        }
    }
}

/// One message.
#[derive(Arbitrary, Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Message {
    Bytes(Vec<u8>),
    /// Of bytes that mean something to one of the codecs.
    Meaningful(Vec<u8>),
    /// Long enough for lengths of more than one byte, for little input.
    Repeated {
        byte: u8,
        count: u16,
    },
}

/// Bytes that mean something to one of the codecs.
const MEANINGFUL: &[u8] = b"\r\n\0:,0123456789-ab\xff\x04";
/// The longest message here: longer ones take time and go the same ways.
const REPEATED_MAX: usize = 1500;

impl Message {
    /// The message itself; `size` is the only one that is allowed, if the codec has such.
    pub fn bytes(&self, size: Option<usize>) -> Vec<u8> {
        let meaningful = |byte: &u8| MEANINGFUL[usize::from(*byte) % MEANINGFUL.len()];
        let mut bytes = match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Meaningful(bytes) => bytes.iter().map(meaningful).collect(),
            Self::Repeated { byte, count } => {
                vec![meaningful(byte); usize::from(*count) % (REPEATED_MAX + 1)]
            }
        };
        if let Some(size) = size {
            bytes.resize(size, b'x');
        }
        bytes
    }
}
