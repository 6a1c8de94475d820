//! `serve chat`: how fast people may speak, and what becomes of who does not read.

use clap::{Args, ValueEnum};
use socketserver::{Config, DatagramServer, Report, ServeError, SlowMember, StreamServer};
use socketserver_handlers::chat::{Chat, FloodLimit, Settings, hub};

use crate::console::Console;
use crate::units;

/// What is said of the chat that is served.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chat")]
pub(crate) struct ChatOptions {
    /// How many lines a connection, and an address with all its connections, may send: so many in a time, and so many at once; faster ones wait
    /// [default: 10/s:20]
    #[arg(long, value_name = "RATE:BURST|off", env = "SOCKETSERVER_FLOOD")]
    flood: Option<FloodLimit>,
    /// How many of the last things said a room keeps for those who come [default: 50]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_HISTORY", value_parser = units::count::<usize>)]
    history: Option<usize>,
    /// What becomes of a member that reads more slowly than its rooms speak [default: disconnect]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "disconnect|drop-oldest|drop-newest",
        env = "SOCKETSERVER_SLOW_MEMBERS"
    )]
    slow_members: Option<Slow>,
    /// How much may wait for a member [default: 256KiB]
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_MEMBER_QUEUE", value_parser = units::size)]
    member_queue: Option<usize>,
}

/// What becomes of slow members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Slow {
    /// They are cut.
    Disconnect,
    /// They lose what waits longest.
    DropOldest,
    /// They lose what comes.
    DropNewest,
}

/// A chat that is ready to be served, on streams and on datagrams.
#[derive(Clone)]
pub(crate) struct ChatService {
    chat: Chat,
    summary: String,
}

impl ChatOptions {
    /// The first option that was said, if one was.
    pub(crate) fn first_said(&self) -> Option<&'static str> {
        [
            ("--flood", self.flood.is_some()),
            ("--history", self.history.is_some()),
            ("--slow-members", self.slow_members.is_some()),
            ("--member-queue", self.member_queue.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_said)| is_said.then_some(name))
    }
}

impl ChatOptions {
    /// The chat that is asked for.
    pub(crate) fn open(&self) -> ChatService {
        let defaults = Settings::default();
        let settings = Settings {
            history_lines_max: self.history.unwrap_or(defaults.history_lines_max),
            slow_members: self
                .slow_members
                .map_or(defaults.slow_members, Slow::policy),
            queued_bytes_max: self.member_queue.unwrap_or(defaults.queued_bytes_max),
            ..defaults
        };
        let rate = self.flood.unwrap_or_default().rate();
        let speed = rate.map_or("as fast as they like".to_owned(), |rate| {
            format!("{rate} for each connection and each address")
        });
        let summary = format!(
            "rooms of at most {} members, {} rooms; lines: {speed}; history {} lines; at most {} wait for a member",
            settings.members_per_room_max,
            settings.rooms_max,
            settings.history_lines_max,
            units::bytes(settings.queued_bytes_max as u64),
        );
        ChatService {
            chat: Chat::new(settings, rate),
            summary,
        }
    }
}

impl Slow {
    fn policy(self) -> SlowMember {
        match self {
            Self::Disconnect => SlowMember::Disconnect,
            Self::DropOldest => SlowMember::DropOldest,
            Self::DropNewest => SlowMember::DropNewest,
        }
    }
}

impl ChatService {
    /// The same configuration, with what a chat needs.
    pub(crate) fn config(&self, config: Config) -> Config {
        self.chat.config(config)
    }

    /// The most memory that the connections and the rooms can take.
    pub(crate) fn memory_bytes_max(&self, config: &Config) -> u128 {
        self.chat.memory_bytes_max(config)
    }

    /// Says what is served.
    pub(crate) fn introduce(&self, console: Console) {
        console.say(&self.summary);
    }

    /// What has gone on.
    pub(crate) fn stats(&self) -> hub::Stats {
        self.chat.hub().stats()
    }

    /// Serves connections until the server is stopped.
    pub(crate) fn serve(self, server: StreamServer) -> Result<Report, ServeError> {
        server.serve_forever(move |peer| self.chat.line_door(peer))
    }

    /// Serves datagrams until the server is stopped.
    pub(crate) fn serve_datagrams(self, server: DatagramServer) -> Result<Report, ServeError> {
        server.serve_peers(move |peer| self.chat.datagram_door(peer))
    }
}
