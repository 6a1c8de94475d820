//! Blocking handlers whose connections end under them: they are told, or ended by force, always with their destructors.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use socketserver::{Address, BlockingHandler, Config, HandlerError, LengthPrefix, Lines, Stream};
use socketserver_tests::Case;

use crate::streams::{Told, each, next, wait_for_close};

socketserver_tests::matrix! {
    blocking: a_reset_is_an_error_with_its_number,
        a_handler_that_ignores_a_reset_is_ended_by_force,
        a_handler_that_ignores_the_end_is_ended_by_force,
        a_handler_may_do_other_things_behind_the_end,
        a_handler_that_ignores_bad_input_is_ended_by_force,
        what_is_read_before_an_end_stays_readable,
        an_idle_handler_is_told_why_it_ends,
        a_lifetime_ends_a_handler;
    blocking concurrent: handlers_that_wait_are_unwound_when_their_server_is_cut;
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Something that a handler does with its stream again and again.
type Act = fn(&mut Stream<'_>) -> io::Result<()>;

fn read(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.read(&mut [0; 100]).map(drop)
}

fn write(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.write_all(&[b'x'; 10_000])
}

fn write_at_once(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.write_all(b"x")?;
    stream.flush()
}

fn sleep(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.sleep(LONG)
}

fn nap(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.sleep(Duration::ZERO)
}

fn read_half(stream: &mut Stream<'_>) -> io::Result<()> {
    stream.read_exact(&mut [0; 100])
}

fn read_or_else(stream: &mut Stream<'_>) -> io::Result<()> {
    read(stream).or_else(|_| {
        // What does not wait fails too.
        assert!(stream.remote().is_err() && stream.local().is_err());
        assert!(stream.shutdown_write().is_err() && stream.offload(|| ()).is_err());
        stream.receive(&mut Lines::default()).map(drop)
    })
}

fn a_reset_is_an_error_with_its_number(case: &Case) {
    let (sender, errors) = channel();
    for act in [read, sleep, write, write_at_once] as [Act; 4] {
        let sender = sender.clone();
        let server = case.serve_blocking(each(move |stream| {
            stream.write_all(b"unread")?;
            let error = loop {
                if let Err(error) = act(stream) {
                    break error;
                }
            };
            sender.send((error.kind(), error.raw_os_error()))?;
            // Whatever is tried afterwards says the same.
            let again = stream.flush().expect_err("the connection is over");
            sender.send((again.kind(), again.raw_os_error()))?;
            Err(error.into())
        }));
        server.connect().reset_unread();
        let reset = (ErrorKind::ConnectionReset, Some(104));
        let (first, again) = (next(&errors), next(&errors));
        // A send meets the end of the connection in its own way.
        assert!(
            first == reset || first == (ErrorKind::BrokenPipe, Some(32)),
            "{first:?}"
        );
        assert_eq!(again, reset);
        let stats = server.stop().stats;
        assert_eq!((stats.closed["peer_reset"], stats.handler_errors), (1, 0));
    }
}

/// Never ends by itself.
struct Stubborn {
    act: Act,
    told: Sender<&'static str>,
}

impl BlockingHandler for Stubborn {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let _told = Told(self.told.clone());
        stream.write_all(b"unread")?;
        loop {
            // It does not listen.
            let _ = (self.act)(stream);
        }
    }
}

fn a_handler_that_ignores_a_reset_is_ended_by_force(case: &Case) {
    for act in [read, write, write_at_once, sleep, nap, read_or_else] as [Act; 6] {
        let (told, ends) = channel();
        let server = case.serve_blocking(move |_| Stubborn {
            act,
            told: told.clone(),
        });
        for _ in 0..2 {
            server.connect().reset_unread();
            assert_eq!(next(&ends), "dropped");
        }
        let stats = server.until("both to end", |stats| {
            stats.closed.values().sum::<u64>() == 2
        });
        assert_eq!((stats.closed["peer_reset"], stats.panics), (2, 0));
        // Others go on, until they are ended in the same way.
        let _client = server.connect().expect("unread");
        server.stop_handle().cut();
        assert_eq!(next(&ends), "dropped");
        let closed = server.stop().stats.closed;
        assert_eq!(closed.values().sum::<u64>(), 3, "{closed:?}");
    }
}

fn a_handler_that_ignores_the_end_is_ended_by_force(case: &Case) {
    let fill: Act = |stream| stream.fill_to(10).map(drop);
    let line: Act = |stream| stream.read_line(&mut String::new()).map(drop);
    for act in [read, read_half, fill, line] {
        let (told, ends) = channel();
        let server = case.serve_blocking(move |_| Stubborn {
            act,
            told: told.clone(),
        });
        for _ in 0..2 {
            let mut client = server.connect();
            client.half_close().expect("unread").expect_end();
            assert_eq!(next(&ends), "dropped");
        }
        assert_eq!(server.stop().stats.closed["peer_closed"], 2);
    }
}

fn a_handler_that_ignores_bad_input_is_ended_by_force(case: &Case) {
    let config = Config {
        input_bytes_max: 100,
        ..case.config()
    };
    let line: Act = |stream| stream.read_line(&mut String::new()).map(drop);
    let message: Act = |stream| {
        let mut codec = LengthPrefix::big_endian(2).max(50);
        stream.receive(&mut codec).map(drop)
    };
    for (act, input) in [
        (line, vec![0xff, b'\n']),
        (line, vec![b'x'; 200]),
        (message, vec![0xff; 2]),
    ] {
        let (told, ends) = channel();
        let server = case.serve_blocking_with(config.clone(), move |_| Stubborn {
            act,
            told: told.clone(),
        });
        for _ in 0..2 {
            let mut client = server.connect();
            client.send(&input).expect("unread").expect_end();
            assert_eq!(next(&ends), "dropped");
        }
        assert_eq!(server.stop().stats.closed["handler_closed"], 2);
    }
}

fn a_handler_may_do_other_things_behind_the_end(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        for number in 0..1000 {
            read(stream)?;
            match number % 3 {
                0 => stream.write_all(b".")?,
                1 => stream.sleep(Duration::ZERO)?,
                _ => stream.offload(|| ())?,
            }
        }
        Ok(())
    }));
    let mut client = server.connect();
    client.half_close().expect(".".repeat(334)).expect_end();
}

