//! The load generator over datagrams is measured with servers whose faults are known: what is planted must be found, and nothing else.
//!
//! It is a test program of its own, so that those which measure time over streams are not disturbed.

mod load;
mod servers;
