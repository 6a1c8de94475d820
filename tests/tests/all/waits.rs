//! Blocking handlers that wait: for input within a time, for a time, and while others are served.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use socketserver::{Codec, Config, LengthPrefix, Lines, Stream};
use socketserver_tests::{Case, End};

use crate::streams::{each, echo_lines, next};

socketserver_tests::matrix! {
    blocking: a_read_that_has_timed_out_may_be_made_again,
        a_read_that_times_out_ends_its_connection,
        a_deadline_holds_for_everything_together,
        a_sleep_is_long_enough,
        a_sleep_sees_that_the_server_stops,
        a_sleep_keeps_a_stopping_server_until_it_is_over;
    blocking concurrent: a_sleep_keeps_nobody_waiting,
        a_handler_past_its_deadline_keeps_nobody_waiting;
}

/// How long reading waits here for a peer that sends nothing.
const SHORT: Duration = Duration::from_millis(10);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Reads one message in some way.
type Receive = fn(&mut Stream<'_>, &mut String) -> io::Result<()>;

fn a_read_that_has_timed_out_may_be_made_again(case: &Case) {
    let ways: [(&[u8], Receive); 6] = [
        (b"hello\n", |stream, text| stream.read_line(text).map(drop)),
        (b"hello\n", |stream, text| {
            BufRead::read_line(stream, text).map(drop)
        }),
        (b"hello", |stream, text| {
            let mut bytes = [0; 5];
            stream.read_exact_or_end(&mut bytes)?;
            text.push_str(&String::from_utf8_lossy(&bytes));
            Ok(())
        }),
        (b"hello\n", |stream, text| {
            receive(stream, text, &mut Lines::default())
        }),
        (b"\0\x05hello", |stream, text| {
            receive(stream, text, &mut LengthPrefix::big_endian(2))
        }),
        (b"\"hello\"\n", |stream, text| {
            let message: Option<String> = stream.receive_json(&mut Lines::default())?;
            text.push_str(&message.unwrap_or_default());
            Ok(())
        }),
    ];
    for (message, receive) in ways {
        let server = case.serve_blocking(each(move |stream| {
            stream.set_read_timeout(Some(SHORT));
            let mut text = String::new();
            while let Err(error) = receive(stream, &mut text) {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                stream.write_all(b"?")?;
            }
            stream.write_all(text.trim_end().as_bytes())?;
            Ok(())
        }));
        let mut client = server.connect();
        // Nothing has come, then a half, then the other half.
        client.expect("?").send(&message[..3]).expect("??");
        let (answer, _) = client.send(&message[3..]).read_to_the_end();
        let answer = String::from_utf8(answer).expect("it is text");
        assert_eq!(answer.trim_start_matches('?'), "hello");
    }
}

fn receive(stream: &mut Stream<'_>, text: &mut String, codec: &mut impl Codec) -> io::Result<()> {
    let message = stream.receive(codec)?.unwrap_or_default();
    text.push_str(&String::from_utf8_lossy(message));
    Ok(())
}

fn a_read_that_times_out_ends_its_connection(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(b"hello")?;
        stream.set_read_timeout(Some(SHORT));
        stream.read_exact(&mut [0; 10])?;
        Ok(())
    }));
    let mut client = server.connect();
    client.expect("hello").send("half");
    assert_eq!(client.expect_end(), End::Closed);
    drop(client);
    let stats = server.stop().stats;
    assert_eq!((stats.closed["read_timeout"], stats.handler_errors), (1, 0));
}

