//! How much memory a chat spends on its members, and on those who want it to spend more, counted over all threads of the process.
//!
//! It is a test binary of its own, with one test after the other, so that nothing else allocates meanwhile.

use std::alloc::System;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socketserver::{Config, Mode, SlowMember};
use socketserver_handlers::chat::{Chat, Settings};
use socketserver_tests::{
    Carrier, Case, Client, DatagramCase, Running, Style, Transport, eventually,
    raise_descriptor_limit,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KIB: usize = 1024;
/// What hash tables and queues that were larger once may keep, and what the machinery of tests takes.
const BESIDES: usize = 128 * KIB;
/// What a member may take who says nothing: the connection, its handler, what the hub knows of it, and its place in a room.
const IDLE_MEMBER_MAX: usize = 3 * KIB;

/// One measurement at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of the heap is in use, once it is the same several times: threads that were just told something may still be at it.
fn in_use() -> usize {
    let (mut before, mut times) = (0, 0);
    while times < 4 {
        thread::park_timeout(Duration::from_millis(2));
        let stats = ALLOCATOR.stats();
        let now = stats.bytes_allocated - stats.bytes_deallocated;
        times = if now == before { times + 1 } else { 0 };
        before = now;
    }
    before
}

#[track_caller]
fn assert_flat(what: &str, before: usize, max: usize) {
    let grown = in_use().saturating_sub(before);
    println!("{what}: {grown} bytes of heap more, of {max}");
    assert!(
        grown <= max,
        "{what}: {grown} bytes of heap more, not {max}"
    );
}

fn case() -> Case {
    Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::Unix,
    }
}

fn serve(chat: &Chat) -> Running {
    let chat = chat.clone();
    let config = Config {
        connections_max: 20_000,
        write_timeout: None,
        ..chat.config(case().config())
    };
    case().serve_events_with(config, move |peer| chat.line_door(peer))
}

/// Ends a server, and waits until it is gone with all that it has, so that it is not measured with the next one.
fn cut(mut server: Running) {
    server.stop_handle().cut();
    server.join();
}

/// Reads until a line begins so, and keeps nothing.
fn until(client: &mut Client, beginning: &str) {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        assert_eq!(client.read(&mut byte).expect("it comes"), 1);
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        if line.starts_with(beginning.as_bytes()) {
            return;
        }
        line.clear();
    }
}

fn enter(server: &Running, name: &str) -> Client {
    let mut client = server.connect();
    client.send(format!("{name}\n"));
    until(&mut client, "-- Hello, ");
    client
}

/// Asks something that is refused at once, so that all that was asked before is done.
fn fence(client: &mut Client) {
    client.send("/fence\n");
    until(client, "!! there is no such command");
}

/// Reads all that comes, on a thread of its own, and keeps nothing but how much it was.
fn drain(client: &Client) -> (Arc<AtomicUsize>, thread::JoinHandle<()>) {
    let mut client = client.share();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let reader = thread::spawn(move || {
        let mut buffer = [0; 16 * KIB];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            counted.fetch_add(count, Ordering::SeqCst);
        }
    });
    (count, reader)
}

/// Lines as fast as they are taken.
fn speak(client: &mut Client, lines: usize) {
    let line = "x".repeat(1_900) + "\n";
    for _ in 0..lines {
        client.send(&line);
    }
}

