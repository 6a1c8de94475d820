//! The simulated network as a loop sees it: a system with sockets, readiness and a time.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::clock::now;
use super::notice::Notice;
use super::world::World;
use crate::driver::{Readiness, System};
use crate::net::{Address, Link, NewSockets, Port};
use crate::timer::Time;

/// The first port number of the clients: it says which client a peer is.
pub(super) const FIRST_PORT: u16 = 10_000;
/// How much simulated time a run may take, faults and deadlines included.
pub(super) const TIME_MAX: Duration = Duration::from_secs(3600);

/// How often a server may wake up in a run, and for each byte that its clients move besides. Those that are right need some hundreds, and
/// for each byte a few where pipes have room for one.
pub(super) const WAITS_MAX: u32 = 20_000;
pub(super) const WAITS_PER_BYTE_MAX: u32 = 50;

/// The system of one simulated server.
pub(super) struct Simulated {
    pub(super) world: Rc<RefCell<World>>,
    /// What must hold whenever the server waits.
    pub(super) check: Box<dyn Fn() -> Result<(), String>>,
}

/// The server's end of one connection.
pub(super) struct SimulatedLink {
    world: Rc<RefCell<World>>,
    index: usize,
}

/// Where the clients of a simulation arrive.
pub(super) struct SimulatedPort {
    world: Rc<RefCell<World>>,
    address: Address,
}

impl SimulatedPort {
    pub(super) fn new(world: &Rc<RefCell<World>>) -> Self {
        Self {
            world: world.clone(),
            address: address(FIRST_PORT - 1),
        }
    }
}

fn address(port: u16) -> Address {
    Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

impl Simulated {
    /// Lets the world go on until something is to be reported, or the timeout is over.
    fn go_on(&self, events: &mut Vec<Notice>, timeout: Option<Duration>) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        if !world.count_wait() {
            world.blame(|| "the server wakes up again and again and is not through".to_owned());
            return Err(io::ErrorKind::TimedOut.into());
        }
        if let Err(law) = (self.check)() {
            world.blame(|| law);
        }
        let deadline = timeout.map(|timeout| now().after(timeout));
        loop {
            let steps = 1 + world.random().below(6);
            let moved = (0..steps).any(|_| world.step());
            world.report(events);
            if !events.is_empty()
                || std::mem::take(&mut world.must_be_heard)
                || timeout == Some(Duration::ZERO)
            {
                return Ok(());
            }
            if moved || world.has_news() {
                continue;
            }
            // Nothing can happen but the passing of time.
            let wake = world.next_wake();
            let next = [deadline, wake].into_iter().flatten().min();
            match next {
                Some(time) if time > Time::default().after(TIME_MAX) => {
                    world.blame(|| format!("nothing has come to an end after {TIME_MAX:?}"));
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Some(time) => {
                    world.advance_to(time);
                    if deadline == Some(time) {
                        return Ok(());
                    }
                }
                None if world.is_stopped => {
                    world.blame(|| {
                        "the server waits for something that never comes, and does not stop"
                            .to_owned()
                    });
                    return Err(io::ErrorKind::TimedOut.into());
                }
                None => {
                    if !world.is_deserted() {
                        world.blame(|| {
                            "a client waits for something that never comes, and no deadline counts"
                                .to_owned()
                        });
                    }
                    world.stop(false);
                    world.must_be_heard = false;
                    return Ok(());
                }
            }
        }
    }
}

impl System for Simulated {
    type Link = SimulatedLink;
    type Port = SimulatedPort;
    type Events = Vec<Notice>;

    fn new_events() -> Vec<Notice> {
        Vec::new()
    }

    fn now() -> Time {
        now()
    }

    fn watch_port(&mut self, _: &SimulatedPort, token: usize) -> io::Result<()> {
        self.world.borrow_mut().set_port_token(Some(token));
        Ok(())
    }

    fn forget_port(&mut self, _: &SimulatedPort) {
        self.world.borrow_mut().set_port_token(None);
    }

    fn watch(&mut self, link: &SimulatedLink, token: usize, output: bool) -> io::Result<()> {
        self.world.borrow_mut().lines[link.index].watch(token, output);
        Ok(())
    }

    fn watch_output(&mut self, link: &SimulatedLink, token: usize) -> io::Result<()> {
        self.watch(link, token, true)
    }

    fn wait(&mut self, events: &mut Vec<Notice>, timeout: Option<Duration>) -> io::Result<u64> {
        events.clear();
        self.go_on(events, timeout)?;
        Ok(1)
    }

    fn reported(events: &Vec<Notice>) -> impl Iterator<Item = impl Readiness> {
        events.iter().copied()
    }
}

impl Port for SimulatedPort {
    type Link = SimulatedLink;

    fn address(&self) -> &Address {
        &self.address
    }

    fn accept(&self, _: NewSockets) -> Result<(SimulatedLink, Address), Errno> {
        let index = self.world.borrow_mut().accept()?;
        let link = SimulatedLink {
            world: self.world.clone(),
            index,
        };
        Ok((link, address(FIRST_PORT + index as u16)))
    }

    fn bequeaths_timeouts(&self) -> bool {
        true
    }
}

impl Drop for SimulatedPort {
    fn drop(&mut self) {
        self.world.borrow_mut().close_port();
    }
}

impl Link for SimulatedLink {
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.world.borrow_mut().receive(self.index, buffer)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.world.borrow_mut().send(self.index, bytes)?)
    }

    fn send_gathered(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
        self.send(&all)
    }

    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX).min(4096)];
        match file.read_at(&mut bytes, offset)? {
            0 => Ok(0),
            read => self.send(&bytes[..read]),
        }
    }

    fn shutdown_write(&self) {
        self.world.borrow_mut().lines[self.index].down.send_end();
    }

    fn reset_on_close(&self) {
        self.world.borrow_mut().lines[self.index].resets_on_close = true;
    }

    fn take_error(&self) -> Option<io::Error> {
        let is_reset = self.world.borrow().lines[self.index].is_reset;
        is_reset.then(|| Errno::CONNRESET.into())
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(address(FIRST_PORT - 1))
    }
}

impl Drop for SimulatedLink {
    fn drop(&mut self) {
        self.world.borrow_mut().close(self.index);
    }
}
