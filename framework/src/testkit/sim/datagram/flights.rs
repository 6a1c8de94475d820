//! Datagrams on their way: how they leave, what they meet, and where they arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Letter;
use super::faults::{Kind, Place};
use super::socket::{Arrival, client_at};
use super::world::{News, World};
use crate::net::Address;
use crate::testkit::sim::clock::{begin, now};
use crate::timer::Time;

/// How long a datagram is on its way.
const LATENCY: Duration = Duration::from_millis(1);

/// All datagrams that are on their way.
#[derive(Default)]
pub(super) struct Flights {
    /// By the time when they arrive, and in the order in which they were sent.
    by_time: BTreeMap<(Time, u64), Flight>,
    begun: u64,
    /// How many of them are on their way to the server.
    up: usize,
}

/// A datagram on its way.
pub(super) struct Flight {
    /// Who sends it to the server, or whom the server sends it to.
    client: usize,
    direction: Direction,
    bytes: Vec<u8>,
    size: usize,
}

#[derive(Clone)]
pub(super) enum Direction {
    /// To this address of the server.
    Up(Address),
    /// From this socket of the server.
    Down(usize),
}

impl Flights {
    fn begin(&mut self, arrives_at: Time, flight: Flight) {
        self.begun += 1;
        self.up += usize::from(flight.is_up());
        self.by_time.insert((arrives_at, self.begun), flight);
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next one that has arrived by now.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Flight> {
        let entry = self.by_time.first_entry();
        let flight = entry.filter(|entry| entry.key().0 <= now)?.remove();
        self.up -= usize::from(flight.is_up());
        Some(flight)
    }

    /// Whether something is on its way to the server.
    pub(super) fn is_any_up(&self) -> bool {
        self.up > 0
    }
}

impl Flight {
    fn is_up(&self) -> bool {
        matches!(self.direction, Direction::Up(_))
    }
}

impl World {
    /// A socket of the server sends a datagram to somebody.
    pub(super) fn send(&mut self, socket: usize, bytes: &[u8], to: &Address) {
        self.note_progress();
        match client_at(to).filter(|&index| index < self.clients.len()) {
            Some(client) => {
                let direction = Direction::Down(socket);
                self.trace.bytes("send", client, bytes);
                self.fly(Place::ToClient(client), client, &direction, bytes.to_vec());
            }
            None => self
                .trace
                .note("send to nobody", socket, bytes.len(), String::new),
        }
    }

    /// A datagram leaves, and meets its fate.
    pub(super) fn fly(
        &mut self,
        place: Place,
        client: usize,
        direction: &Direction,
        mut bytes: Vec<u8>,
    ) {
        let size = bytes.len();
        let mut arrivals = vec![LATENCY];
        match self.fates.ask(place) {
            Some(Kind::Lost) => arrivals.clear(),
            Some(Kind::Duplicated(later)) => arrivals.push(LATENCY + later),
            Some(Kind::Delayed(later)) => arrivals = vec![LATENCY + later],
            Some(Kind::Truncated(missing)) => bytes.truncate(size.saturating_sub(missing)),
            _ => {}
        }
        for after in arrivals {
            let flight = Flight {
                client,
                direction: direction.clone(),
                bytes: bytes.clone(),
                size,
            };
            self.flights.begin(now().after(after), flight);
        }
    }

    /// A datagram arrives.
    pub(super) fn land(&mut self, flight: Flight) {
        self.note_progress();
        let Flight {
            client,
            direction,
            bytes,
            size,
        } = flight;
        match direction {
            Direction::Up(to) => {
                self.acted_at = now();
                self.trace.bytes("arrive", client, &bytes);
                let arrival = Arrival {
                    client,
                    bytes,
                    size,
                };
                let mut sockets = self.sockets.iter_mut();
                if let Some(socket) = sockets.find(|socket| socket.address == to) {
                    socket.arrive(arrival);
                }
            }
            Direction::Down(socket) if self.clients[client].is_closed => {
                self.trace.note("refuse", client, size, String::new);
                self.sockets[socket].hear_refusal();
            }
            Direction::Down(socket) => {
                self.trace.bytes("deliver", client, &bytes);
                let letter = Letter {
                    bytes,
                    size,
                    from: self.sockets[socket].address.clone(),
                    at: now().since(begin()),
                };
                self.tell(client, News::Received(letter));
            }
        }
    }
}
