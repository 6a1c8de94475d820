//! How connections end: for exactly one reason each, and without harm to any other.

use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use socketserver::{
    BlockingHandler, CloseReason, Config, Conn, Handler, HandlerError, Hooks, Input, Stream,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, Client, End, Event, Probe, Style, Teller, Transport, eventually};

socketserver_tests::matrix! {
    all: an_error_of_a_handler_ends_its_connection_alone, a_panic_ends_its_connection_alone_wherever_it_comes,
        a_panic_in_drop_is_contained, a_panic_after_the_end_is_counted, a_reset_is_one_close_in_every_state, a_reset_is_noticed_while_nothing_is_read,
        an_answer_reaches_a_peer_that_is_still_sending, a_handler_may_abort, an_idle_connection_is_closed,
        a_trickling_message_is_cut_at_its_deadline, a_peer_that_never_reads_is_cut, a_lifetime_is_enforced,
        a_message_that_is_too_long_ends_however_it_is_cut, a_file_is_sent_between_bytes,
        a_file_that_is_too_short_ends_the_connection;
    concurrent: a_slow_reader_does_not_disturb_others;
    events: a_handler_that_writes_without_end_is_cut, timers_ring_in_order_and_can_be_cancelled;
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

impl BlockingHandler for Fails {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; 100];
        loop {
            let count = stream.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(b"before;")?;
            let text = std::str::from_utf8(&piece[..count])?;
            let number: i32 = text.trim().parse()?;
            writeln!(stream, "{number}")?;
        }
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

/// Writes at each station of its life, and panics at one of them.
struct Guilty {
    station: &'static str,
    teller: Teller,
}

impl Guilty {
    const STATIONS: [&'static str; 4] = ["opened", "received", "timer", "ended"];
    const LAST_WORDS: &'static [u8] = b"written before;";

    fn reach(&self, station: &str) {
        assert!(
            station != self.station,
            "the handler is guilty in {station}"
        );
    }

    fn reach_by_callback(&self, station: &str, conn: &mut Conn<'_>) {
        conn.write(Self::LAST_WORDS);
        self.reach(station);
    }

    fn reach_by_waiting(&self, station: &str, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.write_all(Self::LAST_WORDS)?;
        self.reach(station);
        Ok(())
    }
}

impl Handler for Guilty {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.reach_by_callback("opened", conn);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.set_timer(1, Duration::ZERO);
        self.reach_by_callback("received", conn);
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.reach_by_callback("timer", conn);
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.reach_by_callback("ended", conn);
        conn.close();
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.teller.tell(Event::Closed(reason.word()));
    }
}

impl BlockingHandler for Guilty {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        self.reach_by_waiting("opened", stream)?;
        let mut message = [0; 5];
        stream.read_exact(&mut message)?;
        self.reach_by_waiting("received", stream)?;
        stream.sleep(Duration::ZERO)?;
        self.reach_by_waiting("timer", stream)?;
        assert_eq!(stream.read(&mut message)?, 0);
        self.reach_by_waiting("ended", stream)
    }
}

fn a_panic_ends_its_connection_alone_wherever_it_comes(case: &Case) {
    for station in Guilty::STATIONS {
        let (factory, mut watcher) = Teller::factory(move |teller| Guilty { station, teller });
        let (sender, errors) = std::sync::mpsc::sync_channel(10);
        let server = case.serve_hooked(case.config(), Errors(sender), factory);
        let mut client = server.connect();
        // The server may be done with this client before all of this is sent.
        let _ = client.write_all(b"hello");
        if station == "ended" {
            client.half_close();
        }
        let (received, _) = client.read_to_the_end();
        drop(client);
        assert!(
            received.ends_with(Guilty::LAST_WORDS),
            "{station}: {}",
            received.escape_ascii()
        );
        if case.has_callbacks() {
            assert_eq!(watcher.wait_for_close(), "panic", "{station}");
        }
        watcher.expect(&Event::Dropped);
        assert!(
            errors
                .recv()
                .unwrap()
                .contains(&format!("guilty in {station}"))
        );
        let stats = server.stop().stats;
        assert_eq!((stats.panics, stats.closed["panic"]), (1, 1));
        assert_eq!(watcher.rest(), []);
    }
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Handler for PanicsInDrop {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for PanicsInDrop {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        BlockingHandler::handle(&mut Echo, stream)
    }
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
    let word = match case.style {
        // Dropped when everything is over.
        Style::Events => "peer_closed",
        // Dropped when it has returned, which is what ends its connection.
        Style::Blocking => "panic",
    };
    assert_eq!((stats.panics, stats.closed[word]), (3, 3));
}

fn a_panic_after_the_end_is_counted(case: &Case) {
    let config = Config {
        idle_timeout: Some(Duration::from_millis(80)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| PanicsInDrop);
    server.connect().send("hello").expect("hello").expect_end();
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["idle_timeout"]), (1, 1));
}

