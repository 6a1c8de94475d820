//! The load generator over datagrams, against servers that lose, repeat, swap and spoil in a known way: every count must be exact.

use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use socketserver::{
    Datagram, DatagramServer, DatagramSocket, Endpoint, HandlerError, Mode, Server, StopHandle,
};
use socketserver_bench::load::{self, Conversation, Form, LoadError, Measurement, Plan};
use socketserver_bench::report::Datagrams;

use crate::servers::{self, Reply};

const MS: Duration = Duration::from_millis(1);
/// How often is measured until the machine lets it be measured.
const ATTEMPTS: usize = 20;

/// One client with four messages on their way: some always follow upon the one that something happens to.
fn plan(endpoint: &Endpoint) -> Plan {
    Plan {
        form: Form::Closed { window: 4 },
        warm_up: 50 * MS,
        duration: 300 * MS,
        ..Plan::new(endpoint.clone(), Conversation::Echo)
    }
}

fn run(plan: &Plan) -> Result<Measurement, LoadError> {
    load::run(plan, &mut (), &AtomicBool::new(false))
}

/// Measures, and checks that every datagram has its place.
fn measure(plan: &Plan) -> (Measurement, Datagrams) {
    let measured = run(plan).expect("the load can be made");
    let counts = measured.datagrams.expect("it is a load of datagrams");
    let became = measured.answered + counts.corrupted + counts.lost;
    assert_eq!(became, counts.sent, "{counts:?}");
    let were = measured.answered + counts.corrupted + counts.late + counts.duplicated;
    assert_eq!(were + counts.unexpected, counts.received, "{counts:?}");
    (measured, counts)
}

/// The counts of a load in which only these were above zero, besides what was sent and received.
#[track_caller]
fn assert_astray(counts: Datagrams, expected: &[(&str, u64)]) {
    let astray: Vec<_> = counts.astray().collect();
    let expected = expected.iter().copied().filter(|&(_, count)| count > 0);
    assert_eq!(astray, expected.collect::<Vec<_>>(), "{counts:?}");
}

#[track_caller]
fn assert_nothing_wrong(measured: &Measurement) {
    assert!(measured.errors.is_empty(), "{measured:?}");
    assert_eq!(measured.fault, None);
    assert!(measured.served > 0, "{measured:?}");
}

/// Counts what a server has done on purpose.
#[derive(Clone, Debug, Default)]
struct Done(Arc<AtomicU64>);

