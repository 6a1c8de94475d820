//! What a user writes who thinks in messages: a [`MessageHandler`], and the [`Replies`] it answers with.

use std::fmt;

use super::EncodeError;
use crate::net::Address;
use crate::{CloseReason, HandlerError};

/// A conversation in whole messages.
///
/// It is called by [`Framed`](crate::Framed), which knows where messages begin and end. Nothing here knows of streams, so
/// that the same conversation can be had over whatever carries messages.
///
/// A function or closure that takes a message and the replies is a `MessageHandler`; of a closure Rust wants to see the types.
///
/// # Errors
///
/// An error from any callback ends the conversation after what was sent before: a [`FrameError`](crate::FrameError) as
/// the peer's fault, with [`CloseReason::ProtocolError`], any other one as our own, with [`CloseReason::HandlerError`].
///
/// # Example
///
/// ```
/// use socketserver::{Framed, HandlerError, Lines, MessageHandler, Replies};
///
/// /// Counts the lines of one connection.
/// struct Count(u64);
///
/// impl MessageHandler for Count {
///     fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
///         self.0 += 1;
///         replies.send(self.0.to_string().as_bytes())?;
///         if message == b"quit" {
///             replies.close();
///         }
///         Ok(())
///     }
/// }
///
/// let counting = |_peer: &socketserver::Address| Framed::new(Lines::default(), Count(0));
/// let echoing = |_peer: &socketserver::Address| {
///     Framed::new(Lines::default(), |line: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
///         Ok(replies.send(line)?)
///     })
/// };
/// # let _ = (counting, echoing);
/// ```
pub trait MessageHandler: Send {
    /// The peer is there. Here a server that speaks first sends its greeting.
    fn opened(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        let _ = replies;
        Ok(())
    }

    /// A message has come, whole, and without what was around it on its way.
    fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError>;

    /// The peer has sent its last message, but may still read. The default closes, after everything that was sent.
    fn ended(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        replies.close();
        Ok(())
    }

    /// The conversation is over: called exactly once for every handler that was made, last of all.
    fn closed(&mut self, reason: &CloseReason) {
        let _ = reason;
    }
}

impl<F> MessageHandler for F
where
    F: FnMut(&[u8], &mut Replies<'_>) -> Result<(), HandlerError> + Send,
{
    fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        self(message, replies)
    }
}

/// The way back to the peer, during a callback of a [`MessageHandler`].
pub struct Replies<'a> {
    channel: &'a mut dyn Channel,
}

/// What carries the messages that are sent through [`Replies`].
pub(crate) trait Channel {
    fn send(&mut self, message: &[u8]) -> Result<(), EncodeError>;
    fn peer(&self) -> &Address;
    fn close(&mut self);
    fn is_stopping(&self) -> bool;
    fn is_open(&self) -> bool;
}

impl<'a> Replies<'a> {
    pub(crate) fn new(channel: &'a mut dyn Channel) -> Self {
        Self { channel }
    }

    /// Sends one message to the peer, after everything that was sent before.
    ///
    /// It never waits, and what goes wrong on the way ends the conversation. After a close, what is sent is dropped.
    ///
    /// # Errors
    ///
    /// When the message cannot be framed, for instance since it is too long. Then nothing of it was sent.
    pub fn send(&mut self, message: &[u8]) -> Result<(), EncodeError> {
        self.channel.send(message)
    }

    /// Where the peer is.
    pub fn peer(&self) -> &Address {
        self.channel.peer()
    }

    /// Ends the conversation, after everything that was sent before. No callback but [`MessageHandler::closed`] follows.
    pub fn close(&mut self) {
        self.channel.close();
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.channel.is_stopping()
    }

    /// Whether nothing has ended the conversation yet.
    pub(crate) fn is_open(&self) -> bool {
        self.channel.is_open()
    }

    /// The same, for a shorter time.
    pub(super) fn lend(&mut self) -> Replies<'_> {
        Replies::new(self.channel)
    }
}

impl fmt::Debug for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("peer", self.peer())
            .finish_non_exhaustive()
    }
}
