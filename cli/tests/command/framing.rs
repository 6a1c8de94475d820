//! `connect --framing`: a line of text for each message, in both directions.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

use crate::connect::connected_with;
use crate::process::{Ended, Process, dial};

/// The framings, two lines of text, and the same as messages.
const FORMS: [(&str, &str, &[u8]); 4] = [
    ("lines", "[1]\n\"two\"\n", b"[1]\n\"two\"\n"),
    (
        "i32le-json",
        "[1]\n\"two\"\n",
        b"\x03\0\0\0[1]\x05\0\0\0\"two\"",
    ),
    ("netstring", "[1]\n\"two\"\n", b"3:[1],5:\"two\","),
    ("u32be", "[1]\n\"two\"\n", b"\0\0\0\x03[1]\0\0\0\x05\"two\""),
];

/// How a client ends to which a server says this before it ends its side.
fn told(framing: &str, bytes: &[u8]) -> Ended {
    let (mut client, mut peer) = connected_with(&format!("--framing {framing}"));
    drop(client.stdin.take());
    peer.read_to_end(&mut Vec::new()).unwrap();
    match peer.write_all(bytes) {
        // Whoever has seen enough does not read on.
        Err(error) => assert!(
            [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()),
            "{error}"
        ),
        Ok(()) => drop(peer),
    }
    client.end()
}

/// What reaches a server when a client is given this input; and the code and the sentence with which the client ends.
fn typed(framing: &str, input: &[u8]) -> (Vec<u8>, Option<i32>, String) {
    let (mut client, mut peer) = connected_with(&format!("--framing {framing}"));
    // A client that has found something wrong does not read on.
    let _ = client.stdin.take().unwrap().write_all(input);
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(ended.stdout, b"");
    (received, ended.code, ended.stderr)
}

#[test]
fn each_line_is_a_message_and_each_message_a_line() {
    for (framing, text, messages) in FORMS {
        let (mut client, mut peer) = connected_with(&format!("--framing {framing}"));
        let stdin = client.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        // They come while the input is still open.
        let mut received = vec![0; messages.len()];
        peer.read_exact(&mut received).unwrap();
        assert_eq!(received, messages, "{framing}");

        for byte in messages {
            peer.write_all(&[*byte]).unwrap();
        }
        for line in text.lines() {
            assert_eq!(client.stdout.line(), line, "{framing}");
        }
        drop(client.stdin.take());
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "{framing}: no half-close");
        peer.write_all(messages).unwrap();
        drop(peer);
        let ended = client.end();
        assert_eq!(ended.stdout, text.as_bytes(), "{framing}");
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{framing}"
        );
    }
}

#[test]
fn many_messages_come_back_from_a_real_server() {
    let mut server = Process::run("serve echo :0 --style blocking");
    let address = server.address();
    let text = (0..20_000).fold(String::new(), |text, number| {
        text + &format!("[{number}]\n")
    });
    for (framing, _, _) in FORMS {
        let mut client = Process::run(&format!("connect {address} --framing {framing}"));
        let mut stdin = client.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                stdin.write_all(text.as_bytes()).unwrap();
                drop(stdin);
            });
            client.stdout.rest()
        });
        assert!(output == text.as_bytes(), "{framing}: wrong lines");
        assert_eq!(client.end().code, Some(0), "{framing}");
    }
}

#[test]
fn a_client_waits_for_a_peer_that_reads_slowly() {
    let line = format!("\"{}\"\n", "x".repeat(999_998));
    let (mut client, mut peer) = connected_with("--framing netstring");
    let mut stdin = client.stdin.take().unwrap();
    let sent =
        std::thread::spawn(move || (0..20).all(|_| stdin.write_all(line.as_bytes()).is_ok()));
    // The peer talks before it reads, and that is seen while the client's output stands still.
    peer.write_all(b"5:early,").unwrap();
    assert_eq!(client.stdout.line(), "early");
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), 20 * (1_000_000 + "1000000:,".len()));
    assert!(sent.join().unwrap());
    drop(peer);
    assert_eq!(client.end().code, Some(0));
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(
        typed("netstring", b"a\r\n\nb"),
        (b"1:a,0:,1:b,".to_vec(), Some(0), String::new())
    );
    let ended = told("lines", b"a\r\n\nb");
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(0), b"a\n\nb\n".as_slice())
    );
}

#[test]
fn a_line_that_is_not_json_is_not_sent_and_named() {
    let advice = "(write one JSON text in each line)";
    for (line, cause) in [
        ("nonsense", "expected ident at column 2"),
        ("", "EOF while parsing a value at column 0"),
        ("[1] [2]", "trailing characters at column 5"),
        ("{\"a\": 1", "EOF while parsing an object at column 7"),
    ] {
        let (received, code, stderr) =
            typed("i32le-json", format!("{{}}\n{line}\n[]\n").as_bytes());
        assert_eq!(received, b"\x02\0\0\0{}", "what was right was sent");
        assert_eq!(code, Some(2));
        let sentence = format!("line 2 of standard input is not JSON: {cause} {advice}");
        assert_eq!(stderr, format!("socketserver: {sentence}\n"));
    }
}

#[test]
fn a_wrong_line_is_named_at_once_and_earlier_ones_are_still_answered() {
    let (mut client, mut peer) = connected_with("--framing i32le-json");
    let stdin = client.stdin.as_mut().unwrap();
    stdin.write_all(b"1\nnonsense\n").unwrap();
    let sentence = client.stderr.line();
    assert!(sentence.contains("line 2 of standard input"), "{sentence}");
    peer.read_to_end(&mut Vec::new()).unwrap();
    peer.write_all(b"\x01\0\0\x002").unwrap();
    drop(peer);
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice(), ended.stderr.as_str()),
        (Some(2), b"2\n".as_slice(), "")
    );
}

