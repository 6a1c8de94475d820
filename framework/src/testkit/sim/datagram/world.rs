//! The network in memory: the clients, what happens when, and the time, all in the hands of one seed.

use std::io;
use std::time::Duration;

use super::account::Account;
use super::client::{ClientSocket, DatagramClient, Letter};
use super::faults::{Fates, Kind, Place};
use super::flights::{Direction, Flights};
use super::socket::{ServerSocket, address_of_client};
use super::{ClientLog, Laws};
use crate::driver::datagram::Ready;
use crate::server::StopHandle;
use crate::testkit::random::Random;
use crate::testkit::sim::clock::{self, begin, now};
use crate::testkit::sim::trace::Trace;
use crate::timer::Time;

/// How much simulated time a run may take, faults and deadlines included.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// How often a server may wake up, or call handlers without waiting, while no datagram moves and no time passes.
const TURNS_MAX: u32 = 1_000;

/// The network, and everybody in it but the server.
pub(super) struct World {
    pub(super) trace: Trace,
    /// The server's own socket first, then those that it has opened for its peers.
    pub(super) sockets: Vec<ServerSocket>,
    pub(super) clients: Vec<Seat>,
    pub(super) fates: Fates,
    pub(super) laws: Laws,
    random: Random,
    pub(super) flights: Flights,
    stop: StopHandle,
    /// When the server was asked to stop.
    pub(super) stopped_at: Option<Time>,
    /// How long the server goes on after the clients have done.
    linger: Duration,
    /// When a client has last done something by itself.
    pub(super) acted_at: Time,
    /// A stop has come that the server should hear of before anything else happens.
    must_be_heard: bool,
    /// By how much time has jumped.
    pub(super) stalled: Duration,
    turns: u32,
    /// What was found to be wrong, first.
    pub(super) wrong: Option<String>,
}

/// A client and what is known of it.
pub(super) struct Seat {
    /// None while it is called.
    client: Option<Box<dyn DatagramClient>>,
    random: Random,
    /// When it is called by itself, counted from the beginning.
    timer: Option<Duration>,
    /// It has gone away.
    pub(super) is_closed: bool,
    pub(super) account: Account,
    pub(super) log: ClientLog,
}

/// What a client is told.
pub(super) enum News {
    Started,
    Received(Letter),
    Timer,
}

impl World {
    pub(super) fn new(
        seed: u64,
        clients: Vec<Box<dyn DatagramClient>>,
        fates: Fates,
        laws: Laws,
        (stop, linger): (StopHandle, Duration),
    ) -> Self {
        clock::restart();
        let mut random = Random::new(seed);
        let seats = clients.into_iter().enumerate();
        let clients = seats
            .map(|(index, client)| Seat {
                client: Some(client),
                random: Random::new(random.next_u64()),
                timer: None,
                is_closed: false,
                account: Account::default(),
                log: ClientLog::new(address_of_client(index)),
            })
            .collect();
        Self {
            trace: Trace::default(),
            sockets: vec![ServerSocket::new(0, None)],
            clients,
            fates,
            laws,
            random,
            flights: Flights::default(),
            stop,
            stopped_at: None,
            linger,
            acted_at: now(),
            must_be_heard: false,
            stalled: Duration::ZERO,
            turns: 0,
            wrong: None,
        }
    }

    /// Notes what is wrong; the first finding counts.
    pub(super) fn blame(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() {
            let what = what();
            self.trace.note("wrong", 0, 0, || what.clone());
            self.wrong = Some(what);
        }
    }

    /// Counts something that a server must not do for ever; false when it does.
    pub(super) fn count_turn(&mut self) -> bool {
        self.turns += 1;
        if self.turns > TURNS_MAX {
            self.blame(|| "the server goes round and round and nothing comes of it".to_owned());
        }
        self.turns <= TURNS_MAX
    }

    /// Something has moved.
    pub(super) fn note_progress(&mut self) {
        self.turns = 0;
    }

    /// The clients begin.
    pub(super) fn start(&mut self) {
        for index in 0..self.clients.len() {
            self.tell(index, News::Started);
        }
    }