#[test]
fn forged_senders_leave_nothing() {
    let _turn = alone();
    let chat = Chat::new(
        Settings::default(),
        Some("10/s:20".parse().expect("a rate")),
    );
    let door = chat.clone();
    let datagrams = DatagramCase {
        mode: Mode::Reactor { loops: 1 },
        carrier: Carrier::UdpV4,
    };
    let server = datagrams.serve_peers(move |peer| door.datagram_door(peer));
    let to = server.address().socket_addr().expect("it has a port");
    let mut sent = 0;
    let mut flood = |senders: u32| {
        for number in 0..senders {
            // 127.1.0.0 and what follows are as good as forged: each datagram comes from somebody else.
            let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number);
            let socket = UdpSocket::bind(SocketAddr::from((from, 0))).expect("a socket");
            let text = [
                "/nick ann",
                "/nick ann aaaaaaaaaa",
                "hello",
                "aaaaaaaaaa hello",
            ];
            let text = text[number as usize % text.len()];
            socket.send_to(text.as_bytes(), to).expect("it is sent");
            sent += 1;
            if number % 64 == 63 {
                server.until("them to be received", |stats| stats.datagrams_in == sent);
            }
        }
        server.until("all to be forgotten", |stats| {
            stats.datagrams_in == sent && stats.live == 0
        });
    };
    flood(1_000);
    let before = in_use();
    flood(10_000);
    assert_flat("10,000 forged senders", before, 16 * KIB);
    let stats = server.stop().stats;
    assert_eq!((stats.refused, chat.hub().stats().entered), (0, 0));
}

#[test]
fn names_that_are_tried_leave_nothing() {
    let _turn = alone();
    let chat = Chat::new(Settings::default(), None);
    let server = serve(&chat);
    let mut ann = enter(&server, "ann");
    let mut try_names = |names: usize| {
        let mut stranger = server.connect();
        let (_, reader) = drain(&stranger);
        for number in 0..names {
            let name = ["admin", "ANN", "-x", "\u{441}ax"][number % 4];
            stranger.send(format!("{name}\n"));
        }
        stranger.half_close();
        reader.join().expect("it reads to the end");
        for _ in 0..names / 100 {
            let mut stranger = server.connect();
            stranger.send("admin\n");
            until(&mut stranger, "!! ");
        }
        server.until("them to be gone", |stats| stats.live == 1);
        fence(&mut ann);
    };
    try_names(1_000);
    let before = in_use();
    try_names(20_000);
    assert_flat("20,000 names", before, BESIDES);
    // Those who come and go under ever new names leave nothing either.
    for number in 0..1_000 {
        drop(enter(&server, &format!("x{number}")));
        // She hears of each.
        until(&mut ann, "[lobby] -- ");
        until(&mut ann, "[lobby] -- ");
    }
    server.until("them to be gone", |stats| stats.live == 1);
    assert_flat("1,000 members that are gone", before, BESIDES);
    assert_eq!(chat.hub().stats().members, 1);
    drop(ann);
    server.stop();
}

#[test]
fn lines_without_an_end_take_what_a_line_may_have() {
    const CONNECTIONS: usize = 200;
    let _turn = alone();
    let chat = Chat::new(Settings::default(), None);
    let server = serve(&chat);
    drop(enter(&server, "ann"));
    server.until("her to be gone", |stats| stats.live == 0);
    let before = in_use();
    let mut people: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut people {
        client.send("x".repeat(8_000));
    }
    let bytes = (CONNECTIONS * 8_000) as u64;
    server.until("all of it to come", |stats| stats.bytes_in >= bytes);
    let max = CONNECTIONS * (8 * KIB + IDLE_MEMBER_MAX) + BESIDES;
    assert_flat("200 half lines", before, max);
    // 100 MB of them, most of which nobody ever looks at.
    let piece = vec![b'x'; 500 * KIB];
    for client in &mut people {
        client.socket().set_nonblocking(true).expect("an option");
        let mut rest = &piece[..];
        // The server drops it for a while, and then ends it.
        while !rest.is_empty() {
            match client.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(_) => break,
            }
        }
    }
    server.until("all to be closed", |stats| {
        stats.closed.get("input_overflow") == Some(&(CONNECTIONS as u64))
    });
    // The buffers in which lines waited wait for their next owners, of whom there may be as many.
    let max = CONNECTIONS * 24 * KIB + BESIDES;
    assert_flat("100 MB without an end", before, max);
    drop(people);
    server.stop();
}