impl Done {
    fn note(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn set(&self, count: u64) {
        self.0.store(count, Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[test]
fn what_a_server_drops_is_lost_and_no_fault() {
    let dropped = Done::default();
    let done = dropped.clone();
    let endpoint = servers::datagrams(move |number, bytes| {
        if number % 10 == 9 {
            done.note();
            return Vec::new();
        }
        vec![Reply::Same(bytes)]
    });
    // An open loop, since in a closed one all four would soon wait for what never comes.
    let (measured, counts) = measure(&Plan {
        form: Form::Open { rate: 500.0 },
        ..plan(&endpoint)
    });
    assert_nothing_wrong(&measured);
    assert!(dropped.count() > 10 && counts.is_lossy());
    assert_astray(counts, &[("lost", dropped.count())]);
}

#[test]
fn what_is_lost_counts_with_the_time_that_was_waited() {
    let endpoint = servers::datagrams(|number, bytes| {
        let is_kept = number % 10 < 8;
        is_kept.then_some(Reply::Same(bytes)).into_iter().collect()
    });
    for form in [Form::Open { rate: 400.0 }, Form::Closed { window: 64 }] {
        let (measured, counts) = measure(&Plan {
            form,
            loss_timeout: 200 * MS,
            duration: 1000 * MS,
            ..plan(&endpoint)
        });
        assert_nothing_wrong(&measured);
        assert!(counts.lost > 0);
        let slow = measured.latency.quantile(0.9).expect("answers came");
        assert!(
            slow >= 200_000.0,
            "{form:?}: a fifth is lost, and 90 of 100 took {slow} us"
        );
        if let Some(offered) = measured.offered {
            assert!(measured.served < offered, "what is lost was not served");
        }
    }
}

#[test]
fn an_answer_that_comes_twice_is_counted_once_and_as_a_duplicate() {
    let doubled = Done::default();
    let done = doubled.clone();
    let mut before = None;
    // The second copy goes before an answer that is still waited for, so that it is not left behind at the end.
    let endpoint = servers::datagrams(move |number, bytes| {
        let mut replies = Vec::new();
        if number % 5 == 4
            && let Some(before) = before.take()
        {
            done.note();
            replies.push(Reply::Same(before));
        }
        before = Some(bytes.clone());
        replies.push(Reply::Same(bytes));
        replies
    });
    let (measured, counts) = measure(&plan(&endpoint));
    assert_nothing_wrong(&measured);
    assert!(doubled.count() > 0);
    assert_astray(counts, &[("duplicated", doubled.count())]);
}

#[test]
fn neighbours_that_change_places_are_reordered() {
    let (swapped, held_back) = (Done::default(), Done::default());
    let (swaps, holds) = (swapped.clone(), held_back.clone());
    let mut held = None;
    let endpoint = servers::datagrams(move |number, bytes| {
        if number % 7 == 6 {
            held = Some(bytes);
            holds.set(1);
            return Vec::new();
        }
        let mut replies = vec![Reply::Same(bytes)];
        if let Some(held) = held.take() {
            holds.set(0);
            swaps.note();
            replies.push(Reply::Same(held));
        }
        replies
    });
    let (measured, counts) = measure(&plan(&endpoint));
    assert_nothing_wrong(&measured);
    assert!(swapped.count() > 0);
    // What has no neighbour when the load ends is never sent.
    let expected = [("lost", held_back.count()), ("reordered", swapped.count())];
    assert_astray(counts, &expected);
}

#[test]
fn a_wrong_byte_is_found_wherever_it_is_and_named() {
    let spoilt = Done::default();
    let done = spoilt.clone();
    let endpoint = servers::datagrams(move |number, mut bytes| {
        if number % 3 == 2 {
            done.note();
            let place = number * 5 % bytes.len();
            bytes[place] ^= 1;
        }
        vec![Reply::Same(bytes)]
    });
    let (measured, counts) = measure(&plan(&endpoint));
    assert!(spoilt.count() > 64, "every byte was spoilt once");
    assert_astray(counts, &[("corrupted", spoilt.count())]);
    assert_eq!(measured.errors["wrong_bytes"], spoilt.count());
    assert_eq!(measured.errors.len(), 1, "{:?}", measured.errors);
    assert_eq!(
        measured.fault.as_deref(),
        Some("byte 10 of the answer to datagram 3 on connection 0 is wrong")
    );
}

#[test]
fn an_answer_that_is_cut_or_grows_is_wrong() {
    let endpoint = servers::datagrams(|number, mut bytes| {
        match number % 3 {
            0 => bytes.push(b'x'),
            1 => bytes.truncate(63),
            _ => {}
        }
        vec![Reply::Same(bytes)]
    });
    let (measured, counts) = measure(&plan(&endpoint));
    assert!(counts.corrupted >= measured.answered, "{counts:?}");
    assert_astray(counts, &[("corrupted", counts.corrupted)]);
}

#[test]
fn what_nobody_has_asked_for_is_unexpected_and_what_comes_from_elsewhere_is_lost() {
    let (invented, elsewhere) = (Done::default(), Done::default());
    let (inventions, detours) = (invented.clone(), elsewhere.clone());
    let endpoint = servers::datagrams(move |number, bytes| match number % 20 {
        5 => {
            inventions.note();
            vec![Reply::Same(vec![b'x'; 64]), Reply::Same(bytes)]
        }
        10 => {
            inventions.note();
            vec![Reply::Same(Vec::new()), Reply::Same(bytes)]
        }
        19 => {
            detours.note();
            vec![Reply::FromElsewhere(bytes)]
        }
        _ => vec![Reply::Same(bytes)],
    });
    let (measured, counts) = measure(&plan(&endpoint));
    assert!(invented.count() > 0 && elsewhere.count() > 0);
    let expected = [
        ("lost", elsewhere.count()),
        ("unexpected", invented.count()),
    ];
    assert_astray(counts, &expected);
    assert_eq!(measured.errors["unexpected"], invented.count());
    assert_eq!(
        measured.fault.as_deref(),
        Some("connection 0 got a datagram of 64 bytes that answers nothing that it had asked")
    );
}

#[test]
fn an_answer_to_what_was_given_up_is_late_and_stays_lost() {
    let held_back = Done::default();
    let holds = held_back.clone();
    let mut held = None;
    // With one message on its way, the next one comes when the one before was given up.
    let endpoint = servers::datagrams(move |number, bytes| {
        if number % 3 == 2 {
            held = Some(bytes);
            holds.set(1);
            return Vec::new();
        }
        holds.set(0);
        let before = held.take().map(Reply::Same);
        before.into_iter().chain([Reply::Same(bytes)]).collect()
    });
    let (measured, counts) = measure(&Plan {
        form: Form::Closed { window: 1 },
        loss_timeout: 100 * MS,
        duration: 600 * MS,
        ..plan(&endpoint)
    });
    assert_nothing_wrong(&measured);
    assert!(counts.late > 0, "{counts:?}");
    assert_eq!(counts.lost, counts.late + held_back.count(), "{counts:?}");
}

#[test]
fn a_fixed_delay_is_measured_as_what_it_is() {
    let endpoint = servers::datagrams(|_, bytes| {
        thread::sleep(5 * MS);
        vec![Reply::Same(bytes)]
    });
    for form in [Form::Closed { window: 1 }, Form::Open { rate: 100.0 }] {
        // Other programs that want the processors only ever add to it, and a tool that is wrong is so each time and for the quickest tenth too.
        let tenths = (0..ATTEMPTS).map(|_| {
            let (measured, _) = measure(&Plan {
                form,
                duration: 1000 * MS,
                ..plan(&endpoint)
            });
            assert_nothing_wrong(&measured);
            measured.latency.quantile(0.1).expect("answers came")
        });
        let mut tried = Vec::new();
        let is_right = tenths.inspect(|&tenth| tried.push(tenth)).any(|tenth| {
            assert!(
                tenth >= 5000.0,
                "{form:?}: {tenth} us, and nothing takes less than 5 ms"
            );
            tenth <= 5250.0
        });
        assert!(is_right, "{form:?}: {tried:?} us");
    }
}

/// A server of ours, which is cut when the test is over.
struct Ours(Endpoint, StopHandle);

impl Ours {
    fn start(mode: Mode, endpoint: &str, is_uppercase: bool) -> Self {
        let endpoint = endpoint.parse().expect("it is an endpoint");
        let server = DatagramServer::builder().mode(mode).endpoints([endpoint]);
        let server = server.bind_datagrams().expect("it can be bound");
        let address = server.addresses()[0].to_string();
        let stop = server.stop_handle();
        let answer = move |datagram: &Datagram<'_>,
                           socket: &mut DatagramSocket<'_>|
              -> Result<(), HandlerError> {
            let mut bytes = datagram.bytes().to_vec();
            if is_uppercase {
                bytes.make_ascii_uppercase();
            }
            socket.reply(datagram, &bytes)?;
            Ok(())
        };
        thread::spawn(move || server.serve_forever(move || answer));
        Self(address.parse().expect("an address is an endpoint"), stop)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.1.cut();
    }
}

#[test]
fn datagrams_of_every_size_are_compared_in_every_form() {
    for (conversation, is_uppercase) in
        [(Conversation::Echo, false), (Conversation::Uppercase, true)]
    {
        let server = Ours::start(
            Mode::Reactor { loops: 1 },
            "udp://127.0.0.1:0",
            is_uppercase,
        );
        for message_bytes in [1, 64, 1472, 65_507] {
            for (form, connections) in [
                (Form::Closed { window: 1 }, 3),
                (Form::Closed { window: 2 }, 1),
                (Form::Open { rate: 500.0 }, 2),
            ] {
                let (measured, counts) = measure(&Plan {
                    conversation,
                    form,
                    connections,
                    message_bytes,
                    duration: 100 * MS,
                    ..plan(&server.0)
                });
                assert_nothing_wrong(&measured);
                // A buffer that is full may lose some of the largest; nothing else goes astray.
                assert_astray(
                    counts,
                    &[("lost", counts.lost), ("overrun", counts.overrun)],
                );
                if let Form::Open { .. } = form {
                    assert!((50..=51).contains(&measured.offered.expect("it has an offer")));
                }
            }
        }
    }
}

#[test]
fn where_a_message_is_too_short_to_tell_all_apart_answers_are_for_the_oldest() {
    let server = Ours::start(Mode::Serial, "udp://127.0.0.1:0", false);
    for message_bytes in [1, 2] {
        // One byte tells 32 messages apart.
        let (measured, counts) = measure(&Plan {
            form: Form::Closed { window: 100 },
            message_bytes,
            ..plan(&server.0)
        });
        assert_nothing_wrong(&measured);
        assert_astray(counts, &[]);
    }
}

#[test]
fn another_conversation_is_found_out() {
    let server = Ours::start(Mode::Serial, "udp://127.0.0.1:0", false);
    let (measured, counts) = measure(&Plan {
        conversation: Conversation::Uppercase,
        ..plan(&server.0)
    });
    assert_eq!(measured.answered, 0, "an echo is no uppercase");
    assert!(counts.corrupted > 0 && measured.fault.is_some());
}

#[test]
fn clients_of_a_unix_socket_have_names_that_go_with_them() {
    let folder = tempfile::TempDir::new().expect("a folder can be made");
    let path = folder.path().join("server");
    let socket = UnixDatagram::bind(&path).expect("it can be bound");
    let (sender, clients) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            let client = peer.as_pathname().expect("a client has a name").to_owned();
            // The client is served before anybody hears of it.
            let _ = socket.send_to(&buffer[..count], &client);
            let _ = sender.send(client);
        }
    });
    let (measured, counts) = measure(&Plan {
        connections: 3,
        ..plan(&Endpoint::Unixgram(path))
    });
    assert_nothing_wrong(&measured);
    assert_astray(counts, &[]);
    let names: std::collections::BTreeSet<_> = clients.try_iter().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| !name.exists()), "{names:?}");
}

