//! What a handler and its peer say to each other, however the stream is cut.

use std::io::{BufRead, Read, Write};
use std::thread;
use std::time::Duration;

use socketserver::{BlockingHandler, Conn, Handler, HandlerError, Input, Stream};
use socketserver_handlers::{Alphabet, Echo, Uppercase};
use socketserver_tests::{Case, End, Event, Probe};

socketserver_tests::matrix! {
    all: lines_come_back_to_one_client_after_the_other, a_stream_cut_at_every_byte_gives_the_same_output,
        a_large_stream_comes_back_whole, a_half_closed_client_gets_everything, the_server_may_speak_first,
        a_handler_that_takes_a_little_at_a_time_misses_nothing, a_pause_leaves_what_comes_meanwhile_for_later,
        unicode_is_upper_cased_however_it_is_cut;
    concurrent: many_clients_talk_at_once;
    events: what_a_handler_leaves_is_offered_again, a_handler_is_not_called_before_there_is_what_it_wants,
        callbacks_come_in_their_order, a_paused_connection_is_not_read_until_it_resumes;
}

/// Answers each line with the line.
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
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            stream.write_all(&line)?;
            line.clear();
        }
        Ok(())
    }
}

fn lines_come_back_to_one_client_after_the_other(case: &Case) {
    let server = case.serve(|_| Lines);
    for number in 0..3 {
        let line = format!("hello from client {number}\n");
        server
            .connect()
            .send(&line)
            .expect(&line)
            .half_close()
            .expect_end();
    }
    let report = server.stop();
    assert_eq!(
        (report.stats.accepted, report.stats.closed["peer_closed"]),
        (3, 3)
    );
}

fn a_stream_cut_at_every_byte_gives_the_same_output(case: &Case) {
    let server = case.serve(|_| Uppercase::new(Alphabet::Ascii));
    let text = "The quick brown fox, \u{e9} \u{df} \u{4f60}.\n";
    let mut client = server.connect();
    for byte in text.as_bytes() {
        client.send([*byte]).expect([byte.to_ascii_uppercase()]);
    }
    client.half_close().expect_end();
    server
        .connect()
        .send(text)
        .expect(text.as_bytes().to_ascii_uppercase())
        .half_close()
        .expect_end();
}

fn a_large_stream_comes_back_whole(case: &Case) {
    let server = case.serve(|_| Echo);
    let sent: Vec<u8> = (0..5_000_000u32).map(|index| (index % 251) as u8).collect();
    let mut client = server.connect();
    let mut writer = client.share();
    let (received, end) = thread::scope(|scope| {
        scope.spawn(|| writer.send(&sent).half_close());
        client.read_to_the_end()
    });
    assert!(
        received == sent,
        "{} bytes came back of {}",
        received.len(),
        sent.len()
    );
    assert_eq!(end, End::Closed);
    let stats = server.stop().stats;
    assert_eq!(
        (stats.bytes_in, stats.bytes_out),
        (sent.len() as u64, sent.len() as u64)
    );
}

fn a_half_closed_client_gets_everything(case: &Case) {
    let server = case.serve(|_| Lines);
    for _ in 0..20 {
        server
            .connect()
            .send("one\ntwo\nthree\n")
            .half_close()
            .expect("one\ntwo\nthree\n")
            .expect_end();
    }
}

/// Says welcome, and does not answer.
struct Welcomes;

impl Handler for Welcomes {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"welcome\n");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

impl BlockingHandler for Welcomes {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.write_all(b"welcome\n")?;
        std::io::copy(stream, &mut std::io::sink())?;
        Ok(())
    }
}

fn the_server_may_speak_first(case: &Case) {
    let server = case.serve(|_| Welcomes);
    server
        .connect()
        .expect("welcome\n")
        .half_close()
        .expect_end();
}

fn what_a_handler_leaves_is_offered_again(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            if input.len() >= 3 {
                conn.write(input.take_all());
            } else if *event == Event::Ended(b"gh".to_vec()) {
                conn.write(b"rest");
            }
            Ok(!matches!(event, Event::Received(_)))
        }
    });
    let server = case.serve_events(factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("a");
    watcher.expect(&Event::Received(b"a".to_vec()));
    client.send("bc").expect("abc");
    watcher.expect(&Event::Received(b"abc".to_vec()));
    client.send("gh");
    watcher.wait_for(&Event::Received(b"gh".to_vec()));
    assert_eq!(
        server
            .until("the rest to be held", |stats| stats.bytes_held == 2)
            .bytes_delivered,
        3
    );
    client.half_close().expect("rest").expect_end();
    let stats = server.stop().stats;
    assert_eq!((stats.bytes_delivered, stats.bytes_discarded), (3, 2));
}

/// Sends back what it receives, in pieces of at most [`Sips::BYTES`].
struct Sips;

impl Sips {
    const BYTES: usize = 10_000;
}

impl Handler for Sips {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let count = input.len().min(Self::BYTES);
        conn.write(input.take(count));
        Ok(())
    }
}

impl BlockingHandler for Sips {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut sip = [0; Self::BYTES];
        loop {
            match stream.read(&mut sip)? {
                0 => return Ok(()),
                count => stream.write_all(&sip[..count])?,
            }
        }
    }
}

