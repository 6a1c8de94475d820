//! What `load` and `compare` have in common: the form of a load, and the end that Control-C asks for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{ArgAction, Args};
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use socketserver_bench::load::{Conversation, Form};

use crate::exit::Failure;
use crate::units;

/// The form of a load.
#[derive(Args, Debug)]
#[command(next_help_heading = "The load")]
pub(crate) struct LoadOptions {
    /// Bytes of a message, or of a file [default: 64; of a file 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    size: Option<usize>,
    /// Closed loop: messages that each connection has on their way at once; in a chat each member that speaks, until everybody has them
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::count::<usize>)]
    window: usize,
    /// Open loop instead: so many messages are due in a second, by all connections together, and the latency counts from when
    /// each was due, in a chat to each delivery. Compare takes several rates, with commas between them, and speaks of the highest
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with = "window", value_parser = rate)]
    rate: Vec<f64>,
    /// Churn instead: connect, exchange one message, close, again and again (not over datagrams, and not in a chat)
    #[arg(long, conflicts_with_all = ["window", "rate", "think"])]
    churn: bool,
    /// How long a connection waits after an answer, in a closed loop
    #[arg(long, value_name = "TIME", default_value = "0s", conflicts_with = "rate", value_parser = units::time)]
    pub(crate) think: Duration,
    /// How many of the connections speak; the others are open and silent (not over datagrams) [default: all; in a chat 1]
    #[arg(long, value_name = "N", value_parser = units::count::<usize>)]
    pub(crate) active: Option<usize>,
    /// Connections besides, that send as much as they can and never read; in a chat members that only never read, once they are in (not over datagrams)
    #[arg(long, value_name = "N", default_value = "0", value_parser = units::count::<usize>)]
    pub(crate) stuck: usize,
    /// Send small messages at once, on both sides, rather than let the system collect them
    #[arg(long, value_name = "BOOL", default_value = "true", action = ArgAction::Set, value_parser = units::switch)]
    pub(crate) nodelay: bool,
    /// After how long a datagram without an answer counts as lost, and is followed by another one in a closed loop
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::time)]
    pub(crate) loss_timeout: Duration,
    /// How long the load lasts before anything is measured
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = units::time)]
    pub(crate) warm_up: Duration,
}

/// Bytes of a message where nothing is said.
const MESSAGE_BYTES: usize = 64;
/// Bytes of a file: so many that what comes before and after them hardly counts, and few enough that several are transferred in a second.
const FILE_BYTES: usize = 16 << 20;

impl LoadOptions {
    /// Bytes of a message, or of a file.
    pub(crate) fn message_bytes(&self, conversation: Conversation) -> usize {
        self.size.unwrap_or(if conversation.has_files() {
            FILE_BYTES
        } else {
            MESSAGE_BYTES
        })
    }

    /// One form, or open loops at several rates, in rising order.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let mut rates = self.rate.clone();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        match rates.as_slice() {
            _ if self.churn => vec![Form::Churn],
            [] => vec![Form::Closed {
                window: self.window,
            }],
            rates => rates.iter().map(|&rate| Form::Open { rate }).collect(),
        }
    }
}

/// `20000`, `20k`, `0.5`.
fn rate(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1e3),
        None => (text, 1.0),
    };
    let rate = digits.parse::<f64>().ok().map(|rate| rate * factor);
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| format!("'{text}' is not a rate: write 20000 or 20k, messages in a second"))
}

/// Becomes true at Control-C or SIGTERM. Further signals change nothing: the servers that were started must be ended first, which has a
/// deadline.
pub(crate) fn stop_when_interrupted() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())
            .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    }
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_above_zero() {
        assert_eq!(rate("20000"), Ok(20_000.0));
        assert_eq!(rate("1.5k"), Ok(1500.0));
        for wrong in ["", "0", "-1", "fast", "inf", "1M"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
