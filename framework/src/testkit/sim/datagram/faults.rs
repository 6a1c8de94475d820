//! What goes wrong: how often, what exactly, and which of it has struck.
//!
//! Whether something goes wrong is asked at each occasion, and an occasion is named by its place and how often that place was asked before. The answer
//! depends on nothing else but the seed. So the faults of a run can be written down as they strike, given to another run instead of the seed's, and
//! left out one by one to find out which of them a failure needs, while the others strike where they did.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::time::Duration;

use rustix::io::Errno;

use crate::testkit::random::Random;

/// How often things go wrong between a datagram server and its clients, each in so many of a hundred cases.
///
/// The first four concern each datagram, in both directions, and together make at most a hundred, since a datagram meets one fault at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramFaults {
    /// A datagram is lost.
    pub lost: u8,
    /// A datagram arrives twice.
    pub duplicated: u8,
    /// A datagram is late, so that others overtake it.
    pub delayed: u8,
    /// A datagram arrives without its end; its true size is known.
    pub truncated: u8,
    /// The system takes nothing for a while when the server sends.
    pub blocked: u8,
    /// The system refuses a datagram that the server sends, or a socket that it opens for a peer.
    pub send_errors: u8,
    /// Receiving reports an error of the network (ICMP) before it goes on.
    pub receive_errors: u8,
    /// A callback panics instead of being called.
    pub panics: u8,
    /// Time jumps while the server waits.
    pub stalls: u8,
    /// The server is asked to stop, or to stop at once, amid a run.
    pub stops: u8,
}

impl DatagramFaults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        lost: 0,
        duplicated: 0,
        delayed: 0,
        truncated: 0,
        blocked: 0,
        send_errors: 0,
        receive_errors: 0,
        panics: 0,
        stalls: 0,
        stops: 0,
    };

    /// What a run has of these at most: nothing in a quarter of all runs, and in the others of each kind nothing, a part, or all of it, so that
    /// also rare combinations come up by themselves.
    pub(super) fn draw(self, random: &mut Random) -> Self {
        if random.one_in(4) {
            return Self::NONE;
        }
        let mut part = |max: u8| *random.pick(&[0, 0, max.div_ceil(4), max.div_ceil(2), max]);
        Self {
            lost: part(self.lost),
            duplicated: part(self.duplicated),
            delayed: part(self.delayed),
            truncated: part(self.truncated),
            blocked: part(self.blocked),
            send_errors: part(self.send_errors),
            receive_errors: part(self.receive_errors),
            panics: part(self.panics),
            stalls: part(self.stalls),
            stops: part(self.stops),
        }
    }
}

impl Default for DatagramFaults {
    /// Some of everything.
    fn default() -> Self {
        Self {
            lost: 20,
            duplicated: 10,
            delayed: 20,
            truncated: 5,
            blocked: 10,
            send_errors: 5,
            receive_errors: 5,
            panics: 2,
            stalls: 2,
            stops: 20,
        }
    }
}

/// A fault that has struck, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatagramFault {
    place: Place,
    /// How often the place was asked up to then.
    count: u32,
    kind: Kind,
}

/// Where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A datagram of this client.
    FromClient(usize),
    /// A datagram to this client.
    ToClient(usize),
    /// A socket of the server that has something to receive.
    Receive(usize),
    /// A socket of the server that sends.
    Send(usize),
    /// A socket for one peer is opened.
    Open,
    /// A callback of a handler, by the client that it is for.
    Callback(usize),
    /// The server waits.
    Wait,
}

/// What goes wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lost,
    /// A second one arrives so much later.
    Duplicated(Duration),
    Delayed(Duration),
    /// So many bytes of the end are missing.
    Truncated(usize),
    Blocked(Duration),
    Failed(Errno),
    Panic,
    Stall(Duration),
    Stop,
    StopAtOnce,
}

const SEND_ERRORS: [Errno; 4] = [
    Errno::NOBUFS,
    Errno::PERM,
    Errno::MSGSIZE,
    Errno::CONNREFUSED,
];
const RECEIVE_ERRORS: [Errno; 3] = [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NETUNREACH];
/// A stop amid a run comes when the server has waited fewer times than this.
const STOP_WAITS_MAX: usize = 40;

/// The faults of a run, as they strike.
pub(super) struct Fates {
    source: Source,
    asked: BTreeMap<Place, u32>,
    pub(super) struck: Vec<DatagramFault>,
}

/// Who decides.
enum Source {
    /// The seed, each time that it is asked.
    Seed {
        seed: u64,
        rates: DatagramFaults,
        /// When the server is stopped amid the run.
        stop: Option<(u32, Kind)>,
    },
    /// An earlier run of it.
    Given(VecDeque<DatagramFault>),
}

impl Fates {
    /// Faults drawn from a seed.
    pub(super) fn draw(seed: u64, rates: DatagramFaults) -> Self {
        let mut random = Random::new(seed.rotate_left(32));
        let kind = *random.pick(&[Kind::Stop, Kind::StopAtOnce]);
        let wait = 1 + random.below(STOP_WAITS_MAX) as u32;
        let stop = (random.below(100) < rates.stops.into()).then_some((wait, kind));
        Self::new(Source::Seed { seed, rates, stop })
    }

