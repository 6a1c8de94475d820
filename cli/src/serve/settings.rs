//! The settings of a server: what the flags and the environment say, over what the configuration file says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use socketserver::{AtCapacity, Config, Mode, MulticastGroup};

use crate::exit::{Code, Failure, cause};
use crate::units::{self, Limit};

/// What was said on the command line or in the environment; everything else is left to the file and the defaults.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits and deadlines")]
pub(crate) struct Settings {
    /// Read settings from this JSON file, with the names that the library has for them
    #[arg(
        long,
        value_name = "FILE",
        env = "SOCKETSERVER_CONFIG",
        help_heading = None
    )]
    config: Option<PathBuf>,
    // Not a doc comment, which would take the brackets for links.
    #[arg(long, env = "SOCKETSERVER_MODE", help_heading = None,
        help = format!("How connections are scheduled: {} [default: reactor]", Mode::FORMS))]
    mode: Option<Mode>,

    /// Connections that may be open at once [default: 1024]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_MAX_CONNECTIONS", value_parser = units::count::<usize>)]
    max_connections: Option<usize>,
    /// What happens to connections beyond that: they wait for a place, or are closed [default: wait]
    #[arg(long, value_enum, env = "SOCKETSERVER_AT_CAPACITY")]
    at_capacity: Option<Capacity>,
    /// Connections that one IP address may have open [default: none]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_MAX_PER_IP", value_parser = units::count_limit::<usize>)]
    max_per_ip: Option<Limit<usize>>,
    /// How long a connection may be silent in both directions; none for no limit [default: 10m]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_IDLE_TIMEOUT", value_parser = units::time_limit)]
    idle_timeout: Option<Limit<Duration>>,
    /// How long a message may take from its first byte to its last; none for no limit [default: 30s]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_READ_TIMEOUT", value_parser = units::time_limit)]
    read_timeout: Option<Limit<Duration>>,
    /// How long a peer may take nothing of what waits for it; none for no limit [default: 10s]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_WRITE_TIMEOUT", value_parser = units::time_limit)]
    write_timeout: Option<Limit<Duration>>,
    /// How long a connection may be open at all; none for no limit [default: none]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_LIFETIME", value_parser = units::time_limit)]
    lifetime: Option<Limit<Duration>>,
    /// How long live connections may go on when the server stops [default: 10s]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_DRAIN_TIMEOUT", value_parser = units::time)]
    drain_timeout: Option<Duration>,
    /// Bytes of input that a connection may keep waiting, and so the longest message [default: 1MiB]
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_MAX_INPUT", value_parser = units::size)]
    max_input: Option<usize>,
    /// Bytes of waiting output from which on a connection is not read from [default: 256KiB]
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_OUTPUT_HIGH", value_parser = units::size)]
    output_high: Option<usize>,
    /// Connections that the system may hold before they are accepted [default: 1024]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_BACKLOG", value_parser = units::count::<u32>)]
    backlog: Option<u32>,
    /// Let other processes of the same user listen on the same port
    #[arg(long, value_name = "BOOL", env = "SOCKETSERVER_REUSE_PORT", value_parser = units::switch,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    reuse_port: Option<bool>,
    /// Send small messages at once rather than let the system collect them [default: true]
    #[arg(long, value_name = "BOOL", env = "SOCKETSERVER_NODELAY", value_parser = units::switch,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    nodelay: Option<bool>,
    /// How long a reactor looks for the next event before it sleeps [default: 0s]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_SPIN", value_parser = units::time)]
    spin: Option<Duration>,
    /// The permission bits of the files of Unix sockets, in octal, such as 660 [default: as the umask says]
    #[arg(long, value_name = "BITS", env = "SOCKETSERVER_UNIX_MODE", value_parser = units::permissions)]
    unix_mode: Option<u32>,
    #[command(flatten)]
    datagrams: Datagrams,
}

