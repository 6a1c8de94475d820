//! Those who are too fast, too many, or restless: everybody else hears every line in its order meanwhile.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use socketserver::Mode;
use socketserver_handlers::chat::{Chat, Settings};
use socketserver_tests::{Case, Style, Transport, eventually};

use crate::people::{Person, aside, chat, serve, serve_with, slow_chat};

socketserver_tests::matrix! {
    events concurrent: names_can_be_tried_for_ever, whoever_is_too_fast_waits, what_is_pasted_is_not_lost, rooms_have_a_limit_and_vanish,
        who_comes_hears_each_line_once, who_comes_and_goes_disturbs_nobody, who_speaks_at_full_speed_disturbs_nobody;
}

/// What nobody gets: reserved names, one that is taken, and what is no name.
fn no_name(number: usize) -> String {
    match number % 4 {
        0 => "admin".to_owned(),
        1 => "ANN".to_owned(),
        2 => format!("-{number}"),
        _ => "x".repeat(25 + number % 50),
    }
}

fn try_names(case: &Case, names: usize, connections: usize) {
    let chat = chat();
    let server = serve(case, &chat);
    let ann = Person::enter(&server, "ann");
    // In one connection, as fast as it goes.
    let mut stranger = Person::connect(&server);
    stranger.line();
    let mut trying = stranger.client().share();
    let tries = aside(move || {
        for number in 0..names {
            trying.send(no_name(number) + "\n");
        }
    });
    for number in 0..names {
        let line = stranger.line();
        assert!(line.starts_with("!! "), "{number}: {line}");
    }
    tries();
    // One connection after the other.
    for number in 0..connections {
        let mut stranger = Person::connect(&server);
        stranger.line();
        stranger.say(&no_name(number));
        assert!(stranger.line().starts_with("!! "));
    }
    let stats = chat.hub().stats();
    assert_eq!((stats.members, stats.entered), (1, 1));
    let mut stranger = stranger.introduce("bob");
    stranger.all();
    drop((ann, stranger));
    server.stop();
}

fn names_can_be_tried_for_ever(case: &Case) {
    try_names(case, 1_000, 30);
}

/// Reads nothing, and sends lines until its own system takes no more.
fn send_without_an_end(person: &mut Person) -> usize {
    let client = person.client();
    client.socket().set_nonblocking(true).expect("an option");
    let lines = "me again\n".repeat(1_000);
    let mut sent = 0;
    while sent < 100_000_000 {
        match client.write(lines.as_bytes()) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    client.socket().set_nonblocking(false).expect("an option");
    sent
}

fn whoever_is_too_fast_waits(case: &Case) {
    // So slowly that a token more comes in no run of this test.
    let chat = slow_chat("1/h:20");
    let server = serve(case, &chat);
    let mut ann = Person::enter(&server, "ann");
    // Connections of one address wait together, and others have nothing to do with each other.
    let has_address = server.address().ip().is_some();
    let mut bob = (!has_address).then(|| Person::enter(&server, "bob"));
    let sent = send_without_an_end(&mut ann);
    assert!(sent < 100_000_000, "it waits in its own system");
    let stats = eventually("what is let through to be said", || {
        Some(chat.hub().stats()).filter(|stats| stats.said == 19)
    });
    assert_eq!(stats.refused, 0, "nobody is refused");
    if let Some(bob) = &mut bob {
        for _ in 0..19 {
            bob.until("[lobby] ann: me again");
        }
        bob.say("not me");
        eventually("it to be said", || {
            (chat.hub().stats().said == 20).then_some(())
        });
    } else {
        let mut bob = Person::connect(&server);
        bob.line();
        bob.say("bob");
        bob.say("hello");
        assert_eq!(
            chat.hub().stats().entered,
            1,
            "the address has nothing left"
        );
    }
    let stats = server.stats();
    assert!(
        stats.bytes_in < 256 * 1024,
        "{} bytes were read",
        stats.bytes_in
    );
    server.stop_handle().cut();
}

fn what_is_pasted_is_not_lost(case: &Case) {
    let chat = slow_chat("2000/s:5");
    let server = serve(case, &chat);
    let mut bob = Person::enter(&server, "bob");
    let mut ann = Person::enter(&server, "ann");
    let lines: Vec<_> = (0..200).map(|number| format!("{number}\n")).collect();
    ann.send(lines.concat());
    ann.client().half_close();
    bob.until("[lobby] -- ann has joined");
    for number in 0..200 {
        bob.hears(&format!("[lobby] ann: {number}"));
    }
    bob.hears("[lobby] -- ann has left");
    drop((ann, bob));
    server.stop();
}

fn rooms_have_a_limit_and_vanish(case: &Case) {
    let settings = Settings {
        rooms_max: 30,
        ..Settings::default()
    };
    let chat = Chat::new(settings, None);
    let server = serve(case, &chat);
    let mut people = ["ann", "bob"].map(|name| Person::enter(&server, name));
    for (number, person) in people.iter_mut().enumerate() {
        person.all();
        for room in 0..25 {
            person.say(&format!("/join r{number}.{room}"));
        }
    }
    let [ann, bob] = &mut people;
    let lines = ann.all();
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("!! "))
        .collect();
    assert!(refused.len() >= 6, "{lines:#?}");
    let lines = bob.all();
    assert!(
        lines.iter().any(|line| line.starts_with("!! ")),
        "{lines:#?}"
    );
    assert!(chat.hub().stats().rooms <= 30);
    for person in &mut people {
        for _ in 0..20 {
            person.say("/part");
        }
        person.all();
    }
    assert_eq!(chat.hub().stats().rooms, 0);
    drop(people);
    server.stop();
}

