//! The datagram door: nobody is a member who has not brought back a cookie, and nothing is kept of him.

use std::collections::HashSet;
use std::time::Duration;

use socketserver::Config;
use socketserver_tests::{Caller, DatagramCase};

use crate::people::{Sender, chat, receive, receive_with, slow_chat};

socketserver_tests::datagram_matrix! {
    all: a_cookie_goes_there_and_back, nothing_is_kept_before_it, nobody_is_sent_more_than_he_may_be,
        only_the_own_cookie_is_good, what_has_no_cookie_says_nothing_and_ends_nothing, a_name_that_cannot_be_had_is_refused,
        the_same_join_again_changes_nothing, another_join_begins_anew, a_join_that_comes_too_fast_ends_nothing, a_name_is_cleaned_before_it_goes_back;
    udp: many_senders_leave_nothing;
}

fn a_cookie_goes_there_and_back(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let caller = server.caller();
    let answer = caller.ask_text("/nick ann\n");
    let (asked, cookie) = answer.rsplit_once(' ').expect("there is a cookie");
    assert_eq!(asked, "/nick ann");
    assert_eq!(cookie.len(), 10, "{cookie}");
    assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(
        caller.ask_text(&format!("{answer}\r\n")),
        "-- Hello, ann. You are in lobby; /help lists what you can do."
    );
    assert_eq!(caller.receive_text(), "-- You are an operator here.");
    assert_eq!(caller.ask_text(&format!("{cookie} /who")), "-- In lobby: 1");
    assert_eq!(caller.receive_text(), "--   ann (operator)");
    let stats = chat.hub().stats();
    assert_eq!((stats.members, stats.entered), (1, 1));
    assert_eq!(caller.ask_text(&format!("{cookie} /quit")), "-- Bye.");
    server.until("it to be forgotten", |stats| stats.live == 0);
    assert_eq!(chat.hub().stats().members, 0);
    server.stop();
}

/// Sends a datagram, and receives what it was answered, if it was: the answer to the next one comes behind it.
fn exchange(caller: &Caller, bytes: &[u8]) -> Option<Vec<u8>> {
    caller.send(bytes);
    let is_fence = |answer: &[u8]| answer.starts_with(b"/nick fence ");
    let answer = caller.ask("/nick fence");
    if is_fence(&answer) {
        return None;
    }
    assert!(is_fence(&caller.receive()), "there is one answer");
    Some(answer)
}

/// What somebody may send who is no member: cookies that are none, commands, names of every length, and nothing.
fn unproven() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "",
        "\n",
        "hello",
        "/",
        "/nick",
        "/nick ",
        "/nickname x",
        "/help",
        "/who",
        "/quit",
        "/NICK ann",
        "/nick ann aaaaaaaaaa",
        "/nick ann aaaaaaaaaa bbbbbbbbbb",
        "/nick ann \u{e4}",
        "aaaaaaaaaa hello",
        "aaaaaaaaaa",
        "/nick server",
        "/nick a",
        "/nick \u{e9}",
        "/nick \u{1b}[2J",
        "/nick \u{202e}nna",
        "/join lobby",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    all.push(b"\xff\xfe".to_vec());
    all.push(b"/nick \xff".to_vec());
    for length in [1, 2, 10, 24, 25, 100, 1_000, 2_000] {
        all.push(format!("/nick {}", "x".repeat(length)).into_bytes());
        all.push(format!("/nick ann {}", "a".repeat(length)).into_bytes());
    }
    all
}

fn nothing_is_kept_before_it(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    for bytes in unproven() {
        exchange(&server.caller(), &bytes);
        server.until("it to be forgotten", |stats| stats.live == 0);
    }
    assert_eq!(chat.hub().stats().entered, 0);
    server.stop();
}

fn nobody_is_sent_more_than_he_may_be(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let stranger = server.caller();
    let member = Sender::enter(&server, "ann");
    member.caller.receive();
    // The same in a member's name, whoever sends it: who forges it must not gain by there being a member.
    for (caller, who) in [(&stranger, "a stranger"), (&member.caller, "a member")] {
        let (mut sent, mut received) = (0, 0);
        for bytes in unproven() {
            let text = bytes.escape_ascii();
            if let Some(answer) = exchange(caller, &bytes) {
                assert!(
                    answer.len() <= 3 * bytes.len(),
                    "{who}: {} bytes for {text}",
                    answer.len()
                );
                received += answer.len();
            }
            sent += bytes.len();
        }
        assert!(received <= 3 * sent, "{who}: {received} bytes for {sent}");
        assert!(received > 0, "some of it is answered");
    }
    assert_eq!(server.stop().stats.replies_refused, 0);
}

