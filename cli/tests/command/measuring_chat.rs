//! `load` and `compare` with a chat: what they print, refuse and end with. What they find is tested where it is measured.

use std::thread;

use serde_json::Value;
use socketserver::{
    Bytes, Conn, Group, Handler, HandlerError, Input, Mode, Server, SlowMember, StopHandle,
    TcpServer,
};

use crate::process::{Ended, Process};

/// The line door of a chat with a single room, which loses what ends with a certain letter. It is cut when the test is over.
struct Hall {
    address: String,
    stop: StopHandle,
}

impl Hall {
    fn start(lost: Option<u8>) -> Self {
        let group = Group::new(SlowMember::Disconnect);
        let server = TcpServer::bind("127.0.0.1:0").unwrap();
        let server = server.mode(Mode::Reactor { loops: 1 });
        let address = server.addresses()[0].to_string();
        let stop = server.stop_handle();
        thread::spawn(move || {
            server.serve_forever(move |_peer| Visitor {
                group: group.clone(),
                lost,
                name: String::new(),
                room: None,
            })
        });
        Self { address, stop }
    }
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.stop.cut();
    }
}

struct Visitor {
    group: Group,
    lost: Option<u8>,
    name: String,
    room: Option<String>,
}

impl Visitor {
    fn line(&mut self, line: &str, conn: &mut Conn<'_>) {
        let name = &self.name;
        match &self.room {
            None if name.is_empty() => {
                line.clone_into(&mut self.name);
                conn.write(format!("-- Hello, {line}. You are in lobby.\n").as_bytes());
            }
            None => {
                let room = line.strip_prefix("/join ").unwrap_or_default().to_owned();
                self.group.join(conn);
                let joined = format!("[{room}] -- {name} has joined\n");
                self.group.broadcast(joined.into_bytes());
                conn.write(format!("-- You are in {room}.\n").as_bytes());
                self.room = Some(room);
            }
            Some(room) if self.lost.is_none() || line.as_bytes().last().copied() != self.lost => {
                let said = Bytes::from(format!("[{room}] {name}: {line}\n"));
                self.group.broadcast_except(&conn.remote(), said);
            }
            Some(_) => {}
        }
    }
}

impl Handler for Visitor {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"-- Welcome. What is your name?\n");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8(input.take(end + 1)[..end].to_vec())?;
            self.line(&line, conn);
        }
        Ok(())
    }
}

fn stdout(ended: &Ended) -> String {
    String::from_utf8(ended.stdout.clone()).unwrap()
}

#[test]
fn a_load_of_chat_prints_what_was_delivered() {
    let hall = Hall::start(None);
    for form in ["", "--rate 500", "--window 4 --active 3 --size 200"] {
        let words = format!(
            "load {} --handler chat --conns 5 --stuck 2 --duration 600ms {form}",
            hall.address
        );
        let ended = Process::run(&words).end();
        assert_eq!(ended.code, Some(0), "{words}: {ended:?}");
        let head = format!("5 members of a chat at {}, ", hall.address);
        assert!(ended.stderr.contains(&head), "{ended:?}");
        let text = stdout(&ended);
        for name in [
            "deliveries  ",
            ", each to 4 others\n",
            "p50 ",
            "p99.9 ",
            "max ",
            " of 2 were cut by the server\n",
            " deliveries a second",
        ] {
            assert!(text.contains(name), "{words}: {name} is missing in {text}");
        }
        let json = Process::run(&format!("{words} --json --quiet")).end();
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["handler"], "chat");
        assert_eq!(json["errors"], serde_json::json!({}));
        // How soon is for the server and the system to say.
        assert!(json["chat"]["stuck_cut"].as_u64().unwrap() <= 2);
        let messages = json["chat"]["messages"].as_u64().unwrap();
        let deliveries = json["served"].as_u64().unwrap();
        assert!(messages > 0 && deliveries > messages, "{json}");
        if form == "--rate 500" {
            assert_eq!(json["offered"], deliveries, "{json}");
        }
    }
}

#[test]
fn a_message_that_does_not_come_ends_with_a_code_that_says_so() {
    let hall = Hall::start(Some(b'a'));
    let words = format!(
        "load {} --handler chat --conns 3 --rate 1000 --duration 200ms --quiet",
        hall.address
    );
    let ended = Process::run(&words).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let what = "something was wrong with the answers: message ";
    assert!(ended.stderr.contains(what), "{ended:?}");
    assert!(
        ended.stderr.contains(" of member 0 never came to member 1"),
        "{ended:?}"
    );
    assert!(stdout(&ended).contains("error       lost: "), "{ended:?}");
}

#[test]
fn a_server_that_is_no_chat_is_told() {
    let mut server = Process::run("serve echo :0 --quiet");
    let address = server.address();
    let words = format!("load {address} --handler chat --connect-timeout 200ms --quiet");
    let ended = Process::run(&words).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        ended.stderr,
        "socketserver: no chat comes about: not all members were let in within 200ms\n"
    );
}

#[test]
fn modes_of_a_chat_are_compared() {
    let ended = Process::run(
        "compare chat --modes reactor,threads --conns 3,20 --stuck 1 --rounds 2 --duration 100ms --warm-up 20ms --quiet \
         --fail-if reactor.served-per-cpu-second<1",
    );
    let ended = ended.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = stdout(&ended);
    for word in ["chat over tcp", "deliveries", "/cpu-s", "reactor again"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn what_a_chat_does_not_have_is_refused_in_one_sentence() {
    for (words, sentence) in [
        (
            "load :1 --handler chat --conns 1 --stuck 3",
            "a chat needs at least two members that read: one speaks, and another one hears it",
        ),
        (
            "load :1 --handler chat --active 0",
            "a load needs at least one connection that speaks",
        ),
        (
            "load :1 --handler chat --churn",
            "members of a chat stay until the end: churn is for messages",
        ),
        (
            "load udp://127.0.0.1:1 --handler chat",
            "a chat is measured through its line door: use TCP or Unix sockets",
        ),
        (
            "load :1 --handler chat --size 25",
            "has at least 26 bytes: send larger messages",
        ),
        (
            "load :1 --handler chat --size 2001",
            "a line of a chat has at most 2000 bytes: send smaller messages",
        ),
        (
            "load :1 --handler chat:5ms",
            "'chat:5ms' cannot be measured: write ",
        ),
        (
            "compare chat --conns 1,10",
            "at least two members that read",
        ),
        (
            "compare chat --transport udp",
            "a chat is measured through its line door",
        ),
        (
            "compare chat --churn",
            "members of a chat stay until the end",
        ),
        (
            "compare chat --modes reactor,serial --conns 10",
            "serial serves 1 at a time, and a chat has 10 members at once: leave it out of --modes",
        ),
        (
            "compare chat --modes pool:8 --conns 8 --stuck 1",
            "pool:8 serves 8 at a time, and a chat has 9 members at once: leave it out of --modes",
        ),
        (
            "compare chat --styles blocking",
            "a chat is served with callbacks only: leave --styles out",
        ),
        (
            "compare chat --peers tokio",
            "the servers of --peers do not serve a chat: leave the peers out",
        ),
        (
            "compare chat --fail-if reactor.throughput<1MB/s",
            "chat transfers no files, compare files with it",
        ),
    ] {
        let ended = Process::run(words).end();
        assert_eq!(ended.code, Some(2), "{words}: {ended:?}");
        assert!(ended.stderr.contains(sentence), "{words}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{words}: {}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}
