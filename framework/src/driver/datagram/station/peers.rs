//! Peers: who is let in, what they are told, what follows from it, and when they are looked at.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use super::super::DatagramSystem;
use super::super::crew::{Crew, Told};
use super::port::Port;
use super::{Role, Station};
use crate::CloseReason;
use crate::datagram::{Bench, Datagram, Entry, Event, Opened, Outcome, Session};
use crate::server::{Eviction, Refusal, Shared};
use crate::timer::Time;

/// How many peers are asked to make room, one after the other, before the newcomer is refused: those whose handlers are at work cannot be
/// evicted at once.
const EVICTIONS_TRIED_MAX: usize = 4;

impl<S: DatagramSystem> Station<S> {
    /// The key of the peer that a datagram has come from. None: it is new, and there is no room for it.
    pub(super) fn find_or_admit(&mut self, port: usize, datagram: &Datagram<'_>) -> Option<u32> {
        if let Some(key) = self.table.find(port, datagram.peer()) {
            self.table.hear(key, self.now);
            return Some(key);
        }
        if self.drained || !self.verify(datagram.peer()) {
            return None;
        }
        if !self.make_room(datagram) {
            self.counters.refused += 1;
            return None;
        }
        let admitted = self.admit(port, datagram);
        if admitted.is_none() {
            self.shared.admission.release_peer(datagram.peer());
        }
        admitted
    }

    /// Takes room for one more peer, from another one if need be.
    fn make_room(&mut self, datagram: &Datagram<'_>) -> bool {
        match self.shared.admission.try_enter_peer(datagram.peer()) {
            Ok(()) => true,
            Err(Refusal::Crowd) => false,
            Err(Refusal::Full) => {
                self.evict()
                    && self
                        .shared
                        .admission
                        .try_enter_peer(datagram.peer())
                        .is_ok()
            }
        }
    }

    /// Makes a handler for a new peer.
    fn admit(&mut self, port: usize, datagram: &Datagram<'_>) -> Option<u32> {
        let Role::Peers(make) = &self.role else {
            return None;
        };
        let peer = datagram.peer();
        let handler = match Shared::make_handler(&**make, peer) {
            Ok(handler) => handler,
            Err(reason) => {
                self.counters.panics += 1;
                self.shared.report_end(peer, &reason);
                return None;
            }
        };
        let link = self.ports[port].link.clone();
        let (peer, config) = (peer.clone(), &self.shared.config);
        let session = Session::new(handler, peer.clone(), datagram.to(), link, config);
        let key = self.table.insert(Entry {
            id: self.shared.next_id().get(),
            peer,
            port,
            own_port: None,
            session: Arc::new(Mutex::new(session)),
            last_heard: self.now,
            timer: Time::NEVER,
            looked_at: Time::NEVER,
            is_ending: false,
        });
        self.counters.count_open();
        self.look_later(key);
        Some(key)
    }

    /// Sends away whoever was silent for longest; false when nobody has to go.
    fn evict(&mut self) -> bool {
        let candidates: Vec<_> = self.table.candidates().take(EVICTIONS_TRIED_MAX).collect();
        for key in candidates {
            let Some(entry) = self.table.get(key) else {
                continue;
            };
            let session = entry.session.clone();
            let mut session = match session.try_lock() {
                Ok(session) => session,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Its handler is at work.
                Err(TryLockError::WouldBlock) => continue,
            };
            // A worker may have proven it, and the news of that may still be on its way.
            if session.is_proven() && self.shared.config.eviction == Eviction::Unproven {
                self.table.prove(key);
                continue;
            }
            let index = entry.own_port.unwrap_or(entry.port);
            let bench = Bench {
                outbox: &mut self.ports[index].outbox,
                counters: &mut self.counters,
                shared: &self.shared,
                now: self.now,
            };
            let outcome = session.run(Event::End(CloseReason::Evicted), bench);
            drop(session);
            self.apply(key, outcome);
            return true;
        }
        false
    }

    /// Tells a session what has happened, by way of the crew if there is one.
    pub(super) fn tell(&mut self, key: u32, event: Event<'_>) {
        let Some(entry) = self.table.get(key) else {
            return;
        };
        if let Some(crew) = self.crew.clone() {
            self.send_word(&crew, key, event);
            return;
        }
        let session = entry.session.clone();
        let index = entry.own_port.unwrap_or(entry.port);
        let bench = Bench {
            outbox: &mut self.ports[index].outbox,
            counters: &mut self.counters,
            shared: &self.shared,
            now: self.now,
        };
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = session.run(event, bench);
        if self.slow_callback != crate::timer::Limit::NONE {
            self.watch(session.address());
        }
        drop(session);
        self.set_written(index);
        self.apply(key, outcome);
    }

