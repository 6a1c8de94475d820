//! A proxy for UDP that does to real programs what networks do: it drops datagrams, sends them twice, and lets later ones overtake them.
//!
//! Clients write to the proxy instead of the server. It writes to the server through a socket of its own for each client, so that answers find
//! their way back, and treats both directions alike. The example `lossy` is its program.
//!
//! * What happens to the n-th datagram of a direction follows from the seed, the number of its client and the direction alone, and not from the time.
//! * At most [`CLIENTS_MAX`] clients are served at once; beyond that the one who was silent for longest has to go. A direction holds back at most
//!   [`HELD_MAX`] datagrams, none of them for longer than [`HELD_TIME`].
//! * A server that answers from another port is followed, as TFTP needs it (RFC 1350, section 4): from the first answer that gets through, what the client
//!   sends goes to that port.
//!
//! It belongs into a laboratory: a client gets whatever the server answers, and whether its address is forged nobody asks.

mod chance;
mod direction;
mod tally;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socketserver::{
    Address, CloseReason, Config, Datagram, DatagramServer, Endpoint, Eviction, HandlerError,
    Hooks, Mode, Peer, PeerHandler, Report, ServeError, Server, StartError, StatsHandle,
    StopHandle,
};

pub use self::chance::{ChanceError, Chances, Dice, Fate, Percent};
use self::direction::Direction;
pub use self::tally::Counts;
use self::tally::Tally;

/// How many clients are served at once. Each takes a thread and three descriptors, of which most shells allow 1,024.
pub const CLIENTS_MAX: usize = 256;
/// How many datagrams a direction holds back at once; what comes then is passed on.
pub const HELD_MAX: usize = 8;
/// How long a datagram is held back when nothing comes that could overtake it.
pub const HELD_TIME: Duration = Duration::from_millis(50);
/// How long a client may send nothing before it is forgotten. Who only listens sends nothing, so that this is long.
const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// How many ports of the server may answer one client.
const PORTS_MAX: usize = 16;
/// The timer that lets go what was held back.
const RELEASE: u8 = 0;

/// The proxy, which receives from the moment it is made, and passes on when [`serve`](Lossy::serve) is called.
#[derive(Debug)]
pub struct Lossy {
    server: DatagramServer,
    plan: Plan,
}

/// What is the same for all clients.
#[derive(Clone, Debug)]
struct Plan {
    target: SocketAddr,
    chances: Chances,
    seed: u64,
    tally: Arc<Tally>,
}

impl Lossy {
    /// Receives at `HOST:PORT` what is meant for `target`. A missing host is 127.0.0.1, and port 0 a free port.
    ///
    /// # Errors
    ///
    /// When that is no address of UDP, or cannot be bound.
    pub fn bind(
        address: &str,
        target: SocketAddr,
        chances: Chances,
        seed: u64,
    ) -> Result<Self, StartError> {
        let config = Config {
            connections_max: CLIENTS_MAX,
            eviction: Eviction::Idlest,
            peer_idle_timeout: Some(CLIENT_IDLE_TIMEOUT),
            ..Config::default()
        };
        let address = address.strip_prefix("udp://").unwrap_or(address);
        let builder = DatagramServer::builder().config(config);
        let builder = builder.endpoint(&format!("udp://{address}"))?;
        let plan = Plan {
            target,
            chances,
            seed,
            tally: Arc::default(),
        };
        Ok(Self {
            server: builder.bind_datagrams()?,
            plan,
        })
    }

    /// Where it receives.
    pub fn address(&self) -> &Address {
        &self.server.addresses()[0]
    }

    /// Stops it, from any thread.
    pub fn stop_handle(&self) -> StopHandle {
        self.server.stop_handle()
    }

    /// How many datagrams have come from clients, and everything else that a server counts.
    pub fn stats_handle(&self) -> StatsHandle {
        self.server.stats_handle()
    }

    /// Passes datagrams on until it is stopped, and returns what it has done to them.
    ///
    /// # Errors
    ///
    /// When the system refuses what the proxy itself needs.
    pub fn serve(self) -> Result<Counts, ServeError> {
        let tally = self.plan.tally.clone();
        let (plan, clients) = (self.plan, AtomicU64::new(0));
        self.server.serve_peers(move |_client| Client {
            plan: plan.clone(),
            number: clients.fetch_add(1, Ordering::Relaxed),
            upstream: None,
        })?;
        Ok(tally.counts())
    }
}

