//! A million senders, forged or not, cost no memory and silence nobody who is known.
//!
//! It is a test binary of its own, since the memory of the whole process is looked at.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socketserver::{Config, Datagram, Eviction, HandlerError, Mode, Peer, PeerHandler};
use socketserver_tests::{Carrier, DatagramCase, Running};

/// Remembers, and answers nothing.
struct Silent;

impl PeerHandler for Silent {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        if datagram.bytes() == b"prove" {
            peer.prove();
            peer.send(b"yes")?;
        }
        Ok(())
    }
}

/// How much memory this process has, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("it has a size");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

/// Sends one datagram from each of so many addresses of this machine, and waits now and then until the server has received them.
fn flood(server: &Running, senders: u32) {
    let to = server.address().socket_addr().expect("it has a port");
    let mut sent = server.stats().datagrams_in;
    for number in 0..senders {
        // 127.1.0.0 and what follows are as good as forged: each datagram comes from somebody else.
        let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number);
        let socket = UdpSocket::bind(SocketAddr::from((from, 0))).expect("a socket");
        socket.send_to(b"hello", to).expect("it is sent");
        sent += 1;
        if number % 64 == 63 {
            server.until("them to be received", |stats| stats.datagrams_in == sent);
        }
    }
    server.until("all to be received", |stats| stats.datagrams_in == sent);
}

fn case(mode: Mode) -> DatagramCase {
    DatagramCase {
        mode,
        carrier: Carrier::UdpV4,
    }
}

/// Floods a server, and looks at its memory after a tenth of the flood and after all of it.
fn memory_stays_flat(mode: Mode, eviction: Eviction, senders: u32) {
    let config = Config {
        connections_max: 1024,
        eviction,
        // A million take longer than a minute, after which those who came first would make room for others.
        peer_idle_timeout: None,
        ..case(mode).config()
    };
    let server = case(mode).serve_peers_with(config, |_| Silent);
    let known = server.caller();
    assert_eq!(known.ask(b"prove"), b"yes");
    server.until("it to be counted", |stats| stats.datagrams_in == 1);
    flood(&server, senders / 10);
    let before = resident_kib();
    flood(&server, senders);
    let after = resident_kib();
    assert!(
        after <= before + 2048,
        "{mode} {eviction:?}: {before} KiB before, {after} KiB after"
    );
    if eviction != Eviction::Idlest {
        assert_eq!(known.ask(b"prove"), b"yes", "who was known is known");
    }
    let stats = server.stop().stats;
    assert!(stats.accepted >= 1024, "{stats:?}");
    let gone = stats.refused + stats.closed.get("evicted").copied().unwrap_or(0);
    assert!(
        gone + 1024 >= u64::from(senders) + u64::from(senders / 10),
        "{stats:?}"
    );
}

#[test]
fn ten_thousand_senders_leave_memory_flat_in_every_mode() {
    for mode in [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 2 },
        Mode::Reactor { loops: 1 },
    ] {
        memory_stays_flat(mode, Eviction::Refuse, 10_000);
    }
    memory_stays_flat(Mode::Reactor { loops: 1 }, Eviction::Unproven, 10_000);
    memory_stays_flat(Mode::Reactor { loops: 1 }, Eviction::Idlest, 10_000);
}

/// Half a minute for each policy, so it runs on demand: CONTRIBUTING has the command.
#[test]
#[ignore = "half a minute for each policy"]
fn a_million_senders_leave_memory_flat() {
    for eviction in [Eviction::Refuse, Eviction::Unproven, Eviction::Idlest] {
        let before = resident_kib();
        memory_stays_flat(Mode::Reactor { loops: 1 }, eviction, 1_000_000);
        println!("{eviction:?}: {before} KiB, {} KiB", resident_kib());
    }
}
