//! A handler around each handler: it tells what the handler is given, counts its ends, and lets it panic when the seed says so.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;

use super::faults::{Kind, Place};
use super::socket::{SharedWorld, client_at};
use super::world::World;
use crate::driver::datagram::{DatagramFactory, Make, MakePeer};
use crate::net::Address;
use crate::testkit::sim::census::Census;
use crate::testkit::sim::clock::now;
use crate::{
    CloseReason, Datagram, DatagramHandler, DatagramSocket, HandlerError, Peer, PeerHandler,
};

/// A factory whose handlers are watched.
pub(super) fn watched(
    factory: &DatagramFactory,
    world: &SharedWorld,
    census: &Arc<Census>,
) -> DatagramFactory {
    let (world, census) = (world.clone(), census.clone());
    match factory.clone() {
        DatagramFactory::Plain(make) => DatagramFactory::Plain(watch_plain(make, world)),
        DatagramFactory::Peers(make) => DatagramFactory::Peers(watch_peers(make, world, census)),
    }
}

fn watch_plain(make: Make, world: SharedWorld) -> Make {
    Arc::new(move || {
        Box::new(PlainWitness {
            inner: make(),
            world: world.clone(),
        })
    })
}

fn watch_peers(make: MakePeer, world: SharedWorld, census: Arc<Census>) -> MakePeer {
    Arc::new(move |peer: &Address| {
        let inner = make(peer);
        census.count_made();
        Box::new(PeerWitness {
            inner,
            world: world.clone(),
            census: census.clone(),
            client: client_at(peer).unwrap_or_default(),
            awaits_first: false,
            is_closed: false,
        })
    })
}

/// Around the handler of a thread.
struct PlainWitness {
    inner: Box<dyn DatagramHandler>,
    world: SharedWorld,
}

/// Around the handler of a peer.
struct PeerWitness {
    inner: Box<dyn PeerHandler>,
    world: SharedWorld,
    census: Arc<Census>,
    client: usize,
    /// It was told of the peer, and not yet of its first datagram.
    awaits_first: bool,
    is_closed: bool,
}

impl World {
    /// A handler is given a datagram.
    fn note_handled(&mut self, client: usize, datagram: &Datagram<'_>) {
        self.laws.handled += 1;
        let local = datagram.local();
        let socket = (self.sockets.iter()).position(|socket| socket.address == local);
        let account = &mut self.clients[client].account;
        let (bytes, size) = (datagram.bytes(), datagram.size());
        if !socket.is_some_and(|socket| account.handle(socket, bytes, size)) {
            self.blame(|| {
                format!(
                    "client {client}: the handler is given '{}', which was not delivered, or not then",
                    bytes.escape_ascii()
                )
            });
        }
    }

    /// Notes a callback; an error when there are too many of them. Whether it should panic.
    fn begin_callback(&mut self, what: &str, client: usize) -> Result<bool, HandlerError> {
        if !self.count_turn() {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        self.trace.note(what, client, 0, String::new);
        Ok(self.fates.ask(Place::Callback(client)) == Some(Kind::Panic))
    }
}

/// Begins a callback, which panics if it is time to. The hook that prints panics is not called: this one is no news.
fn begin_callback(world: &SharedWorld, what: &str, client: usize) -> Result<(), HandlerError> {
    // Let go before the panic.
    let panics = world.lock().begin_callback(what, client)?;
    if panics {
        resume_unwind(Box::new("a panic that the seed wants"));
    }
    Ok(())
}

impl PlainWitness {
    fn call(
        &mut self,
        what: &str,
        peer: &Address,
        socket: &mut DatagramSocket<'_>,
        callback: impl FnOnce(
            &mut dyn DatagramHandler,
            &mut DatagramSocket<'_>,
        ) -> Result<(), HandlerError>,
    ) -> Result<(), HandlerError> {
        let client = client_at(peer).unwrap_or_default();
        begin_callback(&self.world, what, client)?;
        let result = callback(&mut *self.inner, socket);
        if socket.is_proven() {
            self.world.lock().clients[client].account.prove();
        }
        result
    }

    fn note(&self, datagram: &Datagram<'_>) {
        let client = client_at(datagram.peer()).unwrap_or_default();
        self.world.lock().note_handled(client, datagram);
    }
}

impl DatagramHandler for PlainWitness {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self.note(datagram);
        self.call("received", datagram.peer(), socket, |handler, socket| {
            handler.received(datagram, socket)
        })
    }

    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self.note(datagram);
        self.call("truncated", datagram.peer(), socket, |handler, socket| {
            handler.truncated(datagram, socket)
        })
    }

    fn failed(
        &mut self,
        peer: &Address,
        error: &io::Error,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self.call("failed", peer, socket, |handler, socket| {
            handler.failed(peer, error, socket)
        })
    }
}

impl PeerWitness {
    fn call(
        &mut self,
        what: &str,
        peer: &mut Peer<'_>,
        callback: impl FnOnce(&mut dyn PeerHandler, &mut Peer<'_>) -> Result<(), HandlerError>,
    ) -> Result<(), HandlerError> {
        if self.is_closed {
            let client = self.client;
            let mut world = self.world.lock();
            world.blame(|| format!("client {client}: its handler is called after `closed`"));
        }
        begin_callback(&self.world, what, self.client)?;
        let result = callback(&mut *self.inner, peer);
        let account = &mut self.world.lock().clients[self.client].account;
        account.set_timers(peer.timers());
        if peer.is_proven() {
            account.prove();
        }
        result
    }

    fn note(&mut self, datagram: &Datagram<'_>) {
        self.awaits_first = false;
        self.world.lock().note_handled(self.client, datagram);
    }
}

impl PeerHandler for PeerWitness {
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.awaits_first = true;
        self.call("opened", peer, |handler, peer| handler.opened(peer))
    }

    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        self.note(datagram);
        self.call("received", peer, |handler, peer| {
            handler.received(datagram, peer)
        })
    }

    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        self.note(datagram);
        self.call("truncated", peer, |handler, peer| {
            handler.truncated(datagram, peer)
        })
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let client = self.client;
        let mut world = self.world.lock();
        if let Err(what) = world.clients[client].account.ring(timer, now()) {
            world.blame(|| format!("client {client}: timer {timer} {what}"));
        }
        drop(world);
        self.call("timer", peer, |handler, peer| handler.timer(timer, peer))
    }

    fn failed(&mut self, error: &io::Error, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.call("failed", peer, |handler, peer| handler.failed(error, peer))
    }

    fn stopping(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.call("stopping", peer, |handler, peer| handler.stopping(peer))
    }

    fn closed(&mut self, reason: &CloseReason) {
        let again = std::mem::replace(&mut self.is_closed, true);
        self.census.count_closed(again);
        let mut world = self.world.lock();
        world
            .trace
            .note("closed", self.client, 0, || reason.to_string());
        // The first datagram has brought the handler about, and counts as given although `opened` was its end.
        world.laws.handled += u64::from(std::mem::take(&mut self.awaits_first));
        world.clients[self.client].account.close();
        drop(world);
        self.inner.closed(reason);
    }
}

impl Drop for PeerWitness {
    fn drop(&mut self) {
        self.census.count_dropped();
    }
}
