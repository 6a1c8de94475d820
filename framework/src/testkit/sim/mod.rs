//! The seeded network: a handler on the real reactor, over a network in memory where a seed decides everything else.
//!
//! A run has one thread, a time of its own that passes only when nothing else can happen, and clients that follow [scripts](Script). The seed draws in which
//! order things happen, how streams are cut, how much room there is, and what goes wrong: resets, frozen and slow peers, sockets that would block,
//! errors of `accept`, jumps of time, panics of the handler, stops. The same seed is always the same run.
//!
//! After every step the server's conservation laws must hold. A client that no fault has struck must get exactly what it expects, and one that was
//! struck nothing that is wrong. When the run is over everything must have come to an end, in a limited simulated time, and every handler must have been
//! closed exactly once.
//!
//! ```
//! use socketserver::testkit::script::Script;
//! use socketserver::testkit::sim::Simulation;
//! use socketserver::{Conn, Handler, HandlerError, Input};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.write(input.take_all());
//!         Ok(())
//!     }
//! }
//!
//! let script = Script::parse(r#"
//!     send "hello"
//!     expect "hello"
//!     half-close
//!     expect end
//! "#)?;
//! Simulation::events(|_peer| Echo).script(&script).check(0..100)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where clients hear of each other, as in a chat, no script can say what each of them receives. Then [`clients`](Simulation::clients) have scripts that the seed draws, and
//! [`verify`](Simulation::verify) looks at what all of them have received when the run is over:
//!
//! ```
//! use socketserver::testkit::script::Script;
//! use socketserver::testkit::sim::{ConnectionLog, Simulation};
//! use socketserver::{Bytes, Conn, Group, Handler, HandlerError, Input, SlowMember};
//!
//! struct Shout(Group);
//!
//! impl Handler for Shout {
//!     fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         self.0.join(conn);
//!         Ok(())
//!     }
//!
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
//!             self.0.broadcast_except(&conn.remote(), Bytes::copy_from_slice(input.take(end + 1)));
//!             conn.write(b"heard\n");
//!         }
//!         Ok(())
//!     }
//!
//!     fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.close();
//!         Ok(())
//!     }
//! }
//!
//! let group = Group::new(SlowMember::Disconnect);
//! Simulation::events(move |_peer| Shout(group.clone()))
//!     .clients(3, |random| {
//!         let text = "x".repeat(1 + random.below(9));
//!         // Everybody is there before anybody speaks, and is heard before anybody leaves.
//!         let script = format!(
//!             r#"
//!                 wait 1s
//!                 send "{text}\n"
//!                 expect until "heard\n"
//!                 wait 1s
//!                 half-close
//!                 expect rest
//!             "#
//!         );
//!         Script::parse(&script).expect("it is a script")
//!     })
//!     .verify(|run| {
//!         let sent: usize = run.clients.iter().map(|client| client.sent.len()).sum();
//!         let calm = run.faults.is_empty();
//!         let all = |client: &ConnectionLog| client.received.len() + client.sent.len() == sent + 6;
//!         match run.clients.iter().find(|client| calm && !all(client)) {
//!             Some(client) => Err(format!("{client:?} has not received what others have sent")),
//!             None => Ok(()),
//!         }
//!     })
//!     .check(0..100)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Datagrams
//!
//! A [`DatagramSimulation`] does the same to handlers of datagrams, on the code that serves on sockets. Its network loses datagrams, delivers them twice,
//! late, or without their end; the system blocks, refuses, or reports an error. Its clients are values with a timer of their own
//! ([`DatagramClient`]), or just a [`Timetable`] of what they send; and what they have received can be looked at when a run is over.
//!
//! Here is a handler that counts how often it is asked. Its client believes that an answer which does not come means that nothing was done, and
//! asks once more:
//!
//! ```
//! use std::time::Duration;
//!
//! use socketserver::testkit::sim::{ClientSocket, DatagramClient, DatagramSimulation, Letter};
//! use socketserver::{Datagram, HandlerError, Peer, PeerHandler};
//!
//! struct Counter(u8);
//!
//! impl PeerHandler for Counter {
//!     fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
//!         self.0 += 1;
//!         peer.send(&[self.0])?;
//!         Ok(())
//!     }
//! }
//!
//! struct Client;
//!
//! impl DatagramClient for Client {
//!     fn started(&mut self, socket: &mut ClientSocket<'_>) {
//!         socket.send(b"count me");
//!         socket.set_timer(Duration::from_millis(100));
//!     }
//!
//!     fn received(&mut self, _: &Letter, socket: &mut ClientSocket<'_>) {
//!         socket.cancel_timer();
//!     }
//!
//!     fn timer(&mut self, socket: &mut ClientSocket<'_>) {
//!         socket.send(b"count me");
//!     }
//! }
//!
//! let simulation = DatagramSimulation::peers(|_peer| Counter(0))
//!     .clients(1, |_random| Client)
//!     .verify(|run| {
//!         let counts = run.clients[0].received.iter().flat_map(|letter| &letter.bytes);
//!         match counts.max() {
//!             Some(2..) => Err("it was counted twice".to_owned()),
//!             _ => Ok(()),
//!         }
//!     });
//! assert!(simulation.clone().without_faults().check(0..100).is_ok());
//! let failure = simulation.check(0..100).unwrap_err();
//! assert_eq!(failure.what(), "it was counted twice");
//! assert!(!failure.faults().is_empty(), "where nothing goes wrong it is right");
//! ```

