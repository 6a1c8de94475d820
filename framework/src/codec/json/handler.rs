//! What a user writes who thinks in typed values: a [`JsonHandler`], and the [`JsonReplies`] it answers with.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{from_frame, with_text};
use crate::codec::{EncodeError, FrameError, MessageHandler, Replies};
use crate::net::Address;
use crate::{CloseReason, HandlerError};

/// A conversation in typed values.
///
/// ```
/// use std::collections::BTreeMap;
/// use socketserver::{Framed, HandlerError, Json, JsonHandler, JsonReplies, LengthPrefix};
///
/// /// Remembers one number for each name, and answers with the number before.
/// #[derive(Default)]
/// struct Memory(BTreeMap<String, i64>);
///
/// impl JsonHandler for Memory {
///     type Request = (String, i64);
///     type Response = Option<i64>;
///
///     fn request(
///         &mut self,
///         (name, number): (String, i64),
///         replies: &mut JsonReplies<'_, Option<i64>>,
///     ) -> Result<(), HandlerError> {
///         replies.send(&self.0.insert(name, number))?;
///         Ok(())
///     }
/// }
///
/// let codec = LengthPrefix::little_endian(4);
/// let factory = move |_peer: &socketserver::Address| Framed::new(codec, Json::new(Memory::default()));
/// # let _ = factory;
/// ```
pub trait JsonHandler: Send {
    /// What the peer sends.
    type Request: DeserializeOwned;
    /// What it is answered.
    type Response: Serialize;

    /// The peer is there. Here a server that speaks first sends its greeting.
    fn opened(
        &mut self,
        replies: &mut JsonReplies<'_, Self::Response>,
    ) -> Result<(), HandlerError> {
        let _ = replies;
        Ok(())
    }

    /// A request has come.
    fn request(
        &mut self,
        request: Self::Request,
        replies: &mut JsonReplies<'_, Self::Response>,
    ) -> Result<(), HandlerError>;

    /// A message has come that is no request. The default ends the conversation with
    /// [`CloseReason::ProtocolError`]; a handler that answers instead may go on, since the next message is not affected.
    fn refused(
        &mut self,
        error: FrameError,
        replies: &mut JsonReplies<'_, Self::Response>,
    ) -> Result<(), HandlerError> {
        let _ = replies;
        Err(error.into())
    }

    /// The peer has sent its last request, but may still read. The default closes, after everything that was sent.
    fn ended(&mut self, replies: &mut JsonReplies<'_, Self::Response>) -> Result<(), HandlerError> {
        replies.close();
        Ok(())
    }

    /// The conversation is over: called exactly once for every handler that was made, last of all.
    fn closed(&mut self, reason: &CloseReason) {
        let _ = reason;
    }
}

/// A [`MessageHandler`] that reads requests and writes responses as JSON.
#[derive(Clone, Debug)]
pub struct Json<H> {
    handler: H,
}

impl<H: JsonHandler> Json<H> {
    /// Answers with a handler.
    pub fn new(handler: H) -> Self {
        Self { handler }
    }
}

impl<F, Q, R> Json<Answering<F, Q, R>>
where
    F: FnMut(Q) -> Result<R, HandlerError> + Send,
    Q: DeserializeOwned,
    R: Serialize,
{
    /// Answers each request with one response, which a function makes of it.
    pub fn answering(function: F) -> Self {
        Self::new(Answering {
            function,
            types: PhantomData,
        })
    }
}

impl<H: JsonHandler> MessageHandler for Json<H> {
    fn opened(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        self.handler.opened(&mut JsonReplies::new(replies))
    }

    fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        let replies = &mut JsonReplies::new(replies);
        match from_frame(message) {
            Ok(request) => self.handler.request(request, replies),
            Err(error) => self.handler.refused(error, replies),
        }
    }

    fn ended(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        self.handler.ended(&mut JsonReplies::new(replies))
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.handler.closed(reason);
    }
}

/// A function from a request to a response, as a [`JsonHandler`]; made by [`Json::answering`].
pub struct Answering<F, Q, R> {
    function: F,
    types: PhantomData<fn(Q) -> R>,
}

impl<F, Q, R> JsonHandler for Answering<F, Q, R>
where
    F: FnMut(Q) -> Result<R, HandlerError> + Send,
    Q: DeserializeOwned,
    R: Serialize,
{
    type Request = Q;
    type Response = R;

    fn request(
        &mut self,
        request: Q,
        replies: &mut JsonReplies<'_, R>,
    ) -> Result<(), HandlerError> {
        let response = (self.function)(request)?;
        Ok(replies.send(&response)?)
    }
}

impl<F, Q, R> fmt::Debug for Answering<F, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

/// The way back to the peer for values of one type, during a callback of a [`JsonHandler`].
pub struct JsonReplies<'a, R> {
    replies: Replies<'a>,
    response: PhantomData<fn(&R)>,
}

impl<'a, R: Serialize> JsonReplies<'a, R> {
    fn new(replies: &'a mut Replies<'_>) -> Self {
        Self {
            replies: replies.lend(),
            response: PhantomData,
        }
    }

    /// Sends one value to the peer, after everything that was sent before.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, or not be framed. Then nothing of it was sent.
    pub fn send(&mut self, response: &R) -> Result<(), EncodeError> {
        with_text(response, |text| self.replies.send(text))
    }

    /// Where the peer is.
    pub fn peer(&self) -> &Address {
        self.replies.peer()
    }

    /// Ends the conversation, after everything that was sent before. No callback but [`JsonHandler::closed`] follows.
    pub fn close(&mut self) {
        self.replies.close();
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.replies.is_stopping()
    }
}

impl<R> fmt::Debug for JsonReplies<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonReplies").field(&self.replies).finish()
    }
}
