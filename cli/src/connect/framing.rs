//! What lies between lines of text and messages: framing what is typed, and showing what comes.

use clap::ValueEnum;
use serde::de::IgnoredAny;
use socketserver::{Codec, Decoded, FrameError, LengthPrefix, Lines, Netstring};

use crate::exit::{Code, Failure};
use crate::shown;

/// How messages are told apart on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Framing {
    /// Lines, which end with LF or CR LF
    Lines,
    /// JSON texts, each behind its length in four bytes, the least significant first
    #[value(name = "i32le-json")]
    I32leJson,
    /// Netstrings, such as 5:hello,
    Netstring,
    /// Anything, each behind its length in four bytes, the most significant first
    U32be,
}

/// What passes in one direction, and how it is changed on its way.
pub(super) trait Filter: Send {
    /// Bytes have come, or with no bytes at all the end. What they make goes to `output`, also what is before an error.
    fn pass(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Failure>;
}

/// From standard input to the peer.
pub(super) fn outgoing(framing: Option<Framing>) -> Box<dyn Filter> {
    match framing {
        None => Box::new(Unchanged),
        Some(framing) => Box::new(Framed {
            lines: Messages::new(Box::new(Lines::new(MESSAGE_BYTES_MAX))),
            number: 1,
            framing,
            codec: framing.codec(),
        }),
    }
}

/// From the peer to standard output.
pub(super) fn incoming(framing: Option<Framing>) -> Box<dyn Filter> {
    match framing {
        None => Box::new(Unchanged),
        Some(framing) => Box::new(Shown {
            messages: Messages::new(framing.codec()),
            framing,
        }),
    }
}

/// The longest message: what the codecs of the framework have by default, and far more than anybody reads in one line.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

impl Framing {
    /// The word of the command line.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn codec(self) -> Box<dyn Codec> {
        let max = MESSAGE_BYTES_MAX;
        match self {
            Self::Lines => Box::new(Lines::new(max)),
            Self::I32leJson => Box::new(LengthPrefix::little_endian(4).signed().max(max)),
            Self::Netstring => Box::new(Netstring::new(max)),
            Self::U32be => Box::new(LengthPrefix::big_endian(4).max(max)),
        }
    }

    /// Whether a message may travel in this framing, and if not, why.
    fn check(self, message: &[u8]) -> Result<(), String> {
        if self == Self::I32leJson {
            check_json(message)?;
        }
        Ok(())
    }
}

/// Whether these bytes are one JSON text. It is not looked into any further, so that it may say more than numbers and maps of Rust can hold.
fn check_json(message: &[u8]) -> Result<(), String> {
    let text = str::from_utf8(message)
        .map_err(|error| format!("not UTF-8 at column {}", error.valid_up_to() + 1))?;
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string().replace("at line 1 column", "at column")),
    }
}

/// Everything, as it is.
struct Unchanged;

impl Filter for Unchanged {
    fn pass(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        output.extend_from_slice(bytes);
        Ok(())
    }
}

/// Lines of text, which become messages.
struct Framed {
    lines: Messages,
    /// Of the line that comes next.
    number: u64,
    framing: Framing,
    codec: Box<dyn Codec>,
}

impl Filter for Framed {
    fn pass(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        self.lines.push(bytes);
        while self.frame_next(output).map_err(|fault| {
            let sentence = format!("line {} of standard input {fault}", self.number);
            Failure::new(Code::Usage, sentence)
        })? {
            self.number += 1;
        }
        Ok(())
    }
}

impl Framed {
    /// Frames the next line, if one is complete. What is wrong with it is the end of a sentence that begins with the line.
    fn frame_next(&mut self, output: &mut Vec<u8>) -> Result<bool, String> {
        let next = self.lines.next();
        let Some(line) = next
            .map_err(|_| format!("is longer than {MESSAGE_BYTES_MAX} bytes (send it in parts)"))?
        else {
            return Ok(false);
        };
        self.framing
            .check(line)
            .map_err(|cause| format!("is not JSON: {cause} (write one JSON text in each line)"))?;
        self.codec
            .encode(line, &mut |piece| output.extend_from_slice(piece))
            .map_err(|error| format!("is refused: {error}"))?;
        Ok(true)
    }
}

/// Messages, which become lines of text.
struct Shown {
    messages: Messages,
    framing: Framing,
}