mod census;
mod client;
mod clock;
mod datagram;
mod failure;
mod faults;
mod notice;
mod pipe;
mod system;
mod trace;
mod witness;
mod world;

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use self::census::Census;
use self::client::Client;
use self::clock::now;
pub use self::datagram::{
    ClientLog, ClientSocket, DatagramClient, DatagramFault, DatagramFaults, DatagramRun,
    DatagramSimulation, Letter, Timetable,
};
pub use self::failure::Failure;
pub use self::faults::Fault;
use self::system::{Simulated, SimulatedPort};
use self::trace::Trace;
use self::witness::Witness;
use self::world::World;
use crate::driver::{Stacks, Suspended, run_alone};
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::Address;
use crate::server::{Make, Shared, Stats, StopHandle};
use crate::testkit::random::Random;
use crate::testkit::script::Script;
use crate::{BlockingHandler, Config, Handler};

/// A handler, and the clients that talk to it.
#[derive(Clone)]
pub struct Simulation {
    make: Make<Box<dyn Handler>>,
    scripts: Vec<Arc<Script>>,
    clients: Vec<MakeScript>,
    farewell: Arc<[u8]>,
    config: Config,
    with_faults: bool,
    verify: Arc<Verify>,
}

/// Makes the script of a client with numbers that the seed decides.
type MakeScript = Arc<dyn Fn(&mut Random) -> Script + Send + Sync>;
/// Looks at a run that is over.
type Verify = dyn Fn(&Run) -> Result<(), String> + Send + Sync;

/// What a run was like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// A hash of everything that happened, in its order: two runs of a seed have the same.
    pub trace_hash: u64,
    /// What each client has sent and received.
    pub clients: Vec<ConnectionLog>,
    /// What went wrong, as far as its time came before the end.
    pub faults: Vec<Fault>,
    /// What the server has counted.
    pub stats: Stats,
}

/// What a client has sent and received over its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLog {
    /// What it has sent, whether it arrived or not.
    pub sent: Vec<u8>,
    /// What it has read.
    pub received: Vec<u8>,
    /// Whether a fault has struck it, or the whole server: then neither need be complete.
    pub is_struck: bool,
}

/// How many clients come at most.
const CLIENTS_MAX: usize = 4;

