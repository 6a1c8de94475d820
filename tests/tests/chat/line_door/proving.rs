//! Every conversation of one client in every mode, with every cut, and on the seeded network.

use std::time::Duration;

use socketserver::testkit::prover::{Cuts, Prover};
use socketserver::testkit::script::SocketPeer;
use socketserver::testkit::sim::Simulation;
use socketserver::{Address, Config, Endpoint};
use socketserver_handlers::chat::{Chat, LineDoor, Settings};
use socketserver_tests::{Case, PATIENCE};

use super::conversation::Conversation;
use super::scripts::all;

socketserver_tests::matrix! {
    events: every_conversation_is_held;
}

/// Some of all cuts: there are many conversations, and the long run has the rest.
const CUTS: Cuts = Cuts {
    single_max: 64,
    pairs_input_max: 16,
    random: 10,
    ..Cuts::HANDLER
};
/// For those who send much: a byte at a time they would take seconds.
const FEW_CUTS: Cuts = Cuts {
    single_max: 6,
    random: 4,
    ..Cuts::NONE
};
/// Longer than somebody may take for a name, in time that is made up.
const PATIENCE_FOR_A_NAME: Duration = Duration::from_secs(120);
/// On the seeded network they have so many times fewer seeds.
const FEWER_SEEDS: u64 = 20;

/// Makes handlers of which each is the door to a chat of its own.
fn factory(conversation: &Conversation) -> impl Fn(&Address) -> LineDoor + Send + Sync + 'static {
    let (settings, rate) = (conversation.settings.clone(), conversation.rate);
    move |peer| Chat::new(settings.clone(), rate).line_door(peer)
}

fn config() -> Config {
    Chat::new(Settings::default(), None).config(Config::default())
}

fn every_conversation_is_held(case: &Case) {
    for conversation in all().iter().filter(|one| !one.takes_minutes) {
        let chat = Chat::new(conversation.settings.clone(), conversation.rate);
        let config = chat.config(case.config());
        let hub = chat.hub().clone();
        let server = case.serve_events_with(config, move |peer| chat.line_door(peer));
        let endpoint: Endpoint = server.address().to_string().parse().expect("it is one");
        let mut peer = SocketPeer::connect(&endpoint, PATIENCE).expect("the server listens");
        if let Err(failure) = conversation.script().play(&mut peer, PATIENCE) {
            panic!("{}: {failure}", conversation.name);
        }
        drop(peer);
        server.stop();
        let stats = hub.stats();
        assert_eq!(
            (stats.members, stats.rooms),
            (0, 0),
            "{}: nobody is left, and no room",
            conversation.name
        );
    }
}

fn prove(cuts: Cuts) {
    for conversation in &all() {
        let prover = Prover::new(conversation.script()).config(config());
        let cuts = if conversation.is_long { FEW_CUTS } else { cuts };
        let prover = prover.cuts(cuts).patience(PATIENCE_FOR_A_NAME);
        let proof = prover.prove(factory(conversation));
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
    let is_quick = |one: &&Conversation| !one.takes_minutes;
    for conversation in all().iter().filter(is_quick) {
        let simulation = Simulation::events(factory(conversation))
            .config(Config {
                // Those who neither speak nor leave are let go within a simulated hour.
                idle_timeout: Some(Duration::from_secs(600)),
                ..config()
            })
            .farewell("-- The server stops. Bye.\n")
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
    simulate(20);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn every_conversation_passes_a_thousand_seeds() {
    simulate(1_000);
}