/// Gets into the state that its peer names.
struct Obeys(Teller);

impl Handler for Obeys {
    fn opened(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell(Event::Opened);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let state = input.take_all();
        self.0.tell_received(state);
        match state {
            b"much" => conn.write(&vec![0; 8_000_000]),
            b"half" => conn.want(100),
            b"close" => conn.close(),
            _ => {}
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.0.tell(Event::Closed(reason.word()));
    }
}

impl BlockingHandler for Obeys {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        self.0.tell(Event::Opened);
        let mut state = [0; 100];
        loop {
            let count = stream.read(&mut state)?;
            self.0.tell_received(&state[..count]);
            match &state[..count] {
                b"" | b"close" => return Ok(()),
                b"much" => stream.write_all(&vec![0; 8_000_000])?,
                b"half" => stream.read_exact(&mut [0; 100])?,
                _ => {}
            }
        }
    }
}

fn a_reset_is_one_close_in_every_state(case: &Case) {
    for state in ["", "hello", "half", "much", "close"] {
        let (factory, mut watcher) = Teller::factory(Obeys);
        let server = case.serve(factory);
        let mut client = server.connect();
        watcher.expect(&Event::Opened);
        if !state.is_empty() {
            client.send(state);
            watcher.expect(&Event::Received(state.as_bytes().to_vec()));
        }
        client.reset();
        let word = server.wait_for_close();
        let expected: &[&str] = match (state, case.transport) {
            ("close", _) => &["handler_closed"],
            (_, Transport::Unix) => &["peer_closed", "peer_reset"],
            _ => &["peer_reset"],
        };
        assert!(expected.contains(&word), "{state:?} ended with {word}");
        if case.has_callbacks() {
            watcher.expect(&Event::Closed(word));
        }
        watcher.wait_for(&Event::Dropped);
        server.stop();
        assert_eq!(watcher.rest(), []);
    }
}

/// Reads nothing.
struct Dreams(Teller);

