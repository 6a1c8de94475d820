//! The proving kit: shows that a handler is right, in every mode and however TCP cuts the stream.
//!
//! [`sim`] runs a handler on the reactor of this crate, over a network in memory whose time, faults and order of events a seed decides.

pub mod random;
pub mod sim;
