//! Handlers of datagrams on the seeded network: hundreds of seeds each, and 100,000 with the command that CONTRIBUTING.md names.

mod datagram_simulation {
    pub(crate) mod handlers;
    pub(crate) mod transfer;
    pub(crate) mod wrong;
}

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::sim::{DatagramFaults, DatagramRun, DatagramSimulation, Timetable};
use socketserver::{Config, Eviction};
use socketserver_handlers::{Alphabet, Echo, Uppercase};

use datagram_simulation::handlers::{
    Alarms, Count, Flood, Greedy, Guest, Heartbeat, OwnSocket, Roamer, Visitor,
};
use datagram_simulation::transfer::{Getter, Sender, file};
use datagram_simulation::wrong;

/// Every server with its clients.
fn simulations() -> Vec<(&'static str, DatagramSimulation)> {
    let echo = DatagramSimulation::plain(|| Echo).clients(3, words);
    let upper = DatagramSimulation::plain(|| Uppercase::new(Alphabet::Ascii)).clients(3, words);
    vec![
        ("echo", echo.verify(|run| answered(run, <[u8]>::to_vec))),
        (
            "uppercase",
            upper.verify(|run| answered(run, <[u8]>::to_ascii_uppercase)),
        ),
        ("timers", timers()),
        ("heartbeats", heartbeats()),
        ("idle peers", idle()),
        ("refusal at capacity", crowd(Eviction::Refuse)),
        ("eviction of the unproven", crowd(Eviction::Unproven)),
        ("eviction of the idlest", crowd(Eviction::Idlest)),
        ("as much as may be", greedy()),
        ("sockets of their own", own_sockets()),
        ("as much as there is room for", flood()),
        ("transfer", transfer(DatagramFaults::default()).0),
    ]
}

/// Up to ten datagrams within some milliseconds, of which some are empty.
fn words(random: &mut Random) -> Timetable {
    let count = random.below(11);
    Timetable::new((0..count).map(|_| {
        let at = Duration::from_millis(random.below(20) as u64);
        let length = random.below(40);
        let bytes = (0..length).map(|_| b'a' + random.below(26) as u8);
        (at, bytes.collect())
    }))
}

/// Every answer is that to a datagram which was sent; and where nothing goes wrong, every datagram is answered once.
fn answered(run: &DatagramRun, answer: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), String> {
    for client in &run.clients {
        let mut due: Vec<_> = client.sent.iter().map(|sent| answer(sent)).collect();
        for letter in &client.received {
            let is_due = |answer: &&Vec<u8>| {
                answer.starts_with(&letter.bytes) && answer.len() == letter.size
            };
            if !due.iter().any(|answer| is_due(&answer)) {
                let text = letter.bytes.escape_ascii();
                return Err(format!(
                    "'{text}' answers nothing that {} sent",
                    client.address
                ));
            }
        }
        if run.faults.is_empty() {
            let mut received: Vec<_> = (client.received.iter())
                .map(|letter| letter.bytes.clone())
                .collect();
            due.sort();
            received.sort();
            if received != due {
                return Err(format!(
                    "{} was sent {received:?}, not {due:?}",
                    client.address
                ));
            }
        }
    }
    Ok(())
}

/// Timers ring in the order of their times.
fn timers() -> DatagramSimulation {
    let client = |random: &mut Random| {
        let alarms: Vec<_> = (0..random.below(8) as u8)
            .map(|timer| vec![timer, random.below(60) as u8])
            .collect();
        Timetable::new(alarms.into_iter().map(|alarm| (Duration::ZERO, alarm)))
    };
    DatagramSimulation::peers(|_| Alarms)
        .clients(3, client)
        .verify(|run| {
            for client in run.clients.iter().filter(|_| run.faults.is_empty()) {
                let mut alarms = client.sent.clone();
                alarms.sort_by_key(|alarm| alarm[1]);
                let delays = |timers: Vec<u8>| -> Vec<u8> {
                    let delay = |timer| alarms.iter().find(|alarm| alarm[0] == timer);
                    timers
                        .into_iter()
                        .filter_map(|timer| Some(delay(timer)?[1]))
                        .collect()
                };
                let rung = delays(
                    client
                        .received
                        .iter()
                        .map(|letter| letter.bytes[0])
                        .collect(),
                );
                let due: Vec<_> = alarms.iter().map(|alarm| alarm[1]).collect();
                if rung != due {
                    return Err(format!("{rung:?} ms have rung instead of {due:?} ms"));
                }
            }
            Ok(())
        })
}

