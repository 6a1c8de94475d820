//! Sockets: endpoints as people write them, listeners, connected sockets, sockets for datagrams, and what to do when accepting fails.
//!
//! What only some systems have sits here, each behind one named function with a portable twin.

pub(crate) mod accept;
mod address;
mod connect;
pub(crate) mod datagram;
mod endpoint;
mod link;
mod listener;
mod socket;
mod socket_file;

pub use address::Address;
pub(crate) use connect::connect;
pub(crate) use datagram::{
    BATCH_MAX, DatagramLink, Flow, Inbox, Incoming, Sent, bind as bind_datagrams,
};
pub use datagram::{MulticastError, MulticastGroup, MulticastInterface};
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use link::{Link, Port};
pub(crate) use listener::{Listener, NewSockets};
pub(crate) use socket::Socket;
