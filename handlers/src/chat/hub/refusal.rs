//! What a member may not do, and why.

use std::fmt;

use super::super::{Name, NameError, RoomName};

/// Why nothing came of what a member wanted. Each says in one sentence what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody may have such a name, or no room may.
    Name(NameError),
    /// Somebody has the name, or one that looks the same.
    NameTaken(Name),
    /// Nobody has the name.
    NobodyCalled(Name),
    /// The one who is told something is the one who tells it.
    ToOneself,
    /// There is no such room.
    NoRoom(RoomName),
    /// The member is not in the room.
    NotIn(RoomName),
    /// The other member is not in the room.
    NotThere {
        /// The other member.
        who: Name,
        /// The room.
        room: RoomName,
    },
    /// Only operators of the room may.
    NotOperator(RoomName),
    /// The room has a key, and this is another one or none.
    WrongKey(RoomName),
    /// The member may not speak in the room.
    Muted(RoomName),
    /// The other one may speak in the room, so that nobody can give that back.
    NotMuted {
        /// The other one, who need not be there.
        who: Name,
        /// The room.
        room: RoomName,
    },
    /// The member may not speak in some room, and keeps the name by which that is known.
    MutedKeepsName(RoomName),
    /// So many members of a room were muted that no more can be remembered.
    TooManyMuted(RoomName),
    /// The room has as many members as a room may have.
    RoomFull(RoomName),
    /// The member is in as many rooms as a member may be in.
    TooManyRooms {
        /// How many that is.
        max: usize,
    },
    /// There are as many rooms as there may be.
    NoMoreRooms,
    /// There are as many members as there may be.
    ChatFull,
    /// There is nothing in it that could be said.
    NothingToSay,
    /// It is longer than it may be.
    TooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// The other member does not take what it is sent.
    Unreachable(Name),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::NameTaken(name) => write!(
                f,
                "{name} is taken, or looks like a name that is (choose another one)"
            ),
            Self::NobodyCalled(name) => {
                write!(f, "nobody here is called {name} (/who shows who is)")
            }
            Self::ToOneself => f.write_str("that is you (tell it to somebody else)"),
            Self::NoRoom(room) => {
                write!(f, "there is no room {room} (/rooms shows which there are)")
            }
            Self::NotIn(room) => write!(f, "you are not in {room} (/join {room} enters it)"),
            Self::NotThere { who, room } => write!(f, "{who} is not in {room} (/who shows who is)"),
            Self::NotOperator(room) => {
                write!(f, "only operators of {room} may do that (/who shows them)")
            }
            Self::WrongKey(room) => write!(f, "{room} has a key (/join {room} KEY enters it)"),
            Self::Muted(room) => write!(
                f,
                "you may not speak in {room} (ask an operator: /who shows them)"
            ),
            Self::NotMuted { who, room } => write!(f, "{who} may speak in {room} already"),
            Self::MutedKeepsName(room) => write!(
                f,
                "you may not speak in {room}, and keep your name until you may"
            ),
            Self::TooManyMuted(room) => write!(
                f,
                "too many are muted in {room} already (/unmute somebody, or set a /key)"
            ),
            Self::RoomFull(room) => write!(f, "{room} is full (try again later)"),
            Self::TooManyRooms { max } => {
                write!(f, "you are in {max} rooms, which is the most (/part one)")
            }
            Self::NoMoreRooms => {
                f.write_str("there are as many rooms as there may be (enter one of them: /rooms)")
            }
            Self::ChatFull => f.write_str("the chat is full (try again later)"),
            Self::NothingToSay => {
                f.write_str("there is nothing in it that could be said (say it in letters)")
            }
            Self::TooLong { bytes, bytes_max } => {
                write!(
                    f,
                    "that has {bytes} bytes, and at most {bytes_max} can be taken (say it in parts)"
                )
            }
            Self::Unreachable(name) => {
                write!(f, "{name} does not read at the moment (try again later)")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}
