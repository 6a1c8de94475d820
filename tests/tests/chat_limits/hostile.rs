//! What hostile people say reaches nobody's terminal and no log as it was said.

use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};
use socketserver::{Address, Mode};
use socketserver_tests::{Case, DatagramCase, Running, Transport};

use crate::corpus::{fault_of, hostile};
use crate::people::{Person, Sender, chat, receive, serve};

socketserver_tests::matrix! {
    events concurrent: nothing_hostile_comes_out;
}

/// Looks at everything that is logged in this process, and keeps what is wrong.
struct Censor(Mutex<Findings>);

#[derive(Default)]
struct Findings {
    records: usize,
    wrong: Vec<String>,
}

static CENSOR: Censor = Censor(Mutex::new(Findings {
    records: 0,
    wrong: Vec::new(),
}));

impl Censor {
    fn findings(&self) -> MutexGuard<'_, Findings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Censor {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = record.args().to_string();
        let mut findings = self.findings();
        findings.records += 1;
        if let Some(fault) = fault_of(&line) {
            findings
                .wrong
                .push(format!("{fault} in {line:?} of {}", record.target()));
        }
    }

    fn flush(&self) {}
}

/// Has everything be looked at that is logged from now on, in whatever test.
fn watch_the_log() {
    // Another test may have done so.
    if log::set_logger(&CENSOR).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

/// Every line in which somebody can put a text.
fn lines_with(text: &str) -> Vec<String> {
    [
        "{}",
        "before {} after",
        "//{}",
        "/me {}",
        "/me does {} this",
        "/nick {}",
        "/nick ann{}",
        "/nick {}ann",
        "/join {}",
        "/join den{} key",
        "/join #{}",
        "/join den {}",
        "/key {}",
        "/key k{}",
        "/topic {}",
        "/topic about {} that",
        "/away {}",
        "/away I am {} off",
        "/away",
        "/msg bob {}",
        "/msg bob psst {} psst",
        "/msg dan {}",
        "/msg {} hello",
        "/msg bob{} hello",
        "/part {}",
        "/who {}",
        "/kick {}",
        "/kick bob{} x",
        "/mute {}",
        "/unmute {}",
        "/op {}",
        "/history {}",
        "/{}",
        "/help{}",
        "/nick hank",
        "/key",
        "/join lobby",
    ]
    .map(|form| form.replace("{}", text))
    .to_vec()
}

/// What is wrong with all that a connection has received.
fn check_bytes(who: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("the server sends text");
    for line in text.split('\n') {
        if let Some(fault) = fault_of(line) {
            panic!("{who} receives {fault} in {line:?}");
        }
    }
}

fn nothing_hostile_comes_out(case: &Case) {
    watch_the_log();
    let chat = chat();
    let lines = serve(case, &chat);
    let datagrams = receive(
        &DatagramCase {
            mode: case.mode,
            carrier: socketserver_tests::Carrier::UdpV4,
        },
        &chat,
    );
    let mut hank = Person::enter(&lines, "hank");
    let mut bob = Person::enter(&lines, "bob");
    let mut dan = Sender::enter(&datagrams, "dan");
    // Each mode and transport has a part of them, and all together have each several times.
    let share = share_of(case);
    for (number, text) in hostile().iter().enumerate() {
        if number % 4 != share {
            continue;
        }
        say_everything(&mut hank, text);
        kick_and_leave(&lines, &mut hank, text);
        bob.say("/join lobby");
        dan.say("/join lobby");
        // Now and then, so that nobody is slow and nothing is lost.
        hank.all();
        bob.all();
        dan.all();
    }
    // Who comes later is told of what was said before.
    let mut late = Person::enter(&lines, "late");
    late.say("/rooms");
    late.say("/who");
    late.all();
    check_bytes("hank", &hank.received);
    check_bytes("bob", &bob.received);
    check_bytes("late", &late.received);
    for datagram in &dan.received {
        check_bytes("dan", datagram);
        assert!(!datagram.contains(&b'\n'), "a datagram is one line");
    }
    assert!(bob.received.len() > 10_000, "some of it is heard");
    drop((hank, bob, dan, late));
    lines.stop();
    datagrams.stop();
    let findings = CENSOR.findings();
    assert!(findings.records > 0);
    assert_eq!(findings.wrong, [""; 0]);
}

/// Which fourth of all strings.
fn share_of(case: &Case) -> usize {
    let transport = match case.transport {
        Transport::TcpV4 => 0,
        Transport::TcpV6 => 1,
        Transport::Unix => 2,
    };
    match case.mode {
        Mode::Reactor { loops: 1 } => transport,
        Mode::Reactor { .. } => (transport + 1) % 4,
        Mode::Threads => (transport + 2) % 4,
        _ => (transport + 3) % 4,
    }
}

fn say_everything(hank: &mut Person, text: &str) {
    for line in lines_with(text) {
        hank.say(&line);
    }
}

/// Somebody is removed for such a reason, says such a name, and leaves with such words.
fn kick_and_leave(server: &Running, hank: &mut Person, text: &str) {
    let mut eve = Person::connect(server);
    eve.say(text);
    eve.say(&format!("{text}eve"));
    eve.say(&format!("eve{text}"));
    eve.say("eve");
    let entered = eve.until("-- Hello, ").pop().expect("it is the last");
    let name = entered
        .trim_start_matches("-- Hello, ")
        .split(". You")
        .next()
        .expect("there is a name");
    hank.say(&format!("/kick {name} {text}"));
    hank.say("/topic x");
    hank.say(&format!("/topic {text}"));
    eve.say("/join lobby");
    eve.say(&format!("/part {text}"));
    eve.say(&format!("/quit {text} bye {text}"));
    // There are backspaces that make something else of it.
    eve.client().half_close();
    eve.rest();
    check_bytes("eve", &eve.received);
}

/// The same over datagrams, also as a name that is asked for before there is a cookie.
#[test]
fn nothing_hostile_comes_out_of_the_datagram_door() {
    watch_the_log();
    let chat = chat();
    let case = DatagramCase {
        mode: Mode::Reactor { loops: 1 },
        carrier: socketserver_tests::Carrier::UdpV4,
    };
    let server = receive(&case, &chat);
    let mut hank = Sender::enter(&server, "hank");
    let mut dan = Sender::enter(&server, "dan");
    let stranger = server.caller();
    for text in hostile() {
        for line in lines_with(&text) {
            hank.say(&line);
            hank.caller.send(&line);
            hank.caller.send(format!("{}{text}{line}", hank.cookie));
        }
        stranger.send(format!("/nick {text}"));
        stranger.send(format!("/nick x{text}y"));
        stranger.send("/nick fence");
        loop {
            let answer = stranger.receive_text();
            assert_eq!(fault_of(&answer), None, "{answer:?}");
            if answer.starts_with("/nick fence ") {
                break;
            }
        }
        hank.all();
        dan.all();
    }
    for datagram in hank.received.iter().chain(&dan.received) {
        check_bytes("somebody", datagram);
        assert!(!datagram.contains(&b'\n'), "a datagram is one line");
    }
    assert!(dan.received.len() > 200, "some of it is heard");
    drop((hank, dan));
    server.stop();
    assert_eq!(CENSOR.findings().wrong, [""; 0]);
}

/// The path of a Unix socket is a peer's own choice, and is logged.
#[test]
fn a_path_that_is_hostile_does_not_come_into_the_log() {
    watch_the_log();
    let chat = chat();
    let case = DatagramCase {
        mode: Mode::Reactor { loops: 1 },
        carrier: socketserver_tests::Carrier::Unix,
    };
    let server = receive(&case, &chat);
    let Address::UnixgramPath(path) = server.address().clone() else {
        panic!("it has a path");
    };
    let own = socketserver_tests::fresh_path().with_extension("\u{1b}[2J\nERROR forged");
    let socket = std::os::unix::net::UnixDatagram::bind(&own).expect("a socket");
    socket.send_to(b"/nick ann", &path).expect("it is sent");
    let mut answer = [0; 100];
    let count = socket.recv(&mut answer).expect("it is answered");
    socket.send_to(&answer[..count], &path).expect("it is sent");
    socket.recv(&mut answer).expect("it is answered");
    server.stop();
    std::fs::remove_file(own).expect("it is there");
    assert_eq!(CENSOR.findings().wrong, [""; 0]);
}
