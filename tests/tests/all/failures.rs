//! Blocking handlers that fail: with a panic, an error, or a mistake, each without harm to others.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socketserver::{Address, BlockingHandler, HandlerError, Stream};
use socketserver_tests::Case;

use crate::streams::{each, echo_lines, wait_for_close};

socketserver_tests::matrix! {
    blocking: a_panic_leaves_what_was_written_before,
        a_destructor_may_write_while_its_handler_panics,
        a_panic_after_a_reset_is_counted,
        a_panic_in_drop_is_contained,
        a_factory_that_panics_costs_one_connection,
        another_error_fails_the_handler,
        a_stream_is_used_where_its_handler_runs;
}

fn a_panic_leaves_what_was_written_before(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(&vec![b'x'; 400_000])?;
        panic!("the handler is guilty");
    }));
    for _ in 0..2 {
        server.connect().expect(vec![b'x'; 400_000]).expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (2, 2));
}

/// Says goodbye however its handler ends.
struct Goodbye<'a, 'b>(&'a mut Stream<'b>);

impl Drop for Goodbye<'_, '_> {
    fn drop(&mut self) {
        // Whether there is anybody to hear it is not known.
        let _ = self.0.write_all(b"goodbye");
        let _ = self.0.flush();
    }
}

fn a_destructor_may_write_while_its_handler_panics(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let goodbye = Goodbye(stream);
        let mut number = String::new();
        goodbye.0.read_line(&mut number)?;
        goodbye.0.write_all(b"before;")?;
        let number: u64 = number.trim_end().parse().expect("a number");
        let _ = goodbye.0.sleep(Duration::from_secs(number));
        Ok(())
    }));
    server
        .connect()
        .send("x\n")
        .expect("before;goodbye")
        .expect_end();
    let stats = server.until("it to end", |stats| stats.live == 0);
    assert_eq!((stats.panics, stats.closed["panic"]), (1, 1));
    // Nor does it hang when its connection is over.
    let mut client = server.connect();
    client.send("3600\n");
    client.reset_unread();
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["peer_reset"]), (1, 1));
}

fn a_panic_after_a_reset_is_counted(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(b"unread")?;
        stream
            .read_exact(&mut [0; 1])
            .expect("a peer that is polite");
        Ok(())
    }));
    server.connect().reset_unread();
    let stats = server.until("it to end", |stats| stats.closed.contains_key("peer_reset"));
    assert_eq!(stats.panics, 1);
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl BlockingHandler for PanicsInDrop {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        echo_lines(stream)
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

fn a_panic_in_drop_is_contained(case: &Case) {
    let server = case.serve_blocking(|_| PanicsInDrop);
    for _ in 0..2 {
        let mut client = server.connect();
        client
            .send("one\n")
            .half_close()
            .expect("one\n")
            .expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (2, 2));
}

fn a_factory_that_panics_costs_one_connection(case: &Case) {
    let first = AtomicBool::new(true);
    let server = case.serve_blocking(move |_: &Address| {
        let is_first = first.swap(false, Ordering::SeqCst);
        assert!(!is_first, "the factory is guilty");
        echo_lines
    });
    server.connect().read_to_the_end();
    server.connect().send("one\n").expect("one\n");
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (1, 1));
}

fn another_error_fails_the_handler(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            write!(stream, "before;")?;
            let number: i64 = line.trim_end().parse()?;
            writeln!(stream, "{number}")?;
            line.clear();
        }
        Err(io::Error::from(ErrorKind::TimedOut).into())
    }));
    let mut client = server.connect();
    client
        .send("1\nx\n2\n")
        .expect("before;1\nbefore;")
        .expect_end();
    drop(client);
    // An error of the same kind as one of the stream, which is another one.
    server.connect().half_close().expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["handler_error"], stats.handler_errors),
        (2, 2)
    );
}

fn a_stream_is_used_where_its_handler_runs(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(b"hello")?;
        stream.flush()?;
        thread::scope(|scope| scope.spawn(|| echo_lines(stream)).join())
            .map_err(|_| "another thread cannot wait")?
    }));
    let mut client = server.connect();
    client.expect("hello");
    if case.is_reactor() {
        client.expect_end();
    } else {
        client.send("one\n").expect("one\n");
        client.half_close().expect_end();
    }
    drop(client);
    let word = if case.is_reactor() {
        "handler_error"
    } else {
        "peer_closed"
    };
    wait_for_close(&server, word);
    server.connect().expect("hello");
}
