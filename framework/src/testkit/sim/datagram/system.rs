//! The simulated network as a station sees it, and what must be so whenever it waits and when it has ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::socket::SharedWorld;
use super::world::World;
use crate::driver::datagram::{DatagramSystem, Ready};
use crate::error::ServeError;
use crate::net::DatagramLink;
use crate::server::{Config, Shared, Stats};
use crate::testkit::sim::census::Census;
use crate::testkit::sim::clock::now;
use crate::timer::Time;

/// What a server must keep to, and what counts for it.
pub(super) struct Laws {
    /// How many times more an unproven peer is sent than was delivered in its name.
    pub(super) factor: u32,
    /// Whether that is to be looked at.
    pub(super) is_guarded: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) datagram_bytes_max: usize,
    /// How many datagrams the sockets have handed over.
    pub(super) delivered: u64,
    /// How many of them were given to handlers.
    pub(super) handled: u64,
    /// How many datagrams the sockets have taken.
    pub(super) sent: u64,
    /// These three numbers and that of open handlers when the counters were looked at last: as long as nothing moves, nothing can go wrong.
    looked_at: Option<[u64; 4]>,
}

impl Laws {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            factor: config.amplification_max.unwrap_or_default(),
            is_guarded: config.amplification_max.is_some(),
            idle_timeout: config.peer_idle_timeout,
            datagram_bytes_max: config.datagram_bytes_max,
            delivered: 0,
            handled: 0,
            sent: 0,
            looked_at: None,
        }
    }

    /// What the counters say otherwise, if anything.
    fn breach(&self, stats: &Stats) -> Option<String> {
        let told = [
            stats.datagrams_in,
            stats.datagrams_in.saturating_sub(stats.datagrams_dropped),
            stats.datagrams_out,
        ];
        let happened = [self.delivered, self.handled, self.sent];
        (told != happened).then(|| {
            format!(
                "{happened:?} datagrams were delivered, handled and sent, and the server counts {told:?}"
            )
        })
    }
}

/// What serves, as the judge sees it.
#[derive(Clone)]
pub(super) struct Court {
    pub(super) shared: Arc<Shared>,
    pub(super) census: Arc<Census>,
}

impl Court {
    /// What must be so whenever the server waits.
    fn look_at(&self, world: &mut World) {
        let open = self.census.open();
        let laws = &mut world.laws;
        let present = Some([laws.delivered, laws.handled, laws.sent, open]);
        if std::mem::replace(&mut laws.looked_at, present) == present {
            return;
        }
        if let Err(law) = self.shared.ledger.check_laws() {
            world.blame(|| law);
        }
        let stats = self.shared.ledger.stats();
        if let Some(breach) = world.laws.breach(&stats) {
            world.blame(|| breach);
        }
        let max = self.shared.config.connections_max as u64;
        if stats.live != open || open > max {
            let live = stats.live;
            world.blame(|| format!("{open} handlers are open, {live} counted, {max} allowed"));
        }
    }

    /// What must be so at the end of a run.
    pub(super) fn judge(&self, world: &mut World, result: Result<(), ServeError>) {
        if let Err(error) = result {
            world.blame(|| error.to_string());
        }
        world.laws.looked_at = None;
        self.look_at(world);
        let left = self.census.open() as usize + self.shared.admission.open();
        if left != 0 {
            world.blame(|| format!("the server has ended, and {left} peers have not"));
        }
        if let Some(what) = self.census.trouble() {
            world.blame(|| what);
        }
        if let Some(index) = world.sockets.iter().position(|socket| socket.is_open) {
            world.blame(|| format!("socket {index} was never closed"));
        }
        let asked = world.stopped_at.unwrap_or(Time::NEVER);
        let limit = self.shared.config.drain_timeout + world.stalled;
        if now() > asked.after(limit) {
            world.blame(|| format!("the server has not stopped within {limit:?}"));
        }
    }
}

/// The system of one simulated server.
pub(super) struct Simulated {
    pub(super) world: SharedWorld,
    pub(super) court: Court,
}

impl DatagramSystem for Simulated {
    fn now(&self) -> Time {
        now()
    }

    fn watch(&mut self, link: &dyn DatagramLink, token: usize) -> io::Result<()> {
        self.watch_output(link, token, false)
    }

    fn watch_output(
        &mut self,
        link: &dyn DatagramLink,
        token: usize,
        output: bool,
    ) -> io::Result<()> {
        let index = index_of(link);
        self.world.lock().sockets[index].watch(token, output);
        Ok(())
    }

    fn forget(&mut self, link: &dyn DatagramLink) {
        self.world.lock().sockets[index_of(link)].forget();
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<u64> {
        let mut world = self.world.lock();
        self.court.look_at(&mut world);
        world.wait(timeout, ready)?;
        Ok(1)
    }
}

/// Which socket of the world a link is.
fn index_of(link: &dyn DatagramLink) -> usize {
    usize::try_from(link.descriptor()).expect("the number was a place in a list before")
}
