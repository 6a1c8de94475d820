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

/// All places for one cut, and some for several: there are many conversations.
const CUTS: Cuts = Cuts {
    pairs_input_max: 40,
    random: 20,
    ..Cuts::HANDLER
};

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

#[test]
fn every_conversation_is_the_same_however_it_is_cut() {
    for conversation in all() {
        let prover = Prover::new(conversation.script()).config(config());
        let prover = prover.cuts(CUTS);
        if let Err(disproof) = prover.prove(factory(&conversation)) {
            panic!("{}: {disproof}", conversation.name);
        }
    }
}

#[test]
fn every_conversation_passes_the_seeded_network() {
    for conversation in all() {
        let simulation = Simulation::events(factory(&conversation))
            .config(config())
            .script(&conversation.script());
        if let Err(failure) = simulation.check(0..20) {
            panic!("{}: {failure}", conversation.name);
        }
    }
}
