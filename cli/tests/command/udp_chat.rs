//! `udp-chat`: datagrams to and from anybody, at once.

use std::fmt::Write as _;
use std::io::pipe;
use std::net::UdpSocket;
use std::thread;

use rustix::process::Signal;

use crate::datagrams::{receive, udp_socket};
use crate::process::{Process, command};
use crate::usage::fails;

/// A chatter with options, and its address as HOST:PORT.
pub(crate) fn chatter(options: &str) -> (Process, String) {
    let bind = if options.contains("--bind") {
        ""
    } else {
        "--bind 127.0.0.1:0"
    };
    let mut chatter = Process::run(&format!("udp-chat {bind} {options}"));
    let address = chatter.address();
    let address = address.strip_prefix("udp://").unwrap().to_owned();
    (chatter, address)
}

#[test]
fn two_of_them_talk_both_ways() {
    let (mut anna, from_anna) = chatter("");
    let (mut otto, from_otto) = chatter("");
    anna.types(format!("@{from_otto} hello, grüße 你好"));
    assert_eq!(
        otto.stdout.line(),
        format!("[1] {from_anna}: hello, grüße 你好")
    );
    otto.types("good day");
    assert_eq!(otto.stderr.line(), format!("to [1] {from_anna}"));
    assert_eq!(anna.stdout.line(), format!("[1] {from_otto}: good day"));
    anna.types("@1 //");
    assert_eq!(otto.stdout.line(), format!("[1] {from_anna}: //"));
    anna.types("//quit @@");
    assert_eq!(otto.stdout.line(), format!("[1] {from_anna}: /quit @@"));
    anna.types("@@1");
    assert_eq!(otto.stdout.line(), format!("[1] {from_anna}: @1"));
    anna.types("");
    anna.types("@1");
    assert_eq!(
        otto.stdout.line(),
        format!("[1] {from_anna}:"),
        "an empty datagram, and only one"
    );
    for mut chatter in [anna, otto] {
        chatter.types("/quit");
        let ended = chatter.end();
        assert_eq!(
            (ended.code, ended.stderr.as_str(), ended.stdout),
            (Some(0), "", Vec::new())
        );
    }
}

#[test]
fn text_goes_to_whoever_was_last() {
    let (mut chatter, address) = chatter("");
    let (first, from_first) = udp_socket();
    let (second, from_second) = udp_socket();
    for (number, socket, from) in [(1, &first, from_first), (2, &second, from_second)] {
        socket.send_to(b"hello", &address).unwrap();
        assert_eq!(chatter.stdout.line(), format!("[{number}] {from}: hello"));
    }
    chatter.types("to the one that was heard last");
    assert_eq!(receive(&second).0, b"to the one that was heard last");
    chatter.types("@1 to the other");
    assert_eq!(receive(&first).0, b"to the other");
    chatter.types("again");
    assert_eq!(receive(&first).0, b"again");
    chatter.types("/peers");
    let notes = [(); 3].map(|()| chatter.stderr.line());
    assert_eq!(
        notes,
        [
            format!("to [2] {from_second}"),
            format!("[1] {from_first}"),
            format!("[2] {from_second}")
        ]
    );
}

#[test]
fn a_long_datagram_arrives_whole_or_is_marked_with_its_size() {
    let text = "0123456789".repeat(200);
    let (mut whole, to_whole) = chatter("");
    let (mut cutting, to_cutting) = chatter("--max-datagram 100");
    let (mut sender, from) = chatter("");
    sender.types(format!("@{to_whole} {text}"));
    assert_eq!(whole.stdout.line(), format!("[1] {from}: {text}"));
    sender.types(format!("@{to_cutting} {text}"));
    let line = format!("[1] {from}: {} (cut: 100 of 2000 bytes)", &text[..100]);
    assert_eq!(cutting.stdout.line(), line);
}

