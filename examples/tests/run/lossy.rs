//! The bad network: what it passes on, what it does not, and that a program which is made for it comes through.

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socketserver_examples::lossy::{Chances, Counts, HELD_MAX, Lossy};

use crate::example::Example;
use crate::post::Post;
use crate::{DEADLINE, TestResult};

/// The example, before a server.
fn start(server: SocketAddr, options: &[&str]) -> Result<Example, Box<dyn Error>> {
    let server = server.to_string();
    Example::start("lossy", &[&[":0", server.as_str()], options].concat())
}

fn bound() -> Result<UdpSocket, Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(DEADLINE))?;
    Ok(socket)
}

#[test]
fn without_a_chance_everything_passes_and_answers_find_their_way() -> TestResult {
    let server = Example::start("udp_echo", &[":0"])?;
    let mut lossy = start(server.address()?.0, &[])?;
    let (address, rest) = lossy.address()?;
    assert!(rest.starts_with("for udp://127.0.0.1:"), "{rest}");
    let posts = [Post::to(address)?, Post::to(address)?, Post::to(address)?];
    for round in 0..20 {
        for (number, post) in posts.iter().enumerate() {
            post.says(format!("{number} in round {round}"))?;
        }
        for (number, post) in posts.iter().enumerate() {
            post.hears(&format!("{number} in round {round}"));
        }
    }
    let longest = vec![7; 65_507];
    posts[0].says(&longest)?;
    assert!(posts[0].hears_something()? == longest, "the answer differs");
    assert_eq!(
        lossy.ends()?,
        ["122 passed, 0 dropped, 0 duplicated, 0 reordered"]
    );
    Ok(())
}

#[test]
fn with_every_chance_nothing_passes() -> TestResult {
    let none = "0%".parse()?;
    let chances = Chances::new("100%".parse()?, none, none)?;
    let (come, counts) = numbers(chances, 1)?;
    assert!(come.is_empty(), "{come:?}");
    assert_eq!((counts.passed, counts.dropped), (0, 100));
    Ok(())
}

