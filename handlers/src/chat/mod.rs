//! The chat: rooms, their members, and several doors to them.
//!
//! The protocol is told in `handlers/src/chat/PROTOCOL.md`. The [`hub`] knows rooms, members, names and history, and nothing of wires; each door knows one wire: [`LineDoor`] is for
//! `nc` and `telnet`, [`DatagramDoor`] for those who send each line as a datagram. A [`Chat`] has them all.

mod datagram;
mod flood;
pub mod hub;
mod line;
mod name;
mod service;
mod terminal;
mod text;

pub use self::datagram::DatagramDoor;
pub use self::flood::{Bucket, Flood, FloodLimit, Per, Rate, RateError};
pub use self::hub::{Hub, Settings};
pub use self::line::LineDoor;
pub use self::name::{Name, NameError, RESERVED, RoomName};
pub use self::service::Chat;
pub use self::text::Text;
