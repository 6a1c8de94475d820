//! The datagram door on the seeded network, which loses, repeats and delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socketserver::testkit::sim::{
    ClientSocket, DatagramClient, DatagramFaults, DatagramSimulation, Letter,
};
use socketserver_handlers::chat::Chat;

use crate::people::chat;

const NAMES: [&str; 3] = ["ann", "bob", "eve"];
/// How long a client waits for an answer before it asks again.
const WAIT: Duration = Duration::from_millis(200);
/// How often it asks for the same thing.
const TRIES_MAX: u32 = 40;

/// What a client is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    AskForCookie,
    Join,
    Speak(u32),
    Quit,
    Done,
}

/// A client as one is written from the protocol: it repeats what is not answered.
struct Chatter {
    name: &'static str,
    next: &'static str,
    step: Step,
    cookie: String,
    tries: u32,
    complaint: Option<String>,
    /// How many have entered, and how many lines were heard.
    tally: Arc<[AtomicU64; 2]>,
}

impl Chatter {
    fn new(index: usize, tally: &Arc<[AtomicU64; 2]>) -> Self {
        Self {
            name: NAMES[index],
            next: NAMES[(index + 1) % NAMES.len()],
            step: Step::AskForCookie,
            cookie: String::new(),
            tries: 0,
            complaint: None,
            tally: tally.clone(),
        }
    }

    fn go_on(&mut self, socket: &mut ClientSocket<'_>) {
        let Self {
            name, next, cookie, ..
        } = &*self;
        let message = match self.step {
            Step::AskForCookie => format!("/nick {name}"),
            Step::Join => format!("/nick {name} {cookie}"),
            Step::Speak(number) if number % 2 == 0 => format!("{cookie} {name} says {number}"),
            Step::Speak(number) => format!("{cookie} /msg {next} {name} tells {next} {number}"),
            Step::Quit => format!("{cookie} /quit"),
            Step::Done => return,
        };
        socket.send(message.as_bytes());
        self.tries += 1;
        if self.tries > TRIES_MAX {
            socket.cancel_timer();
        } else {
            socket.set_timer(WAIT);
        }
        match self.step {
            // Nothing answers these: they may be lost.
            Step::Speak(7) => self.enter(Step::Quit),
            Step::Speak(number) => self.enter(Step::Speak(number + 1)),
            _ => {}
        }
    }

    fn enter(&mut self, step: Step) {
        self.step = step;
        self.tries = 0;
    }

    fn hear(&mut self, line: &str) -> Result<(), String> {
        let own = self.name;
        let wrong = || Err(format!("{own} hears {line:?} in {:?}", self.step));
        if let Some(rest) = line.strip_prefix("/nick ") {
            let Some((name, cookie)) = rest.split_once(' ') else {
                return wrong();
            };
            if name != own || cookie.len() != 10 {
                return wrong();
            }
            if self.step == Step::AskForCookie {
                cookie.clone_into(&mut self.cookie);
                self.enter(Step::Join);
            }
        } else if line.starts_with("-- Hello, ") {
            if !line.starts_with(&format!("-- Hello, {own}. ")) {
                return wrong();
            }
            if self.step == Step::Join {
                self.tally[0].fetch_add(1, Ordering::Relaxed);
                self.enter(Step::Speak(0));
            }
        } else if line == "-- Bye." {
            self.enter(Step::Done);
        } else if let Some(told) = line.strip_prefix('[') {
            self.tally[1].fetch_add(1, Ordering::Relaxed);
            let told_self = told.starts_with(&format!("lobby] {own}"))
                || told.starts_with(&format!("{own} -> you"));
            let told_others = told.contains(" -> you]") && !told.contains(&format!(" tells {own}"));
            // What was said before a rejoin is repeated to whom it may concern.
            if (told_self || told_others) && !told.contains("just now") {
                return wrong();
            }
        } else if line.starts_with("!! ") && !line.contains(" nobody here is called ") {
            return wrong();
        }
        Ok(())
    }
}

impl DatagramClient for Chatter {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        self.go_on(socket);
    }

    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        if letter.is_truncated() {
            return;
        }
        let before = self.step;
        let line = String::from_utf8_lossy(&letter.bytes);
        if let Err(complaint) = self.hear(&line) {
            self.complaint.get_or_insert(complaint);
        }
        if self.step != before {
            self.go_on(socket);
        }
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        self.go_on(socket);
    }

    fn verdict(&self) -> Result<(), String> {
        self.complaint.clone().map_or(Ok(()), Err)
    }
}

