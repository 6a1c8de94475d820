//! What a member can see of the chat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::room::Room;
use super::{Event, Member, Refusal};
use crate::chat::{Name, RoomName, Text};

/// One of those who are in a room.
#[derive(Clone, Debug)]
pub struct Presence {
    /// The name.
    pub name: Name,
    /// Whether it is an operator of the room.
    pub is_operator: bool,
    /// Whether it may not speak in the room.
    pub is_muted: bool,
    /// Why it is away, if it is.
    pub away: Option<Text>,
    /// For how long it has done nothing.
    pub idle: Duration,
}

/// One of all rooms.
#[derive(Clone, Debug)]
pub struct RoomSummary {
    /// The name.
    pub name: RoomName,
    /// How many members it has.
    pub members: usize,
    /// What it is about; nobody is told who does not have its key.
    pub topic: Option<Text>,
    /// Whether it has a key.
    pub is_keyed: bool,
}

impl Member {
    /// What was said last in a room, the oldest first.
    ///
    /// # Errors
    ///
    /// When the member is not in it.
    pub fn history(&self, room: &RoomName, count: usize) -> Result<Vec<Arc<Event>>, Refusal> {
        self.act(|state| Ok(self.room(state, room)?.history.last(count)))
    }

    /// Who is in a room, in the order in which they came to the chat: at most `max` of them, and how many there are.
    ///
    /// # Errors
    ///
    /// When there is no such room, or it has a key and the member is not in it.
    pub fn who(&self, room: &RoomName, max: usize) -> Result<(Vec<Presence>, usize), Refusal> {
        self.act(|state| {
            let is_in = self.person(state).rooms.contains(room);
            let Some(room) = state.rooms.get(room) else {
                return Err(Refusal::NoRoom(room.clone()));
            };
            if room.key.is_some() && !is_in {
                return Err(Refusal::NotIn(room.name.clone()));
            }
            let now = Instant::now();
            let present = room.members().take(max).filter_map(|id| {
                let person = state.people.get(&id)?;
                Some(Presence {
                    name: person.name.clone(),
                    is_operator: room.is_operator(id),
                    is_muted: room.is_muted(&person.name),
                    away: person.away.clone(),
                    idle: now.saturating_duration_since(person.last_active),
                })
            });
            Ok((present.collect(), room.len()))
        })
    }

    /// The largest `max` rooms, the largest first, and how many there are.
    pub fn rooms(&self, max: usize) -> (Vec<RoomSummary>, usize) {
        let state = self.hub.lock();
        let own = state.people.get(&self.id).map(|person| &person.rooms);
        let mut rooms: Vec<&Room> = state.rooms.values().collect();
        let all = rooms.len();
        let order = |room: &&Room| (std::cmp::Reverse(room.len()), room.name.clone());
        if all > max {
            // Names need no order among rooms that are not shown.
            rooms.select_nth_unstable_by_key(max, |room| std::cmp::Reverse(room.len()));
            rooms.truncate(max);
        }
        rooms.sort_by_cached_key(order);
        let summaries = rooms.into_iter().map(|room| {
            let is_shown =
                room.key.is_none() || own.is_some_and(|rooms| rooms.contains(&room.name));
            RoomSummary {
                name: room.name.clone(),
                members: room.len(),
                topic: room.topic.clone().filter(|_| is_shown),
                is_keyed: room.key.is_some(),
            }
        });
        (summaries.collect(), all)
    }
}
