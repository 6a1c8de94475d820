//! TCP has no messages, so who frames them?
//!
//! A stream socket carries bytes and nothing else. What one side sends with three calls may come with one, and what it
//! sends with one may come in three pieces, cut inside a number or a letter. It mostly comes whole on the developer's
//! machine, which is why programs that take one `recv` for one message are written again and again, and fail later.
//! So somebody must say where a message ends, and there are only these ways to say it:
//!
//! | Codec | A message ends | It may contain | Choose it |
//! |---|---|---|---|
//! | [`Lines`] | at LF or CR LF | anything but LF | for people with `nc` or `telnet`, and for JSON lines |
//! | [`Delimiter`] | at bytes of your choice | anything but these | when the peer has chosen so |
//! | [`Fixed`] | after a certain number of bytes | anything | for records and samples |
//! | [`LengthPrefix`] | after as many bytes as a number before it says | anything | between programs: the usual choice |
//! | [`Netstring`] | the same, the number in decimal digits | anything | when a person should be able to read it |
//!
//! A [`Codec`] knows one of these ways and nothing of sockets. [`Framed`] makes a [`Handler`](crate::Handler) of a codec
//! and a [`MessageHandler`], which is called with whole messages and answers with whole messages.
//! [`Json`](json::Json) makes a `MessageHandler` of one that speaks of typed values. Neither copies a message, nor
//! allocates for one.
//!
//! # Example
//!
//! Texts behind a length of four bytes, the most significant first (as `struct.pack(">I", …)` writes it in Python), come
//! back in capital letters.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::net::TcpStream;
//! use std::thread;
//!
//! use socketserver::{Framed, HandlerError, LengthPrefix, Replies, Server, TcpServer};
//!
//! fn uppercase(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
//!     replies.send(&message.to_ascii_uppercase())?;
//!     Ok(())
//! }
//!
//! /// Sends one message in two pieces, since the stream may do so anyway, and reads one.
//! fn ask(port: u16, text: &[u8]) -> io::Result<Vec<u8>> {
//!     let mut stream = TcpStream::connect(("127.0.0.1", port))?;
//!     let length = u32::try_from(text.len()).map_err(io::Error::other)?;
//!     stream.write_all(&length.to_be_bytes())?;
//!     stream.write_all(text)?;
//!     let mut prefix = [0; 4];
//!     stream.read_exact(&mut prefix)?;
//!     let mut answer = vec![0; u32::from_be_bytes(prefix) as usize];
//!     stream.read_exact(&mut answer)?;
//!     Ok(answer)
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?;
//! let port = server.addresses()[0].port().ok_or("a TCP server has a port")?;
//! let stop = server.stop_handle();
//! let client = thread::spawn(move || {
//!     let answer = ask(port, b"hello");
//!     stop.stop();
//!     answer
//! });
//!
//! server.serve_forever(|_peer| Framed::new(LengthPrefix::big_endian(4), uppercase))?;
//! assert_eq!(client.join().expect("the client does not panic")?, b"HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Three things that must not be mixed up
//!
//! * **A message that is not complete** is no error: [`Decoded::Incomplete`]. The connection keeps what has come, and
//!   [`Config::read_timeout`](crate::Config::read_timeout) limits how long the rest may take.
//! * **What no peer may send** is a [`FrameError`], as soon as the bytes that have come prove it: a length of two gigabytes is refused when
//!   its last digit is there, before anything is allocated or waited for. It ends that connection with
//!   [`CloseReason::ProtocolError`](crate::CloseReason::ProtocolError), which is not counted as a fault of this side.
//! * **What this side may not send** is an [`EncodeError`]: a line with a line end inside would be two messages to the peer.
//!   It ends the connection as any error of a handler does, unless the handler deals with it.
//!
//! # Limits
//!
//! Every codec has a maximum. The connection has one of its own,
//! [`Config::input_bytes_max`](crate::Config::input_bytes_max), and a frame beyond it ends the connection with
//! [`CloseReason::InputOverflow`](crate::CloseReason::InputOverflow) although the codec would take it. So let the one be at
//! least the other's [`Codec::frame_bytes_max`]. A peer that sends many messages and does not read the answers is read from no more when
//! [`Config::output_high`](crate::Config::output_high) is reached, in the middle of what has come already if need be.
//!
//! # A codec of your own
//!
//! Implement [`Codec::decode`], [`Codec::encode`] and [`Codec::frame_bytes_max`]; what a peer may not send is
//! [`FrameError::Malformed`]. Test it with every cut: the beginning of the input, whole or not, must never be mistaken for
//! something else than with the rest behind it.

