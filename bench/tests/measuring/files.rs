//! The load of files against our server in several modes, and against servers whose faults are known.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socketserver::{Config, Endpoint, Mode, Server, StopHandle, StreamServer};
use socketserver_bench::load::{
    self, Conversation, Direction, Form, LoadError, Measurement, Phases, Plan,
};
use socketserver_handlers::files::storage::{Folder, FolderSettings};
use socketserver_handlers::files::{Access, Files, Settings};
use tempfile::TempDir;

use crate::file_servers::{self, Flaw};

const MS: Duration = Duration::from_millis(1);
/// More than a few pieces, and no multiple of any.
const FILE_BYTES: usize = 1_000_003;
const CONNECTIONS: usize = 3;

/// A file server of ours, which is cut when the test is over.
struct Ours {
    endpoint: Endpoint,
    stop: StopHandle,
    folder: TempDir,
}

impl Ours {
    fn start(mode: Mode, access: Access) -> Self {
        let folder = TempDir::new().expect("there is room");
        let storage = Folder::open(folder.path(), FolderSettings::default());
        let settings = Settings {
            anonymous: Some(access),
            ..Settings::default()
        };
        let files = Files::new(Arc::new(storage.expect("it can be opened")), settings);
        let server = StreamServer::builder()
            .endpoints(["tcp://127.0.0.1:0".parse().expect("it is an endpoint")])
            .config(files.config(Config::default()))
            .mode(mode)
            .bind()
            .expect("a port is free");
        let endpoint = server.addresses()[0].to_string();
        let stop = server.stop_handle();
        thread::spawn(move || server.serve_forever(move |peer| files.handler(peer)));
        Self {
            endpoint: endpoint.parse().expect("an address is an endpoint"),
            stop,
            folder,
        }
    }

    /// The names that are there, but for parts of what was broken off.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("it is there");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| !name.starts_with(".socketserver-"))
            .collect()
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop.cut();
    }
}

fn plan(endpoint: &Endpoint, direction: Direction) -> Plan {
    Plan {
        connections: CONNECTIONS,
        message_bytes: FILE_BYTES,
        warm_up: 50 * MS,
        duration: 300 * MS,
        ..Plan::new(endpoint.clone(), Conversation::Files(direction))
    }
}

fn measure(plan: &Plan) -> Measurement {
    load::run(plan, &mut (), &AtomicBool::new(false)).expect("the load can be made")
}

/// As many bytes as belong to the transfers, give or take those that had begun before or ended later.
fn assert_bytes_fit(measured: &Measurement, connections: usize) {
    let bytes = measured.bytes.expect("files have bytes");
    let [file, connections] = [FILE_BYTES, connections].map(|number| number as u64);
    let (fewest, most) = (
        measured.served.saturating_sub(connections),
        measured.served + connections,
    );
    assert!(
        (fewest * file..=most * file).contains(&bytes),
        "{bytes} bytes of {measured:?}"
    );
}

#[test]
fn every_transfer_is_right_in_several_modes_and_nothing_is_left() {
    for mode in [Mode::Reactor { loops: 1 }, Mode::Threads] {
        let server = Ours::start(mode, Access::ReadWrite);
        for direction in [Direction::Get, Direction::Put] {
            let measured = measure(&plan(&server.endpoint, direction));
            assert!(measured.errors.is_empty(), "{measured:?}");
            assert_eq!((measured.fault.as_ref(), measured.unserved), (None, 0));
            // The disk may do nothing for as long as puts are measured.
            assert!(direction == Direction::Put || measured.served > 0);
            assert!(measured.answered > 0 && measured.answered >= measured.served);
            assert!(measured.fairness > 0.3, "{measured:?}");
            assert_bytes_fit(&measured, CONNECTIONS);
            assert_eq!(server.names(), [""; 0], "{mode} {direction:?}");
        }
    }
}

#[test]
fn a_server_that_serves_one_after_the_other_is_measured_too() {
    let server = Ours::start(Mode::Serial, Access::ReadWrite);
    for direction in [Direction::Get, Direction::Put] {
        let measured = measure(&plan(&server.endpoint, direction));
        assert!(measured.errors.is_empty(), "{measured:?}");
        assert_eq!(measured.unserved, CONNECTIONS - 1, "{measured:?}");
        assert_bytes_fit(&measured, 1);
    }
}

#[test]
fn files_with_a_prefix_stay_for_the_next_load() {
    let server = Ours::start(Mode::Reactor { loops: 1 }, Access::ReadWrite);
    let kept = Plan {
        files_prefix: Some("kept".to_owned()),
        message_bytes: 1,
        ..plan(&server.endpoint, Direction::Get)
    };
    for _ in 0..2 {
        let measured = measure(&kept);
        assert!(measured.errors.is_empty() && measured.served > 0);
        let mut names = server.names();
        names.sort();
        assert_eq!(names, ["kept-0", "kept-1", "kept-2"]);
    }
}