fn a_deadline_holds_for_everything_together(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.set_deadline(Some(Duration::from_millis(50)));
        // Each read is answered at once, and there is no end of them.
        let error = echo_lines(stream).expect_err("the deadline comes");
        let error = error.inner().downcast_ref::<io::Error>();
        assert_eq!(error.map(io::Error::kind), Some(ErrorKind::TimedOut));
        let again = stream.sleep(LONG).map_err(|error| error.kind());
        assert_eq!(again, Err(ErrorKind::TimedOut));
        stream.set_deadline(None);
        stream.write_all(b"over\n")?;
        stream.sleep(SHORT)?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        stream.set_deadline(Some(SHORT));
        stream.sleep(LONG)?;
        Ok(())
    }));
    let mut client = server.connect();
    let mut answer = [0; 5];
    while answer != *b"over\n" {
        client.send("line\n");
        client.read_exact(&mut answer).expect("an answer comes");
    }
    client.send("line\n");
    client.read_to_the_end();
    drop(client);
    let stats = server.stop().stats;
    assert_eq!((stats.closed["read_timeout"], stats.handler_errors), (1, 0));
}

fn a_sleep_is_long_enough(case: &Case) {
    let (sender, times) = channel();
    let server = case.serve_blocking(each(move |stream| {
        for millis in [0, 1, 20] {
            let (duration, begun) = (Duration::from_millis(millis), Instant::now());
            stream.sleep(duration)?;
            sender.send((duration, begun.elapsed()))?;
        }
        Ok(())
    }));
    // Input does not end a sleep.
    let mut client = server.connect();
    client.send("hello");
    for _ in 0..3 {
        let (asked, slept) = next(&times);
        assert!(asked <= slept, "{slept:?} for {asked:?}");
    }
    client.expect_end();
}

fn a_sleep_sees_that_the_server_stops(case: &Case) {
    const SLEEP: Duration = Duration::from_millis(80);
    let (sender, wakes) = channel();
    let server = case.serve_blocking(each(move |stream| {
        assert!(!stream.is_stopping());
        stream.write_all(b"asleep")?;
        stream.sleep(SLEEP)?;
        sender.send((Instant::now(), stream.is_stopping()))?;
        Ok(())
    }));
    let mut client = server.connect();
    client.expect("asleep");
    server.stop_handle().stop();
    let stopped = Instant::now();
    let (woken, is_stopping) = next(&wakes);
    // On a machine that is too busy the sleep was over before.
    assert!(is_stopping || woken < stopped + SLEEP / 2);
    client.expect_end();
    drop(client);
    assert_eq!(server.stop().cut, 0);
}

fn a_sleep_keeps_a_stopping_server_until_it_is_over(case: &Case) {
    let config = Config {
        drain_timeout: LONG,
        ..case.config()
    };
    let server = case.serve_blocking_with(
        config,
        each(|stream| {
            stream.write_all(b"asleep")?;
            while !stream.is_stopping() {
                stream.sleep(SHORT)?;
            }
            stream.write_all(b"goodbye")?;
            Ok(())
        }),
    );
    let mut client = server.connect();
    client.expect("asleep");
    server.stop_handle().stop();
    client.expect("goodbye").expect_end();
    drop(client);
    let report = server.stop();
    assert_eq!((report.cut, report.stats.closed["drained"]), (0, 1));
}

fn a_sleep_keeps_nobody_waiting(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line == "sleep\n" {
            stream.write_all(b"asleep\n")?;
            stream.sleep(LONG)?;
        }
        stream.write_all(line.as_bytes())?;
        Ok(())
    }));
    let mut sleeper = server.connect();
    sleeper.send("sleep\n").expect("asleep\n");
    for _ in 0..3 {
        let mut client = server.connect();
        client.send("awake\n").expect("awake\n").expect_end();
    }
    assert!(!sleeper.has_ended());
}

fn a_handler_past_its_deadline_keeps_nobody_waiting(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line == "hurry\n" {
            stream.write_all(b"late\n")?;
            stream.set_deadline(Some(Duration::ZERO));
            // It does not give up, which costs time and nobody else.
            while stream
                .read(&mut [0])
                .is_err_and(|error| error.kind() == ErrorKind::TimedOut)
            {}
        }
        stream.write_all(line.as_bytes())?;
        Ok(())
    }));
    let mut late = server.connect();
    late.send("hurry\n").expect("late\n");
    for _ in 0..3 {
        let mut client = server.connect();
        client.send("awake\n").expect("awake\n").expect_end();
    }
    late.half_close().expect("hurry\n").expect_end();
}
