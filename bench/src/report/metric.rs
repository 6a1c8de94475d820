//! What a run can be compared by: a name, a unit, and which way is better.

use std::fmt;
use std::str::FromStr;

use super::Run;

/// One figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Answers in a second, or deliveries of a chat.
    Served,
    /// The median latency, in microseconds.
    P50,
    /// The 90th percentile of the latency, in microseconds.
    P90,
    /// The 99th percentile of the latency, in microseconds.
    P99,
    /// The 99.9th percentile of the latency, in microseconds.
    P999,
    /// The highest latency, in microseconds.
    Max,
    /// Time on a processor for each message, in microseconds.
    Cpu,
    /// The part of it in the server's own code.
    User,
    /// The part of it in the kernel.
    System,
    /// System calls for each message.
    SystemCalls,
    /// Context switches for each message.
    ContextSwitches,
    /// Memory in the end, in bytes.
    Memory,
    /// Memory that came with each connection, in bytes.
    MemoryPerConnection,
    /// Threads in the end.
    Threads,
    /// How evenly connections were served: at most 1.
    Fairness,
    /// Things that went wrong.
    Errors,
    /// Datagrams that were lost, in parts of a hundred; of streams nothing.
    Loss,
    /// Bytes of files in a second; of messages nothing.
    Throughput,
    /// Time on a processor for each GiB of files, in microseconds; of messages nothing.
    CpuPerGib,
    /// Answers, or deliveries of a chat, for each second that the server was on a processor.
    ServedPerCpuSecond,
}

/// In what a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// In a second.
    PerSecond,
    /// Microseconds.
    Microseconds,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// A plain number.
    Count,
    /// Parts of a hundred.
    Percent,
}

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// A name that no metric has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMetric(String);

