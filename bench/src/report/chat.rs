//! What a load of chat has said, and what became of those who did not listen.

use serde::{Deserialize, Serialize};

/// A chat beside its deliveries, which are what is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chat {
    /// Messages that were handed to the system while it was measured, or in an open loop were due in that time: each is delivered to every other member.
    pub messages: u64,
    /// Members that never read, and whose connection the server has ended. A server may do so, and one that does not must keep what it has for them.
    pub stuck_cut: usize,
}