/// A client, whose datagrams go to the server.
struct Client {
    plan: Plan,
    /// The how manyth it is, from 0 on.
    number: u64,
    /// None before the first datagram.
    upstream: Option<Upstream>,
}

/// The socket through which the server is written to for one client, and the thread that receives there.
struct Upstream {
    there: Direction,
    /// Where the server wants to be written to.
    target: Arc<Mutex<Address>>,
    stop: StopHandle,
    answers: JoinHandle<Result<Report, ServeError>>,
}

impl Upstream {
    fn open(plan: &Plan, number: u64, client: &Peer<'_>) -> Result<Self, HandlerError> {
        let host: IpAddr = match plan.target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let config = Config {
            mode: Mode::Serial,
            connections_max: PORTS_MAX,
            // They stay as long as the client does.
            peer_idle_timeout: None,
            ..Config::default()
        };
        let builder = DatagramServer::builder().config(config);
        let server = builder
            .hooks(NoStrangers(plan.target.ip().to_canonical()))
            .endpoints([Endpoint::Udp {
                host: host.to_string(),
                port: 0,
            }])
            .bind_datagrams()?;
        // Each direction of each client has decisions of its own, so that the order in which their datagrams come changes nothing.
        let dice = |direction| Dice::new(plan.chances, plan.seed, 2 * number + direction);
        let there = Direction::new(dice(0), server.senders().remove(0), plan.tally.clone());
        let back = Direction::new(dice(1), client.sender(), plan.tally.clone());
        let back = Arc::new(Mutex::new(back));
        let target = Arc::new(Mutex::new(Address::Udp(plan.target)));
        let stop = server.stop_handle();
        let (followed, client) = (target.clone(), client.address().clone());
        let answers = thread::Builder::new().name("answers".into());
        let answers = answers.spawn(move || {
            server.serve_peers(move |_port| Answers {
                back: back.clone(),
                client: client.clone(),
                target: followed.clone(),
            })
        })?;
        Ok(Self {
            there,
            target,
            stop,
            answers,
        })
    }

    /// Ends it, after everything that was held back.
    fn close(mut self) {
        self.there.release(&lock(&self.target));
        self.stop.stop();
        if let Ok(Err(error)) = self.answers.join() {
            eprintln!("answers were not received: {error}");
        }
    }
}

impl PeerHandler for Client {
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.upstream = Some(Upstream::open(&self.plan, self.number, peer)?);
        Ok(())
    }

    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        if let Some(upstream) = &mut self.upstream {
            let target = lock(&upstream.target).clone();
            upstream.there.carry(datagram.bytes(), &target, peer);
        }
        Ok(())
    }

    fn timer(&mut self, _: u8, _: &mut Peer<'_>) -> Result<(), HandlerError> {
        if let Some(upstream) = &mut self.upstream {
            upstream.there.release(&lock(&upstream.target));
        }
        Ok(())
    }

    fn closed(&mut self, _: &CloseReason) {
        if let Some(upstream) = self.upstream.take() {
            upstream.close();
        }
    }
}

/// A port of the server, whose datagrams go to the client.
struct Answers {
    /// Shared by all ports that answer this client, since there is one way to it.
    back: Arc<Mutex<Direction>>,
    client: Address,
    target: Arc<Mutex<Address>>,
}

impl PeerHandler for Answers {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        // Locked before the client is answered, since what it sends then is meant for this port.
        let mut target = lock(&self.target);
        if lock(&self.back).carry(datagram.bytes(), &self.client, peer) {
            target.clone_from(datagram.peer());
        }
        Ok(())
    }

    fn timer(&mut self, _: u8, _: &mut Peer<'_>) -> Result<(), HandlerError> {
        lock(&self.back).release(&self.client);
        Ok(())
    }

    fn closed(&mut self, _: &CloseReason) {
        lock(&self.back).release(&self.client);
    }
}

/// Lets the server in, and nobody else who may find the port.
struct NoStrangers(IpAddr);

impl Hooks for NoStrangers {
    fn verify(&self, peer: &Address) -> bool {
        peer.ip() == Some(self.0)
    }
}

/// What is behind these locks is right between any two statements, so that a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
