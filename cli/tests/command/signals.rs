//! How `serve` ends: it drains at the first signal, cuts at the second, and reports.

use std::fs;
use std::io::{Read, Write};

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Path, Process, dial, exchange};

const MODES: [&str; 5] = ["serial", "threads", "pool:2", "reactor", "reactor:2"];

/// Reads a stats file, and checks the laws that hold for every report.
fn stats(path: &Path) -> Value {
    let stats: Value = serde_json::from_str(&fs::read_to_string(&**path).unwrap()).unwrap();
    let servers = stats["servers"].as_array().unwrap();
    for report in servers.iter().chain([&stats]) {
        let number = |name: &str| {
            report[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no number {name} in {report}"))
        };
        let closed: u64 = report["closed"]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(number("accepted"), number("live") + closed, "{report}");
        let spent = number("bytes_delivered") + number("bytes_discarded") + number("bytes_held");
        assert_eq!(number("bytes_in"), spent, "{report}");
        assert_eq!(number("live"), 0, "{report}");
        for name in ["refused", "bytes_out", "handler_errors", "panics", "cut"] {
            number(name);
        }
    }
    stats
}

#[test]
fn the_first_signal_drains_and_reports() {
    for (mode, signal) in MODES
        .into_iter()
        .zip([Signal::TERM, Signal::INT].into_iter().cycle())
    {
        let file = Path::new();
        let mut process = Process::run(&format!("serve echo :0 --mode {mode} --stats-file {file}"));
        let address = process.address();
        assert_eq!(exchange(&address, b"first"), b"first");
        let mut idle = dial(&address);
        idle.write_all(b"second").unwrap();
        idle.read_exact(&mut [0; 6]).unwrap();

        process.signal(signal);
        assert_eq!(
            idle.read(&mut [0]).unwrap(),
            0,
            "{mode}: an idle connection is ended"
        );
        drop(idle);
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{mode}: {}", ended.stderr);
        assert_eq!(ended.stdout, b"");
        let report = "echo: served 2 connections (1 drained, 1 peer_closed), refused 0, cut 0; \
                      received 11 B, sent 11 B; 0 handler errors, 0 panics";
        assert_eq!(ended.stderr.lines().last(), Some(report), "{mode}");

        let stats = stats(&file);
        assert_eq!(stats["accepted"], 2);
        assert_eq!(stats["bytes_in"], 11);
        assert_eq!(stats["closed"]["drained"], 1);
        assert_eq!(stats["servers"][0]["handler"], "echo");
        assert_eq!(stats["servers"][0]["addresses"][0], address);
    }
}

#[test]
fn a_second_signal_cuts_what_is_still_open() {
    for mode in MODES {
        let file = Path::new();
        let mut process = Process::run(&format!(
            "serve uppercase :0 --unicode --mode {mode} --read-timeout none --drain-timeout 1h --stats-file {file}"
        ));
        let mut client = dial(&process.address());
        // Half a character: the server waits for the rest of it, also while it drains.
        client.write_all(b"a\xC3").unwrap();
        client.read_exact(&mut [0]).unwrap();

        process.signal(Signal::TERM);
        process
            .stderr
            .line_with(&["stopping: live connections may finish for 1h"]);
        process.signal(Signal::TERM);
        process.stderr.line_with(&["stopping at once"]);
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{mode}: {}", ended.stderr);
        assert_eq!(
            stats(&file)["closed"]["drain_cut"],
            1,
            "{mode}: {}",
            ended.stderr
        );
        assert_eq!(stats(&file)["cut"], 1, "{mode}");
    }
}

#[test]
fn a_request_that_was_begun_is_finished_while_draining() {
    let mut process = Process::run("serve uppercase :0 --unicode --drain-timeout 1h");
    let mut client = dial(&process.address());
    client.write_all(b"a\xC3").unwrap();
    client.read_exact(&mut [0]).unwrap();
    process.signal(Signal::TERM);
    process.stderr.line_with(&["stopping"]);
    client.write_all(b"\xA4").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, "Ä".as_bytes());
    drop(client);
    assert_eq!(process.end().code, Some(0));
}

#[test]
fn the_file_of_a_unix_socket_goes_with_the_server() {
    let path = Path::new();
    let mut process = Process::run(&format!("serve echo unix:{path}"));
    process.address();
    assert!(path.exists());
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(0));
    assert!(!path.exists());
}
