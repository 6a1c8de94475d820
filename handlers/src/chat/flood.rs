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

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use socketserver::Address;

/// How many addresses have a bucket at the same time.
const ADDRESSES_MAX: usize = 65_536;
/// Into how many tables the buckets are divided, so that threads rarely wait for each other.
const TABLES: usize = 16;
/// How many buckets a table has.
const SLOTS_MAX: usize = ADDRESSES_MAX / TABLES;
/// How many buckets are looked at whenever one is needed, to find some that are full. Since it is more than one, they are found faster than new ones come.
const SWEEP: usize = 8;

/// How many tokens come in how much time, and how many there may be.
///
/// It is written `10/s:20`: ten in a second, and twenty at once after a while of silence. The unit is `s`, `min` or `h`. The default is `10/s:20`, which nobody who types reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    per: Per,
    burst: u32,
}

/// The time in which the tokens of a [`Rate`] come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// `s`.
    Second,
    /// `min`.
    Minute,
    /// `h`.
    Hour,
}

/// A [`Rate`], or none: what an option of a command line or a line of a configuration says.
///
/// It is written as a rate, or `off`. The default is the default rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloodLimit {
    /// Everybody may be as fast as he can.
    Off,
    /// Nobody may be faster than that.
    Rate(Rate),
}

/// Why a text or numbers are no [`Rate`]. Both say what it was that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateError {
    /// Occurs when a text does not have the form of a rate.
    Form(String),
    /// Occurs when one of the numbers is not within 1 and [`Rate::TOKENS_MAX`].
    Number(String),
}

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

impl Rate {
    /// The greatest number that either part of a rate may have.
    pub const TOKENS_MAX: u32 = 1_000_000;

    /// A rate of `count` tokens in the time of `per`, and of `burst` at once.
    ///
    /// # Errors
    ///
    /// [`RateError::Number`] if one of the numbers is 0 or more than [`Self::TOKENS_MAX`].
    pub fn new(count: u32, per: Per, burst: u32) -> Result<Self, RateError> {
        let rate = Self { count, per, burst };
        let within = 1..=Self::TOKENS_MAX;
        if within.contains(&count) && within.contains(&burst) {
            Ok(rate)
        } else {
            Err(RateError::Number(rate.to_string()))
        }
    }

    /// A rate of `count` tokens in a second.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn per_second(count: u32, burst: u32) -> Result<Self, RateError> {
        Self::new(count, Per::Second, burst)
    }

    /// How many tokens come.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In how much time they come.
    pub fn per(self) -> Per {
        self.per
    }

    /// How many there may be at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// How much of the unit a token is; a nanosecond brings `count` of it.
    fn token(self) -> u64 {
        self.per.seconds() * 1_000_000_000
    }

    /// How much of it a full bucket has. With the greatest numbers it is 3.6 · 10^18, a fifth of what the type holds.
    fn full(self) -> u64 {
        self.token() * u64::from(self.burst)
    }
}

impl Per {
    fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

impl FloodLimit {
    /// The rate, for [`Flood::new`].
    pub fn rate(self) -> Option<Rate> {
        match self {
            Self::Off => None,
            Self::Rate(rate) => Some(rate),
        }
    }
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
                let gained = passed.saturating_mul(u128::from(rate.count));
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
                behind + Duration::from_nanos(missing.div_ceil(u64::from(rate.count)))
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

impl Default for Rate {
    fn default() -> Self {
        Self {
            count: 10,
            per: Per::Second,
            burst: 20,
        }
    }
}

impl Default for FloodLimit {
    fn default() -> Self {
        Self::Rate(Rate::default())
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let form = || RateError::Form(text.to_owned());
        let number = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(form());
            }
            // What is all digits and does not fit is too great.
            digits
                .parse()
                .map_err(|_| RateError::Number(text.to_owned()))
        };
        let (count, rest) = text.split_once('/').ok_or_else(form)?;
        let (per, burst) = rest.split_once(':').ok_or_else(form)?;
        let per = match per {
            "s" => Per::Second,
            "min" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(form()),
        };
        Self::new(number(count)?, per, number(burst)?)
    }
}

impl FromStr for FloodLimit {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Rate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.count, self.per, self.burst)
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        })
    }
}

impl fmt::Display for FloodLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(
                f,
                "'{}' is not a rate: write how many in which time, and after a colon how many at once, as in 10/s:20, 600/min:50 or 1/h:1",
                text.escape_debug()
            ),
            Self::Number(text) => write!(
                f,
                "'{}' is not a rate that works: write numbers from 1 to {}",
                text.escape_debug(),
                Rate::TOKENS_MAX
            ),
        }
    }
}

