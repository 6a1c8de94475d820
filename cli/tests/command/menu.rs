//! `udp-chat --menu`: one thing at a time, and nothing that is typed ends it by mistake.

use crate::datagrams::{receive, udp_socket};
use crate::udp_chat::chatter;

#[test]
fn the_menu_asks_again_until_an_answer_is_right() {
    let (mut chatter, from) = chatter("--menu");
    let (socket, to) = udp_socket();
    let (choice, ip, port, text) = ("1 send, 2 receive, 3 quit:", "ip:", "port:", "text:");
    for (question, answer, sentence) in [
        (choice, "7", Some("'7' is a bad choice: write 1, 2 or 3")),
        (
            choice,
            "send",
            Some("'send' is a bad choice: write 1, 2 or 3"),
        ),
        (choice, "1", None),
        (
            ip,
            "somewhere",
            Some("'somewhere' is not an IP address: write one such as 127.0.0.1"),
        ),
        (
            ip,
            "",
            Some("'' is not an IP address: write one such as 127.0.0.1"),
        ),
        (ip, "127.0.0.1", None),
        (
            port,
            "\x1b[A",
            Some("'\\u{1b}[A' is not a port: write a number from 1 to 65535"),
        ),
        (
            port,
            "0",
            Some("'0' is not a port: write a number from 1 to 65535"),
        ),
        (
            port,
            "65536",
            Some("'65536' is not a port: write a number from 1 to 65535"),
        ),
        (port, &to.port().to_string(), None),
        (text, "grüße 你好", None),
    ] {
        assert_eq!(chatter.stderr.line(), question);
        chatter.types(answer);
        if let Some(sentence) = sentence {
            assert_eq!(chatter.stderr.line(), format!("socketserver: {sentence}"));
        }
    }
    assert_eq!(
        receive(&socket),
        ("grüße 你好".into(), from.parse().unwrap())
    );
    assert_eq!(chatter.stderr.line(), format!("sent 14 bytes to {to}"));
    assert_eq!(chatter.stderr.line(), choice);
    for answer in ["1", "::1", "9", "hello"] {
        chatter.types(answer);
    }
    let line = chatter.stderr.line_with(&["socketserver: "]);
    assert!(
        line.contains("cannot send to [::1]:9, an IPv6 address"),
        "{line}"
    );
    chatter.types("3");
    let ended = chatter.end();
    assert_eq!((ended.code, ended.stdout), (Some(0), Vec::new()));
}

#[test]
fn the_menu_shows_what_has_come_and_waits_for_what_comes() {
    let (mut chatter, address) = chatter("--menu");
    let (socket, from) = udp_socket();
    let waiting = "waiting for a datagram; an empty line goes back to the menu";
    chatter.types("2");
    chatter.stderr.line_with(&[waiting]);
    socket.send_to(b"first", &address).unwrap();
    assert_eq!(chatter.stdout.line(), format!("[1] {from}: first"));
    chatter.types("2");
    chatter.stderr.line_with(&[waiting]);
    chatter.types("");
    chatter.types("0");
    let ended = chatter.end();
    assert_eq!((ended.code, ended.stdout), (Some(0), Vec::new()));
}

#[test]
fn the_end_of_the_input_leaves_the_menu_wherever_it_is() {
    for typed in ["", "1", "1\n127.0.0.1", "1\n127.0.0.1\n9", "2"] {
        let (mut chatter, _) = chatter("--menu --wait 0s");
        chatter.types(typed);
        chatter.types_no_more();
        let ended = chatter.end();
        assert_eq!(
            (ended.code, ended.stdout),
            (Some(0), Vec::new()),
            "{typed:?}"
        );
    }
    // Who asks for a datagram with his last word gets it.
    let (mut chatter, address) = chatter("--menu --wait none");
    let (socket, from) = udp_socket();
    chatter.types("2");
    chatter.types_no_more();
    socket.send_to(b"last", &address).unwrap();
    let ended = chatter.end();
    assert_eq!(
        (ended.code, ended.stdout),
        (Some(0), format!("[1] {from}: last\n").into_bytes())
    );
}
