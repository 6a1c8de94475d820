//! How connections end: for exactly one reason each, and without harm to any other.

use std::thread;
use std::time::Duration;

use socketserver::{CloseReason, Config, Conn, Handler, HandlerError, Hooks, Input};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, Client, End, Event, Probe, Transport, eventually};

socketserver_tests::matrix! {
    all: an_error_of_a_handler_ends_its_connection_alone, a_panic_in_any_callback_ends_its_connection_alone,
        a_panic_in_drop_is_contained, a_reset_is_one_close_in_every_state, a_reset_is_noticed_while_reading_is_paused, an_answer_reaches_a_peer_that_is_still_sending,
        a_handler_may_abort, an_idle_connection_is_closed, a_trickling_message_is_cut_at_its_deadline,
        a_peer_that_never_reads_is_cut, a_lifetime_is_enforced, a_message_that_is_too_long_ends_however_it_is_cut,
        a_handler_that_writes_without_end_is_cut, a_file_is_sent_between_bytes, a_file_that_is_too_short_ends_the_connection,
        timers_ring_in_order_and_can_be_cancelled;
    concurrent: a_slow_reader_does_not_disturb_others;
    reactor:
}

/// Reports errors to a channel.
struct Errors(std::sync::mpsc::SyncSender<String>);

impl Hooks for Errors {
    fn handle_error(&self, _: &socketserver::Address, reason: &CloseReason) {
        let _ = self.0.try_send(reason.to_string());
    }
}

/// Fails when it is told to.
struct Fails;

impl Handler for Fails {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"before;");
        let text = std::str::from_utf8(input.take_all())?;
        let number: i32 = text.trim().parse()?;
        conn.write(format!("{number}\n").as_bytes());
        Ok(())
    }
}

fn an_error_of_a_handler_ends_its_connection_alone(case: &Case) {
    let (sender, errors) = std::sync::mpsc::sync_channel(10);
    let server = case.serve_hooked(case.config(), Errors(sender), |_| Fails);
    server.connect().send("x").expect("before;").expect_end();
    assert_eq!(
        errors.recv().unwrap(),
        "the handler failed: invalid digit found in string"
    );
    server
        .connect()
        .send("42")
        .expect("before;42\n")
        .half_close()
        .expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (
            stats.closed["handler_error"],
            stats.closed["peer_closed"],
            stats.handler_errors
        ),
        (1, 1, 1)
    );
    assert!(errors.try_recv().is_err(), "the hook is called once");
}

fn a_panic_in_any_callback_ends_its_connection_alone(case: &Case) {
    for guilty in ["opened", "received", "ended", "timer"] {
        let (factory, mut watcher) = Probe::factory(move || {
            move |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
                conn.write(b"written before;");
                let name = match event {
                    Event::Opened => "opened",
                    Event::Received(_) => {
                        conn.set_timer(1, Duration::ZERO);
                        "received"
                    }
                    Event::Ended(_) => "ended",
                    Event::Timer(_) => "timer",
                    _ => "other",
                };
                assert!(name != guilty, "the handler is guilty in {name}");
                Ok(true)
            }
        });
        let (sender, errors) = std::sync::mpsc::sync_channel(10);
        let server = case.serve_hooked(case.config(), Errors(sender), factory);
        let mut client = server.connect();
        // The server may be done with this client before all of this is sent.
        let _ = std::io::Write::write_all(&mut client, b"hello");
        if guilty == "ended" {
            client.half_close();
        }
        let (received, _) = client.read_to_the_end();
        drop(client);
        assert!(
            received.ends_with(b"written before;"),
            "{guilty}: {}",
            received.escape_ascii()
        );
        assert_eq!(watcher.wait_for_close(), "panic", "{guilty}");
        watcher.expect(&Event::Dropped);
        assert!(
            errors
                .recv()
                .unwrap()
                .contains(&format!("guilty in {guilty}"))
        );
        let stats = server.stop().stats;
        assert_eq!((stats.panics, stats.closed["panic"]), (1, 1));
    }
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Handler for PanicsInDrop {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }

    fn closed(&mut self, _: &CloseReason) {}
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

fn a_panic_in_drop_is_contained(case: &Case) {
    let server = case.serve(|_| PanicsInDrop);
    for _ in 0..3 {
        server
            .connect()
            .send("hello")
            .expect("hello")
            .half_close()
            .expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["peer_closed"]), (3, 3));
}

