//! Every conversation in every mode, with every cut, and on the seeded network.

use std::sync::Arc;

use socketserver::testkit::prover::{Cuts, Prover};
use socketserver::testkit::script::SocketPeer;
use socketserver::testkit::sim::Simulation;
use socketserver::{Address, Config, Endpoint};
use socketserver_handlers::files::{FileHandler, Files, Settings};
use socketserver_tests::{Case, Memory, PATIENCE};

use crate::scripts::{Conversation, all, shelf};

socketserver_tests::matrix! {
    events: every_conversation_is_held;
}

/// Some of all cuts: there are many conversations, and the long run has the rest.
const CUTS: Cuts = Cuts {
    single_max: 48,
    pairs_input_max: 16,
    random: 10,
    ..Cuts::HANDLER
};

/// For those who send much: a byte at a time they would take seconds.
const FEW_CUTS: Cuts = Cuts {
    single_max: 4,
    random: 2,
    ..Cuts::NONE
};
/// On the seeded network they take seconds, so that they have so many times fewer seeds: in the short run none.
const FEWER_SEEDS: u64 = 100;

/// Makes handlers of which each has a storage of its own.
fn factory(
    conversation: &Conversation,
) -> impl Fn(&Address) -> FileHandler + Send + Sync + 'static {
    let settings = conversation.settings;
    move |peer| Files::new(Arc::new(shelf()), settings()).handler(peer)
}

fn config() -> Config {
    Files::new(Arc::new(Memory::default()), Settings::default()).config(Config::default())
}

fn every_conversation_is_held(case: &Case) {
    for conversation in all() {
        let memory = shelf();
        let files = Files::new(Arc::new(memory.clone()), (conversation.settings)());
        let config = files.config(case.config());
        let server = case.serve_events_with(config, move |peer| files.handler(peer));
        let endpoint: Endpoint = server.address().to_string().parse().expect("it is one");
        let mut peer = SocketPeer::connect(&endpoint, PATIENCE).expect("the server listens");
        let played = conversation.script().play(&mut peer, PATIENCE);
        if let Err(failure) = played {
            panic!("{}: {failure}", conversation.name);
        }
        drop(peer);
        server.stop();
        for (file, bytes) in &conversation.files {
            let there = memory.file(file);
            assert!(
                there.as_deref() == bytes.as_deref(),
                "{}: {file} is {:?}",
                conversation.name,
                there.map(|bytes| bytes.len())
            );
        }
    }
}

fn prove(cuts: Cuts) {
    for conversation in all() {
        let prover = Prover::new(conversation.script()).config(config());
        let cuts = if conversation.is_long { FEW_CUTS } else { cuts };
        let proof = prover.cuts(cuts).prove(factory(&conversation));
        if let Err(disproof) = proof {
            panic!("{}: {disproof}", conversation.name);
        }
    }
}

#[test]
fn every_conversation_is_the_same_however_it_is_cut() {
    prove(CUTS);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn every_conversation_is_the_same_with_every_pair_of_cuts() {
    prove(Cuts::HANDLER);
}

fn simulate(seeds: u64) {
    for conversation in all() {
        let simulation = Simulation::events(factory(&conversation))
            .config(config())
            .script(&conversation.script());
        let seeds = if conversation.is_long {
            seeds / FEWER_SEEDS
        } else {
            seeds
        };
        if let Err(failure) = simulation.check(0..seeds) {
            panic!("{}: {failure}", conversation.name);
        }
    }
}

#[test]
fn every_conversation_passes_the_seeded_network() {
    simulate(15);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn every_conversation_passes_a_thousand_seeds() {
    simulate(1_000);
}
