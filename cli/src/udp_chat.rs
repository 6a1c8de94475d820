//! `udp-chat`: sends datagrams to anybody and shows those of everybody, at once.
//!
//! It is made of the framework's server for datagrams, so that it is an example of it, too: the server has a thread that receives, which calls
//! the handler in `listener.rs`, while a [`DatagramSender`](socketserver::DatagramSender) sends from the same socket whenever somebody has
//! typed something. A third thread waits for what is typed, since nobody must have to press a key to see what comes.

mod listener;
pub(crate) mod membership;
mod menu;
mod peers;
mod room;
mod screen;
mod talk;
mod typed;
mod voice;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use socketserver::{
    Config, DatagramServer, Endpoint, Mode, MulticastGroup, Report, ServeError, Server,
};

use self::listener::Listener;
use self::room::Room;
use self::screen::Screen;
use self::voice::Voice;
use crate::connect::exit_when_interrupted;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::groups;
use crate::lines::Lines;
use crate::units::{self, Limit};

/// Sends datagrams to anybody and shows those of everybody, at once.
///
/// `@HOST:PORT text` sends to a peer and `@N text` to the peer with that number; other text goes to whoever was spoken to or heard from
/// last. /peers, /help and /quit are commands. Standard output has one line that says where it receives, `listening
/// udp://127.0.0.1:7890`, and then a line for each datagram, `[N] HOST:PORT: text`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where to receive, and to send from: HOST:PORT, :PORT (on 127.0.0.1), PORT or udp://HOST:PORT
    #[arg(long, value_name = "ADDR", env = "SOCKETSERVER_BIND", default_value = "127.0.0.1:7890", value_parser = address)]
    bind: Endpoint,
    /// Offer a menu instead: 1 send, which asks for the address, the port and the text, 2 receive, 3 quit
    #[arg(long)]
    menu: bool,
    /// How long nothing may come after the end of the input before it is over; none to wait until it is interrupted
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_WAIT", default_value = "1s", value_parser = units::time_limit)]
    wait: Limit<Duration>,
    /// The longest datagram that is shown whole; of a longer one the beginning is, with its true size
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_MAX_DATAGRAM", default_value = "65535", value_parser = units::size)]
    max_datagram: usize,
    /// Allow sending to broadcast addresses
    #[arg(long, value_name = "BOOL", env = "SOCKETSERVER_BROADCAST", value_parser = units::switch,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    broadcast: bool,
    /// Receive what is sent to this multicast group, such as 239.1.2.3 or, at one interface, 239.1.2.3@192.0.2.1; repeatable
    #[arg(
        long,
        value_name = "GROUP",
        env = "SOCKETSERVER_MULTICAST",
        value_delimiter = ','
    )]
    multicast: Vec<MulticastGroup>,
    /// Let other processes of the same user receive at the same port, as members of one group must on one machine
    #[arg(long, value_name = "BOOL", env = "SOCKETSERVER_REUSE_PORT", value_parser = units::switch,
        num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    reuse_port: bool,
    /// Join every chat that is spoken to under this name, as 'chat' does at one: its cookie stands before each line from then on. /join and the
    /// other commands of a chat are written //join
    #[arg(long, value_name = "NICK", env = "SOCKETSERVER_JOIN", conflicts_with = "menu", value_parser = nick)]
    join: Option<String>,
}

/// A place for datagrams, where an address without a scheme is one, too.
fn address(text: &str) -> Result<Endpoint, String> {
    let written = match text.parse::<u16>() {
        Ok(port) => format!("udp://:{port}"),
        Err(_) if text.contains("://") => text.to_owned(),
        Err(_) => format!("udp://{text}"),
    };
    match written.parse() {
        Ok(endpoint @ Endpoint::Udp { .. }) => Ok(endpoint),
        _ => Err(format!(
            "'{}' is not an address for datagrams: write HOST:PORT, :PORT or udp://HOST:PORT",
            text.escape_debug()
        )),
    }
}

