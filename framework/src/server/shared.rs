//! What all threads of one server share.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::hash::Hash;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::config::Config;
use super::hooks::Hooks;
use super::life::{Life, Stage};
use super::offload::OffloadPool;
use super::stats::Ledger;
use crate::conn::ConnectionId;
use crate::driver::Seats;
use crate::mail::Place;
use crate::net::Address;
use crate::session::panic_message;
use crate::timer::{Clock, Time};
use crate::{BlockingHandler, CloseReason, Handler};

/// What makes a handler for each connection.
#[derive(Clone)]
pub(crate) enum Factory {
    Events(Make<Box<dyn Handler>>),
    Blocking(Make<Box<dyn BlockingHandler>>),
}

/// A closure that makes a handler for a peer.
pub(crate) type Make<H> = Arc<dyn Fn(&Address) -> H + Send + Sync>;

/// What all threads of one server share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Where each listener really listens.
    pub(crate) addresses: Vec<Address>,
    pub(crate) hooks: Box<dyn Hooks>,
    /// Whether anybody listens to `service_actions`.
    pub(crate) has_hooks: bool,
    pub(crate) ledger: Ledger,
    pub(crate) life: Life,
    /// Where the time comes from.
    pub(crate) clock: fn() -> Time,
    pub(crate) admission: Admission,
    pub(crate) reserve: Reserve,
    /// Threads for what would keep a loop waiting.
    pub(crate) offload: OffloadPool,
    /// Whether the handlers are blocking ones, once that is known.
    is_blocking: AtomicBool,
    /// The threads that run one connection each, in thread modes.
    pub(crate) seats: Seats,
    /// The threads that accept or run event loops: those to wake when the server stops.
    places: Mutex<Vec<Arc<Place>>>,
    last_id: AtomicU64,
    /// When a recurring trouble was last logged.
    last_complaint: Mutex<Option<Time>>,
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        addresses: Vec<Address>,
        hooks: Option<Box<dyn Hooks>>,
    ) -> Arc<Self> {
        Self::with_clock(config, addresses, hooks, Clock::now)
    }

    /// A server whose time comes from elsewhere.
    pub(crate) fn with_clock(
        config: Config,
        addresses: Vec<Address>,
        hooks: Option<Box<dyn Hooks>>,
        clock: fn() -> Time,
    ) -> Arc<Self> {
        let has_hooks = hooks.is_some();
        Arc::new(Self {
            admission: Admission::new(&config),
            offload: OffloadPool::of_server(&config),
            is_blocking: AtomicBool::new(false),
            life: Life::new(config.drain_timeout, clock),
            clock,
            config,
            addresses,
            hooks: hooks.unwrap_or_else(|| Box::new(super::hooks::NoHooks)),
            has_hooks,
            ledger: Ledger::default(),
            reserve: Reserve::default(),
            seats: Seats::default(),
            places: Mutex::default(),
            last_id: AtomicU64::new(0),
            last_complaint: Mutex::default(),
        })
    }

    /// Whether the server was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.life.stage() > Stage::Serve
    }

    pub(crate) fn next_id(&self) -> ConnectionId {
        ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether the handlers of this server are blocking ones.
    pub(crate) fn is_blocking(&self) -> bool {
        self.is_blocking.load(Ordering::Relaxed)
    }

    /// Says that the handlers of this server are blocking ones.
    pub(crate) fn set_blocking(&self) {
        self.is_blocking.store(true, Ordering::Relaxed);
    }

    /// Makes the handler of a connection; a factory that panics gives the message.
    #[inline]
    pub(crate) fn make_handler<H>(
        make: &(dyn Fn(&Address) -> H + Send + Sync),
        peer: &Address,
    ) -> Result<H, CloseReason> {
        catch_unwind(AssertUnwindSafe(|| make(peer)))
            .map_err(|panic| CloseReason::Panic(panic_message(&*panic).into()))
    }

    /// Runs a hook; one that panics gives the answer for that.
    pub(crate) fn hook<T>(
        &self,
        name: &str,
        if_it_panics: T,
        hook: impl FnOnce(&dyn Hooks) -> T,
    ) -> T {
        catch_unwind(AssertUnwindSafe(|| hook(&*self.hooks))).unwrap_or_else(|panic| {
            log::error!("the hook `{name}` panicked: {}", panic_message(&*panic));
            if_it_panics
        })
    }

    /// Reports the end of a connection, if it is a fault on this side.
    #[inline]
    pub(crate) fn report_end(&self, peer: &Address, reason: &CloseReason) {
        if reason.is_error() {
            self.hook("handle_error", (), |hooks| hooks.handle_error(peer, reason));
        }
        log::trace!("{peer}: {reason}");
    }

    /// Makes a thread one of those that are woken when the server stops.
    pub(crate) fn enter(&self, place: &Arc<Place>) {
        lock(&self.places).push(place.clone());
    }

    pub(crate) fn leave(&self, place: &Arc<Place>) {
        lock(&self.places).retain(|other| !Arc::ptr_eq(other, place));
    }

    /// Wakes every thread, so that it looks at the stage of the server's life.
    pub(crate) fn wake_all(&self) {
        for place in lock(&self.places).iter() {
            place.call();
        }
    }

    /// A connection has ended: its place is free for another.
    #[inline]
    pub(crate) fn release(&self, peer: &Address) {
        if self.admission.release(peer) {
            for place in lock(&self.places).iter() {
                place.ask_to_accept();
            }
        }
    }

    /// Whether a recurring trouble may be logged now: at most once a second.
    pub(crate) fn may_complain(&self) -> bool {
        let now = Clock::now();
        let mut last = lock(&self.last_complaint);
        let may = last.is_none_or(|last| now.since(last) >= Duration::from_secs(1));
        if may {
            *last = Some(now);
        }
        may
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("addresses", &self.addresses)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who may come in: the exact limits on open connections.
#[derive(Debug)]
pub(crate) struct Admission {
    open: AtomicUsize,
    max: AtomicUsize,
    /// An accepting thread has left somebody waiting for lack of room.
    starved: AtomicBool,
    per_ip_max: Option<usize>,
    per_ip: Mutex<HashMap<IpAddr, usize>>,
    per_network_max: Option<usize>,
    per_network: Mutex<HashMap<Network, usize>>,
}

/// Why there is no room for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many peers as there may be.
    Full,
    /// Its address or its network has as many as it may have.
    Crowd,
}

/// Addresses that one owner usually has: 256 of IPv4, or a /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(u32::from(ip) >> 8),
            IpAddr::V6(ip) => Self::V6((u128::from(ip) >> 64) as u64),
        }
    }
}

