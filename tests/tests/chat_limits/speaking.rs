//! What members at the datagram door say and hear, and how they leave.

use std::time::Duration;

use socketserver::{Config, Mode};
use socketserver_tests::{Case, DatagramCase, Style, Transport};

use crate::people::{Person, Sender, chat, receive, receive_with, serve, slow_chat};

socketserver_tests::datagram_matrix! {
    all: texts_of_every_script_come_whole, what_is_too_long_or_no_text_is_refused, what_is_too_fast_is_dropped_and_told_once,
        a_cookie_alone_says_nothing, who_is_silent_has_left, commands_are_those_of_the_line_door, everybody_is_told_that_the_server_stops,
        both_doors_lead_to_the_same_rooms;
}

fn texts_of_every_script_come_whole(case: &DatagramCase) {
    let server = receive(case, &chat());
    let mut bob = Sender::enter(&server, "bob");
    let mut ann = Sender::enter(&server, "ann");
    bob.all();
    for text in [
        "hello",
        "Grüße, 世界 👋🏽, привет, مرحبا",
        "two  spaces and a NBSP\u{a0}",
        &"x".repeat(2_000),
        &"é".repeat(1_000),
        &"世".repeat(666),
    ] {
        ann.say(text);
        bob.hears(&format!("[lobby] ann: {}", text.trim()));
        ann.say(&format!("/msg bob {text}"));
        bob.hears(&format!("[ann -> you] {}", text.trim()));
    }
    for (sent, heard) in [
        ("with an end\r\n", "with an end"),
        ("\t  around\t ", "around"),
        (
            "several\nlines\r\n[lobby] eve: x",
            "severallines[lobby] eve: x",
        ),
        ("//path", "/path"),
    ] {
        ann.say(sent);
        bob.hears(&format!("[lobby] ann: {heard}"));
    }
    ann.all();
    assert!(ann.received.iter().all(|bytes| !bytes.contains(&b'\n')));
    server.stop();
}

fn what_is_too_long_or_no_text_is_refused(case: &DatagramCase) {
    let server = receive(case, &chat());
    let mut bob = Sender::enter(&server, "bob");
    let mut ann = Sender::enter(&server, "ann");
    bob.all();
    for length in [2_001, 2_129, 10_000, 60_000] {
        ann.say(&"x".repeat(length));
        let line = ann.line();
        assert!(line.starts_with("!! that has "), "{line}");
        assert!(line.len() < 200, "{line}");
    }
    for bytes in [
        b"\xff".as_slice(),
        b"hello \xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
    ] {
        ann.caller
            .send([ann.cookie.as_bytes(), b" ", bytes].concat());
        assert!(ann.line().starts_with("!! that is not UTF-8"));
    }
    ann.say("\u{1b}[2J\u{200b}");
    assert!(ann.line().starts_with("!! there is nothing in it"));
    ann.say("here I am");
    bob.hears("[lobby] ann: here I am");
    assert_eq!(bob.all(), [""; 0]);
    server.stop();
}

fn what_is_too_fast_is_dropped_and_told_once(case: &DatagramCase) {
    // A token in an hour, so that none comes back while this runs.
    let chat = slow_chat("1/h:4");
    let server = receive(case, &chat);
    let mut ann = Sender::enter(&server, "ann");
    ann.hears("-- You are an operator here.");
    for text in ["one", "two", "three", "four", "five", "/help", "/quit"] {
        ann.say(text);
        // What is alone costs nothing.
        ann.say("");
    }
    ann.caller.send("/nick fence");
    ann.hears("!! that came too fast, and is lost (wait a second, and say it again)");
    assert!(ann.line().starts_with("/nick fence "));
    let stats = chat.hub().stats();
    assert_eq!((stats.said, stats.members), (3, 1));
    server.stop();
}

fn a_cookie_alone_says_nothing(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let mut bob = Sender::enter(&server, "bob");
    let mut ann = Sender::enter(&server, "ann");
    ann.all();
    bob.all();
    for end in ["", " ", "\n", " \r\n", "\t"] {
        ann.caller.send(format!("{}{end}", ann.cookie));
    }
    ann.say("hello");
    bob.hears("[lobby] ann: hello");
    assert_eq!(ann.all(), [""; 0]);
    server.stop();
}

fn who_is_silent_has_left(case: &DatagramCase) {
    let chat = chat();
    let lines = Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::Unix,
    };
    let lines = serve(&lines, &chat);
    let mut witness = Person::enter(&lines, "witness");
    let config = Config {
        peer_idle_timeout: Some(Duration::from_millis(50)),
        ..case.config()
    };
    let server = receive_with(case, &chat, config);
    let caller = server.caller();
    let join = caller.ask_text("/nick ann");
    assert!(caller.ask_text(&join).starts_with("-- Hello, ann. "));
    witness.until("[lobby] -- ann has joined");
    // To be spoken to is not to speak.
    witness.say("are you there?");
    witness.hears("[lobby] -- ann has left (was silent for too long)");
    assert_eq!(chat.hub().stats().members, 1);
    drop(witness);
    server.until("it to be closed", |stats| {
        stats.closed.contains_key("idle_timeout")
    });
    server.stop();
}

