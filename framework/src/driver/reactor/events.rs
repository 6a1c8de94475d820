//! What else happens to a loop: mail, timers, and the end of the server.

use slab::Slab;

use super::connection::{Connection, Delivered};
use super::system::System;
use super::{ARRIVED_BYTES_MAX, Loop, TURN_SENDS_MAX};
use crate::CloseReason;
use crate::conn::ConnectionId;
use crate::delivery::Item;
use crate::driver::acceptor::Acceptor;
use crate::group::{Claim, Parcel};
use crate::mail::Place;
use crate::net::{Link, NewSockets};
use crate::server::Stage;
use crate::session::{Session, Turn};
use crate::timer::Time;

/// What a `send` costs, where queueing a message costs one.
const SEND_COST: usize = 64;
/// Up to how many messages of one group wait for those of others, which may be for the same members, and how many bytes: more are worth a
/// `send` of their own.
const WAITING_MESSAGES_MAX: usize = SEND_COST / 8;
const WAITING_BYTES_MAX: usize = 4 * 1024;

impl<S: System> Loop<S> {
    /// Hands out mail until one turn's worth of work is done. The rest waits for the next turn: between two of them everybody is heard who has something
    /// short to say, and what is said to a group meanwhile reaches most of it together with what was said before.
    pub(super) fn read_mail(&mut self, place: &Place) {
        self.delivery.collect(place);
        if self.delivery.is_busy() {
            let turn = self.turn_bytes_max as u64;
            let enough = self.turn.counters.bytes_moved().saturating_add(turn);
            self.hand_out_mail(TURN_SENDS_MAX * SEND_COST, enough);
        }
    }

    /// Hands out what was collected before, and all that has come since.
    fn read_all_mail(&mut self, place: &Place) {
        self.hand_out_mail(usize::MAX, u64::MAX);
        self.delivery.call();
        self.delivery.collect(place);
        self.hand_out_mail(usize::MAX, u64::MAX);
    }

    /// Hands out mail until that has cost so much, or so many bytes have moved.
    fn hand_out_mail(&mut self, mut budget: usize, enough: u64) {
        let mut delivery = std::mem::take(&mut self.delivery);
        while budget > 0 && self.turn.counters.bytes_moved() < enough {
            let Some(item) = delivery.next() else {
                break;
            };
            let cost = match item {
                Item::Letters { key, id } => {
                    if addressed(&mut self.connections, key, id).is_some() {
                        // What its handler writes lies in the buffer that the next session is lent, so it is sent first.
                        self.attend(key, Session::read_letters);
                    }
                    SEND_COST
                }
                Item::Messages(claim) => {
                    let may_wait = delivery.has_more();
                    (delivery.parcel(claim)).map_or(0, |parcel| self.deliver(&parcel, may_wait))
                }
            };
            budget = budget.saturating_sub(cost);
        }
        self.delivery = delivery;
    }

    /// Sends messages of a group to a member, or has a few of them wait until the connection's next turn, if that may be. Returns what it has cost.
    fn deliver(&mut self, parcel: &Parcel<'_>, may_wait: bool) -> usize {
        let Claim { key, id, .. } = parcel.claim();
        let Some(connection) = addressed(&mut self.connections, key, id) else {
            return 1;
        };
        let messages = parcel.messages_max();
        let may_wait = may_wait && messages <= WAITING_MESSAGES_MAX;
        if connection.has_room_for_queue() && connection.session.is_filled_by(parcel) {
            connection.flush(self.turn_bytes_max, &mut self.turn);
        }
        match connection.deliver(parcel, may_wait, &mut self.turn) {
            Delivered::Sent => return SEND_COST,
            Delivered::Blocked => self.settle(key),
            Delivered::Other => self.attend(key, |_, _| {}),
            Delivered::Waits => {
                let waiting = connection.session.core().queued(&self.turn);
                if connection.writable && waiting > WAITING_BYTES_MAX {
                    self.attend(key, |_, _| {});
                } else {
                    if connection.writable {
                        self.line_up(key);
                    }
                    return messages;
                }
            }
        }
        SEND_COST
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
            self.read_all_mail(&place);
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
