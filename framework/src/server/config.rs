//! Every setting of a server, with its default and the reason for it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ConfigError;
use crate::net::{Inbox, MulticastGroup, MulticastInterface};

/// How connections are scheduled.
///
/// It is written `serial`, `threads`, `pool:8`, `reactor` or `reactor:2`, in flags and in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One connection after the other, each to its end, on the serving thread. For teaching, and for protocols of one short exchange.
    Serial,
    /// A thread for each connection. Threads that have finished wait for the next connection; see [`Config::threads_idle_max`].
    Threads,
    /// A fixed number of threads, each with one connection until it ends; more connections wait in a bounded queue.
    Pool {
        /// The number of threads.
        workers: usize,
    },
    /// Event loops, each with a share of all connections. The default, with one loop.
    Reactor {
        /// The number of loops, each on a thread of its own.
        loops: usize,
    },
}

/// The most threads or loops that a mode may name.
const PARALLEL_MAX: usize = 16_384;

impl Mode {
    /// The forms in which a mode is written.
    pub const FORMS: &str = "serial, threads, pool[:N], reactor[:N]";
}

impl FromStr for Mode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (name, count) = match text.split_once(':') {
            None => (text, None),
            Some((name, count)) => match count.parse() {
                Ok(count @ 1..=PARALLEL_MAX) => (name, Some(count)),
                _ => {
                    return Err(ConfigError(format!(
                        "'{text}' is not a mode: write a number from 1 to {PARALLEL_MAX} after the colon"
                    )));
                }
            },
        };
        match (name, count) {
            ("serial", None) => Ok(Self::Serial),
            ("threads", None) => Ok(Self::Threads),
            ("pool", workers) => Ok(Self::Pool {
                workers: workers.unwrap_or_else(parallelism),
            }),
            ("reactor", loops) => Ok(Self::Reactor {
                loops: loops.unwrap_or(1),
            }),
            ("serial" | "threads", Some(_)) => Err(ConfigError(format!(
                "'{text}' is not a mode: {name} takes no number"
            ))),
            _ => Err(ConfigError(format!(
                "'{text}' is not a mode: write one of {}",
                Self::FORMS
            ))),
        }
    }
}

fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial => f.write_str("serial"),
            Self::Threads => f.write_str("threads"),
            Self::Pool { workers } => write!(f, "pool:{workers}"),
            Self::Reactor { loops } => write!(f, "reactor:{loops}"),
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What happens to a connection that comes when [`Config::connections_max`] is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtCapacity {
    /// It waits in the listener's backlog until another one ends; when the backlog is full, the kernel lets clients retry.
    #[default]
    Wait,
    /// It is accepted and closed at once, so that the client knows.
    Refuse,
}

/// Who has to go when a new peer comes to a datagram server that has as many as it may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Eviction {
    /// The newcomer: what it sent is dropped and counted, and costs no memory.
    #[default]
    Refuse,
    /// Whoever has been silent for longest of those who were not proven; if all were, the newcomer. A flood of forged
    /// senders then drives out forged senders.
    Unproven,
    /// Whoever has been silent for longest.
    Idlest,
}

