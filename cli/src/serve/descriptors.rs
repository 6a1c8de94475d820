//! Room for file descriptors: a connection needs one, and the system's first offer is often too small.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socketserver::{Config, Mode};

/// Descriptors besides those of connections: standard streams, listeners, polls, wake-ups, signals.
const RESERVE: u64 = 64;

/// Raises the limit on open files to what the connections of so many servers need, as far as the system permits, and warns
/// where it does not.
pub(crate) fn make_room(config: &Config, servers: usize) {
    if servers == 0 {
        return;
    }
    let connections = connections(config).saturating_mul(servers as u64);
    let needed = connections.saturating_add(RESERVE);
    let limit = getrlimit(Resource::Nofile);
    let granted = grant(limit.current, limit.maximum, needed);
    if granted != limit.current {
        let raised = Rlimit {
            current: granted,
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            log::info!("the limit on open files stays as it was: {error}");
        }
    }
    if let Some(files) = getrlimit(Resource::Nofile)
        .current
        .filter(|files| *files < needed)
    {
        let room = files.saturating_sub(RESERVE);
        log::warn!(
            "at most {room} of {connections} connections can be open, since only {files} files may be: \
             raise the limit (ulimit -Hn) or lower --max-connections"
        );
    }
}

/// How many connections a server has open at once.
fn connections(config: &Config) -> u64 {
    match config.mode {
        Mode::Serial => 1,
        _ => config.connections_max as u64,
    }
}

/// The limit to ask for: what is needed, within what may be had. None is no limit.
fn grant(current: Option<u64>, maximum: Option<u64>, needed: u64) -> Option<u64> {
    let reachable = maximum.map_or(needed, |maximum| maximum.min(needed));
    current.map(|current| current.max(reachable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_permitted_and_never_lowered() {
        assert_eq!(grant(Some(1024), Some(4096), 2000), Some(2000));
        assert_eq!(grant(Some(1024), Some(4096), 9000), Some(4096));
        assert_eq!(grant(Some(1024), None, 9000), Some(9000));
        assert_eq!(grant(Some(1024), Some(4096), 100), Some(1024));
        assert_eq!(grant(None, None, 9000), None);
    }
}
