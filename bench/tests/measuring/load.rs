//! The load generator against servers whose behaviour is known.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socketserver::{
    Conn, Endpoint, Handler, HandlerError, Input, Mode, Server, StopHandle, StreamServer,
};
use socketserver_bench::load::{self, Conversation, Form, LoadError, Measurement, Phases, Plan};

use crate::servers;

const MS: Duration = Duration::from_millis(1);
/// How often is measured until the machine lets it be measured.
const ATTEMPTS: usize = 20;

fn plan(endpoint: &Endpoint) -> Plan {
    Plan {
        warm_up: 50 * MS,
        duration: 300 * MS,
        ..Plan::new(endpoint.clone(), Conversation::Echo)
    }
}

fn measure(plan: &Plan) -> Measurement {
    load::run(plan, &mut (), &AtomicBool::new(false)).expect("the load can be made")
}

/// Sends back what comes.
struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

/// A server of ours, which is cut when the test is over.
struct Ours(Endpoint, StopHandle);

impl Ours {
    fn start(mode: Mode, endpoint: &str) -> Self {
        let builder = StreamServer::builder().mode(mode);
        let endpoint = endpoint.parse().expect("it is an endpoint");
        let server = builder.endpoints([endpoint]).bind();
        let server = server.expect("it can be bound");
        let address = server.addresses()[0].to_string();
        let stop = server.stop_handle();
        thread::spawn(|| server.serve_forever(|_peer| Echo));
        Self(address.parse().expect("an address is an endpoint"), stop)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.1.cut();
    }
}

fn assert_nothing_wrong(measured: &Measurement) {
    assert!(measured.errors.is_empty(), "{measured:?}");
    assert_eq!(measured.fault, None);
    assert_eq!(measured.unserved, 0, "{measured:?}");
    assert!(measured.served > 0 && measured.answered >= measured.served);
}

#[test]
fn every_form_of_load_finds_nothing_wrong_with_a_right_server() {
    let unix = std::env::temp_dir().join(format!("socketserver-load-{}", std::process::id()));
    for endpoint in ["127.0.0.1:0".to_owned(), format!("unix:{}", unix.display())] {
        let server = Ours::start(Mode::Reactor { loops: 1 }, &endpoint);
        for form in [
            Form::Closed { window: 1 },
            Form::Closed { window: 16 },
            Form::Open { rate: 2000.0 },
            Form::Churn,
        ] {
            for (connections, active, stuck, message_bytes) in
                [(1, None, 0, 1), (20, None, 0, 64), (50, Some(5), 3, 20_000)]
            {
                let measured = measure(&Plan {
                    form,
                    connections,
                    active,
                    stuck,
                    message_bytes,
                    ..plan(&server.0)
                });
                assert_nothing_wrong(&measured);
                if let Form::Open { .. } = form {
                    let offered = measured.offered.expect("an open loop has an offer");
                    assert!((600..=601).contains(&offered), "{offered} of 600");
                }
            }
        }
    }
}

#[test]
fn a_fixed_delay_is_measured_as_what_it_is() {
    let endpoint = servers::slow_echo(5 * MS);
    for form in [Form::Closed { window: 1 }, Form::Open { rate: 100.0 }] {
        let medians = (0..ATTEMPTS).map(|_| {
            let measured = measure(&Plan {
                form,
                duration: 1000 * MS,
                ..plan(&endpoint)
            });
            assert_nothing_wrong(&measured);
            measured.latency.quantile(0.5).expect("answers came")
        });
        // Other programs that want the processors only ever add to it, and a tool that is wrong is so each time.
        let mut tried = Vec::new();
        let is_right = medians.inspect(|&median| tried.push(median)).any(|median| {
            assert!(
                median >= 5000.0,
                "{form:?}: {median} us, and nothing takes less than 5 ms"
            );
            median <= 5250.0
        });
        assert!(is_right, "{form:?}: {tried:?} us");
    }
}

#[test]
fn a_stall_is_seen_by_the_open_loop_and_hardly_by_the_closed_one() {
    let endpoint = servers::stalling_echo(200 * MS, 1000 * MS);
    let p99_of = |form| {
        let measured = measure(&Plan {
            form,
            connections: 4,
            duration: 2000 * MS,
            ..plan(&endpoint)
        });
        assert_nothing_wrong(&measured);
        measured.latency.quantile(0.99).expect("answers came")
    };
    let open = p99_of(Form::Open { rate: 1000.0 });
    let closed = p99_of(Form::Closed { window: 1 });
    assert!(open > 150_000.0, "the open loop sees {open} us");
    assert!(closed < open / 10.0, "the closed loop sees {closed} us");
}

