//! The sockets of a simulated server: what has arrived, what is ready, and what the server can do with them.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

use super::faults::{Kind, Place};
use super::world::World;
use crate::datagram::{Outbox, Outgoing};
use crate::driver::datagram::Ready;
use crate::net::{Address, DatagramLink, Flow, Inbox, MulticastGroup, Sent};
use crate::testkit::sim::clock::now;
use crate::timer::Time;

/// The port of the server's own socket.
const SERVER_PORT: u16 = 9_999;
/// The port of the first client: the number of a port says which client it is.
const FIRST_CLIENT_PORT: u16 = 10_000;
/// The most clients that a simulation has.
pub(super) const CLIENTS_MAX: usize = 1_000;
/// The port of the first socket that the server opens for a peer.
const FIRST_OWN_PORT: u16 = 20_000;
/// The largest datagram that the network carries.
const BYTES_MAX: usize = 65_507;

/// Where a client is: at an address of its own (RFC 5737 sets these apart for examples, and RFC 2544 for tests).
pub(super) fn address_of_client(index: usize) -> Address {
    let index = index as u16;
    let [high, low] = index.to_be_bytes();
    let ip = Ipv4Addr::new(198, 18, high, low);
    Address::Udp(SocketAddr::from((ip, FIRST_CLIENT_PORT + index)))
}

/// Which client is at an address.
pub(super) fn client_at(address: &Address) -> Option<usize> {
    let port = address.port()?.checked_sub(FIRST_CLIENT_PORT)?;
    let index = usize::from(port);
    (index < CLIENTS_MAX && *address == address_of_client(index)).then_some(index)
}

/// A socket of the server, as the network sees it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each noted by itself"
)]
pub(super) struct ServerSocket {
    pub(super) address: Address,
    /// The only client whose datagrams come to it, if it was opened for one.
    owner: Option<usize>,
    arrived: VecDeque<Arrival>,
    /// Errors that came from the network and were not reported.
    errors: VecDeque<Errno>,
    /// What the server calls it, while it watches it.
    token: Option<usize>,
    watches_output: bool,
    /// What is ready and was not reported.
    readable: bool,
    writable: bool,
    pub(super) blocked_until: Option<Time>,
    pub(super) is_open: bool,
}

/// A datagram that has arrived and was not received.
pub(super) struct Arrival {
    pub(super) client: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) size: usize,
}

impl ServerSocket {
    /// The socket of this number, for one client or for all.
    pub(super) fn new(index: usize, owner: Option<usize>) -> Self {
        let port = match owner {
            Some(_) => FIRST_OWN_PORT + index as u16,
            None => SERVER_PORT,
        };
        let ip = Ipv4Addr::new(192, 0, 2, 1);
        Self {
            address: Address::Udp(SocketAddr::from((ip, port))),
            owner,
            arrived: VecDeque::new(),
            errors: VecDeque::new(),
            token: None,
            watches_output: false,
            readable: false,
            writable: false,
            blocked_until: None,
            is_open: true,
        }
    }

    /// A datagram has come, which is dropped if nobody receives it here.
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let is_welcome = self.owner.is_none_or(|owner| owner == arrival.client);
        if self.is_open && is_welcome {
            self.arrived.push_back(arrival);
            self.readable = true;
        }
    }

    /// A datagram that was sent from here was refused, which only a socket for one peer is told.
    pub(super) fn hear_refusal(&mut self) {
        if self.is_open && self.owner.is_some() {
            self.errors.push_back(Errno::CONNREFUSED);
            self.readable = true;
        }
    }

    /// There is room again, if the time has come.
    pub(super) fn unblock(&mut self, time: Time) {
        if self.blocked_until.is_some_and(|until| until <= time) {
            self.blocked_until = None;
            self.writable = true;
        }
    }

    pub(super) fn has_news(&self) -> bool {
        self.token.is_some() && (self.readable || (self.writable && self.watches_output))
    }

    /// What is ready: as the kernel does, an event tells everything that is so now.
    pub(super) fn take_news(&mut self) -> Ready {
        self.readable = false;
        self.writable = false;
        Ready {
            // Only a socket that is watched has news.
            token: self.token.unwrap_or_default(),
            readable: self.has_input(),
            writable: self.watches_output && self.blocked_until.is_none(),
        }
    }

    /// Whether something waits here although the server was told, and could have received it.
    pub(super) fn is_neglected(&self) -> bool {
        let is_told = self.token.is_some() && !self.has_news() && self.blocked_until.is_none();
        is_told && self.has_input()
    }

    fn has_input(&self) -> bool {
        !self.arrived.is_empty() || !self.errors.is_empty()
    }

    /// The server watches it from now on: what is ready is news.
    pub(super) fn watch(&mut self, token: usize, output: bool) {
        self.token = Some(token);
        self.watches_output = output;
        self.readable |= self.has_input();
        self.writable |= output && self.blocked_until.is_none();
    }

    pub(super) fn forget(&mut self) {
        self.token = None;
    }
}

