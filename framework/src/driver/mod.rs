//! The drivers: each realises one [`Mode`] by moving bytes between sockets and sessions.
//!
//! # The contract of a driver
//!
//! A driver decides where and when a session's methods run; the session decides everything else. Every driver
//!
//! * runs the methods of one session on one thread at a time, in the order of what happened;
//! * makes a session for each connection that was admitted, calls [`Session::open`] first and [`Session::finish`] last, and gives
//!   the room back ([`Shared::release`]) when the socket is closed;
//! * after every other method calls [`Session::flush`], and then does what [`Session::step`] says, before it waits (unless
//!   [`Session::deliver_at_once`] says that there is nothing to do);
//! * reads only while [`Session::wants_input`] and hands over what it has read at once; a short read needs no second one;
//! * calls [`Session::tick`] when [`Session::deadline`] or [`Session::idle_deadline`] has come, not earlier than it must;
//! * while a session is shared with other threads, or unfinished, hears its [`Mail`](crate::mail::Mail) without being polled, and hands it out as
//!   [`Delivery`](crate::delivery::Delivery) says;
//! * when the server drains: takes what has been queued at the listeners, closes them, hands over everything that has arrived and all mail, calls
//!   [`Session::drain`] once, and at [`Life::drain_by`](crate::server::Shared::life) cuts what is left;
//! * counts its system calls, and publishes its counters before it waits.
//!
//! A driver never sleeps to wait, never polls, never spins on an error, and owns no rule about a connection's life.

mod acceptor;
mod client;
mod conversation;
mod coroutine;
mod crew;
pub(crate) mod datagram;
mod gate;
mod leaving;
mod loops;
mod reactor;
mod serial;
mod straight;
mod worker;

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::client::Client;
#[cfg(feature = "testkit")]
pub(crate) use self::coroutine::{Stacks, Suspended};
#[cfg(feature = "testkit")]
pub(crate) use self::reactor::{Readiness, System, run_alone};
pub(crate) use self::worker::Seats;
use crate::error::ServeError;
use crate::net::{Address, Link, Listener, Socket};
use crate::server::{Factory, Handled, Mode, Shared};
#[cfg(doc)]
use crate::session::Session;
use crate::session::Wire;

/// A connection that was accepted and admitted, and that no thread runs yet.
#[derive(Debug)]
pub(crate) struct Job<L = Socket> {
    socket: L,
    peer: Address,
    /// Which listener accepted it.
    listener: u16,
    /// Whether the socket has the limits on its waiting already.
    timeouts_inherited: bool,
    /// Whether the listener's address does not tell where the connection arrived.
    local_is_open: bool,
}

/// Serves in the configured mode until the server is asked to stop.
pub(crate) fn serve(
    listeners: Vec<Arc<Listener>>,
    shared: &Arc<Shared>,
    factory: Factory,
) -> Result<(), ServeError> {
    if matches!(factory, Factory::Blocking(_)) {
        shared.set_blocking();
    }
    match shared.config.mode {
        Mode::Serial => serial::serve(listeners, shared, &factory),
        Mode::Threads => crew::serve(listeners, shared, factory, crew::Size::PerConnection),
        Mode::Pool { workers } => {
            crew::serve(listeners, shared, factory, crew::Size::Fixed(workers))
        }
        Mode::Reactor { loops } => reactor::serve(&listeners, shared, &factory, loops),
    }
}

/// Serves one connection on the calling thread.
pub(crate) fn handle_request(
    listeners: &[Arc<Listener>],
    shared: &Arc<Shared>,
    factory: &Factory,
    timeout: Option<Duration>,
) -> Result<Handled, ServeError> {
    serial::handle_request(listeners, shared, factory, timeout)
}

/// Says what could not be set up.
fn cannot(what: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |source| ServeError::Resource { what, source }
}

/// A socket that counts how often it was asked to send.
struct CountingWire<'a, L> {
    socket: &'a L,
    calls: u64,
}

impl<'a, L: Link> CountingWire<'a, L> {
    fn new(socket: &'a L) -> Self {
        Self { socket, calls: 0 }
    }
}

impl<L: Link> Wire for CountingWire<'_, L> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        self.socket.send(bytes)
    }

    fn send_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls += 1;
        self.socket.send_gathered(pieces)
    }

    fn send_file(&mut self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        self.calls += 1;
        self.socket.send_file(file, offset, count)
    }
}