    /// Lets the world go on until something is to be reported, or the timeout is over.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        if !self.count_turn() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.note_overdue(timeout);
        self.disturb();
        let deadline = timeout.map(|timeout| now().after(timeout));
        loop {
            self.let_happen();
            self.report(ready);
            let is_over = deadline.is_some_and(|deadline| deadline <= now());
            if !ready.is_empty() || std::mem::take(&mut self.must_be_heard) || is_over {
                return Ok(());
            }
            if self.sockets.iter().any(ServerSocket::has_news) {
                continue;
            }
            // Nothing can happen but the passing of time.
            let next = [deadline, self.next_event()].into_iter().flatten().min();
            let Some(next) = next.filter(|&at| at <= begin().after(TIME_MAX)) else {
                self.blame(|| match next {
                    Some(_) => format!("nothing has come to an end after {TIME_MAX:?}"),
                    None => "the server waits for something that never comes, and does not stop"
                        .to_owned(),
                });
                return Err(io::ErrorKind::TimedOut.into());
            };
            self.advance_to(next);
        }
    }

    /// Lets the clients go on without the server until they have nothing more to do, and hears them.
    pub(super) fn finish(&mut self) {
        self.stopped_at.get_or_insert(now());
        while let Some(next) = self
            .next_event()
            .filter(|&at| at <= begin().after(TIME_MAX))
        {
            self.advance_to(next);
            self.let_happen();
        }
        for (index, seat) in self.clients.iter().enumerate() {
            if let (Some(client), None) = (&seat.client, &self.wrong)
                && let Err(what) = client.verdict()
            {
                self.wrong = Some(format!("client {index}: {what}"));
            }
        }
    }

    /// What a server that is about to wait should have done by now.
    fn note_overdue(&mut self, timeout: Option<Duration>) {
        // A server that only looks in has work left over, which may be just that.
        let neglected = self.sockets.iter().position(ServerSocket::is_neglected);
        if let Some(index) = neglected.filter(|_| timeout != Some(Duration::ZERO)) {
            self.blame(|| format!("the server waits, and does not receive from socket {index}"));
        }
        let idle_timeout = self.laws.idle_timeout;
        let mut seats = self.clients.iter().enumerate();
        let overdue = seats.find_map(|(index, seat)| {
            let what = seat.account.overdue(idle_timeout, now())?;
            Some(format!("client {index}: {what}"))
        });
        if let Some(what) = overdue {
            self.blame(|| what);
        }
    }

    /// Asks the seed what goes wrong while the server waits.
    fn disturb(&mut self) {
        match self.fates.ask(Place::Wait) {
            Some(Kind::Stall(time)) => {
                self.stalled += time;
                self.advance_to(now().after(time));
            }
            Some(Kind::Stop) => self.stop(false),
            Some(Kind::StopAtOnce) => self.stop(true),
            _ => {}
        }
    }

    fn stop(&mut self, at_once: bool) {
        self.trace
            .note("stop", 0, usize::from(at_once), String::new);
        if at_once {
            self.stop.cut();
        } else {
            self.stop.stop();
        }
        self.stopped_at.get_or_insert(now());
        self.must_be_heard = true;
    }

    fn advance_to(&mut self, time: Time) {
        if clock::advance_to(time) {
            self.note_progress();
            self.trace.note("time", 0, 0, || format!("{time:?}"));
        }
    }

    /// When something happens next without the server.
    fn next_event(&self) -> Option<Time> {
        let timers = self.clients.iter().filter_map(|seat| seat.timer);
        let timer = timers.min().map(|at| begin().after(at));
        let unblocked = self
            .sockets
            .iter()
            .filter_map(|socket| socket.blocked_until);
        let events = [self.flights.next(), timer, unblocked.min(), self.stops_at()];
        events.into_iter().flatten().min()
    }

    /// When the server is asked to stop, once the clients have nothing more to do by themselves.
    fn stops_at(&self) -> Option<Time> {
        let is_busy =
            self.flights.is_any_up() || self.clients.iter().any(|seat| seat.timer.is_some());
        (!is_busy && self.stopped_at.is_none()).then(|| self.acted_at.after(self.linger))
    }

    /// Does what is due, or a part of it.
    fn let_happen(&mut self) {
        let time = now();
        for socket in &mut self.sockets {
            socket.unblock(time);
        }
        for index in 0..self.clients.len() {
            let at = self.clients[index].timer.map(|at| begin().after(at));
            if at.is_some_and(|at| at <= time) {
                self.clients[index].timer = None;
                self.tell(index, News::Timer);
            }
        }
        while let Some(flight) = self.flights.take_due(time) {
            self.land(flight);
            // What comes at one time need not be received at one time.
            if self.random.one_in(8) {
                break;
            }
        }
        if self.stops_at().is_some_and(|at| at <= time) {
            self.stop(false);
        }
    }

    /// Tells a client something, and sends what it sends.
    pub(super) fn tell(&mut self, index: usize, news: News) {
        let seat = &mut self.clients[index];
        let Some(mut client) = seat.client.take() else {
            return;
        };
        let mut socket = ClientSocket {
            address: &seat.log.address,
            server: &self.sockets[0].address,
            now: now().since(begin()),
            random: &mut seat.random,
            outgoing: Vec::new(),
            timer: &mut seat.timer,
            is_closed: &mut seat.is_closed,
        };
        match &news {
            News::Started => client.started(&mut socket),
            News::Received(letter) => client.received(letter, &mut socket),
            News::Timer => client.timer(&mut socket),
        }
        let outgoing = socket.outgoing;
        seat.client = Some(client);
        if let News::Received(letter) = news {
            seat.log.received.push(letter);
        }
        if !outgoing.is_empty() || seat.timer.is_some() {
            self.acted_at = now();
        }
        for (bytes, to) in outgoing {
            self.trace.bytes("client sends", index, &bytes);
            self.clients[index].log.sent.push(bytes.clone());
            self.fly(Place::FromClient(index), index, &Direction::Up(to), bytes);
        }
    }

    /// Reports what is ready, though not always at once.
    fn report(&mut self, ready: &mut Vec<Ready>) {
        for socket in &mut self.sockets {
            if socket.has_news() && !self.random.one_in(8) {
                ready.push(socket.take_news());
            }
        }
    }
}