fn idle_members(members: usize) {
    let _turn = alone();
    raise_descriptor_limit(2 * members as u64 + 100);
    let chat = Chat::new(
        Settings::default(),
        Some("10/s:20".parse().expect("a rate")),
    );
    let server = serve(&chat);
    let mut people = Vec::with_capacity(members);
    drop(enter(&server, "first"));
    server.until("it to be gone", |stats| stats.live == 0);
    let before = in_use();
    let resident = resident_kib();
    for number in 0..members {
        // Nobody has to read of hundreds of others who come.
        people.push(enter(&server, &format!("x{number}")));
        if number % 100 == 99 {
            people.iter_mut().for_each(skip);
        }
    }
    people.iter_mut().for_each(skip);
    let each = in_use().saturating_sub(before) / members;
    let resident = resident_kib().saturating_sub(resident) * 1024 / members as u64;
    println!("{members} idle members: {each} bytes of heap each, {resident} bytes resident");
    assert!(each <= IDLE_MEMBER_MAX, "{each} bytes each");
    assert_eq!(chat.hub().stats().members, members);
    assert_eq!(chat.hub().stats().slow, 0);
    cut(server);
}

/// Drops what has come.
fn skip(client: &mut Client) {
    let mut buffer = [0; 16 * KIB];
    client.socket().set_nonblocking(true).expect("an option");
    while client.read(&mut buffer).is_ok_and(|count| count > 0) {}
    client.socket().set_nonblocking(false).expect("an option");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.expect("it has a size").trim().trim_end_matches(" kB");
    size.parse().expect("a number")
}

#[test]
fn idle_members_take_little() {
    idle_members(700);
}

/// As many as there can be where a process may have 20,000 descriptors, half of which are the members' own ends.
#[test]
#[ignore = "half a minute, and many descriptors: see CONTRIBUTING.md"]
fn nearly_ten_thousand_idle_members_take_little() {
    idle_members(9_900);
}

fn rooms(rooms: usize) {
    let _turn = alone();
    let chat = Chat::new(Settings::default(), None);
    let server = serve(&chat);
    let mut ann = enter(&server, "ann");
    fence(&mut ann);
    let before = in_use();
    let mut people = Vec::new();
    for number in 0..rooms {
        if number % 20 == 0 {
            let mut person = enter(&server, &format!("x{number}"));
            person.send("/part\n");
            people.push(person);
        }
        let person = people.last_mut().expect("there is one");
        person.send(format!("/join r{number}\n{}\n", "x".repeat(1_900)).repeat(1));
        fence(person);
    }
    assert_eq!(chat.hub().stats().rooms, rooms + 1);
    let each = in_use().saturating_sub(before) / rooms;
    println!("{rooms} rooms: {each} bytes of heap each, with a line of 1,900 bytes");
    assert!(each <= 8 * KIB, "{each} bytes each");
    // As much as there may be: a history that is full.
    let person = people.last_mut().expect("there is one");
    let (_, reader) = drain(person);
    let full = in_use();
    speak(person, 1_000);
    eventually("all to be said", || {
        (chat.hub().stats().said == (rooms + 1_000) as u64).then_some(())
    });
    assert_flat("a full history", full, 16 * KIB + BESIDES);
    for person in &people {
        person
            .socket()
            .shutdown(std::net::Shutdown::Both)
            .expect("it can be closed");
    }
    reader.join().expect("it reads to the end");
    drop(people);
    server.until("them to be gone", |stats| stats.live == 1);
    assert_eq!(chat.hub().stats().rooms, 1);
    skip(&mut ann);
    let kept = rooms * 512 + BESIDES;
    assert_flat("rooms that are gone", before, kept);
    drop(ann);
    server.stop();
}

#[test]
fn rooms_take_what_is_said_in_them_and_vanish() {
    rooms(400);
}

#[test]
#[ignore = "some minutes: see CONTRIBUTING.md"]
fn ten_thousand_rooms_vanish() {
    rooms(9_999);
}

