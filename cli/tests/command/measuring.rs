//! `load` and `compare`: what they print, write, refuse and end with. What they measure is tested where it is measured.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use socketserver_bench::report::{Metric, Report};
use tempfile::TempDir;

use crate::process::{Ended, Path, Process, command};

/// A comparison that takes a moment.
const SHORT: &str = "--rounds 2 --duration 60ms --warm-up 20ms --quiet";
/// One contestant and its control.
const ONE: &str = "--modes reactor --styles events --conns 2";

fn compare(words: &str) -> Ended {
    Process::run(&format!("compare {SHORT} {words}")).end()
}

/// Runs a comparison with one more argument, which may have spaces.
fn compare_with(words: &str, more: [&str; 2]) -> Ended {
    let all = format!("compare {SHORT} {words}");
    let words = all.split_whitespace().chain(more);
    Process::start(&mut command(words)).end()
}

fn stdout(ended: &Ended) -> String {
    String::from_utf8(ended.stdout.clone()).unwrap()
}

/// Standard output without the line ends that its width asks for.
fn words(ended: &Ended) -> String {
    let text = stdout(ended);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_comparison_prints_a_table_and_writes_every_form_of_report() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("new");
    let words = format!(
        "uppercase --modes reactor,threads --styles events,blocking --conns 1,3 \
         --out json,csv,md,html,svg --out-dir {}",
        place.display()
    );
    let ended = compare(&words);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = stdout(&ended);
    for name in [
        "reactor",
        "reactor, blocking",
        "threads",
        "threads, blocking",
        "reactor again",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }

    let read = |extension: &str| {
        let path = place.join(format!("compare-uppercase.{extension}"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let report: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(report["schema"], 2);
    assert_eq!(report["is_complete"], true);
    assert_eq!(report["command"][0], "socketserver", "wherever it lies");
    assert_eq!(report["contestants"].as_array().unwrap().len(), 5);
    let runs = report["runs"].as_array().unwrap();
    assert_eq!(
        runs.len(),
        5 * 2 * 2,
        "everybody with every number in every round"
    );
    for run in runs {
        assert!(run["served"].as_u64().unwrap() > 0, "{run}");
        assert_eq!(run["fault"], Value::Null);
        assert!(
            run["server"]["resident_bytes"].as_u64().unwrap() > 0,
            "{run}"
        );
        let calls = run["server"]["system_calls_per_message"].as_f64().unwrap();
        assert!((1.9..4.0).contains(&calls), "{run}");
    }
    assert_eq!(read("csv").lines().count(), runs.len() + 1);
    assert!(read("md").contains("| reactor "));
    assert!(read("html").starts_with("<!DOCTYPE html>") && read("svg").contains("<svg"));

    // What was written is drawn again, and is the same.
    let file = place.join("compare-uppercase.json");
    let again = Process::run(&format!("compare --from {}", file.display())).end();
    assert_eq!((again.code, stdout(&again)), (Some(0), text));
    let same = Process::run(&format!("compare --from {} --baseline {0}", file.display())).end();
    assert_eq!(same.code, Some(0), "{same:?}");
    let json = Process::run(&format!("compare --from {} --json", file.display())).end();
    let printed: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(printed["runs"], report["runs"]);
}

#[test]
fn every_form_of_load_and_every_transport_can_be_compared() {
    for words in [
        "echo --transport unix",
        "echo --rate 500",
        "echo --rate 1k,400",
        "echo --churn",
        "echo --window 4 --think 1ms --stuck 1 --active 1 --size 10000 --nodelay off",
        "work:50us",
        "wait:1ms",
    ] {
        let ended = compare(&format!("{words} {ONE} --unpinned"));
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{words}"
        );
        assert!(
            stdout(&ended).contains("reactor again"),
            "{words}: {ended:?}"
        );
    }
}

#[test]
fn several_rates_show_where_servers_leave_what_is_offered() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().display();
    let ended = compare(&format!(
        "echo {ONE} --rate 2k,500 --out json,html --out-dir {place}"
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("compare-echo.json")).unwrap();
    assert_eq!(report["setup"]["rates"], serde_json::json!([500.0, 2000.0]));
    assert_eq!(report["setup"]["rate"], 2000.0);
    assert_eq!(report["runs"].as_array().unwrap().len(), 2 * 2 * 2);
    assert!(read("compare-echo.html").contains("Offered and served, with 2 connections"));
}

#[test]
fn a_server_that_does_not_start_is_named_and_the_others_go_on() {
    for (against, what) in [
        (
            "broken=echo no such luck >&2; exit 3",
            "broken takes no part with 2 connections: the server ended before it listened (exit status: 3), and its last words were: no such luck",
        ),
        (
            "gone=/no/such/program {port}",
            "gone takes no part with 2 connections: the server ended before it listened (exit status: 127)",
        ),
    ] {
        let ended = compare_with(ONE, ["--against", against]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let text = words(&ended);
        assert!(text.contains(what), "{what} is missing in {text}");
        assert!(text.contains("reactor again"), "{text}");
    }
}

#[test]
fn a_server_that_answers_wrongly_is_reported() {
    // A shell cannot serve, so that another server of ours does, with other answers than are expected.
    let program = env!("CARGO_BIN_EXE_socketserver");
    let liar = format!("liar={program} serve uppercase 127.0.0.1:{{port}}");
    let ended = compare_with(ONE, ["--against", &liar]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("liar at 2: byte 0 of answer 1 on connection "),
        "{ended:?}"
    );
    assert!(stdout(&ended).contains("liar"), "{ended:?}");
}

#[test]
fn a_load_beyond_the_descriptors_is_named_and_smaller_ones_go_on() {
    let ended = compare("--modes reactor --styles events --conns 1,10000000");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("10000000 connections need more than the "),
        "{ended:?}"
    );
    assert!(stdout(&ended).contains("reactor again"), "{ended:?}");
}

#[test]
fn budgets_are_kept_or_end_with_a_code_of_their_own() {
    let kept = compare_with(ONE, ["--fail-if", "reactor.p99 > 1h"]);
    assert_eq!(
        kept.code,
        Some(2),
        "an hour is no unit of a budget: {kept:?}"
    );
    let kept = compare_with(ONE, ["--fail-if", "reactor.p99 > 3600s"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let broken = compare_with(ONE, ["--fail-if", "reactor.p50 > 0us"]);
    assert_eq!(broken.code, Some(9), "{broken:?}");
    assert!(broken.stderr.contains("reactor"), "{broken:?}");
    let unknown = compare_with(ONE, ["--fail-if", "threads.p99 > 5ms"]);
    assert_eq!(unknown.code, Some(2), "threads take no part: {unknown:?}");
}

#[test]
fn control_c_keeps_what_was_measured() {
    let folder = TempDir::new().unwrap();
    let words = format!(
        "compare echo {ONE} --rounds 100000 --duration 50ms --warm-up 1ms --out json --out-dir {}",
        folder.path().display()
    );
    let mut running = Process::run(&words);
    running.stderr.line_with(&["round 2 of 100000"]);
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(stdout(&ended).contains("reactor again"), "{ended:?}");
    let text = fs::read_to_string(folder.path().join("compare-echo.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["is_complete"], false);
    assert!(!report["runs"].as_array().unwrap().is_empty());
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_sentence() {
    for (words, sentence) in [
        ("--modes swift", "'swift'"),
        (
            "--styles modern",
            "'modern' is not a known style: write events or blocking (in --styles)",
        ),
        (
            "--conns 0",
            "a load needs at least one connection (in --conns)",
        ),
        (
            "--rounds 0",
            "nothing is measured in 0 rounds: write --rounds 6",
        ),
        (
            "--modes serial,serial",
            "'serial' would take part twice: name each once, a command with NAME=COMMAND",
        ),
        (
            "--rate never",
            "'never' is not a rate: write 20000 or 20k, messages in a second (in --rate)",
        ),
        ("--from /no/such/file", "/no/such/file"),
        ("--baseline /no/such/file", "/no/such/file"),
        (
            "--peers nginx",
            "--peers cannot be 'nginx': write tokio, tokio-threads, epoll or threads",
        ),
        (
            "gopher",
            "'gopher' cannot be measured: write echo, uppercase, work:200us, wait:5ms, chat, files:get or files:put",
        ),
    ] {
        let ended = Process::run(&format!("compare {words}")).end();
        assert_eq!(ended.code, Some(2), "{words}: {ended:?}");
        assert!(ended.stderr.contains(sentence), "{words}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{words}: {}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}

#[test]
#[ignore = "it takes four minutes and a quiet machine: see CONTRIBUTING.md"]
fn a_server_does_not_differ_from_itself() {
    let same = format!(
        "same=exec {} serve echo 127.0.0.1:{{port}} --max-connections 100",
        env!("CARGO_BIN_EXE_socketserver")
    );
    let mut found = Vec::new();
    for seed in 0..20 {
        let folder = TempDir::new().unwrap();
        let words = format!(
            "compare --modes reactor --styles events --conns 50 --rounds 8 --duration 200ms --warm-up 100ms --seed {seed} \
             --quiet --out json --out-dir {}",
            folder.path().display()
        );
        let words = words.split_whitespace().chain(["--against", &same]);
        let mut comparison = Process::start(&mut command(words));
        while comparison.stdout.wait_for(Duration::from_secs(60)) {}
        let report = Report::load(folder.path().join("compare-echo.json")).unwrap();
        let verdict = report.verdict();
        for metric in [Metric::Served, Metric::P99, Metric::Cpu, Metric::Memory] {
            let finding = verdict.finding("reactor", "same", 50, metric).unwrap();
            if finding.differs() {
                found.push(format!("seed {seed}: {metric}: {finding:?}"));
            }
        }
    }
    println!(
        "{} of 80 comparisons of a server with itself find a difference",
        found.len()
    );
    let reports: std::collections::BTreeSet<_> = found
        .iter()
        .map(|finding| finding.split(':').next())
        .collect();
    assert!(
        reports.len() <= 1,
        "in {} of 20 reports: {found:#?}",
        reports.len()
    );
}

#[test]
fn a_load_prints_what_it_has_measured() {
    let mut server = Process::run("serve echo :0 --quiet");
    let address = server.address();
    for form in ["", "--rate 1000", "--churn", "--window 8"] {
        let words = format!("load {address} --conns 4 --duration 100ms {form}");
        let ended = Process::run(&words).end();
        assert_eq!(ended.code, Some(0), "{words}: {ended:?}");
        let text = stdout(&ended);
        for name in [
            "served ",
            "p50 ",
            "p99.9 ",
            "max ",
            "fairness ",
            "generator ",
        ] {
            assert!(text.contains(name), "{words}: {name} is missing in {text}");
        }
        let json = Process::run(&format!("{words} --json --quiet")).end();
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(json["served"].as_u64().unwrap() > 0);
        assert_eq!(json["errors"], serde_json::json!({}));
    }
}

/// A server that turns one bit of each answer. It serves until the test ends.
fn forger() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    buffer[0] ^= 1;
                    let _ = stream.write_all(&buffer[..count]);
                }
            });
        }
    });
    address
}

#[test]
fn a_load_ends_with_a_code_that_says_what_was_wrong() {
    let ended = Process::run(&format!("load {} --duration 100ms --quiet", forger())).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("byte 0 of answer 1 on connection "),
        "{ended:?}"
    );
    assert!(stdout(&ended).contains("wrong_bytes: "), "{ended:?}");

    let nobody = Path::new();
    let ended = Process::run(&format!("load unix:{nobody} --quiet")).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("cannot connect to unix:"),
        "{ended:?}"
    );
    let ended = Process::run("load :1 --rate 1,2 --quiet").end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let ended = Process::run("load :1 --window 0 --quiet").end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(2), "socketserver: a window has at least one message\n")
    );
}

