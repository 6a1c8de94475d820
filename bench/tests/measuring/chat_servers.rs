//! Servers of the chat's line door that are wrong in a known way.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socketserver::{
    Bytes, CloseReason, Conn, Endpoint, Group, Handler, HandlerError, Input, Mode, Server,
    SlowMember, StopHandle, StreamServer,
};

use crate::servers::serve;

/// What it does wrong. Messages are counted from one, over all members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// Drops this message.
    Drops(u64),
    /// Delivers this message after the next one.
    Swaps(u64),
    /// Delivers this message twice.
    Doubles(u64),
    /// Turns a bit of this byte of the line with this message.
    Corrupts(u64, usize),
    /// Says that this message belongs to another room.
    OtherRoom(u64),
    /// Sends this message to whoever said it, too.
    Returns(u64),
    /// Refuses this message.
    Refuses(u64),
    /// Delivers something that nobody has said, before this message.
    Invents(u64),
    /// Ends the connection of everybody in the room at this message.
    Ends(u64),
    /// Gives nobody a name.
    KnowsNoNames,
    /// Takes so long for every message.
    Delays(Duration),
}

/// How many bytes may wait for a member that does not read: more than come for one that reads while a busy machine looks elsewhere.
const QUEUED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A server of it, which is cut when the test is over.
pub(crate) struct Hall {
    pub(crate) endpoint: Endpoint,
    /// Says so each time that somebody is cut who does not read.
    pub(crate) cuts: Receiver<()>,
    stop: StopHandle,
}

impl Hall {
    pub(crate) fn start(mode: Mode, endpoint: &str, flaw: Flaw) -> Self {
        let (cut, cuts) = channel();
        let rooms = Arc::new(Rooms {
            flaw,
            cut,
            groups: Mutex::default(),
            messages: AtomicU64::new(0),
            held: Mutex::default(),
        });
        let endpoint = endpoint.parse().expect("it is an endpoint");
        let server = StreamServer::builder().mode(mode).endpoints([endpoint]);
        let server = server.bind().expect("it can be bound");
        let address = server.addresses()[0].to_string();
        let stop = server.stop_handle();
        thread::spawn(move || {
            server.serve_forever(move |_peer| Visitor {
                rooms: rooms.clone(),
                name: String::new(),
                room: None,
            })
        });
        Self {
            endpoint: address.parse().expect("an address is an endpoint"),
            cuts,
            stop,
        }
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::start(Mode::Reactor { loops: 1 }, "127.0.0.1:0", flaw)
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.stop.cut();
    }
}

struct Rooms {
    flaw: Flaw,
    cut: Sender<()>,
    groups: Mutex<HashMap<String, Group>>,
    messages: AtomicU64,
    /// What is delivered after the next message.
    held: Mutex<Option<Bytes>>,
}

struct Visitor {
    rooms: Arc<Rooms>,
    name: String,
    room: Option<(String, Group)>,
}

impl Visitor {
    fn line(&mut self, line: &str, conn: &mut Conn<'_>) {
        let name = self.name.clone();
        match &self.room {
            _ if line.is_empty() => {}
            None if name.is_empty() && self.rooms.flaw == Flaw::KnowsNoNames => {
                conn.write(b"!! There are no names left.\n");
            }
            None if name.is_empty() => {
                line.clone_into(&mut self.name);
                let said =
                    format!("-- Hello, {line}. You are in lobby; /help lists what you can do.\n");
                conn.write(said.as_bytes());
                conn.write(b"[lobby] (2 min) ann: before you came\n[lobby] ann: hi\n");
            }
            _ if line.starts_with("/join ") => {
                let room = line["/join ".len()..].to_owned();
                let group = lock(&self.rooms.groups)
                    .entry(room.clone())
                    .or_insert_with(|| Group::with_limit(SlowMember::Disconnect, QUEUED_BYTES_MAX))
                    .clone();
                conn.write(format!("-- You are in {room}. It is about nothing.\n").as_bytes());
                group.broadcast(format!("[{room}] -- {name} has joined\n").into_bytes());
                group.join(conn);
                self.room = Some((room, group));
            }
            None => conn.write(b"!! You are in no room.\n"),
            Some((room, group)) => self.rooms.say(room, group, &name, line, conn),
        }
    }
}