impl Simulation {
    /// Simulates handlers with callbacks, made by a factory as a server has it.
    pub fn events<H: Handler + 'static>(
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        Self::new(Arc::new(move |peer| Box::new(factory(peer))))
    }

    /// Simulates blocking handlers, in coroutines.
    pub fn blocking<H: BlockingHandler + 'static>(
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        let stacks = Arc::new(Stacks::new(Config::default().coroutine_stack_bytes));
        Self::new(Arc::new(move |peer| {
            Box::new(Suspended::new(Box::new(factory(peer)), &stacks))
        }))
    }

    fn new(make: Make<Box<dyn Handler>>) -> Self {
        Self {
            make,
            scripts: Vec::new(),
            clients: Vec::new(),
            farewell: Arc::default(),
            config: Config::default(),
            with_faults: true,
            verify: Arc::new(|_| Ok(())),
        }
    }

    /// Adds a conversation that clients have. Each run has up to four clients, each with one of the conversations.
    pub fn script(mut self, script: &Script) -> Self {
        self.scripts.push(Arc::new(script.clone()));
        self
    }

    /// Adds so many clients, which come in every run. Each has a script of its own, made with numbers that are another client's and another seed's each time.
    pub fn clients(
        mut self,
        count: usize,
        factory: impl Fn(&mut Random) -> Script + Send + Sync + 'static,
    ) -> Self {
        let make: MakeScript = Arc::new(factory);
        self.clients.extend((0..count).map(|_| make.clone()));
        self
    }

    /// What the server says to those who are there when it is asked to stop, which their scripts do not expect.
    pub fn farewell(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.farewell = Arc::from(bytes.as_ref());
        self
    }

    /// Looks at each run when it is over, also where something was wrong before; what it returns as an error is wrong with it.
    pub fn verify(
        mut self,
        verify: impl Fn(&Run) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.verify = Arc::new(verify);
        self
    }

    /// Serves with these settings. Some, such as the sizes of buffers, are drawn anew in each run, up to what is set here.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Lets nothing go wrong: only order and cuts vary.
    pub fn without_faults(mut self) -> Self {
        self.with_faults = false;
        self
    }

    /// Runs the seeds, and stops at the first failure, which is shrunk to the faults that it needs.
    ///
    /// A failure prints the command that repeats it: with the environment variable `SOCKETSERVER_SEED` that seed is run instead of
    /// all others, and what happens in it is told line by line.
    ///
    /// # Panics
    ///
    /// When no conversation and no client was added, or `SOCKETSERVER_SEED` is no number.
    pub fn check(&self, seeds: Range<u64>) -> Result<(), Failure> {
        failure::check(seeds, |seed| self.run(seed))
    }

    /// Runs one seed.
    ///
    /// # Panics
    ///
    /// When no conversation and no client was added.
    pub fn run(&self, seed: u64) -> Result<Run, Failure> {
        let plan = Plan::draw(self, seed);
        let ended = self.run_plan(&plan, Trace::default());
        match ended.wrong {
            None => Ok(ended.run),
            Some(_) => Err(self.shrink(plan)),
        }
    }

    /// Drops faults as long as the run still fails.
    fn shrink(&self, mut plan: Plan) -> Failure {
        plan.faults = failure::shrink(plan.faults.clone(), |faults| {
            let fewer = Plan {
                faults: faults.to_vec(),
                ..plan.clone()
            };
            self.run_plan(&fewer, Trace::default()).wrong.is_some()
        });
        let ended = self.run_plan(&plan, Trace::written());
        Failure::new(
            plan.seed,
            plan.faults,
            ended.wrong.unwrap_or_default(),
            ended.trace.text(),
        )
    }

    fn run_plan(&self, plan: &Plan, trace: Trace) -> Ended {
        let shared = Shared::with_clock(plan.config.clone(), vec![Address::UnixUnnamed], None, now);
        let stop = StopHandle::new(shared.clone());
        let clients = (plan.scripts.iter())
            .map(|script| Client::new(script, &self.farewell))
            .collect();
        let mut world = World::new(plan.seed, clients, plan.faults.clone(), stop);
        world.trace = trace;
        let world = Rc::new(RefCell::new(world));
        let census = Arc::new(Census::default());
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "loops share listeners among threads, and this one runs alone"
        )]
        let port = Arc::new(SimulatedPort::new(&world));
        let result = run_alone(
            Simulated {
                world: world.clone(),
                check: law_of(&shared),
            },
            Place::new(),
            vec![port],
            &shared,
            &Witness::factory(&self.make, &census, &plan.faults),
        );
        let mut world = Rc::try_unwrap(world)
            .ok()
            .expect("the server and its sockets are gone")
            .into_inner();
        judge(&mut world, result, &shared, &census);
        self.conclude(world, plan, shared.ledger.stats())
    }

    /// What is to be said of a run.
    fn conclude(&self, world: World, plan: &Plan, stats: Stats) -> Ended {
        let steps = world.steps();
        let has_come = |fault: &&Fault| fault.step <= steps || fault.is_of_handler();
        let clients = world.lines.into_iter();
        let run = Run {
            trace_hash: world.trace.hash(),
            faults: plan.faults.iter().filter(has_come).cloned().collect(),
            clients: clients.map(|line| line.client.into_log()).collect(),
            stats,
        };
        // In any case, so that it can forget what belongs to this run.
        let verdict = (self.verify)(&run);
        Ended {
            wrong: world.wrong.or(verdict.err()),
            run,
            trace: world.trace,
        }
    }
}

