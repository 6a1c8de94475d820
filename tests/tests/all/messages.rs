//! Blocking handlers that read and write whole messages: however the stream is cut, whatever the peer sends, and how that ends.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use socketserver::{
    Address, BlockingHandler, Codec, Config, Decoded, EncodeError, FrameError, LengthPrefix, Lines,
    Stream,
};
use socketserver_tests::{Case, Running, eventually};

use crate::framed::cut_everywhere;
use crate::streams::{each, echo_lines};

socketserver_tests::matrix! {
    blocking: messages_are_received_wherever_they_are_cut,
        json_is_received_wherever_it_is_cut,
        a_message_that_trickles_is_cut_at_its_deadline,
        a_message_that_is_too_long_overflows_the_input,
        what_no_peer_may_send_breaks_the_protocol,
        what_this_side_may_not_send_fails_the_handler,
        a_codec_that_finds_nothing_costs_one_connection,
        half_a_message_is_received_whole_while_the_server_stops;
}

/// Answers every message with the message.
fn echo_messages(
    codec: impl Codec + Clone + Sync + 'static,
) -> impl Fn(&Address) -> Box<dyn BlockingHandler> + Send + Sync {
    each(move |stream| {
        let mut codec = codec.clone();
        while let Some(message) = stream.receive(&mut codec)? {
            let message = message.to_vec();
            stream.send(&message, &mut codec)?;
        }
        Ok(())
    })
}

fn messages_are_received_wherever_they_are_cut(case: &Case) {
    let server = case.serve_blocking(echo_messages(LengthPrefix::big_endian(2)));
    let messages = b"\0\x03one\0\0\0\x05three";
    cut_everywhere(&server, messages, messages);
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
    let server = case.serve_blocking(echo_messages(Lines::new(10).crlf()));
    cut_everywhere(&server, b"one\n\r\nthree\r\n", b"one\r\n\r\nthree\r\n");
    // A last line needs no end.
    let mut client = server.connect();
    client
        .send("last")
        .half_close()
        .expect("last\r\n")
        .expect_end();
    drop(client);
    assert_eq!(server.stop().stats.closed["peer_closed"], 2);
}

fn json_is_received_wherever_it_is_cut(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut lines = Lines::new(100);
        while let Some(numbers) = stream.receive_json::<Vec<i64>>(&mut lines)? {
            stream.send_json(&Some(numbers.iter().sum::<i64>()), &mut lines)?;
        }
        Ok(())
    }));
    cut_everywhere(&server, b"[1, 2]\n[]\n", b"3\n0\n");
    server.connect().send("{}\n").expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["peer_closed"], stats.closed["protocol_error"]),
        (1, 1)
    );
}

fn a_message_that_trickles_is_cut_at_its_deadline(case: &Case) {
    let config = Config {
        read_timeout: Some(Duration::from_millis(100)),
        ..case.config()
    };
    let receive: [fn(&mut Stream<'_>) -> std::io::Result<()>; 3] = [
        |stream| stream.receive(&mut Lines::default()).map(drop),
        |stream| stream.read_line(&mut String::new()).map(drop),
        |stream| stream.read_exact_or_end(&mut vec![0; 1_000_000]).map(drop),
    ];
    for receive in receive {
        let server =
            case.serve_blocking_with(config.clone(), each(move |stream| Ok(receive(stream)?)));
        let mut client = server.connect();
        // A byte whenever the last one has arrived, for ever: only an absolute deadline ends this.
        eventually("the trickle to be cut", || {
            let broken = client.write_all(b"x").is_err();
            (broken || client.has_ended()).then_some(())
        });
        drop(client);
        let stats = server.stop().stats;
        assert_eq!((stats.closed["read_timeout"], stats.handler_errors), (1, 0));
    }
}

fn a_message_that_is_too_long_overflows_the_input(case: &Case) {
    let config = Config {
        input_bytes_max: 100,
        ..case.config()
    };
    let server = case.serve_blocking_with(config.clone(), echo_messages(Lines::default()));
    refuses_long_lines(server);
    let server = case.serve_blocking_with(config, |_| echo_lines);
    refuses_long_lines(server);
}

/// Sends lines of which the server takes a hundred bytes, in two parts.
fn refuses_long_lines(server: Running) {
    let mut arrived = 0;
    for (length, fits) in [(99, true), (100, true), (101, false), (5000, false)] {
        let mut line = vec![b'x'; length - 1];
        line.push(b'\n');
        for cut in [0, 1, 50] {
            let mut client = server.connect();
            client.send(&line[..cut]);
            arrived += cut as u64;
            server.until("the first part to arrive", |stats| {
                stats.bytes_in >= arrived
            });
            // The server may have closed already.
            let _ = client.write_all(&line[cut..]);
            client.half_close();
            let (received, _) = client.read_to_the_end();
            let expected = if fits { &*line } else { b"" };
            assert!(received == expected, "{length} bytes cut at {cut}");
            drop(client);
            arrived = server.until("it to end", |stats| stats.live == 0).bytes_in;
        }
    }
    let closed = server.stop().stats.closed;
    assert_eq!((closed["peer_closed"], closed["input_overflow"]), (6, 6));
}

fn what_no_peer_may_send_breaks_the_protocol(case: &Case) {
    let server = case.serve_blocking(echo_messages(LengthPrefix::big_endian(2).max(100)));
    // The peer sends no more and does not end: it is not waited for.
    server
        .connect()
        .send(b"\0\x03one\xff\xff")
        .expect(b"\0\x03one")
        .expect_end();
    server.connect().send(b"\0\x03tw").half_close().expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["protocol_error"], stats.handler_errors),
        (2, 0)
    );
}

fn what_this_side_may_not_send_fails_the_handler(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut lines = Lines::new(10);
        stream.send(b"first", &mut lines)?;
        let error = stream.send(b"two\nlines", &mut lines).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        stream.send(b"much too long", &mut lines)?;
        Ok(())
    }));
    server.connect().expect("first\n").expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["handler_error"], stats.handler_errors),
        (1, 1)
    );
}

/// A codec with a mistake: it finds what takes no bytes.
#[derive(Clone)]
struct Nothing;

impl Codec for Nothing {
    fn decode(&mut self, _: &[u8]) -> Result<Decoded, FrameError> {
        Ok(Decoded::Message {
            payload: 0..0,
            length: 0,
        })
    }

    fn encode(&mut self, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        0
    }
}

fn a_codec_that_finds_nothing_costs_one_connection(case: &Case) {
    let server = case.serve_blocking(echo_messages(Nothing));
    for _ in 0..2 {
        server.connect().send("hello").read_to_the_end();
    }
    assert_eq!(server.stop().stats.closed["panic"], 2);
}

fn half_a_message_is_received_whole_while_the_server_stops(case: &Case) {
    let mut server = case.serve_blocking(echo_messages(LengthPrefix::big_endian(2)));
    let mut client = server.connect();
    client.send(b"\0\x05he");
    server.until("the first part to arrive", |stats| stats.bytes_in == 4);
    server.stop_handle().stop();
    client.send(b"llo").expect(b"\0\x05hello").expect_end();
    drop(client);
    assert_eq!(server.join().stats.closed["drained"], 1);
}
