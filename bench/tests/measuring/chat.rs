//! The load of chat against right servers in several modes, and against servers whose faults are known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socketserver::{Endpoint, Mode};
use socketserver_bench::load::{self, Conversation, Form, LoadError, Measurement, Phases, Plan};

use crate::chat_servers::{self, Flaw, Hall};
use crate::servers;

const MS: Duration = Duration::from_millis(1);
/// Enough that one of them speaks and several listen.
const MEMBERS: usize = 4;
/// The message with which something is wrong.
const WRONG: u64 = 1000;

/// It lasts longer than TCP takes to send again what a busy machine has dropped, even to itself.
fn plan(endpoint: &Endpoint) -> Plan {
    Plan {
        connections: MEMBERS,
        warm_up: 50 * MS,
        duration: 600 * MS,
        ..Plan::new(endpoint.clone(), Conversation::Chat)
    }
}

fn measure(plan: &Plan) -> Measurement {
    load::run(plan, &mut (), &AtomicBool::new(false)).expect("the load can be made")
}

/// Speaks until the wrong message has been said, and longer.
fn measure_wrong(flaw: Flaw) -> Measurement {
    let hall = Hall::with(flaw);
    let measured = measure(&Plan {
        form: Form::Open { rate: 4000.0 },
        ..plan(&hall.endpoint)
    });
    assert!(measured.answered > 0, "{flaw:?}: {measured:?}");
    measured
}

fn assert_nothing_wrong(measured: &Measurement) {
    assert!(measured.errors.is_empty(), "{measured:?}");
    assert_eq!((measured.fault.as_ref(), measured.unserved), (None, 0));
    assert!(measured.served > 0 && measured.answered >= measured.served);
}