#[test]
fn a_server_of_ours_in_every_mode_and_on_every_transport_loses_nothing_of_a_small_load() {
    let folder = tempfile::TempDir::new().expect("a folder can be made");
    for (number, mode) in [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 2 },
        Mode::Reactor { loops: 1 },
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(number.to_string());
        for endpoint in [
            "udp://127.0.0.1:0".to_owned(),
            format!("unixgram:{}", path.display()),
        ] {
            let server = Ours::start(mode, &endpoint, false);
            let (measured, counts) = measure(&Plan {
                form: Form::Closed { window: 1 },
                connections: 5,
                duration: 100 * MS,
                ..plan(&server.0)
            });
            assert_nothing_wrong(&measured);
            assert_astray(counts, &[]);
            assert_eq!(measured.unserved, 0, "{mode:?}: {measured:?}");
        }
    }
}

#[test]
fn a_server_that_goes_away_is_named_and_its_silence_is_loss() {
    let endpoint = servers::datagrams_until(20);
    let (measured, counts) = measure(&Plan {
        loss_timeout: 50 * MS,
        ..plan(&endpoint)
    });
    assert_eq!(measured.answered, 20);
    assert!(counts.refused > 0 && counts.lost > 0, "{counts:?}");
    assert_eq!(measured.errors["refused"], counts.refused);
    let fault = measured.fault.expect("something is wrong");
    assert!(
        fault.starts_with("nobody listened for a datagram of connection 0"),
        "{fault}"
    );
}

