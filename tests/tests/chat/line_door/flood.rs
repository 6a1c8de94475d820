//! Lines that come faster than they may: they wait in their order, in their sender's socket, and nobody else does.

use std::io::{BufRead, BufReader, Write};
use std::thread;
use std::time::{Duration, Instant};

use socketserver_handlers::chat::Rate;
use socketserver_tests::{Case, Transport};

use super::company::{Company, numbered};

socketserver_tests::matrix! {
    events concurrent:
        lines_that_are_too_fast_wait_in_their_order,
        an_address_shares_what_it_may_say,
        whoever_waits_is_not_read_from_and_nobody_else_waits,
        a_stop_does_not_wait_for_lines_that_wait;
    events reactor:
        a_hundred_thousand_lines_at_once_are_all_heard;
}

fn company(case: &Case, rate: &str) -> Company {
    let rate: Rate = rate.parse().expect("it is a rate");
    Company::with(case, case.config(), Some(rate), |settings| {
        // Nobody knows what was said before somebody comes.
        settings.history_lines_max = 0;
    })
}

fn lines_that_are_too_fast_wait_in_their_order(case: &Case) {
    const LINES: u32 = 100;
    let company = company(case, "500/s:5");
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let begun = Instant::now();
    ann.client
        .send(numbered(0..LINES) + "the last one")
        .half_close();
    for line in 0..LINES {
        bob.hear(&format!("[lobby] ann: {line}"));
    }
    // Without an end it waits as well.
    bob.hear("[lobby] ann: the last one");
    bob.hear("[lobby] -- ann has left")
        .hear("[lobby] -- bob is the operator now");
    let least = Duration::from_millis(u64::from(LINES + 1 - 5) * 1000 / 500);
    assert!(
        begun.elapsed() >= least,
        "{:?} is too fast",
        begun.elapsed()
    );
    ann.closed();
    company.stop([bob]);
}

fn an_address_shares_what_it_may_say(case: &Case) {
    let company = company(case, "1/h:4");
    let mut ann = company.first("ann");
    ann.say("one")
        .ask("/topic", "-- lobby is about nothing in particular.");
    let mut bob = company.visit();
    bob.say("bob")
        .hear("-- Hello, bob. You are in lobby; /help lists what you can do.");
    ann.hear("[lobby] -- bob has joined");
    bob.say("two");
    if case.transport == Transport::Unix {
        // There nobody has an address.
        ann.hear("[lobby] bob: two");
    }
    company.stop([ann, bob]);
}

fn whoever_waits_is_not_read_from_and_nobody_else_waits(case: &Case) {
    // What the handler is offered at once, and what is received at once.
    const INPUT_BYTES_MAX: u64 = 8 * 1024;
    let config = case.config();
    let received_at_once = config.read_buffer_bytes as u64;
    let company = company(case, "1/h:20");
    let mut ann = company.first("ann");
    let mut flooder = ann.client.share();
    // It ends with the server, which drops what it has not read.
    let flood = thread::spawn(move || {
        let lines = "0123456789\n".repeat(1_000);
        while flooder.write_all(lines.as_bytes()).is_ok() {}
    });
    // The twentieth line of hers is the last one that is heard.
    let held = company
        .server
        .until("lines to wait", |stats| stats.bytes_held > 0);
    let most = received_at_once + 2 * INPUT_BYTES_MAX;
    assert!(held.bytes_in <= most, "{held:?}");
    if case.transport == Transport::Unix {
        // Only there nobody shares with ann.
        let mut bob = company.visit();
        bob.say("bob")
            .hear("-- Hello, bob. You are in lobby; /help lists what you can do.");
        ann.hear("[lobby] -- bob has joined");
        bob.say("I can still speak");
        ann.hear("[lobby] bob: I can still speak");
        bob.ask("/msg ann hello", "[you -> ann] hello");
        ann.hear("[bob -> you] hello");
        let stats = company.server.stats();
        assert!(stats.bytes_in <= most, "{} bytes were read", stats.bytes_in);
        bob.leave("/quit");
        ann.hear("[lobby] -- bob has left");
    }
    company.stop([ann]);
    flood.join().expect("it ends");
}

fn a_stop_does_not_wait_for_lines_that_wait(case: &Case) {
    let company = company(case, "1/h:5");
    let mut ann = company.first("ann");
    ann.client.send("one\ntwo\nthree\nfour\nfive\nsix\n");
    company
        .server
        .until("lines to wait", |stats| stats.bytes_held > 0);
    let mut bob = company.visit();
    if case.transport == Transport::Unix {
        bob.say("bob")
            .hear("-- Hello, bob. You are in lobby; /help lists what you can do.");
        ann.hear("[lobby] -- bob has joined");
    }
    company.stop([ann, bob]);
}

/// Of which nobody else hears, since nobody could promise to read so fast on a busy machine.
fn a_hundred_thousand_lines_at_once_are_all_heard(case: &Case) {
    const LINES: u32 = 100_000;
    let rate = Rate::per_second(1_000_000, 1_000).expect("it is a rate");
    let company = Company::with(case, case.config(), Some(rate), |settings| {
        settings.history_lines_max = LINES as usize;
        settings.history_bytes_max = 64 * 1024 * 1024;
        settings.queued_bytes_max = 64 * 1024 * 1024;
    });
    let mut ann = company.first("ann");
    ann.client
        .send(numbered(0..LINES) + "/history\n/topic")
        .half_close();
    let mut lines = BufReader::new(ann.client.share());
    let mut line = String::new();
    for number in 0..LINES {
        line.clear();
        lines.read_line(&mut line).expect("a line comes");
        assert_eq!(line, format!("[lobby] (just now) ann: {number}\n"));
    }
    line.clear();
    lines.read_line(&mut line).expect("a line comes");
    assert_eq!(line, "-- lobby is about nothing in particular.\n");
    ann.closed();
    company.stop([]);
}