/// Counts one more of a kind, unless there are as many as there may be.
fn count_up<K: Eq + Hash>(counts: &Mutex<HashMap<K, usize>>, key: K, max: usize) -> bool {
    let mut counts = lock(counts);
    // Who is refused leaves no trace, so that a flood of others takes no memory.
    let count = counts.get(&key).copied().unwrap_or(0);
    if count >= max {
        return false;
    }
    counts.insert(key, count + 1);
    true
}

/// Counts one less, and forgets a kind of which there is none left.
fn count_down<K: Eq + Hash>(counts: &Mutex<HashMap<K, usize>>, key: &K) {
    let mut counts = lock(counts);
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Admission {
    fn new(config: &Config) -> Self {
        Self {
            open: AtomicUsize::new(0),
            max: AtomicUsize::new(config.connections_max),
            starved: AtomicBool::new(false),
            per_ip_max: config.connections_per_ip_max,
            per_ip: Mutex::default(),
            per_network_max: config.peers_per_network_max,
            per_network: Mutex::default(),
        }
    }

    /// Takes room for one more connection, before it is accepted. False: there is none, and whoever makes some will say so.
    pub(crate) fn try_enter(&self) -> bool {
        if self.try_count() {
            return true;
        }
        self.starved.store(true, Ordering::SeqCst);
        // Somebody may have left between the look and the flag.
        self.try_count()
    }

    /// Whether the next connection must wait.
    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.max.load(Ordering::Relaxed)
    }

    /// Lets in no more than so many connections at once, whatever the settings say; true if they said more.
    pub(crate) fn lower_to(&self, max: usize) -> bool {
        self.max.fetch_min(max, Ordering::Relaxed) > max
    }

    fn try_count(&self) -> bool {
        let max = self.max.load(Ordering::Relaxed);
        let more = |open: usize| (open < max).then_some(open + 1);
        self.open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    /// How many connections are counted as open.
    #[cfg(feature = "testkit")]
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Gives back room that was taken for a connection that did not come.
    pub(crate) fn cancel(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Counts the connection for its address. False: that address has enough.
    pub(crate) fn try_enter_from(&self, peer: &Address) -> bool {
        let (Some(max), Some(ip)) = (self.per_ip_max, peer.ip()) else {
            return true;
        };
        count_up(&self.per_ip, ip, max)
    }

    /// Takes room for the peer of a datagram server.
    pub(crate) fn try_enter_peer(&self, peer: &Address) -> Result<(), Refusal> {
        if !self.try_count() {
            return Err(Refusal::Full);
        }
        if !self.try_enter_from(peer) {
            self.cancel();
            return Err(Refusal::Crowd);
        }
        match (self.per_network_max, peer.ip()) {
            (Some(max), Some(ip)) if !count_up(&self.per_network, Network::of(ip), max) => {
                self.release(peer);
                Err(Refusal::Crowd)
            }
            _ => Ok(()),
        }
    }

    /// Gives back the room of a peer.
    pub(crate) fn release_peer(&self, peer: &Address) {
        if let (Some(_), Some(ip)) = (self.per_network_max, peer.ip()) {
            count_down(&self.per_network, &Network::of(ip));
        }
        self.release(peer);
    }

    /// Gives back the room of a connection that was counted. True when somebody waits for it.
    fn release(&self, peer: &Address) -> bool {
        if let (Some(_), Some(ip)) = (self.per_ip_max, peer.ip()) {
            count_down(&self.per_ip, &ip);
        }
        self.cancel();
        self.starved.load(Ordering::SeqCst) && self.starved.swap(false, Ordering::SeqCst)
    }
}

/// A descriptor kept in reserve, given up for a moment when there are no others, so that a client can be told to go.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    file: Mutex<Option<File>>,
}

impl Reserve {
    /// Puts a descriptor aside.
    pub(crate) fn fill(&self) {
        *lock(&self.file) = File::open("/dev/null").ok();
    }

    /// Runs `accept_and_close` with one more descriptor free than there is, and takes the reserve back. Another thread may be
    /// faster: then there is no reserve until a later call finds a descriptor.
    pub(crate) fn lend(&self, accept_and_close: impl FnOnce()) {
        let mut file = lock(&self.file);
        drop(file.take());
        accept_and_close();
        *file = File::open("/dev/null").ok();
    }
}
