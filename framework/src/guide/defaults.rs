//! Defaults and why: every setting of [`Config`], what it is when nothing is said, and the reason.
//!
//! The defaults are for a small service that anybody may reach: they lose no burst, they let nobody hold anything for
//! ever, and they promise no more memory than [`Config::memory_bytes_max`] says. Values stand here as they are written in a
//! configuration file; `null` is no limit, and zero is zero.
//!
//! # Where and how to listen
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`mode`](Config::mode) | `"reactor:1"` | one thread serves thousands of connections with the least memory, and on most machines one processor is not what is short; handlers that wait choose `threads`, or the blocking style |
//! | [`backlog`](Config::backlog) | `1024` | a client beyond the backlog is not refused but ignored, and tries again after a second; Python's 5 loses every burst. Linux clamps it at `net.core.somaxconn` |
//! | [`reuse_address`](Config::reuse_address) | `true` | a restarted server can bind at once although connections of the old one linger. On Linux that never takes a port from a server that lives |
//! | [`reuse_port`](Config::reuse_port) | `false` | a second server that is started by mistake should fail, and not take half of the connections |
//! | [`dual_stack`](Config::dual_stack) | `true` | `[::]` then means everybody, on every system: it is always stated, and never left to the system's own default |
//! | [`nodelay`](Config::nodelay) | `true` | what a callback writes leaves in one piece already, so that the delay would buy nothing |
//! | [`unix_mode`](Config::unix_mode) | `null` | the umask is where the administrator has said it |
//!
//! # How many
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`connections_max`](Config::connections_max) | `1024` | without a limit the first one that is met is that of file descriptors or memory, at a place where nothing sensible can be done. This one fits into the 1,024 descriptors of most shells but for a few, and is meant to be raised |
//! | [`at_capacity`](Config::at_capacity) | `"wait"` | a short peak passes without anybody being turned away. `refuse` is for clients that can go elsewhere |
//! | [`connections_per_ip_max`](Config::connections_per_ip_max) | `null` | behind one address there may be a whole company or a proxy; only the operator knows |
//! | [`threads_idle_max`](Config::threads_idle_max) | `64` | enough that a steady stream of short connections starts no threads, and little memory when it ends |
//! | [`thread_idle_timeout`](Config::thread_idle_timeout) | `"10s"` | longer than pauses within a burst, shorter than anybody looks at the number of threads |
//! | [`pool_queue_max`](Config::pool_queue_max) | `64` | who waits in the queue costs a descriptor and sees no progress; beyond that the backlog is the better place |
//!
//! # How long
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`idle_timeout`](Config::idle_timeout) | `"10m"` | clients that have vanished without a word are never noticed otherwise. People who think for some minutes are not disturbed |
//! | [`read_timeout`](Config::read_timeout) | `"30s"` | a message that has begun is worth waiting for, but not at one byte per minute. It counts for the whole message |
//! | [`write_timeout`](Config::write_timeout) | `"10s"` | it counts only while nothing moves at all, and a peer whose window is shut for so long is gone or unwilling |
//! | [`lifetime`](Config::lifetime) | `null` | a long conversation is no fault |
//! | [`drain_timeout`](Config::drain_timeout) | `"10s"` | what is under way usually takes less, and those who stop a service (systemd, Kubernetes) wait for 30 s or more before they kill |
//! | [`linger_timeout`](Config::linger_timeout) | `"5s"` | a socket that is closed with unread input resets, which destroys our last bytes on their way; some round trips of a bad line are enough to prevent that |
//! | [`linger_bytes_max`](Config::linger_bytes_max) | `"16MiB"` | what is dropped costs time and no memory: enough for whatever a client had on its way, and an end for one that sends for ever |
//!
//! # How much
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`input_bytes_max`](Config::input_bytes_max) | `"1MiB"` | longer than nearly all messages, and short enough that a thousand peers that each hold one cost a gigabyte and not a hundred |
//! | [`output_high`](Config::output_high) | `"256KiB"` | several times what the kernel's own buffers begin with, so that a fast peer is never slowed down |
//! | [`output_low`](Config::output_low) | `"64KiB"` | a quarter: far enough below that reading does not switch on and off with each packet, and not so low that the line falls idle |
//! | [`output_bytes_max`](Config::output_bytes_max) | `"16MiB"` | only for handlers that write without being asked; nobody reaches it by answering, since the peer is not read from beyond `output_high` |
//! | [`read_buffer_bytes`](Config::read_buffer_bytes) | `"64KiB"` | one for each thread, so that it may be large: what has come is taken with one call |
//! | [`turn_bytes_max`](Config::turn_bytes_max) | `"256KiB"` | some tens of microseconds of copying, after which the next connection of the loop has its turn |
//! | [`accepts_per_turn_max`](Config::accepts_per_turn_max) | `64` | a flood of connections must not keep those waiting that are there already |
//!
//! # Blocking handlers on a reactor
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`coroutine_stack_bytes`](Config::coroutine_stack_bytes) | `"256KiB"` | only pages that were touched take memory, so that room for some depth costs address space alone. Threads have 2 MiB: who recurses deeply raises this |
//! | [`offload_threads_max`](Config::offload_threads_max) | `4` | disks and password hashes gain little from more, and the processors belong to the loops |
//! | [`offload_queue_max`](Config::offload_queue_max) | `1024` | as many as there are connections by default; beyond it an error is a better answer than a long wait |
//!
//! # Datagrams
//!
//! Of the settings above [`mode`](Config::mode), [`connections_max`](Config::connections_max) (the workers of `threads`, and the peers that are known at once),
//! `connections_per_ip_max`, `threads_idle_max`, `thread_idle_timeout`, `drain_timeout`, `output_bytes_max` (what waits at one socket), `slow_callback` and `spin` hold for
//! datagrams, too.
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`datagram_bytes_max`](Config::datagram_bytes_max) | `65535` | no UDP datagram is longer, so that none is ever cut, and room for one costs nothing until one comes |
//! | [`datagram_queue_max`](Config::datagram_queue_max) | `1024` | a burst is kept, and when the workers cannot keep up an old datagram is worth no more than a new one. In a pool each worker has its share |
//! | [`amplification_max`](Config::amplification_max) | `3` | the sender of a datagram may be forged. Three times is what QUIC allows: enough to answer, too little to be worth an attack |
//! | [`peer_idle_timeout`](Config::peer_idle_timeout) | `"60s"` | a peer cannot hang up, so that silence is the only end; most that are alive say something within a minute |
//! | [`peers_per_network_max`](Config::peers_per_network_max) | `null` | behind one network there may be a whole company; only the operator knows |
//! | [`eviction`](Config::eviction) | `"refuse"` | those who talk are worth more than those who may be forged; `unproven` and `idlest` are for servers that must always hear a newcomer |
//! | [`receive_buffer_bytes`](Config::receive_buffer_bytes) | `null` | the system's own size is tuned by the administrator; servers of bursts raise it |
//! | [`broadcast`](Config::broadcast) | `false` | a datagram that reaches everybody should never be sent by mistake |
//! | [`multicast_groups`](Config::multicast_groups) | `[]` | groups are joined by those who want to hear them |
//! | [`multicast_ttl`](Config::multicast_ttl) | `1` | it stays in the local network until somebody decides otherwise |
//! | [`multicast_loop`](Config::multicast_loop) | `true` | members on the same machine are members, too |
//! | [`multicast_interface`](Config::multicast_interface) | `null` | on most machines there is only one that leads anywhere |
//!
//! # Watching and waiting
//!
//! | Setting | Default | Because |
//! |---|---|---|
//! | [`slow_callback`](Config::slow_callback) | `"100ms"` | people notice such a delay, and no computation that belongs on a loop takes so long. The clock that is read for it is exact to some milliseconds |
//! | [`spin`](Config::spin) | `"0s"` | looking for events in place of sleeping makes a single connection three times as quick, at the price of a processor that is never idle; that is for the operator to pay |

#[cfg(doc)]
use crate::Config;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::Config;

    /// The settings and defaults of the tables above.
    fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
        include_str!("defaults.rs").lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("//! | [`")?.split_once("`](Config::")?;
            let (link, rest) = rest.split_once(") | `")?;
            assert_eq!(name, link, "a link leads to another setting");
            let (default, reason) = rest.split_once("` | ")?;
            assert!(reason.len() > 20, "{name} has no reason");
            Some((name, default))
        })
    }

    #[test]
    fn the_chapter_has_every_setting_once() {
        let names: Vec<_> = rows().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(
            names.iter().cloned().collect::<BTreeSet<_>>(),
            Config::keys()
        );
        assert_eq!(names.len(), Config::keys().len());
    }

    #[test]
    fn the_chapter_has_the_defaults_in_force() {
        for (name, default) in rows() {
            let text = format!("{{ \"{name}\": {default} }}");
            let config = Config::from_json(&text).unwrap();
            assert_eq!(
                config,
                Config::default(),
                "the default of {name} is not {default}"
            );
        }
    }
}
