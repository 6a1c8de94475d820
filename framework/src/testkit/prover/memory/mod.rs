//! A driver without sockets, threads and clock: sessions whose peers are at hand, and whose time is made up.
//!
//! It fulfils the contract of every driver (see `driver/mod.rs`), so that a handler cannot tell that there is no network. What
//! happens follows from what the peers do and from nothing else, so that the same moves have the same outcome.

mod line;
mod seat;

use std::cell::Cell;
use std::sync::Arc;

pub(super) use self::line::Line;
use self::seat::Seat;
use super::End;
use crate::conn::ConnectionId;
use crate::delivery::{Delivery, Item};
use crate::mail::Place;
use crate::net::Address;
use crate::server::{Config, Make, Shared};
use crate::session::{Core, Session, Turn};
use crate::timer::Time;
use crate::{CloseReason, Handler};

/// How often connections may call each other before a peer has its turn again: those that never stop must not stop a test.
const MAIL_ROUNDS_MAX: usize = 1000;
/// How many deadlines may come in one wait: a timer of no length that is set again and again must not stop a test either.
const DEADLINES_MAX: usize = 10_000;

thread_local! {
    /// The time that timers count from, which is a function without an argument.
    static NOW: Cell<Time> = const { Cell::new(Time::NEVER) };
}

/// What makes handlers under test.
pub(in crate::testkit) type Factory = Make<Box<dyn Handler>>;

/// Some connections, all of one server.
pub(in crate::testkit) struct Memory {
    place: Arc<Place>,
    turn: Turn,
    factory: Factory,
    delivery: Delivery,
    seats: Vec<Seat>,
    buffer_bytes: usize,
    /// How many bytes a wire takes before it is full for the moment.
    room: usize,
}

impl Memory {
    pub(in crate::testkit) fn new(mut config: Config, factory: Factory) -> Self {
        // Work that is offloaded is done at once, so that no thread brings disorder.
        config.offload_threads_max = 0;
        let local = Address::Tcp(([127, 0, 0, 1], 9).into());
        let buffer_bytes = config.read_buffer_bytes.min(config.input_bytes_max).max(1);
        let shared = Shared::new(config, vec![local], None);
        let place = Place::new();
        Self {
            turn: Turn::with_clock(place.clone(), shared, || NOW.get()),
            place,
            factory,
            delivery: Delivery::default(),
            seats: Vec::new(),
            buffer_bytes,
            room: usize::MAX,
        }
    }

    /// Forgets all connections, and begins anew at the beginning of time. From now on a wire takes so many bytes at once.
    pub(in crate::testkit) fn begin(&mut self, room: usize) {
        self.seats.clear();
        self.room = room;
        if self.is_called() {
            let mut lost = Delivery::default();
            lost.call();
            lost.collect(&self.place);
            self.delivery = Delivery::default();
        }
        self.set_time(Time::default());
    }

    fn set_time(&mut self, now: Time) {
        NOW.set(now);
        self.turn.begin(now);
    }

    /// A peer connects; returns the key of its connection.
    pub(in crate::testkit) fn connect(&mut self) -> usize {
        let key = self.seats.len();
        let number = key as u16;
        let peer = Address::Tcp(([127, 0, 0, 1], 49_152 + number).into());
        let mut seat = Seat::default();
        match Shared::make_handler(&*self.factory, &peer) {
            Ok(handler) => {
                let id = ConnectionId(u64::from(number) + 1);
                let core = Core::new(id, key as u32, peer, 0, &self.turn);
                let mut session = Session::new(handler, core);
                session.open(&mut self.turn);
                seat.session = Some(session);
            }
            Err(reason) => {
                seat.end = Some(End::Closed);
                seat.reason = Some(reason);
            }
        }
        self.seats.push(seat);
        self.run(key);
        key
    }

