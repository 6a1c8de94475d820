//! Members who do not read: they harm nobody but themselves.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use socketserver::{Config, SlowMember};
use socketserver_tests::{Case, Running, Transport};

use crate::people::{Person, aside, chat, chat_with, serve, serve_with};

/// One test of each for every mode in which there can be several members. IPv6 has the same buffers as IPv4, and to fill them is most of the work. The section `unix` is
/// for what needs buffers that stay as they are: TCP's grow as it likes, so that what was full may have room again.
macro_rules! concurrent {
    (all: $all:tt; unix: $unix:tt;) => {
        concurrent! { threads = socketserver::Mode::Threads, $all, $unix }
        concurrent! { pool = socketserver::Mode::Pool { workers: 4 }, $all, $unix }
        concurrent! { reactor = socketserver::Mode::Reactor { loops: 1 }, $all, $unix }
        concurrent! { reactors = socketserver::Mode::Reactor { loops: 2 }, $all, $unix }
    };
    ($name:ident = $mode:expr, [$($all:ident),+], [$($unix:ident),+]) => {
        mod $name {
            mod events {
                mod tcp_v4 { socketserver_tests::cell! { $mode, Events, TcpV4; $($all,)+ } }
                mod unix { socketserver_tests::cell! { $mode, Events, Unix; $($all,)+ $($unix,)+ } }
            }
        }
    };
}

concurrent! {
    all: [
        who_does_not_read_is_cut_and_nobody_else_notices, who_takes_nothing_for_too_long_is_cut, who_only_pauses_gets_everything,
        who_asks_and_never_reads_is_not_heard,
        what_is_told_to_somebody_full_is_refused
    ];
    unix: [who_is_full_is_not_read_from, a_member_may_lose_the_newest, a_member_may_lose_the_oldest];
}

/// How long the lines are that fill queues.
const LONG: usize = 1_900;
/// More than the queue of a member and the buffers of both systems hold together.
const LINES_MAX: usize = 8_000;

/// Nobody is cut since the machine is busy.
fn patient(case: &Case) -> Config {
    Config {
        write_timeout: None,
        ..case.config()
    }
}

fn text(number: usize) -> String {
    format!("{number} {}", "x".repeat(LONG))
}

fn said(number: usize) -> String {
    format!("[lobby] ann: {}", text(number))
}

/// Ann speaks and Bob listens, until something has come true; how many lines that took, and what Bob has heard that Ann did not say.
fn speak_until(
    ann: &mut Person,
    bob: &mut Person,
    from: usize,
    mut is_enough: impl FnMut() -> bool,
) -> (usize, Vec<String>) {
    let mut news = Vec::new();
    for number in from.. {
        assert!(number < LINES_MAX, "so much cannot be under way");
        if is_enough() {
            return (number, news);
        }
        ann.say(&text(number));
        loop {
            let line = bob.line();
            if line == said(number) {
                break;
            }
            assert!(line.starts_with("[lobby] -- "), "not in its order: {line}");
            news.push(line);
        }
    }
    unreachable!("it ends before")
}

/// Ann, Bob, and Sid, who does not read from now on.
fn people(server: &Running) -> (Person, Person, Person) {
    let mut ann = Person::enter(server, "ann");
    let mut bob = Person::enter(server, "bob");
    let mut sid = Person::enter_with_little_room(server, "sid");
    for person in [&mut ann, &mut bob] {
        person.until("[lobby] -- sid has joined");
    }
    sid.all();
    (ann, bob, sid)
}

/// What Sid reads at last is what was said, from the first line on and in its order: all of it, or as far as it came.
fn hears_from_the_beginning(sid: &mut Person, lines: usize) -> usize {
    let mut next = 0;
    while next < lines {
        let Some(line) = sid.try_line() else { break };
        assert_eq!(line, said(next));
        next += 1;
    }
    next
}

const CUT: &str = "[lobby] -- sid has left (did not read)";

fn who_does_not_read_is_cut_and_nobody_else_notices(case: &Case) {
    let chat = chat();
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, mut sid) = people(&server);
    let is_cut = || server.stats().closed.contains_key("slow_member");
    let (lines, mut news) = speak_until(&mut ann, &mut bob, 0, is_cut);
    let bytes = lines * said(0).len();
    assert!(bytes >= 256 * 1024, "{bytes} bytes may wait");
    if news.is_empty() {
        news.push(bob.line());
    }
    assert_eq!(news, [CUT]);
    assert_eq!(ann.line(), CUT);
    assert_eq!(
        ann.all(),
        [""; 0],
        "nobody who speaks is told anything else"
    );
    let stats = chat.hub().stats();
    assert_eq!((stats.slow, stats.members, stats.refused), (1, 2, 0));
    assert_eq!(stats.said, lines as u64);
    let stats = server.stats();
    assert_eq!((stats.live, stats.messages_dropped), (2, 0));
    // Whoever reads on sees what came before the cut, in its order.
    let heard = hears_from_the_beginning_or_half(&mut sid, lines);
    assert!(heard < lines);
    ann.say("that was too much");
    bob.hears("[lobby] ann: that was too much");
    drop((ann, bob));
    server.stop();
}