/// 50 MB are said in a room in which one of 20 never reads.
fn somebody_never_reads(slow_members: SlowMember, lines: usize) {
    let _turn = alone();
    let settings = Settings {
        slow_members,
        ..Settings::default()
    };
    let chat = Chat::new(settings, None);
    let server = serve(&chat);
    let mut ann = enter(&server, "ann");
    let mut readers = vec![drain(&ann).1];
    let mut counts = Vec::new();
    let mut people: Vec<_> = (0..18)
        .map(|number| {
            let person = enter(&server, &format!("x{number}"));
            let (count, reader) = drain(&person);
            readers.push(reader);
            counts.push(count);
            person
        })
        .collect();
    people.push(enter(&server, "sid"));
    // Everybody else reads, however late its thread comes to it.
    let mut speak = |lines: usize| {
        for _ in 0..lines.div_ceil(50) {
            let before: Vec<_> = counts
                .iter()
                .map(|count| count.load(Ordering::SeqCst))
                .collect();
            speak(&mut ann, 50);
            eventually("everybody to have read it", || {
                let mut now = counts.iter().map(|count| count.load(Ordering::SeqCst));
                let bytes = 50 * "[lobby] ann: x\n".len() + 50 * 1_899;
                before
                    .iter()
                    .all(|before| now.next().is_some_and(|now| now >= before + bytes))
                    .then_some(())
            });
        }
    };
    speak(50);
    let before = in_use();
    speak(lines);
    let stats = chat.hub().stats();
    let is_cut = slow_members == SlowMember::Disconnect;
    let others = if is_cut { 0 } else { 256 * KIB };
    let max = others + 16 * KIB + BESIDES;
    assert_flat(&format!("{slow_members:?}, {lines} lines"), before, max);
    assert_eq!(
        (stats.slow, stats.members),
        (u64::from(is_cut), if is_cut { 19 } else { 20 })
    );
    cut(server);
    for reader in readers {
        reader.join().expect("it reads to the end");
    }
}

#[test]
fn who_never_reads_takes_no_more_than_may_wait() {
    for policy in [
        SlowMember::Disconnect,
        SlowMember::DropOldest,
        SlowMember::DropNewest,
    ] {
        somebody_never_reads(policy, 2_000);
    }
}

#[test]
#[ignore = "some minutes: see CONTRIBUTING.md"]
fn who_never_reads_takes_no_more_while_fifty_megabytes_are_said() {
    somebody_never_reads(SlowMember::Disconnect, 26_000);
    somebody_never_reads(SlowMember::DropOldest, 26_000);
}

/// Questions whose answers are a hundred times as long, by who reads none of them.
#[test]
fn who_asks_and_never_reads_takes_no_more_than_may_wait() {
    let _turn = alone();
    let chat = Chat::new(Settings::default(), None);
    let server = serve(&chat);
    let mut ann = enter(&server, "ann");
    speak(&mut ann, 50);
    fence(&mut ann);
    let mut askers: Vec<_> = (0..10)
        .map(|number| enter(&server, &format!("x{number}")))
        .collect();
    // One of them has asked and read, so that there is what is made once.
    askers[0].send("/history\n");
    fence(&mut askers[0]);
    let before = in_use();
    for asker in &mut askers {
        asker.socket().set_nonblocking(true).expect("an option");
        let questions = "/history\n".repeat(10_000);
        // As much of it as the systems take.
        let mut rest = questions.as_bytes();
        while let Ok(count) = asker.write(rest) {
            rest = &rest[count..];
            if rest.is_empty() {
                break;
            }
        }
    }
    // What others ask is answered.
    skip(&mut ann);
    for _ in 0..50 {
        fence(&mut ann);
    }
    let each = 256 * KIB;
    assert_flat(
        "ten who ask and never read",
        before,
        askers.len() * each + BESIDES,
    );
    assert_eq!(server.stats().live, 11);
    cut(server);
}