    /// The peer sends, and the wire takes everything at once. To a connection that is over it is lost.
    pub(in crate::testkit) fn send(&mut self, key: usize, bytes: &[u8]) {
        let seat = &mut self.seats[key];
        if seat.session.is_some() {
            seat.incoming.extend_from_slice(bytes);
            self.run(key);
        }
    }

    /// What was sent to the peer, and not received yet.
    pub(in crate::testkit) fn received(&self, key: usize) -> &[u8] {
        &self.seats[key].outgoing
    }

    /// The peer has received everything that was sent to it.
    pub(in crate::testkit) fn forget_received(&mut self, key: usize) {
        self.seats[key].outgoing.clear();
    }

    /// Does for a connection what there is to do, then for those to which it has written.
    fn run(&mut self, key: usize) {
        self.seats[key].run(self.room, self.buffer_bytes, &mut self.turn);
        for _ in 0..MAIL_ROUNDS_MAX {
            if !self.hand_out_mail() {
                break;
            }
        }
    }

    /// Whether there may be mail.
    fn is_called(&self) -> bool {
        self.place.take_attention() || self.delivery.is_busy()
    }

    /// Hands out the mail that there is; false when there is none.
    fn hand_out_mail(&mut self) -> bool {
        // Nearly always, and what moves to and fro below is large beside what a message costs.
        if !self.is_called() {
            return false;
        }
        let mut delivery = std::mem::take(&mut self.delivery);
        delivery.call();
        delivery.collect(&self.place);
        let has_mail = delivery.is_busy();
        while let Some(item) = delivery.next() {
            match item {
                Item::Letters { key, id } => self.attend(key, id, Session::read_letters),
                Item::Messages(claim) => {
                    if let Some(parcel) = delivery.parcel(claim) {
                        self.attend(claim.key, claim.id, |session, turn| {
                            session.deliver(&parcel, turn);
                        });
                    }
                }
            }
        }
        self.delivery = delivery;
        has_mail
    }

    /// Calls a method of a session, then does what follows from it.
    fn attend(&mut self, key: u32, id: ConnectionId, act: impl FnOnce(&mut Session, &mut Turn)) {
        let Some(seat) = self.seats.get_mut(key as usize) else {
            return;
        };
        let session = seat.session.as_mut();
        if let Some(session) = session.filter(|session| session.core().id() == id) {
            act(session, &mut self.turn);
            seat.run(self.room, self.buffer_bytes, &mut self.turn);
        }
    }

    /// Lets all time up to `until` pass.
    fn pass_all_time(&mut self, until: Time) {
        for _ in 0..DEADLINES_MAX {
            if !self.pass_time(until) {
                break;
            }
        }
        self.set_time(until);
    }

    /// Lets time pass to the first deadline of any connection, but not beyond `until`. False when there is none before that.
    fn pass_time(&mut self, until: Time) -> bool {
        let sessions = self.seats.iter().filter_map(|seat| seat.session.as_ref());
        let deadlines = sessions.map(|session| {
            let idle = session.idle_deadline(&self.turn);
            session.deadline().min(idle)
        });
        let next = deadlines.min().unwrap_or(Time::NEVER);
        self.set_time(next.min(until).max(self.turn.now));
        if next > until {
            return false;
        }
        for key in 0..self.seats.len() {
            if let Some(session) = &mut self.seats[key].session {
                session.tick(&mut self.turn);
                self.run(key);
            }
        }
        true
    }

    /// The peer goes for good; says why the connection ended, unless it had to be cut since it did not.
    pub(in crate::testkit) fn leave(&mut self, key: usize) -> Option<CloseReason> {
        let seat = &mut self.seats[key];
        seat.peer_end.get_or_insert(End::Closed);
        // Nobody is there any more who could wait for the output.
        self.room = usize::MAX;
        self.run(key);
        let seat = &mut self.seats[key];
        if let Some(session) = &mut seat.session {
            session.cut(CloseReason::Aborted, &mut self.turn);
            session.finish(&mut self.turn);
            seat.session = None;
        }
        seat.reason.take()
    }
}
