//! What wrong passwords cost the addresses that they come from, so that guessing is slow however many connections and addresses guess.
//!
//! * A wrong login is answered after 1 s; the next ones of the same address after 2 s, 4 s and 8 s, and never later than that.
//! * From the third wrong login on, the address is refused for 1 s, then for 2 s, 4 s, and so on up to 10 min. An address is one of IPv4, or 64 bits of one of
//!   IPv6, since everybody has a whole /64 there.
//! * Its network, a /24 of IPv4 or a /48 of IPv6, is refused in the same way, with four wrong logins in the place of one. So that nobody locks out his neighbours alone, an
//!   address that has three counts for its network only if another one has counted in between.
//! * An address, or a network, is forgotten an hour after its last wrong login that counted, and an address also when it logs in rightly. An hour is long
//!   enough that waiting for it gives fewer tries than being refused for 10 min again and again.
//! * At most 4,096 addresses and networks are remembered, those that failed last.
//! * Peers on Unix sockets all look the same. Their answers are delayed, but they are never refused, or one could lock out all.
//!
//! Names have no penalties: whoever owns one can always log in from elsewhere, however much somebody guesses it. OpenSSH's `PerSourcePenalties` work like this.
//! Behind a tunnel or proxy all users have its address, and share what it costs.

use std::hash::RandomState;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hashlink::LruCache;
use socketserver::Address;

/// How many wrong logins an address has before it is refused.
const FREE: u32 = 3;
/// How many wrong logins from a network count as much as one from an address.
const NETWORK_FACTOR: u32 = 4;
/// The first penalty and the first delay; the next ones double.
const FIRST: Duration = Duration::from_secs(1);
/// The longest penalty.
const PENALTY_MAX: Duration = Duration::from_secs(600);
/// The longest delay of an answer: a connection that waits for it costs the server, too.
const DELAY_MAX: Duration = Duration::from_secs(8);
/// How long after its last wrong login a block is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);
/// How many blocks are remembered.
const BLOCKS_MAX: usize = 4096;

/// The wrong logins of all addresses.
#[derive(Debug)]
pub(super) struct Penalties {
    /// The one first whose last wrong login is the oldest.
    blocks: LruCache<Block, Record, RandomState>,
}

/// Addresses that are treated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Block {
    /// One address of IPv4.
    V4([u8; 4]),
    /// A /24 of IPv4.
    V4Network([u8; 3]),
    /// A /64 of IPv6.
    V6([u16; 4]),
    /// A /48 of IPv6.
    V6Network([u16; 3]),
    /// All Unix sockets.
    Local,
}

/// What is known of a block.
#[derive(Debug)]
struct Record {
    failures: u32,
    last: Instant,
    /// In a network, the address that has counted last.
    by: Option<Block>,
}

impl Penalties {
    pub(super) fn new() -> Self {
        Self {
            blocks: LruCache::with_hasher(BLOCKS_MAX, RandomState::new()),
        }
    }

    /// For how long a peer is refused from now on; zero if it is not.
    pub(super) fn remaining(&self, peer: &Address, now: Instant) -> Duration {
        let (address, network) = blocks(peer);
        let remaining = |block| {
            self.blocks.peek(&block).map_or(Duration::ZERO, |record| {
                let passed = now.saturating_duration_since(record.last);
                penalty(block, record.failures).saturating_sub(passed)
            })
        };
        network
            .map_or(Duration::ZERO, remaining)
            .max(remaining(address))
    }

    /// Counts a wrong login, and says after which time it is answered.
    pub(super) fn failed(&mut self, peer: &Address, now: Instant) -> Duration {
        self.forget(now);
        let (address, network) = blocks(peer);
        let failures = self.count(address, None, now);
        if let Some(network) = network {
            let by = self.blocks.peek(&network).and_then(|record| record.by);
            if failures <= FREE || by != Some(address) {
                self.count(network, Some(address), now);
            }
        }
        doubled(failures - 1, DELAY_MAX)
    }

    /// Forgets the wrong logins of an address, but not those of its network.
    pub(super) fn succeeded(&mut self, peer: &Address) {
        self.blocks.remove(&blocks(peer).0);
    }

    fn count(&mut self, block: Block, by: Option<Block>, now: Instant) -> u32 {
        let failures = self.blocks.peek(&block).map_or(0, |record| record.failures);
        let record = Record {
            failures: failures.saturating_add(1),
            last: now,
            by,
        };
        let failures = record.failures;
        // It is the youngest now, and takes the place of the oldest if there are too many.
        self.blocks.insert(block, record);
        failures
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, oldest)) = self.blocks.iter().next()
            && now.saturating_duration_since(oldest.last) >= MEMORY
        {
            self.blocks.remove_lru();
        }
    }
}

/// The address of a peer, and its network.
fn blocks(peer: &Address) -> (Block, Option<Block>) {
    // An IPv4 address that came through an IPv6 socket is an IPv4 address here already.
    match peer.ip() {
        Some(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            (Block::V4([a, b, c, d]), Some(Block::V4Network([a, b, c])))
        }
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            (Block::V6([a, b, c, d]), Some(Block::V6Network([a, b, c])))
        }
        None => (Block::Local, None),
    }
}

/// For how long a block is refused after so many wrong logins.
fn penalty(block: Block, failures: u32) -> Duration {
    let failures = match block {
        Block::V4(_) | Block::V6(_) => failures,
        Block::V4Network(_) | Block::V6Network(_) => failures / NETWORK_FACTOR,
        Block::Local => 0,
    };
    failures
        .checked_sub(FREE)
        .map_or(Duration::ZERO, |doublings| doubled(doublings, PENALTY_MAX))
}

fn doubled(times: u32, max: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    FIRST.saturating_mul(factor).min(max)
}

#[cfg(test)]
mod tests;