impl Rooms {
    fn say(&self, room: &str, group: &Group, name: &str, text: &str, conn: &mut Conn<'_>) {
        let number = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let said = format!("[{room}] {name}: {text}\n");
        let own = conn.remote();
        let deliver = |said: String| group.broadcast_except(&own, said.into_bytes());
        match self.flaw {
            Flaw::Drops(which) if which == number => {}
            Flaw::Swaps(which) if which == number => {
                *lock(&self.held) = Some(said.into());
            }
            Flaw::Doubles(which) if which == number => {
                deliver(said.clone());
                deliver(said);
            }
            Flaw::Corrupts(which, byte) if which == number => {
                let mut said = said.into_bytes();
                said[byte] ^= 1;
                group.broadcast_except(&own, said);
            }
            Flaw::OtherRoom(which) if which == number => {
                deliver(format!("[elsewhere] {name}: {text}\n"));
            }
            Flaw::Returns(which) if which == number => group.broadcast(said.into_bytes()),
            Flaw::Refuses(which) if which == number => {
                conn.write(b"!! Not so fast.\n");
                deliver(said);
            }
            Flaw::Invents(which) if which == number => {
                deliver(format!("[{room}] bob: hello\n"));
                deliver(said);
            }
            Flaw::Ends(which) if which == number => {
                // Whatever is too long for its members cuts all of them.
                group.broadcast(vec![b'x'; 2 * QUEUED_BYTES_MAX]);
            }
            Flaw::Delays(time) => {
                thread::sleep(time);
                deliver(said);
            }
            _ => {
                if number % 100 == 7 {
                    // What everybody may be told.
                    deliver(format!(
                        "[{room}] -- zoe is away: for lunch\n[lobby] * zoe waves\n-- A word.\n"
                    ));
                }
                deliver(said);
            }
        }
        if let Flaw::Swaps(which) = self.flaw
            && which < number
            && let Some(held) = lock(&self.held).take()
        {
            group.broadcast_except(&own, held);
        }
    }
}

impl Handler for Visitor {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"-- Welcome. What is your name?\n");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8(input.take(end + 1)[..end].to_vec())?;
            self.line(&line, conn);
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        if matches!(reason, CloseReason::SlowMember) {
            // Not every test wants to know.
            let _ = self.rooms.cut.send(());
        }
    }
}

/// A server that writes to one member after the other and waits for each, so that whoever does not read stops it. It says `-- Hello` without naming a
/// room, and takes its time to end.
pub(crate) fn waiting_for_everybody() -> Endpoint {
    let members: Mutex<Vec<(String, TcpStream)>> = Mutex::default();
    serve(move |stream| {
        stream.write_all(b"-- Welcome.\n")?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut next = || lines.next().unwrap_or_else(|| Ok(String::new()));
        let name = next()?;
        stream.write_all(format!("-- Hello, {name}.\n").as_bytes())?;
        let room = next()?.replace("/join ", "");
        stream.write_all(format!("-- You are in {room}.\n").as_bytes())?;
        lock(&members).push((name.clone(), stream.try_clone()?));
        loop {
            let text = next()?;
            if text.is_empty() {
                return Ok(());
            }
            let said = format!("[{room}] {name}: {text}\n");
            for (other, stream) in lock(&members).iter_mut() {
                if *other != name {
                    // Whoever has gone hears nothing.
                    let _ = stream.write_all(said.as_bytes());
                }
            }
        }
    })
}

/// A right server that ends the connection of its last member in order as soon as everybody has something to hear, behind what it has written.
pub(crate) fn ending_the_last(members_wanted: usize) -> Endpoint {
    let members: Mutex<Vec<(String, TcpStream)>> = Mutex::default();
    serve(move |stream| {
        stream.write_all(b"-- Welcome.\n")?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut next = || lines.next().unwrap_or_else(|| Ok(String::new()));
        let name = next()?;
        stream.write_all(format!("-- Hello, {name}.\n").as_bytes())?;
        let room = next()?.replace("/join ", "");
        stream.write_all(format!("-- You are in {room}.\n").as_bytes())?;
        lock(&members).push((name.clone(), stream.try_clone()?));
        loop {
            let text = next()?;
            if text.is_empty() {
                return Ok(());
            }
            let said = format!("[{room}] {name}: {text}\n");
            let mut members = lock(&members);
            for (other, stream) in members.iter_mut() {
                if *other != name {
                    let _ = stream.write_all(said.as_bytes());
                }
            }
            if members.len() == members_wanted {
                members.sort_by(|one, other| one.0.cmp(&other.0));
                if let Some((_, last)) = members.pop() {
                    last.shutdown(std::net::Shutdown::Both)?;
                }
            }
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