/// A name in a chat.
fn nick(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty()
        && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    is_word.then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "'{}' cannot be a name, which is one word",
            text.escape_debug()
        )
    })
}

/// How often chats are told that we are still there; they forget us after a minute.
const KEEP_ALIVE_EVERY: u32 = 20;
/// How long a chat may take to answer before it is asked again. Of these the other is counted.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest line that is typed: the longest datagram, and whom it goes to.
const LINE_BYTES_MAX: usize = 128 * 1024;

pub(crate) fn run(options: Options, console: Console) -> Result<(), Failure> {
    groups::check(&options.bind, &options.multicast)?;
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let (has_menu, Limit(wait)) = (options.menu, options.wait);
    let name = options.join.clone();
    let joins = name.is_some();
    let server = bind(options)?;
    let address = &server.addresses()[0];
    let room = Arc::new(Room::new(Screen::open(address, has_menu)?, has_menu));
    let voice = Arc::new(Voice::new(&server, room.clone(), name));

    // What is typed is waited for on a thread that is left alone when this ends.
    let lines = Lines::of_stdin(LINE_BYTES_MAX)
        .map_err(|error| Failure::system("cannot use standard input", &error))?;
    let typing = room.clone();
    spawn("typing", move || typing.take_down(lines))?;
    let stop = server.stop_handle();
    let (hearing, answering) = (room.clone(), voice.clone());
    let serving = spawn("receiving", move || receive(server, &hearing, &answering))?;
    if joins {
        let (staying, voice) = (room.clone(), voice.clone());
        let stay = move || {
            let mut seconds = 0;
            while !staying.is_left_within(ANSWER_TIMEOUT) {
                seconds += 1;
                voice.ask_again();
                if seconds % KEEP_ALIVE_EVERY == 0 {
                    voice.say_in_all_chats(b"");
                }
            }
        };
        spawn("staying", stay)?;
    }

    let talked = if has_menu {
        menu::run(&room, &voice, wait, console)
    } else {
        talk::run(&room, &voice, wait, console)
    };
    voice.say_in_all_chats(b"/quit");
    stop.stop();
    let received = serving.join();
    let received =
        received.map_err(|_| Failure::new(Code::Failed, "the server has panicked (this is a bug)"));
    received?.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    talked
}

fn bind(options: Options) -> Result<DatagramServer, Failure> {
    let config = Config {
        // One thread receives, so that what came first is shown first.
        mode: Mode::Serial,
        datagram_bytes_max: options.max_datagram,
        broadcast: options.broadcast,
        multicast_interface: groups::interface(&options.multicast),
        multicast_groups: options.multicast,
        reuse_port: options.reuse_port,
        ..Config::default()
    };
    let builder = DatagramServer::builder()
        .config(config)
        .endpoints([options.bind]);
    builder
        .bind_datagrams()
        .map_err(|error| Failure::start(&error))
}

/// Shows what comes until the server is stopped; a server that ends by itself ends everything.
fn receive(
    server: DatagramServer,
    room: &Arc<Room>,
    voice: &Arc<Voice>,
) -> Result<Report, ServeError> {
    let (listening, voice) = (room.clone(), voice.clone());
    let result = server.serve_forever(move || Listener::new(listening.clone(), voice.clone()));
    room.leave();
    result
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Failure> {
    let spawned: io::Result<_> = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|error| Failure::system("cannot start a thread", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_scheme_and_must_be_for_datagrams() {
        for (text, printed) in [
            ("7890", "udp://127.0.0.1:7890"),
            (":7890", "udp://127.0.0.1:7890"),
            ("0.0.0.0:1", "udp://0.0.0.0:1"),
            ("[::1]:1", "udp://[::1]:1"),
            ("udp://localhost:1", "udp://localhost:1"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), printed);
        }
        for text in ["", "localhost", "70000", "tcp://:1", "unixgram:a", "a\nb"] {
            assert!(address(text).unwrap_err().contains("write HOST:PORT"));
        }
    }
}