#[test]
fn a_wrong_line_counts_even_when_the_peer_breaks_off() {
    let (mut client, peer) = connected_with("--framing i32le-json");
    client.stdin.as_mut().unwrap().write_all(b"1\n").unwrap();
    // With something unread, closing is a reset.
    peer.peek(&mut [0]).unwrap();
    client.stdin.as_mut().unwrap().write_all(b"?\n").unwrap();
    client.stderr.line();
    drop(peer);
    let ended = client.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
}

#[test]
fn a_line_that_is_too_long_is_named_before_it_ends() {
    let (mut client, mut peer) = connected_with("--framing lines");
    let mut stdin = client.stdin.take().unwrap();
    // The line has no end, and the input none either.
    let typing = std::thread::spawn(move || while stdin.write_all(&[b'x'; 4096]).is_ok() {});
    peer.read_to_end(&mut Vec::new()).unwrap();
    drop(peer);
    let ended = client.end();
    typing.join().unwrap();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(2),
            "socketserver: line 1 of standard input is longer than 1048576 bytes (send it in parts)\n"
        )
    );
}

#[test]
fn what_a_peer_may_not_send_is_a_failure() {
    let announced = "and at most 1048576 are allowed";
    let other_order = "(is the peer's byte order the other one?)";
    for (framing, bytes, cause) in [
        (
            "i32le-json",
            b"\xff\xff\xff\x7f".as_slice(),
            format!("a message of 2147483647 bytes was announced, {announced} (does the peer use this framing?)"),
        ),
        (
            "i32le-json",
            b"\xff\xff\xff\xff",
            "a message of -1 bytes was announced, which is less than none (does the peer speak this protocol?)".into(),
        ),
        (
            "i32le-json",
            b"\0\0\0\x02[]",
            format!("a message of 33554432 bytes was announced, {announced} {other_order}"),
        ),
        (
            "i32le-json",
            b"\0\0\0\0",
            "a message is not JSON: EOF while parsing a value at column 0".into(),
        ),
        (
            "i32le-json",
            b"\x04\0\0\0\"\xff\x1b\"",
            "a message is not JSON: not UTF-8 at column 2".into(),
        ),
        (
            "u32be",
            b"HTTP/1.1 200 OK\r\n",
            format!("a message of 1213486160 bytes was announced, {announced} (does the peer use this framing?)"),
        ),
        (
            "netstring",
            b"\x1b[2J",
            "the length of a netstring has '\\x1b' where digits and a colon belong (does the peer speak this protocol?)".into(),
        ),
        (
            "netstring",
            b"2:abc,",
            "behind a netstring there is 'c' and not a comma (is the length right that the peer computes?)".into(),
        ),
        (
            "lines",
            &vec![b'x'; 2_000_000],
            "a message is longer than 1048576 bytes".into(),
        ),
    ] {
        let ended = told(framing, bytes);
        assert_eq!(ended.code, Some(1), "{framing}");
        let sentence = format!("socketserver: the peer broke the protocol: {cause}\n");
        assert_eq!(ended.stderr, sentence, "{framing}");
        assert_eq!(ended.stdout, b"", "{framing}");
    }
}

#[test]
fn messages_before_a_wrong_one_are_printed() {
    for (framing, bytes) in [
        ("i32le-json", b"\x01\0\0\x001\x01\0\0\0?".as_slice()),
        ("netstring", b"1:1,?"),
    ] {
        let ended = told(framing, bytes);
        assert_eq!(
            (ended.code, ended.stdout.as_slice()),
            (Some(1), b"1\n".as_slice())
        );
    }
}

#[test]
fn a_message_that_the_end_cuts_is_a_failure() {
    for (framing, _, messages) in FORMS.into_iter().skip(1) {
        let second = messages.len()
            - messages
                .iter()
                .rev()
                .position(|byte| *byte == b']')
                .unwrap();
        let second = second + usize::from(framing == "netstring");
        for cut in second + 1..messages.len() {
            let ended = told(framing, &messages[..cut]);
            assert_eq!(
                (ended.code, ended.stdout.as_slice()),
                (Some(1), b"[1]\n".as_slice())
            );
            let sentence = format!(
                "socketserver: the peer broke the protocol: the peer ended inside a message, after {} bytes of it \
                 (it must send messages whole before it closes)\n",
                cut - second
            );
            assert_eq!(ended.stderr, sentence, "{framing}, cut at {cut}");
        }
    }
}

#[test]
fn a_peer_cannot_drive_the_terminal() {
    let ended = told("netstring", b"12:a\x1b[2J\r\nb\0\x9b\t!,");
    assert_eq!(ended.stdout, b"a\\u{1b}[2J\\r\\nb\\u{0}\\x9b\t!\n");
    let ended = told("i32le-json", b"\x07\0\0\0[\"\xc2\x9b\"\n]");
    assert_eq!(ended.stdout, b"[\"\\u{9b}\"\\n]\n");
    let ended = told("lines", b"a\rb\x07\n");
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(0), b"a\\rb\\u{7}\n".as_slice())
    );
}

#[test]
fn the_environment_can_name_the_framing() {
    let mut server = Process::run("serve echo :0");
    let address = server.address();
    let mut command = crate::process::command(["connect", &address]);
    let mut client = Process::start(command.env("SOCKETSERVER_FRAMING", "i32le-json"));
    client.stdin.take().unwrap().write_all(b"[]").unwrap();
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice()),
        (Some(0), b"[]\n".as_slice())
    );
    // The server is still well.
    let socket = dial(&address);
    socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!((&socket).read(&mut [0]).unwrap(), 0);
}
