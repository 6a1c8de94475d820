//! A socket of a station, and what the station does with it besides receiving.

use std::io;
use std::sync::Arc;

use super::super::{DatagramSystem, flush};
use super::{Role, Station};
use crate::datagram::{Bench, Event, Outbox};
use crate::net::{DatagramLink, Flow};

/// How many datagrams the first call on a socket asks for: it doubles while so many are there.
const BATCH_MIN: usize = 2;

/// A socket of a station.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(super) struct Port {
    pub(super) link: Arc<dyn DatagramLink>,
    pub(super) outbox: Outbox,
    /// Whose socket it is, if not the server's: the key and the number of a peer.
    pub(super) owner: Option<(u32, u64)>,
    /// How many datagrams the next call asks for.
    pub(super) batch: usize,
    /// It is in the list of those from which something can be received.
    pub(super) is_ready: bool,
    /// It is in the list of those that have something to send.
    pub(super) is_written: bool,
    /// The system takes nothing for now.
    pub(super) is_blocked: bool,
    /// Its peer is gone, and what was written is still to be sent.
    pub(super) is_closing: bool,
}

impl Port {
    pub(super) fn new(link: Arc<dyn DatagramLink>, owner: Option<(u32, u64)>) -> Self {
        Self {
            link,
            outbox: Outbox::default(),
            owner,
            batch: BATCH_MIN,
            is_ready: false,
            is_written: false,
            is_blocked: false,
            is_closing: false,
        }
    }
}

impl<S: DatagramSystem> Station<S> {
    pub(super) fn add_port(&mut self, port: Port) -> io::Result<usize> {
        let slot = self.ports.vacant_entry();
        let index = slot.key();
        self.counters.calls.register += 1;
        self.system.watch(&*port.link, index)?;
        slot.insert(port);
        Ok(index)
    }

    fn remove_port(&mut self, index: usize) {
        let port = self.ports.remove(index);
        self.system.forget(&*port.link);
        self.counters.calls.close += 1;
        self.ready.retain(|&other| other != index);
        self.written.retain(|&other| other != index);
    }

    /// Closes the socket of a peer that is gone, once everything was sent.
    pub(super) fn close_port(&mut self, index: usize) {
        if let Some(port) = self.ports.get_mut(index) {
            port.owner = None;
            port.is_closing = true;
            self.flush(index);
        }
    }

    pub(super) fn set_ready(&mut self, index: usize) {
        // It may have been closed by what has come from it, or when the last of what waited there was sent.
        let port = self.ports.get_mut(index);
        if let Some(port) = port.filter(|port| !port.is_ready && !port.is_blocked) {
            port.is_ready = true;
            self.ready.push_back(index);
        }
    }

    /// Notes that a callback may have written to a socket.
    #[inline]
    pub(super) fn set_written(&mut self, index: usize) {
        let port = &mut self.ports[index];
        if !port.is_written && !port.outbox.is_empty() {
            port.is_written = true;
            self.written.push(index);
        }
    }

    /// Sends what the callbacks have written.
    pub(super) fn flush_written(&mut self) {
        while let Some(index) = self.written.pop() {
            self.ports[index].is_written = false;
            self.flush(index);
        }
    }

    /// Sends what waits at a socket, and tells handlers what has failed.
    pub(super) fn flush(&mut self, index: usize) {
        let mut flow = self.send(index);
        if !self.failures.is_empty() {
            self.tell_failures(index);
            // What was answered to that may fail again, and is not told again, so that this ends.
            flow = self.send(index);
            self.failures.clear();
        }
        let Some(port) = self.ports.get_mut(index) else {
            return;
        };
        let blocked = flow == Flow::Blocked;
        if port.is_blocked != blocked {
            port.is_blocked = blocked;
            self.counters.calls.register += 1;
            if let Err(error) = self.system.watch_output(&*port.link, index, blocked) {
                // Without the news of room what waits would wait for ever.
                log::warn!(
                    "{}: what could not be sent is dropped: {error}",
                    port.link.address()
                );
                port.outbox.clear();
                port.is_blocked = false;
            }
            if !blocked {
                self.set_ready(index);
            }
        }
        let port = &self.ports[index];
        if port.is_closing && port.outbox.is_empty() {
            self.remove_port(index);
        }
    }

    fn send(&mut self, index: usize) -> Flow {
        let Some(port) = self.ports.get_mut(index) else {
            return Flow::Done;
        };
        flush(
            &*port.link,
            &mut port.outbox,
            &mut self.counters,
            &mut self.failures,
        )
    }

    fn tell_failures(&mut self, index: usize) {
        let mut failures = std::mem::take(&mut self.failures);
        for failure in failures.drain(..) {
            // What one failure is told to may end the conversation whose socket this is, and then the others concern nobody.
            let port = self.ports.get_mut(index).filter(|port| !port.is_closing);
            let Some(port) = port else {
                break;
            };
            let owner = port.owner.map(|(key, _)| key);
            match &mut self.role {
                Role::Plain(plain) => {
                    let bench = Bench {
                        outbox: &mut port.outbox,
                        counters: &mut self.counters,
                        shared: &self.shared,
                        now: self.now,
                    };
                    plain.fail(&failure.to, &failure.error, &port.link, bench);
                }
                Role::Peers(_) => {
                    if let Some(key) = owner.or_else(|| self.table.find(index, &failure.to)) {
                        self.tell(key, Event::Failed(&failure.error));
                    }
                }
            }
        }
        self.failures = failures;
    }
}
