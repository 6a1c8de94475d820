//! The seeded network for datagrams: a handler on the real station, over a network that loses, repeats, delays and cuts.
//!
//! [`World`] is the network with its clients and the time, [`Fates`] says what goes wrong, `socket.rs` is what the server holds in its hands, the handlers are
//! wrapped by `witness.rs`, and `system.rs` and [`Account`](account::Account) know what must be so.

mod account;
mod client;
mod faults;
mod flights;
mod socket;
mod system;
mod witness;
mod world;

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub use self::client::{ClientSocket, DatagramClient, Letter, Timetable};
use self::faults::Fates;
pub use self::faults::{DatagramFault, DatagramFaults};
use self::socket::{CLIENTS_MAX, SharedWorld, SimulatedLink};
use self::system::{Court, Laws, Simulated};
use self::witness::watched;
use self::world::World;
use super::clock::now;
use super::failure::{self, Failure};
use super::trace::Trace;
use crate::driver::datagram::{DatagramFactory, run_alone};
use crate::mail::Place;
use crate::net::Address;
use crate::server::{Shared, Stats, StopHandle};
use crate::session::panic_message;
use crate::testkit::random::Random;
use crate::{Config, DatagramHandler, Mode, PeerHandler};

/// A handler of datagrams, and the clients that talk to it.
///
/// In every run these must hold, or it fails:
///
/// * The conservation laws of [`Stats`], and every datagram that was received was given to a handler or counted as dropped.
/// * A handler is given the datagrams that each socket has received from its peer in their order.
/// * Every handler of a peer is closed once, there are no more than [`Config::connections_max`], and a peer that was silent for
///   [`Config::peer_idle_timeout`] has none.
/// * A timer rings once, neither early nor late, and not before one that was due earlier.
/// * A peer that was not proven is sent no more than [`Config::amplification_max`] times the bytes and the datagrams that came in its name. A
///   [`DatagramHandler`] that writes to others than the one who has written is not bound by that; simulate it without a maximum.
/// * The server neither spins nor outlives its drain deadline, and all sockets are closed in the end.
/// * The clients have nothing to complain of ([`DatagramClient::verdict`]), and what [`verify`](DatagramSimulation::verify) was given finds nothing.
///
/// A client must not use a [`DatagramSender`](crate::DatagramSender) of the server, which it could not have in a real network.
#[derive(Clone)]
pub struct DatagramSimulation {
    factory: DatagramFactory,
    clients: Vec<MakeClient>,
    config: Config,
    faults: DatagramFaults,
    /// Each run draws how much of the faults it has.
    draws_rates: bool,
    verify: Arc<Verify>,
}

/// Makes a client with numbers that the seed decides.
type MakeClient = Arc<dyn Fn(&mut Random) -> Box<dyn DatagramClient> + Send + Sync>;
/// Looks at a run that is over.
type Verify = dyn Fn(&DatagramRun) -> Result<(), String> + Send + Sync;

/// What a run was like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatagramRun {
    /// A hash of everything that happened, in its order: two runs of a seed have the same.
    pub trace_hash: u64,
    /// What each client has sent and received.
    pub clients: Vec<ClientLog>,
    /// What went wrong, in the order in which it did.
    pub faults: Vec<DatagramFault>,
    /// What the server has counted.
    pub stats: Stats,
}

/// What a client has sent and received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientLog {
    /// Where it was.
    pub address: Address,
    /// What it has sent, in this order, whether it arrived or not.
    pub sent: Vec<Vec<u8>>,
    /// What has come, in this order.
    pub received: Vec<Letter>,
}

impl ClientLog {
    fn new(address: Address) -> Self {
        Self {
            address,
            sent: Vec::new(),
            received: Vec::new(),
        }
    }
}

/// How long a server goes on at least after the last client has done.
const LINGER_MIN: Duration = Duration::from_secs(1);