/// A server of datagrams that drops every fifth. It serves until the test ends.
fn dropper() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", socket.local_addr().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 64];
        for number in 0_u64.. {
            let (count, peer) = socket.recv_from(&mut buffer).unwrap();
            if number % 5 < 4 {
                let _ = socket.send_to(&buffer[..count], peer);
            }
        }
    });
    address
}

#[test]
fn a_load_of_datagrams_counts_what_is_lost_and_does_not_fail_for_it() {
    let mut server = Process::run("serve echo udp://127.0.0.1:0 --quiet");
    let address = server.address();
    for form in ["", "--rate 500", "--window 4", "--size 1"] {
        let words = format!("load {address} --conns 3 --duration 100ms {form} --quiet");
        let ended = Process::run(&words).end();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{words}"
        );
        let text = stdout(&ended);
        for name in [
            "served ",
            "p99.9 ",
            "datagrams ",
            "lost        none\n",
            "generator ",
        ] {
            assert!(text.contains(name), "{words}: {name} is missing in {text}");
        }
    }

    let words = format!(
        "load {} --rate 300 --duration 200ms --loss-timeout 100ms --quiet",
        dropper()
    );
    let ended = Process::run(&words).end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let text = stdout(&ended);
    assert!(
        text.contains(" %: a server that drops is not faster"),
        "{text}"
    );
    let ended = Process::run(&format!("{words} --json")).end();
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let counts = &json["datagrams"];
    assert!(counts["lost"].as_u64().unwrap() > 0, "{json}");
    assert!(json["loss_percent"].as_f64().unwrap() > 10.0, "{json}");
    let of = |word: &str| counts[word].as_u64().unwrap();
    assert_eq!(of("sent"), of("received") + of("lost") - of("late"));
}

