//! How a server with its settings behaves, in one line for people.

use socketserver::{Config, MulticastGroup};

use crate::units;

/// A server for streams.
pub(crate) fn of_streams(config: &Config, memory_bytes_max: u128) -> String {
    format!(
        "mode {}; at most {} connections, {} of input and {} of output each, {} of memory in all; \
         timeouts: idle {}, read {}, write {}, lifetime {}, drain {}",
        config.mode,
        config.connections_max,
        units::bytes(config.input_bytes_max as u64),
        units::bytes(config.output_bytes_max as u64),
        units::bytes(memory_bytes_max),
        units::written(config.idle_timeout),
        units::written(config.read_timeout),
        units::written(config.write_timeout),
        units::written(config.lifetime),
        units::written(Some(config.drain_timeout)),
    )
}

/// A server for datagrams, which has no connections, and no end of one to wait for.
pub(crate) fn of_datagrams(config: &Config, memory_bytes_max: u128) -> String {
    let answers = match config.amplification_max {
        Some(max) => format!("answered with at most {max} times what was sent"),
        None => "answered without a limit".to_owned(),
    };
    let mut line = format!(
        "mode {}; datagrams of at most {}, {answers}, {} of memory in all; timeouts: peer idle {}, drain {}",
        config.mode,
        units::bytes(config.datagram_bytes_max as u64),
        units::bytes(memory_bytes_max),
        units::written(config.peer_idle_timeout),
        units::written(Some(config.drain_timeout)),
    );
    if config.broadcast {
        line.push_str("; may broadcast");
    }
    if !config.multicast_groups.is_empty() {
        let groups: Vec<_> = (config.multicast_groups.iter())
            .map(MulticastGroup::to_string)
            .collect();
        line.push_str("; in groups ");
        line.push_str(&groups.join(", "));
    }
    line
}

/// What happens when they are stopped.
pub(crate) fn of_stopping(config: &Config, has_streams: bool) -> String {
    let deadline = units::written(Some(config.drain_timeout));
    if has_streams {
        format!("stopping: live connections may finish for {deadline}; a second signal cuts them")
    } else {
        format!("stopping: what has come may be answered for {deadline}; a second signal cuts that")
    }
}