#[test]
fn every_form_of_load_finds_nothing_wrong_with_a_right_server() {
    let unix = std::env::temp_dir().join(format!("socketserver-chat-{}", std::process::id()));
    for (mode, endpoint) in [
        (Mode::Reactor { loops: 2 }, "127.0.0.1:0".to_owned()),
        (Mode::Threads, format!("unix:{}", unix.display())),
    ] {
        let hall = Hall::start(mode, &endpoint, Flaw::None);
        for form in [
            Form::Closed { window: 1 },
            Form::Closed { window: 16 },
            Form::Open { rate: 1000.0 },
        ] {
            for (connections, active, message_bytes) in
                [(2, None, 26), (20, None, 64), (12, Some(12), 2000)]
            {
                let measured = measure(&Plan {
                    form,
                    connections,
                    active,
                    message_bytes,
                    ..plan(&hall.endpoint)
                });
                assert_nothing_wrong(&measured);
                let chat = measured.chat.expect("it is a chat");
                assert_eq!(chat.stuck_cut, 0);
                let others = connections as u64 - 1;
                if let Form::Open { .. } = form {
                    let offered = measured.offered.expect("an open loop has an offer");
                    assert_eq!(measured.served, offered, "everything comes to everybody");
                    assert!((600..=601).contains(&(offered / others)), "{offered}");
                } else {
                    // Those that are on their way at the beginning and in the end are counted on one side only.
                    let on_their_way = 16 * 12 * others;
                    let expected = chat.messages * others;
                    assert!(
                        measured.served.abs_diff(expected) <= on_their_way,
                        "{measured:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_fault_is_found_and_named() {
    let readers = MEMBERS as u64 - 1;
    for (flaw, word, count, sentence) in [
        (
            Flaw::Drops(WRONG),
            "lost",
            readers,
            "message 1000 of member 0 never came to member 1, and later ones did",
        ),
        (
            Flaw::Swaps(WRONG),
            "out_of_order",
            readers,
            "message 1000 of member 0 came to member 1 after a later one",
        ),
        (
            Flaw::Doubles(WRONG),
            "doubled",
            readers,
            "message 1000 of member 0 came to member 1 twice",
        ),
        (
            Flaw::Corrupts(WRONG, 60),
            "wrong_bytes",
            readers,
            "byte 60 of the line with message 1000 of member 0 is wrong, as it came to member 1",
        ),
        (
            // In the number.
            Flaw::Corrupts(WRONG, 22),
            "wrong_bytes",
            readers,
            "byte 22 of the line with message 1000 of member 0 is wrong, as it came to member 1",
        ),
        (
            // In the name.
            Flaw::Corrupts(WRONG, 12),
            "wrong_bytes",
            readers,
            "byte 12 of the line with message 1000 of member 0 is wrong, as it came to member 1",
        ),
        (
            // The end of the line, so that the next one hangs on to it.
            Flaw::Corrupts(WRONG, 81),
            "wrong_bytes",
            readers,
            "byte 81 of the line with message 1000 of member 0 is wrong, as it came to member 1",
        ),
        (
            Flaw::OtherRoom(WRONG),
            "wrong_room",
            readers,
            "message 1000 of member 0 came to member 1 in the room 'elsewhere', where it was not said",
        ),
        (
            Flaw::Returns(WRONG),
            "own",
            1,
            "message 1000 of member 0 came back to it",
        ),
        (
            Flaw::Refuses(WRONG),
            "refused",
            1,
            "the server refused something of member 0: '!! Not so fast.' (it must run with --flood off)",
        ),
    ] {
        let measured = measure_wrong(flaw);
        assert_eq!(measured.errors[word], count, "{flaw:?}: {measured:?}");
        // Who comes first is the server's choice.
        let fault = measured.fault.expect("something is wrong");
        let of_first = |number| sentence.replace("member 1", &format!("member {number}"));
        assert!(
            (1..MEMBERS).any(|number| fault == of_first(number)),
            "{flaw:?}: {fault}"
        );
        // What comes behind it is right, but for the message that hangs on to the wrong one.
        let hangs_on = matches!(flaw, Flaw::Corrupts(_, 81));
        assert_eq!(measured.errors.len(), 1 + usize::from(hangs_on), "{flaw:?}");
    }
}

#[test]
fn what_nobody_has_said_is_quoted() {
    let measured = measure_wrong(Flaw::Invents(WRONG));
    assert_eq!(measured.errors["unexpected"], MEMBERS as u64 - 1);
    let fault = measured.fault.expect("something is wrong");
    assert!(
        fault.contains("got a line that nobody has said: '["),
        "{fault}"
    );
    assert!(fault.ends_with("] bob: hello'"), "{fault}");
}

#[test]
fn a_member_that_reads_and_whose_connection_ends_is_a_fault() {
    let measured = measure_wrong(Flaw::Ends(WRONG));
    let over: u64 = ["closed", "reset"]
        .iter()
        .filter_map(|word| measured.errors.get(word))
        .sum();
    // When nobody is left to speak or to hear anything, nobody looks at the others.
    assert!(over > 0, "{measured:?}");
    let fault = measured.fault.expect("something is wrong");
    assert!(fault.contains("connection of member "), "{fault}");
}

#[test]
fn a_message_that_never_comes_stops_a_closed_loop_and_is_named() {
    let hall = Hall::with(Flaw::Drops(10));
    let measured = measure(&Plan {
        duration: 1000 * MS,
        ..plan(&hall.endpoint)
    });
    let readers = MEMBERS as u64 - 1;
    assert_eq!(measured.answered, 9 * readers, "{measured:?}");
    assert_eq!(measured.errors["lost"], readers);
    assert_eq!(
        measured.fault.as_deref(),
        Some("message 10 of member 0 never came to member 1")
    );
}

#[test]
fn who_never_reads_is_cut_and_counted_while_the_others_hear_everything() {
    for endpoint in ["127.0.0.1:0", "unix:@socketserver-chat-stuck"] {
        let hall = Hall::start(Mode::Reactor { loops: 1 }, endpoint, Flaw::None);
        let plan = Plan {
            form: Form::Closed { window: 64 },
            message_bytes: 2000,
            stuck: 2,
            warm_up: Duration::ZERO,
            duration: 60_000 * MS,
            ..plan(&hall.endpoint)
        };
        let stop = AtomicBool::new(false);
        let measured = thread::scope(|scope| {
            let load = scope.spawn(|| load::run(&plan, &mut (), &stop));
            // The system and the server together keep some megabytes for somebody who does not read.
            for _ in 0..plan.stuck {
                let cut = hall.cuts.recv_timeout(plan.duration);
                cut.expect("whoever does not read is cut");
            }
            stop.store(true, Ordering::Relaxed);
            load.join().expect("it ends").expect("the load can be made")
        });
        assert_nothing_wrong(&measured);
        let chat = measured.chat.expect("it is a chat");
        assert_eq!(chat.stuck_cut, 2, "{endpoint}");
    }
}

#[test]
fn an_end_behind_what_was_not_read_is_found_too() {
    let endpoint = chat_servers::ending_the_last(MEMBERS + 1);
    let measured = measure(&Plan {
        stuck: 1,
        ..plan(&endpoint)
    });
    assert_nothing_wrong(&measured);
    assert_eq!(measured.chat.expect("it is a chat").stuck_cut, 1);
}

#[test]
fn who_never_reads_stops_a_server_that_waits_for_everybody() {
    let endpoint = chat_servers::waiting_for_everybody();
    let with_stuck = |stuck| {
        measure(&Plan {
            form: Form::Closed { window: 100 },
            message_bytes: 2000,
            stuck,
            duration: 1500 * MS,
            ..plan(&endpoint)
        })
    };
    assert_nothing_wrong(&with_stuck(0));
    let measured = with_stuck(1);
    assert_eq!(measured.chat.expect("it is a chat").stuck_cut, 0);
    assert!(measured.errors["lost"] > 0, "{measured:?}");
    let fault = measured.fault.expect("something is wrong");
    assert!(
        fault.contains(" of member 0 never came to member "),
        "{fault}"
    );
}

#[test]
fn a_delivery_takes_as_long_as_it_takes() {
    let hall = Hall::with(Flaw::Delays(20 * MS));
    for form in [Form::Closed { window: 1 }, Form::Open { rate: 25.0 }] {
        let measured = measure(&Plan {
            form,
            ..plan(&hall.endpoint)
        });
        assert_nothing_wrong(&measured);
        let median = measured.latency.quantile(0.5).expect("deliveries came");
        assert!(median >= 20_000.0, "{form:?}: {median} us");
    }
    // A server that takes twice as long as there is time for it falls behind, which an open loop sees.
    let measured = measure(&Plan {
        form: Form::Open { rate: 100.0 },
        ..plan(&hall.endpoint)
    });
    let longest = measured.latency.max_us;
    assert!(longest > 150_000.0, "{longest} us");
}

#[test]
fn thinking_makes_a_closed_loop_slower() {
    let hall = Hall::with(Flaw::None);
    let measured = measure(&Plan {
        think: 20 * MS,
        active: Some(2),
        ..plan(&hall.endpoint)
    });
    assert_nothing_wrong(&measured);
    let messages = measured.chat.expect("it is a chat").messages;
    assert!(messages <= 2 * 600 / 20 + 2, "{measured:?}");
}

#[test]
fn a_chat_that_does_not_come_about_says_why() {
    let run = |plan: &Plan| load::run(plan, &mut (), &AtomicBool::new(false)).unwrap_err();
    let hall = Hall::with(Flaw::KnowsNoNames);
    let error = run(&plan(&hall.endpoint));
    assert!(matches!(error, LoadError::Chat(_)), "{error:?}");
    // Who is the first to be refused is the server's choice.
    let sentence = error.to_string();
    let start = "no chat comes about: the server does not let member ";
    assert!(sentence.starts_with(start), "{sentence}");
    let end = " in: '!! There are no names left.'";
    assert!(sentence.ends_with(end), "{sentence}");
    let echo = Plan {
        connect_timeout: 200 * MS,
        ..plan(&servers::echo(|_, _| ()))
    };
    let error = run(&echo);
    assert_eq!(
        error.to_string(),
        "no chat comes about: not all members were let in within 200ms"
    );
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let endpoint: Endpoint = unused.local_addr().expect("it is bound").into();
    drop(unused);
    let error = run(&plan(&endpoint));
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {endpoint}: connection refused (is the server running?)")
    );
}

/// Asks for the end when measuring begins.
struct Impatient<'a>(&'a AtomicBool);

impl Phases for Impatient<'_> {
    fn begin(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_load_of_chat_can_be_interrupted() {
    let hall = Hall::with(Flaw::None);
    let stop = AtomicBool::new(false);
    let hour = Plan {
        duration: 3_600_000 * MS,
        ..plan(&hall.endpoint)
    };
    let measured = load::run(&hour, &mut Impatient(&stop), &stop).expect("it can be made");
    assert!(measured.seconds < 3600.0 && measured.answered > 0);
}

#[test]
fn what_contradicts_itself_is_said_in_a_sentence() {
    let unused: Endpoint = "tcp://127.0.0.1:1".parse().expect("it is an endpoint");
    let right = plan(&unused);
    for (wrong, sentence) in [
        (
            Plan {
                connections: 1,
                stuck: 5,
                ..right.clone()
            },
            "a chat needs at least two members that read: one speaks, and another one hears it",
        ),
        (
            Plan {
                active: Some(0),
                ..right.clone()
            },
            "a load needs at least one connection that speaks",
        ),
        (
            Plan {
                endpoint: "udp://127.0.0.1:1".parse().expect("it is an endpoint"),
                ..right.clone()
            },
            "a chat is measured through its line door: use TCP or Unix sockets",
        ),
        (
            Plan {
                form: Form::Churn,
                ..right.clone()
            },
            "members of a chat stay until the end: churn is for messages",
        ),
        (
            Plan {
                message_bytes: 25,
                ..right.clone()
            },
            "a message of a chat says its number and its time, and has at least 26 bytes: send larger messages",
        ),
        (
            Plan {
                message_bytes: 2001,
                ..right.clone()
            },
            "a line of a chat has at most 2000 bytes: send smaller messages",
        ),
        (
            Plan {
                connections: 4000,
                active: Some(4000),
                ..right.clone()
            },
            "a chat has at most 8388608 pairs of a speaker and a member: let fewer of them speak",
        ),
        (
            Plan {
                connections: 1000,
                active: Some(1000),
                form: Form::Closed { window: 100 },
                ..right.clone()
            },
            "a chat has at most 65536 messages on their way: a smaller window, or fewer speakers",
        ),
        (
            Plan {
                form: Form::Closed { window: 0 },
                ..right.clone()
            },
            "a window has at least one message",
        ),
    ] {
        let error = load::run(&wrong, &mut (), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, LoadError::Plan(_)), "{error:?}");
        assert_eq!(error.to_string(), sentence);
    }
}