/// Bob hears all that Ann says, in its order; the rest of what he hears is returned.
fn hears_all(ann: &mut Person, bob: &mut Person, lines: usize) -> Vec<String> {
    let mut others = Vec::new();
    for number in 0..lines {
        let line = format!("[lobby] ann: {number}");
        ann.say(&number.to_string());
        loop {
            let heard = bob.line();
            if heard == line {
                break;
            }
            assert!(!heard.starts_with("[lobby] ann: "), "{heard}");
            others.push(heard);
        }
    }
    others
}

fn who_comes_hears_each_line_once(case: &Case) {
    const LINES: usize = 3_000;
    let chat = chat();
    let server = serve(case, &chat);
    let mut ann = Person::enter(&server, "ann");
    let mut eve = Person::enter(&server, "eve");
    let bob = Person::enter(&server, "bob");
    let mut speaking = ann.client().share();
    let speaker = aside(move || {
        for number in 0..LINES {
            speaking.send(format!("{number}\n"));
        }
    });
    // Those who have to read, or they are slow.
    let readers = [ann, bob].map(|mut person| aside(move || person.rest().len()));
    // The last one that she has heard since she has come, as far as she has heard any.
    let mut last: Option<usize> = None;
    let mut joined = 0;
    while last != Some(LINES - 1) {
        eve.say("/part");
        eve.until("-- You have left lobby");
        eve.say("/join lobby");
        eve.hears("-- You are in lobby.");
        joined += 1;
        last = None;
        // The history, and some lines more.
        for _ in 0..80 {
            let line = eve.line();
            if let Some((_, number)) = line.split_once("ann: ") {
                let number: usize = number.parse().expect("a number");
                assert!(
                    last.is_none_or(|last| last + 1 == number),
                    "{line:?} after {last:?}, entered for the {joined}th time"
                );
                last = Some(number);
                if number == LINES - 1 {
                    break;
                }
            }
        }
    }
    speaker();
    drop(eve);
    server.stop();
    for reader in readers {
        reader();
    }
}

fn who_comes_and_goes_disturbs_nobody(case: &Case) {
    const ROUNDS: usize = 300;
    let chat = chat();
    let server = serve(case, &chat);
    let mut ann = Person::enter(&server, "ann");
    let mut bob = Person::enter(&server, "bob");
    let restless = ["eve", "joe"].map(|name| {
        let mut person = Person::enter(&server, name);
        let mut speaking = person.client().share();
        let speak = aside(move || {
            for _ in 0..ROUNDS {
                speaking.send("/part lobby\n/join lobby\n");
            }
            speaking.send("/quit\n");
        });
        let listen = aside(move || {
            person.until("-- Bye.");
        });
        (speak, listen)
    });
    // She has to read, too, or she is the slow one.
    let mut listening = Person::of(ann.client().share());
    let listener = aside(move || {
        let mut left = 0;
        while left < 2 * (ROUNDS + 1) {
            left += usize::from(listening.line().ends_with(" has left"));
        }
    });
    let mut others = hears_all(&mut ann, &mut bob, 200);
    for (speak, listen) in restless {
        speak();
        listen();
    }
    listener();
    // What comes from other threads may come behind what one is answered.
    let is_last = |others: &[String]| {
        let left = others.iter().filter(|line| line.ends_with(" has left"));
        left.count() == 2 * (ROUNDS + 1)
    };
    while !is_last(&others) {
        others.push(bob.line());
    }
    for name in ["eve", "joe"] {
        for (what, times) in [("joined", ROUNDS + 1), ("left", ROUNDS + 1)] {
            let line = format!("[lobby] -- {name} has {what}");
            let heard = others.iter().filter(|heard| **heard == line).count();
            assert_eq!(heard, times, "{line}");
        }
    }
    assert_eq!(chat.hub().stats().slow, 0);
    drop((ann, bob));
    server.stop();
}