fn a_reset_is_one_close_in_every_state(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            match event {
                Event::Received(bytes) if bytes == b"much" => conn.write(&vec![0; 8_000_000]),
                Event::Received(bytes) if bytes == b"half" => conn.want(100),
                Event::Received(bytes) if bytes == b"close" => conn.close(),
                _ => {}
            }
            Ok(true)
        }
    });
    let server = case.serve(factory);
    for state in ["", "hello", "half", "much", "close"] {
        let mut client = server.connect();
        watcher.expect(&Event::Opened);
        if !state.is_empty() {
            client.send(state);
            watcher.expect(&Event::Received(state.as_bytes().to_vec()));
        }
        client.reset();
        let word = watcher.wait_for_close();
        let expected: &[&str] = match (state, case.transport) {
            ("close", _) => &["handler_closed"],
            (_, Transport::Unix) => &["peer_closed", "peer_reset"],
            _ => &["peer_reset"],
        };
        assert!(expected.contains(&word), "{state:?} ended with {word}");
        watcher.expect(&Event::Dropped);
    }
    server.stop();
    assert_eq!(watcher.rest(), []);
}

fn a_reset_is_noticed_while_reading_is_paused(case: &Case) {
    if case.transport == Transport::Unix {
        // A Unix socket has no reset: its end is noticed when reading goes on.
        return;
    }
    let (factory, mut watcher) = Probe::factory(|| {
        |_: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            conn.pause_reading();
            Ok(true)
        }
    });
    let server = case.serve(factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("unread");
    client.reset();
    assert_eq!(watcher.wait_for_close(), "peer_reset");
    drop(server);
}

/// Answers the first bytes with an error message and closes.
struct Refuses;

impl Handler for Refuses {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.write(&[b'e'; 1000]);
        conn.close();
        Ok(())
    }
}

fn an_answer_reaches_a_peer_that_is_still_sending(case: &Case) {
    let server = case.serve(|_| Refuses);
    let upload = vec![b'u'; 10_000_000];
    for _ in 0..5 {
        let mut client = server.connect();
        let mut writer = client.share();
        thread::scope(|scope| {
            scope.spawn(|| writer.send(&upload).half_close());
            client.expect([b'e'; 1000]);
            assert_eq!(client.expect_end(), End::Closed);
        });
    }
    let stats = server.stop().stats;
    assert_eq!(stats.closed["handler_closed"], 5);
    assert!(stats.bytes_discarded > 0);
}

fn a_handler_may_abort(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                conn.write(b"never sent");
                conn.abort();
            }
            Ok(true)
        }
    });
    let server = case.serve(factory);
    let mut client = server.connect();
    client.send("hello");
    let (received, end) = client.read_to_the_end();
    assert_eq!(received, b"");
    if case.transport != Transport::Unix {
        assert_eq!(end, End::Reset);
    }
    assert_eq!(watcher.wait_for_close(), "aborted");
}

fn an_idle_connection_is_closed(case: &Case) {
    let config = Config {
        idle_timeout: Some(Duration::from_millis(80)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut client = server.connect();
    for _ in 0..5 {
        client.send("alive").expect("alive");
    }
    client.expect_end();
    server.until("the idle connection to close", |stats| {
        stats.closed.get("idle_timeout") == Some(&1)
    });
}

fn a_trickling_message_is_cut_at_its_deadline(case: &Case) {
    let config = Config {
        read_timeout: Some(Duration::from_millis(150)),
        ..case.config()
    };
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, _: &mut Conn<'_>| {
            Ok(!matches!(event, Event::Received(_)))
        }
    });
    let server = case.serve_with(config, factory);
    let mut client = server.connect();
    // A byte whenever the last one has arrived, for ever: only an absolute deadline ends this.
    let mut sent = 0;
    eventually("the trickle to be cut", || {
        sent += 1;
        let broken = std::io::Write::write_all(&mut client, b"x").is_err();
        (broken || client.has_ended()).then_some(())
    });
    assert_eq!(watcher.wait_for_close(), "read_timeout");
}