#[test]
fn what_comes_can_neither_drive_a_terminal_nor_pretend_to_be_another_line() {
    let (mut chatter, address) = chatter("");
    let (socket, from) = udp_socket();
    for (datagram, shown) in [
        (b"\x1b[2J\x07bell".as_slice(), "\\u{1b}[2J\\u{7}bell"),
        (b"a\n[9] 192.0.2.1:1: b\n", "a\\n[9] 192.0.2.1:1: b"),
        (b"not \xff\xe4\xbd UTF-8\r\n", "not \\xff\\xe4\\xbd UTF-8"),
        (b"\r\x9b31m\0", "\\r\\x9b31m\\u{0}"),
    ] {
        socket.send_to(datagram, &address).unwrap();
        assert_eq!(chatter.stdout.line(), format!("[1] {from}: {shown}"));
    }
}

#[test]
fn a_line_that_cannot_be_sent_is_said_and_the_next_one_goes_on() {
    let (mut chatter, _) = chatter("");
    let (socket, to) = udp_socket();
    let long = "x".repeat(65_508);
    let huge = "x".repeat(200_000);
    for (line, sentence) in [
        (
            "hello",
            "nobody was spoken to or heard from yet: write @HOST:PORT text",
        ),
        (
            "@7 hi",
            "there is no peer 7: /peers lists those that are known",
        ),
        (
            "@nobody hi",
            "'nobody' is neither the number of a peer nor HOST:PORT",
        ),
        (
            "@\x1b:1:2 hi",
            "'\\u{1b}:1:2' is neither the number of a peer nor HOST:PORT",
        ),
        (
            "@127.0.0.1:70000 hi",
            "'127.0.0.1:70000' is neither the number of a peer nor HOST:PORT",
        ),
        (
            "@127.0.0.1:0 hi",
            "nothing can be sent to port 0 (write a port from 1 to 65535)",
        ),
        (
            "/quite",
            "'/quite' is not a command: write /peers, /help or /quit, or //quite to send it",
        ),
        (
            "@127.255.255.255:9 hi",
            "cannot send to 127.255.255.255:9: permission denied (a broadcast address needs --broadcast)",
        ),
        (
            &format!("@{to} {long}"),
            "cannot send a datagram: it has 65508 bytes, and 65507 is the most (send it in parts)",
        ),
        (
            &huge,
            "line 10 of standard input has 200000 bytes, which no datagram can carry (send it in parts)",
        ),
    ] {
        chatter.types(line);
        assert_eq!(chatter.stderr.line(), format!("socketserver: {sentence}"));
    }
    chatter.types(format!("@{to} still here"));
    assert_eq!(receive(&socket).0, b"still here");
    chatter.types("@[::1]:9 hi");
    let line = chatter.stderr.line();
    assert!(
        line.contains("cannot send to [::1]:9, an IPv6 address, from udp://127.0.0.1:"),
        "{line}"
    );
    chatter.types("/quit");
    assert_eq!(
        chatter.end().code,
        Some(1),
        "nobody has typed it, so the code must tell"
    );
}

#[test]
fn commands_are_answered_on_standard_error() {
    let (mut chatter, _) = chatter("");
    chatter.types("/peers");
    assert_eq!(
        chatter.stderr.line(),
        "nobody was spoken to or heard from yet"
    );
    chatter.types("/help");
    let mut help = String::new();
    for _ in 0..6 {
        writeln!(help, "{}", chatter.stderr.line()).unwrap();
    }
    for word in ["@HOST:PORT text", "@N text", "/peers", "/quit", "//text"] {
        assert!(help.contains(word), "{help}");
    }
    chatter.types("/quit");
    let ended = chatter.end();
    assert_eq!(
        (ended.code, ended.stdout, ended.stderr.as_str()),
        (Some(0), Vec::new(), "")
    );
}