#[test]
fn a_right_server_of_the_protocol_has_no_fault() {
    let endpoint = file_servers::start(Flaw::None);
    for direction in [Direction::Get, Direction::Put] {
        let measured = measure(&plan(&endpoint, direction));
        assert!(measured.errors.is_empty(), "{measured:?}");
        assert!(measured.served > 0, "{measured:?}");
    }
}

#[test]
fn a_single_wrong_byte_is_found_and_named() {
    let endpoint = file_servers::start(Flaw::SendsWrongByte(700_001));
    let measured = measure(&plan(&endpoint, Direction::Get));
    assert_eq!(measured.errors["wrong_bytes"], CONNECTIONS as u64);
    assert_eq!(measured.answered, 0, "{measured:?}");
    let fault = measured.fault.expect("something is wrong");
    assert!(
        fault.starts_with("byte 700001 of transfer 1 on connection "),
        "{fault}"
    );
}

#[test]
fn the_file_of_somebody_else_is_a_wrong_one() {
    let endpoint = file_servers::start(Flaw::SendsOtherFile);
    let errors = measure(&plan(&endpoint, Direction::Get)).errors;
    assert_eq!(errors["wrong_bytes"], CONNECTIONS as u64);
}

#[test]
fn what_was_stored_wrongly_is_found_whatever_the_server_says_of_it() {
    for (flaw, sentence) in [
        (Flaw::StoresWrongByte, "the server has another hash"),
        (Flaw::SaysWrongHash, "the server has another hash"),
    ] {
        let endpoint = file_servers::start(flaw);
        match load::run(
            &plan(&endpoint, Direction::Put),
            &mut (),
            &AtomicBool::new(false),
        ) {
            Ok(measured) => {
                assert!(measured.errors["wrong_bytes"] > 0, "{flaw:?}");
                let fault = measured.fault.expect("something is wrong");
                assert!(fault.contains(sentence), "{flaw:?}: {fault}");
            }
            // The first file is put before anything is measured.
            Err(LoadError::Files(why)) => assert!(why.contains(sentence), "{flaw:?}: {why}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_transfer_that_never_ends_is_unanswered() {
    let endpoint = file_servers::start(Flaw::StopsInTheMiddle);
    let measured = measure(&plan(&endpoint, Direction::Get));
    assert_eq!((measured.served, measured.unserved), (0, CONNECTIONS));
    assert_eq!(measured.errors["unanswered"], CONNECTIONS as u64);
    let fault = measured.fault.expect("something is wrong");
    assert_eq!(fault, "transfer 1 on connection 0 never ended");
}

#[test]
fn a_server_that_takes_no_files_is_told_at_once() {
    let run = |endpoint: &Endpoint, direction| {
        let plan = plan(endpoint, direction);
        load::run(&plan, &mut (), &AtomicBool::new(false)).unwrap_err()
    };
    let endpoint = file_servers::start(Flaw::Refuses);
    let ours = Ours::start(Mode::Threads, Access::ReadOnly);
    for direction in [Direction::Get, Direction::Put] {
        let error = run(&endpoint, direction).to_string();
        assert_eq!(error, "no file can be transferred: no (403 denied)");
        let error = run(&ours.endpoint, direction).to_string();
        assert!(error.contains("403 denied"), "{error}");
    }
    let echo = crate::servers::echo(|_, _| ());
    let error = run(&echo, Direction::Get).to_string();
    assert!(error.contains("does not speak version 2"), "{error}");
}

/// Asks for the end when measuring begins.
struct Impatient<'a>(&'a AtomicBool);

impl Phases for Impatient<'_> {
    fn begin(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_load_of_files_can_be_interrupted_and_cleans_up() {
    let server = Ours::start(Mode::Reactor { loops: 1 }, Access::ReadWrite);
    let stop = AtomicBool::new(false);
    let hour = Plan {
        duration: 3_600_000 * MS,
        ..plan(&server.endpoint, Direction::Put)
    };
    let measured = load::run(&hour, &mut Impatient(&stop), &stop).expect("it can be made");
    assert!(measured.seconds < 3600.0, "{measured:?}");
    assert_eq!(server.names(), [""; 0]);
}

#[test]
fn files_have_one_form_of_load() {
    let right = plan(&file_servers::start(Flaw::None), Direction::Get);
    let run = |plan: &Plan| load::run(plan, &mut (), &AtomicBool::new(false)).unwrap_err();
    for wrong in [
        Plan {
            form: Form::Closed { window: 2 },
            ..right.clone()
        },
        Plan {
            form: Form::Open { rate: 10.0 },
            ..right.clone()
        },
        Plan {
            form: Form::Churn,
            ..right.clone()
        },
        Plan {
            stuck: 1,
            ..right.clone()
        },
        Plan {
            think: MS,
            ..right.clone()
        },
        Plan {
            message_bytes: 0,
            ..right.clone()
        },
        Plan {
            endpoint: "udp://127.0.0.1:1".parse().expect("it is an endpoint"),
            ..right.clone()
        },
    ] {
        assert!(matches!(run(&wrong), LoadError::Plan(_)), "{wrong:?}");
    }
}
