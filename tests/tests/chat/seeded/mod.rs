//! Several clients on the seeded network, judged by what the hub has decided: everybody receives that, in its order, and nothing else.
//!
//! A member of the hub that belongs to no client, the observer, is in both rooms from the beginning, so that what happens in them is noted in the order that the hub has given
//! it. The clients do what their scripts say, and whatever each of them has received in the end is compared with the notes.

mod actions;
mod oracle;
mod stage;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use socketserver::Config;
use socketserver::testkit::sim::Simulation;
use socketserver_handlers::chat::{Chat, Settings};

use self::stage::{Stage, Watched};

/// The first one is an operator wherever it is.
const NAMES: [&str; 4] = ["ann", "bob", "cyd", "dan"];
const ROOMS: [&str; 2] = ["lobby", "games"];
/// How much of what was said those are told who come, which is less than is said.
const HISTORY_LINES: usize = 6;

/// How fast all of them together may speak, which is slower than they do.
const RATE: &str = "200/s:20";

fn chat() -> Chat {
    let settings = Settings {
        history_lines_max: HISTORY_LINES,
        ..Settings::default()
    };
    Chat::new(settings, Some(RATE.parse().expect("it is a rate")))
}

fn simulation() -> Simulation {
    let config = Config {
        // Those who neither speak nor leave are let go within a simulated hour.
        idle_timeout: Some(Duration::from_secs(600)),
        ..chat().config(Config::default())
    };
    let stage = Arc::new(Stage::new(chat));
    let judged = stage.clone();
    let simulation = Simulation::events(move |peer| Watched::new(&stage, peer))
        .config(config)
        .farewell("-- The server stops. Bye.\n")
        .verify(move |run| {
            let events = judged.next()?;
            oracle::judge(run, &events)
        });
    NAMES.iter().fold(simulation, |simulation, &name| {
        simulation.clients(1, move |random| actions::script(name, random))
    })
}

fn check(seeds: u64) {
    if let Err(failure) = simulation().check(0..seeds) {
        panic!("{failure}");
    }
}

#[test]
fn everybody_receives_what_the_hub_has_decided_and_passes_hundreds_of_seeds() {
    check(300);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn everybody_receives_what_the_hub_has_decided_and_passes_ten_thousand_seeds() {
    check(10_000);
}

#[test]
fn a_seed_is_always_the_same_run() {
    let simulation = simulation();
    let mut hashes = HashSet::new();
    for seed in 0..30 {
        let first = simulation.run(seed).expect("it passes");
        let second = simulation.run(seed).expect("it passes");
        assert_eq!(first, second, "seed {seed}");
        hashes.insert(first.trace_hash);
    }
    assert_eq!(hashes.len(), 30, "the seeds differ from each other");
}