impl DatagramSimulation {
    /// Simulates handlers that are called with each datagram by itself.
    pub fn plain<H: DatagramHandler + 'static>(
        factory: impl Fn() -> H + Send + Sync + 'static,
    ) -> Self {
        Self::new(DatagramFactory::Plain(Arc::new(
            move || Box::new(factory()),
        )))
    }

    /// Simulates handlers that hold the conversation with one peer each.
    pub fn peers<H: PeerHandler + 'static>(
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        Self::new(DatagramFactory::Peers(Arc::new(move |peer| {
            Box::new(factory(peer))
        })))
    }

    fn new(factory: DatagramFactory) -> Self {
        Self {
            factory,
            clients: Vec::new(),
            config: Config::default(),
            faults: DatagramFaults::default(),
            draws_rates: true,
            verify: Arc::new(|_| Ok(())),
        }
    }

    /// Adds so many clients, each with an address of its own. The numbers that `factory` is given are another client's and another seed's each time.
    ///
    /// # Panics
    ///
    /// When there are more than 1,000 of them.
    pub fn clients<C: DatagramClient + 'static>(
        mut self,
        count: usize,
        factory: impl Fn(&mut Random) -> C + Send + Sync + 'static,
    ) -> Self {
        let make: MakeClient = Arc::new(move |random| Box::new(factory(random)));
        self.clients.extend((0..count).map(|_| make.clone()));
        assert!(
            self.clients.len() <= CLIENTS_MAX,
            "a simulation has no more than {CLIENTS_MAX} clients: add fewer"
        );
        self
    }

    /// Serves with these settings, on one thread whatever the mode.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Has this much go wrong in each run.
    pub fn faults(mut self, faults: DatagramFaults) -> Self {
        self.faults = faults;
        self.draws_rates = false;
        self
    }

    /// Has each run draw how much goes wrong, up to this much. Without it that is up to [`DatagramFaults::default`].
    pub fn faults_up_to(mut self, faults: DatagramFaults) -> Self {
        self.faults = faults;
        self.draws_rates = true;
        self
    }

    /// Lets nothing go wrong: only order and batches vary.
    pub fn without_faults(self) -> Self {
        self.faults(DatagramFaults::NONE)
    }

    /// Looks at each run when it is over; what it returns as an error is wrong with it.
    pub fn verify(
        mut self,
        verify: impl Fn(&DatagramRun) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.verify = Arc::new(verify);
        self
    }

    /// Runs the seeds, and stops at the first failure, which is shrunk to the faults that it needs.
    ///
    /// A failure prints the command that repeats it: with the environment variable `SOCKETSERVER_SEED` that seed is run instead of
    /// all others, and what happens in it is told line by line.
    ///
    /// # Panics
    ///
    /// When no client was added, or `SOCKETSERVER_SEED` is no number.
    pub fn check(&self, seeds: Range<u64>) -> Result<(), Failure<DatagramFault>> {
        failure::check(seeds, |seed| self.run(seed))
    }

    /// Runs one seed.
    ///
    /// # Panics
    ///
    /// When no client was added.
    pub fn run(&self, seed: u64) -> Result<DatagramRun, Failure<DatagramFault>> {
        assert!(
            !self.clients.is_empty(),
            "a simulation without a client shows nothing: add some with `clients`"
        );
        let rates = if self.draws_rates {
            self.faults.draw(&mut Random::new(!seed))
        } else {
            self.faults
        };
        let ended = self.run_with(seed, Fates::draw(seed, rates), Trace::default());
        match ended.wrong {
            None => Ok(ended.run),
            Some(_) => Err(self.shrink(seed, ended.run.faults)),
        }
    }

    /// Leaves out faults as long as the run still fails.
    fn shrink(&self, seed: u64, faults: Vec<DatagramFault>) -> Failure<DatagramFault> {
        let run =
            |faults: &[DatagramFault], trace| self.run_with(seed, Fates::given(faults), trace);
        let faults = failure::shrink(faults, |fewer| run(fewer, Trace::default()).wrong.is_some());
        let ended = run(&faults, Trace::written());
        let wrong = ended.wrong.unwrap_or_default();
        Failure::new(seed, faults, wrong, ended.trace.text())
    }

    fn run_with(&self, seed: u64, fates: Fates, trace: Trace) -> Ended {
        let config = Config {
            // A server with one thread of handlers by itself.
            mode: Mode::Reactor { loops: 1 },
            // It would measure the time of this machine.
            slow_callback: None,
            ..self.config.clone()
        };
        // Another stream of numbers than the run's own, as that of the rates is.
        let mut random = Random::new(seed.wrapping_add(1).rotate_left(17));
        let linger = draw_linger(&config, &mut random);
        let clients = self.clients.iter().map(|make| make(&mut random)).collect();
        let laws = Laws::new(&config);
        let shared = Shared::with_clock(config, Vec::new(), None, now);
        let stop = (StopHandle::new(shared.clone()), linger);
        let mut world = World::new(seed, clients, fates, laws, stop);
        world.trace = trace;
        world.start();
        let world = SharedWorld::new(world);
        let court = Court {
            shared: shared.clone(),
            census: Arc::default(),
        };
        let system = Simulated {
            world: world.clone(),
            court: court.clone(),
        };
        let link = Arc::new(SimulatedLink::new(&world, 0));
        let factory = watched(&self.factory, &world, &court.census);
        let served = catch_unwind(AssertUnwindSafe(|| {
            run_alone(system, Place::new(), vec![link], &shared, &factory)
        }));
        let mut world = world.lock();
        match served {
            Ok(result) => court.judge(&mut world, result),
            // Those of handlers are contained: this is the server's own, or a client's.
            Err(panic) => world.blame(|| format!("a panic: {}", panic_message(&*panic))),
        }
        world.finish();
        self.conclude(&mut world, shared.ledger.stats())
    }

    /// What is to be said of a run.
    fn conclude(&self, world: &mut World, stats: Stats) -> Ended {
        let trace = std::mem::take(&mut world.trace);
        let run = DatagramRun {
            trace_hash: trace.hash(),
            clients: world.clients.iter().map(|seat| seat.log.clone()).collect(),
            faults: std::mem::take(&mut world.fates.struck),
            stats,
        };
        let wrong = world.wrong.take();
        Ended {
            wrong: wrong.or_else(|| (self.verify)(&run).err()),
            run,
            trace,
        }
    }
}

/// A run that is over.
struct Ended {
    run: DatagramRun,
    trace: Trace,
    wrong: Option<String>,
}

/// How long a server goes on after the clients have done: often long enough for all peers to be forgotten.
fn draw_linger(config: &Config, random: &mut Random) -> Duration {
    match config.peer_idle_timeout {
        Some(timeout) if random.one_in(2) => LINGER_MIN + timeout,
        _ => LINGER_MIN,
    }
}

impl fmt::Debug for DatagramSimulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSimulation")
            .field("clients", &self.clients.len())
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
