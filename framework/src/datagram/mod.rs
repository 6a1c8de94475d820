//! Datagrams: what their handlers see, what is to be sent, and the peers that a server tells apart. No sockets here, no clock, no threads.
//!
//! A datagram is whole or not there, belongs to no connection, and may come from somebody who only claims to be its sender. So there are two kinds of handlers:
//! a [`DatagramHandler`] is called with every datagram by itself, and a [`PeerHandler`] holds the conversation with one peer, which `session.rs` runs
//! and `table.rs` finds. [`Allowance`] is the rule that nobody is answered with much more than was sent in his name.

mod allowance;
mod error;
mod framed;
mod handler;
mod outbox;
mod peer;
mod received;
mod sender;
mod session;
mod socket;
mod table;

pub(crate) use self::allowance::Allowance;
pub use self::error::SendError;
pub use self::handler::{DatagramHandler, PeerHandler};
pub(crate) use self::outbox::{Mark, Outbox, Outgoing};
pub use self::peer::Peer;
pub use self::received::Datagram;
pub use self::sender::DatagramSender;
pub(crate) use self::session::{Event, Opened, Outcome, Session};
pub use self::socket::DatagramSocket;
pub(crate) use self::table::{Entry, Table};

use std::io;

use crate::server::{Counters, Shared};
use crate::timer::Time;

/// What a thread lends to the handler that it runs: where it writes to, what it counts, the time.
pub(crate) struct Bench<'a> {
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) counters: &'a mut Counters,
    pub(crate) shared: &'a Shared,
    pub(crate) now: Time,
}

impl Bench<'_> {
    /// Whether one more datagram may wait to be sent, where so many bytes wait already.
    #[inline]
    fn check_room(&mut self, waiting: usize, bytes: &[u8]) -> Result<(), SendError> {
        if waiting + bytes.len() <= self.shared.config.output_bytes_max {
            return Ok(());
        }
        self.counters.send_errors += 1;
        Err(SendError::Refused(io::ErrorKind::WouldBlock.into()))
    }
}
