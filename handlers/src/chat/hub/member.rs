//! What one member can do.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::room::Room;
use super::{Departure, Event, Hub, Manner, MemberId, Person, Refusal, State, What};
use crate::chat::{Name, RoomName, Text};

/// Somebody who is in a chat, for as long as this exists.
///
/// A door keeps it with the connection, so that whoever is dropped has left. Nothing here waits for anybody but others at the hub.
pub struct Member {
    pub(super) hub: Hub,
    pub(super) id: MemberId,
}

/// A room as somebody finds it who enters.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The room, as it was called by whoever began it.
    pub room: RoomName,
    /// What it is about.
    pub topic: Option<Text>,
    /// How many members it has, this one included.
    pub members: usize,
    /// Whether the member is its operator, since it is the first.
    pub is_operator: bool,
    /// Whether the member was in it before.
    pub was_in: bool,
    /// What was said before, the oldest first.
    pub history: Vec<Arc<Event>>,
}

impl Member {
    pub(super) fn new(hub: Hub, id: MemberId) -> Self {
        Self { hub, id }
    }

    /// The hub that this is a member of.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Says something in a room, also on behalf of who was away and is so no longer.
    ///
    /// # Errors
    ///
    /// When the member is not in the room, may not speak there, or the text is empty or too long.
    pub fn say(&self, room: &RoomName, text: Text, manner: Manner) -> Result<(), Refusal> {
        self.check_text(&text)?;
        self.act(|state| {
            let own = self.room(state, room)?;
            if own.is_muted(&self.person(state).name) {
                return Err(Refusal::Muted(own.name.clone()));
            }
            self.come_back(state);
            let event = self.tell(state, room, What::Said { text, manner })?;
            state.stats.said += 1;
            let settings = self.hub.settings();
            if let Some(room) = state.rooms.get_mut(room) {
                room.remember(event, settings);
            }
            Ok(())
        })
    }

    /// Tells something to one member alone, and returns why that one is away, if it is.
    ///
    /// # Errors
    ///
    /// When there is no such member or it is this one, when it does not read what it is sent, or when the text is empty or too long.
    pub fn tell_to(&self, to: &Name, text: Text) -> Result<Option<Text>, Refusal> {
        self.check_text(&text)?;
        self.act(|state| {
            let by = self.person(state).name.clone();
            let id = find(state, to)?;
            // It would come among the answers to what was asked before and after, and never at the same place.
            if id == self.id {
                return Err(Refusal::ToOneself);
            }
            let other = &state.people[&id];
            let event = Event {
                at: SystemTime::now(),
                room: None,
                by,
                what: What::Said {
                    text,
                    manner: Manner::Plain,
                },
            };
            if !other.outlet.tell(&event) {
                return Err(Refusal::Unreachable(other.name.clone()));
            }
            let away = other.away.clone();
            state.stats.told += 1;
            Ok(away)
        })
    }

    /// Enters a room, which begins to exist if there is none of this name. Who is in it already is told so, and nothing changes.
    ///
    /// # Errors
    ///
    /// When the room has another key or is full, or when a limit of rooms is reached.
    pub fn join(&self, name: &RoomName, key: Option<&str>) -> Result<Entrance, Refusal> {
        let settings = self.hub.settings();
        self.act(|state| {
            let rooms = &self.person(state).rooms;
            let was_in = rooms.contains(name);
            if !was_in {
                if rooms.len() >= settings.rooms_per_member_max {
                    let max = settings.rooms_per_member_max;
                    return Err(Refusal::TooManyRooms { max });
                }
                self.enter_room(state, name, key)?;
            }
            let room = self.room(state, name)?;
            let history = if was_in {
                Vec::new()
            } else {
                room.history.last(usize::MAX)
            };
            Ok(Entrance {
                room: room.name.clone(),
                topic: room.topic.clone(),
                members: room.len(),
                is_operator: room.is_operator(self.id),
                was_in,
                history,
            })
        })
    }

    fn enter_room(
        &self,
        state: &mut State,
        name: &RoomName,
        key: Option<&str>,
    ) -> Result<(), Refusal> {
        let settings = self.hub.settings();
        let rooms = state.rooms.len();
        match state.rooms.get(name) {
            Some(room) => room.check_entry(key, settings)?,
            None if rooms >= settings.rooms_max => return Err(Refusal::NoMoreRooms),
            None => {}
        }
        let mut room = state
            .rooms
            .remove(name)
            .unwrap_or_else(|| Room::new(name.clone()));
        let person = self.person_mut(state);
        let is_there = room.audience.admit(self.id, &person.outlet, settings);
        if is_there {
            person.rooms.push(name.clone());
            room.seat(self.id);
            if room.len() <= settings.notices_members_max {
                state.tell(&room, self.id, What::Joined);
            }
        }
        if room.len() > 0 {
            state.rooms.insert(name.clone(), room);
        }
        if is_there {
            Ok(())
        } else {
            // The connection is over, and so nobody is told.
            Err(Refusal::NotIn(name.clone()))
        }
    }

