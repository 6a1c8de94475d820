//! Transfers between the real server and the real client that break off, and that the same command goes on with.

use std::os::unix::fs::MetadataExt;

use rustix::process::Signal;

use crate::gate::{Event, Gate, Way};
use crate::here::{Here, json_lines, until};
use crate::process::{Ended, Process, pattern};
use crate::served::Served;

/// How many bytes the file has; on its way it stops at the gate.
const BYTES: usize = 5_000_000;
/// Where it stops.
const GATE: usize = 3_000_000;
/// What has come then at least, however it was cut.
const PART: u64 = 2_000_000;

/// What is transferred, and how.
struct Transfer {
    server: Served,
    gate: Gate,
    here: Here,
    way: Way,
    words: Vec<String>,
    bytes: Vec<u8>,
}

impl Transfer {
    fn put() -> Self {
        Self::of(Way::ToServer, pattern(BYTES))
    }

    fn get() -> Self {
        Self::of(Way::ToClient, pattern(BYTES))
    }

    fn of(way: Way, bytes: Vec<u8>) -> Self {
        let (server, here) = (Served::to_anybody(), Here::new());
        let gate = Gate::new(&server.address);
        let words = match way {
            Way::ToServer => {
                here.write("big file", &bytes);
                vec!["put".to_owned(), "big file".to_owned(), gate.url("up/")]
            }
            Way::ToClient => {
                server.root.write("up/big file", &bytes);
                vec!["get".to_owned(), gate.url("up/big%20file")]
            }
        };
        Self {
            server,
            gate,
            here,
            way,
            words,
            bytes,
        }
    }

    /// Starts the command, which comes as far as the gate and is there until something ends it.
    fn held(&self) -> Process {
        self.gate.does(self.way, Event::Holds(GATE));
        let process = Process::start(&mut self.here.command(&self.words()));
        until("a part has come", || self.part_bytes() >= PART);
        process
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// How much is there on the side to which the file goes.
    fn part_bytes(&self) -> u64 {
        match self.way {
            Way::ToServer if !self.server.root.path("up").exists() => 0,
            Way::ToServer => self.server.root.part_bytes("up"),
            Way::ToClient => self.here.part_bytes("."),
        }
    }

    /// Where the file goes to.
    fn target(&self) -> (&Here, &'static str) {
        match self.way {
            Way::ToServer => (&self.server.root, "up"),
            Way::ToClient => (&self.here, "."),
        }
    }

    /// Runs the same command again, which goes on from where it was, and transfers nothing but the rest.
    fn goes_on(&self, options: &[&str]) -> Ended {
        let ended = self.here.run(&[&*self.words(), options].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let (folder, name) = self.target();
        assert!(folder.read(&format!("{name}/big file")) == self.bytes);
        assert_eq!(folder.names(name), ["big file"]);
        ended
    }
}

#[test]
fn who_is_killed_goes_on_where_he_was() {
    for transfer in [Transfer::put(), Transfer::get()] {
        let process = transfer.held();
        process.signal(Signal::KILL);
        assert_eq!(process.end().code, None);
        let ended = transfer.goes_on(&[]);
        assert!(ended.stderr.contains("(resumed at "), "{}", ended.stderr);
    }
}

#[test]
fn who_is_killed_twice_goes_on_from_the_second_time() {
    for transfer in [Transfer::put(), Transfer::get()] {
        transfer.held().signal(Signal::KILL);
        let first = transfer.part_bytes();
        transfer.gate.does(transfer.way, Event::Cuts(1_500_000));
        assert_eq!(transfer.here.run(&transfer.words()).code, Some(7));
        let ended = transfer.goes_on(&["--json"]);
        let resumed_at = json_lines(&ended)[0]["resumed_at"].as_u64().unwrap();
        assert!(
            resumed_at > first + 1_000_000,
            "{resumed_at} after {first} bytes"
        );
    }
}

#[test]
fn control_c_says_how_to_go_on() {
    for (transfer, signal) in [
        (Transfer::put(), Signal::INT),
        (Transfer::get(), Signal::INT),
        (Transfer::put(), Signal::TERM),
        (Transfer::get(), Signal::TERM),
    ] {
        let process = transfer.held();
        process.signal(signal);
        let ended = process.end();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        let words = transfer.words().join(" ").replace("big file", "'big file'");
        let hint = "interrupted; what has come is kept, and the same command goes on from there";
        assert_eq!(
            ended.stderr,
            format!("socketserver: {hint}: socketserver {words}\n")
        );
        transfer.goes_on(&[]);
    }
}

#[test]
fn a_connection_that_breaks_is_told_with_the_command_that_goes_on() {
    for transfer in [Transfer::put(), Transfer::get()] {
        transfer.gate.does(transfer.way, Event::Cuts(GATE));
        let ended = transfer.here.fails(
            &transfer.words(),
            7,
            "the same command goes on from there: socketserver ",
        );
        assert!(ended.stderr.contains("is incomplete"), "{}", ended.stderr);
        let ended = transfer.goes_on(&["--json"]);
        let resumed_at = json_lines(&ended)[0]["resumed_at"].as_u64().unwrap();
        assert!(resumed_at >= PART, "{resumed_at}");
    }
}

#[test]
fn a_file_that_was_changed_meanwhile_comes_from_its_beginning() {
    for mut transfer in [Transfer::put(), Transfer::get()] {
        transfer.held().signal(Signal::KILL);
        transfer.bytes[10] ^= 1;
        match transfer.way {
            Way::ToServer => transfer.here.write("big file", &transfer.bytes),
            Way::ToClient => transfer.server.root.write("up/big file", &transfer.bytes),
        }
        let ended = transfer.goes_on(&["--json"]);
        assert_eq!(json_lines(&ended)[0]["resumed_at"], 0);
    }
}

#[test]
fn holes_take_no_room_also_where_a_transfer_broke_off_in_one() {
    for way in [Way::ToServer, Way::ToClient] {
        let mut bytes = vec![0; BYTES];
        bytes[10] = 1;
        bytes[BYTES - 10] = 1;
        let transfer = Transfer::of(way, bytes);
        transfer.held().signal(Signal::KILL);
        let ended = transfer.goes_on(&["--json"]);
        let resumed_at = json_lines(&ended)[0]["resumed_at"].as_u64().unwrap();
        assert!(resumed_at >= PART, "{resumed_at}");
        let (folder, name) = transfer.target();
        let path = folder.path(name).join("big file");
        let blocks = std::fs::metadata(path).unwrap().blocks();
        assert!(blocks * 512 < 1_500_000, "{blocks} blocks");
    }
}

#[test]
fn who_does_not_want_to_go_on_begins_again() {
    for transfer in [Transfer::put(), Transfer::get()] {
        transfer.held().signal(Signal::KILL);
        let ended = transfer.goes_on(&["--json", "--no-resume"]);
        assert_eq!(json_lines(&ended)[0]["resumed_at"], 0);
    }
}
