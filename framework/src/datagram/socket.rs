//! The server's socket as the handler of a datagram sees it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Allowance, Bench, Datagram, DatagramSender, Mark, SendError};
use crate::net::{Address, DatagramLink};
use crate::server::Counters;

/// The socket that a datagram has come to, during a callback of a [`DatagramHandler`](crate::DatagramHandler).
///
/// What is sent here never waits: it leaves when the callback has returned, together with what was sent for the other
/// datagrams of the batch.
pub struct DatagramSocket<'a> {
    link: &'a Arc<dyn DatagramLink>,
    bench: Bench<'a>,
    /// What may be sent to the one who has sent the datagram.
    allowance: Allowance,
    peer: Option<&'a Address>,
}

impl<'a> DatagramSocket<'a> {
    /// A socket with no datagram in hand.
    pub(crate) fn new(link: &'a Arc<dyn DatagramLink>, bench: Bench<'a>) -> Self {
        let allowance = Allowance::new(bench.shared.config.amplification_max);
        Self {
            link,
            bench,
            allowance,
            peer: None,
        }
    }

    /// A socket with a datagram to answer.
    pub(crate) fn answering(
        link: &'a Arc<dyn DatagramLink>,
        datagram: &Datagram<'a>,
        bench: Bench<'a>,
    ) -> Self {
        let mut socket = Self::new(link, bench);
        socket.allowance.earn(datagram.size());
        socket.peer = Some(datagram.peer());
        socket
    }

    /// Answers a datagram: sends one to who sent it, from the address that it was sent to. An empty answer is one, too.
    ///
    /// By default an answer has at most three times the bytes of the question, see [`Config::amplification_max`](crate::Config::amplification_max). A handler
    /// that answers short questions at length must raise that, or [`prove`](DatagramSocket::prove) who asks.
    ///
    /// # Errors
    ///
    /// When the answer is too long, or more than somebody unproven may get, or when nothing can be sent to the peer. With `?` that is
    /// an error of the handler, which is counted.
    pub fn reply(&mut self, datagram: &Datagram<'_>, bytes: &[u8]) -> Result<(), SendError> {
        self.push(bytes, datagram.peer(), datagram.to())
    }

    /// Sends a datagram to anybody.
    ///
    /// What the peer in whose name the present datagram came is sent counts as an answer to it. Everybody else is the handler's own choice, and it
    /// must know that he wants to be sent something: the sender of a datagram may be forged, so a name in it alone proves nothing.
    ///
    /// # Errors
    ///
    /// As for [`reply`](DatagramSocket::reply).
    pub fn send_to(&mut self, bytes: &[u8], peer: &Address) -> Result<(), SendError> {
        self.push(bytes, peer, None)
    }

    /// Says that the sender of the present datagram is who it claims to be, for instance since it has brought back a secret that was sent to that address:
    /// this datagram may be answered without a limit.
    pub fn prove(&mut self) {
        self.allowance.prove();
    }

    /// Where the socket is bound.
    pub fn local(&self) -> &Address {
        self.link.address()
    }

    /// Sends from this socket at any time and from any thread.
    pub fn sender(&self) -> DatagramSender {
        DatagramSender::new(self.link.clone(), None)
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.bench.shared.is_stopping()
    }

    /// Whether the sender of the present datagram may be answered without a limit.
    #[cfg(feature = "testkit")]
    pub(crate) fn is_proven(&self) -> bool {
        self.allowance.is_proven()
    }

    pub(crate) fn counters(&mut self) -> &mut Counters {
        self.bench.counters
    }

    /// How much was sent up to now.
    pub(crate) fn mark(&self) -> Mark {
        self.bench.outbox.mark()
    }

    /// Sends nothing of what was sent since.
    pub(crate) fn take_back(&mut self, mark: Mark) {
        self.bench.outbox.take_back(mark);
    }

    fn push(
        &mut self,
        bytes: &[u8],
        peer: &Address,
        from: Option<IpAddr>,
    ) -> Result<(), SendError> {
        check(&**self.link, bytes, peer)?;
        self.bench
            .check_room(self.bench.outbox.bytes_waiting(), bytes)?;
        if self.peer == Some(peer) {
            self.allowance.spend(bytes.len()).map_err(|left| {
                self.bench.counters.replies_refused += 1;
                let size = bytes.len();
                SendError::Unproven { size, left }
            })?;
        }
        self.bench.outbox.push(bytes, peer, from);
        Ok(())
    }
}

/// Whether such a datagram can be sent to this peer at all.
#[inline]
pub(super) fn check(
    link: &dyn DatagramLink,
    bytes: &[u8],
    peer: &Address,
) -> Result<(), SendError> {
    if *peer == Address::UnixgramUnnamed {
        return Err(SendError::Unnamed);
    }
    match link.bytes_max(peer) {
        Some(max) if bytes.len() > max => Err(SendError::TooLong {
            size: bytes.len(),
            max,
        }),
        _ => Ok(()),
    }
}

impl fmt::Debug for DatagramSocket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket")
            .field("local", self.local())
            .finish_non_exhaustive()
    }
}
