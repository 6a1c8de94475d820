//! What a user writes for datagrams: a [`DatagramHandler`], or a [`PeerHandler`].

use std::io;

use super::{Datagram, DatagramSocket, Peer};
use crate::net::Address;
use crate::{CloseReason, HandlerError};

/// What is done with each datagram by itself.
///
/// The server makes a handler for every thread that handles datagrams, by a factory closure, and calls it there. Nothing connects a datagram with the
/// one before: what several handlers must know belongs into an [`Arc`](std::sync::Arc) that the closure hands to each. Who needs something
/// for each peer writes a [`PeerHandler`].
///
/// Nothing is sent that the handler does not send: no answer is no datagram, and an empty answer is an empty datagram.
///
/// Closures are handlers too.
///
/// # In the modes
///
/// In `serial` and `reactor` a handler runs on the thread that receives, so it must be quick. In `threads` every datagram has a thread, and datagrams of one peer
/// may overtake each other; in `pool` all datagrams of one peer go to the same worker, in their order.
///
/// # Errors
///
/// An error of a callback is counted and told to [`Hooks::handle_error`](crate::Hooks::handle_error). What the callback had sent is dropped,
/// and the server goes on with the next datagram.
///
/// # Panics
///
/// A panic is treated like an error, and the handler is replaced by a new one.
///
/// # Example
///
/// ```
/// use socketserver::{Datagram, DatagramHandler, DatagramSocket, HandlerError};
///
/// /// Sends back what it receives.
/// struct Echo;
///
/// impl DatagramHandler for Echo {
///     fn received(&mut self, datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
///         socket.reply(datagram, datagram.bytes())?;
///         Ok(())
///     }
/// }
/// ```
pub trait DatagramHandler: Send {
    /// A datagram has come, whole.
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError>;

    /// A datagram has come that is longer than [`Config::datagram_bytes_max`](crate::Config::datagram_bytes_max):
    /// [`Datagram::bytes`] is its beginning and [`Datagram::size`] its true length.
    ///
    /// The default does nothing. It is counted in any case.
    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let _ = (datagram, socket);
        Ok(())
    }

    /// A datagram that was sent in an earlier callback was refused by the system, for instance since it may not be sent or since the
    /// queue of a Unix socket is full. It is lost.
    ///
    /// The default does nothing. It is counted in any case. That the network loses datagrams is told to nobody.
    fn failed(
        &mut self,
        peer: &Address,
        error: &io::Error,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let _ = (peer, error, socket);
        Ok(())
    }
}

impl<F> DatagramHandler for F
where
    F: FnMut(&Datagram<'_>, &mut DatagramSocket<'_>) -> Result<(), HandlerError> + Send,
{
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self(datagram, socket)
    }
}

/// The conversation with one peer of a datagram server.
///
/// A factory closure makes a handler for each address from which a datagram comes. Datagrams have no connection that could end, so a conversation is over when the handler closes it,
/// when the peer was silent for [`Config::peer_idle_timeout`](crate::Config::peer_idle_timeout), or when the server stops; a datagram that comes later begins a
/// new one. No more than [`Config::connections_max`](crate::Config::connections_max) peers are known at once; [`Config::eviction`](crate::Config::eviction)
/// says what happens to the next.
///
/// The callbacks of one handler are called one after the other, in the order in which the datagrams came, whatever the mode. The last one is
/// [`closed`](PeerHandler::closed), exactly once.
///
/// Until [`Peer::prove`] is called the peer gets no more than [`Config::amplification_max`](crate::Config::amplification_max) times what it has sent, since its address may be forged.
///
/// # In the modes
///
/// In `serial` and `reactor` a handler runs on the thread that receives, so it must be quick. In `threads` it has a thread while there is something to do, in
/// `pool` always the same worker.
///
/// # Errors
///
/// An error of a callback ends the conversation with [`CloseReason::HandlerError`], or [`CloseReason::ProtocolError`] for a
/// [`FrameError`](crate::FrameError); what the callback had sent is dropped. A panic ends it with [`CloseReason::Panic`]. The server goes on.
///
/// # Example
///
/// ```
/// use socketserver::{Datagram, HandlerError, Peer, PeerHandler};
///
/// /// Numbers the datagrams of each peer.
/// struct Count(u64);
///
/// impl PeerHandler for Count {
///     fn received(&mut self, datagram: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
///         self.0 += 1;
///         if datagram.bytes() == b"bye" {
///             peer.close();
///         }
///         peer.send(self.0.to_string().as_bytes())?;
///         Ok(())
///     }
/// }
/// ```
pub trait PeerHandler: Send {
    /// The peer is there: its first datagram, which [`received`](PeerHandler::received) is called with next, has come.
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let _ = peer;
        Ok(())
    }

    /// A datagram of the peer has come, whole.
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError>;

    /// A datagram has come that is longer than [`Config::datagram_bytes_max`](crate::Config::datagram_bytes_max):
    /// [`Datagram::bytes`] is its beginning and [`Datagram::size`] its true length.
    ///
    /// The default does nothing. It is counted in any case.
    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        let _ = (datagram, peer);
        Ok(())
    }

    /// The time set with [`Peer::set_timer`] has come. A timer rings once.
    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let _ = (timer, peer);
        Ok(())
    }

    /// A datagram that was sent in an earlier callback was refused: by the system, or, where the peer has a socket of its own
    /// ([`Peer::open_socket`]), by the peer's machine, since nobody receives at that address any more ([`io::ErrorKind::ConnectionRefused`]).
    ///
    /// The default does nothing. It is counted in any case.
    fn failed(&mut self, error: &io::Error, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let _ = (error, peer);
        Ok(())
    }

    /// The server is stopping. The default closes. A handler that goes on is cut after
    /// [`Config::drain_timeout`](crate::Config::drain_timeout).
    fn stopping(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.close();
        Ok(())
    }

    /// The conversation is over: called exactly once for every handler that was made, last of all.
    fn closed(&mut self, reason: &CloseReason) {
        let _ = reason;
    }
}