fn a_peer_that_never_reads_is_cut(case: &Case) {
    let config = Config {
        write_timeout: Some(Duration::from_millis(200)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut client = server.connect();
    let mut writer = client.share();
    let feeder =
        thread::spawn(
            move || while std::io::Write::write_all(&mut writer, &[b'x'; 16000]).is_ok() {},
        );
    let stats = server.until("the peer to be cut", |stats| {
        stats.closed.get("write_timeout") == Some(&1)
    });
    assert!(
        stats.bytes_in < 32 * 1024 * 1024,
        "reading stops while nothing can be sent: {stats:?}"
    );
    let _ = client.read_to_the_end();
    drop(client);
    feeder.join().unwrap();
}

fn a_lifetime_is_enforced(case: &Case) {
    let config = Config {
        lifetime: Some(Duration::from_millis(100)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut client = server.connect();
    client.send("hello").expect("hello").expect_end();
    drop(client);
    server.until("the connection to end", |stats| {
        stats.closed.get("lifetime_over") == Some(&1)
    });
}

fn a_message_that_is_too_long_ends_however_it_is_cut(case: &Case) {
    let config = Config {
        input_bytes_max: 100,
        ..case.config()
    };
    let lines = || {
        |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
                    conn.write(input.take(end + 1));
                }
            }
            Ok(!matches!(event, Event::Received(_)))
        }
    };
    for (length, fits) in [(99, true), (100, true), (101, false), (5000, false)] {
        let mut line = vec![b'x'; length - 1];
        line.push(b'\n');
        for cut in [0, 1, 50, length - 1] {
            let (factory, mut watcher) = Probe::factory(lines);
            let server = case.serve_with(config.clone(), factory);
            let mut client = server.connect();
            client.send(&line[..cut]);
            server.until("the first part to arrive", |stats| {
                stats.bytes_in >= cut.min(100) as u64
            });
            // The server may have closed already.
            let _ = std::io::Write::write_all(&mut client, &line[cut..]);
            if fits {
                client.expect(&line).half_close().expect_end();
                assert_eq!(
                    watcher.wait_for_close(),
                    "peer_closed",
                    "{length} cut at {cut}"
                );
            } else {
                let (received, _) = client.read_to_the_end();
                assert_eq!(received, b"", "{length} cut at {cut}");
                drop(client);
                assert_eq!(
                    watcher.wait_for_close(),
                    "input_overflow",
                    "{length} cut at {cut}"
                );
            }
        }
    }
}

fn a_handler_that_writes_without_end_is_cut(case: &Case) {
    let config = Config {
        output_bytes_max: 1_000_000,
        output_high: 1000,
        output_low: 1000,
        ..case.config()
    };
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                for _ in 0..1_000_000 {
                    conn.write(&[0; 1000]);
                }
                assert_eq!(
                    conn.queued(),
                    0,
                    "nothing is kept for a connection that is cut"
                );
            }
            Ok(true)
        }
    });
    let server = case.serve_with(config, factory);
    let mut client = server.connect();
    client.send("go").read_to_the_end();
    assert_eq!(watcher.wait_for_close(), "output_overflow");
}

/// A file of this length with a known content.
fn file_of(length: usize) -> (std::path::PathBuf, Vec<u8>) {
    let path = socketserver_tests::fresh_path();
    let content: Vec<u8> = (0..length).map(|index| (index % 253) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

/// A factory of handlers that send a range of a file between two marks.
fn file_sender(
    path: std::path::PathBuf,
    range: std::ops::Range<u64>,
) -> (
    impl Fn(&socketserver::Address) -> Probe + Send + Sync + 'static,
    socketserver_tests::Watcher,
) {
    Probe::factory(move || {
        let (path, range) = (path.clone(), range.clone());
        move |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                conn.write(b"<");
                conn.send_file(std::fs::File::open(&path)?, range.clone());
                conn.write(b">");
            }
            Ok(true)
        }
    })
}

fn a_file_is_sent_between_bytes(case: &Case) {
    let (path, content) = file_of(3_000_000);
    let (factory, _watcher) = file_sender(path.clone(), 7..2_900_000);
    let server = case.serve(factory);
    let mut client = server.connect();
    for _ in 0..2 {
        client
            .send("go")
            .expect("<")
            .expect(&content[7..2_900_000])
            .expect(">");
    }
    std::fs::remove_file(path).unwrap();
}

fn a_file_that_is_too_short_ends_the_connection(case: &Case) {
    let (path, content) = file_of(100_000);
    let (factory, mut watcher) = file_sender(path.clone(), 0..200_000);
    let server = case.serve(factory);
    let mut client = server.connect();
    let (received, _) = client.send("go").read_to_the_end();
    assert_eq!(received, [b"<", content.as_slice()].concat());
    assert_eq!(watcher.wait_for_close(), "file_truncated");
    std::fs::remove_file(path).unwrap();
}

fn timers_ring_in_order_and_can_be_cancelled(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            match event {
                Event::Opened => {
                    for (timer, millis) in [(3, 60), (1, 20), (2, 40), (9, 10), (4, 5)] {
                        conn.set_timer(timer, Duration::from_millis(millis));
                    }
                    conn.cancel_timer(9);
                    conn.set_timer(4, Duration::from_millis(80));
                }
                Event::Timer(4) => conn.close(),
                _ => {}
            }
            Ok(true)
        }
    });
    let server = case.serve(factory);
    let mut client = server.connect();
    client.expect_end();
    drop(client);
    watcher.expect(&Event::Opened);
    for timer in [1, 2, 3, 4] {
        watcher.expect(&Event::Timer(timer));
    }
    assert_eq!(watcher.wait_for_close(), "handler_closed");
}

fn a_slow_reader_does_not_disturb_others(case: &Case) {
    let server = case.serve(|_| Echo);
    let stuck = server.connect();
    let mut writer: Client = stuck.share();
    stuck
        .socket()
        .set_write_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    while std::io::Write::write_all(&mut writer, &[b'x'; 16000]).is_ok() {}
    let mut other = server.connect();
    for _ in 0..100 {
        other.send("hello").expect("hello");
    }
    assert_eq!(server.stats().live, 2);
}