/// Every setting of a server. [`Config::default`] is meant to be right for a small service; the fields say why.
///
/// In a JSON file times are written `"10s"`, `"500ms"` or `"1h 30m"`, sizes `"64KiB"` or a plain number of bytes, and `null`
/// means no limit. A key that is not known is an error that names the nearest one.
///
/// ```
/// use std::time::Duration;
/// use socketserver::Config;
///
/// let config = Config::from_json(r#"{ "mode": "reactor:2", "idle_timeout": "90s", "input_bytes_max": "16KiB" }"#)?;
/// assert_eq!(config.idle_timeout, Some(Duration::from_secs(90)));
///
/// let error = Config::from_json(r#"{ "idle_timout": "90s" }"#).unwrap_err();
/// assert_eq!(error.to_string(), "the configuration has no key 'idle_timout': did you mean 'idle_timeout'?");
/// # Ok::<(), socketserver::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct Config {
    /// How connections are scheduled. Default `reactor:1`: one thread serves many connections with the least memory.
    pub mode: Mode,
    /// How many connections the kernel may hold that were not accepted yet; the system may allow fewer
    /// (`net.core.somaxconn`). Default 1,024, since a burst beyond the backlog is lost for a second or more (listen(2)).
    pub backlog: u32,
    /// Whether a server can be restarted while connections of the old one linger (`SO_REUSEADDR`, socket(7)). Default true.
    pub reuse_address: bool,
    /// Whether other processes of the same user may listen on the same port (`SO_REUSEPORT`). Default false, since a
    /// second server started by mistake would then take half of the connections.
    pub reuse_port: bool,
    /// Whether an IPv6 wildcard endpoint also takes IPv4 connections. Always stated to the system. Default true.
    pub dual_stack: bool,
    /// Whether small writes leave at once (`TCP_NODELAY`, tcp(7)). Default true: what one callback writes is one
    /// write already, so that waiting for more only adds delay.
    pub nodelay: bool,
    /// The permission bits of a Unix socket's file, set before anybody can connect; in JSON a number, so `432` is `0o660`. Default none: as the umask says.
    pub unix_mode: Option<u32>,

    /// How many connections may be open at once, exactly. Default 1,024.
    pub connections_max: usize,
    /// What happens to connections beyond that. Default `wait`.
    pub at_capacity: AtCapacity,
    /// How many connections one IP address may have open. Default none.
    pub connections_per_ip_max: Option<usize>,
    /// How many finished threads wait for the next connection, in the mode `threads`. Default 64.
    pub threads_idle_max: usize,
    /// How long a finished thread waits for the next connection. Default 10 s.
    #[serde(with = "duration")]
    pub thread_idle_timeout: Duration,
    /// How many accepted connections wait for a worker, in the mode `pool`; further ones stay in the backlog. Default 64.
    pub pool_queue_max: usize,

    /// How long a connection may be open without a byte moving in either direction. Default 10 minutes.
    #[serde(with = "limit")]
    pub idle_timeout: Option<Duration>,
    /// How long a message may take from its first byte to its last, however slowly it trickles. It counts while the handler
    /// leaves input or asks for more with [`Conn::want`](crate::Conn::want). Default 30 s.
    #[serde(with = "limit")]
    pub read_timeout: Option<Duration>,
    /// How long the peer may take none of the output that waits for it. Default 10 s.
    #[serde(with = "limit")]
    pub write_timeout: Option<Duration>,
    /// How long a connection may be open at all. Default none.
    #[serde(with = "limit")]
    pub lifetime: Option<Duration>,
    /// How long live connections may go on when the server stops. Default 10 s.
    #[serde(with = "duration")]
    pub drain_timeout: Duration,
    /// How long a closed connection is still read from, so that its peer can read our last bytes (else a reset would
    /// destroy them). Zero closes at once. In the modes with threads the thread
    /// is busy with it meanwhile. Default 5 s.
    #[serde(with = "duration")]
    pub linger_timeout: Duration,
    /// How many bytes are read and dropped after a connection was closed. Default 16 MiB.
    #[serde(with = "size")]
    pub linger_bytes_max: usize,

    /// The longest message that a handler can wait for, however it is cut: leaving so many bytes unread ends the connection. Default 1 MiB.
    #[serde(with = "size")]
    pub input_bytes_max: usize,
    /// From how many bytes of waiting output on a connection is not read from. Default 256 KiB.
    #[serde(with = "size")]
    pub output_high: usize,
    /// At how many bytes of waiting output it is read from again. Default 64 KiB.
    #[serde(with = "size")]
    pub output_low: usize,
    /// How many bytes of output may wait; a handler that writes more loses its connection. Default 16 MiB.
    #[serde(with = "size")]
    pub output_bytes_max: usize,
    /// The size of the buffer into which a thread reads, shared by all its connections. Default 64 KiB.
    #[serde(with = "size")]
    pub read_buffer_bytes: usize,
    /// How many bytes one connection of a reactor may receive or send before the others get their turn. Default 256 KiB.
    #[serde(with = "size")]
    pub turn_bytes_max: usize,
    /// How many connections are accepted before the others get their turn. Default 64.
    pub accepts_per_turn_max: usize,

    /// The size of the stack of a blocking handler on a reactor. Only the pages that it touches take memory, most often one of 4 KiB. Default 256 KiB.
    #[serde(with = "size")]
    pub coroutine_stack_bytes: usize,
    /// How many threads there may be for [`Conn::offload`](crate::Conn::offload) and [`Stream::offload`](crate::Stream::offload). They are started when they are needed. Default 4.
    pub offload_threads_max: usize,
    /// How much work may wait for such a thread; what is beyond is refused. Default 1,024.
    pub offload_queue_max: usize,

    /// The longest datagram that a handler is given, in bytes; of a longer one it is told the size. Default 65,535, which no UDP datagram exceeds.
    #[serde(with = "size")]
    pub datagram_bytes_max: usize,
    /// How many datagrams may wait for a worker, in the modes `threads` and `pool`; further ones are dropped and counted. Default 1,024.
    pub datagram_queue_max: usize,
    /// How many times as many bytes as it has sent a peer may be answered with before the handler says that it is who it claims to be. Without that limit anybody could
    /// use the server to flood a third party in whose name he asks. Default 3, as in QUIC (RFC 9000, section 8); 0 answers nobody who is not proven.
    pub amplification_max: Option<u32>,
    /// How long a peer of a datagram server may send nothing before its handler is closed. Default 60 s.
    #[serde(with = "limit")]
    pub peer_idle_timeout: Option<Duration>,
    /// How many peers one network may have, so that not one network takes all the room: a network is the 256 neighbours of an IPv4 address, or the /64
    /// of an IPv6 address. Default none.
    pub peers_per_network_max: Option<usize>,
    /// Who has to go when a new peer comes and there are [`connections_max`](Config::connections_max) already. Default `refuse`: the newcomer.
    pub eviction: Eviction,
    /// How many bytes of datagrams the system may keep that were not received yet (`SO_RCVBUF`, socket(7)). Default none: as the system does.
    #[serde(with = "size_limit")]
    pub receive_buffer_bytes: Option<usize>,
    /// Whether datagrams may be sent to the broadcast address (`SO_BROADCAST`). Default false.
    pub broadcast: bool,
    /// The multicast groups whose datagrams are received. Default none.
    pub multicast_groups: Vec<MulticastGroup>,
    /// How many routers a datagram to a group may pass, less one (`IP_MULTICAST_TTL`, ip(7)). Default 1: it stays in the local network.
    pub multicast_ttl: u8,
    /// Whether datagrams to a group also reach its members on this machine (`IP_MULTICAST_LOOP`). Default true.
    pub multicast_loop: bool,
    /// Through which interface datagrams to a group leave: its IPv4 address, or for IPv6 its number. Default none: the system chooses.
    pub multicast_interface: Option<MulticastInterface>,

    /// From which duration on a callback on a reactor is logged and counted, since all others waited. Default 100 ms.
    #[serde(with = "limit")]
    pub slow_callback: Option<Duration>,
    /// How long a reactor looks for the next event before it sleeps. It saves the wake-up, which is most of the delay of a single connection, at
    /// the price of a busy processor; after looks in vain it spins less. Default zero: off.
    #[serde(with = "duration")]
    pub spin: Duration,
}

