//! `serve` with datagrams: what it says it will do with them, and what became of them.

use rustix::process::Signal;
use serde_json::Value;

use crate::datagrams::{receive, udp_socket};
use crate::process::{Path, Process, command};

#[test]
fn a_server_says_how_it_treats_datagrams_and_what_became_of_them() {
    let mut command = command([
        "serve",
        "echo",
        "udp://0.0.0.0:0",
        "--max-datagram",
        "10",
        "--peer-idle-timeout=none",
        "--multicast=239.255.19.1@127.0.0.1",
        // Far more than files may be open, which concerns nobody here.
        "--max-connections=10000000",
        "--broadcast",
    ]);
    let file = Path::new();
    command.env("SOCKETSERVER_STATS_FILE", &*file);
    let mut server = Process::start(command.env("SOCKETSERVER_MAX_AMPLIFICATION", "7"));
    let address = server.address();
    assert_eq!(
        server.stderr.line(),
        "mode reactor:1; datagrams of at most 10 B, answered with at most 7 times what was sent, \
         7.2 GiB of memory in all; timeouts: peer idle none, drain 10s; may broadcast; in groups 239.255.19.1@127.0.0.1"
    );
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let (socket, _) = udp_socket();
    socket
        .send_to(b"longer than ten", ("127.0.0.1", port))
        .unwrap();
    socket
        .send_to(b"to the group", ("239.255.19.1", port))
        .unwrap();
    socket
        .send_to(b"ten bytes.", ("239.255.19.1", port))
        .unwrap();
    assert_eq!(
        receive(&socket),
        (b"ten bytes.".to_vec(), ([127, 0, 0, 1], port).into())
    );
    server.signal(Signal::TERM);
    assert_eq!(
        server.stderr.line(),
        "stopping: what has come may be answered for 10s; a second signal cuts that"
    );
    let ended = server.end();
    let report = "echo: received 3 datagrams (30 B), sent 1 (10 B); truncated 2, dropped 0, answers refused 0, not sent 0; \
                  0 handler errors, 0 panics\n";
    assert_eq!(ended.stderr, report);
    assert_eq!(ended.code, Some(0));
    let stats: Value = serde_json::from_str(&std::fs::read_to_string(&*file).unwrap()).unwrap();
    assert_eq!(stats["datagrams_truncated"], 2);
}

#[test]
fn who_is_not_proven_may_be_answered_with_nothing_or_without_a_limit() {
    for (flag, summary, report) in [
        (
            "--max-amplification 0",
            "answered with at most 0 times what was sent,",
            "sent 0 (0 B); truncated 0, dropped 0, answers refused 1",
        ),
        (
            "--amplification-max none",
            "answered without a limit,",
            "sent 1 (8 B); truncated 0, dropped 0, answers refused 0",
        ),
    ] {
        let mut server = Process::run(&format!("serve echo udp://:0 {flag}"));
        let mut client = Process::run(&format!("connect {}", server.address()));
        client.types("question");
        client.types_no_more();
        assert_eq!(client.end().code, Some(0));
        let line = server.stderr.line();
        assert!(line.contains(summary), "{line}");
        server.signal(Signal::TERM);
        let line = server.stderr.line_with(&["echo: "]);
        assert!(line.contains(report), "{line}");
    }
}