impl Filter for Shown {
    fn pass(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        self.messages.push(bytes);
        while let Some(message) = (self.messages.next()).map_err(|error| wrong_peer(&error))? {
            self.framing
                .check(message)
                .map_err(|cause| wrong_peer(&FrameError::Json(cause)))?;
            output.extend_from_slice(shown::line(message).as_bytes());
            output.push(b'\n');
        }
        Ok(())
    }
}

/// The advice that programmers get about maxima does not help those who run this program.
fn wrong_peer(error: &FrameError) -> Failure {
    let cause = match error {
        FrameError::TooLong { max } => format!("a message is longer than {max} bytes"),
        FrameError::LengthTooLarge {
            length,
            max,
            swapped: false,
        } => format!(
            "a message of {length} bytes was announced, and at most {max} are allowed \
             (does the peer use this framing?)"
        ),
        FrameError::Json(cause) => format!("a message is not JSON: {cause}"),
        error => error.to_string(),
    };
    Failure::new(
        Code::Failed,
        format!("the peer broke the protocol: {cause}"),
    )
}

/// Where messages are found in what comes piece by piece.
struct Messages {
    codec: Box<dyn Codec>,
    pending: Vec<u8>,
    /// Where in `pending` the next message begins.
    start: usize,
    ended: bool,
}

impl Messages {
    fn new(codec: Box<dyn Codec>) -> Self {
        Self {
            codec,
            pending: Vec::new(),
            start: 0,
            ended: false,
        }
    }

    /// Adds what has come; nothing is the end.
    fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.start);
        self.start = 0;
        self.pending.extend_from_slice(bytes);
        self.ended = bytes.is_empty();
    }

    /// The next message, if it is complete.
    fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = &self.pending[self.start..];
        if rest.is_empty() {
            return Ok(None);
        }
        let (payload, length) = match self.codec.decode(rest)? {
            Decoded::Message { payload, length } => (payload, length),
            Decoded::Incomplete { .. } if !self.ended => return Ok(None),
            Decoded::Incomplete { .. } => (self.codec.decode_end(rest)?, rest.len()),
        };
        self.start += length;
        Ok(Some(&rest[payload]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Framing; 4] = [
        Framing::Lines,
        Framing::I32leJson,
        Framing::Netstring,
        Framing::U32be,
    ];

    /// Passes pieces of a certain size, and then the end.
    fn pass(filter: &mut dyn Filter, bytes: &[u8], size: usize) -> Vec<u8> {
        let mut output = Vec::new();
        for piece in bytes.chunks(size).chain([&b""[..]]) {
            filter.pass(piece, &mut output).unwrap();
        }
        output
    }

    #[test]
    fn what_is_framed_is_shown_again_however_it_is_cut() {
        let text = b"[1, 2]\n\"three\"\n{}\nnull\n";
        for framing in ALL {
            let framed = pass(&mut *outgoing(Some(framing)), text, text.len());
            for size in 1..=framed.len() {
                assert_eq!(pass(&mut *outgoing(Some(framing)), text, size), framed);
                assert_eq!(pass(&mut *incoming(Some(framing)), &framed, size), text);
            }
        }
    }

    #[test]
    fn each_framing_has_its_form() {
        for (framing, framed) in [
            (None, b"12\n3".as_slice()),
            (Some(Framing::Lines), b"12\n3\n"),
            (Some(Framing::I32leJson), b"\x02\0\0\x0012\x01\0\0\x003"),
            (Some(Framing::Netstring), b"2:12,1:3,"),
            (Some(Framing::U32be), b"\0\0\0\x0212\0\0\0\x013"),
        ] {
            assert_eq!(pass(&mut *outgoing(framing), b"12\n3", 1), framed);
        }
    }

    #[test]
    fn json_is_whatever_json_may_be() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in ["1e999", "\"\\ud800\"", " {} ", "[1,\n2]", &deep] {
            assert_eq!(check_json(text.as_bytes()), Ok(()));
        }
        for (text, cause) in [
            (b"".as_slice(), "EOF while parsing a value at column 0"),
            (b"{'a': 1}", "key must be a string at column 2"),
            (b"[1] [2]", "trailing characters at column 5"),
            (b"\"\xff\"", "not UTF-8 at column 2"),
            (b"[\n1", "EOF while parsing a list at line 2 column 1"),
        ] {
            assert_eq!(check_json(text).unwrap_err(), cause);
        }
    }
}
