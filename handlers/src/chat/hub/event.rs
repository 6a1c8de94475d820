//! What happens in a chat, as its members are told of it.

use std::time::SystemTime;

use super::super::{Name, RoomName, Text};

/// Something that has happened, which every [`Wire`](super::Wire) puts into its own words.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub at: SystemTime,
    /// In which room; none for what is told to one member alone.
    pub room: Option<RoomName>,
    /// Who has done it.
    pub by: Name,
    /// What it is.
    pub what: What,
}

/// What a member has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Said something: to a room, or to one member if the event has no room.
    Said {
        /// The words.
        text: Text,
        /// How they were said.
        manner: Manner,
    },
    /// Entered the room.
    Joined,
    /// Left the room, perhaps together with the whole chat.
    Left(Departure),
    /// Took another name; [`Event::by`] is the old one.
    Renamed(Name),
    /// Said what the room is about, or that it is about nothing.
    Topic(Option<Text>),
    /// Removed a member from the room.
    Kicked {
        /// The member.
        who: Name,
        /// The reason, if one was given.
        why: Option<Text>,
    },
    /// Took a member's right to speak in the room.
    Muted(Name),
    /// Gave it back.
    Unmuted(Name),
    /// Made a member an operator. It is the one who has done it where the last operator has left.
    Operator(Name),
    /// Keeps everybody out who does not know a key, or does so no longer.
    Keyed(bool),
    /// Is away, for a reason, or is back.
    Away(Option<Text>),
}

/// How something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As words.
    #[default]
    Plain,
    /// As a description of what one does: `/me`.
    Action,
}

/// How a member left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Departure {
    /// It wanted to leave the room.
    Parted(Option<Text>),
    /// It wanted to leave the chat.
    Quit(Option<Text>),
    /// Its connection ended.
    Lost,
    /// It did not read what it was sent, and was cut.
    DidNotRead,
    /// Nothing has come from it for too long.
    Silent,
    /// The server stops. Nobody is told, since everybody leaves.
    Stopping,
}
