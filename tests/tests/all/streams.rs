//! Blocking handlers: what they are, and what they read and write as bytes, however the stream is cut.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socketserver::{Address, BlockingHandler, Config, Handled, HandlerError, Server, Stream};
use socketserver_tests::{Case, Client, End, PATIENCE, Running};

use crate::framed::cut_everywhere;

socketserver_tests::matrix! {
    blocking: functions_closures_and_boxes_are_handlers,
        a_stream_knows_both_addresses,
        lines_are_read_wherever_they_are_cut,
        a_buffer_is_filled_or_the_end_is_told,
        a_large_stream_comes_back_in_blocks,
        what_is_written_leaves_together,
        our_end_may_be_sent_before_the_peers,
        our_end_is_sent_whatever_the_handler_does_next,
        a_refusal_reaches_a_peer_that_is_still_sending,
        what_had_arrived_during_a_wait_is_read_before_the_end,
        one_request_is_served_by_a_blocking_handler;
    blocking concurrent: many_streams_talk_at_once;
}

/// A factory of blocking handlers that all do the same.
pub(crate) fn each<F>(handle: F) -> impl Fn(&Address) -> Box<dyn BlockingHandler> + Send + Sync
where
    F: Fn(&mut Stream<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    let handle = Arc::new(handle);
    move |_| {
        let handle = handle.clone();
        Box::new(move |stream: &mut Stream<'_>| handle(stream))
    }
}

/// Answers every line with the line.
pub(crate) fn echo_lines(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 {
        stream.write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}

/// What a handler tells the test next.
#[track_caller]
pub(crate) fn next<T>(receiver: &Receiver<T>) -> T {
    receiver
        .recv_timeout(PATIENCE)
        .expect("the handler goes on")
}

/// Tells when it is dropped.
pub(crate) struct Told(pub(crate) Sender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        // A test that has failed does not listen.
        let _ = self.0.send("dropped");
    }
}

/// Waits until a connection has ended for this reason.
#[track_caller]
pub(crate) fn wait_for_close(server: &Running, word: &str) {
    server.until(word, |stats| stats.closed.get(word) == Some(&1));
}

/// A handler that is a type with state.
struct Counts(usize);

impl BlockingHandler for Counts {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        while let Some(line) = (&mut *stream).lines().next() {
            self.0 += line?.len();
            writeln!(stream, "{}", self.0)?;
        }
        Ok(())
    }
}

fn functions_closures_and_boxes_are_handlers(case: &Case) {
    let server = case.serve_blocking(|_| echo_lines);
    server.connect().send("one\n").expect("one\n");
    server.stop();
    let server = case.serve_blocking(|_| {
        let mut count = 0;
        move |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
            for byte in stream.bytes() {
                count += u64::from(byte?);
            }
            Ok(write!(stream, "{count}")?)
        }
    });
    server
        .connect()
        .send([1, 2, 3])
        .half_close()
        .expect("6")
        .expect_end();
    server.stop();
    let server = case.serve_blocking(|_| -> Box<dyn BlockingHandler> { Box::new(Counts(0)) });
    let mut client = server.connect();
    client.send("one\nthree\n").expect("3\n8\n");
    assert_eq!(client.half_close().expect_end(), End::Closed);
    drop(client);
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

fn a_stream_knows_both_addresses(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let (id, local) = (stream.id(), stream.local()?);
        writeln!(stream, "{id} {local} {}", stream.peer().clone())?;
        Ok(())
    }));
    let mut client = server.connect();
    let (text, _) = client.read_to_the_end();
    let local = server.address();
    let beginning = format!("1 {local} ");
    let text = String::from_utf8(text).expect("addresses are text");
    assert!(text.starts_with(&beginning), "{text}");
    if let Client::Tcp(stream) = &client {
        let own = Address::Tcp(stream.local_addr().expect("it is connected"));
        assert_eq!(text, format!("{beginning}{own}\n"));
    }
}

fn lines_are_read_wherever_they_are_cut(case: &Case) {
    let server = case.serve_blocking(|_| echo_lines);
    cut_everywhere(&server, b"one\n\nthree\n", b"one\n\nthree\n");
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

fn a_buffer_is_filled_or_the_end_is_told(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut buffer = [0; 4];
        loop {
            let answer = match stream.read_exact_or_end(&mut buffer) {
                Ok(true) => format!("<{}>", buffer.escape_ascii()),
                Ok(false) => "end".into(),
                Err(error) => format!("{:?}", error.kind()),
            };
            stream.write_all(answer.as_bytes())?;
            if !answer.starts_with('<') {
                return Ok(());
            }
        }
    }));
    let mut client = server.connect();
    for byte in b"abcdefg" {
        client.send([*byte]);
    }
    client.expect("<abcd>").send("hi").expect("<efgh>");
    client.half_close().expect("UnexpectedEof").expect_end();
    drop(client);
    server
        .connect()
        .send("abcd")
        .half_close()
        .expect("<abcd>end")
        .expect_end();
    // A handler that passes on that the peer has left amid a message has not failed.
    let server = case.serve_blocking(each(|stream| {
        stream.read_exact(&mut [0; 4])?;
        Ok(())
    }));
    server.connect().send("abc").half_close().expect_end();
    let stats = server.stop().stats;
    assert_eq!((stats.closed["peer_closed"], stats.handler_errors), (1, 0));
}