/// A handler that rings again and again, at once too, keeps nobody else waiting and does not stay for ever.
fn heartbeats() -> DatagramSimulation {
    let client = |random: &mut Random| {
        let every = *random.pick(&[0, 1, 7]);
        Timetable::new([(Duration::from_millis(random.below(5) as u64), vec![every])])
    };
    DatagramSimulation::peers(|_| Heartbeat::default())
        .config(Config {
            peer_idle_timeout: Some(Duration::from_millis(40)),
            ..Config::default()
        })
        .clients(2, client)
        .verify(|run| {
            let idle = run.stats.closed.get("idle_timeout").copied();
            let expected = run.stats.accepted;
            if run.faults.is_empty() && idle.unwrap_or(0) != expected {
                return Err(format!(
                    "of {expected} peers not all were idle: {:?}",
                    run.stats
                ));
            }
            Ok(())
        })
}

/// A peer that was silent for long is forgotten, and begins anew.
fn idle() -> DatagramSimulation {
    let client = |random: &mut Random| {
        let mut at = Duration::ZERO;
        let times: Vec<_> = (0..random.below(8))
            .map(|_| {
                at += Duration::from_millis(*random.pick(&[1, 20, 90, 120, 300]));
                (at, b"?".to_vec())
            })
            .collect();
        Timetable::new(times)
    };
    DatagramSimulation::peers(|_| Count::default())
        .config(Config {
            peer_idle_timeout: Some(Duration::from_millis(100)),
            ..Config::default()
        })
        .clients(2, client)
        .verify(|run| {
            for client in run.clients.iter().filter(|_| run.faults.is_empty()) {
                for pair in client.received.windows(2) {
                    let pause = pair[1].at.saturating_sub(pair[0].at);
                    let is_new = pause > Duration::from_millis(100);
                    let expected = if is_new { 1 } else { pair[0].bytes[0] + 1 };
                    if pair[1].bytes[0] != expected {
                        return Err(format!("{} instead of {expected}", pair[1].bytes[0]));
                    }
                }
            }
            Ok(())
        })
}

/// More clients than there is room for.
fn crowd(eviction: Eviction) -> DatagramSimulation {
    let driven_out = Arc::new(AtomicBool::new(false));
    let flag = driven_out.clone();
    DatagramSimulation::peers(move |_| Guest::new(&flag))
        .config(Config {
            connections_max: 3,
            eviction,
            ..Config::default()
        })
        .clients(7, Visitor::new)
        .verify(move |run| {
            let evicted = run.stats.closed.get("evicted").copied().unwrap_or(0);
            if eviction == Eviction::Refuse && evicted > 0 {
                return Err(format!("{evicted} were evicted"));
            }
            if eviction == Eviction::Idlest && run.stats.refused > 0 {
                return Err(format!("{} were refused", run.stats.refused));
            }
            if eviction != Eviction::Idlest && driven_out.swap(false, Ordering::Relaxed) {
                return Err("somebody who was proven had to go".to_owned());
            }
            Ok(())
        })
}

/// An unproven peer gets three times of what it has sent, and a proven one all that it likes.
fn greedy() -> DatagramSimulation {
    DatagramSimulation::peers(|_| Greedy)
        .clients(3, words)
        .verify(|run| {
            for client in run.clients.iter().filter(|_| run.faults.is_empty()) {
                let sum = |sizes: Vec<usize>| sizes.into_iter().sum::<usize>();
                let sent = sum(client.sent.iter().map(Vec::len).collect());
                let received = sum(client.received.iter().map(|letter| letter.size).collect());
                let (count, most) = (client.received.len(), 3 * client.sent.len());
                if received > 3 * sent || count > most || (sent > 0 && received < 2 * sent) {
                    return Err(format!("{received} bytes in {count} for {sent}"));
                }
            }
            Ok(())
        })
}

/// Peers that get a socket each, some of which leave without a word.
fn own_sockets() -> DatagramSimulation {
    DatagramSimulation::peers(|_| OwnSocket::default())
        .config(Config {
            peer_idle_timeout: Some(Duration::from_millis(500)),
            ..Config::default()
        })
        .clients(3, Roamer::new)
}

