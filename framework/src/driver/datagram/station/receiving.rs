//! Receiving: batch after batch, each datagram to whom it concerns.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::DatagramSystem;
use super::{Role, Station};
use crate::datagram::{Bench, Datagram, Event};
use crate::net::{Address, BATCH_MAX, DatagramLink, Inbox, Incoming};

/// How many datagrams of one socket are handled before the others get their turn.
const RATION: usize = 256;
/// How many errors in a row a socket may report before it is left alone until it is reported as ready again.
const ERRORS_MAX: usize = 16;

/// What has become of a call that receives.
enum Received {
    /// So many as were asked for, and there may be more.
    Full(usize),
    /// Nothing more is there.
    Empty,
    Failed,
}

impl<S: DatagramSystem> Station<S> {
    /// Receives from all sockets that have something, each within its ration.
    pub(super) fn serve_ready(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(index) = self.ready.pop_front() else {
                break;
            };
            if self.receive(index, RATION) {
                self.set_ready(index);
            }
        }
    }

    /// Receives one datagram.
    pub(super) fn receive_one(&mut self, index: usize) {
        if self.receive(index, 1) {
            self.set_ready(index);
        }
    }

    /// Receives from a socket, at most so many datagrams and a batch; true when there may be more.
    pub(super) fn receive(&mut self, index: usize, mut ration: usize) -> bool {
        if let Some(port) = self.ports.get_mut(index) {
            port.is_ready = false;
        }
        let mut errors = 0;
        // The socket of a session may be closed by what comes from it.
        while self.ports.get(index).is_some_and(|port| !port.is_blocked) {
            match self.receive_batch(index, ration) {
                Received::Full(count) if count < ration => ration -= count,
                Received::Full(_) => return true,
                Received::Failed if errors < ERRORS_MAX => errors += 1,
                Received::Failed | Received::Empty => return false,
            }
        }
        false
    }

    fn receive_batch(&mut self, index: usize, ration: usize) -> Received {
        let port = &mut self.ports[index];
        let link = port.link.clone();
        let wanted = port.batch.min(ration);
        self.counters.calls.receive += 1;
        // Taken out meanwhile, since those who handle what is in it need the rest of the station.
        let mut inbox = std::mem::take(&mut self.inbox);
        let received = link.receive(&mut inbox, wanted);
        let count = inbox.received().len();
        if received.is_ok() {
            for incoming in inbox.received() {
                self.route(index, &link, &inbox, incoming);
            }
            self.flush_written();
        }
        self.inbox = inbox;
        match received {
            Ok(()) if count >= wanted => {
                if let Some(port) = self.ports.get_mut(index).filter(|_| wanted > 1) {
                    port.batch = (port.batch * 2).min(BATCH_MAX);
                }
                Received::Full(count)
            }
            Ok(()) => {
                // Asking for more than there is costs time, too.
                if let Some(port) = self.ports.get_mut(index).filter(|_| count * 4 < wanted) {
                    port.batch = (port.batch / 2).max(2);
                }
                Received::Empty
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Empty,
            Err(error) => {
                self.fail_to_receive(index, &error);
                Received::Failed
            }
        }
    }

    /// Gives a datagram to whom it concerns.
    fn route(
        &mut self,
        index: usize,
        link: &Arc<dyn DatagramLink>,
        inbox: &Inbox,
        incoming: &Incoming,
    ) {
        let bytes = inbox.bytes(incoming);
        let (peer, to) = (&incoming.peer, incoming.to);
        // An earlier datagram of the batch may have ended the conversation that had this socket.
        let port = self.ports.get(index).filter(|port| !port.is_closing);
        let Some(port) = port.filter(|_| !is_own(link.address(), peer, to)) else {
            self.counters.count_dropped(bytes.len());
            return;
        };
        let datagram = Datagram::new(bytes, incoming.size, peer, to, link.address());
        if let Some((key, _)) = port.owner {
            self.table.hear(key, self.now);
            self.tell(key, Event::Received(datagram));
            return;
        }
        if matches!(self.role, Role::Peers(_)) {
            match self.find_or_admit(index, &datagram) {
                Some(key) => self.tell(key, Event::Received(datagram)),
                None => self.counters.count_dropped(bytes.len()),
            }
            return;
        }
        if !self.verify(peer) {
            self.counters.count_dropped(bytes.len());
            return;
        }
        self.handle(index, link, &datagram);
        self.watch(peer);
    }

    /// Has a datagram handled by itself.
    fn handle(&mut self, index: usize, link: &Arc<dyn DatagramLink>, datagram: &Datagram<'_>) {
        if let Some(crew) = &self.crew {
            if !crew.handle(datagram, link) {
                self.counters.count_dropped(datagram.bytes().len());
            }
            return;
        }
        if let Role::Plain(plain) = &mut self.role {
            let bench = Bench {
                outbox: &mut self.ports[index].outbox,
                counters: &mut self.counters,
                shared: &self.shared,
                now: self.now,
            };
            plain.receive(datagram, link, bench);
            self.set_written(index);
        }
    }

    /// Whether a hook lets this peer in.
    pub(super) fn verify(&mut self, peer: &Address) -> bool {
        let verified = !self.shared.has_hooks
            || self
                .shared
                .hook("verify", false, |hooks| hooks.verify(peer));
        self.counters.refused += u64::from(!verified);
        verified
    }

    fn fail_to_receive(&mut self, index: usize, error: &io::Error) {
        self.counters.receive_errors += 1;
        let port = &self.ports[index];
        log::debug!("{}: receiving failed: {error}", port.link.address());
        if let Some((key, _)) = port.owner {
            self.tell(key, Event::Failed(error));
            self.flush_written();
        }
    }
}

/// Whether a datagram claims to come from the very socket that it came to: to answer it would never end.
fn is_own(bound: &Address, peer: &Address, to: Option<IpAddr>) -> bool {
    match (bound, peer) {
        (Address::Udp(bound), Address::Udp(peer)) => {
            bound.port() == peer.port() && (bound.ip() == peer.ip() || to == Some(peer.ip()))
        }
        _ => bound == peer && *peer != Address::UnixgramUnnamed,
    }
}