    /// Leaves a room.
    ///
    /// # Errors
    ///
    /// When the member is not in it.
    pub fn part(&self, room: &RoomName, why: Option<Text>) -> Result<(), Refusal> {
        self.check_note(why.as_deref())?;
        self.act(|state| {
            self.room(state, room)?;
            let left = What::Left(Departure::Parted(why));
            state.remove_from(room, self.id, (self.id, left), self.hub.settings());
            Ok(())
        })
    }

    /// Leaves the chat.
    pub fn leave(self, departure: &Departure) {
        self.hub
            .lock()
            .remove(self.id, departure, self.hub.settings());
    }

    /// Takes another name.
    ///
    /// # Errors
    ///
    /// When somebody else has it, or the member may not speak in some room.
    pub fn rename(&self, new: Name) -> Result<(), Refusal> {
        self.act(|state| {
            let person = self.person(state);
            let (old, rooms) = (person.name.clone(), person.rooms.clone());
            if state.names.get(&new).is_some_and(|&owner| owner != self.id) {
                return Err(Refusal::NameTaken(new));
            }
            if let Some(room) = rooms.iter().find(|room| state.rooms[*room].is_muted(&old)) {
                return Err(Refusal::MutedKeepsName(room.clone()));
            }
            for room in &rooms {
                self.tell(state, room, What::Renamed(new.clone()))?;
            }
            state.names.remove(&old);
            state.names.insert(new.clone(), self.id);
            self.person_mut(state).name = new;
            Ok(())
        })
    }

    /// Says why the member is away, or that it is back.
    ///
    /// # Errors
    ///
    /// When the text is too long.
    pub fn set_away(&self, why: Option<Text>) -> Result<(), Refusal> {
        self.check_note(why.as_deref())?;
        self.act(|state| {
            if self.person(state).away != why {
                self.person_mut(state).away.clone_from(&why);
                self.tell_all_rooms(state, &What::Away(why));
            }
            Ok(())
        })
    }

    /// What a room is about.
    ///
    /// # Errors
    ///
    /// When the member is not in it.
    pub fn topic(&self, room: &RoomName) -> Result<Option<Text>, Refusal> {
        self.act(|state| Ok(self.room(state, room)?.topic.clone()))
    }

    /// The name.
    pub fn name(&self) -> Name {
        self.hub.lock().people[&self.id].name.clone()
    }

    /// The rooms that the member is in, in the order in which it has entered them. Others may have removed it from one since it last looked.
    pub fn own_rooms(&self) -> Vec<RoomName> {
        self.hub.lock().people[&self.id].rooms.clone()
    }

    /// Does something under the hub's lock, and notes that the member is active.
    pub(super) fn act<T>(
        &self,
        action: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut state = self.hub.lock();
        if let Some(person) = state.people.get_mut(&self.id) {
            person.last_active = Instant::now();
        }
        let result = action(&mut state);
        state.note_refusal(result)
    }
}

/// Parts of what a member does, with the state in hand.
impl Member {
    pub(super) fn person<'s>(&self, state: &'s State) -> &'s Person {
        state
            .people
            .get(&self.id)
            .expect("a member is known for as long as it exists")
    }

    fn person_mut<'s>(&self, state: &'s mut State) -> &'s mut Person {
        state
            .people
            .get_mut(&self.id)
            .expect("a member is known for as long as it exists")
    }

    /// A room that the member is in.
    pub(super) fn room<'s>(&self, state: &'s State, name: &RoomName) -> Result<&'s Room, Refusal> {
        let is_in = self.person(state).rooms.contains(name);
        state
            .rooms
            .get(name)
            .filter(|_| is_in)
            .ok_or_else(|| Refusal::NotIn(name.clone()))
    }

    /// Tells a room that the member is in what it has done.
    pub(super) fn tell(
        &self,
        state: &State,
        room: &RoomName,
        what: What,
    ) -> Result<Arc<Event>, Refusal> {
        Ok(state.tell(self.room(state, room)?, self.id, what))
    }

    fn tell_all_rooms(&self, state: &State, what: &What) {
        for room in &self.person(state).rooms {
            if let Some(room) = state.rooms.get(room) {
                state.tell(room, self.id, what.clone());
            }
        }
    }

    /// Whoever says something is not away.
    fn come_back(&self, state: &mut State) {
        if self.person_mut(state).away.take().is_some() {
            self.tell_all_rooms(state, &What::Away(None));
        }
    }

    fn check_text(&self, text: &Text) -> Result<(), Refusal> {
        if text.is_empty() {
            return Err(Refusal::NothingToSay);
        }
        check_length(text, self.hub.settings().text_bytes_max)
    }

    pub(super) fn check_note(&self, text: Option<&str>) -> Result<(), Refusal> {
        text.map_or(Ok(()), |text| {
            check_length(text, self.hub.settings().note_bytes_max)
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hub
            .lock()
            .remove(self.id, &Departure::Lost, self.hub.settings());
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Member").field(&self.id).finish()
    }
}

fn check_length(text: &str, bytes_max: usize) -> Result<(), Refusal> {
    let bytes = text.len();
    if bytes <= bytes_max {
        Ok(())
    } else {
        Err(Refusal::TooLong { bytes, bytes_max })
    }
}

pub(super) fn find(state: &State, name: &Name) -> Result<MemberId, Refusal> {
    let id = state.names.get(name).copied();
    id.ok_or_else(|| Refusal::NobodyCalled(name.clone()))
}