impl Default for Config {
    fn default() -> Self {
        const KIB: usize = 1024;
        Self {
            mode: Mode::Reactor { loops: 1 },
            backlog: 1024,
            reuse_address: true,
            reuse_port: false,
            dual_stack: true,
            nodelay: true,
            unix_mode: None,
            connections_max: 1024,
            at_capacity: AtCapacity::Wait,
            connections_per_ip_max: None,
            threads_idle_max: 64,
            thread_idle_timeout: Duration::from_secs(10),
            pool_queue_max: 64,
            idle_timeout: Some(Duration::from_secs(600)),
            read_timeout: Some(Duration::from_secs(30)),
            write_timeout: Some(Duration::from_secs(10)),
            lifetime: None,
            drain_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(5),
            linger_bytes_max: 16 * KIB * KIB,
            input_bytes_max: KIB * KIB,
            output_high: 256 * KIB,
            output_low: 64 * KIB,
            output_bytes_max: 16 * KIB * KIB,
            read_buffer_bytes: 64 * KIB,
            turn_bytes_max: 256 * KIB,
            accepts_per_turn_max: 64,
            coroutine_stack_bytes: 256 * KIB,
            offload_threads_max: 4,
            offload_queue_max: 1024,
            datagram_bytes_max: 65_535,
            datagram_queue_max: 1024,
            amplification_max: Some(3),
            peer_idle_timeout: Some(Duration::from_secs(60)),
            peers_per_network_max: None,
            eviction: Eviction::Refuse,
            receive_buffer_bytes: None,
            broadcast: false,
            multicast_groups: Vec::new(),
            multicast_ttl: 1,
            multicast_loop: true,
            multicast_interface: None,
            slow_callback: Some(Duration::from_millis(100)),
            spin: Duration::ZERO,
        }
    }
}