#[test]
fn a_load_of_datagrams_to_nobody_cannot_connect() {
    let unused = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", unused.local_addr().unwrap());
    drop(unused);
    let ended = Process::run(&format!("load {address} --quiet")).end();
    let sentence = format!(
        "socketserver: cannot connect to {address}: connection refused (is the server running?)\n"
    );
    assert_eq!((ended.code, ended.stderr), (Some(3), sentence));
    let nobody = Path::new();
    let ended = Process::run(&format!("load unixgram:{nobody} --quiet")).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let ended = Process::run(&format!("load {address} --churn --quiet")).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("churn is for streams"), "{ended:?}");
}

#[test]
fn modes_are_compared_over_datagrams_and_every_form_of_report_has_the_loss() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().display();
    let ended = compare(&format!(
        "echo --transport udp --modes reactor,threads --conns 1,3 --out json,csv,md,html --out-dir {place}"
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = stdout(&ended);
    for part in [
        "echo over udp",
        "loss",
        "reactor again",
        "threads",
        "lost after 1 s",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("blocking"), "{text}");

    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("compare-echo.json")).unwrap();
    assert_eq!(report["setup"]["transport"], "udp");
    assert_eq!(report["setup"]["loss_timeout_seconds"], 1.0);
    for run in report["runs"].as_array().unwrap() {
        assert!(run["served"].as_u64().unwrap() > 0, "{run}");
        assert!(run["datagrams"]["sent"].as_u64().unwrap() > 0, "{run}");
        assert_eq!(run["fault"], Value::Null);
    }
    assert!(read("compare-echo.csv").contains("loss_percent"));
    assert!(read("compare-echo.csv").contains("lost_datagrams,late_datagrams"));
    assert!(read("compare-echo.md").contains("| served/s | loss |"));
    assert!(read("compare-echo.html").contains(">loss</th>"));
    assert!(read("compare-echo.html").contains("without an answer within 1 s is lost"));
}