/// Peers that are sent as much as there is room for, from a socket that was opened just before.
fn flood() -> DatagramSimulation {
    DatagramSimulation::peers(|_| Flood)
        .config(Config {
            output_bytes_max: 2_000,
            ..Config::default()
        })
        .clients(1, words)
        .verify(|run| {
            let [client] = &run.clients[..] else {
                return Err("there is one client".to_owned());
            };
            let is_too_much = client.received.len() > 20 * (1 + client.sent.len() * 2);
            if is_too_much || (run.faults.is_empty() && run.stats.send_errors < run.stats.accepted)
            {
                return Err(format!("there was room for {}", client.received.len()));
            }
            Ok(())
        })
}

/// Files that are fetched in blocks; and how many clients have got theirs, of how many.
fn transfer(faults: DatagramFaults) -> (DatagramSimulation, Arc<[AtomicU64; 2]>) {
    let tally = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let counted = tally.clone();
    let simulation = DatagramSimulation::peers(|_| Sender::new(file))
        .faults_up_to(faults)
        .clients(2, move |random| Getter::new(random, &counted));
    (simulation, tally)
}

fn check(seeds: u64) {
    for (name, simulation) in simulations() {
        if let Err(failure) = simulation.check(0..seeds) {
            panic!("{name}: {failure}\n{}", failure.trace());
        }
    }
}

#[test]
fn every_datagram_handler_passes_hundreds_of_seeds() {
    check(300);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn every_datagram_handler_passes_a_hundred_thousand_seeds() {
    check(100_000);
}

#[test]
fn a_transfer_is_complete_though_a_third_of_everything_is_lost() {
    let faults = DatagramFaults {
        lost: 30,
        duplicated: 30,
        delayed: 30,
        ..DatagramFaults::NONE
    };
    let (simulation, tally) = transfer(faults);
    if let Err(failure) = simulation.faults(faults).check(0..500) {
        panic!("{failure}\n{}", failure.trace());
    }
    let [complete, all] = [0, 1].map(|index| tally[index].load(Ordering::Relaxed));
    // Nobody tries more than six times, and of what may be lost so often something is.
    assert!(complete * 10 >= all * 9, "{complete} of {all} are complete");
}

#[test]
fn a_seed_is_always_the_same_run() {
    for (name, simulation) in simulations() {
        let mut hashes = HashSet::new();
        for seed in 0..50 {
            let first = simulation.run(seed).expect("it passes");
            let second = simulation.run(seed).expect("it passes");
            assert_eq!(first, second, "{name}: seed {seed}");
            hashes.insert(first.trace_hash);
        }
        assert!(
            hashes.len() > 40,
            "{name}: the seeds differ from each other"
        );
    }
}

#[test]
fn every_fault_strikes_in_some_run_and_none_without_faults() {
    let mut words = HashSet::new();
    for (_, simulation) in simulations() {
        for seed in 0..40 {
            let run = simulation.run(seed).expect("it passes");
            for fault in run.faults {
                let text = fault.to_string();
                let known = [
                    "lost",
                    "duplicated",
                    "delayed",
                    "truncated",
                    "would block",
                    "send",
                    "receive",
                    "opening",
                    "panics",
                    "jumps",
                    "is stopped at once",
                ];
                words.extend(known.into_iter().filter(|word| text.contains(word)));
            }
            let calm = simulation.clone().without_faults();
            assert_eq!(calm.run(seed).expect("it passes").faults, []);
        }
    }
    assert_eq!(words.len(), 11, "{words:?}");
}

#[test]
fn wrong_handlers_are_found_with_the_faults_that_they_need_and_their_seeds_repeat() {
    for (name, simulation, what, needs_fault) in wrong::simulations() {
        let failure = simulation.check(0..1_000).expect_err(name);
        assert!(failure.what().contains(what), "{name}: {failure}");
        assert_eq!(
            !failure.faults().is_empty(),
            needs_fault,
            "{name}: {failure}"
        );
        assert!(failure.faults().len() <= 2, "{name} needs few: {failure}");
        let again = (simulation.run(failure.seed())).expect_err("the same seed fails again");
        assert_eq!(again.to_string(), failure.to_string());
        assert_eq!(again.trace(), failure.trace());
        assert!(failure.command().starts_with("SOCKETSERVER_SEED="));
    }
}
