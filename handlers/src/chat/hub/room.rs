//! A room: who is in it, what it is about, and what was said.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::history::History;
use super::outlet::Audience;
use super::{Event, MemberId, Refusal, Settings};
use crate::chat::{Name, RoomName, Text};

/// How many names that may not speak are remembered.
const MUTED_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) topic: Option<Text>,
    /// What one must know to enter.
    pub(super) key: Option<Text>,
    pub(super) history: History,
    pub(super) audience: Audience,
    seats: BTreeMap<MemberId, Seat>,
    /// Who may not speak, also when he has left and comes again.
    muted: HashSet<Name>,
    joined: u64,
}

/// What a member is in one room.
#[derive(Debug)]
struct Seat {
    is_operator: bool,
    /// The order in which members came.
    number: u64,
}

impl Room {
    pub(super) fn new(name: RoomName) -> Self {
        Self {
            name,
            topic: None,
            key: None,
            history: History::default(),
            audience: Audience::default(),
            seats: BTreeMap::new(),
            muted: HashSet::new(),
            joined: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = MemberId> {
        self.seats.keys().copied()
    }

    /// Whether somebody who knows this key, or none, may enter.
    pub(super) fn check_entry(
        &self,
        key: Option<&str>,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if self.key.as_deref().is_some_and(|right| Some(right) != key) {
            Err(Refusal::WrongKey(self.name.clone()))
        } else if self.len() >= settings.members_per_room_max {
            Err(Refusal::RoomFull(self.name.clone()))
        } else {
            Ok(())
        }
    }

    /// Gives a member a seat; the first one is the operator.
    pub(super) fn seat(&mut self, id: MemberId) {
        let is_operator = self.seats.is_empty();
        self.joined += 1;
        let number = self.joined;
        self.seats.insert(
            id,
            Seat {
                is_operator,
                number,
            },
        );
    }

    /// Takes a member's seat, and says who is the operator from now on if that was the last one: who has been here longest.
    pub(super) fn unseat(&mut self, id: MemberId) -> Option<MemberId> {
        let seat = self.seats.remove(&id)?;
        if !seat.is_operator || self.seats.values().any(|seat| seat.is_operator) {
            return None;
        }
        let (&id, heir) = self.seats.iter_mut().min_by_key(|(_, seat)| seat.number)?;
        heir.is_operator = true;
        Some(id)
    }

    pub(super) fn is_operator(&self, id: MemberId) -> bool {
        self.seats.get(&id).is_some_and(|seat| seat.is_operator)
    }

    pub(super) fn require_operator(&self, id: MemberId) -> Result<(), Refusal> {
        if self.is_operator(id) {
            Ok(())
        } else {
            Err(Refusal::NotOperator(self.name.clone()))
        }
    }

    /// Makes a member an operator; false if it is one.
    pub(super) fn promote(&mut self, id: MemberId) -> bool {
        self.seats
            .get_mut(&id)
            .is_some_and(|seat| !std::mem::replace(&mut seat.is_operator, true))
    }

    pub(super) fn is_muted(&self, name: &Name) -> bool {
        self.muted.contains(name)
    }

    /// Takes the right to speak; false if it was taken.
    pub(super) fn mute(&mut self, name: Name) -> Result<bool, Refusal> {
        if self.muted.len() >= MUTED_MAX && !self.is_muted(&name) {
            return Err(Refusal::TooManyMuted(self.name.clone()));
        }
        Ok(self.muted.insert(name))
    }

    /// Gives it back; false if it was there.
    pub(super) fn unmute(&mut self, name: &Name) -> bool {
        self.muted.remove(name)
    }

    /// Remembers what was said.
    pub(super) fn remember(&mut self, event: Arc<Event>, settings: &Settings) {
        self.history.push(event, settings);
    }
}
