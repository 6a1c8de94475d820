//! Conversations in whole messages: however the stream is cut, whatever the peer sends, and how they end.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use socketserver::{
    CloseReason, Codec, Config, Decoded, EncodeError, FrameError, Framed, HandlerError, Json,
    JsonHandler, JsonReplies, LengthPrefix, Lines, MessageHandler, Replies,
};
use socketserver_tests::{Case, End, PATIENCE, Running};

socketserver_tests::matrix! {
    events: lines_are_answered_wherever_they_are_cut, messages_behind_lengths_are_answered_wherever_they_are_cut,
        json_is_answered_wherever_it_is_cut, messages_in_one_segment_are_all_answered, a_last_line_needs_no_end,
        half_a_message_at_the_end_is_a_protocol_error, what_no_peer_may_send_is_a_protocol_error,
        what_this_side_may_not_send_is_an_error_of_the_handler, nothing_is_handled_after_a_close,
        a_handler_may_speak_first_and_last, a_flood_of_small_messages_is_slowed_and_not_cut,
        half_a_message_is_completed_while_the_server_stops, a_codec_that_finds_nothing_costs_one_connection;
    events concurrent: a_hostile_peer_leaves_others_alone;
}

/// The longest message of these tests.
const MAX: usize = 100;

fn echo(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
    Ok(replies.send(message)?)
}

fn lines() -> Lines {
    Lines::new(MAX)
}

fn lengths() -> LengthPrefix {
    LengthPrefix::big_endian(2).max(MAX)
}

/// Sends a stream in two parts for every place where it can be cut, the second when the first has arrived.
pub(crate) fn cut_everywhere(server: &Running, stream: &[u8], answer: &[u8]) {
    let mut client = server.connect();
    let mut arrived = server.stats().bytes_in;
    for cut in 0..=stream.len() {
        client.send(&stream[..cut]);
        server.until("the first part to arrive", |stats| {
            stats.bytes_in == arrived + cut as u64
        });
        client.send(&stream[cut..]).expect(answer);
        arrived += stream.len() as u64;
    }
    assert_eq!(client.half_close().expect_end(), End::Closed);
}

fn lines_are_answered_wherever_they_are_cut(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines().crlf(), echo));
    cut_everywhere(&server, b"one\n\r\nthree\r\n", b"one\r\n\r\nthree\r\n");
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

fn messages_behind_lengths_are_answered_wherever_they_are_cut(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lengths(), echo));
    let stream = b"\0\x03one\0\0\0\x05three";
    cut_everywhere(&server, stream, stream);
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

/// Adds numbers up, and answers nonsense with null.
struct Adder(i64);

impl JsonHandler for Adder {
    type Request = Vec<i64>;
    type Response = Option<i64>;

    fn request(
        &mut self,
        numbers: Vec<i64>,
        replies: &mut JsonReplies<'_, Option<i64>>,
    ) -> Result<(), HandlerError> {
        self.0 = numbers.iter().sum();
        Ok(replies.send(&Some(self.0))?)
    }

    fn refused(
        &mut self,
        error: FrameError,
        replies: &mut JsonReplies<'_, Option<i64>>,
    ) -> Result<(), HandlerError> {
        assert!(matches!(error, FrameError::Json(_)), "{error}");
        Ok(replies.send(&None)?)
    }
}

fn json_is_answered_wherever_it_is_cut(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines(), Json::new(Adder(0))));
    cut_everywhere(&server, b"[1, 2]\n{}\n[]\n", b"3\nnull\n0\n");
    server.stop();
    let negate = |number: i64| Ok(-number);
    let server = case.serve_events(move |_| Framed::new(lengths(), Json::answering(negate)));
    cut_everywhere(&server, b"\0\x0242", b"\0\x03-42");
    server
        .connect()
        .send(b"\0\x04null")
        .half_close()
        .expect_end();
    assert_eq!(server.stop().stats.closed["protocol_error"], 1);
}

