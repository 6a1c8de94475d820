//! What transfers in both directions have in common: how they are asked for, and what came of them.

use std::time::Duration;

use super::super::Hash;

/// How a file is transferred.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Whether to go on where an attempt before has ended, if there was one and version 2 is spoken. The default.
    pub resume: bool,
    /// For [`put`](super::Client::put): whether the file must not be there yet. Version 1 cannot say so.
    pub create: bool,
    /// For [`put`](super::Client::put): after how many bytes the server's word is waited for. 64 MiB unless it is set: so much a refusal in the middle
    /// costs at most where it is not seen earlier.
    pub piece_bytes: u64,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            resume: true,
            create: false,
            piece_bytes: 64 << 20,
        }
    }
}

/// A file was transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// The bytes of the file.
    pub total: u64,
    /// How many of them were there from an attempt before.
    pub resumed_at: u64,
    /// The hash of the whole file.
    pub hash: Hash,
    /// Whether the other side has told the same hash. Some servers of version 1 tell none.
    pub is_verified: bool,
    /// How long it took, from the request to the file that has its name.
    pub took: Duration,
}
