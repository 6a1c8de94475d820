//! The hub: rooms, members, names and history, without any wire.
//!
//! A *door* is a handler that knows one wire: it reads what its client wants, asks the hub for it through a [`Member`], and writes the answer itself. What happens to
//! others comes to them from the hub as an [`Event`], which is encoded once for each [`Wire`], shared, and sent to a room's members on that wire with one
//! operation for each thread that has some. So a new door is a handler, a [`Wire`] and nothing in here.
//!
//! Who does something is not told of it as an event: the method returns what has come of it. A door whose protocol repeats to its client what it has done, as IRC
//! does, can make the event itself.
//!
//! # Order
//!
//! The hub has one lock, which is held while an event is handed to the threads that send it. Every member of a room therefore gets the room's events in the same order,
//! from the moment at which it entered until it left, without a gap and without what came before (of what happens just before it leaves, it may miss the end); what a member says alone to another one has no
//! order with respect to that. A member that does not read is dealt with by the [`Group`](socketserver::Group) of its room, and delays nobody, since
//! nothing is sent while the lock is held (but datagrams, whose sending never waits).

mod event;
mod history;
mod looking;
mod member;
mod operating;
mod outlet;
mod refusal;
mod room;
mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use serde::Serialize;

pub use self::event::{Departure, Event, Manner, What};
pub use self::looking::{Presence, RoomSummary};
pub use self::member::{Entrance, Member};
pub use self::outlet::{Outlet, Wire};
pub use self::refusal::Refusal;
use self::room::Room;
pub use self::settings::Settings;
use super::{Name, RoomName, Text};

/// A chat. Clones are the same chat.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    state: Mutex<State>,
}

/// What is going on in a chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Members that are there now.
    pub members: usize,
    /// Rooms that there are now.
    pub rooms: usize,
    /// Members that have entered since the beginning.
    pub entered: u64,
    /// What was said in rooms.
    pub said: u64,
    /// What was told to one member alone.
    pub told: u64,
    /// What was refused.
    pub refused: u64,
    /// Members that were cut since they did not read.
    pub slow: u64,
}

/// A member's number, which no other one ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(u64);

#[derive(Debug, Default)]
struct State {
    people: HashMap<MemberId, Person>,
    names: HashMap<Name, MemberId>,
    rooms: HashMap<RoomName, Room>,
    stats: Stats,
}

/// What the hub knows of a member.
#[derive(Debug)]
struct Person {
    name: Name,
    outlet: Outlet,
    /// In the order in which they were entered.
    rooms: Vec<RoomName>,
    away: Option<Text>,
    last_active: Instant,
}

impl Hub {
    /// A chat without members.
    pub fn new(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::default(),
            }),
        }
    }

    /// The limits.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Lets somebody in, who is then in no room.
    ///
    /// # Errors
    ///
    /// When the name is taken, or the chat is full.
    pub fn enter(&self, name: Name, outlet: Outlet) -> Result<Member, Refusal> {
        let mut state = self.lock();
        let entered = state.enter(name, outlet, &self.shared.settings);
        let id = state.note_refusal(entered)?;
        drop(state);
        Ok(Member::new(self.clone(), id))
    }

    /// What is going on.
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            members: state.people.len(),
            rooms: state.rooms.len(),
            ..state.stats
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only a panic amid a change could leave something half done, and nothing here calls foreign code then but a wire's `encode`.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(
        &mut self,
        name: Name,
        outlet: Outlet,
        settings: &Settings,
    ) -> Result<MemberId, Refusal> {
        if self.people.len() >= settings.members_max {
            return Err(Refusal::ChatFull);
        }
        if self.names.contains_key(&name) {
            return Err(Refusal::NameTaken(name));
        }
        self.stats.entered += 1;
        let id = MemberId(self.stats.entered);
        self.names.insert(name.clone(), id);
        let person = Person {
            name,
            outlet,
            rooms: Vec::new(),
            away: None,
            last_active: Instant::now(),
        };
        self.people.insert(id, person);
        Ok(id)
    }

    fn note_refusal<T>(&mut self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        if result.is_err() {
            self.stats.refused += 1;
        }
        result
    }

    /// Tells a room what one of its members has done, the doer excepted.
    fn tell(&self, room: &Room, by: MemberId, what: What) -> Arc<Event> {
        let person = &self.people[&by];
        let event = Arc::new(Event {
            at: SystemTime::now(),
            room: Some(room.name.clone()),
            by: person.name.clone(),
            what,
        });
        room.audience.tell(&event, Some((by, &person.outlet)));
        event
    }

    /// Takes a member out of a room, and tells the others what has happened and who has done it, where that is told; then who is the operator now, if that is another one.
    /// Returns what was told first.
    fn remove_from(
        &mut self,
        name: &RoomName,
        id: MemberId,
        (by, what): (MemberId, What),
        settings: &Settings,
    ) -> Option<Arc<Event>> {
        let mut room = self.rooms.remove(name)?;
        let heir = room.unseat(id);
        // Before anything is told, since a member on another thread could hear it as long as it is one.
        if let Some(person) = self.people.get_mut(&id) {
            person.rooms.retain(|other| other != name);
            room.audience.dismiss(id, &person.outlet);
        }
        if room.len() == 0 {
            return None;
        }
        let is_stop = what == What::Left(Departure::Stopping);
        let is_told = match &what {
            _ if is_stop => false,
            What::Left(_) => room.len() <= settings.notices_members_max,
            _ => true,
        };
        let event = is_told.then(|| self.tell(&room, by, what));
        if let Some(heir) = heir.and_then(|heir| self.people.get(&heir))
            && !is_stop
        {
            let event = Event {
                at: SystemTime::now(),
                room: Some(name.clone()),
                by: heir.name.clone(),
                what: What::Operator(heir.name.clone()),
            };
            // The heir is told, too, who has done nothing for it.
            room.audience.tell(&event, None);
        }
        self.rooms.insert(name.clone(), room);
        event
    }

    /// Takes a member out of everything.
    fn remove(&mut self, id: MemberId, departure: &Departure, settings: &Settings) {
        let Some(person) = self.people.get(&id) else {
            return;
        };
        for room in person.rooms.clone() {
            let left = What::Left(departure.clone());
            self.remove_from(&room, id, (id, left), settings);
        }
        if let Some(person) = self.people.remove(&id) {
            self.names.remove(&person.name);
        }
        if *departure == Departure::DidNotRead {
            self.stats.slow += 1;
        }
    }
}