fn a_handler_that_takes_a_little_at_a_time_misses_nothing(case: &Case) {
    // One megabyte arrives, and each call takes little and returns: nothing must wait for bytes that never come.
    let server = case.serve(|_| Sips);
    let sent = vec![b'x'; 1_000_000];
    let mut client = server.connect();
    let mut writer = client.share();
    thread::scope(|scope| {
        scope.spawn(|| writer.send(&sent));
        client.expect(&sent);
    });
}

/// Echoes, and pauses for a while after every full stop.
struct Pauses;

impl Pauses {
    const PAUSE: Duration = Duration::from_millis(30);
}

impl Handler for Pauses {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let stop = input.iter().position(|&byte| byte == b'.');
        if stop.is_some() {
            conn.pause_reading();
            conn.set_timer(0, Self::PAUSE);
        }
        conn.write(input.take(stop.map_or(input.len(), |stop| stop + 1)));
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"resumed");
        conn.resume_reading();
        Ok(())
    }
}

impl BlockingHandler for Pauses {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut byte = [0];
        while stream.read_exact_or_end(&mut byte)? {
            stream.write_all(&byte)?;
            if byte == *b"." {
                stream.sleep(Self::PAUSE)?;
                stream.write_all(b"resumed")?;
            }
        }
        Ok(())
    }
}

fn a_pause_leaves_what_comes_meanwhile_for_later(case: &Case) {
    let server = case.serve(|_| Pauses);
    let mut client = server.connect();
    // What comes together with the full stop, and what comes during the pause.
    client
        .send("one.two")
        .expect("one.")
        .send("three")
        .expect("resumedtwothree")
        .send("four.")
        .half_close()
        .expect("four.resumed")
        .expect_end();
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

fn a_handler_is_not_called_before_there_is_what_it_wants(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            match event {
                Event::Opened => conn.want(4),
                Event::Received(bytes) => {
                    conn.write(bytes);
                    conn.want(4);
                }
                _ => {}
            }
            Ok(true)
        }
    });
    let server = case.serve_events(factory);
    let mut client = server.connect();
    for byte in b"abc" {
        client.send([*byte]);
    }
    server.until("three bytes to arrive", |stats| stats.bytes_in == 3);
    client.send("def").expect("abcdef");
    watcher.expect(&Event::Opened);
    watcher.expect(&Event::Received(b"abcdef".to_vec()));
    client.send("gh").half_close().expect_end();
    watcher.expect(&Event::Ended(b"gh".to_vec()));
}

fn callbacks_come_in_their_order(case: &Case) {
    let (factory, mut watcher) = Probe::quiet();
    let server = case.serve_events(factory);
    let mut client = server.connect();
    client.send("hello");
    watcher.expect(&Event::Opened);
    watcher.expect(&Event::Received(b"hello".to_vec()));
    client.half_close().expect_end();
    watcher.expect(&Event::Ended(Vec::new()));
    watcher.expect(&Event::Closed("peer_closed"));
    watcher.expect(&Event::Dropped);
    server.stop();
    assert_eq!(watcher.rest(), []);
}

fn a_paused_connection_is_not_read_until_it_resumes(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            match event {
                Event::Received(bytes) if bytes == b"pause" => {
                    conn.pause_reading();
                    conn.set_timer(1, Duration::from_millis(30));
                    conn.write(input.take_all());
                }
                Event::Timer(1) => {
                    conn.write(b"resumed");
                    conn.resume_reading();
                }
                _ => conn.write(input.take_all()),
            }
            Ok(true)
        }
    });
    let server = case.serve_events(factory);
    let mut client = server.connect();
    client
        .send("pause")
        .expect("pause")
        .send("more")
        .expect("resumedmore");
    watcher.expect(&Event::Opened);
    watcher.expect(&Event::Received(b"pause".to_vec()));
    watcher.expect(&Event::Timer(1));
    watcher.expect(&Event::Received(b"more".to_vec()));
}

fn unicode_is_upper_cased_however_it_is_cut(case: &Case) {
    let server = case.serve(|_| Uppercase::new(Alphabet::Unicode));
    let text = "stra\u{df}e \u{e9}t\u{e9} \u{1f600} \u{3c9} ".as_bytes();
    let mut sent = text.to_vec();
    sent.extend_from_slice(b"\xff bad \xe4\xbd");
    let mut expected = "STRASSE \u{c9}T\u{c9} \u{1f600} \u{3a9} "
        .as_bytes()
        .to_vec();
    expected.extend_from_slice(b"\xff BAD \xe4\xbd");
    server
        .connect()
        .send(&sent)
        .half_close()
        .expect(&expected)
        .expect_end();
    for cut in 0..sent.len() {
        let mut client = server.connect();
        client.send(&sent[..cut]);
        server.until("the first part to arrive", |stats| {
            stats.live == 0 || stats.bytes_held <= 3
        });
        client
            .send(&sent[cut..])
            .half_close()
            .expect(&expected)
            .expect_end();
    }
}

fn many_clients_talk_at_once(case: &Case) {
    let server = case.serve(|_| Lines);
    // As many as the smallest pool of the matrix has workers, so that each is served.
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for round in 0..50 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("round {round} client {number}\n"));
        }
        for (number, client) in clients.iter_mut().enumerate().rev() {
            client.expect(format!("round {round} client {number}\n"));
        }
    }
}