impl Handler for Dreams {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell(Event::Opened);
        conn.pause_reading();
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell_received(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Dreams {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        self.0.tell(Event::Opened);
        Ok(stream.sleep(Duration::from_secs(3600))?)
    }
}

fn a_reset_is_noticed_while_nothing_is_read(case: &Case) {
    if case.transport == Transport::Unix {
        // A Unix socket has no reset: its end is noticed when reading goes on.
        return;
    }
    let (factory, mut watcher) = Teller::factory(Dreams);
    let server = case.serve(factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("unread");
    client.reset();
    assert_eq!(server.wait_for_close(), "peer_reset");
    watcher.expect(&Event::Dropped);
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

impl BlockingHandler for Refuses {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.read_exact(&mut [0])?;
        Ok(stream.write_all(&[b'e'; 1000])?)
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

/// Cuts its connection as soon as it has received something.
struct Aborts;

impl Handler for Aborts {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.write(b"never sent");
        conn.abort();
        Ok(())
    }
}

impl BlockingHandler for Aborts {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.read_exact(&mut [0])?;
        stream.remote()?.abort();
        // It comes to pass while the stream waits.
        let error = stream.sleep(Duration::from_secs(3600)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionAborted);
        assert!(stream.write_all(b"never sent").is_err());
        Ok(())
    }
}

fn a_handler_may_abort(case: &Case) {
    let server = case.serve(|_| Aborts);
    let mut client = server.connect();
    client.send("hello");
    let (received, end) = client.read_to_the_end();
    assert_eq!(received, b"");
    if case.transport != Transport::Unix {
        assert_eq!(end, End::Reset);
    }
    assert_eq!(server.wait_for_close(), "aborted");
    assert_eq!(server.stop().stats.panics, 0);
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

/// Waits for a message that is longer than anybody will send.
struct Patient;

impl Patient {
    const BYTES: usize = 1_000_000;
}

impl Handler for Patient {
    fn received(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.want(Self::BYTES);
        Ok(())
    }
}

impl BlockingHandler for Patient {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.read_exact_or_end(&mut vec![0; Self::BYTES])?;
        Ok(())
    }
}

fn a_trickling_message_is_cut_at_its_deadline(case: &Case) {
    let config = Config {
        read_timeout: Some(Duration::from_millis(150)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Patient);
    let mut client = server.connect();
    // A byte whenever the last one has arrived, for ever: only an absolute deadline ends this.
    eventually("the trickle to be cut", || {
        let broken = client.write_all(b"x").is_err();
        (broken || client.has_ended()).then_some(())
    });
    drop(client);
    assert_eq!(server.wait_for_close(), "read_timeout");
}

fn a_peer_that_never_reads_is_cut(case: &Case) {
    let config = Config {
        write_timeout: Some(Duration::from_millis(200)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut client = server.connect();
    let mut writer = client.share();
    let feeder = thread::spawn(move || while writer.write_all(&[b'x'; 16000]).is_ok() {});
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

/// Echoes lines, however long they are.
struct Lines;

impl Handler for Lines {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            conn.write(input.take(end + 1));
        }
        Ok(())
    }
}

impl BlockingHandler for Lines {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut codec = socketserver::Lines::default();
        while let Some(line) = stream.receive(&mut codec)? {
            let line = line.to_vec();
            stream.send(&line, &mut codec)?;
        }
        Ok(())
    }
}

fn a_message_that_is_too_long_ends_however_it_is_cut(case: &Case) {
    let config = Config {
        input_bytes_max: 100,
        ..case.config()
    };
    for (length, fits) in [(99, true), (100, true), (101, false), (5000, false)] {
        let mut line = vec![b'x'; length - 1];
        line.push(b'\n');
        for cut in [0, 1, 50, length - 1] {
            let server = case.serve_with(config.clone(), |_| Lines);
            let mut client = server.connect();
            client.send(&line[..cut]);
            server.until("the first part to arrive", |stats| {
                stats.bytes_in >= cut.min(100) as u64
            });
            // The server may have closed already.
            let _ = client.write_all(&line[cut..]);
            let expected = if fits {
                client.expect(&line).half_close().expect_end();
                "peer_closed"
            } else {
                let (received, _) = client.read_to_the_end();
                assert_eq!(received, b"", "{length} cut at {cut}");
                "input_overflow"
            };
            drop(client);
            let word = server.wait_for_close();
            assert_eq!(word, expected, "{length} cut at {cut}");
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
    let server = case.serve_events_with(config, factory);
    let mut client = server.connect();
    client.send("go").read_to_the_end();
    assert_eq!(watcher.wait_for_close(), "output_overflow");
}

/// A file of this length with a known content.
fn file_of(length: usize) -> (PathBuf, Vec<u8>) {
    let path = socketserver_tests::fresh_path();
    let content: Vec<u8> = (0..length).map(|index| (index % 253) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

/// Sends a range of a file between two marks, whenever it is asked.
struct SendsFile(PathBuf, Range<u64>);

impl Handler for SendsFile {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.write(b"<");
        conn.send_file(File::open(&self.0)?, self.1.clone());
        conn.write(b">");
        Ok(())
    }
}

impl BlockingHandler for SendsFile {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        while stream.read(&mut [0; 100])? > 0 {
            stream.write_all(b"<")?;
            stream.send_file(File::open(&self.0)?, self.1.clone())?;
            stream.write_all(b">")?;
        }
        Ok(())
    }
}

fn a_file_is_sent_between_bytes(case: &Case) {
    let (path, content) = file_of(3_000_000);
    let file = path.clone();
    let server = case.serve(move |_| SendsFile(file.clone(), 7..2_900_000));
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
    let file = path.clone();
    let server = case.serve(move |_| SendsFile(file.clone(), 0..200_000));
    let mut client = server.connect();
    let (received, _) = client.send("go").read_to_the_end();
    assert_eq!(received, [b"<", content.as_slice()].concat());
    assert_eq!(server.wait_for_close(), "file_truncated");
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
    let server = case.serve_events(factory);
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
    while writer.write_all(&[b'x'; 16000]).is_ok() {}
    let mut other = server.connect();
    for _ in 0..100 {
        other.send("hello").expect("hello");
    }
    assert_eq!(server.stats().live, 2);
}
