//! What a comparison has measured, as data: everything else is drawn from it, also later and elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Chat, Datagrams};

/// The version of the form below. It grows when a reader of the old form would misunderstand the new one; older forms are still read.
///
/// The second one has [`Datagrams`]: whoever passed over them would take what was lost for served.
pub const SCHEMA: u32 = 2;

/// A comparison: who was compared, on which machine, how, and what every single run has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`] of the program that has written it.
    pub schema: u32,
    /// When the comparison began, as in RFC 3339, in UTC.
    pub when: String,
    /// The command that repeats it, word by word.
    pub command: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// What was done to every server.
    pub setup: Setup,
    /// What the load generator can do at most here.
    pub generator: GeneratorLimit,
    /// Who was compared, in the order of the tables.
    pub contestants: Vec<Contestant>,
    /// Every measured run, in the order in which they were made.
    pub runs: Vec<Run>,
    /// What could not be measured, and why, in sentences.
    pub notes: Vec<String>,
    /// False when the comparison was interrupted: some rounds are missing then.
    pub is_complete: bool,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The name of the processor, as the system has it.
    pub processor: String,
    /// How many processors this program may use.
    pub processors: usize,
    /// The system and its version.
    pub system: String,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// How many programs wanted a processor on average in the minute before the comparison: above zero, others were at work.
    pub load_average: f64,
    /// Which processors the servers were given, and which the load generator; empty when they were left to the system.
    pub server_processors: Vec<usize>,
    /// Which processor the load generator was given.
    pub load_processors: Vec<usize>,
}

/// What was done to every server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The handler, as it is written on the command line: `echo`, `work:200us`, `chat`, `files:get`.
    pub handler: String,
    /// `tcp`, `unix`, `udp` or `unixgram`.
    pub transport: String,
    /// The form of the load: `closed loop`, `open loop`, `churn`.
    pub load: String,
    /// Bytes of a message, or of a file.
    pub message_bytes: usize,
    /// Messages that a connection has on their way at once, in a closed loop.
    pub window: usize,
    /// Messages that are due in a second by all connections together, in an open loop; the highest rate where there were several. Tables
    /// and verdicts speak of this one.
    pub rate: Option<f64>,
    /// All rates of an open loop, in rising order. Reports of one rate may leave it out.
    #[serde(default)]
    pub rates: Vec<f64>,
    /// After how long a datagram without an answer counts as lost, in seconds; none over streams.
    #[serde(default)]
    pub loss_timeout_seconds: Option<f64>,
    /// How long a connection waits after an answer, in seconds.
    pub think_seconds: f64,
    /// How many of the connections speak; the others stay silent. None when all do. Of a chat it is always said.
    pub active: Option<usize>,
    /// Connections besides those that send and never read; in a chat they only do not read.
    pub stuck: usize,
    /// Whether small messages are sent at once, on both sides.
    pub nodelay: bool,
    /// The numbers of connections that were compared, in rising order.
    pub connections: Vec<usize>,
    /// How long each run was measured, in seconds.
    pub seconds: f64,
    /// How long each server was under load before that, in seconds.
    pub warm_up_seconds: f64,
    /// How many rounds there were; in each every contestant had every number of connections once.
    pub rounds: usize,
    /// What decided the order.
    pub seed: u64,
}

/// What the load generator can do: against a server that costs as little as possible, before everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorLimit {
    /// Messages that it can send, receive and compare in a second of its processor, and of a chat deliveries; zero where that is not measured, as with
    /// files.
    pub messages_per_second: f64,
}

/// Who was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contestant {
    /// As tables have it: `reactor`, `threads, blocking`, `python`. No two have the same.
    pub name: String,
    /// Where it comes from.
    pub kind: Kind,
    /// How it was started, word by word.
    pub command: Vec<String>,
}

/// Where a contestant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mode and a style of this framework.
    Mode,
    /// The first one a second time: whatever differs between the two is noise.
    Control,
    /// A server that comes with this package, to measure against.
    Peer,
    /// A server of somebody else.
    Foreign,
}