fn only_the_own_cookie_is_good(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let other = receive(case, &crate::people::chat());
    let (one, two, three) = (server.caller(), server.caller(), server.caller());
    let [first, second] = [&one, &two].map(|caller| caller.ask_text("/nick ann"));
    assert_ne!(first, second, "each address has its own");
    assert_eq!(first, one.ask_text("/nick ann"), "and keeps it for a while");
    // Somebody else's, one of another server, and all that differ from the own one by a letter.
    assert_eq!(exchange(&two, first.as_bytes()), None);
    assert_eq!(exchange(&one, second.as_bytes()), None);
    let foreign = other.caller().ask_text("/nick ann");
    assert_eq!(exchange(&one, foreign.as_bytes()), None);
    let mut guesses = HashSet::new();
    for place in "/nick ann ".len()..first.len() {
        let mut guess = first.clone().into_bytes();
        guess[place] = if guess[place] == b'a' { b'b' } else { b'a' };
        guesses.insert(guess);
    }
    guesses.insert(first.to_uppercase().into_bytes());
    guesses.insert(first[..first.len() - 1].into());
    guesses.insert(format!("{first}a").into());
    for guess in &guesses {
        assert_eq!(exchange(&one, guess), None);
    }
    assert_eq!(chat.hub().stats().entered, 0);
    assert_eq!(three.ask_text("/nick bob").len(), first.len());
    assert!(one.ask_text(&first).starts_with("-- Hello, ann. "));
    server.stop();
}

fn what_has_no_cookie_says_nothing_and_ends_nothing(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let (mut ann, mut bob) = (Sender::enter(&server, "ann"), Sender::enter(&server, "bob"));
    ann.all();
    bob.all();
    let cookie = ann.cookie.clone();
    for forged in [
        "hello".to_owned(),
        "/quit".to_owned(),
        "/nick eve".to_owned(),
        "/nick ann".to_owned(),
        format!("/nick eve {}", bob.cookie),
        "/nick eve aaaaaaaaaa".to_owned(),
        format!("{} hello", bob.cookie),
        format!("{} /quit", bob.cookie),
        format!("{cookie}hello"),
        format!("x{cookie} hello"),
        format!("{} hello", &cookie[..9]),
        format!("{} hello", cookie.to_uppercase()),
        format!("/{cookie} hello"),
        format!("/nick eve {cookie} x"),
    ] {
        ann.caller.send(&forged);
    }
    ann.caller.send(b"\xff\xff");
    ann.say("it is me");
    bob.hears("[lobby] ann: it is me");
    for line in ann.all() {
        assert!(line.starts_with("/nick "), "{line:?}");
    }
    assert_eq!(chat.hub().stats().entered, 2);
    server.stop();
}

fn a_name_that_cannot_be_had_is_refused(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let ann = Sender::enter(&server, "ann");
    let caller = server.caller();
    for (name, why) in [
        ("Ann", "!! Ann is taken, or looks like a name that is"),
        ("admin", "!! "),
        ("-x", "!! "),
        (&"x".repeat(25), "!! "),
        ("a\u{441}b", "!! "),
    ] {
        let with_cookie = caller.ask_text(&format!("/nick {name}"));
        let answer = caller.ask_text(&with_cookie);
        assert!(answer.starts_with(why), "{name:?}: {answer:?}");
        server.until("it to be forgotten", |stats| stats.live == 1);
    }
    let with_cookie = caller.ask_text("/nick bob");
    assert!(caller.ask_text(&with_cookie).starts_with("-- Hello, bob. "));
    let stats = chat.hub().stats();
    assert_eq!((stats.members, stats.entered), (2, 2));
    drop(ann);
    server.stop();
}