fn simulation(chat: &Chat) -> (DatagramSimulation, Arc<[AtomicU64; 2]>) {
    let chat = chat.clone();
    let tally = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let mut simulation = DatagramSimulation::peers(move |peer| chat.datagram_door(peer));
    for index in 0..NAMES.len() {
        let tally = tally.clone();
        simulation = simulation.clients(1, move |_| Chatter::new(index, &tally));
    }
    (simulation, tally)
}

fn check(simulation: &DatagramSimulation, seeds: u64) {
    if let Err(failure) = simulation.check(0..seeds) {
        panic!("{failure}\n{}", failure.trace());
    }
}

#[test]
fn who_repeats_his_join_gets_in_through_loss_repetition_and_delay() {
    const SEEDS: u64 = 100;
    for (lost, duplicated, delayed) in [(0, 0, 0), (30, 30, 30), (50, 25, 25), (0, 100, 0)] {
        let chat = chat();
        let (simulation, tally) = simulation(&chat);
        let faults = DatagramFaults {
            lost,
            duplicated,
            delayed,
            ..DatagramFaults::NONE
        };
        check(&simulation.faults(faults), SEEDS);
        let [entered, heard] = [0, 1].map(|index| tally[index].load(Ordering::Relaxed));
        assert_eq!(entered, SEEDS * NAMES.len() as u64);
        assert!(heard > entered, "{heard} lines were heard by {entered}");
        assert_eq!(chat.hub().stats().members, 0, "all are gone with their run");
    }
}

#[test]
fn whatever_goes_wrong_nobody_hears_what_is_not_for_him() {
    let chat = chat();
    let (simulation, tally) = simulation(&chat);
    check(&simulation, 300);
    assert!(tally[0].load(Ordering::Relaxed) > 300);
    assert_eq!(chat.hub().stats().members, 0);
}

/// Says something at the beginning and after 150 s, and may send its cookie meanwhile.
struct Patient {
    keeps_alive: bool,
    cookie: String,
    heard: Vec<String>,
}

impl DatagramClient for Patient {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        socket.send(format!("/nick {}", self.name()).as_bytes());
        socket.set_timer(Duration::from_secs(30));
    }

    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        let line = String::from_utf8_lossy(&letter.bytes).into_owned();
        if let Some(rest) = line.strip_prefix("/nick ") {
            socket.send(line.as_bytes());
            rest.split_once(' ')
                .expect("there is a cookie")
                .1
                .clone_into(&mut self.cookie);
        } else {
            self.heard.push(line);
        }
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        if socket.now() < Duration::from_secs(150) {
            if self.keeps_alive {
                socket.send(self.cookie.as_bytes());
            }
            socket.set_timer(Duration::from_secs(30));
        } else {
            socket.send(format!("{} still here", self.cookie).as_bytes());
        }
    }

    fn verdict(&self) -> Result<(), String> {
        let silent = "[lobby] -- silent has left (was silent for too long)";
        let count = |line: &str| self.heard.iter().filter(|heard| *heard == line).count();
        let right = if self.keeps_alive {
            count(silent) == 1 && count("[lobby] silent: still here") == 0
        } else {
            // It hears nothing from when it is no member.
            count("[lobby] keeper: still here") == 0
        };
        let name = self.name();
        right
            .then_some(())
            .ok_or_else(|| format!("{name} has heard {:?}", self.heard))
    }
}

impl Patient {
    fn name(&self) -> &'static str {
        if self.keeps_alive { "keeper" } else { "silent" }
    }
}

#[test]
fn a_cookie_keeps_a_member_and_silence_does_not() {
    const SEEDS: u64 = 50;
    let chat = chat();
    let door = chat.clone();
    let mut simulation = DatagramSimulation::peers(move |peer| door.datagram_door(peer));
    for keeps_alive in [true, false] {
        simulation = simulation.clients(1, move |_| Patient {
            keeps_alive,
            cookie: String::new(),
            heard: Vec::new(),
        });
    }
    check(&simulation.without_faults(), SEEDS);
    // The one who was silent is none who could speak.
    assert_eq!(chat.hub().stats().said, SEEDS);
}