/// The same where the last line may have come in part.
fn hears_from_the_beginning_or_half(sid: &mut Person, lines: usize) -> usize {
    let heard = hears_from_the_beginning(sid, lines);
    assert!(sid.try_line().is_none(), "the end comes");
    heard
}

fn who_takes_nothing_for_too_long_is_cut(case: &Case) {
    let chat = chat_with(SlowMember::DropNewest);
    let config = Config {
        write_timeout: Some(Duration::from_millis(100)),
        ..case.config()
    };
    let server = serve_with(case, &chat, config);
    let (mut ann, mut bob, sid) = people(&server);
    let mut left = None;
    let mut number = 0;
    while left.is_none() {
        let is_cut = || server.stats().closed.contains_key("write_timeout");
        let dropped = server.stats().messages_dropped;
        let is_full = || is_cut() || server.stats().messages_dropped > dropped;
        let (next, news) = speak_until(&mut ann, &mut bob, number, is_full);
        number = next % (LINES_MAX / 2);
        left = news.into_iter().next();
        if left.is_none() && is_cut() {
            left = Some(bob.line());
        }
    }
    assert_eq!(left.as_deref(), Some(CUT));
    assert_eq!(ann.line(), CUT);
    assert_eq!(chat.hub().stats().slow, 1);
    drop((ann, bob, sid));
    server.stop();
}

fn who_only_pauses_gets_everything(case: &Case) {
    const LINES: usize = 120;
    let chat = chat();
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, mut sid) = people(&server);
    assert!(LINES * said(LINES).len() < 250 * 1024);
    for _ in 0..3 {
        let mut number = 0;
        speak_until(&mut ann, &mut bob, 0, || {
            number += 1;
            number > LINES
        });
        assert_eq!(hears_from_the_beginning(&mut sid, LINES), LINES);
    }
    sid.say("I am back");
    ann.hears("[lobby] sid: I am back");
    drop((ann, bob, sid));
    let stats = server.stop().stats;
    assert_eq!(stats.messages_dropped, 0);
    assert_eq!(chat.hub().stats().slow, 0);
}

/// Sends as much as the systems take without waiting; how many lines went out whole.
fn send_all_that_fits(person: &mut Person) -> usize {
    let line = format!("me, too {}\n", "y".repeat(LONG));
    let client = person.client();
    client.socket().set_nonblocking(true).expect("an option");
    let mut lines = 0;
    let mut rest: &[u8] = line.as_bytes();
    while lines < 20_000 {
        match client.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
        if rest.is_empty() {
            lines += 1;
            rest = line.as_bytes();
        }
    }
    client.socket().set_nonblocking(false).expect("an option");
    lines
}

fn who_is_full_is_not_read_from(case: &Case) {
    let chat = chat_with(SlowMember::DropNewest);
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, mut sid) = people(&server);
    let is_full = || server.stats().messages_dropped > 0;
    let (lines, _) = speak_until(&mut ann, &mut bob, 0, is_full);
    let before = server.stats();
    let sent = send_all_that_fits(&mut sid);
    assert!(sent > 0 && sent < 20_000, "{sent} lines went out");
    // The server has turned many times since, and has not heard any of it.
    let mut number = 0;
    speak_until(&mut ann, &mut bob, lines, || {
        number += 1;
        number > 10
    });
    let after = server.until("what was said to be counted", |_| {
        chat.hub().stats().said == (lines + 10) as u64
    });
    // The counts are those of a turn, and that of her last line before may be counted by now.
    let by_ann = (11 * (text(lines + 9).len() + 1)) as u64;
    assert!(
        after.bytes_in <= before.bytes_in + by_ann,
        "{} bytes were read, of which {by_ann} are Ann's",
        after.bytes_in - before.bytes_in
    );
    // Once it reads, it is heard, and nothing of what it said is lost. Those who hear it may lose some of it, which comes faster than they read.
    let readers = [ann, bob, sid].map(|mut person| aside(move || person.rest().len()));
    server.until("all of it to be heard", |_| {
        chat.hub().stats().said == (lines + 10 + sent) as u64
    });
    server.stop();
    for reader in readers {
        assert!(reader() > 0);
    }
}

fn a_member_may_lose_the_newest(case: &Case) {
    loses(case, SlowMember::DropNewest);
}

fn a_member_may_lose_the_oldest(case: &Case) {
    loses(case, SlowMember::DropOldest);
}

