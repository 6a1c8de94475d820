//! `serve`: where it listens, what it serves, and how it is configured.

use std::io::{Read, Write, pipe};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::process::{Path, Process, command, dial, exchange, pattern};

const MODES: [&str; 5] = ["serial", "threads", "pool:4", "reactor", "reactor:2"];
const STYLES: [&str; 2] = ["events", "blocking"];

/// Serves a handler in every mode and style on every kind of endpoint, and compares what comes back.
fn in_every_mode(handler: &str, expected: fn(&[u8]) -> Vec<u8>) {
    let input = pattern(300_000);
    let with_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    for (mode, style) in MODES
        .into_iter()
        .flat_map(|mode| STYLES.map(|style| (mode, style)))
    {
        let path = Path::new();
        let name = path.file_name().unwrap().to_str().unwrap();
        let ipv6 = if with_ipv6 { "tcp://[::1]:0" } else { "" };
        let words = format!(
            "serve {handler} :0 unix:{path} unix:@{name} {ipv6} --mode {mode} --style {style}"
        );
        let mut process = Process::run(&words);
        for start in ["tcp://127.0.0.1:", "unix:", "unix:@", "tcp://[::1]:"]
            .into_iter()
            .take(3 + usize::from(with_ipv6))
        {
            let address = process.address();
            assert!(
                address.starts_with(start) && !address.ends_with(":0"),
                "{address}"
            );
            let output = exchange(&address, &input);
            assert!(
                output == expected(&input),
                "{words}: wrong bytes at {address}"
            );
        }
    }
}

#[test]
fn echo_sends_back_everything_in_every_mode() {
    in_every_mode("echo", <[u8]>::to_vec);
}

#[test]
fn uppercase_sends_back_capital_letters_in_every_mode() {
    in_every_mode("uppercase", <[u8]>::to_ascii_uppercase);
}

#[test]
fn uppercase_knows_all_letters_when_it_is_told_to() {
    for style in STYLES {
        let mut process = Process::run(&format!("serve uppercase :0 --unicode --style {style}"));
        assert_eq!(
            exchange(&process.address(), "grüße\n".as_bytes()),
            "GRÜSSE\n".as_bytes()
        );
    }
}

#[test]
fn lines_are_answered_after_work_or_a_wait_in_every_mode() {
    for (mode, style) in MODES
        .into_iter()
        .flat_map(|mode| STYLES.map(|style| (mode, style)))
    {
        for handler in ["work", "work:1ms", "wait", "wait:1ms"] {
            let words = format!("serve {handler} :0 --mode {mode} --style {style}");
            let mut process = Process::run(&words);
            let output = exchange(&process.address(), b"one\r\ntwo\nrest");
            assert_eq!(output, b"one\ntwo\nrest\n", "{words}");
        }
    }
}

#[test]
fn a_handler_is_reported_with_its_time() {
    for (handler, name) in [("work", "work:200us"), ("wait:1s 500ms", "wait:1s 500ms")] {
        let mut process = Process::start(&mut command(["serve", handler, ":0"]));
        process.address();
        process.signal(rustix::process::Signal::TERM);
        let start = format!("{name}: served 0 connections");
        process.stderr.line_with(&[&start]);
    }
}

#[test]
fn a_line_on_standard_error_says_mode_limits_and_memory() {
    let mut process =
        Process::run("serve echo :0 --mode pool:3 --max-connections 10 --idle-timeout none");
    assert_eq!(
        process.stderr.line_with(&["mode "]),
        "mode pool:3; at most 10 connections, 1.0 MiB of input and 16.0 MiB of output each, 51.4 MiB of memory in all; \
         timeouts: idle none, read 30s, write 10s, lifetime none, drain 10s"
    );
}

#[test]
fn without_a_handler_all_are_served_on_their_default_ports() {
    let mut process = Process::run("serve");
    let note = process.stderr.line_with(&["mode ", "socketserver: "]);
    if note.starts_with("socketserver: ") {
        // Somebody on this machine has one of the ports.
        assert!(
            note.starts_with("socketserver: cannot bind tcp://127.0.0.1:900"),
            "{note}"
        );
        assert_eq!(process.end().code, Some(4));
        return;
    }
    assert_eq!(process.address(), "tcp://127.0.0.1:9001");
    assert_eq!(process.address(), "tcp://127.0.0.1:9002");
    assert_eq!(process.address(), "tcp://127.0.0.1:9003");
    // A chat has other limits than the handlers that echo.
    process.stderr.line_with(&["mode "]);
    for (handler, port) in [("echo", 9001), ("uppercase", 9002), ("chat", 9003)] {
        let line = process.stderr.line();
        assert!(line.starts_with(handler), "{line}");
        assert!(
            line.contains(&format!("try: nc 127.0.0.1 {port}, ")),
            "{line}"
        );
        assert!(
            line.ends_with(&format!("socketserver connect :{port}")),
            "{line}"
        );
    }
    assert_eq!(exchange("tcp://127.0.0.1:9001", b"same"), b"same");
    assert_eq!(exchange("tcp://127.0.0.1:9002", b"large"), b"LARGE");
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file() {
    let file = Path::with(
        r#"{ "mode": "threads", "idle_timeout": "1s", "read_timeout": "2s", "write_timeout": "3s" }"#,
    );
    let mut command = command(["serve", "echo", ":0", "--mode", "reactor:2", "--config"]);
    command
        .arg(&*file)
        .env("SOCKETSERVER_MODE", "pool:3")
        .env("SOCKETSERVER_IDLE_TIMEOUT", "4s");
    let mut process = Process::start(&mut command);
    let line = process.stderr.line_with(&["mode "]);
    assert!(line.starts_with("mode reactor:2; "), "{line}");
    assert!(
        line.contains("idle 4s, read 2s, write 3s, lifetime none"),
        "{line}"
    );
}

#[test]
fn a_low_output_mark_follows_a_high_one_that_was_lowered() {
    let mut process = Process::run("serve echo :0 --output-high 1KiB");
    let input = pattern(300_000);
    assert!(exchange(&process.address(), &input) == input);
}

#[test]
fn quiet_leaves_out_the_notes() {
    let mut process = Process::run("serve echo :0 --quiet");
    process.address();
    process.signal(rustix::process::Signal::TERM);
    let ended = process.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_unix_socket_has_the_permissions_that_were_asked_for() {
    let path = Path::new();
    let mut process = Process::run(&format!("serve echo unix:{path} --unix-mode 660"));
    process.address();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
}

#[test]
fn beyond_the_capacity_connections_can_be_refused() {
    let mut process = Process::run("serve echo :0 --max-connections 1 --at-capacity refuse");
    let address = process.address();
    let mut first = dial(&address);
    first.write_all(b"x").unwrap();
    first.read_exact(&mut [0]).unwrap();
    assert_eq!(dial(&address).read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn serving_goes_on_when_nobody_reads_standard_output() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let path = Path::new();
    let endpoint = format!("unix:{path}");
    let mut process = Process::start(command(["serve", "echo", &endpoint, ":0"]).stdout(writer));
    process.stderr.line_with(&["mode reactor:1"]);
    assert_eq!(exchange(&endpoint, b"still there"), b"still there");
}

#[test]
fn a_standard_output_that_is_full_is_a_failure() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let ended = Process::start(command(["serve", "echo", ":0"]).stdout(full)).end();
    assert_eq!(ended.code, Some(1));
    let sentence =
        "socketserver: cannot say on standard output where it listens: no space left on device\n";
    assert_eq!(ended.stderr, sentence);
}
