//! How loops let connections in, each its share.

use std::sync::atomic::Ordering;

use super::connection::Connection;
use super::system::System;
use super::{Load, Loop, SHARE_EXCESS, SHARE_PATIENCE, SHARE_SLACK, SHARE_SLACK_FRACTION, token};
use crate::driver::Job;
use crate::net::{Address, Link};
use crate::server::Shared;
use crate::session::{Core, Session};
use crate::timer::Time;

impl<S: System> Loop<S> {
    /// Whether somebody may be waiting at a listener for this loop.
    pub(super) fn may_accept(&self) -> bool {
        !self.waits_for_room
            && self.acceptor.is_ready(self.turn.now)
            && self.yields_until.is_none_or(|until| until <= self.turn.now)
    }

    pub(super) fn accept(&mut self) {
        if !self.may_accept() {
            return;
        }
        let patience_is_over = self.yields_until.take().is_some();
        let share = match self.share() {
            0 if patience_is_over => SHARE_EXCESS,
            0 => return self.yield_to_the_emptiest(),
            share => share,
        };
        let ration = share.min(self.shared.config.accepts_per_turn_max);
        self.waits_for_room = self
            .acceptor
            .accept(&mut self.turn, ration, &mut self.arrivals);
        self.admit_arrivals();
    }

    /// How many connections this loop may take before it has more than its share.
    pub(super) fn share(&self) -> usize {
        if self.loads.len() == 1 {
            return usize::MAX;
        }
        let least = self.loads.iter().map(Load::open).min().unwrap_or(0);
        (least + SHARE_SLACK + least / SHARE_SLACK_FRACTION).saturating_sub(self.load().open())
    }

    pub(super) fn yield_to_the_emptiest(&mut self) {
        if let Some(emptiest) = self.loads.iter().min_by_key(|load| load.open()) {
            emptiest.place.ask_to_accept();
        }
        self.yields_until = Some(self.turn.now.after(SHARE_PATIENCE));
    }

    pub(super) fn admit_arrivals(&mut self) {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        for job in arrivals.drain(..) {
            self.admit(job);
        }
        self.arrivals = arrivals;
    }

    pub(super) fn admit(&mut self, job: Job<S::Link>) {
        let Job {
            socket,
            peer,
            listener,
            local_is_open,
            ..
        } = job;
        self.turn.counters.count_open();
        let handler = match Shared::make_handler(&*self.make, &peer) {
            Ok(handler) => handler,
            Err(reason) => {
                self.turn.counters.panics += 1;
                self.turn.counters.count_close(&reason);
                self.shared.report_end(&peer, &reason);
                self.shared.release(&peer);
                return;
            }
        };
        self.load().open.fetch_add(1, Ordering::Relaxed);
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let id = self.shared.next_id();
        let token = token(id, key);
        self.turn.counters.calls.register += 1;
        // A Unix socket would report every read of its peer as room for output, so that it is asked only when it matters.
        let watches_output = matches!(peer, Address::Tcp(_));
        let registered = self.system.watch(&socket, token, watches_output);
        let connection = entry.insert(Connection {
            session: Session::new(
                handler,
                Core::new(id, key as u32, peer, listener, &self.turn),
            ),
            socket,
            armed: Time::NEVER,
            readable: false,
            writable: true,
            hung_up: false,
            queued: false,
            watches_output,
        });
        if local_is_open {
            self.turn.counters.calls.other += 1;
            if let Ok(local) = connection.socket.local_address() {
                connection.session.core_mut().set_local(local);
            }
        }
        connection.session.open(&mut self.turn);
        if let Err(error) = registered {
            connection.session.fail(error, &mut self.turn);
        }
        if connection.session.is_quiet() && !connection.session.has_output(&self.turn) {
            // A handler that waits to be spoken to, as most do.
            connection.armed = connection.session.idle_deadline(&self.turn);
            if connection.armed != Time::NEVER {
                self.wheel.schedule(key as u32, connection.armed);
            }
        } else {
            connection.flush(self.turn_bytes_max, &mut self.turn);
            self.settle(key as u32);
        }
    }
}
