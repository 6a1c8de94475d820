//! What operators of a room can do there.

use super::member::find;
use super::{Member, MemberId, Refusal, State, What};
use crate::chat::{Name, RoomName, Text};

impl Member {
    /// Says what a room is about.
    ///
    /// # Errors
    ///
    /// When the member is no operator of it, or the text is too long.
    pub fn set_topic(&self, room: &RoomName, topic: Option<Text>) -> Result<(), Refusal> {
        self.check_note(topic.as_deref())?;
        self.operate(room, |state| {
            if let Some(room) = state.rooms.get_mut(room) {
                room.topic.clone_from(&topic);
            }
            self.tell(state, room, What::Topic(topic)).map(drop)
        })
    }

    /// Lets only those enter who know a key, or everybody.
    ///
    /// # Errors
    ///
    /// When the member is no operator of the room, or the key is too long.
    pub fn set_key(&self, room: &RoomName, key: Option<Text>) -> Result<(), Refusal> {
        self.check_note(key.as_deref())?;
        self.operate(room, |state| {
            let is_keyed = key.is_some();
            if let Some(room) = state.rooms.get_mut(room) {
                room.key = key;
            }
            self.tell(state, room, What::Keyed(is_keyed)).map(drop)
        })
    }

    /// Removes a member from a room. It may come back, unless there is a key.
    ///
    /// # Errors
    ///
    /// When this member is no operator of the room, or the other one is not in it.
    pub fn kick(&self, room: &RoomName, who: &Name, why: Option<Text>) -> Result<(), Refusal> {
        self.check_note(why.as_deref())?;
        self.operate(room, |state| {
            let id = find_in(state, room, who)?;
            let who = state.people[&id].name.clone();
            let kicked = (self.id, What::Kicked { who, why });
            let event = state.remove_from(room, id, kicked, self.hub.settings());
            // What was told is not for those who have gone, so that this one is told by itself.
            if let Some(event) = event.filter(|_| id != self.id) {
                state.people[&id].outlet.tell(&event);
            }
            Ok(())
        })
    }

    /// Takes a member's right to speak in a room, also for when it comes again.
    ///
    /// # Errors
    ///
    /// When this member is no operator of the room, or the other one is not in it.
    pub fn mute(&self, room: &RoomName, who: &Name) -> Result<(), Refusal> {
        self.operate(room, |state| {
            let id = find_in(state, room, who)?;
            let who = state.people[&id].name.clone();
            let is_new = state
                .rooms
                .get_mut(room)
                .map_or(Ok(false), |room| room.mute(who.clone()))?;
            if is_new {
                self.tell(state, room, What::Muted(who))?;
            }
            Ok(())
        })
    }

    /// Gives it back, also to who is not there.
    ///
    /// # Errors
    ///
    /// When this member is no operator of the room, or the other one may speak.
    pub fn unmute(&self, room: &RoomName, who: &Name) -> Result<(), Refusal> {
        self.operate(room, |state| {
            let own = state.rooms.get_mut(room);
            if !own.is_some_and(|room| room.unmute(who)) {
                let (who, room) = (who.clone(), room.clone());
                return Err(Refusal::NotMuted { who, room });
            }
            self.tell(state, room, What::Unmuted(who.clone())).map(drop)
        })
    }

    /// Makes a member an operator of a room.
    ///
    /// # Errors
    ///
    /// When this member is none itself, or the other one is not in the room.
    pub fn promote(&self, room: &RoomName, who: &Name) -> Result<(), Refusal> {
        self.operate(room, |state| {
            let id = find_in(state, room, who)?;
            let who = state.people[&id].name.clone();
            if state
                .rooms
                .get_mut(room)
                .is_some_and(|room| room.promote(id))
            {
                self.tell(state, room, What::Operator(who))?;
            }
            Ok(())
        })
    }

    /// Does something that only operators of a room may.
    fn operate(
        &self,
        room: &RoomName,
        action: impl FnOnce(&mut State) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.act(|state| {
            self.room(state, room)?.require_operator(self.id)?;
            action(state)
        })
    }
}

/// Finds a member who is in a room.
fn find_in(state: &State, room: &RoomName, name: &Name) -> Result<MemberId, Refusal> {
    let id = find(state, name)?;
    if state.people[&id].rooms.contains(room) {
        return Ok(id);
    }
    Err(Refusal::NotThere {
        who: name.clone(),
        room: room.clone(),
    })
}