fn who_speaks_at_full_speed_disturbs_nobody(case: &Case) {
    const LINES: usize = 5_000;
    let chat = chat();
    // A thread that reads this may be stopped for long on a busy machine, and none of these is to be slow.
    let server = serve_with(
        case,
        &chat,
        socketserver::Config {
            write_timeout: None,
            ..case.config()
        },
    );
    let mut ann = Person::enter(&server, "ann");
    let mut bob = Person::enter(&server, "bob");
    let mut eve = Person::enter(&server, "eve");
    let mut den = eve.client().share();
    // She is elsewhere, alone; what she does costs the server as much as it does anywhere.
    let flooder = aside(move || {
        den.send("/join den\n/part lobby\n");
        for number in 0..LINES {
            den.send(format!("{number}\n"));
        }
    });
    hears_all(&mut ann, &mut bob, 300);
    flooder();
    eve.all();
    eventually("all of it to be said", || {
        (chat.hub().stats().said == (LINES + 300) as u64).then_some(())
    });
    assert_eq!(server.stats().messages_dropped, 0);
    drop((ann, bob, eve));
    server.stop();
}

fn reactor() -> Case {
    Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::Unix,
    }
}

/// More lines in one piece than an inbox has room for messages: they are heard in parts, and between them is room for what other rooms say.
#[test]
fn what_comes_in_one_piece_leaves_others_their_turn() {
    const LINES: usize = 70_000;
    let chat = chat();
    let server = serve(&reactor(), &chat);
    let mut ann = Person::enter(&server, "ann");
    let mut bob = Person::enter(&server, "bob");
    let mut eve = Person::enter(&server, "eve");
    eve.send("/join den\n/part lobby\n");
    eve.until("-- You have left lobby");
    let flooder = aside(move || {
        eve.send("x\n".repeat(LINES));
        eve
    });
    hears_all(&mut ann, &mut bob, 200);
    let mut eve = flooder();
    eve.all();
    hears_all(&mut ann, &mut bob, 10);
    let stats = chat.hub().stats();
    assert_eq!((stats.slow, stats.members), (0, 3));
    assert_eq!(stats.said, (LINES + 210) as u64);
    drop((ann, bob, eve));
    server.stop();
}

/// A minute or so, so it runs on demand: CONTRIBUTING has the command.
#[test]
#[ignore = "some minutes: see CONTRIBUTING.md"]
fn a_million_names_are_tried() {
    try_names(&reactor(), 1_000_000, 20_000);
}

/// How long a line takes from Ann to Bob, while nobody else is there and while somebody speaks as fast as he can: for a quiet machine, and without a judgement.
#[test]
#[ignore = "it measures: see CONTRIBUTING.md"]
fn how_long_a_line_takes_beside_a_flood() {
    const FAST: &str = "1000000/s:1000000";
    for (what, rate) in [
        ("nobody else", None),
        ("a flood that is held back", Some("10/s:20")),
        ("a flood that is not", Some(FAST)),
    ] {
        let chat = slow_chat(rate.unwrap_or(FAST));
        let server = serve(&reactor(), &chat);
        let (mut ann, mut bob) = (Person::enter(&server, "ann"), Person::enter(&server, "bob"));
        let flooder = rate.map(|_| {
            let mut eve = Person::enter(&server, "eve");
            bob.until("[lobby] -- eve has joined");
            std::thread::spawn(move || {
                eve.client().send("/join den\n/part lobby\n");
                while eve
                    .client()
                    .write_all("x\n".repeat(1_000).as_bytes())
                    .is_ok()
                {}
            })
        });
        let is_flooded = if rate == Some(FAST) { 1_000 } else { 10 };
        if rate.is_some() {
            eventually("the flood to have begun", || {
                (chat.hub().stats().said >= is_flooded).then_some(())
            });
        }
        // As many as the slower rate lets through at once.
        let lines = if rate.is_none_or(|rate| rate == FAST) {
            5_000
        } else {
            15
        };
        let mut times: Vec<Duration> = (0..lines)
            .map(|number| {
                let begun = Instant::now();
                ann.say(&number.to_string());
                bob.until(&format!("[lobby] ann: {number}"));
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!(
            "{what}: median {:?}, 99th of a hundred {:?}, {} lines",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times.len()
        );
        server.stop_handle().cut();
        drop((ann, bob, server));
        if let Some(flooder) = flooder {
            flooder.join().expect("it ends with the server");
        }
    }
}