#[test]
fn what_is_wrong_is_said() -> TestResult {
    for (arguments, expected) in [
        (&[":0"][..], "LISTEN TARGET"),
        (&[":0", ":9000", "--drop"], "LISTEN TARGET"),
        (&[":0", ":9000", "--drop", "ten"], "is no percentage"),
        (
            &[":0", ":9000", "--drop", "60%", "--reorder", "41%"],
            "more than 100%",
        ),
    ] {
        let error = crate::example::fails("lossy", arguments)?;
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}

/// Sends a hundred numbers through a bad network, all of them before it begins, so that time plays no part. Returns what has come.
fn numbers(chances: Chances, seed: u64) -> Result<(Vec<u8>, Counts), Box<dyn Error>> {
    let server = bound()?;
    let lossy = Lossy::bind(":0", server.local_addr()?, chances, seed)?;
    let post = Post::to(lossy.address().socket_addr().ok_or("no address")?)?;
    for number in 0..100 {
        post.says([number])?;
    }
    let (stop, stats) = (lossy.stop_handle(), lossy.stats_handle());
    let serving = thread::spawn(|| lossy.serve().map_err(|error| error.to_string()));
    let deadline = Instant::now() + DEADLINE;
    while stats.stats().datagrams_in < 100 && Instant::now() < deadline {
        thread::yield_now();
    }
    stop.stop();
    let counts = serving.join().map_err(|_| "the proxy panicked")??;
    server.set_nonblocking(true)?;
    let (mut come, mut number) = (Vec::new(), [0]);
    while server.recv(&mut number).is_ok() {
        come.push(number[0]);
    }
    Ok((come, counts))
}

#[test]
fn a_seed_decides_what_happens() -> TestResult {
    let chances = Chances::new("20%".parse()?, "10%".parse()?, "10%".parse()?)?;
    let (come, counts) = numbers(chances, 1)?;
    assert_eq!((come.clone(), counts), numbers(chances, 1)?);
    assert_ne!(come, numbers(chances, 2)?.0);

    let Counts {
        passed,
        dropped,
        duplicated,
        reordered,
        refused,
    } = counts;
    assert!(dropped > 0 && duplicated > 0 && reordered > 0, "{counts}");
    assert_eq!(passed + dropped + duplicated + reordered, 100);
    assert_eq!(refused, 0);
    assert_eq!(come.len() as u64, passed + 2 * duplicated + reordered);
    assert!(!come.is_sorted(), "some have been overtaken: {come:?}");
    Ok(())
}

#[test]
fn no_more_is_held_back_than_may_be() -> TestResult {
    let none = "0%".parse()?;
    let chances = Chances::new(none, none, "100%".parse()?)?;
    let (come, counts) = numbers(chances, 1)?;
    assert_eq!(come[0], HELD_MAX as u8, "the first that is sent at once");
    assert_eq!(come[1..=HELD_MAX], [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        (come.len(), counts.passed),
        (100, 100 / (1 + HELD_MAX as u64))
    );
    Ok(())
}

#[test]
fn what_nothing_overtakes_is_not_held_back_for_ever() -> TestResult {
    let server = Example::start("udp_echo", &[":0"])?;
    let lossy = start(server.address()?.0, &["--reorder", "100%"])?;
    let post = Post::to(lossy.address()?.0)?;
    post.says("alone")?;
    post.hears("alone");
    Ok(())
}

#[test]
fn a_server_that_answers_from_another_port_is_followed() -> TestResult {
    let (server, transfer) = (bound()?, bound()?);
    let lossy = start(server.local_addr()?, &[])?;
    let post = Post::to(lossy.address()?.0)?;
    let mut bytes = [0; 100];
    post.says("request")?;
    let (_, client) = server.recv_from(&mut bytes)?;
    transfer.send_to(b"from here", client)?;
    post.hears("from here");
    post.says("to there")?;
    let (size, from) = transfer.recv_from(&mut bytes)?;
    assert_eq!((&bytes[..size], from), (&b"to there"[..], client));
    Ok(())
}

/// How long a sender waits before it sends a block once more.
const PATIENCE: Duration = Duration::from_millis(10);

/// Takes blocks until it is told that nobody sends any more, acknowledges each, and keeps those that are next.
fn take(socket: &UdpSocket, is_over: &AtomicBool) -> Result<Vec<u8>, String> {
    let (mut taken, mut next, mut block) = (Vec::new(), 0, [0; 1_000]);
    while !is_over.load(Ordering::Acquire) {
        let Ok((size, from)) = socket.recv_from(&mut block) else {
            continue;
        };
        if block[0] == next {
            taken.extend_from_slice(&block[1..size]);
            next += 1;
        }
        let sent = socket.send_to(&block[..1], from);
        sent.map_err(|error| error.to_string())?;
    }
    Ok(taken)
}

/// Sends blocks, each until it was acknowledged.
fn give(socket: &UdpSocket, blocks: &[Vec<u8>]) -> TestResult {
    let deadline = Instant::now() + DEADLINE;
    for (number, block) in blocks.iter().enumerate() {
        let number = number as u8;
        let mut acknowledged = [u8::MAX];
        while acknowledged != [number] {
            if Instant::now() > deadline {
                return Err(format!("block {number} was never acknowledged").into());
            }
            socket.send(&[&[number], &block[..]].concat())?;
            // Old acknowledgements are passed over: an answer to one that was sent twice must not bring forth another.
            while socket
                .recv(&mut acknowledged)
                .is_ok_and(|_| acknowledged != [number])
            {}
        }
    }
    Ok(())
}

#[test]
fn a_transfer_that_waits_for_each_answer_comes_through() -> TestResult {
    let server = bound()?;
    server.set_read_timeout(Some(PATIENCE))?;
    let options = ["--drop", "30%", "--duplicate", "10%", "--reorder", "10%"];
    let mut lossy = start(
        server.local_addr()?,
        &[&options[..], &["--seed", "3"]].concat(),
    )?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(lossy.address()?.0)?;
    client.set_read_timeout(Some(PATIENCE))?;

    let blocks: Vec<Vec<u8>> = (0..60_u8).map(|number| vec![number ^ 0x55; 512]).collect();
    let is_over = AtomicBool::new(false);
    let taken = thread::scope(|scope| {
        let taking = scope.spawn(|| take(&server, &is_over));
        let given = give(&client, &blocks);
        is_over.store(true, Ordering::Release);
        given?;
        Ok::<_, Box<dyn Error>>(taking.join().map_err(|_| "the server panicked")??)
    })?;
    assert!(taken == blocks.concat(), "what has come differs");
    let counts = lossy.ends()?.remove(0);
    assert!(!counts.contains(" 0 dropped"), "{counts}");
    Ok(())
}