fn messages_in_one_segment_are_all_answered(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines(), echo));
    let mut client = server.connect();
    let many = "one\ntwo\n\nfour\n".repeat(50);
    client.send(&many).expect(&many);
    // Nothing is left over that would be taken for the beginning of the next.
    client
        .send("five\n")
        .expect("five\n")
        .half_close()
        .expect_end();
}

fn a_last_line_needs_no_end(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines(), echo));
    server
        .connect()
        .send("one\ntwo")
        .half_close()
        .expect("one\ntwo\n")
        .expect_end();
    server.connect().half_close().expect_end();
    assert_eq!(server.stop().stats.closed["peer_closed"], 2);
}

fn half_a_message_at_the_end_is_a_protocol_error(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lengths(), echo));
    server
        .connect()
        .send(b"\0\x03one\0\x03tw")
        .half_close()
        .expect(b"\0\x03one")
        .expect_end();
    assert_eq!(server.stop().stats.closed["protocol_error"], 1);
}

/// Echoes, and tells a test why its connection ended.
struct Telling(Sender<CloseReason>);

impl MessageHandler for Telling {
    fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        echo(message, replies)
    }

    fn closed(&mut self, reason: &CloseReason) {
        // A test that has ended does not listen any more.
        let _ = self.0.send(reason.clone());
    }
}

fn what_no_peer_may_send_is_a_protocol_error(case: &Case) {
    let (sender, reasons) = channel();
    let server = case.serve_events(move |_| Framed::new(lengths(), Telling(sender.clone())));
    // The peer sends no more and does not end: it is not waited for.
    let mut client = server.connect();
    client
        .send(b"\0\x03one\xff\xff")
        .expect(b"\0\x03one")
        .expect_end();
    drop(client);
    let reason = reasons
        .recv_timeout(PATIENCE)
        .expect("the connection is over");
    let expected = FrameError::LengthTooLarge {
        length: 0xffff,
        max: MAX,
        swapped: false,
    };
    assert!(
        matches!(&reason, CloseReason::ProtocolError(error) if **error == expected),
        "{reason}"
    );
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["protocol_error"], stats.handler_errors),
        (1, 0)
    );
}

fn what_this_side_may_not_send_is_an_error_of_the_handler(case: &Case) {
    let shout = |message: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
        Ok(replies.send(&message.repeat(MAX))?)
    };
    let server = case.serve_events(move |_| Framed::new(lines(), shout));
    let mut client = server.connect();
    client
        .send("\na\nab\n")
        .expect("\n")
        .expect("a".repeat(MAX))
        .expect("\n")
        .expect_end();
    drop(client);
    let stats = server.stop().stats;
    assert_eq!(
        (stats.closed["handler_error"], stats.handler_errors),
        (1, 1)
    );
}

fn nothing_is_handled_after_a_close(case: &Case) {
    let (sender, messages) = channel();
    let server = case.serve_events(move |_| {
        let sender = sender.clone();
        Framed::new(
            lines(),
            move |message: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
                sender.send(message.to_vec())?;
                replies.send(message)?;
                if message == b"quit" {
                    replies.close();
                    // What is sent after a close is dropped.
                    replies.send(message)?;
                }
                Ok(())
            },
        )
    });
    let mut client = server.connect();
    client
        .send("one\nquit\ntwo\nthree")
        .half_close()
        .expect("one\nquit\n")
        .expect_end();
    drop(client);
    assert_eq!(server.stop().stats.closed["handler_closed"], 1);
    let messages: Vec<_> = messages.try_iter().collect();
    assert_eq!(messages, [b"one".as_slice(), b"quit"]);
}

/// Says hello and goodbye, and tells its peer where it is.
struct Polite;

impl MessageHandler for Polite {
    fn opened(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        Ok(replies.send(b"hello")?)
    }

    fn message(&mut self, _: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        let peer = replies.peer().to_string();
        Ok(replies.send(peer.as_bytes())?)
    }

