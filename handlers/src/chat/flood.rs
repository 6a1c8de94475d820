//! How fast a connection may speak, and all connections of its address together.
//!
//! A bucket holds tokens. It begins full, every line takes one out, and time puts them back in at the rate. A line needs a token of its connection's bucket and one of
//! its address's, so that a client gains nothing by connecting more often. An address is one of IPv4, or 64 bits of one of IPv6, since everybody has a whole /64 there. Peers on
//! Unix sockets all look the same, and have their own buckets only.
//!
//! A bucket that is full again is the same as none. So there are buckets only for addresses that have spoken within the last `burst / rate`, and there may be 65,536 of them; when all are in use,
//! all further addresses share a few. Whoever speaks from a million addresses is held back by that, and whoever has spoken from one before keeps his. All buckets of addresses together
//! take some 10 MB at most, which the system gives only as far as they are used.
//!
//! What is left in a bucket is a whole number, in a unit of which a nanosecond brings as many as the rate has tokens; so it is exact, however long it runs: a client that
//! always takes what has come gets the rate and nothing less. Only what a full bucket has no room for is lost, with a burst of one also what comes in less than a nanosecond.
mod rate;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socketserver::Address;

pub use self::rate::{FloodLimit, Per, Rate, RateError};

/// How many addresses have a bucket at the same time.
const ADDRESSES_MAX: usize = 65_536;
/// Into how many tables the buckets are divided, so that threads rarely wait for each other.
const TABLES: usize = 16;
/// How many buckets a table has.
const SLOTS_MAX: usize = ADDRESSES_MAX / TABLES;
/// How many buckets are looked at whenever one is needed, to find some that are full. Since it is more than one, they are found faster than new ones come.
const SWEEP: usize = 8;

/// The buckets of all addresses. Clones share them.
#[derive(Clone, Debug)]
pub struct Flood {
    shared: Option<Arc<Shared>>,
}

/// What one connection may still do.
#[derive(Debug)]
pub struct Bucket {
    /// None if there is no limit.
    shared: Option<Arc<Shared>>,
    own: Level,
    /// None for a peer that has no address of its own.
    address: Option<(usize, Block)>,
}

impl Flood {
    /// Buckets that fill at that rate, those of connections and those of addresses alike; without one, nothing is held back.
    pub fn new(rate: Option<Rate>) -> Self {
        Self {
            shared: rate.map(|rate| Arc::new(Shared::new(rate))),
        }
    }

    /// Nothing is held back.
    pub fn off() -> Self {
        Self::new(None)
    }

    /// The bucket of a new connection.
    pub fn bucket(&self, peer: &Address) -> Bucket {
        let address = match &self.shared {
            Some(shared) => block(peer).map(|block| (shared.table_of(block), block)),
            None => None,
        };
        Bucket {
            shared: self.shared.clone(),
            own: Level::Full,
            address,
        }
    }
}

impl Default for Flood {
    /// As fast as the default of [`Rate`].
    fn default() -> Self {
        Self::new(Some(Rate::default()))
    }
}

impl Bucket {
    /// Takes a token out of the connection's bucket and one out of its address's.
    ///
    /// It allocates nothing, and waits for nothing but another thread that does the same. A clock that goes back brings no tokens, and takes none.
    ///
    /// # Errors
    ///
    /// If one of the buckets has no token, none is taken from either, and the error is the time until both would have one, if nobody else takes them before. It is at least a
    /// nanosecond.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let rate = shared.rate;
        let Some((table, block)) = self.address else {
            return match self.own.wait(rate, now) {
                Duration::ZERO => {
                    self.own.spend(rate, now);
                    Ok(())
                }
                wait => Err(wait),
            };
        };