/// A run that is over.
struct Ended {
    run: Run,
    trace: Trace,
    wrong: Option<String>,
}

/// The conservation laws of a server's counters.
fn law_of(shared: &Arc<Shared>) -> Box<dyn Fn() -> Result<(), String>> {
    let shared = shared.clone();
    Box::new(move || shared.ledger.check_laws())
}

/// What must be so at the end of a run.
fn judge(world: &mut World, result: Result<(), ServeError>, shared: &Shared, census: &Census) {
    match result {
        // That is how a server ends whose only listener is broken, which is among the faults.
        Ok(()) | Err(ServeError::NoListenerLeft) => {}
        Err(error) => world.blame(|| error.to_string()),
    }
    if let Err(law) = shared.ledger.check_laws() {
        world.blame(|| law);
    }
    let stats = shared.ledger.stats();
    if stats.live != 0 || stats.bytes_held != 0 {
        world.blame(|| format!("the server has ended and still counts: {stats:?}"));
    }
    let open = shared.admission.open();
    if open != 0 {
        world.blame(|| format!("room for {open} connections was never given back"));
    }
    if let Some(what) = census.trouble() {
        world.blame(|| what);
    }
    let left = (world.lines.iter()).position(|line| line.is_accepted && !line.is_closed);
    if let Some(index) = left {
        world.blame(|| format!("the connection of client {index} was never closed"));
    }
    let unheard =
        (world.lines.iter()).position(|line| !line.client.is_harmed && !line.client.is_through());
    if let Some(index) = unheard {
        world.blame(|| format!("client {index} was not served to its end"));
    }
}

/// Everything that a seed decides beforehand.
#[derive(Clone)]
struct Plan {
    seed: u64,
    scripts: Vec<Arc<Script>>,
    faults: Vec<Fault>,
    config: Config,
}

impl Plan {
    fn draw(simulation: &Simulation, seed: u64) -> Self {
        assert!(
            !simulation.scripts.is_empty() || !simulation.clients.is_empty(),
            "a simulation without a conversation shows nothing: add one with `script` or `clients`"
        );
        // Another stream of numbers than the run's own, so that a fault less does not change everything else.
        let mut random = Random::new(!seed);
        let mut scripts = Vec::new();
        if !simulation.scripts.is_empty() {
            let clients = 1 + random.below(CLIENTS_MAX);
            scripts.extend((0..clients).map(|_| random.pick(&simulation.scripts).clone()));
        }
        let made = simulation.clients.iter();
        scripts.extend(made.map(|make| Arc::new(make(&mut random))));
        let faults = if simulation.with_faults {
            let bytes = scripts.iter().map(|script| script.input().len()).sum();
            Fault::draw(&mut random, scripts.len(), bytes)
        } else {
            Vec::new()
        };
        Self {
            seed,
            scripts,
            faults,
            config: draw_config(&simulation.config, &mut random),
        }
    }
}

/// Settings with small sizes, which bring about every case.
fn draw_config(config: &Config, random: &mut Random) -> Config {
    let mut smaller = |max: usize, sizes: &[usize]| max.min(*random.pick(sizes));
    let read_buffer_bytes = smaller(config.read_buffer_bytes, &[1, 2, 7, 64, 4096]);
    let turn_bytes_max = smaller(config.turn_bytes_max, &[1, 16, 4096]);
    let output_high = smaller(config.output_high, &[1, 16, 256, 65_536]);
    let accepts_per_turn_max = smaller(config.accepts_per_turn_max, &[1, 64]);
    Config {
        read_buffer_bytes,
        turn_bytes_max,
        output_high,
        output_low: config.output_low.min(output_high / 2),
        accepts_per_turn_max,
        // What is offloaded is done at once: another thread would have a time of its own.
        offload_threads_max: 0,
        slow_callback: None,
        ..config.clone()
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("scripts", &self.scripts)
            .field("clients", &self.clients.len())
            .field("with_faults", &self.with_faults)
            .finish_non_exhaustive()
    }
}