fn a_large_stream_comes_back_in_blocks(case: &Case) {
    // Blocks larger than what is buffered in either direction.
    let config = Config {
        input_bytes_max: 10_000,
        output_high: 30_000,
        output_low: 1000,
        ..case.config()
    };
    let server = case.serve_blocking_with(
        config,
        each(|stream| {
            let mut block = vec![0; 100_000];
            while stream.read_exact_or_end(&mut block)? {
                stream.write_all(&block)?;
            }
            Ok(())
        }),
    );
    let sent: Vec<u8> = (0..3_000_000u32).map(|index| (index % 251) as u8).collect();
    let mut client = server.connect();
    let mut writer = client.share();
    let (received, end) = thread::scope(|scope| {
        scope.spawn(|| writer.send(&sent).half_close());
        client.read_to_the_end()
    });
    assert!(received == sent, "{} bytes came back", received.len());
    assert_eq!(end, End::Closed);
    let stats = server.stop().stats;
    let length = sent.len() as u64;
    assert_eq!((stats.bytes_in, stats.bytes_out), (length, length));
}

fn what_is_written_leaves_together(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            for piece in 0..100 {
                write!(stream, "{piece},")?;
            }
        }
        Ok(())
    }));
    let mut client = server.connect();
    let pieces: Vec<_> = (0..100).map(|piece: u8| piece.to_string()).collect();
    let answer = pieces.join(",") + ",";
    for _ in 0..10 {
        client.send("go\n").expect(&answer);
    }
    let stats = server.until("all to be counted", |stats| stats.system_calls.send >= 10);
    assert_eq!(stats.system_calls.send, 10);
}

fn our_end_may_be_sent_before_the_peers(case: &Case) {
    let (sender, kinds) = channel();
    let server = case.serve_blocking(each(move |stream| {
        stream.write_all(b"all")?;
        stream.shutdown_write()?;
        stream.shutdown_write()?;
        let failed = stream.write(b"more");
        sender.send(failed.map_err(|error| error.kind()))?;
        let mut rest = String::new();
        stream.read_to_string(&mut rest)?;
        sender.send(Ok(rest.len()))?;
        Ok(())
    }));
    let mut client = server.connect();
    client.expect("all").expect_end();
    assert_eq!(next(&kinds), Err(ErrorKind::BrokenPipe));
    client.send("still").send(" talking").half_close();
    assert_eq!(next(&kinds), Ok("still talking".len()));
    drop(client);
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

fn our_end_is_sent_whatever_the_handler_does_next(case: &Case) {
    let (opens, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let server = case.serve_blocking(each(move |stream| {
        stream.write_all(b"all")?;
        stream.shutdown_write()?;
        let gate = gate.clone();
        let opened = stream.offload(move || {
            let gate = gate.lock().expect("no work panics");
            // Longer than the client waits for the end.
            gate.recv_timeout(2 * PATIENCE).is_ok()
        })?;
        assert!(opened);
        Ok(())
    }));
    server.connect().expect("all").expect_end();
    opens.send(()).expect("the handler waits");
}

fn a_refusal_reaches_a_peer_that_is_still_sending(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.read_exact(&mut [0; 1])?;
        stream.write_all(&[b'e'; 1000])?;
        Ok(())
    }));
    let upload = vec![b'u'; 8_000_000];
    let mut client = server.connect();
    let mut writer = client.share();
    thread::scope(|scope| {
        scope.spawn(|| writer.send(&upload).half_close());
        client.expect([b'e'; 1000]);
        assert_eq!(client.expect_end(), End::Closed);
    });
    drop((client, writer));
    let stats = server.stop().stats;
    assert_eq!(stats.closed["handler_closed"], 1);
    assert!(stats.bytes_discarded > 0);
}

fn what_had_arrived_during_a_wait_is_read_before_the_end(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(b"asleep\n")?;
        stream.sleep(Duration::from_millis(50))?;
        echo_lines(stream)
    }));
    let mut client = server.connect();
    client.expect("asleep\n");
    // From here on the bytes are in the server's system, although its handler does not read.
    client.send("question\n");
    server.stop_handle().stop();
    client.expect("question\n").expect_end();
    drop(client);
    assert_eq!(server.stop().cut, 0);
}

fn one_request_is_served_by_a_blocking_handler(case: &Case) {
    let mut server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    let mut client = Client::connect(&address);
    client.send("hello\n").half_close();
    let handled = server
        .handle_request_blocking(None, |_| echo_lines)
        .expect("the server does not fail");
    assert!(
        matches!(&handled, Handled::Served(reason) if reason.word() == "peer_closed"),
        "{handled:?}"
    );
    client.expect("hello\n").expect_end();
}

fn many_streams_talk_at_once(case: &Case) {
    let server = case.serve_blocking(|_| echo_lines);
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