        let mut table = shared.table(table);
        let common = table.level(block, rate, now);
        match self.own.wait(rate, now).max(common.wait(rate, now)) {
            Duration::ZERO => {
                self.own.spend(rate, now);
                common.spend(rate, now);
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

/// What all clones of a [`Flood`] and all its buckets have in common.
#[derive(Debug)]
struct Shared {
    rate: Rate,
    tables: Box<[Mutex<Table>]>,
    /// Which table an address belongs to. Peers cannot guess it, and so not fill a single one.
    hashing: RandomState,
}

/// The buckets of some of the addresses.
#[derive(Debug)]
struct Table {
    /// Where in `slots` an address has its bucket.
    places: HashMap<Block, usize>,
    slots: Vec<Slot>,
    /// The next slot to be looked at, in case its bucket is full.
    hand: usize,
    /// What addresses share for which there is no slot.
    overflow: Level,
}

/// The bucket of an address.
#[derive(Debug)]
struct Slot {
    block: Block,
    level: Level,
}

/// Addresses that are treated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Block {
    /// One address of IPv4.
    V4([u8; 4]),
    /// A /64 of IPv6.
    V6([u16; 4]),
}

/// What is in a bucket.
#[derive(Clone, Copy, Debug)]
enum Level {
    /// All that fits.
    Full,
    /// So much of the unit at that time.
    At(u64, Instant),
}

impl Shared {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            tables: (0..TABLES).map(|_| Mutex::new(Table::new())).collect(),
            hashing: RandomState::new(),
        }
    }

    fn table_of(&self, block: Block) -> usize {
        self.hashing.hash_one(block) as usize % TABLES
    }

    fn table(&self, table: usize) -> MutexGuard<'_, Table> {
        // A thread that panics in here has at worst lost a token.
        self.tables[table]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn new() -> Self {
        Self {
            // Twice what is needed: a hash table with so much room cleans up after removals in place, and never grows.
            places: HashMap::with_capacity(2 * SLOTS_MAX),
            slots: Vec::with_capacity(SLOTS_MAX),
            hand: 0,
            overflow: Level::Full,
        }
    }

    /// The bucket of an address, or the one that it has to share.
    fn level(&mut self, block: Block, rate: Rate, now: Instant) -> &mut Level {
        let place = if let Some(&place) = self.places.get(&block) {
            place
        } else {
            self.sweep(rate, now);
            let place = self.slots.len();
            if place == SLOTS_MAX {
                return &mut self.overflow;
            }
            self.places.insert(block, place);
            let level = Level::Full;
            self.slots.push(Slot { block, level });
            place
        };
        &mut self.slots[place].level
    }

    /// Looks at the next few buckets, and removes those that are full.
    fn sweep(&mut self, rate: Rate, now: Instant) {
        for _ in 0..SWEEP.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            if self.slots[self.hand].level.is_full(rate, now) {
                let removed = self.slots.swap_remove(self.hand);
                self.places.remove(&removed.block);
                if let Some(moved) = self.slots.get(self.hand) {
                    self.places.insert(moved.block, self.hand);
                }
            } else {
                self.hand += 1;
            }
        }
    }
}

impl Level {
    /// What is in the bucket now, or was when the clock was furthest.
    fn amount(self, rate: Rate, now: Instant) -> u64 {
        match self {
            Self::Full => rate.full(),
            Self::At(amount, at) => {
                let passed = now.saturating_duration_since(at).as_nanos();
                let gained = passed.saturating_mul(u128::from(rate.count()));
                let amount = u128::from(amount).saturating_add(gained);
                u64::try_from(amount).map_or(rate.full(), |amount| amount.min(rate.full()))
            }
        }
    }

    fn is_full(self, rate: Rate, now: Instant) -> bool {
        self.amount(rate, now) == rate.full()
    }

    /// How long until it has a token; zero if it has one.
    fn wait(self, rate: Rate, now: Instant) -> Duration {
        let missing = rate.token().saturating_sub(self.amount(rate, now));
        match self {
            Self::At(_, at) if missing > 0 => {
                // What the clock has gone back has to pass again first.
                let behind = at.saturating_duration_since(now);
                behind + Duration::from_nanos(missing.div_ceil(u64::from(rate.count())))
            }
            _ => Duration::ZERO,
        }
    }

    /// Takes out a token, which has to be there.
    fn spend(&mut self, rate: Rate, now: Instant) {
        let amount = self.amount(rate, now) - rate.token();
        let at = match *self {
            Self::At(_, at) => at.max(now),
            Self::Full => now,
        };
        *self = Self::At(amount, at);
    }
}

/// The address of a peer, if it tells one peer from another.
fn block(peer: &Address) -> Option<Block> {
    // An IPv4 address that came through an IPv6 socket is an IPv4 address here already.
    Some(match peer.ip()? {
        IpAddr::V4(address) => Block::V4(address.octets()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Block::V6([a, b, c, d])
        }
    })
}

#[cfg(test)]
mod tests;