#[test]
fn where_nobody_answers_the_load_fails_with_a_sentence() {
    let unused = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = unused.local_addr().expect("it is bound").port();
    let endpoint: Endpoint = format!("udp://127.0.0.1:{port}")
        .parse()
        .expect("it is an endpoint");
    // It is there, and takes what it gets.
    let error = run(&plan(&endpoint)).expect_err("nobody answers");
    assert!(matches!(error, LoadError::Connect { .. }));
    let sentence = error.to_string();
    let told = format!(
        "cannot connect to {endpoint}: none of 4 datagrams was answered (is the server running?)"
    );
    assert_eq!(sentence, told);
    drop(unused);
    for form in [Form::Closed { window: 1 }, Form::Open { rate: 1000.0 }] {
        let error = run(&Plan {
            form,
            duration: 3_600_000 * MS,
            ..plan(&endpoint)
        });
        let error = error.expect_err("nobody is there");
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {endpoint}: connection refused (is the server running?)")
        );
    }
    let nowhere = Endpoint::Unixgram("/no/such/socket".into());
    let error = run(&plan(&nowhere)).expect_err("nobody is there");
    assert_eq!(
        error.to_string(),
        "cannot connect to unixgram:/no/such/socket: no such file or directory (is the server running?)"
    );
}

#[test]
fn what_is_for_streams_is_refused_in_a_sentence() {
    let right = plan(&"udp://127.0.0.1:1".parse().expect("it is an endpoint"));
    for (wrong, sentence) in [
        (
            Plan {
                form: Form::Churn,
                ..right.clone()
            },
            "churn is for streams",
        ),
        (
            Plan {
                connections: 2,
                active: Some(1),
                ..right.clone()
            },
            "silent connections are for streams",
        ),
        (
            Plan {
                stuck: 1,
                ..right.clone()
            },
            "connections that never read are for streams",
        ),
        (
            Plan {
                message_bytes: 65_508,
                ..right.clone()
            },
            "a datagram has at most 65507 bytes",
        ),
        (
            Plan {
                loss_timeout: Duration::ZERO,
                ..right.clone()
            },
            "an answer takes some time",
        ),
    ] {
        let error = run(&wrong).expect_err("it contradicts itself").to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
}
