//! JSON as messages: typed requests and responses, over any codec.
//!
//! [`Json`] makes a [`MessageHandler`](crate::MessageHandler) of a [`JsonHandler`], or of a function from a request to a response. With
//! [`Lines`](crate::Lines) that is the format called JSON lines or NDJSON, with [`LengthPrefix`](crate::LengthPrefix) what
//! many programs in Python send. A message is one JSON text with nothing behind it, nested at most 127 deep. Which fields are missing, unknown or of
//! another type is decided by the request's `Deserialize`: `#[serde(deny_unknown_fields)]` is worth writing.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use socketserver::{Framed, HandlerError, Json, Lines};
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Request {
//!     numbers: Vec<f64>,
//! }
//!
//! #[derive(Serialize)]
//! struct Response {
//!     sum: f64,
//! }
//!
//! fn add(request: Request) -> Result<Response, HandlerError> {
//!     Ok(Response { sum: request.numbers.iter().sum() })
//! }
//!
//! // {"numbers":[1,2.5]} is answered with {"sum":3.5}, each on a line of its own.
//! let factory = |_peer: &socketserver::Address| Framed::new(Lines::default(), Json::answering(add));
//! # let _ = factory;
//! ```

mod handler;

use std::cell::Cell;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::handler::{Answering, Json, JsonHandler, JsonReplies};
use super::{Codec, EncodeError, FrameError};

/// Reads one message as JSON.
///
/// # Errors
///
/// [`FrameError::Json`] when it is not JSON, is nested too deeply, or has other fields than `T`.
pub fn from_frame<T: DeserializeOwned>(message: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(message).map_err(|error| FrameError::Json(error.to_string()))
}

/// Writes a value as one message of JSON to a stream that may block, with one call of `write_all`.
///
/// ```
/// use socketserver::LengthPrefix;
/// use socketserver::codec::json;
///
/// let mut sent = Vec::new();
/// json::write(&[1, 2], &mut LengthPrefix::big_endian(2), &mut sent)?;
/// assert_eq!(sent, b"\0\x05[1,2]");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the stream fails, or with [`InvalidInput`](io::ErrorKind::InvalidInput) around an [`EncodeError`] when the value cannot be
/// written as JSON or is too long for the codec. Then nothing of it was written.
pub fn write<T: Serialize + ?Sized>(
    value: &T,
    codec: &mut (impl Codec + ?Sized),
    stream: &mut (impl io::Write + ?Sized),
) -> io::Result<()> {
    let mut frame = Vec::new();
    with_text(value, |text| {
        codec.encode(text, &mut |piece| frame.extend_from_slice(piece))
    })?;
    stream.write_all(&frame)
}

/// Up to which size the buffer of a thread is kept.
const SPARE_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// Where values are written before they are framed: one buffer for each thread, since an idle connection owns none.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes a value as JSON and hands the text on.
fn with_text<T: Serialize + ?Sized>(
    value: &T,
    use_text: impl FnOnce(&[u8]) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let mut text = SPARE.take();
    text.clear();
    let result = serde_json::to_writer(&mut text, value)
        .map_err(|error| EncodeError::Json(error.to_string()))
        .and_then(|()| use_text(&text));
    if text.capacity() <= SPARE_BYTES_MAX {
        SPARE.set(text);
    }
    result
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Lines;

    #[test]
    fn what_is_not_the_expected_json_is_the_peers_mistake() {
        for (message, cause) in [
            ("", "EOF"),
            ("[1", "EOF"),
            ("[1,2]x", "trailing characters"),
            ("{}", "invalid type: map"),
            ("[[]]", "invalid type: sequence"),
        ] {
            let error = from_frame::<Vec<u8>>(message.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(cause), "{error}");
        }
        let lists = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        from_frame::<serde_json::Value>(lists(127).as_bytes()).unwrap();
        for depth in [128, 100_000] {
            let error = from_frame::<serde_json::Value>(lists(depth).as_bytes()).unwrap_err();
            assert!(error.to_string().contains("recursion limit"), "{error}");
        }
        assert_eq!(from_frame::<Vec<u8>>(b" [1, 2] ").unwrap(), [1, 2]);
    }

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for number in [2.760_033_857_352_289_8e-70, 8.888_888_888_888_89e62, -0.0] {
            let mut line = Vec::new();
            write(&number, &mut Lines::default(), &mut line).unwrap();
            let read: f64 = from_frame(&line).unwrap();
            assert_eq!(
                read.to_bits(),
                f64::to_bits(number),
                "{}",
                line.escape_ascii()
            );
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let mut sent = Vec::new();
        let no_texts = BTreeMap::from([([1], 2)]);
        let error = write(&no_texts, &mut Lines::default(), &mut sent).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            "cannot write a value as JSON: key must be a string"
        );
        let error = write("too long", &mut Lines::new(5), &mut sent).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        write("a\n", &mut Lines::new(5), &mut sent).unwrap();
        assert_eq!(sent, b"\"a\\n\"\n");
    }

    #[test]
    fn a_large_value_does_not_keep_its_memory() {
        let text = "x".repeat(2 * SPARE_BYTES_MAX);
        with_text(&text, |_| Ok(())).unwrap();
        assert_eq!(SPARE.take().capacity(), 0);
        with_text("short", |_| Ok(())).unwrap();
        assert!(SPARE.take().capacity() > 0);
    }
}