fn commands_are_those_of_the_line_door(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let mut bob = Sender::enter(&server, "bob");
    let mut ann = Sender::enter(&server, "ann");
    bob.all();
    ann.say("/me waves");
    bob.hears("[lobby] * ann waves");
    ann.say("/join den secret");
    ann.hears("-- You are in den.");
    ann.hears("-- You are an operator here.");
    ann.say("/key secret");
    ann.until("-- Who does not know the key");
    bob.say("/join den");
    assert!(bob.line().starts_with("!! den has a key"));
    bob.say("/join den secret");
    bob.hears("-- You are in den.");
    ann.hears("[den] -- bob has joined");
    ann.say("/kick bob too loud");
    bob.hears("[den] -- ann has removed bob (too loud)");
    ann.hears("-- You have removed bob.");
    ann.say("/away for lunch");
    ann.hears("-- You are away.");
    bob.hears("[lobby] -- ann is away: for lunch");
    bob.say("/msg ann hungry");
    bob.hears("[you -> ann] hungry");
    bob.hears("-- ann is away: for lunch");
    ann.hears("[bob -> you] hungry");
    bob.say("/nonsense");
    assert!(bob.line().starts_with("!! there is no such command"));
    bob.say("/quit going home");
    bob.hears("-- Bye.");
    ann.hears("[lobby] -- bob has left (going home)");
    server.until("it to be forgotten", |stats| stats.live == 1);
    server.stop();
}

fn everybody_is_told_that_the_server_stops(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let mut people: Vec<_> = ["ann", "bob", "eve"]
        .into_iter()
        .map(|name| Sender::enter(&server, name))
        .collect();
    for person in &mut people {
        person.all();
    }
    let report = server.stop();
    for person in &mut people {
        person.hears("-- The server stops. Bye.");
    }
    assert_eq!(report.cut, 0);
    assert_eq!(chat.hub().stats().members, 0);
}

fn both_doors_lead_to_the_same_rooms(case: &DatagramCase) {
    let chat = chat();
    let door = Case {
        mode: case.mode,
        style: Style::Events,
        transport: Transport::TcpV4,
    };
    let lines = serve(&door, &chat);
    let datagrams = receive(case, &chat);
    let mut persons: Vec<_> = ["ann", "eve"]
        .into_iter()
        .take(if door.is_concurrent() { 2 } else { 1 })
        .map(|name| Person::enter(&lines, name))
        .collect();
    let mut senders = ["bob", "joe"].map(|name| Sender::enter(&datagrams, name));
    for person in &mut persons {
        person.until("[lobby] -- joe has joined");
    }
    for sender in &mut senders {
        sender.all();
    }
    let others = persons.len() + senders.len() - 1;
    // What each of them hears, who never hears himself: the lines of the others in the same order.
    let mut heard = vec![Vec::new(); others + 1];
    for round in 0..20 {
        for person in &mut persons {
            person.say(&format!("line {round}"));
        }
        for sender in &senders {
            sender.say(&format!("datagram {round}"));
        }
        for _ in 0..others {
            let own = persons.iter_mut().map(Person::line);
            let lines: Vec<_> = own.chain(senders.iter_mut().map(Sender::line)).collect();
            for (heard, line) in heard.iter_mut().zip(lines) {
                heard.push(line);
            }
        }
    }
    let names = ["ann", "eve"].into_iter().take(persons.len());
    let names: Vec<_> = names.chain(["bob", "joe"]).collect();
    for (one, first) in names.iter().zip(&heard) {
        for (other, second) in names.iter().zip(&heard) {
            let [first, second] = [first, second].map(|lines| {
                let third = |line: &&String| {
                    [one, other]
                        .iter()
                        .all(|name| !line.starts_with(&format!("[lobby] {name}: ")))
                };
                lines.iter().filter(third).collect::<Vec<_>>()
            });
            assert_eq!(first, second, "{one} and {other}");
        }
        for speaker in names.iter().filter(|name| *name != one) {
            let beginning = format!("[lobby] {speaker}: ");
            let said = first.iter().filter(|line| line.starts_with(&beginning));
            let numbers: Vec<_> = said
                .map(|line| line.rsplit_once(' ').expect("a number").1.to_owned())
                .collect();
            let expected: Vec<_> = (0..20).map(|round| round.to_string()).collect();
            assert_eq!(numbers, expected, "{one} hears {speaker}");
        }
    }
    persons[0].say("/msg bob only you");
    persons[0].hears("[you -> bob] only you");
    senders[0].hears("[ann -> you] only you");
    senders[0].say("/msg ann you, too");
    persons[0].hears("[bob -> you] you, too");
    senders[0].hears("[you -> ann] you, too");
    senders[1].say("/quit");
    persons[0].hears("[lobby] -- joe has left");
    senders[0].hears("[lobby] -- joe has left");
    lines.stop_handle().stop();
    for person in &mut persons {
        person.until("-- The server stops. Bye.");
    }
    drop(persons);
    lines.stop();
    // Who is left is not told of those who were told to go.
    assert_eq!(senders[0].all(), [""; 0]);
    assert_eq!(chat.hub().stats().members, 1);
    datagrams.stop();
}