impl Config {
    /// Reads a configuration; keys that are missing have their defaults.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| ConfigError(format!("the configuration is not JSON: {error}")))?;
        let Value::Object(given) = &value else {
            return Err(ConfigError("the configuration is not a JSON object: write { \"mode\": \"threads\" }, for instance".into()));
        };
        let known = Self::keys();
        if let Some(unknown) = given.keys().find(|key| !known.contains(*key)) {
            return Err(unknown_key(unknown, &known));
        }
        for (key, setting) in given {
            // One by one, so that the error can name the key.
            let alone = Value::Object([(key.clone(), setting.clone())].into_iter().collect());
            serde_json::from_value::<Self>(alone).map_err(|error| {
                ConfigError(format!(
                    "the configuration has a wrong value for '{key}': {error}"
                ))
            })?;
        }
        let config: Self =
            serde_json::from_value(value).map_err(|error| ConfigError(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// The names of all settings.
    pub fn keys() -> BTreeSet<String> {
        match serde_json::to_value(Self::default()) {
            Ok(Value::Object(fields)) => fields.into_iter().map(|(key, _)| key).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// Whether the settings go together. [`Builder::bind`](crate::Builder::bind) asks this too.
    pub fn check(&self) -> Result<(), ConfigError> {
        let problem = if self.output_low > self.output_high {
            "output_low is above output_high: reading would never go on (lower output_low)"
        } else if self.output_high > self.output_bytes_max {
            "output_high is above output_bytes_max: connections would be cut before they are slowed down (lower output_high)"
        } else if self.read_buffer_bytes == 0
            || self.input_bytes_max == 0
            || self.turn_bytes_max == 0
            || self.accepts_per_turn_max == 0
            || self.offload_threads_max == 0
            || self.offload_queue_max == 0
            || self.datagram_bytes_max == 0
            || self.datagram_queue_max == 0
        {
            "read_buffer_bytes, input_bytes_max, turn_bytes_max, accepts_per_turn_max, offload_threads_max, offload_queue_max, datagram_bytes_max and \
             datagram_queue_max must be at least 1"
        } else if self.datagram_bytes_max > DATAGRAM_BYTES_MAX {
            "datagram_bytes_max is above 16 MiB, and no datagram is so long (lower it)"
        } else if self.connections_max == 0 {
            "connections_max is 0: nobody could connect (set at least 1)"
        } else if self.connections_max > CONNECTIONS_MAX {
            "connections_max is above 16,777,216, which is what the tables of connections hold (lower it)"
        } else if self.unix_mode.is_some_and(|mode| mode > 0o777) {
            "unix_mode is not made of permission bits (at most 511, which is 0o777)"
        } else if matches!(
            self.mode,
            Mode::Pool { workers: 0 } | Mode::Reactor { loops: 0 }
        ) {
            "the mode has no thread (set at least 1)"
        } else {
            return Ok(());
        };
        Err(ConfigError(problem.to_owned()))
    }

    /// A buffer to read into: never more at once than one message may be long.
    pub(crate) fn new_read_buffer(&self) -> Vec<u8> {
        vec![0; self.read_buffer_bytes.min(self.input_bytes_max)]
    }

    /// The most memory that the stacks of blocking handlers can take on a reactor, in bytes, which comes on top of
    /// [`memory_bytes_max`](Config::memory_bytes_max). Only pages that were touched count, so that it is usually a sixtieth of this.
    pub fn stack_bytes_max(&self) -> u128 {
        self.connections_max as u128 * self.coroutine_stack_bytes as u128
    }

    /// The most memory that connections can take with these settings, in bytes: what was received and not taken, and what
    /// was written and not sent, for as many connections as may be open, and the buffers of the threads.
    pub fn memory_bytes_max(&self) -> u128 {
        let parts = [
            self.input_bytes_max,
            self.read_buffer_bytes,
            self.output_bytes_max,
            CONNECTION_BYTES,
        ];
        let connection: u128 = parts.iter().map(|&part| part as u128).sum();
        let threads = match self.mode {
            Mode::Serial => 1,
            Mode::Threads => self.connections_max,
            Mode::Pool { workers } => workers,
            Mode::Reactor { loops } => loops,
        };
        let held = match self.mode {
            Mode::Serial => 1,
            Mode::Pool { workers } => workers.min(self.connections_max),
            _ => self.connections_max,
        };
        connection * held as u128 + self.read_buffer_bytes as u128 * threads as u128
    }

    /// The most memory that a datagram server can take with these settings for each of its endpoints, in bytes, the state of handlers apart: a batch for each thread that
    /// receives, what waits for workers, what waits to be sent, and the table of peers.
    pub fn datagram_memory_bytes_max(&self) -> u128 {
        let (stations, waiting) = match self.mode {
            Mode::Serial => (1, 0),
            Mode::Reactor { loops } => (loops, 0),
            Mode::Threads | Mode::Pool { .. } => (1, self.datagram_queue_max),
        };
        let workers = match self.mode {
            Mode::Threads => self.connections_max,
            Mode::Pool { workers } => workers,
            _ => 0,
        };
        let parts = [
            (stations, Inbox::bytes_max(self.datagram_bytes_max)),
            (waiting + workers, self.datagram_bytes_max),
            (stations + workers, self.output_bytes_max),
            (self.connections_max, PEER_BYTES),
        ];
        let products = parts
            .iter()
            .map(|&(count, size)| count as u128 * size as u128);
        products.sum()
    }
}

/// Longer than any datagram that a system would carry.
const DATAGRAM_BYTES_MAX: usize = 16 << 20;
/// How many connections the keys of a loop can tell apart.
const CONNECTIONS_MAX: usize = 1 << 24;
/// What a peer of a datagram server takes, handler apart.
pub(crate) const PEER_BYTES: usize = 768;
/// What a connection takes besides its buffers, handler apart.
const CONNECTION_BYTES: usize = 256;

fn unknown_key(key: &str, known: &BTreeSet<String>) -> ConfigError {
    let nearest = known
        .iter()
        .min_by_key(|name| strsim::damerau_levenshtein(name, key));
    let nearest = nearest.map_or("", String::as_str);
    ConfigError(format!(
        "the configuration has no key '{key}': did you mean '{nearest}'?"
    ))
}

/// Times as people write them.
mod duration {
    use super::{Deserialize, Duration};
    use serde::{Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|error| {
            Error::custom(format!(
                "'{text}' is not a time ({error}): write 10s or 500ms"
            ))
        })
    }
}

/// Times that may be missing.
mod limit {
    use super::{Deserialize, Duration};
    use serde::{Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Present(#[serde(with = "super::duration")] Duration);

    #[expect(
        clippy::ref_option,
        reason = "serde hands over a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::duration::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Present>::deserialize(deserializer)?.map(|present| present.0))
    }
}

/// Sizes that may be missing.
mod size_limit {
    use super::Deserialize;
    use serde::{Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    struct Present(#[serde(with = "super::size")] usize);

    #[expect(
        clippy::ref_option,
        reason = "serde hands over a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<usize>, D::Error> {
        Ok(Option::<Present>::deserialize(deserializer)?.map(|present| present.0))
    }
}

/// Sizes in bytes, as people write them.
mod size {
    use super::Deserialize;
    use bytesize::ByteSize;
    use serde::{Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(usize),
        Text(String),
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands over a reference to the field"
    )]
    pub(super) fn serialize<S: Serializer>(
        value: &usize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(*value as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<usize, D::Error> {
        let size = match Written::deserialize(deserializer)? {
            Written::Number(size) => return Ok(size),
            Written::Text(text) => text.parse::<ByteSize>().map_err(|_| {
                Error::custom(format!("'{text}' is not a size: write 64KiB or 1MiB"))
            })?,
        };
        usize::try_from(size.as_u64()).map_err(Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_configuration_survives_json_and_is_consistent() {
        let text = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(Config::from_json(&text).unwrap(), Config::default());
        assert_eq!(Config::from_json("{}").unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn none_means_no_limit_and_zero_means_zero() {
        let config =
            Config::from_json(r#"{ "idle_timeout": null, "read_timeout": "0s", "output_low": 0 }"#)
                .unwrap();
        assert_eq!(
            (config.idle_timeout, config.read_timeout, config.output_low),
            (None, Some(Duration::ZERO), 0)
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_the_key() {
        for (text, message) in [
            ("[]", "not a JSON object"),
            ("{", "not JSON"),
            (
                r#"{ "backlogg": 1 }"#,
                "no key 'backlogg': did you mean 'backlog'?",
            ),
            (
                r#"{ "max_connections": 1 }"#,
                "did you mean 'connections_max'?",
            ),
            (
                r#"{ "mode": "fast" }"#,
                "'mode': 'fast' is not a mode: write one of serial, threads",
            ),
            (r#"{ "mode": "pool:0" }"#, "write a number from 1 to"),
            (r#"{ "mode": "serial:2" }"#, "serial takes no number"),
            (
                r#"{ "idle_timeout": "soon" }"#,
                "'idle_timeout': 'soon' is not a time",
            ),
            (
                r#"{ "output_high": "much" }"#,
                "'output_high': 'much' is not a size",
            ),
            (
                r#"{ "output_low": "1MiB" }"#,
                "output_low is above output_high",
            ),
            (r#"{ "connections_max": 0 }"#, "nobody could connect"),
            (
                r#"{ "connections_max": 16777217 }"#,
                "connections_max is above",
            ),
        ] {
            let error = Config::from_json(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn an_error_is_one_line_whatever_the_file_contains() {
        for text in [
            r#"{ "a\nb": 1 }"#,
            r#"{ "mode": "a\nb" }"#,
            r#"{ "spin": "a\nb" }"#,
            r#"{ "output_high": "a\nb" }"#,
            r#"{ "at_capacity": "a\nb" }"#,
        ] {
            let error = Config::from_json(text).unwrap_err().to_string();
            assert!(error.contains(r"a\nb") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn modes_are_printed_as_they_are_read() {
        for text in ["serial", "threads", "pool:3", "reactor:1", "reactor:2"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        assert_eq!(
            "reactor".parse::<Mode>().unwrap(),
            Mode::Reactor { loops: 1 }
        );
    }

    #[test]
    fn the_memory_bound_follows_from_the_limits() {
        let config = Config {
            connections_max: 10,
            input_bytes_max: 100,
            output_bytes_max: 1000,
            output_high: 1000,
            read_buffer_bytes: 50,
            mode: Mode::Threads,
            ..Config::default()
        };
        assert_eq!(
            config.memory_bytes_max(),
            10 * (100 + 50 + 1000 + 256) + 10 * 50
        );
    }
}
