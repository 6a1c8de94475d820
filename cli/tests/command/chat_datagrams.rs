//! `chat` and `udp-chat --join` with datagrams: the round trip of the cookie, and the cookie before each line.

use std::net::{SocketAddr, UdpSocket};

use crate::datagrams::{receive, udp_socket};
use crate::process::Process;
use crate::usage::fails;

/// A server that says what a test wants it to.
struct Server {
    socket: UdpSocket,
    address: String,
}

impl Server {
    fn new() -> Self {
        let (socket, address) = udp_socket();
        Self {
            socket,
            address: address.to_string(),
        }
    }

    fn client(&self, options: &str) -> Process {
        Process::run(&format!("chat udp://{} --nick ann {options}", self.address))
    }

    /// Receives a line, and says from whom.
    fn hears(&self, expected: &str) -> SocketAddr {
        let (line, from) = receive(&self.socket);
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        from
    }

    fn tells(&self, line: &str, to: SocketAddr) {
        self.socket.send_to(line.as_bytes(), to).unwrap();
    }

    /// Lets a client in.
    fn lets_in(&self) -> SocketAddr {
        let client = self.hears("/nick ann");
        self.tells("/nick ann a1B2c3D4e5", client);
        assert_eq!(self.hears("/nick ann a1B2c3D4e5"), client);
        self.tells("-- Hello, ann. You are in lobby.", client);
        client
    }
}

#[test]
fn each_line_is_a_datagram_behind_the_cookie() {
    let server = Server::new();
    let mut client = server.client("--room rust");
    let from = server.lets_in();
    assert_eq!(client.stdout.line(), "-- Hello, ann. You are in lobby.");
    server.hears("a1B2c3D4e5 /join rust");
    client.types("hello, 你好");
    server.hears("a1B2c3D4e5 hello, 你好");
    server.tells("[lobby] bob: hi\x1b[2J\n", from);
    assert_eq!(client.stdout.line(), "[lobby] bob: hi");
    client.types_no_more();
    server.hears("a1B2c3D4e5 /quit");
    server.tells("-- Bye.", from);
    // Nothing tells the end but silence.
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout.as_slice(), ended.stderr.as_str()),
        (Some(0), b"-- Bye.\n".as_slice(), "")
    );
}

#[test]
fn what_is_not_answered_is_sent_again() {
    let server = Server::new();
    let mut client = server.client("");
    server.hears("/nick ann");
    let from = server.hears("/nick ann");
    // Neither is a cookie of ours.
    server.tells("/nick bob x", from);
    server.hears("/nick ann");
    server.tells("/nick ann a b", from);
    server.hears("/nick ann");
    server.tells("/nick ann cookie", from);
    server.hears("/nick ann cookie");
    server.hears("/nick ann cookie");
    // A copy that was late.
    server.tells("/nick ann cookie", from);
    server.tells("-- Hello, ann.", from);
    assert_eq!(client.stdout.line(), "-- Hello, ann.");
    client.types("here");
    while receive(&server.socket).0 != b"cookie here" {}
}

#[test]
fn a_refused_name_and_a_server_that_is_no_chat() {
    let server = Server::new();
    let client = server.client("");
    let from = server.hears("/nick ann");
    server.tells("/nick ann cookie", from);
    server.hears("/nick ann cookie");
    server.tells("!! ann is somebody else", from);
    let ended = client.end();
    assert_eq!(ended.code, Some(8), "{}", ended.stderr);

    let silent = Server::new();
    fails(
        &format!("chat udp://{} --nick ann", silent.address),
        3,
        &format!(
            "cannot enter the chat at udp://{}: no cookie comes (is it a chat?)",
            silent.address
        ),
    );
    let address = silent.address.clone();
    drop(silent);
    fails(
        &format!("chat udp://{address} --nick ann"),
        3,
        &format!(
            "cannot connect to udp://{address}: connection refused (no server receives there)"
        ),
    );
}

#[test]
fn the_chatter_joins_the_chats_that_it_speaks_to() {
    let server = Server::new();
    let mut chatter = Process::run("udp-chat --bind :0 --join ann");
    chatter.address();
    for line in ["hello, 你好", "/join rust"] {
        // The number is that of the first peer, which is spoken to at once.
        chatter.types(format!("@{} {line}", server.address));
    }
    let from = server.hears("/nick ann");
    // As if the first one had been lost.
    server.hears("/nick ann");
    server.tells("/nick ann a1B2c3D4e5", from);
    while receive(&server.socket).0 != b"/nick ann a1B2c3D4e5" {}
    server.tells("-- Hello, ann.", from);
    server.hears("a1B2c3D4e5 hello, 你好");
    server.hears("a1B2c3D4e5 /join rust");
    let address = &server.address;
    assert_eq!(
        chatter.stdout.line(),
        format!("[1] {address}: -- Hello, ann.")
    );
    chatter.types("//me waves");
    server.hears("a1B2c3D4e5 /me waves");
    // Others are spoken to as before.
    let other = Server::new();
    other.tells("no chat", from);
    assert_eq!(
        chatter.stdout.line(),
        format!("[2] {}: no chat", other.address)
    );
    chatter.types("/quit");
    while receive(&server.socket).0 != b"a1B2c3D4e5 /quit" {}
    assert_eq!(chatter.end().code, Some(0));
}

#[test]
fn the_chatter_says_that_it_was_not_let_in() {
    let server = Server::new();
    let mut chatter = Process::run("udp-chat --bind :0 --join ann");
    chatter.address();
    chatter.types(format!("@{} hello", server.address));
    let from = server.hears("/nick ann");
    server.tells("/nick ann c", from);
    while receive(&server.socket).0 != b"/nick ann c" {}
    server.tells("!! ann is somebody else", from);
    let address = &server.address;
    assert_eq!(
        chatter.stderr.line(),
        format!(
            "socketserver: the chat at {address} lets nobody of this name in, and what waited for it was not sent (see --join)"
        )
    );
    assert_eq!(
        chatter.stdout.line(),
        format!("[1] {address}: !! ann is somebody else")
    );
    fails(
        "udp-chat --join=",
        2,
        "'' cannot be a name, which is one word (in --join)",
    );
}

#[test]
#[ignore = "it takes a minute"]
fn a_client_that_has_nothing_to_say_is_kept() {
    let server = Server::new();
    let mut client = server.client("");
    let from = server.lets_in();
    server.socket.set_read_timeout(None).unwrap();
    for number in 0..3 {
        server.tells(&format!("[lobby] bob: {number}"), from);
        client.stdout.line_with(&["[lobby]"]);
        server.hears("a1B2c3D4e5");
    }
}