/// What the server does.
impl World {
    fn receive(&mut self, index: usize, inbox: &mut Inbox, datagrams_max: usize) -> io::Result<()> {
        inbox.begin();
        let socket = &mut self.sockets[index];
        if let Some(error) = socket.errors.pop_front() {
            return Err(error.into());
        }
        if socket.arrived.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.note_progress();
        if let Some(Kind::Failed(error)) = self.fates.ask(Place::Receive(index)) {
            // It has come just now, and what comes is reported.
            self.sockets[index].readable = true;
            return Err(error.into());
        }
        while inbox.received().len() < datagrams_max && !inbox.is_full() {
            let Some(arrival) = self.sockets[index].arrived.pop_front() else {
                break;
            };
            let Arrival {
                client,
                bytes,
                size,
            } = arrival;
            inbox.put(address_of_client(client), None, &bytes, size);
            let kept = &bytes[..bytes.len().min(self.laws.datagram_bytes_max)];
            let account = &mut self.clients[client].account;
            account.deliver(index, kept, size, self.laws.factor, now());
            self.laws.delivered += 1;
            self.trace.bytes("receive", client, kept);
        }
        Ok(())
    }

    /// Sends the first datagram that waits. None: the system takes nothing for now.
    fn send_next(&mut self, index: usize, bytes: &[u8], to: &Address) -> Option<Result<(), Errno>> {
        if self.sockets[index].blocked_until.is_some() {
            return None;
        }
        match self.fates.ask(Place::Send(index)) {
            Some(Kind::Blocked(time)) => {
                self.sockets[index].blocked_until = Some(now().after(time));
                self.trace.note("block", index, 0, String::new);
                return None;
            }
            Some(Kind::Failed(error)) => {
                self.note_progress();
                self.trace.note("refuse to send", index, 0, String::new);
                return Some(Err(error));
            }
            _ => {}
        }
        self.laws.sent += 1;
        let client = client_at(to).filter(|&client| client < self.clients.len());
        if let Some(client) = client
            && self.laws.is_guarded
            && !self.clients[client].account.send(bytes.len())
        {
            self.blame(|| {
                format!("client {client} was not proven, and is sent more than it may be")
            });
        }
        self.send(index, bytes, to);
        Some(Ok(()))
    }

    fn open_for(&mut self, peer: &Address) -> io::Result<usize> {
        if let Some(Kind::Failed(error)) = self.fates.ask(Place::Open) {
            return Err(error.into());
        }
        let client = client_at(peer).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let index = self.sockets.len();
        self.sockets.push(ServerSocket::new(index, Some(client)));
        self.trace.note("open", client, index, String::new);
        Ok(index)
    }

    fn close(&mut self, index: usize) {
        let socket = &mut self.sockets[index];
        socket.is_open = false;
        socket.forget();
        self.trace.note("close", index, 0, String::new);
    }
}

/// A world that several hold. It has one thread, so that nobody ever waits for the lock; it must not be held while a handler is called.
#[derive(Clone)]
pub(super) struct SharedWorld(Arc<Mutex<World>>);

impl SharedWorld {
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket of the server, as the server sees it.
pub(super) struct SimulatedLink {
    world: SharedWorld,
    index: usize,
    address: Address,
}

impl SimulatedLink {
    pub(super) fn new(world: &SharedWorld, index: usize) -> Self {
        let address = world.lock().sockets[index].address.clone();
        Self {
            world: world.clone(),
            index,
            address,
        }
    }
}

impl DatagramLink for SimulatedLink {
    fn address(&self) -> &Address {
        &self.address
    }

    fn descriptor(&self) -> RawFd {
        // By this number the simulated system knows it; a run opens some hundreds.
        RawFd::try_from(self.index).unwrap_or(RawFd::MAX)
    }

    fn bytes_max(&self, _: &Address) -> Option<usize> {
        Some(BYTES_MAX)
    }

    fn receive(&self, inbox: &mut Inbox, datagrams_max: usize) -> io::Result<()> {
        self.world.lock().receive(self.index, inbox, datagrams_max)
    }

    fn send(
        &self,
        outbox: &mut Outbox,
        sent: &mut Sent,
        failed: &mut dyn FnMut(&Outgoing, io::Error),
    ) -> Flow {
        let mut world = self.world.lock();
        while let Some(next) = outbox.waiting().first() {
            sent.calls += 1;
            let bytes = outbox.bytes(next.range.clone());
            match world.send_next(self.index, bytes, &next.to) {
                None => return Flow::Blocked,
                Some(Err(error)) => failed(next, error.into()),
                Some(Ok(())) => {
                    sent.datagrams += 1;
                    sent.bytes += bytes.len() as u64;
                }
            }
            outbox.advance(1);
        }
        Flow::Done
    }

    fn wait_for_room(&self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn send_one(&self, bytes: &[u8], to: &Address, _: Option<IpAddr>) -> io::Result<()> {
        self.world.lock().send(self.index, bytes, to);
        Ok(())
    }

    fn open_for(&self, peer: &Address) -> io::Result<Arc<dyn DatagramLink>> {
        let index = self.world.lock().open_for(peer)?;
        Ok(Arc::new(Self::new(&self.world, index)))
    }

    fn open_beside(&self) -> io::Result<Option<Arc<dyn DatagramLink>>> {
        Ok(None)
    }

    fn join(&self, _: &MulticastGroup) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn leave(&self, _: &MulticastGroup) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Debug for SimulatedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimulatedLink").field(&self.address).finish()
    }
}

impl Drop for SimulatedLink {
    fn drop(&mut self) {
        self.world.lock().close(self.index);
    }
}