/// What servers for datagrams can be told.
#[derive(Args, Debug)]
#[command(next_help_heading = "Datagrams")]
struct Datagrams {
    /// The longest datagram that a handler is given; longer ones are dropped and counted [default: 65535]
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_MAX_DATAGRAM", value_parser = units::size)]
    max_datagram: Option<usize>,
    /// How many times what it has sent a peer may be answered with, since its address may be forged; none for no limit [default: 3]
    #[arg(long, value_name = "N", env = "SOCKETSERVER_MAX_AMPLIFICATION", value_parser = units::count_limit::<u32>,
        visible_alias = "amplification-max")]
    max_amplification: Option<Limit<u32>>,
    /// How long a peer with a conversation of its own may be silent; none for no limit [default: 1m]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_PEER_IDLE_TIMEOUT", value_parser = units::time_limit)]
    peer_idle_timeout: Option<Limit<Duration>>,
    /// Receive what is sent to this multicast group, such as 239.1.2.3 or, at one interface, 239.1.2.3@192.0.2.1; repeatable
    #[arg(
        long,
        value_name = "GROUP",
        env = "SOCKETSERVER_MULTICAST",
        value_delimiter = ','
    )]
    multicast: Vec<MulticastGroup>,
    /// Let handlers send to broadcast addresses
    #[arg(long, value_name = "BOOL", env = "SOCKETSERVER_BROADCAST", value_parser = units::switch,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    broadcast: Option<bool>,
}

impl Datagrams {
    fn apply(self, config: &mut Config) {
        set(&mut config.datagram_bytes_max, self.max_datagram);
        set(
            &mut config.amplification_max,
            self.max_amplification.map(|Limit(limit)| limit),
        );
        set(
            &mut config.peer_idle_timeout,
            self.peer_idle_timeout.map(|Limit(limit)| limit),
        );
        set(&mut config.broadcast, self.broadcast);
        if !self.multicast.is_empty() {
            config.multicast_groups = self.multicast;
        }
    }
}

/// [`AtCapacity`], as a word of the command line.
#[derive(Clone, Copy, Debug)]
struct Capacity(AtCapacity);

impl ValueEnum for Capacity {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(AtCapacity::Wait), Self(AtCapacity::Refuse)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            AtCapacity::Wait => "wait",
            AtCapacity::Refuse => "refuse",
        }))
    }
}

impl Settings {
    /// The settings in force.
    pub(crate) fn config(self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => read(path)?,
            None => Config::default(),
        };
        self.apply(&mut config);
        config
            .check()
            .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
        Ok(config)
    }

    fn apply(self, config: &mut Config) {
        set(&mut config.mode, self.mode);
        set(&mut config.connections_max, self.max_connections);
        set(
            &mut config.at_capacity,
            self.at_capacity.map(|Capacity(policy)| policy),
        );
        set(
            &mut config.connections_per_ip_max,
            self.max_per_ip.map(|Limit(limit)| limit),
        );
        set(
            &mut config.idle_timeout,
            self.idle_timeout.map(|Limit(limit)| limit),
        );
        set(
            &mut config.read_timeout,
            self.read_timeout.map(|Limit(limit)| limit),
        );
        set(
            &mut config.write_timeout,
            self.write_timeout.map(|Limit(limit)| limit),
        );
        set(
            &mut config.lifetime,
            self.lifetime.map(|Limit(limit)| limit),
        );
        set(&mut config.drain_timeout, self.drain_timeout);
        set(&mut config.input_bytes_max, self.max_input);
        set(&mut config.output_high, self.output_high);
        set(&mut config.backlog, self.backlog);
        set(&mut config.reuse_port, self.reuse_port);
        set(&mut config.nodelay, self.nodelay);
        set(&mut config.spin, self.spin);
        set(&mut config.unix_mode, self.unix_mode.map(Some));
        if self
            .output_high
            .is_some_and(|high| high < config.output_low)
        {
            // There is no flag for the low mark, so that it follows in the proportion that the defaults have.
            config.output_low = config.output_high / 4;
        }
        self.datagrams.apply(config);
    }
}

fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

fn read(path: &Path) -> Result<Config, Failure> {
    let wrong = |sentence| Failure::new(Code::Usage, sentence);
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        wrong(format!(
            "cannot read the configuration file {name}: {}",
            cause(&error)
        ))
    })?;
    Config::from_json(&text).map_err(|error| wrong(format!("{name}: {error}")))
}