#[test]
fn after_the_end_of_the_input_answers_are_waited_for() {
    let (mut chatter, _) = chatter("");
    let (socket, to) = udp_socket();
    chatter.types(format!("@{to} question"));
    chatter.types_no_more();
    let (_, peer) = receive(&socket);
    for answer in ["one", "two"] {
        socket.send_to(answer.as_bytes(), peer).unwrap();
        assert_eq!(chatter.stdout.line(), format!("[1] {to}: {answer}"));
    }
    assert_eq!(chatter.end().code, Some(0), "silence is the end");

    let ended = Process::start(
        command(["udp-chat", "--bind", ":0", "--wait", "0s"]).stdin(std::process::Stdio::null()),
    )
    .end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupt_a_closed_output_and_a_broken_input_end_it() {
    let (waiting, _) = chatter("");
    waiting.signal(Signal::INT);
    assert_eq!(waiting.end().code, Some(130));

    let folder = std::fs::File::open("/").unwrap();
    let ended = Process::start(command(["udp-chat", "--bind", ":0"]).stdin(folder)).end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "socketserver: cannot read standard input: is a directory\n"
        )
    );

    // A port that is free now, since nobody can read which one was chosen.
    let (socket, to) = udp_socket();
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let bind = format!("127.0.0.1:{port}");
    let mut chatter = Process::start(command(["udp-chat", "--bind", &bind]).stdout(writer));
    chatter.types(format!("@{to} hello"));
    let (_, peer) = receive(&socket);
    // More than once, since a process that another test is just starting may still hold the pipe for a moment.
    let ending = thread::spawn(move || chatter.end());
    while !ending.is_finished() {
        let _ = socket.send_to(b"nobody reads this", peer);
        thread::yield_now();
    }
    let ended = ending.join().unwrap();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_is_sent_to_a_group_reaches_all_its_members() {
    const GROUP: &str = "239.255.19.2";
    let options = format!("--reuse-port --multicast {GROUP}@127.0.0.1");
    let (mut first, address) = chatter(&format!("--bind 0.0.0.0:0 {options}"));
    let port = address.strip_prefix("0.0.0.0:").unwrap();
    let (mut second, _) = chatter(&format!("--bind 0.0.0.0:{port} {options}"));
    let (mut stranger, from) = chatter("");
    stranger.types(format!("@{GROUP}:{port} hello, all"));
    for member in [&mut first, &mut second] {
        assert_eq!(member.stdout.line(), format!("[1] {from}: hello, all"));
    }
    // Members speak as well, and hear what they say themselves; text goes on to the group although others were heard.
    first.types(format!("@{GROUP}:{port} one"));
    first.types("two");
    for member in [&mut first, &mut second] {
        for text in ["one", "two"] {
            let line = member.stdout.line();
            assert!(
                line.ends_with(&format!("127.0.0.1:{port}: {text}")),
                "{line}"
            );
        }
    }
}

#[test]
fn a_broadcast_reaches_whoever_is_bound_to_all_addresses() {
    let (mut hearing, address) = chatter("--bind 0.0.0.0:0");
    let port = address.strip_prefix("0.0.0.0:").unwrap();
    let (mut speaking, from) = chatter("--broadcast");
    speaking.types(format!("@127.255.255.255:{port} hello, all"));
    assert_eq!(hearing.stdout.line(), format!("[1] {from}: hello, all"));
}

#[test]
fn ipv4_and_ipv6_peers_are_reached_through_one_socket() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let (mut both, address) = chatter("--bind [::]:0");
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    let (socket, to) = udp_socket();
    both.types(format!("@{to} hello"));
    let (text, peer) = receive(&socket);
    assert_eq!(
        (text.as_slice(), peer.port().to_string()),
        (b"hello".as_slice(), port)
    );
    socket.send_to(b"answer", peer).unwrap();
    assert_eq!(both.stdout.line(), format!("[1] {to}: answer"));
}

#[test]
fn what_is_wrong_with_the_place_is_said() {
    fails(
        "udp-chat --bind tcp://127.0.0.1:1",
        2,
        "'tcp://127.0.0.1:1' is not an address for datagrams: write HOST:PORT, :PORT or udp://HOST:PORT (in --bind)",
    );
    fails(
        "udp-chat --multicast 239.1.2.3",
        2,
        "udp://127.0.0.1:7890 cannot receive what is sent to the group 239.1.2.3: write udp://0.0.0.0:7890 instead",
    );
    let (_socket, address) = udp_socket();
    fails(
        &format!("udp-chat --bind {address}"),
        4,
        &format!(
            "cannot bind udp://{address}: address already in use \
             (another server listens there: stop it or choose another port; port 0 picks a free one)"
        ),
    );
}
