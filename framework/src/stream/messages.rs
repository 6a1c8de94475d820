//! How whole messages are read and written, with a codec.

use std::io::{self, BufRead};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Stream;
use crate::codec::json;
use crate::{Codec, Decoded};

impl Stream<'_> {
    /// Waits for one message, and lends it. `None` when the input ends between two messages.
    ///
    /// A message that has begun must be complete within [`Config::read_timeout`](crate::Config::read_timeout) (a client has no such limit).
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) around a [`FrameError`](crate::FrameError) when the peer sends what the codec does not allow, or
    /// ends inside a message; passed on by a handler it ends the connection with
    /// [`CloseReason::ProtocolError`](crate::CloseReason::ProtocolError). The same kind with
    /// [`CloseReason::InputOverflow`](crate::CloseReason::InputOverflow) when the message is longer than
    /// [`Config::input_bytes_max`](crate::Config::input_bytes_max).
    ///
    /// # Panics
    ///
    /// When the codec finds a message of no length, or longer than its input.
    ///
    /// # Example
    ///
    /// ```
    /// use socketserver::{HandlerError, LengthPrefix, Stream};
    ///
    /// fn upper(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    ///     let mut codec = LengthPrefix::big_endian(4);
    ///     while let Some(message) = stream.receive(&mut codec)? {
    ///         let answer = message.to_ascii_uppercase();
    ///         stream.send(&answer, &mut codec)?;
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = upper;
    /// ```
    pub fn receive(&mut self, codec: &mut (impl Codec + ?Sized)) -> io::Result<Option<&[u8]>> {
        loop {
            if self.input().is_empty() && self.fill_buf()?.is_empty() {
                return Ok(None);
            }
            // The longest message is a window, so that what is too long does not depend on how it was cut.
            let window = self.input().len().min(self.facts.input_bytes_max);
            let decoded = codec.decode(&self.input()[..window]);
            let (payload, length) = match decoded.inspect_err(|_| self.note_vain_try())? {
                Decoded::Message { payload, length } => {
                    assert!(
                        length > 0,
                        "a codec found a message of no length: the stream would contain it for ever (count what is around the message)"
                    );
                    (payload, length)
                }
                Decoded::Incomplete { bytes_min } if !self.ended || window < self.input().len() => {
                    self.fill_more(bytes_min.max(window + 1))?;
                    continue;
                }
                // The end may be our own: half a message is then neither a last one nor the peer's fault.
                Decoded::Incomplete { .. } if self.is_stopping() => return Ok(None),
                Decoded::Incomplete { .. } => {
                    let length = self.input().len();
                    let payload = codec.decode_end(self.input());
                    (payload.inspect_err(|_| self.note_vain_try())?, length)
                }
            };
            let start = self.buffers.start;
            self.consume(length);
            return Ok(Some(
                &self.buffers.input[start + payload.start..start + payload.end],
            ));
        }
    }

    /// Sends one message when the stream next waits.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) around an [`EncodeError`](crate::EncodeError) when the message cannot be framed; then nothing
    /// of it is sent. Otherwise as for writing.
    pub fn send(&mut self, message: &[u8], codec: &mut (impl Codec + ?Sized)) -> io::Result<()> {
        let mut written = Ok(());
        codec.encode(message, &mut |piece| {
            if written.is_ok() {
                written = io::Write::write_all(self, piece);
            }
        })?;
        written
    }

    /// Waits for one message of JSON. `None` when the input ends between two messages.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Stream::receive), and [`FrameError::Json`](crate::FrameError::Json) when the message is something else.
    pub fn receive_json<T: DeserializeOwned>(
        &mut self,
        codec: &mut (impl Codec + ?Sized),
    ) -> io::Result<Option<T>> {
        match self.receive(codec)? {
            Some(message) => Ok(Some(json::from_frame(message)?)),
            None => Ok(None),
        }
    }

    /// Sends a value as one message of JSON when the stream next waits.
    ///
    /// # Errors
    ///
    /// As for [`send`](Stream::send).
    pub fn send_json<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        codec: &mut (impl Codec + ?Sized),
    ) -> io::Result<()> {
        json::write(value, codec, self)
    }
}