fn the_same_join_again_changes_nothing(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let mut bob = Sender::enter(&server, "bob");
    bob.all();
    let mut ann = Sender::enter(&server, "ann");
    bob.until("[lobby] -- ann has joined");
    let join = format!("/nick ann {}", ann.cookie);
    // What the network has doubled, and what a client repeats that has not heard the answer.
    for _ in 0..3 {
        ann.caller.send(&join);
        ann.hears("-- Hello, ann. You are in lobby; /help lists what you can do.");
    }
    ann.say("/join den");
    ann.hears("-- You are in den.");
    ann.hears("-- You are an operator here.");
    ann.say("/topic bears");
    ann.hears("-- den is about: bears");
    ann.say("/nick eva");
    ann.hears("-- You are now eva.");
    // Late, and still the same one: it is not to undo what was done since.
    ann.caller.send(&join);
    ann.hears("-- Hello, eva. You are in den; /help lists what you can do.");
    ann.hears("-- You are an operator here.");
    ann.hears("-- This is about: bears");
    assert_eq!(bob.all(), ["[lobby] -- ann is now eva"]);
    ann.say("/part");
    ann.hears("-- You have left den, and speak in lobby.");
    ann.say("/part");
    ann.until("-- You have left lobby");
    ann.caller.send(&join);
    ann.hears("-- Hello, eva. You are in no room; /help lists what you can do.");
    let stats = chat.hub().stats();
    assert_eq!((stats.members, stats.entered), (2, 2));
    server.stop();
}

fn another_join_begins_anew(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let mut bob = Sender::enter(&server, "bob");
    let mut ann = Sender::enter(&server, "ann");
    ann.say("/join den");
    ann.all();
    bob.all();
    ann.join("eve");
    ann.hears("-- Hello, eve. You are in lobby; /help lists what you can do.");
    assert_eq!(
        bob.all(),
        ["[lobby] -- ann has left", "[lobby] -- eve has joined"]
    );
    // After it has left, too, from the same address.
    ann.say("/quit until later");
    ann.hears("-- Bye.");
    server.until("it to be forgotten", |stats| stats.live == 1);
    ann.say("am I still here?");
    ann.join("eve");
    ann.hears("-- Hello, eve. You are in lobby; /help lists what you can do.");
    assert_eq!(
        bob.all(),
        [
            "[lobby] -- eve has left (until later)",
            "[lobby] -- eve has joined"
        ]
    );
    let stats = chat.hub().stats();
    assert_eq!((stats.members, stats.entered, stats.rooms), (2, 4, 1));
    server.stop();
}

fn a_join_that_comes_too_fast_ends_nothing(case: &DatagramCase) {
    let chat = slow_chat("1/h:2");
    let server = receive(case, &chat);
    let mut ann = Sender::enter(&server, "ann");
    ann.until("-- You are an operator here.");
    // Where addresses count, each of these has two tokens, and otherwise each visit.
    ann.say("one");
    let mut refused = 0;
    for name in ["eve", "eva"] {
        ann.caller.send(format!("/nick {name}"));
        let answer = ann.until("/nick").pop().expect("it is the last");
        assert!(answer.ends_with(&ann.cookie), "it is always the same one");
        ann.caller.send(&answer);
        refused += usize::from(ann.line().starts_with("!! that came too fast"));
    }
    let is_udp = server.address().ip().is_some();
    assert_eq!(refused, if is_udp { 2 } else { 0 });
    let stats = chat.hub().stats();
    assert_eq!(
        (stats.members, stats.entered),
        (1, if is_udp { 1 } else { 3 })
    );
    server.stop();
}

fn a_name_is_cleaned_before_it_goes_back(case: &DatagramCase) {
    let chat = chat();
    let server = receive(case, &chat);
    let ann = Sender::enter(&server, "ann");
    ann.caller.receive();
    // Sent by somebody else in her name, it would reach her terminal.
    for caller in [&ann.caller, &server.caller()] {
        let answer = caller.ask_text("/nick \u{1b}]52;c;cm0=\u{7}eve\u{202e}\u{1b}[2J");
        assert_eq!(answer[..answer.len() - 10], *"/nick eve ");
        assert_eq!(exchange(caller, b"/nick \x1b]52;c;cm0=\x07"), None);
    }
    server.stop();
}

fn many_senders_leave_nothing(case: &DatagramCase) {
    let chat = chat();
    let config = Config {
        connections_max: 10,
        peer_idle_timeout: Some(Duration::from_secs(3600)),
        ..case.config()
    };
    let server = receive_with(case, &chat, config);
    for number in 0..100 {
        let caller = server.caller();
        assert!(
            caller
                .ask_text(&format!("/nick x{number}"))
                .starts_with("/nick ")
        );
    }
    let ann = Sender::enter(&server, "ann");
    let stats = server.until("them to be forgotten", |stats| stats.live == 1);
    assert_eq!(stats.refused, 0, "there was always room");
    drop(ann);
    server.stop();
}
