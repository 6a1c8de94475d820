//! Sockets: endpoints as people write them, listeners, connected sockets, and what to do when accepting fails.
//!
//! What only some systems have sits here, each behind one named function with a portable twin.

pub(crate) mod accept;
mod address;
mod connect;
mod endpoint;
mod link;
mod listener;
mod socket;

pub use address::Address;
pub(crate) use connect::connect;
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use link::{Link, Port};
pub(crate) use listener::{Listener, NewSockets};
pub(crate) use socket::Socket;
