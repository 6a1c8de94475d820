//! The drivers of datagram servers: each realises one [`Mode`] by moving datagrams between sockets and handlers.
//!
//! A [`Station`] is a thread that receives. It owns sockets, knows the peers and their timers, and hands each datagram to whoever runs
//! handlers: in the modes `serial` and `reactor` to itself, in `threads` and `pool` to a [`Crew`] of workers.
//!
//! # The contract
//!
//! * A socket belongs to one station, which alone receives from it. In the mode `reactor` with several loops each loop has a socket of its own at the
//!   same address where the system then gives every peer to one of them; elsewhere the sockets are shared out among the loops.
//! * The callbacks of one [`Session`](crate::datagram::Session) run one after the other, in the order in which its datagrams were received. What
//!   follows for the station (a timer, a socket, the end) travels back as an [`Outcome`](crate::datagram::Outcome).
//! * What the callbacks for a batch have written is sent before the next batch is received. While the system takes nothing, nothing is received.
//! * A datagram that cannot be handled or sent is counted. Nothing that comes from the network ends a station or makes it spin.
//! * When the server drains, what the system has received already is received and handled, and every answer is sent before the socket is closed.
//!   Conversations may go on until the drain deadline.
//! * Counters are published before a thread waits.

mod crew;
mod plain;
mod station;
mod system;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::crew::{Crew, Size};
use self::station::{Staff, Station};
use self::system::Poller;
pub(crate) use self::system::{DatagramSystem, Ready};
use super::loops::run_all;
use crate::DatagramHandler;
use crate::datagram::{Outbox, PeerHandler};
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::{Address, DatagramLink, Flow, Sent};
use crate::server::{Counters, Mode, Shared, StopHandle};

/// What makes handlers.
#[derive(Clone)]
pub(crate) enum DatagramFactory {
    /// One for each thread that handles datagrams.
    Plain(Make),
    /// One for each peer.
    Peers(MakePeer),
}

/// A closure that makes the handler of a thread.
pub(crate) type Make = Arc<dyn Fn() -> Box<dyn DatagramHandler> + Send + Sync>;
/// A closure that makes a handler for a peer.
pub(crate) type MakePeer = Arc<dyn Fn(&Address) -> Box<dyn PeerHandler> + Send + Sync>;

/// The sockets that a server receives from.
pub(crate) type Links = Vec<Arc<dyn DatagramLink>>;

/// A datagram that could not be sent.
#[derive(Debug)]
struct Failure {
    to: Address,
    error: io::Error,
}

/// Serves in the configured mode until the server is asked to stop, with the sockets of each endpoint.
pub(crate) fn serve(
    endpoints: Vec<Links>,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
) -> Result<(), ServeError> {
    match shared.config.mode {
        Mode::Serial => serve_alone(vec![endpoints.concat()], shared, factory),
        Mode::Reactor { loops } => serve_alone(share_out(endpoints, loops), shared, factory),
        Mode::Threads => serve_with_crew(endpoints.concat(), shared, factory, Size::PerDatagram),
        Mode::Pool { workers } => {
            serve_with_crew(endpoints.concat(), shared, factory, Size::Fixed(workers))
        }
    }
}

/// Handles one datagram on the calling thread; false when none came in time.
pub(crate) fn handle_request(
    links: Links,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
    timeout: Option<Duration>,
) -> Result<bool, ServeError> {
    station(links, shared, factory)?.run_one(timeout)
}

/// Runs one station on a system of its own, until the server has stopped.
#[cfg(feature = "testkit")]
pub(crate) fn run_alone<S: DatagramSystem>(
    system: S,
    place: Arc<Place>,
    links: Links,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
) -> Result<(), ServeError> {
    let staff = Staff::Alone(factory.clone());
    Station::new(system, place, links, shared, staff)?.run()
}

/// A station that runs its handlers itself.
fn station(
    links: Links,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
) -> Result<Station<Poller>, ServeError> {
    let place = Place::new();
    let poller = Poller::new(&place, shared.config.spin)?;
    Station::new(poller, place, links, shared, Staff::Alone(factory.clone()))
}

/// Gives each loop its sockets: of an endpoint that has one for each loop one each, and the single sockets of others in turn.
fn share_out(endpoints: Vec<Links>, loops: usize) -> Vec<Links> {
    let mut shares: Vec<Links> = (0..loops).map(|_| Vec::new()).collect();
    for (index, links) in endpoints.into_iter().enumerate() {
        for (number, link) in links.into_iter().enumerate() {
            shares[(index + number) % loops].push(link);
        }
    }
    shares.retain(|share| !share.is_empty());
    shares
}

/// Serves with a station for the sockets of each loop, each of which runs its handlers itself.
fn serve_alone(
    loops: Vec<Links>,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
) -> Result<(), ServeError> {
    let new = |links| station(links, shared, factory);
    let all = loops.into_iter().map(new).collect::<Result<Vec<_>, _>>()?;
    run_all(all, Station::run, &StopHandle::new(shared.clone()))
}

/// Serves with one station that receives, and workers that run the handlers.
fn serve_with_crew(
    links: Links,
    shared: &Arc<Shared>,
    factory: &DatagramFactory,
    size: Size,
) -> Result<(), ServeError> {
    let place = Place::new();
    let poller = Poller::new(&place, shared.config.spin)?;
    let crew = Crew::gather(shared, factory, size, place.clone())?;
    let staff = Staff::Crew(crew, factory.clone());
    Station::new(poller, place, links, shared, staff)?.run()
}

/// Sends what waits, and notes what has failed.
fn flush(
    link: &dyn DatagramLink,
    outbox: &mut Outbox,
    counters: &mut Counters,
    failures: &mut Vec<Failure>,
) -> Flow {
    if outbox.is_empty() {
        return Flow::Done;
    }
    let mut sent = Sent::default();
    let before = failures.len();
    let flow = link.send(outbox, &mut sent, &mut |outgoing, error| {
        let to = outgoing.to.clone();
        failures.push(Failure { to, error });
    });
    counters.calls.send += sent.calls;
    counters.datagrams_out += sent.datagrams;
    counters.bytes_out += sent.bytes;
    counters.send_errors += (failures.len() - before) as u64;
    flow
}