    /// Has a worker tell a session what has happened.
    fn send_word(&mut self, crew: &Arc<Crew>, key: u32, event: Event<'_>) {
        let Some(entry) = self.table.get(key) else {
            return;
        };
        let received = match &event {
            Event::Received(datagram) => Some(*datagram),
            _ => None,
        };
        let bound = self.ports[entry.port].link.address();
        let is_for_all = received.is_some_and(|datagram| datagram.bound() == bound);
        let port = entry.port;
        let told = crew.tell((key, entry.id), &entry.session, event, is_for_all);
        match (told, received) {
            (Told::Full, Some(datagram)) => {
                self.counters.count_dropped(datagram.bytes().len());
            }
            (Told::Over, received) => {
                self.hear_crew();
                if let Some(datagram) = received {
                    self.begin_anew(port, &datagram, is_for_all);
                }
            }
            _ => {}
        }
    }

    /// A datagram came behind the end of a conversation: it begins the next one, unless it came to a socket that is gone with the last one.
    pub(super) fn begin_anew(&mut self, port: usize, datagram: &Datagram<'_>, is_for_all: bool) {
        let key = is_for_all
            .then(|| self.find_or_admit(port, datagram))
            .flatten();
        match key {
            Some(key) => self.tell(key, Event::Received(*datagram)),
            None => self.counters.count_dropped(datagram.bytes().len()),
        }
    }

    /// Does what follows from what a session was told.
    pub(super) fn apply(&mut self, key: u32, outcome: Outcome) {
        if let Some(opened) = outcome.opened {
            self.adopt(key, opened);
        }
        if let Some(reason) = outcome.ended {
            self.dismiss(key, &reason);
            return;
        }
        if outcome.is_proven {
            self.table.prove(key);
        }
        let Some(entry) = self.table.get(key) else {
            return;
        };
        entry.timer = outcome.timer;
        if outcome.timer < entry.looked_at {
            self.look_later(key);
        }
    }

    /// Receives from now on from a socket that a session has opened.
    fn adopt(&mut self, key: u32, opened: Opened) {
        let Some(entry) = self.table.get(key) else {
            return;
        };
        let mut port = Port::new(opened.link, Some((key, entry.id)));
        port.outbox = opened.outbox;
        match self.add_port(port) {
            Ok(index) => {
                if let Some(entry) = self.table.get(key) {
                    entry.own_port = Some(index);
                }
                self.set_written(index);
            }
            Err(error) => {
                let reason = CloseReason::Io(error.kind());
                self.tell(key, Event::End(reason));
            }
        }
    }

    /// A peer is gone.
    pub(super) fn dismiss(&mut self, key: u32, reason: &CloseReason) {
        let Some(entry) = self.table.remove(key) else {
            return;
        };
        self.wheel.cancel(key);
        self.counters.count_close(reason);
        self.shared.report_end(&entry.peer, reason);
        self.shared.admission.release_peer(&entry.peer);
        if let Some(index) = entry.own_port {
            self.close_port(index);
        }
    }

    /// Looks at those peers whose time has come.
    pub(super) fn fire_timers(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(self.now, &mut fired);
        for key in fired.drain(..) {
            self.look_at(key);
        }
        self.fired = fired;
        self.flush_written();
    }

    fn look_at(&mut self, key: u32) {
        let idle_timeout = self.shared.config.peer_idle_timeout;
        let Some(entry) = self.table.get(key) else {
            return;
        };
        entry.looked_at = Time::NEVER;
        if entry.timer <= self.now {
            // Set again by what follows from it.
            entry.timer = Time::NEVER;
            self.tell(key, Event::Timer);
        }
        // Also after a timer: one that is due whenever it is looked at must not keep a silent peer for ever.
        let entry = self.table.get(key).filter(|entry| !entry.is_ending);
        if let Some(entry) = entry
            && self.now >= entry.last_heard.after_limit(idle_timeout.into())
        {
            entry.is_ending = true;
            self.tell(key, Event::End(CloseReason::IdleTimeout));
        }
        self.look_later(key);
    }

    /// Notes when a peer must be looked at next: when its timer is due, or when it may have been silent for too long.
    fn look_later(&mut self, key: u32) {
        let idle_timeout = self.shared.config.peer_idle_timeout;
        let Some(entry) = self.table.get(key).filter(|entry| !entry.is_ending) else {
            return;
        };
        let idle_at = entry.last_heard.after_limit(idle_timeout.into());
        entry.looked_at = entry.timer.min(idle_at);
        if entry.looked_at == Time::NEVER {
            self.wheel.cancel(key);
        } else {
            self.wheel.schedule(key, entry.looked_at);
        }
    }
}