/// One run: one contestant with one number of connections, once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The name of the contestant.
    pub contestant: String,
    /// How many connections were open.
    pub connections: usize,
    /// The round, counted from one.
    pub round: usize,
    /// At which rate messages were due, in an open loop.
    #[serde(default)]
    pub rate: Option<f64>,
    /// How long was measured.
    pub seconds: f64,
    /// How many messages were answered, rightly; with churn, connections; of files, transfers; of a chat, deliveries, one for each member that a message
    /// came to.
    pub served: u64,
    /// How many of them were due, in an open loop.
    pub offered: Option<u64>,
    /// Bytes of files that went while it was measured, also of transfers that had not ended; none where there are no files.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// What became of the datagrams; none over streams.
    #[serde(default)]
    pub datagrams: Option<Datagrams>,
    /// What was said in a chat, and who was cut; none where there is no chat.
    #[serde(default)]
    pub chat: Option<Chat>,
    /// How long answers took: from sending, or in an open loop from the time at which sending was due. What was lost counts with the time that
    /// was waited for it.
    pub latency: Latency,
    /// The same in pieces of time, to see stalls.
    pub series: Vec<Point>,
    /// What the server spent. None when its process could not be looked at.
    pub server: Option<Cost>,
    /// What the load generator spent.
    pub generator: GeneratorCost,
    /// How evenly connections were served, as Jain has it: 1 when all were served as often, 1/n when one of n was.
    pub fairness: f64,
    /// Connections that speak and were never served.
    pub unserved: usize,
    /// What went wrong, and how often: `connect`, `closed`, `reset`, `wrong_bytes`, `unanswered`, `not_sent`; of files also `refused`
    /// and `not_understood`; of datagrams
    /// `wrong_bytes`, `unexpected`, `refused` and `not_sent`; of a chat also `lost`, `out_of_order`, `doubled`, `wrong_room`, `own`, `unexpected`, `refused`
    /// and `not_understood`.
    pub errors: BTreeMap<String, u64>,
    /// The first thing that went wrong, in a sentence. When nothing could be measured at all, why.
    pub fault: Option<String>,
}

/// How long answers took, as counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The highest, in microseconds.
    pub max_us: f64,
    /// Upper ends in microseconds, and how many took no longer but longer than the one before: two digits are kept.
    pub buckets: Vec<(f64, u64)>,
}

/// A piece of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When it ended, in seconds from the beginning of the run.
    pub at_seconds: f64,
    /// How many messages were answered in it.
    pub served: u64,
    /// The 99th percentile of the latency, in microseconds; none when nothing was answered.
    pub p99_us: Option<f64>,
}

/// What a server spent while it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Time on a processor in its own code, in seconds.
    pub user_seconds: f64,
    /// Time on a processor in the kernel, in seconds.
    pub system_seconds: f64,
    /// How often a thread of it gave up or lost its processor.
    pub context_switches: u64,
    /// System calls, as the server itself counts them, for each message of its whole life; only our own servers do.
    pub system_calls_per_message: Option<f64>,
    /// Memory in the end, in bytes: what is resident.
    pub resident_bytes: u64,
    /// How much of it came with the connections, for each of them.
    pub bytes_per_connection: f64,
    /// Threads in the end, of all its processes.
    pub threads: u64,
}

/// What the load generator spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorCost {
    /// How much of the time it was busy, from 0 to 1. Near 1, it was the bottleneck.
    pub busy: f64,
    /// In an open loop: the 99th percentile of how late it sent, in microseconds.
    pub late_p99_us: Option<f64>,
}

impl Setup {
    /// Whether files were transferred.
    pub fn has_files(&self) -> bool {
        self.handler.starts_with("files:")
    }

    /// Whether members of a chat talked, so that deliveries are what is served.
    pub fn has_chat(&self) -> bool {
        self.handler == "chat"
    }

    /// How many of each message are served with so many connections: in a chat one to every other member.
    pub fn served_per_message(&self, connections: usize) -> usize {
        if self.has_chat() {
            connections.saturating_sub(1)
        } else {
            1
        }
    }
}

impl Latency {
    /// Below which time so large a part of the answers lay, in microseconds; none when there were none.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let total: u64 = self.buckets.iter().map(|&(_, count)| count).sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank among some millions"
        )]
        let rank = ((part * total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().find(|&&(_, count)| {
            seen += count;
            seen >= rank
        });
        bucket.map(|&(end, _)| end.min(self.max_us))
    }
}

impl Run {
    /// Answers in a second.
    #[expect(clippy::cast_precision_loss, reason = "a count of some millions")]
    pub fn served_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.served as f64 / self.seconds
        } else {
            0.0
        }
    }

    /// How many things went wrong.
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether its latency says anything: not when most connections were never served, since their waiting is in no percentile.
    pub fn has_latency(&self) -> bool {
        self.served > 0 && self.unserved * 2 <= self.connections
    }

    /// Whether the load generator was the bottleneck, so that the server could do more.
    pub fn is_bound_by_generator(&self) -> bool {
        self.generator.is_bottleneck()
    }
}

impl GeneratorCost {
    /// Whether it was the bottleneck: busy all the time, or late.
    pub fn is_bottleneck(&self) -> bool {
        self.busy >= BUSY || self.late_p99_us.is_some_and(|late| late > LATE_US)
    }
}

/// From which part of the time on the load generator counts as the bottleneck.
const BUSY: f64 = 0.95;
/// How late it may send at the 99th percentile, in microseconds, before it counts as one.
const LATE_US: f64 = 1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_counts() {
        let latency = Latency {
            max_us: 95.0,
            buckets: vec![(10.0, 50), (20.0, 40), (100.0, 10)],
        };
        for (part, expected) in [
            (0.0, 10.0),
            (0.5, 10.0),
            (0.51, 20.0),
            (0.9, 20.0),
            (0.99, 95.0),
        ] {
            assert_eq!(latency.quantile(part), Some(expected), "{part}");
        }
        assert_eq!(Latency::default().quantile(0.5), None);
    }
}
