//! Looking at a server from outside: what its processes spend, and which processors they may use.
//!
//! All of it comes from `/proc` and so is there on Linux only; elsewhere there is nothing to see, and reports say so. A server that is
//! made of several processes is looked at as one: those that it has started belong to it.

mod machine;
mod process;
mod processors;
mod udp;

pub use self::machine::machine;
pub use self::process::{Sample, sample};
pub use self::processors::{Processors, as_on};
pub(crate) use self::udp::udp_sockets;
