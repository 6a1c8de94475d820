//! What else happens to a loop: mail, timers, and the end of the server.

use slab::Slab;

use super::connection::Connection;
use super::system::System;
use super::{ARRIVED_BYTES_MAX, Loop};
use crate::CloseReason;
use crate::conn::ConnectionId;
use crate::driver::acceptor::Acceptor;
use crate::mail::{Mail, Place};
use crate::net::{Link, NewSockets};
use crate::server::Stage;
use crate::session::{Session, Turn};
use crate::timer::Time;

impl<S: System> Loop<S> {
    pub(super) fn read_mail(&mut self, place: &Place) {
        let mut mail = std::mem::take(&mut self.mail);
        place.collect(&mut mail);
        for mail in mail.drain(..) {
            match mail {
                Mail::Letters { key, id } => {
                    if addressed(&mut self.connections, key, id).is_some() {
                        // What its handler writes lies in the buffer that the next session is lent, so it is sent first.
                        self.attend(key, Session::read_letters);
                    }
                }
                Mail::Broadcast {
                    shard,
                    message,
                    except,
                } => {
                    let overflowed = shard.take_overflowed();
                    let (connections, turn, touched) =
                        (&mut self.connections, &mut self.turn, &mut self.touched);
                    shard.for_each(except, |key, id| {
                        let Some(connection) = addressed(connections, key, id) else {
                            return;
                        };
                        // What waits already leaves together with this.
                        if !connection.session.core().has_queue() {
                            touched.push(key);
                        }
                        connection
                            .session
                            .deliver(&message, &shard, overflowed, turn);
                        if !connection.session.core().has_queue() {
                            touched.push(key);
                        }
                    });
                }
            }
        }
        self.mail = mail;
        while let Some(key) = self.touched.pop() {
            self.attend(key, |_, _| {});
        }
    }

    /// Does something with a connection, then sends what that has written.
    pub(super) fn attend(&mut self, key: u32, act: impl FnOnce(&mut Session, &mut Turn)) {
        let Some(connection) = self.connections.get_mut(key as usize) else {
            return;
        };
        act(&mut connection.session, &mut self.turn);
        connection.flush(self.turn_bytes_max, &mut self.turn);
        if self.drained && connection.readable {
            // There may be room for an answer again, and what had arrived comes before the end.
            connection.exchange(&mut self.buffer, self.turn_bytes_max, &mut self.turn);
        }
        self.settle(key);
    }

    pub(super) fn fire_timers(&mut self) {
        if self
            .wheel
            .next_deadline()
            .is_none_or(|at| at > self.turn.now)
        {
            return;
        }
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(self.turn.now, &mut fired);
        for key in fired.drain(..) {
            if let Some(connection) = self.connections.get_mut(key as usize) {
                connection.armed = Time::NEVER;
                self.attend(key, Session::tick);
            }
        }
        self.fired = fired;
    }

    /// The server is asked to stop: the first time, takes who is queued, closes the listeners and tells the handlers; at the deadline, cuts.
    pub(super) fn drain(&mut self) {
        if !std::mem::replace(&mut self.drained, true) {
            self.turn.begin(S::now());
            self.acceptor.set_all_ready();
            self.acceptor.accept(
                &mut self.turn,
                self.shared.config.backlog as usize,
                &mut self.arrivals,
            );
            self.admit_arrivals();
            self.close_listeners();
            for key in self.keys() {
                if let Some(connection) = self.connections.get_mut(key as usize) {
                    connection.readable = true;
                    self.run_connection(key, ARRIVED_BYTES_MAX);
                }
            }
            // What others have sent to these connections, and they to each other, still reaches them.
            let place = self.turn.place.clone();
            self.read_mail(&place);
            for key in self.keys() {
                self.attend(key, Session::drain);
            }
        }
        if self.shared.life.stage() == Stage::Cut || self.shared.life.drain_by() <= S::now() {
            for key in self.keys() {
                self.attend(key, |session, turn| {
                    session.cut(CloseReason::DrainCut, turn);
                });
            }
        }
    }

    pub(super) fn close_listeners(&mut self) {
        for (_, listener) in self.acceptor.listeners() {
            self.system.forget_port(listener);
        }
        self.acceptor = Acceptor::new(&[], NewSockets::Nonblocking);
    }

    pub(super) fn keys(&self) -> Vec<u32> {
        self.connections.iter().map(|(key, _)| key as u32).collect()
    }
}

/// The connection of a key, if it is still the one that was meant.
fn addressed<L: Link>(
    connections: &mut Slab<Connection<L>>,
    key: u32,
    id: ConnectionId,
) -> Option<&mut Connection<L>> {
    connections
        .get_mut(key as usize)
        .filter(|connection| connection.session.core().id() == id)
}
