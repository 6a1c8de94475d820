//! Framing: when a message is whole, and how to be called with nothing less.
//!
//! # The sticky packet
//!
//! A stream has no packets. A client writes `hello` and then `world`; its system, the network and yours may deliver `hello` and `world`,
//! or `helloworld`, or `hell` and `oworld`. All three are right. A program that takes what one `recv` returns for one message works on
//! the developer's machine, where the first case is the usual one:
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::net::{Shutdown, TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let (mut server, _) = listener.accept()?;
//!
//! client.write_all(b"hello")?; // two messages, as the client sees it
//! client.write_all(b"world")?;
//! client.shutdown(Shutdown::Write)?;
//!
//! let mut buffer = [0; 1024];
//! let mut pieces = Vec::new();
//! loop {
//!     let count = server.read(&mut buffer)?;
//!     if count == 0 {
//!         break;
//!     }
//!     pieces.push(buffer[..count].to_vec());
//! }
//! // One piece, or two, or ten: nobody promises a number. Only this holds:
//! assert_eq!(pieces.concat(), b"helloworld");
//! # Ok::<(), io::Error>(())
//! ```
//!
//! No option of the socket repairs that: `TCP_NODELAY` and a pause between the writes make the first case more frequent and nothing more.
//! The two sides must agree on where a message ends, and there are only a few ways to say so.
//!
//! # Which codec
//!
//! | The peer | Codec | A message on its way |
//! |---|---|---|
//! | is a person with `nc` or `telnet`, or a program that reads lines | [`Lines`] | `hello\n` |
//! | sends JSON, and people should be able to look at it | [`Lines`] with [`Json`] | `{"say":"hello"}\n` |
//! | is a program of yours | [`LengthPrefix::big_endian`]`(4)` | `00 00 00 05` `hello` |
//! | is Python, with `struct.pack("i", …)` | [`LengthPrefix::little_endian`]`(4).signed()` | `05 00 00 00` `hello` |
//! | wants binary messages that can still be read in a trace | [`Netstring`] | `5:hello,` |
//! | sends samples or records of one size | [`Fixed`] | `hello` |
//! | separates in its own way, such as by a zero byte or an empty line | [`Delimiter`] | `hello\0` |
//! | does something else | a [`Codec`] of your own | |
//!
//! With lengths a message may contain anything, and a receiver knows at the beginning how much will come. With delimiters a
//! person can type it, but what is sent must not contain the delimiter, which the codecs check. And a protocol in which the
//! client asks once, ends its side and reads the answer to its end needs no codec at all: the end of the stream is a frame too.
//!
//! # One codec, three places
//!
//! As callbacks, [`Framed`] calls a [`MessageHandler`] with whole messages:
//!
//! ```
//! use socketserver::{Framed, HandlerError, LengthPrefix, Replies};
//!
//! fn upper(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
//!     Ok(replies.send(&message.to_ascii_uppercase())?)
//! }
//!
//! let factory = |_peer: &socketserver::Address| Framed::new(LengthPrefix::big_endian(4), upper);
//! # let _ = factory;
//! ```
//!
//! In straight lines, [`Stream::receive`] waits for one and [`Stream::send`] writes one. A client does the same with the same words:
//!
//! ```
//! use std::io::{self, Write};
//! use socketserver::{HandlerError, LengthPrefix, Server, Stream, TcpServer};
//!
//! fn upper(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!     let mut codec = LengthPrefix::big_endian(4);
//!     while let Some(message) = stream.receive(&mut codec)? {
//!         let answer = message.to_ascii_uppercase();
//!         stream.send(&answer, &mut codec)?;
//!     }
//!     Ok(())
//! }
//!
//! fn ask(address: &str) -> io::Result<Option<Vec<u8>>> {
//!     let (mut stream, mut codec) = (Stream::connect(address)?, LengthPrefix::big_endian(4));
//!     stream.write_all(b"\0\0\0")?; // a message in three pieces, each of which arrives alone
//!     stream.flush()?;
//!     stream.write_all(b"\x05hel")?;
//!     stream.flush()?;
//!     stream.write_all(b"lo")?;
//!     Ok(stream.receive(&mut codec)?.map(<[u8]>::to_vec))
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?;
//! let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! let client = std::thread::spawn(move || {
//!     let answer = ask(&address);
//!     stop.stop();
//!     answer
//! });
//! server.serve_forever_blocking(|_peer| upper)?;
//! assert_eq!(client.join().expect("the client does not panic")?.as_deref(), Some(&b"HELLO"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Json`], [`Stream::receive_json`] and [`Stream::send_json`] put typed values on top, over any codec.
//!
//! # Without a codec
//!
//! A [`Handler`] leaves in its [`Input`] what is not whole yet, and is offered it again with what comes next; it needs no buffer.
//! If it knows how much is missing, [`Conn::want`] saves the calls in between.
//!
//! ```
//! use socketserver::{Conn, Handler, HandlerError, Input};
//!
//! /// Adds up records of eight bytes.
//! struct Sum(u64);
//!
//! impl Handler for Sum {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         while let Some(record) = input.first_chunk() {
//!             self.0 = self.0.wrapping_add(u64::from_be_bytes(*record));
//!             input.take(8);
//!         }
//!         if !input.is_empty() {
//!             conn.want(8);
//!         }
//!         Ok(())
//!     }
//! }
//! ```
//!
//! A [`BlockingHandler`] has [`Stream::read_exact_or_end`], which tells the end between two records from the end amid one, and
//! everything that the standard library reads with.
//!
//! # Limits
//!
//! * **Every codec has a maximum**: 64 KiB for [`Lines`], 1 MiB less 16 bytes for lengths unless you say otherwise. What is longer is refused as soon
//!   as that is known, which for lengths is before the first byte of the message; the connection ends with [`CloseReason::ProtocolError`].
//! * **The connection has one too**, [`Config::input_bytes_max`], which is 1 MiB and counts the frame with its header. What is longer ends with
//!   [`CloseReason::InputOverflow`], so let [`Codec::frame_bytes_max`] be at most the setting:
//!
//! ```
//! use socketserver::{Codec, Config, LengthPrefix};
//!
//! let config = Config::default();
//! let codec = LengthPrefix::big_endian(4).max(config.input_bytes_max - 4);
//! assert!(codec.frame_bytes_max() <= config.input_bytes_max);
//! ```
//!
//! * **A message has a time**: [`Config::read_timeout`] from its first byte to its last, however it trickles. That holds where
//!   the framework knows that a message is under way: with a codec, with [`Stream::read_line`], with [`Conn::want`], with what a handler
//!   leaves. Who reads with [`BufRead::lines`](std::io::BufRead::lines) or [`Read::read_to_end`](std::io::Read::read_to_end) has neither
//!   this limit nor one of length, as in Python: take [`Read::take`](std::io::Read::take) and [`Stream::set_deadline`], or a
//!   codec.
//! * **Answers have room**: [`Framed`] leaves the next message where it is while the peer does not read, and a [`Stream`] waits
//!   in its writing.
//!
//! # Three things that must not be mixed up
//!
//! | | Is | Ends with |
//! |---|---|---|
//! | a message that is not whole yet | nothing: more will come | |
//! | what no peer may send, or an end amid a message | a [`FrameError`](crate::FrameError), the peer's fault | [`CloseReason::ProtocolError`], and no call of [`Hooks::handle_error`](crate::Hooks::handle_error) |
//! | what this side may not send | an [`EncodeError`](crate::EncodeError), a mistake of the program | [`CloseReason::HandlerError`], unless the handler deals with it |

#[cfg(doc)]
use crate::{
    BlockingHandler, CloseReason, Codec, Config, Conn, Delimiter, Fixed, Framed, Handler, Input,
    Json, LengthPrefix, Lines, MessageHandler, Netstring, Stream,
};
