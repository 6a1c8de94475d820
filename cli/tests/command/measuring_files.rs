//! `load` and `compare` with files: what they print, write, refuse and leave behind.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ended, Process};

const SHORT: &str = "--rounds 2 --duration 80ms --warm-up 20ms --quiet";

/// Waits for what takes longer than anything else.
fn patient(mut running: Process) -> Ended {
    while running.stdout.wait_for(Duration::from_secs(60)) {}
    running.end()
}

fn stdout(ended: &Ended) -> String {
    String::from_utf8(ended.stdout.clone()).unwrap()
}

/// The names in a folder, but for parts of what was broken off.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !name.starts_with(".socketserver-"))
        .collect()
}

#[test]
fn files_are_compared_in_both_directions_with_a_report_for_each() {
    let place = TempDir::new().unwrap();
    let ended = Process::run(&format!(
        "compare files {SHORT} --modes reactor,serial --conns 1,2 --size 100KiB --out json,csv,md,html,svg --out-dir {} \
         --fail-if reactor.throughput<1B/s --fail-if reactor.cpu-per-gib>1000s",
        place.path().display()
    ));
    let ended = patient(ended);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = stdout(&ended);
    for word in [
        "files:get over tcp",
        "files:put over tcp",
        "throughput",
        "cpu/GiB",
        "reactor again",
    ] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
    for direction in ["get", "put"] {
        let read = |extension: &str| {
            let name = format!("compare-files-{direction}.{extension}");
            fs::read_to_string(place.path().join(name)).unwrap()
        };
        let report: Value = serde_json::from_str(&read("json")).unwrap();
        assert_eq!(report["setup"]["handler"], format!("files:{direction}"));
        assert_eq!(report["setup"]["message_bytes"], 100 << 10);
        let runs = report["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 3 * 2 * 2);
        for run in runs {
            assert_eq!(run["fault"], Value::Null);
            assert_eq!(run["errors"], serde_json::json!({}), "{run}");
        }
        for name in ["reactor", "serial", "reactor again"] {
            // A single run of puts may fall into a moment in which the disk does nothing.
            let of_name = runs.iter().filter(|run| run["contestant"] == name);
            let bytes = of_name.map(|run| run["bytes"].as_u64().unwrap());
            assert!(bytes.sum::<u64>() > 0, "{name} in {runs:?}");
        }
        let first = read("csv").lines().next().unwrap().to_owned();
        assert!(
            first.contains("throughput_bytes_per_second,cpu_per_gib_us"),
            "{first}"
        );
        assert!(read("md").contains("| cpu/GiB |"));
        assert!(read("html").contains("Processor time per GiB"));
        let file = place.path().join(format!("compare-files-{direction}.json"));
        let again = Process::run(&format!("compare --from {} --json", file.display())).end();
        assert_eq!(again.code, Some(0), "{again:?}");
    }
}

#[test]
fn a_budget_of_files_that_is_broken_is_told_after_both_directions() {
    let ended = Process::run(&format!(
        "compare files {SHORT} --modes reactor --conns 1 --size 64KiB --fail-if reactor.cpu-per-gib>0us"
    ));
    let ended = patient(ended);
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("reactor.cpu-per-gib"), "{ended:?}");
    assert!(stdout(&ended).contains("files:put over tcp"), "{ended:?}");
}

#[test]
fn a_load_of_files_prints_what_was_transferred_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().display();
    let mut server = Process::run(&format!(
        "serve files :0 --root {root} --anonymous rw --quiet"
    ));
    let address = server.address();
    for direction in ["get", "put"] {
        let words = format!(
            "load {address} --handler files:{direction} --conns 2 --size 200KiB --duration 100ms"
        );
        let ended = Process::run(&words).end();
        assert_eq!(ended.code, Some(0), "{words}: {ended:?}");
        assert!(ended.stderr.contains("files of 204800 bytes"), "{ended:?}");
        let text = stdout(&ended);
        let of_get = ["p99 ", "max "].into_iter().filter(|_| direction == "get");
        for name in ["throughput ", "transfers ", "GB a second"]
            .into_iter()
            .chain(of_get)
        {
            assert!(text.contains(name), "{words}: {name} is missing in {text}");
        }
        let json = Process::run(&format!("{words} --json --quiet")).end();
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        let [transfers, bytes] = ["served", "bytes"].map(|name| json[name].as_u64().unwrap());
        // The disk may do nothing for as long as puts are measured here.
        assert!(direction == "put" || transfers > 0 && bytes > 0, "{json}");
        assert_eq!(json["errors"], serde_json::json!({}));
        assert_eq!(names(&folder), [""; 0]);
    }
}

#[test]
fn a_load_of_files_that_is_refused_says_so() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().display();
    let mut server = Process::run(&format!(
        "serve files :0 --root {root} --anonymous ro --quiet"
    ));
    let address = server.address();
    let ended = Process::run(&format!("load {address} --handler files:put --quiet")).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("no file can be transferred: "),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("403 denied"), "{ended:?}");
}

#[test]
fn what_files_do_not_have_is_refused_in_one_sentence() {
    for (words, sentence) in [
        (
            "load :1 --handler files",
            "'files' cannot be measured: write ",
        ),
        (
            "load :1 --handler files:get --rate 10",
            "each connection transfers one file after the other",
        ),
        (
            "load udp://127.0.0.1:1 --handler files:get",
            "files need a stream: measure them over TCP or Unix sockets",
        ),
        (
            "load :1 --handler files:get --size 0",
            "a message has at least one byte",
        ),
        (
            "compare files --window 2",
            "each connection transfers one file after the other",
        ),
        (
            "compare files:get --stuck 1",
            "silent and stuck ones are for messages",
        ),
        ("compare files:get --think 1ms", "thinking is for messages"),
        (
            "compare files:put --transport udp",
            "files need a stream: measure them over TCP or Unix sockets",
        ),
        (
            "compare files --styles blocking",
            "files are served with callbacks only: leave --styles out",
        ),
        (
            "compare files --peers tokio",
            "the servers of --peers do not serve files: leave the peers out",
        ),
        (
            "compare files --json",
            "write files:get or files:put with --json and --baseline",
        ),
        (
            "compare echo --fail-if reactor.throughput<1GB/s",
            "echo transfers no files, compare files with it",
        ),
        (
            "compare files --fail-if reactor.throughput<1GB",
            "'1GB' is not a value of throughput: write a rate such as 200MB/s or 1.5GiB/s",
        ),
    ] {
        let ended = Process::run(words).end();
        assert_eq!(ended.code, Some(2), "{words}: {ended:?}");
        assert!(ended.stderr.contains(sentence), "{words}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{words}: {}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}