    fn ended(&mut self, replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        replies.send(if replies.is_stopping() {
            b"stopping"
        } else {
            b"goodbye"
        })?;
        replies.close();
        Ok(())
    }
}

fn a_handler_may_speak_first_and_last(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines(), Polite));
    let mut client = server.connect();
    client.expect("hello\n").send("where am I?").half_close();
    let (rest, _) = client.read_to_the_end();
    let rest = String::from_utf8(rest).expect("an address is text");
    let (peer, last) = rest.split_once('\n').expect("there are two lines");
    assert!(!peer.is_empty());
    assert_eq!(last, "goodbye\n");
}

fn a_flood_of_small_messages_is_slowed_and_not_cut(case: &Case) {
    const MESSAGES: usize = 2000;
    // One look at the input gives a hundred messages, whose answers are far more than may wait.
    let config = Config {
        input_bytes_max: MAX + 2,
        output_low: 4 * 1024,
        output_high: 16 * 1024,
        output_bytes_max: 64 * 1024,
        ..case.config()
    };
    let long = vec![b'x'; 4 * 1024];
    let server = case.serve_events_with(config, move |_| {
        let long = long.clone();
        let answer = move |_: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
            Ok(replies.send(&long)?)
        };
        Framed::new(Anything(lines()), answer)
    });
    let mut client = server.connect();
    let mut writer = client.share();
    let (received, end) = thread::scope(|scope| {
        scope.spawn(|| writer.send("\n".repeat(MESSAGES)).half_close());
        client.read_to_the_end()
    });
    assert_eq!(
        (received.len(), end),
        (MESSAGES * (4 * 1024 + 1), End::Closed)
    );
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}

/// Reads lines of the longest length, and writes lines of any.
struct Anything(Lines);

impl Codec for Anything {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        self.0.decode(input)
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        output(message);
        output(b"\n");
        Ok(())
    }

    fn frame_bytes_max(&self) -> usize {
        usize::MAX
    }
}

fn half_a_message_is_completed_while_the_server_stops(case: &Case) {
    let mut server = case.serve_events(|_| Framed::new(lengths(), echo));
    let mut client = server.connect();
    client.send(b"\0\x05he");
    server.until("the first part to arrive", |stats| stats.bytes_in == 4);
    server.stop_handle().stop();
    client.send(b"llo").expect(b"\0\x05hello").expect_end();
    drop(client);
    assert_eq!(server.join().stats.closed["drained"], 1);
}

/// A codec with a mistake: its messages take no bytes.
struct Nothing;

impl Codec for Nothing {
    fn decode(&mut self, _: &[u8]) -> Result<Decoded, FrameError> {
        Ok(Decoded::Message {
            payload: 0..0,
            length: 0,
        })
    }

    fn encode(&mut self, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        Err(EncodeError::Unsuitable("nothing can be sent".into()))
    }

    fn frame_bytes_max(&self) -> usize {
        0
    }
}

fn a_codec_that_finds_nothing_costs_one_connection(case: &Case) {
    let server = case.serve_events(|_| Framed::new(Nothing, echo));
    for _ in 0..2 {
        server.connect().send("hello").read_to_the_end();
    }
    assert_eq!(server.stop().stats.closed["panic"], 2);
}

fn a_hostile_peer_leaves_others_alone(case: &Case) {
    let server = case.serve_events(|_| Framed::new(lines(), echo));
    let mut friend = server.connect();
    friend.send("one\n").expect("one\n").send("tw");
    for _ in 0..3 {
        let mut foe = server.connect();
        foe.send("x".repeat(MAX + 1)).expect_end();
    }
    server.until("the hostile peers to be gone", |stats| {
        stats.closed.get("protocol_error") == Some(&3)
    });
    friend.send("o\n").expect("two\n").half_close().expect_end();
    assert_eq!(server.stop().stats.closed["peer_closed"], 1);
}
