//! What the handler of a conversation with one peer sees of it.

use std::fmt;
use std::io;
use std::time::Duration;

use super::session::State;
use super::{Bench, DatagramSender, SendError};
use crate::CloseReason;
use crate::net::Address;
#[cfg(feature = "testkit")]
use crate::timer::Time;

/// One peer of a datagram server, during a callback of its [`PeerHandler`](crate::PeerHandler).
///
/// What is sent here never waits: it leaves when the callback has returned.
pub struct Peer<'a> {
    pub(super) state: &'a mut State,
    pub(super) bench: Bench<'a>,
}

impl Peer<'_> {
    /// Where the peer is, or whom it claims to be.
    pub fn address(&self) -> &Address {
        &self.state.address
    }

    /// The address that the peer is answered from.
    pub fn local(&self) -> &Address {
        self.state.link().address()
    }

    /// Sends one datagram to the peer, from the address that it has written to or from its own socket.
    ///
    /// Until the peer is proven it gets by default at most three times the bytes and the datagrams that came in its name, see
    /// [`Config::amplification_max`](crate::Config::amplification_max).
    ///
    /// # Errors
    ///
    /// When it is too long, or more than somebody unproven may get, or when nothing can be sent to such a peer. With `?` that ends the conversation.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.state.send(bytes, &mut self.bench)
    }

    /// Says that the peer is who it claims to be, for instance since it has brought back a secret that was sent to it. From now on there is no
    /// limit to what it is sent, and a newcomer can less easily drive it out.
    pub fn prove(&mut self) {
        self.state.allowance.prove();
    }

    /// Whether that was said, or nobody needs to be proven.
    pub fn is_proven(&self) -> bool {
        self.state.allowance.is_proven()
    }

    /// Has [`PeerHandler::timer`](crate::PeerHandler::timer) called once, after this time; an earlier setting of the same timer is replaced.
    pub fn set_timer(&mut self, timer: u8, after: Duration) {
        let at = self.bench.now.after(after);
        self.cancel_timer(timer);
        self.state.timers.push((timer, at));
    }

    /// Forgets a timer.
    pub fn cancel_timer(&mut self, timer: u8) {
        self.state.timers.retain(|&(other, _)| other != timer);
    }

    /// Talks to this peer from now on through a socket of its own, with a port of its own, as TFTP does for each transfer (RFC 1350, section 4). The peer
    /// sees where the next datagram comes from and answers there; what it still sends to the server's port comes to this handler too.
    ///
    /// Datagrams of others cannot come to that socket, and that the peer is gone can be known there:
    /// [`PeerHandler::failed`](crate::PeerHandler::failed). The socket is closed when the conversation is over. Another call changes nothing.
    ///
    /// # Errors
    ///
    /// When the system has no socket to give, and for Unix sockets, which have no ports.
    pub fn open_socket(&mut self) -> io::Result<()> {
        self.state.open_socket()
    }

    /// Ends the conversation, after everything that was sent. No callback but [`PeerHandler::closed`](crate::PeerHandler::closed) follows.
    pub fn close(&mut self) {
        self.state.end(CloseReason::HandlerClosed);
    }

    /// Sends from where this peer is answered from, at any time and from any thread, without the limit for unproven peers.
    pub fn sender(&self) -> DatagramSender {
        self.state.sender()
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.bench.shared.is_stopping()
    }

    /// Which timers are set, and for when.
    #[cfg(feature = "testkit")]
    pub(crate) fn timers(&self) -> &[(u8, Time)] {
        &self.state.timers
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.is_open()
    }
}

impl fmt::Debug for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", self.address())
            .finish_non_exhaustive()
    }
}
