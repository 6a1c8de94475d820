//! The simulated clients: what they are asked, and what they can do.

use std::collections::VecDeque;
use std::time::Duration;

use crate::net::Address;
use crate::testkit::random::Random;

/// A client of a simulated datagram server: called when something comes, or when its time has come.
///
/// A run lasts until the clients have nothing more to do by themselves: no datagram of theirs is on its way and none of them has set a timer. A client that still
/// waits for something therefore sets one, as it must in a real network, which tells nobody of a loss.
pub trait DatagramClient: Send {
    /// The run begins.
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        let _ = socket;
    }

    /// A datagram has come, from the server's socket or from the one that the server has opened for this client.
    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        let _ = (letter, socket);
    }

    /// The time set with [`ClientSocket::set_timer`] has come.
    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        let _ = socket;
    }

    /// What the client has to complain of when the run is over.
    fn verdict(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A datagram that a client has received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// What it says.
    pub bytes: Vec<u8>,
    /// How long it was when it was sent: more than there are bytes if it was truncated.
    pub size: usize,
    /// The socket of the server that it comes from.
    pub from: Address,
    /// When it came, counted from the beginning of the run.
    pub at: Duration,
}

impl Letter {
    /// Whether it has come without its end.
    pub fn is_truncated(&self) -> bool {
        self.size > self.bytes.len()
    }
}

/// The socket of a simulated client.
#[derive(Debug)]
pub struct ClientSocket<'a> {
    pub(super) address: &'a Address,
    pub(super) server: &'a Address,
    pub(super) now: Duration,
    pub(super) random: &'a mut Random,
    /// What is sent, and where to.
    pub(super) outgoing: Vec<(Vec<u8>, Address)>,
    pub(super) timer: &'a mut Option<Duration>,
    pub(super) is_closed: &'a mut bool,
}

impl ClientSocket<'_> {
    /// Sends a datagram to the server.
    pub fn send(&mut self, bytes: &[u8]) {
        let server = self.server;
        self.send_to(bytes, server);
    }

    /// Sends a datagram to one of the sockets of the server, such as the one that a [`Letter`] has come from.
    pub fn send_to(&mut self, bytes: &[u8], to: &Address) {
        self.outgoing.push((bytes.to_vec(), to.clone()));
    }

    /// Has [`DatagramClient::timer`] called after this time, instead of any time that was set before.
    pub fn set_timer(&mut self, after: Duration) {
        *self.timer = Some(self.now + after);
    }

    /// Forgets the timer.
    pub fn cancel_timer(&mut self) {
        *self.timer = None;
    }

    /// Goes away: nothing that is sent here arrives any more, and a socket that the server has opened for this client hears that it is refused.
    pub fn close(&mut self) {
        *self.is_closed = true;
        *self.timer = None;
    }

    /// The time since the run began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Numbers of this client's own, which the seed decides.
    pub fn random(&mut self) -> &mut Random {
        self.random
    }

    /// Where this client is.
    pub fn address(&self) -> &Address {
        self.address
    }

    /// Where the server is.
    pub fn server(&self) -> &Address {
        self.server
    }
}

/// A client that sends datagrams to the server at given times, and keeps what comes.
#[derive(Clone, Debug)]
pub struct Timetable {
    left: VecDeque<(Duration, Vec<u8>)>,
}

impl Timetable {
    /// Sends each of these, so long after the beginning of the run.
    pub fn new(entries: impl IntoIterator<Item = (Duration, Vec<u8>)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|&(at, _)| at);
        Self {
            left: entries.into(),
        }
    }

    /// Sends what is due.
    fn go_on(&mut self, socket: &mut ClientSocket<'_>) {
        while let Some((at, bytes)) = self.left.front() {
            if *at > socket.now() {
                socket.set_timer(at.saturating_sub(socket.now()));
                return;
            }
            socket.send(bytes);
            self.left.pop_front();
        }
    }
}

impl DatagramClient for Timetable {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        self.go_on(socket);
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        self.go_on(socket);
    }
}