impl Metric {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 20] = [
        Self::Served,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::Cpu,
        Self::User,
        Self::System,
        Self::SystemCalls,
        Self::ContextSwitches,
        Self::Memory,
        Self::MemoryPerConnection,
        Self::Threads,
        Self::Fairness,
        Self::Errors,
        Self::Loss,
        Self::Throughput,
        Self::CpuPerGib,
        Self::ServedPerCpuSecond,
    ];

    /// The word for it, on the command line and in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::Cpu => "cpu",
            Self::User => "user",
            Self::System => "system",
            Self::SystemCalls => "syscalls",
            Self::ContextSwitches => "switches",
            Self::Memory => "memory",
            Self::MemoryPerConnection => "memory-per-connection",
            Self::Threads => "threads",
            Self::Fairness => "fairness",
            Self::Errors => "errors",
            Self::Loss => "loss",
            Self::Throughput => "throughput",
            Self::CpuPerGib => "cpu-per-gib",
            Self::ServedPerCpuSecond => "served-per-cpu-second",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Served | Self::ServedPerCpuSecond => Unit::PerSecond,
            Self::P50
            | Self::P90
            | Self::P99
            | Self::P999
            | Self::Max
            | Self::Cpu
            | Self::User
            | Self::System
            | Self::CpuPerGib => Unit::Microseconds,
            Self::Memory | Self::MemoryPerConnection => Unit::Bytes,
            Self::SystemCalls
            | Self::ContextSwitches
            | Self::Threads
            | Self::Fairness
            | Self::Errors => Unit::Count,
            Self::Loss => Unit::Percent,
            Self::Throughput => Unit::BytesPerSecond,
        }
    }

    /// Whether more of it is better.
    pub fn is_better_high(self) -> bool {
        matches!(
            self,
            Self::Served | Self::Fairness | Self::Throughput | Self::ServedPerCpuSecond
        )
    }

    /// Its value for a run, where the run has one.
    #[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
    pub fn of(self, run: &Run) -> Option<f64> {
        let latency = |part: f64| {
            let quantile = run.has_latency().then(|| run.latency.quantile(part));
            quantile.flatten()
        };
        let per_message = |value: f64| (run.served > 0).then(|| value / run.served as f64);
        let server = run.server.as_ref();
        let cpu_seconds = server.map(|server| server.user_seconds + server.system_seconds);
        let bytes = run.bytes.map(|bytes| bytes as f64);
        match self {
            Self::Served => Some(run.served_per_second()),
            Self::P50 => latency(0.5),
            Self::P90 => latency(0.9),
            Self::P99 => latency(0.99),
            Self::P999 => latency(0.999),
            Self::Max => run.has_latency().then_some(run.latency.max_us),
            Self::Cpu => per_message(1e6 * cpu_seconds?),
            Self::User => per_message(1e6 * server?.user_seconds),
            Self::System => per_message(1e6 * server?.system_seconds),
            Self::SystemCalls => server?.system_calls_per_message,
            Self::ContextSwitches => per_message(server?.context_switches as f64),
            Self::Memory => Some(server?.resident_bytes as f64),
            Self::MemoryPerConnection => Some(server?.bytes_per_connection),
            Self::Threads => Some(server?.threads as f64),
            Self::Fairness => (run.served > 0).then_some(run.fairness),
            Self::Errors => Some(run.error_count() as f64),
            Self::Loss => run.datagrams.map(|datagrams| datagrams.loss_percent()),
            Self::Throughput => bytes
                .filter(|_| run.seconds > 0.0)
                .map(|bytes| bytes / run.seconds),
            Self::CpuPerGib => {
                let gib = bytes.filter(|&bytes| bytes > 0.0)? / GIB;
                Some(1e6 * cpu_seconds? / gib)
            }
            Self::ServedPerCpuSecond => {
                let seconds = cpu_seconds.filter(|&seconds| seconds > 0.0)?;
                (run.served > 0).then(|| run.served as f64 / seconds)
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(word: &str) -> Result<Self, UnknownMetric> {
        let found = Self::ALL.into_iter().find(|metric| metric.word() == word);
        found.ok_or_else(|| UnknownMetric(word.to_owned()))
    }
}

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not measured: write ", self.0.escape_debug())?;
        let words = Metric::ALL.map(Metric::word);
        let (last, first) = words.split_last().unwrap_or((&"", &[]));
        write!(f, "{} or {last}", first.join(", "))
    }
}

impl std::error::Error for UnknownMetric {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Cost;

    #[test]
    fn a_second_of_a_processor_is_told_by_what_it_has_served() {
        let mut run = Run {
            seconds: 4.0,
            served: 300_000,
            ..Run::default()
        };
        let of = |run: &Run| Metric::ServedPerCpuSecond.of(run);
        assert_eq!(of(&run), None, "nobody has looked at the server");
        run.server = Some(Cost {
            user_seconds: 0.5,
            system_seconds: 1.0,
            ..Cost::default()
        });
        assert_eq!(of(&run), Some(200_000.0));
        assert_eq!(
            Metric::Cpu.of(&run),
            Some(5.0),
            "one is the other's inverse"
        );
        run.served = 0;
        assert_eq!(of(&run), None);
    }

    #[test]
    fn files_have_figures_of_their_bytes_and_messages_have_none() {
        let mut run = Run {
            seconds: 2.0,
            served: 4,
            server: Some(Cost {
                user_seconds: 0.25,
                system_seconds: 0.75,
                ..Cost::default()
            }),
            ..Run::default()
        };
        assert_eq!(Metric::Throughput.of(&run), None);
        assert_eq!(Metric::CpuPerGib.of(&run), None);
        run.bytes = Some(2 << 30);
        assert_eq!(Metric::Throughput.of(&run), Some(GIB));
        assert_eq!(Metric::CpuPerGib.of(&run), Some(0.5e6));
        run.bytes = Some(0);
        assert_eq!(Metric::Throughput.of(&run), Some(0.0));
        assert_eq!(Metric::CpuPerGib.of(&run), None, "nothing costs no GiB");
    }
}