mod delimiter;
mod error;
mod fixed;
mod framed;
pub mod json;
mod length_prefix;
mod lines;
mod message;
mod netstring;

use std::ops::Range;

pub use self::delimiter::Delimiter;
pub use self::error::{EncodeError, FrameError};
pub use self::fixed::Fixed;
pub use self::framed::Framed;
pub use self::length_prefix::LengthPrefix;
pub use self::lines::Lines;
pub(crate) use self::message::Channel;
pub use self::message::{MessageHandler, Replies};
pub use self::netstring::Netstring;

/// Where messages begin and end in a stream of bytes.
///
/// The caller keeps the bytes, and the codec only says where things are in them. It may remember what it has looked at
/// already, so each stream needs a codec of its own. After an error it need not be usable.
pub trait Codec: Send {
    /// Looks for one message at the beginning of `input`.
    ///
    /// `input` always begins with the first byte of a message. When the message was not complete, the same bytes are offered again with more
    /// behind them, otherwise what follows the message.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be the beginning of any message, whatever follows.
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError>;

    /// Where the last message is in `rest`, now that the peer has sent its end.
    ///
    /// `rest` is not empty, and [`decode`](Codec::decode) has just said that it is not complete.
    ///
    /// # Errors
    ///
    /// By default always, since half a message is none: [`FrameError::EndsInside`].
    fn decode_end(&mut self, rest: &[u8]) -> Result<Range<usize>, FrameError> {
        Err(FrameError::EndsInside { bytes: rest.len() })
    }

    /// Frames one message: calls `output` with its pieces in their order, such as header, payload and trailer, so that nothing is copied.
    ///
    /// # Errors
    ///
    /// When the message cannot be framed. Then `output` has not been called.
    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError>;

    /// How many bytes a message takes at most, with everything around it.
    fn frame_bytes_max(&self) -> usize;
}

/// What a codec sees at the beginning of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole message.
    Message {
        /// Where in the input the message itself is.
        payload: Range<usize>,
        /// How many bytes it takes with everything around it, at least one: the next message begins behind them.
        length: usize,
    },
    /// The beginning of a message.
    Incomplete {
        /// How many bytes there must be in all, those offered included, before another look can tell more.
        bytes_min: usize,
    },
}

impl<C: Codec + ?Sized> Codec for Box<C> {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        (**self).decode(input)
    }
    fn decode_end(&mut self, rest: &[u8]) -> Result<Range<usize>, FrameError> {
        (**self).decode_end(rest)
    }
    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        (**self).encode(message, output)
    }
    fn frame_bytes_max(&self) -> usize {
        (**self).frame_bytes_max()
    }
}

impl<C: Codec + ?Sized> Codec for &mut C {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        (**self).decode(input)
    }
    fn decode_end(&mut self, rest: &[u8]) -> Result<Range<usize>, FrameError> {
        (**self).decode_end(rest)
    }
    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        (**self).encode(message, output)
    }
    fn frame_bytes_max(&self) -> usize {
        (**self).frame_bytes_max()
    }
}

/// What codecs allow by default for one message, where nothing speaks for less: as much as a connection keeps by default
/// (1 MiB), less some bytes for what is around the message.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024 - 16;

/// Refuses a message that the peer's codec would refuse.
fn check_length(message: &[u8], max: usize) -> Result<(), EncodeError> {
    if message.len() <= max {
        Ok(())
    } else {
        Err(EncodeError::TooLong {
            length: message.len(),
            max,
        })
    }
}

/// A message as it travels, for the tests of codecs.
#[cfg(test)]
fn frame(codec: &mut dyn Codec, message: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    codec.encode(message, &mut |piece| bytes.extend_from_slice(piece))?;
    Ok(bytes)
}