fn what_is_read_before_an_end_stays_readable(case: &Case) {
    let (sender, texts) = channel();
    let server = case.serve_blocking(each(move |stream| {
        let mut first = [0; 1];
        stream.read_exact(&mut first)?;
        stream.write_all(&first)?;
        let failed = stream.sleep(LONG).is_err();
        let mut rest = [0; 3];
        stream.read_exact(&mut rest)?;
        sender.send((failed, rest))?;
        Ok(())
    }));
    let mut client = server.connect();
    client.send("1234").expect("1");
    server.stop_handle().cut();
    drop(client);
    assert_eq!(next(&texts), (true, *b"234"));
}

/// A handler that waits in some way for ever, and tells how that ends.
fn waits_for_ever(
    acts: Vec<Act>,
    ends: Sender<Result<String, &'static str>>,
) -> impl Fn(&Address) -> Box<dyn BlockingHandler> + Send + Sync {
    let acts = Mutex::new(acts);
    let told = Told(relay(ends.clone()));
    each(move |stream| {
        let act = acts.lock().expect("no handler panics").pop();
        let _told = Told(told.0.clone());
        stream.write_all(b"hello")?;
        let error = loop {
            if let Err(error) = act.unwrap_or(read)(stream) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        ends.send(Ok(error.to_string()))?;
        Err(error.into())
    })
}

/// Passes on what destructors tell.
fn relay(ends: Sender<Result<String, &'static str>>) -> Sender<&'static str> {
    let (sender, told) = channel();
    thread::spawn(move || told.into_iter().try_for_each(|told| ends.send(Err(told))));
    sender
}

fn an_idle_handler_is_told_why_it_ends(case: &Case) {
    let config = Config {
        idle_timeout: Some(Duration::from_millis(50)),
        ..case.config()
    };
    let (sender, ends) = channel();
    let server = case.serve_blocking_with(config, waits_for_ever(vec![read], sender));
    let mut client = server.connect();
    client.expect("hello").expect_end();
    let text = "nothing came within the idle timeout";
    assert_eq!(next(&ends), Ok(text.into()));
    assert_eq!(next(&ends), Err("dropped"));
    wait_for_close(&server, "idle_timeout");
}

fn a_lifetime_ends_a_handler(case: &Case) {
    let config = Config {
        lifetime: Some(Duration::from_millis(50)),
        ..case.config()
    };
    for act in [read, sleep] as [Act; 2] {
        let (sender, ends) = channel();
        let server = case.serve_blocking_with(config.clone(), waits_for_ever(vec![act], sender));
        server.connect().expect("hello").expect_end();
        let text = "the connection reached its maximum lifetime";
        assert_eq!(next(&ends), Ok(text.into()));
        assert_eq!(next(&ends), Err("dropped"));
        wait_for_close(&server, "lifetime_over");
    }
}

fn handlers_that_wait_are_unwound_when_their_server_is_cut(case: &Case) {
    let config = Config {
        drain_timeout: Duration::from_millis(50),
        ..case.config()
    };
    let acts = vec![sleep as Act, write, read_half];
    let (sender, ends) = channel();
    let server = case.serve_blocking_with(config, waits_for_ever(acts, sender));
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.expect("hello").send("half");
    }
    // Only one of them reads.
    server.until("a half to be read", |stats| stats.bytes_in == 4);
    let report = server.stop();
    assert_eq!((report.cut, report.stats.closed["drain_cut"]), (3, 3));
    let (mut dropped, mut told) = (0, 0);
    for _ in 0..6 {
        match next(&ends) {
            Err(_) => dropped += 1,
            Ok(text) => {
                let cut = "the server stopped and the connection was cut at the drain deadline";
                assert_eq!(text, cut);
                told += 1;
            }
        }
    }
    assert_eq!((told, dropped), (3, 3));
}
