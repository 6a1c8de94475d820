//! A comparison of modes of a chat. The program that serves it is this test itself, run once more: `socketserver serve chat` is for the command's own
//! tests.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use socketserver::Mode;
use socketserver_bench::compare::{Comparison, Entrant, PeerKind, Style, Transport};
use socketserver_bench::load::{Conversation, Form, LoadError};
use socketserver_bench::render::{csv, html, markdown, text};
use socketserver_bench::report::Metric;
use tempfile::TempDir;

use crate::chat_servers::{Flaw, Hall};

const MS: Duration = Duration::from_millis(1);
/// Where the arguments of the program are, if this is it.
const ARGUMENTS: &str = "CHAT_SERVER_ARGUMENTS";

/// Serves a chat until it is killed, if it was started for that.
#[test]
#[ignore = "it is the server of the other test"]
fn served_for_a_comparison() {
    let Ok(arguments) = env::var(ARGUMENTS) else {
        return;
    };
    let words: Vec<_> = arguments.split(' ').collect();
    assert_eq!(words[..2], ["serve", "chat"]);
    let value = |flag: &str| {
        let place = words.iter().position(|word| *word == flag);
        place.map(|place| words[place + 1])
    };
    assert_eq!(value("--flood"), Some("off"), "{arguments}");
    assert_eq!(value("--style"), None, "{arguments}");
    let most: usize = value("--max-connections")
        .and_then(|most| most.parse().ok())
        .unwrap();
    assert!(most >= 6, "{arguments}");
    let mode = value("--mode").and_then(|mode| mode.parse().ok()).unwrap();
    let hall = Hall::start(mode, words[2], Flaw::None);
    println!("\nlistening {}", hall.endpoint);
    loop {
        thread::park();
    }
}

/// A program that runs this test with its arguments.
fn program(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("socketserver");
    let itself = env::current_exe().expect("it runs");
    let script = format!(
        "#!/bin/sh\n{ARGUMENTS}=\"$*\" exec '{}' --exact chat_compared::served_for_a_comparison --ignored --nocapture\n",
        itself.display()
    );
    fs::write(&path, script).expect("there is room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
    path
}

fn comparison(program: PathBuf) -> Comparison {
    let reactor = Mode::Reactor { loops: 1 };
    Comparison {
        program,
        peer_program: None,
        entrants: vec![
            Entrant::Mode(reactor, Style::Events),
            Entrant::Mode(Mode::Threads, Style::Events),
            Entrant::Control(reactor, Style::Events),
        ],
        conversation: Conversation::Chat,
        forms: vec![Form::Closed { window: 4 }],
        transport: Transport::Tcp,
        connections: vec![3, 5],
        active: None,
        stuck: 1,
        message_bytes: 64,
        think: Duration::ZERO,
        nodelay: true,
        loss_timeout: 1000 * MS,
        warm_up: 20 * MS,
        duration: 100 * MS,
        rounds: 2,
        seed: 1,
        is_pinned: false,
        command: Vec::new(),
    }
}

#[test]
fn modes_of_a_chat_are_compared_by_their_deliveries() {
    let folder = TempDir::new().expect("there is room");
    let comparison = comparison(program(&folder));
    let run = |comparison: &Comparison| comparison.run(&AtomicBool::new(false), &mut |_| ());
    let report = run(&comparison).expect("it can be measured");
    assert_eq!(
        (report.notes.as_slice(), report.is_complete),
        ([].as_slice(), true)
    );
    assert_eq!(report.runs.len(), 3 * 2 * 2);
    assert_eq!(
        (report.setup.active, report.setup.has_chat()),
        (Some(1), true)
    );
    assert!(report.generator.messages_per_second > 0.0);
    for run in &report.runs {
        assert_eq!((run.fault.as_ref(), run.unserved), (None, 0), "{run:?}");
        let messages = run.chat.expect("it is a chat").messages;
        let expected = messages * (run.connections as u64 - 1);
        let on_their_way = 2 * 4 * 5;
        assert!(run.served.abs_diff(expected) <= on_their_way, "{run:?}");
        assert!(Metric::Memory.of(run).is_some(), "{run:?}");
        assert_eq!(Metric::SystemCalls.of(run), None);
        if let (Some(each), Some(second)) = (
            Metric::Cpu.of(run).filter(|&each| each > 0.0),
            Metric::ServedPerCpuSecond.of(run),
        ) {
            assert!((each * second - 1e6).abs() < 1.0, "{each} {second}");
        }
    }
    let verdict = report.verdict().sentences();
    let style = socketserver_bench::render::Style::default();
    for (form, words) in [
        (
            text(&report, &verdict, style),
            [
                "/delivery",
                "chat over tcp",
                "1 of the members speaks",
                "of 1 member that never read it cut 0",
            ]
            .as_slice(),
        ),
        (
            markdown(&report, &verdict),
            [
                "| deliveries/s |",
                "| deliveries/cpu-s |",
                "| memory/member |",
            ]
            .as_slice(),
        ),
        (
            html(&report, &verdict),
            ["deliveries per second", "Processor time per delivery"].as_slice(),
        ),
        (
            csv(&report),
            ["served_per_cpu_second", "chat_messages,stuck_members_cut"].as_slice(),
        ),
    ] {
        for word in words {
            assert!(form.contains(word), "{word} is missing in {form}");
        }
    }
}

#[test]
fn who_serves_no_chat_takes_no_part_and_what_is_none_is_refused() {
    let folder = TempDir::new().expect("there is room");
    let right = Comparison {
        connections: vec![3],
        rounds: 1,
        ..comparison(program(&folder))
    };
    let run = |comparison: &Comparison| comparison.run(&AtomicBool::new(false), &mut |_| ());
    let report = run(&Comparison {
        entrants: vec![Entrant::Peer(PeerKind::Epoll)],
        ..right.clone()
    });
    assert_eq!(
        report.expect("it can be measured").notes,
        ["bare epoll takes no part with 3 connections: it does not serve a chat"]
    );
    let error = run(&Comparison {
        connections: vec![1, 3],
        ..right
    });
    assert!(matches!(error, Err(LoadError::Plan(_))), "{error:?}");
}