impl Error for RateError {}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for FloodLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FloodLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use socketserver::Address;

    use super::{
        ADDRESSES_MAX, Bucket, Flood, FloodLimit, Per, Rate, RateError, SLOTS_MAX, TABLES,
    };

    fn flood(rate: &str) -> Flood {
        Flood::new(rate.parse::<FloodLimit>().unwrap().rate())
    }

    fn peer(address: &str) -> Address {
        Address::Tcp(address.parse().unwrap())
    }

    fn numbered(number: u32) -> Address {
        Address::Udp((number.to_be_bytes(), 9).into())
    }

    /// Takes until nothing is left, and says how often that went well.
    fn drain(bucket: &mut Bucket, now: Instant) -> u32 {
        let mut taken = 0;
        while bucket.take(now).is_ok() {
            taken += 1;
        }
        taken
    }

    fn remembered(flood: &Flood) -> usize {
        let shared = flood.shared.as_ref().unwrap();
        (0..TABLES)
            .map(|table| shared.table(table).slots.len())
            .sum()
    }

    #[test]
    fn bursts_and_waits() {
        let mut bucket = flood("10/s:20").bucket(&peer("192.0.2.1:5"));
        let start = Instant::now();
        assert_eq!(drain(&mut bucket, start), 20);
        assert_eq!(bucket.take(start), Err(Duration::from_millis(100)));
        let now = start + Duration::from_millis(60);
        assert_eq!(bucket.take(now), Err(Duration::from_millis(40)));
        assert_eq!(bucket.take(now + Duration::from_millis(40)), Ok(()));
        assert_eq!(drain(&mut bucket, now + Duration::from_secs(1)), 9);
        // Silence saves no more than the burst.
        assert_eq!(drain(&mut bucket, now + Duration::from_secs(1 << 40)), 20);
    }

    #[test]
    fn rates_are_exact_over_long_times() {
        for (rate, seconds, taken) in [
            ("3/s:2", 100_000, 300_000),
            ("7/min:2", 600_000, 70_000),
            ("1/h:2", 36_000_000, 10_000),
            ("999999/h:1000000", 3600, 999_999),
        ] {
            let mut bucket = flood(rate).bucket(&Address::UnixUnnamed);
            let start = Instant::now();
            drain(&mut bucket, start);
            let end = start + Duration::from_secs(seconds);
            let mut now = start;
            let mut count = 0;
            loop {
                match bucket.take(now) {
                    Ok(()) => count += 1,
                    Err(wait) => {
                        now += wait;
                        if now > end {
                            break;
                        }
                    }
                }
            }
            assert_eq!(count, taken, "{rate}");
        }
    }

    #[test]
    fn waiting_as_long_as_it_says_is_enough() {
        let mut random = fastrand::Rng::with_seed(10);
        for _ in 0..200 {
            let per = [Per::Second, Per::Minute, Per::Hour][random.usize(..3)];
            let rate = Rate::new(random.u32(1..=1000), per, random.u32(1..=5)).unwrap();
            let flood = Flood::new(Some(rate));
            let mut buckets: Vec<Bucket> =
                (0..3).map(|_| flood.bucket(&peer("192.0.2.1:5"))).collect();
            let mut now = Instant::now();
            for _ in 0..100 {
                let bucket = &mut buckets[random.usize(..3)];
                if let Err(wait) = bucket.take(now) {
                    assert!(wait > Duration::ZERO);
                    assert!(
                        bucket
                            .take(now + wait.saturating_sub(Duration::from_nanos(1)))
                            .is_err()
                    );
                    now += wait;
                    assert_eq!(bucket.take(now), Ok(()));
                }
                now += Duration::from_nanos(random.u64(..1_000_000));
            }
        }
    }

    #[test]
    fn connections_of_an_address_share() {
        let flood = flood("10/s:20");
        let now = Instant::now();
        let mut first = flood.bucket(&peer("192.0.2.1:5"));
        let mut second = flood.clone().bucket(&peer("[::ffff:192.0.2.1]:6"));
        let mut datagrams = flood.bucket(&Address::Udp("192.0.2.1:7".parse().unwrap()));
        let mut other = flood.bucket(&peer("192.0.2.2:5"));
        for _ in 0..10 {
            assert!(first.take(now).is_ok() && second.take(now).is_ok());
        }
        // Its own bucket has ten left, and refusals do not take them.
        for _ in 0..100 {
            assert_eq!(first.take(now), Err(Duration::from_millis(100)));
        }
        assert!(datagrams.take(now).is_err());
        assert_eq!(drain(&mut other, now), 20);
        assert_eq!(drain(&mut first, now + Duration::from_secs(1)), 10);
        // The address is full again, and the connection has only what was left to it and came since.
        let later = now + Duration::from_millis(1500);
        assert_eq!(drain(&mut second, later), 5);
        assert_eq!(drain(&mut second, later + Duration::from_secs(9)), 20);
        // Coming anew fills no bucket.
        let mut anew = flood.bucket(&peer("192.0.2.1:8"));
        assert!(anew.take(later + Duration::from_secs(9)).is_err());
    }

    #[test]
    fn a_block_of_ipv6_is_one_address() {
        let flood = flood("1/h:3");
        let now = Instant::now();
        let take = |address: &str| flood.bucket(&peer(address)).take(now).is_ok();
        for host in 1..=3 {
            assert!(take(&format!("[2001:db8:0:1:{host}::{host}]:5")));
        }
        assert!(!take("[2001:db8:0:1:ffff::1]:5"));
        assert!(take("[2001:db8:0:2::1]:5"));
    }

    #[test]
    fn unix_sockets_do_not_share() {
        let flood = flood("1/h:3");
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(drain(&mut flood.bucket(&Address::UnixUnnamed), now), 3);
        }
        assert_eq!(remembered(&flood), 0);
    }

    #[test]
    fn no_limit() {
        let mut bucket = Flood::off().bucket(&peer("192.0.2.1:5"));
        let now = Instant::now();
        assert!((0..100_000).all(|_| bucket.take(now).is_ok()));
    }

    #[test]
    fn clocks_that_go_back() {
        for address in [peer("192.0.2.1:5"), Address::UnixUnnamed] {
            let mut bucket = flood("10/s:20").bucket(&address);
            let before = Instant::now();
            let start = before + Duration::from_secs(50);
            assert_eq!(drain(&mut bucket, start), 20);
            assert_eq!(bucket.take(before), Err(Duration::from_millis(50_100)));
            assert_eq!(bucket.take(start), Err(Duration::from_millis(100)));
            // Back and forth brings no more than the time that has passed.
            let later = start + Duration::from_secs(1);
            assert_eq!(drain(&mut bucket, later), 10);
            assert_eq!(drain(&mut bucket, before), 0);
            assert_eq!(drain(&mut bucket, later), 0);
        }
    }

    #[test]
    fn a_million_addresses_at_once() {
        let flood = flood("1/h:3");
        let now = Instant::now();
        let passed = (0..1_000_000)
            .filter(|&number| flood.bucket(&numbered(number)).take(now).is_ok())
            .count();
        assert_eq!(remembered(&flood), ADDRESSES_MAX);
        // One from every bucket, and three from each that is shared.
        assert_eq!(passed, ADDRESSES_MAX + 3 * TABLES);
        // Nothing was allocated for them.
        assert!(!has_grown(&flood));
        // The first ones keep theirs.
        assert_eq!(drain(&mut flood.bucket(&numbered(0)), now), 2);
    }

    /// Whether a table has allocated anything since it was made. What a hash table says of its capacity goes down with removals, and up only when it grows.
    fn has_grown(flood: &Flood) -> bool {
        let shared = flood.shared.as_ref().unwrap();
        (0..TABLES).any(|table| {
            let table = shared.table(table);
            table.places.capacity() >= 4 * SLOTS_MAX || table.slots.capacity() >= 2 * SLOTS_MAX
        })
    }

    #[test]
    fn buckets_that_are_full_are_removed() {
        let flood = flood("10/s:20");
        let mut now = Instant::now();
        for number in 0..1_000_000 {
            assert_eq!(flood.bucket(&numbered(number)).take(now), Ok(()));
            // A hundred thousand in a second, each of which is full after a tenth of one.
            now += Duration::from_micros(10);
        }
        assert!(remembered(&flood) < 20_000, "{}", remembered(&flood));
        assert!(!has_grown(&flood));
        now += Duration::from_secs(1);
        for number in 0..20_000 {
            assert_eq!(flood.bucket(&numbered(number)).take(now), Ok(()));
        }
        let shared = flood.shared.as_ref().unwrap();
        for table in 0..TABLES {
            let table = shared.table(table);
            assert_eq!(table.places.len(), table.slots.len());
            assert!(table.slots.len() <= SLOTS_MAX);
            for (place, slot) in table.slots.iter().enumerate() {
                assert_eq!(table.places[&slot.block], place);
            }
        }
    }

    #[test]
    fn threads_share() {
        let flood = flood("1/h:10000");
        let now = Instant::now();
        let taken: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let flood = flood.clone();
                    scope.spawn(move || drain(&mut flood.bucket(&peer("192.0.2.1:5")), now))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 10_000);
    }

    #[test]
    fn texts() {
        for text in ["10/s:20", "600/min:50", "1/h:1", "1000000/h:1000000"] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), text);
            assert_eq!(text.parse(), Ok(FloodLimit::Rate(rate)));
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Rate>(&json).unwrap(), rate);
            assert_eq!(
                serde_json::from_str::<FloodLimit>(&json).unwrap().rate(),
                Some(rate)
            );
        }
        assert_eq!("off".parse(), Ok(FloodLimit::Off));
        assert_eq!(serde_json::to_string(&FloodLimit::Off).unwrap(), "\"off\"");
        assert_eq!(FloodLimit::default().to_string(), "10/s:20");
        for text in [
            "", "10", "10/s", "10:20", "10/d:2", "/s:1", "1/s:", "-1/s:1", "+1/s:1", "1 /s:1",
            "1/S:1", "Off",
        ] {
            let error = text.parse::<FloodLimit>().unwrap_err();
            assert_eq!(error, RateError::Form(text.to_owned()));
            assert!(error.to_string().contains("10/s:20"));
        }
        for text in ["0/s:1", "1/s:0", "1000001/s:1", "1/h:99999999999999999999"] {
            assert_eq!(
                text.parse::<Rate>(),
                Err(RateError::Number(text.to_owned()))
            );
        }
        assert!(serde_json::from_str::<Rate>("\"off\"").is_err());
        assert_eq!(Rate::per_second(10, 20), Ok(Rate::default()));
    }
}
