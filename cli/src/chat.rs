//! `chat`: the client of the chat, at a terminal or in a pipe.
//!
//! Two threads do the work, and what they share is in `club.rs`: one waits for what is typed and sends it (`saying.rs`), and one
//! connects, shows what comes and connects again (`hearing.rs`), so that neither a server that reads slowly nor a person who thinks keeps the
//! other direction waiting. The thread that has started them waits until all is over.

mod club;
mod complete;
mod hearing;
mod rooms;
mod saying;
mod seen;
mod wire;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use clap::Args;
use socketserver::Endpoint;

use self::club::{Club, Patience};
use self::complete::Completion;
use self::hearing::Hearing;
use self::rooms::Rooms;
use self::saying::{LINE_BYTES_MAX, Saying};
use self::seen::Seen;
use crate::connect::exit_when_interrupted;
use crate::exit::{Code, Failure};
use crate::keyboard::{Keyboard, Opened, Place};
use crate::units::{self, Limit};

/// Chats: what is typed is said in the current room, and what others say is shown, at a terminal above what is being typed.
///
/// /help, which the server answers, lists what else can be done; the tabulator completes commands, rooms and the names of those who have spoken. When
/// lines come through a pipe, the end of the input leaves, and waits until everything that was said before was taken.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Options {
    /// Where the server listens: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME, and for datagrams
    /// udp://HOST:PORT, unixgram:PATH or unixgram:@NAME
    endpoint: Endpoint,
    /// The name to go by [default: that of the user, from $USER]
    #[arg(long, value_name = "NAME", env = "SOCKETSERVER_NICK")]
    nick: Option<String>,
    /// A room to enter at once; repeatable, the last one becomes the current one
    #[arg(
        long = "room",
        value_name = "ROOM",
        env = "SOCKETSERVER_ROOM",
        value_delimiter = ','
    )]
    rooms: Vec<String>,
    /// The key of these rooms
    #[arg(long, value_name = "KEY", env = "SOCKETSERVER_KEY")]
    key: Option<String>,
    /// How often to try again in a row when the connection is lost; none for no limit [default: none at a terminal, 0 in a pipe]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_RECONNECT", value_parser = units::count_limit::<u32>)]
    reconnect: Option<Limit<u32>>,
    /// End when the connection is lost, as with --reconnect 0
    #[arg(long, conflicts_with = "reconnect")]
    no_reconnect: bool,
    /// How long connecting may take, over all addresses of a host; none for as long as the system waits
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
}

/// How long the server may take to let somebody at a terminal go.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may come from a server for datagrams, which knows no end, before it is over.
const SILENCE: Duration = Duration::from_secs(1);

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let name = options.name()?;
    let rooms = Rooms::new(&options.rooms, options.key.as_deref()).map_err(usage)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let Opened {
        keyboard,
        above,
        restored,
    } = Keyboard::open(LINE_BYTES_MAX, Place::Output, Completion::new(seen.clone()))?;
    let is_terminal = keyboard.is_terminal();
    if is_terminal {
        restored.also_at_signals()?;
    } else {
        exit_when_interrupted()
            .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    }
    let club = Arc::new(Club::new(name, rooms));
    let Limit(timeout) = options.connect_timeout;
    let hearing = Hearing {
        club: club.clone(),
        seen,
        above: above.clone(),
        endpoint: options.endpoint.clone(),
        timeout,
        tries_max: options.tries_max(is_terminal),
        is_terminal,
    };
    let saying = Saying {
        club: club.clone(),
        is_terminal,
    };
    // Both are left alone when all is over.
    let hears = spawn("hearing", move || hearing.run());
    let says = spawn("saying", move || saying.run(keyboard));
    hears.and(says)?;
    let patience = match (options.endpoint.is_datagram(), is_terminal) {
        (true, _) => Patience::Silence(SILENCE),
        (false, true) => Patience::Time(LEAVE_TIMEOUT),
        // Whatever was piped into it waits for its turn at the server, which may take long.
        (false, false) => Patience::Endless,
    };
    let result = club.wait_for_end(patience);
    drop(restored);
    result
}

impl Options {
    fn name(&self) -> Result<String, Failure> {
        let name = self.nick.clone().or_else(|| std::env::var("USER").ok());
        let name = name.unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            return Err(usage("nobody has said who you are: write --nick NAME"));
        }
        if name.contains(|letter: char| letter.is_control() || letter.is_whitespace()) {
            return Err(usage(format!(
                "'{}' cannot be a name, which is one word: write --nick NAME",
                name.escape_debug()
            )));
        }
        Ok(name.to_owned())
    }

    /// How often it is tried again in a row.
    fn tries_max(&self, is_terminal: bool) -> Option<u32> {
        match self.reconnect {
            _ if self.no_reconnect => Some(0),
            Some(Limit(limit)) => limit,
            None if is_terminal => None,
            None => Some(0),
        }
    }
}

fn usage(sentence: impl Into<String>) -> Failure {
    Failure::new(Code::Usage, sentence)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned
        .map(drop)
        .map_err(|error| Failure::system("cannot start a thread", &error))
}