#[test]
fn who_loses_datagrams_is_told_with_what_was_lost() {
    // It takes one datagram after the other, and longer for all of them than anybody waits.
    let program = env!("CARGO_BIN_EXE_socketserver");
    let slow =
        format!("slow=exec {program} serve wait:10ms udp://127.0.0.1:{{port}} --mode serial");
    let words = "--transport udp --modes reactor --conns 2 --window 4 --loss-timeout 40ms";
    let more = ["--against", &slow, "--fail-if", "slow.loss > 1%"];
    let line = format!("compare {SHORT} {words}");
    let ended = Process::start(&mut command(line.split_whitespace().chain(more))).end();
    assert_eq!(ended.code, Some(9), "{ended:?}");
    let broken =
        "the budget 'slow.loss > 1%' is broken with 2 connections: the worst round of 2 rounds is ";
    assert!(ended.stderr.contains(broken), "{ended:?}");
    let text = self::words(&ended);
    assert!(text.contains("a server that drops is not faster"), "{text}");
    assert!(text.contains("datagrams sent in all rounds: "), "{text}");
}

#[test]
fn unix_datagrams_are_compared_and_what_is_for_streams_is_refused() {
    let ended = compare("echo --transport unixgram --modes reactor --conns 2");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(stdout(&ended).contains("echo over unixgram"), "{ended:?}");
    for (words, sentence) in [
        ("--transport udp --churn", "churn is for streams"),
        (
            "--transport udp --active 1",
            "silent connections are for streams",
        ),
        (
            "--transport udp --stuck 1",
            "connections that never read are for streams",
        ),
        (
            "--transport udp --size 65508",
            "a datagram has at most 65507 bytes",
        ),
        (
            "--transport udp --styles blocking",
            "--styles blocking is for streams",
        ),
        (
            "--transport udp --peers tokio",
            "the servers of --peers are for streams",
        ),
    ] {
        let ended = Process::run(&format!("compare {words} --quiet")).end();
        assert_eq!(ended.code, Some(2), "{words}: {ended:?}");
        assert!(ended.stderr.contains(sentence), "{words}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{words}: {}", ended.stderr);
    }
    let ended = compare_with("--modes reactor", ["--fail-if", "reactor.loss > 1%"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("nothing is lost over tcp"),
        "{ended:?}"
    );
}
