//! What goes wrong in a run: drawn from the seed, and dropped one by one to find out what a failure needs.

use std::fmt;
use std::time::Duration;

use rustix::io::Errno;

use crate::testkit::random::Random;

/// Something that goes wrong, and when: after so many steps of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) step: u64,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A client resets its connection.
    Reset { client: usize },
    /// A client neither reads nor writes any more, and does not say so.
    Freeze { client: usize },
    /// A client moves one byte at a time from now on.
    Slow { client: usize },
    /// The socket says that it would block although it would not, so many times, and reports its readiness again later.
    WouldBlock { client: usize, times: u32 },
    /// The next `accept` fails.
    Accept(Errno),
    /// Time jumps.
    Jump(Duration),
    /// A callback of the client's handler panics instead of being called, the `call`th from the beginning.
    Panic { client: usize, call: u32 },
    /// The server is asked to stop.
    Stop,
    /// The server is asked to stop at once.
    Cut,
}

/// One of each class of the errors of `accept`.
const ACCEPT_ERRORS: [Errno; 6] = [
    Errno::CONNABORTED,
    Errno::PERM,
    Errno::MFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::BADF,
];

/// Within how many steps something goes wrong at least, and for how many bytes that clients send there is one more.
const STEPS_MIN: usize = 60;
const BYTES_PER_STEP: usize = 4;

impl Fault {
    /// The faults of a run with so many clients, who send so many bytes together: none in a quarter of all runs, up to four in the others.
    pub(super) fn draw(random: &mut Random, clients: usize, bytes: usize) -> Vec<Self> {
        // So that it is in the middle of a long conversation, too.
        let steps = STEPS_MIN.max(bytes / BYTES_PER_STEP);
        let count = if random.one_in(4) {
            0
        } else {
            1 + random.below(4)
        };
        let mut faults: Vec<_> = (0..count)
            .map(|_| Self {
                step: random.below(steps) as u64,
                kind: Kind::draw(random, clients),
            })
            .collect();
        faults.sort_by_key(|fault| fault.step);
        faults
    }

    /// Whether it is the handler's, which has its own time, whatever the network does.
    pub(super) fn is_of_handler(&self) -> bool {
        matches!(self.kind, Kind::Panic { .. })
    }
}

impl Kind {
    fn draw(random: &mut Random, clients: usize) -> Self {
        let client = random.below(clients);
        match random.below(11) {
            0 | 1 => Self::Reset { client },
            2 => Self::Freeze { client },
            3 | 4 => Self::Slow { client },
            5 => Self::WouldBlock {
                client,
                times: 1 + random.below(4) as u32,
            },
            6 => Self::Accept(*random.pick(&ACCEPT_ERRORS)),
            7 => Self::Jump(Duration::from_millis(random.below(500) as u64)),
            8 => Self::Panic {
                client,
                call: random.below(4) as u32,
            },
            9 => Self::Stop,
            _ => Self::Cut,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at step {}: ", self.step)?;
        match &self.kind {
            Kind::Reset { client } => write!(f, "client {client} resets"),
            Kind::Freeze { client } => write!(f, "client {client} freezes"),
            Kind::Slow { client } => write!(f, "client {client} becomes slow"),
            Kind::WouldBlock { client, times } => {
                write!(f, "the socket of client {client} would block {times} times")
            }
            Kind::Accept(error) => write!(f, "accept fails: {error}"),
            Kind::Jump(time) => write!(f, "time jumps by {time:?}"),
            Kind::Panic { client, call } => {
                write!(f, "call {call} of the handler of client {client} panics")
            }
            Kind::Stop => f.write_str("the server is stopped"),
            Kind::Cut => f.write_str("the server is cut"),
        }
    }
}
