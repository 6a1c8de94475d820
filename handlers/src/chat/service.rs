//! A chat with its doors: what makes the handlers of its connections.

use std::sync::Arc;
use std::time::Duration;

use socketserver::{Address, Config};

use super::RoomName;
use super::datagram::{CookieJar, DatagramDoor};
use super::flood::{Bucket, Flood, Rate};
use super::hub::{Hub, Settings, Wire};
use super::line::LineDoor;
use super::terminal::TerminalWire;

/// The longest line that is looked at. What a terminal sends for a text is a little more than the text.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// How long somebody may do nothing while nothing happens in his rooms. Such a connection may be over without anybody having been told.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// What the hub keeps of a member, of its seat in a room, and of a room with its names that were muted, about.
const MEMBER_BYTES: usize = 1024;
const SEAT_BYTES: usize = 256;
const ROOM_BYTES: usize = 16 * 1024;

/// A chat: rooms, and the doors to them. It is cheap to clone, and clones are the same chat.
///
/// ```no_run
/// use socketserver::{Config, Server, StreamServer};
/// use socketserver_handlers::chat::{Chat, Rate, Settings};
///
/// let chat = Chat::new(Settings::default(), Some(Rate::default()));
/// let server = StreamServer::builder()
///     .endpoint("tcp://127.0.0.1:9003")?
///     .config(chat.config(Config::default()))
///     .bind()?;
/// server.serve_forever(move |peer| chat.line_door(peer))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chat {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hub: Hub,
    flood: Flood,
    lobby: RoomName,
    line_wire: Arc<TerminalWire>,
    datagram_wire: Arc<TerminalWire>,
    cookies: CookieJar,
}

impl Chat {
    /// A chat in which everybody may say so much, or as much as he likes.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn new(settings: Settings, rate: Option<Rate>) -> Self {
        Self {
            shared: Arc::new(Shared {
                hub: Hub::new(settings),
                flood: Flood::new(rate),
                lobby: RoomName::parse("lobby").expect("it is letters of one script"),
                line_wire: Arc::new(TerminalWire { end: "\n" }),
                datagram_wire: Arc::new(TerminalWire { end: "" }),
                cookies: CookieJar::new(),
            }),
        }
    }

    /// The handler of a connection with a person, see [`LineDoor`].
    pub fn line_door(&self, peer: &Address) -> LineDoor {
        LineDoor::new(self.clone(), self.bucket(peer))
    }

    /// The handler of a peer that sends datagrams, see [`DatagramDoor`].
    pub fn datagram_door(&self, _peer: &Address) -> DatagramDoor {
        DatagramDoor::new(self.clone())
    }

    /// The rooms and who is in them.
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// The same configuration as a chat needs it, where it is the default one; what differs from the default was wished, and stays.
    ///
    /// Lines are short (8 KiB of input). Half a line costs nobody anything and may be somebody's whole evening (no deadline), and who says nothing may stay for 4 h. A member is not read from while half
    /// of what may wait for it waits, and is cut when it has taken nothing for 10 s.
    pub fn config(&self, config: Config) -> Config {
        let usual = Config::default();
        let queued_bytes_max = self.hub().settings().queued_bytes_max;
        Config {
            input_bytes_max: unless(
                config.input_bytes_max,
                usual.input_bytes_max,
                LINE_BYTES_MAX,
            ),
            output_high: unless(config.output_high, usual.output_high, queued_bytes_max / 2),
            output_low: unless(config.output_low, usual.output_low, queued_bytes_max / 4),
            // What the door itself answers comes on top of what rooms send.
            output_bytes_max: unless(
                config.output_bytes_max,
                usual.output_bytes_max,
                queued_bytes_max * 2,
            ),
            read_timeout: unless(config.read_timeout, usual.read_timeout, None),
            idle_timeout: unless(config.idle_timeout, usual.idle_timeout, Some(IDLE_TIMEOUT)),
            ..config
        }
    }

    /// The most memory that a server of this chat can take with this configuration, in bytes: its connections, and what the hub keeps of members and rooms.
    pub fn memory_bytes_max(&self, config: &Config) -> u128 {
        let settings = self.hub().settings();
        let members = settings.members_max.min(config.connections_max);
        let rooms = (members.saturating_mul(settings.rooms_per_member_max)).min(settings.rooms_max);
        let seats = members.saturating_mul(settings.rooms_per_member_max);
        let room = settings.history_bytes_max + settings.note_bytes_max * 2 + ROOM_BYTES;
        config.memory_bytes_max()
            + members as u128 * MEMBER_BYTES as u128
            + seats as u128 * SEAT_BYTES as u128
            + rooms as u128 * room as u128
    }

    /// Where everybody begins.
    pub(super) fn lobby(&self) -> &RoomName {
        &self.shared.lobby
    }

    pub(super) fn bucket(&self, peer: &Address) -> Bucket {
        self.shared.flood.bucket(peer)
    }

    pub(super) fn cookies(&self) -> &CookieJar {
        &self.shared.cookies
    }

    pub(super) fn datagram_wire(&self) -> Arc<dyn Wire> {
        self.shared.datagram_wire.clone()
    }

    pub(super) fn line_wire(&self) -> Arc<dyn Wire> {
        self.shared.line_wire.clone()
    }
}

/// What was wished, or, where that is what one gets without a wish, something better.
fn unless<T: Copy + PartialEq>(given: T, usual: T, better: T) -> T {
    if given == usual { better } else { given }
}
