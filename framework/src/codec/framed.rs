//! A handler of streams, made of a codec and a handler of messages.

use super::message::Channel;
use super::{Codec, Decoded, EncodeError, MessageHandler, Replies};
use crate::net::Address;
use crate::{CloseReason, Conn, Handler, HandlerError, Input};

/// A [`Handler`] that calls a [`MessageHandler`] with the messages that a [`Codec`] finds in the stream.
///
/// All messages that have come are handled in one callback, and the answers leave together. When the
/// handler closes, no further message is handled. When the answers that the peer has not taken reach
/// [`Config::output_high`](crate::Config::output_high), the next message waits until they have fallen to
/// [`Config::output_low`](crate::Config::output_low).
///
/// When the server stops, a message that is half received may complete, until
/// [`Config::drain_timeout`](crate::Config::drain_timeout).
///
/// # Panics
///
/// A codec that finds messages of no length, or longer than its input, panics the callback, which ends its connection with
/// [`CloseReason::Panic`].
#[derive(Clone, Debug)]
pub struct Framed<C, H> {
    codec: C,
    handler: H,
}

impl<C: Codec, H: MessageHandler> Framed<C, H> {
    /// A handler that reads and writes with `codec`, and answers with `handler`.
    pub fn new(codec: C, handler: H) -> Self {
        Self { codec, handler }
    }

    pub(crate) fn parts(&mut self) -> (&mut C, &mut H) {
        (&mut self.codec, &mut self.handler)
    }

    /// Handles one message at the beginning of the input, and says how many bytes there must be if none is complete.
    fn handle_one(
        &mut self,
        input: &mut Input<'_>,
        conn: &mut Conn<'_>,
    ) -> Result<Option<usize>, HandlerError> {
        match self.codec.decode(input)? {
            Decoded::Incomplete { bytes_min } => Ok(Some(bytes_min)),
            Decoded::Message { payload, length } => {
                assert!(
                    length > 0,
                    "a codec found a message of no length: the stream would contain it for ever (count what is around the message)"
                );
                let message = &input.take(length)[payload];
                self.answer(conn, |handler, replies| handler.message(message, replies))?;
                Ok(None)
            }
        }
    }

    fn answer(
        &mut self,
        conn: &mut Conn<'_>,
        callback: impl FnOnce(&mut H, &mut Replies<'_>) -> Result<(), HandlerError>,
    ) -> Result<(), HandlerError> {
        let mut stream = Stream {
            codec: &mut self.codec,
            conn,
        };
        callback(&mut self.handler, &mut Replies::new(&mut stream))
    }
}

impl<C: Codec, H: MessageHandler> Handler for Framed<C, H> {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.answer(conn, H::opened)
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while !input.is_empty() && conn.takes_more() {
            if let Some(bytes_min) = self.handle_one(input, conn)? {
                conn.want(bytes_min);
                break;
            }
        }
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // What was left may contain whole messages that waited for room for their answers. There is no later call for them, so they do not
        // wait any more.
        while !input.is_empty() && conn.is_open() {
            if self.handle_one(input, conn)?.is_some() {
                // While the server stops the end may be our own, since the rest was not waited for. Then half a message is neither a last
                // line, which could do harm, nor the peer's fault.
                if conn.is_stopping() {
                    break;
                }
                let payload = self.codec.decode_end(input)?;
                let message = &input.take_all()[payload];
                self.answer(conn, |handler, replies| handler.message(message, replies))?;
            }
        }
        if conn.is_open() {
            self.answer(conn, H::ended)?;
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.handler.closed(reason);
    }
}

/// The way of a reply through the codec to the connection.
struct Stream<'a, 'c, C> {
    codec: &'a mut C,
    conn: &'a mut Conn<'c>,
}

impl<C: Codec> Channel for Stream<'_, '_, C> {
    fn send(&mut self, message: &[u8]) -> Result<(), EncodeError> {
        let conn = &mut *self.conn;
        self.codec.encode(message, &mut |piece| conn.write(piece))
    }

    fn peer(&self) -> &Address {
        self.conn.peer()
    }

    fn close(&mut self) {
        self.conn.close();
    }

    fn is_stopping(&self) -> bool {
        self.conn.is_stopping()
    }

    fn is_open(&self) -> bool {
        self.conn.is_open()
    }
}
