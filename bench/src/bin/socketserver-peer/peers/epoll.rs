//! A loop around `epoll_wait` on one thread: the least that can be done between a socket and its answer.
//!
//! It is level-triggered, as most loops of this kind are: a message costs an `epoll_wait`, a `recv` and a `send`, and nothing is registered
//! anew as long as the kernel takes every answer at once.

mod connection;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::SocketFlags;
use slab::Slab;
use socket2::Socket;

use self::connection::{Connection, Next};
use super::task::Task;

/// What one `recv` may bring: one buffer serves all connections, so that it may be large.
const BUFFER_BYTES: usize = 64 * 1024;
/// How many events are taken at once.
const EVENTS_MAX: usize = 1024;
/// How many connections are accepted before those that are there have their turn.
const ACCEPTS_MAX: usize = 64;
/// When accepting is tried again after there was no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(10);
/// The listener's key, which no connection has.
const LISTENER: usize = usize::MAX;

/// Serves until the process ends.
pub(super) fn run(listener: Socket, task: Task) -> io::Result<()> {
    let mut this = Loop::new(listener, task)?;
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        let timeout = this.timeout();
        match epoll::wait(&this.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match usize::try_from(event.data.u64()) {
                Ok(LISTENER) | Err(_) => this.accept()?,
                Ok(key) => this.attend(key, event.flags)?,
            }
        }
        this.fire_timers()?;
    }
}

/// The connections and all that they share.
struct Loop {
    epoll: OwnedFd,
    listener: Socket,
    task: Task,
    connections: Slab<Connection>,
    /// Who is to be looked at when: a key, and the number of the connection that had it.
    timers: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    buffer: Vec<u8>,
    /// How many connections were accepted, which is the number of the last one.
    accepted: u64,
}

impl Loop {
    fn new(listener: Socket, task: Task) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, key_data(LISTENER), EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            task,
            connections: Slab::new(),
            timers: BinaryHeap::new(),
            buffer: vec![0; BUFFER_BYTES],
            accepted: 0,
        })
    }

    /// How long there is nothing to do; None where only an event can change that.
    fn timeout(&self) -> Option<Timespec> {
        let Reverse((due, ..)) = self.timers.peek()?;
        let timeout = due.saturating_duration_since(Instant::now());
        // What is too long for the kernel is as good as never.
        Timespec::try_from(timeout).ok()
    }

    /// Accepts those who wait. The rest is reported again.
    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS_MAX {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match rustix::net::accept_with(&self.listener, flags) {
                Ok(socket) => self.admit(socket),
                Err(Errno::AGAIN) => break,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return self.pause_accepting();
                }
                // Whoever waited has gone again.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Waits for descriptors to come free, since the listener would be reported without end meanwhile.
    fn pause_accepting(&mut self) -> io::Result<()> {
        let none = EventFlags::empty();
        epoll::modify(&self.epoll, &self.listener, key_data(LISTENER), none)?;
        self.set_timer(PAUSE, LISTENER, 0);
        Ok(())
    }

    fn admit(&mut self, socket: OwnedFd) {
        self.accepted += 1;
        let connection = Connection::new(socket, self.accepted);
        let key = self.connections.insert(connection);
        let socket = &self.connections[key].socket;
        if epoll::add(&self.epoll, socket, key_data(key), EventFlags::IN).is_err() {
            // The kernel has no memory for it, which ends this connection and nothing else.
            self.connections.remove(key);
        }
    }

    /// The kernel has reported a connection.
    fn attend(&mut self, key: usize, flags: EventFlags) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(key) else {
            // It has ended since the kernel has reported it.
            return Ok(());
        };
        let next = connection.attend(flags, self.task, &mut self.buffer);
        self.go_on(key, next)
    }

    fn fire_timers(&mut self) -> io::Result<()> {
        if self.timers.is_empty() {
            return Ok(());
        }
        // Whatever is set from now on is for the next round, after those whose events have come.
        let now = Instant::now();
        while let Some(&Reverse((due, key, id))) = self.timers.peek()
            && due <= now
        {
            self.timers.pop();
            if key == LISTENER {
                epoll::modify(&self.epoll, &self.listener, key_data(key), EventFlags::IN)?;
            } else if let Some(connection) = self.connections.get_mut(key)
                && connection.id == id
            {
                let next = connection.resume(self.task);
                self.go_on(key, next)?;
            }
        }
        Ok(())
    }

    /// Does what a connection wants next.
    fn go_on(&mut self, key: usize, next: Next) -> io::Result<()> {
        let connection = &mut self.connections[key];
        match next {
            Next::Event => {}
            Next::Close => {
                // The kernel forgets a socket that is closed.
                self.connections.remove(key);
                return Ok(());
            }
            Next::Time(pause) => {
                let id = connection.id;
                self.set_timer(pause, key, id);
            }
        }
        let connection = &mut self.connections[key];
        if let Some(interest) = connection.changed_interest() {
            epoll::modify(&self.epoll, &connection.socket, key_data(key), interest)?;
        }
        Ok(())
    }

    fn set_timer(&mut self, pause: Duration, key: usize, id: u64) {
        // What lies beyond the end of time never comes.
        if let Some(due) = Instant::now().checked_add(pause) {
            self.timers.push(Reverse((due, key, id)));
        }
    }
}

fn key_data(key: usize) -> EventData {
    EventData::new_u64(key as u64)
}