#[test]
fn wrong_bytes_are_found_and_named() {
    let endpoint = servers::echo(|before, answer| {
        if before <= 640 && 640 < before + answer.len() {
            answer[640 - before] ^= 1;
        }
    });
    let measured = measure(&Plan {
        connections: 2,
        ..plan(&endpoint)
    });
    assert_eq!(measured.errors["wrong_bytes"], 2);
    assert_eq!(
        measured.answered, 20,
        "ten right answers on each connection"
    );
    let fault = measured.fault.expect("something is wrong");
    assert!(
        fault.starts_with("byte 0 of answer 11 on connection "),
        "{fault}"
    );
}

#[test]
fn an_answer_for_somebody_else_is_a_wrong_one() {
    let endpoint = servers::echo(|_, answer| answer.fill(b'x'));
    assert!(measure(&plan(&endpoint)).errors["wrong_bytes"] > 0);
    let uppercase = Plan {
        conversation: Conversation::Uppercase,
        ..plan(&servers::echo(|_, _| ()))
    };
    let errors = measure(&uppercase).errors;
    assert!(errors["wrong_bytes"] > 0, "an echo is no uppercase");
}

#[test]
fn dropped_answers_and_dropped_connections_are_found() {
    let endpoint = servers::echo(|before, answer| {
        if before >= 640 {
            answer.clear();
        }
    });
    let measured = measure(&plan(&endpoint));
    assert_eq!((measured.errors["unanswered"], measured.answered), (1, 10));
    assert_eq!(
        measured.fault.as_deref(),
        Some("the server never gave answer 11 on connection 0")
    );

    let endpoint = servers::serve(|stream| stream.read_exact(&mut [0; 1]));
    let measured = measure(&plan(&endpoint));
    let lost: u64 = measured.errors.values().sum();
    assert_eq!((lost, measured.served), (1, 0), "{measured:?}");
}

#[test]
fn a_server_that_is_slow_does_not_count_as_one_that_drops_answers() {
    let endpoint = servers::slow_echo(400 * MS);
    let measured = measure(&Plan {
        connections: 3,
        duration: 1000 * MS,
        ..plan(&endpoint)
    });
    assert_nothing_wrong(&measured);
}

#[test]
fn who_is_never_served_is_counted_and_fairness_says_so() {
    let server = Ours::start(Mode::Serial, "127.0.0.1:0");
    let measured = measure(&Plan {
        connections: 5,
        ..plan(&server.0)
    });
    assert_eq!(measured.unserved, 4, "{measured:?}");
    assert!(measured.errors.is_empty(), "{measured:?}");
    assert!((measured.fairness - 0.2).abs() < 1e-9);
}

#[test]
fn thinking_makes_a_closed_loop_slower() {
    let server = Ours::start(Mode::Reactor { loops: 1 }, "127.0.0.1:0");
    let measured = measure(&Plan {
        think: 20 * MS,
        connections: 3,
        ..plan(&server.0)
    });
    assert_nothing_wrong(&measured);
    assert!(measured.served <= 3 * 300 / 20 + 3, "{measured:?}");
}

/// Asks for the end when measuring begins.
struct Impatient<'a>(&'a AtomicBool);

impl Phases for Impatient<'_> {
    fn begin(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_load_can_be_interrupted() {
    let server = Ours::start(Mode::Reactor { loops: 1 }, "127.0.0.1:0");
    let stop = AtomicBool::new(false);
    let hour = Plan {
        duration: 3_600_000 * MS,
        ..plan(&server.0)
    };
    let measured = load::run(&hour, &mut Impatient(&stop), &stop).expect("it can be made");
    assert!(measured.seconds < 3600.0 && measured.answered > 0);
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let endpoint: Endpoint = unused.local_addr().expect("it is bound").into();
    drop(unused);
    let run = |plan: &Plan| load::run(plan, &mut (), &AtomicBool::new(false)).unwrap_err();
    let error = run(&plan(&endpoint));
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {endpoint}: connection refused (is the server running?)")
    );
    let right = plan(&endpoint);
    for (wrong, sentence) in [
        (
            Plan {
                message_bytes: 0,
                ..right.clone()
            },
            "a message has at least one byte",
        ),
        (
            Plan {
                connections: 0,
                ..right.clone()
            },
            "a load needs at least one connection that speaks",
        ),
        (
            Plan {
                form: Form::Closed { window: 0 },
                ..right.clone()
            },
            "a window has at least one message",
        ),
    ] {
        assert_eq!(run(&wrong).to_string(), sentence);
    }
    let crowd = Plan {
        connections: 1_000_000_000,
        ..right
    };
    assert!(matches!(run(&crowd), LoadError::Descriptors { .. }));
}