    /// Faults that are known beforehand.
    pub(super) fn given(faults: &[DatagramFault]) -> Self {
        Self::new(Source::Given(faults.iter().cloned().collect()))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            asked: BTreeMap::new(),
            struck: Vec::new(),
        }
    }

    /// What goes wrong here and now.
    pub(super) fn ask(&mut self, place: Place) -> Option<Kind> {
        let asked = self.asked.entry(place).or_default();
        *asked += 1;
        let count = *asked;
        let kind = match &mut self.source {
            Source::Seed { stop, .. } if matches!((place, &*stop), (Place::Wait, Some((at, _))) if *at == count) => {
                stop.take().map(|(_, kind)| kind)
            }
            Source::Seed { seed, rates, .. } => {
                rates.answer(place, &mut stream(*seed, place, count))
            }
            Source::Given(faults) => faults
                .iter()
                .position(|fault| fault.place == place && fault.count == count)
                .and_then(|index| faults.remove(index))
                .map(|fault| fault.kind),
        }?;
        self.struck.push(DatagramFault { place, count, kind });
        Some(kind)
    }
}

/// The numbers of one occasion.
fn stream(seed: u64, place: Place, count: u32) -> Random {
    let (kind, index) = match place {
        Place::FromClient(client) => (1, client),
        Place::ToClient(client) => (2, client),
        Place::Receive(socket) => (3, socket),
        Place::Send(socket) => (4, socket),
        Place::Open => (5, 0),
        Place::Callback(client) => (6, client),
        Place::Wait => (7, 0),
    };
    let occasion = (kind << 56) | ((index as u64) << 32) | u64::from(count);
    Random::new(Random::new(seed).next_u64() ^ occasion)
}

impl DatagramFaults {
    /// What goes wrong at such a place, if anything.
    fn answer(&self, place: Place, random: &mut Random) -> Option<Kind> {
        match place {
            Place::FromClient(_) | Place::ToClient(_) => self.on_the_way(random),
            Place::Receive(_) => one(self.receive_errors, random)
                .then(|| Kind::Failed(*random.pick(&RECEIVE_ERRORS))),
            Place::Send(_) => {
                let case = random.below(100);
                let (blocked, failed) = (usize::from(self.blocked), usize::from(self.send_errors));
                if case < blocked {
                    Some(Kind::Blocked(millis(100, random)))
                } else if case < blocked + failed {
                    Some(Kind::Failed(*random.pick(&SEND_ERRORS)))
                } else {
                    None
                }
            }
            Place::Open => one(self.send_errors, random).then_some(Kind::Failed(Errno::MFILE)),
            Place::Callback(_) => one(self.panics, random).then_some(Kind::Panic),
            Place::Wait => one(self.stalls, random).then(|| Kind::Stall(millis(500, random))),
        }
    }

    /// What happens to a datagram on its way.
    fn on_the_way(&self, random: &mut Random) -> Option<Kind> {
        let mut case = random.below(100);
        for (rate, kind) in [
            (self.lost, Kind::Lost),
            (self.duplicated, Kind::Duplicated(millis(50, random))),
            (self.delayed, Kind::Delayed(millis(50, random))),
            (self.truncated, Kind::Truncated(1 + random.below(20))),
        ] {
            if case < rate.into() {
                return Some(kind);
            }
            case -= usize::from(rate);
        }
        None
    }
}

fn one(rate: u8, random: &mut Random) -> bool {
    random.below(100) < rate.into()
}

/// From nothing up to so many milliseconds.
fn millis(max: usize, random: &mut Random) -> Duration {
    Duration::from_millis(random.below(max + 1) as u64)
}

impl fmt::Display for DatagramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count;
        match self.place {
            Place::FromClient(client) => write!(f, "datagram {count} of client {client} is "),
            Place::ToClient(client) => write!(f, "datagram {count} to client {client} is "),
            Place::Receive(socket) => write!(f, "receive {count} of socket {socket} "),
            Place::Send(socket) => write!(f, "send {count} of socket {socket} "),
            Place::Open => write!(f, "opening socket {count} "),
            Place::Callback(client) => write!(f, "callback {count} for client {client} "),
            Place::Wait => write!(f, "in wait {count} "),
        }?;
        match self.kind {
            Kind::Lost => f.write_str("lost"),
            Kind::Duplicated(time) => write!(f, "duplicated, the second {time:?} later"),
            Kind::Delayed(time) => write!(f, "delayed by {time:?}"),
            Kind::Truncated(bytes) => write!(f, "truncated by {bytes} bytes"),
            Kind::Blocked(time) => write!(f, "would block for {time:?}"),
            Kind::Failed(error) => write!(f, "fails: {}", io::Error::from(error)),
            Kind::Panic => f.write_str("panics"),
            Kind::Stall(time) => write!(f, "time jumps by {time:?}"),
            Kind::Stop => f.write_str("the server is stopped"),
            Kind::StopAtOnce => f.write_str("the server is stopped at once"),
        }
    }
}