fn loses(case: &Case, policy: SlowMember) {
    let chat = chat_with(policy);
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, mut sid) = people(&server);
    let is_full = || server.stats().messages_dropped >= 50;
    let (lines, news) = speak_until(&mut ann, &mut bob, 0, is_full);
    assert_eq!(news, [""; 0], "it stays");
    // What is said when it has read again has room.
    let mut heard = sid.all();
    ann.say("over");
    heard.extend(sid.until("[lobby] ann: over"));
    heard.pop();
    let numbers: Vec<usize> = heard
        .iter()
        .map(|line| {
            let words = line.strip_prefix("[lobby] ann: ").expect("Ann's words");
            let (number, _) = words.split_once(' ').expect("a number and letters");
            number.parse().expect("a number")
        })
        .collect();
    assert!(numbers.is_sorted_by(|one, other| one < other));
    match policy {
        // What waited has stayed; and as soon as the systems take some of it, something newer has room.
        SlowMember::DropNewest => assert!(numbers[..130].iter().copied().eq(0..130)),
        _ => assert_eq!(numbers.last(), Some(&(lines - 1)), "the newest is there"),
    }
    assert_eq!(chat.hub().stats().slow, 0);
    drop((ann, bob, sid));
    let dropped = server.stop().stats.messages_dropped;
    assert_eq!(heard.len() as u64 + dropped, lines as u64);
}

fn who_asks_and_never_reads_is_not_heard(case: &Case) {
    const QUESTIONS: usize = 60;
    let chat = chat();
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, mut sid) = people(&server);
    let mut number = 0;
    // The history is full, so that each of its repetitions has 16 KiB.
    speak_until(&mut ann, &mut bob, 0, || {
        number += 1;
        number > 10
    });
    hears_from_the_beginning(&mut sid, 10);
    let mut asker = sid.client().share();
    let asking = aside(move || {
        for _ in 0..QUESTIONS {
            // Each is a thousand bytes or so that ask for a hundred times as much.
            asker.send("/who\n".repeat(100));
            asker.send("/history\n".repeat(10));
        }
    });
    for round in 0..50 {
        ann.say(&format!("{round}"));
        bob.hears(&format!("[lobby] ann: {round}"));
        bob.say(&format!("{round}"));
        ann.hears(&format!("[lobby] bob: {round}"));
    }
    let stats = server.stats();
    assert_eq!((stats.live, stats.closed.len()), (3, 0));
    // At last it reads, and gets every answer, and between them what was said.
    let (mut lists, mut spoken) = (0, 0);
    while lists < QUESTIONS * 100 || spoken < 100 {
        let line = sid.line();
        lists += usize::from(line == "-- In lobby: 3");
        let words = line.strip_prefix("[lobby] ann: ");
        spoken += usize::from(words.is_some() || line.starts_with("[lobby] bob: "));
    }
    asking();
    sid.all();
    assert_eq!(chat.hub().stats().slow, 0);
    drop((ann, bob, sid));
    server.stop();
}

fn what_is_told_to_somebody_full_is_refused(case: &Case) {
    let chat = chat();
    let server = serve_with(case, &chat, patient(case));
    let (mut ann, mut bob, sid) = people(&server);
    let mut told = 0;
    loop {
        ann.say(&format!("/msg sid {}", text(told)));
        let answer = ann.line();
        if answer == "!! sid does not read at the moment (try again later)" {
            break;
        }
        assert_eq!(answer, format!("[you -> sid] {}", text(told)));
        told += 1;
        assert!(told < LINES_MAX, "so much cannot be under way");
    }
    assert_eq!(chat.hub().stats().told, told as u64);
    // He may be cut now, since more waits for him than a room lets wait, or just not.
    bob.say("hello");
    ann.until("[lobby] bob: hello");
    ann.say("hello, Bob");
    bob.until("[lobby] ann: hello, Bob");
    drop((ann, bob, sid));
    server.stop();
}

/// The pause of who is not read from ends when he has read, also where nothing else goes on.
#[test]
fn questions_that_are_answered_at_length_are_all_answered() {
    let case = Case {
        mode: socketserver::Mode::Reactor { loops: 1 },
        style: socketserver_tests::Style::Events,
        transport: Transport::TcpV4,
    };
    let chat = chat();
    let server = serve(&case, &chat);
    let mut ann = Person::enter(&server, "ann");
    for number in 0..10 {
        ann.say(&text(number));
    }
    // In one piece, whose answers are far more than may wait for a member: he reads, and so is no slow one.
    ann.send("/history\n".repeat(500));
    ann.say("/who");
    ann.until("-- In lobby: 1");
    drop(ann);
    assert_eq!(server.stop().stats.closed.get("output_overflow"), None);
}
