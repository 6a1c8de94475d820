//! Handlers of messages: the same codec and the same conversation as over a stream.

use std::sync::mpsc::{Sender, channel};

use socketserver::{
    CloseReason, Framed, HandlerError, LengthPrefix, Lines, MessageHandler, Netstring, Replies,
};
use socketserver_tests::{DatagramCase, PATIENCE};

socketserver_tests::datagram_matrix! {
    all: a_datagram_holds_whole_messages, half_a_message_is_the_fault_of_the_peer, a_conversation_ends_when_it_is_closed,
        many_answers_leave_in_few_datagrams, binary_messages_pass;
}

/// Numbers the lines of a peer.
struct Numbering {
    count: u32,
    tell: Sender<&'static str>,
}

impl MessageHandler for Numbering {
    fn message(&mut self, message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        self.count += 1;
        let line = String::from_utf8_lossy(message);
        replies.send(format!("{} {line}", self.count).as_bytes())?;
        if line == "bye" {
            replies.close();
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        // The test may have seen enough.
        let _ = self.tell.send(reason.word());
    }
}

fn a_datagram_holds_whole_messages(case: &DatagramCase) {
    let (tell, _told) = channel();
    let server = case.serve_peers(move |_| {
        let tell = tell.clone();
        Framed::new(Lines::default(), Numbering { count: 0, tell })
    });
    let caller = server.caller();
    assert_eq!(caller.ask_text("first\n"), "1 first\n");
    assert_eq!(caller.ask_text("second\r\nthird\n"), "2 second\n3 third\n");
    assert_eq!(caller.ask_text("and no end"), "4 and no end\n");
    assert_eq!(caller.ask_text("nor\nhere"), "5 nor\n6 here\n");
    assert_eq!(server.caller().ask_text("another\n"), "1 another\n");
}

fn half_a_message_is_the_fault_of_the_peer(case: &DatagramCase) {
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| {
        let tell = tell.clone();
        Framed::new(Netstring::default(), Numbering { count: 0, tell })
    });
    let caller = server.caller();
    assert_eq!(caller.ask_text("5:hello,"), "7:1 hello,");
    caller.send("5:hel");
    assert_eq!(told.recv_timeout(PATIENCE), Ok("protocol_error"));
    server.wait_for_close();
    assert_eq!(caller.ask_text("3:new,"), "5:1 new,", "a new conversation");
    let stats = server.stop().stats;
    assert_eq!(
        (stats.handler_errors, stats.closed["protocol_error"]),
        (0, 1)
    );
}

fn a_conversation_ends_when_it_is_closed(case: &DatagramCase) {
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| {
        let tell = tell.clone();
        Framed::new(Lines::default(), Numbering { count: 0, tell })
    });
    let caller = server.caller();
    let answer = caller.ask_text("hello\nbye\nand what comes after is not heard\n");
    assert_eq!(answer, "1 hello\n2 bye\n");
    assert_eq!(told.recv_timeout(PATIENCE), Ok("handler_closed"));
}

fn many_answers_leave_in_few_datagrams(case: &DatagramCase) {
    let (tell, _told) = channel();
    let server = case.serve_peers(move |_| {
        let tell = tell.clone();
        Framed::new(Lines::default(), Numbering { count: 0, tell })
    });
    let caller = server.caller();
    let lines = "a line of twenty byte\n".repeat(100);
    caller.send(&lines);
    let mut answers = String::new();
    while answers.lines().count() < 100 {
        let answer = caller.receive_text();
        assert!(answer.len() <= 1_200 && answer.ends_with('\n'));
        answers += &answer;
    }
    let numbers: Vec<_> = answers
        .lines()
        .map(|line| line.split(' ').next().expect("a number").to_owned())
        .collect();
    let expected: Vec<_> = (1..=100).map(|number: u32| number.to_string()).collect();
    assert_eq!(numbers, expected);
}

fn binary_messages_pass(case: &DatagramCase) {
    let server = case.serve_peers(|_| {
        Framed::new(
            LengthPrefix::big_endian(4),
            |message: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
                Ok(replies.send(message)?)
            },
        )
    });
    let mut message = 5000_u32.to_be_bytes().to_vec();
    message.extend(std::iter::repeat_n(0, 5000));
    assert_eq!(server.caller().ask(&message), message);
}
