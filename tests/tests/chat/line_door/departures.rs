//! How members come and go, and what the others are told of it.

use std::time::Duration;

use socketserver::Config;
use socketserver::testkit::random::Random;
use socketserver::testkit::script::Script;
use socketserver::testkit::sim::Simulation;
use socketserver_handlers::chat::{Chat, Settings};
use socketserver_tests::Case;

use super::company::{Company, OPERATOR};

socketserver_tests::matrix! {
    events concurrent:
        everybody_is_told_who_comes_and_goes,
        a_connection_that_is_lost_is_told_apart,
        whoever_does_not_read_is_cut_and_the_others_are_told,
        whoever_leaves_leaves_all_rooms,
        a_stop_is_told_once_and_nobody_hears_that_others_leave,
        large_rooms_are_not_told_who_comes_and_goes;
}

fn everybody_is_told_who_comes_and_goes(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    cyd.leave("/quit to bed");
    ann.hear("[lobby] -- cyd has left (to bed)");
    bob.hear("[lobby] -- cyd has left (to bed)");
    company.enter("cyd", &mut [&mut ann, &mut bob]).quit();
    ann.hear("[lobby] -- cyd has left");
    bob.hear("[lobby] -- cyd has left");
    // A reason of which nothing is left is none.
    let cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    cyd.leave("/quit \x1b[31m");
    ann.hear("[lobby] -- cyd has left");
    bob.hear("[lobby] -- cyd has left");
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    cyd.client.send("and thanks").half_close();
    cyd.closed();
    for other in [&mut ann, &mut bob] {
        other
            .hear("[lobby] cyd: and thanks")
            .hear("[lobby] -- cyd has left");
    }
    bob.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    ann.hear("[lobby] -- bob has left");
    bob.ask_for(
        "/join lobby",
        &["-- You are in lobby.", "[lobby] (just now) cyd: and thanks"],
    );
    ann.hear("[lobby] -- bob has joined");
    // Nothing happens to who is there already.
    bob.ask("/join lobby", "-- You are in lobby.");
    bob.fence("bob", "ann", &mut ann);
    company.stop([ann, bob]);
}

fn a_connection_that_is_lost_is_told_apart(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let bob = company.enter("bob", &mut [&mut ann]);
    ann.ask("/msg bob are you there?", "[you -> bob] are you there?");
    bob.client.reset_unread();
    ann.hear("[lobby] -- bob has left (connection lost)");
    // The name is free again.
    let bob = company.enter("bob", &mut [&mut ann]);
    company.stop([ann, bob]);
}

fn whoever_does_not_read_is_cut_and_the_others_are_told(case: &Case) {
    let company = Company::under(case, |settings| settings.queued_bytes_max = 8 * 1024);
    let mut ann = company.first("ann");
    let _bob = company.enter("bob", &mut [&mut ann]);
    let lines = format!("{}\n", "x".repeat(1_999)).repeat(50);
    // What the systems take for somebody who does not read is some megabytes, at most.
    let is_told = (0..200).any(|_| {
        ann.client.send(&lines);
        ann.say("/topic");
        let line = ann.next_line();
        let is_told = line == "[lobby] -- bob has left (did not read)";
        if is_told {
            ann.hear("-- lobby is about nothing in particular.");
        }
        is_told
    });
    assert!(is_told, "nothing was too much for bob");
    company.stop([ann]);
}

fn whoever_leaves_leaves_all_rooms(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    ann.begin("games").begin("music");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.ask("/join games", "-- You are in games.");
    ann.hear("[games] -- bob has joined");
    bob.leave("/quit enough");
    // In the order in which he has entered them.
    ann.hear("[lobby] -- bob has left (enough)")
        .hear("[games] -- bob has left (enough)");
    ann.ask_for(
        "/rooms",
        &[
            "-- Rooms: 3",
            "--   games (1)",
            "--   lobby (1)",
            "--   music (1)",
        ],
    );
    company.stop([ann]);
}

fn a_stop_is_told_once_and_nobody_hears_that_others_leave(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.begin("games");
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    cyd.ask("/join games", "-- You are in games.");
    bob.hear("[games] -- cyd has joined");
    // Somebody who has not said his name is told, too.
    let dan = company.visit();
    company.stop([bob, cyd, dan, ann]);
}

fn large_rooms_are_not_told_who_comes_and_goes(case: &Case) {
    let company = Company::under(case, |settings| settings.notices_members_max = 2);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    // With the third it is large.
    let mut cyd = company.enter("cyd", &mut []);
    cyd.say("hello");
    ann.hear("[lobby] cyd: hello");
    bob.hear("[lobby] cyd: hello");
    // Other news is told in any room.
    cyd.ask("/nick dan", "-- You are now dan.");
    ann.hear("[lobby] -- cyd is now dan");
    bob.hear("[lobby] -- cyd is now dan");
    let mut eve = company.enter("eve", &mut []);
    eve.hear("[lobby] (just now) cyd: hello");
    eve.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    // With two that are left it is small again.
    cyd.leave("/quit");
    ann.hear("[lobby] -- dan has left");
    bob.hear("[lobby] -- dan has left");
    ann.quit();
    bob.hear("[lobby] -- ann has left")
        .hear("[lobby] -- bob is the operator now");
    bob.ask_for("/join lobby", &["-- You are in lobby.", OPERATOR]);
    bob.fence("bob", "eve", &mut eve);
    company.stop([bob, eve]);
}

/// In time that is made up, since nobody can be silent for seconds on a busy machine and know that others were not.
#[test]
fn whoever_is_silent_for_too_long_is_cut_and_the_others_are_told() {
    let script = |text: &str| {
        let script = Script::parse(text).expect("it is a script");
        move |_: &mut Random| script.clone()
    };
    // Ann reads and has something to do, of which bob does not hear.
    let ann = script(
        r#"
            send "ann\n"
            expect until "/help lists what you can do.\n" "-- You are an operator here.\n"
            wait 8s
            expect "[lobby] -- bob has joined\n"
            send "/topic\n"
            expect "-- lobby is about nothing in particular.\n"
            wait 8s
            send "/topic\n"
            expect "-- lobby is about nothing in particular.\n"
            wait 8s
            expect "[lobby] -- bob has left (was silent for too long)\n"
            send "/topic\n"
            expect "-- lobby is about nothing in particular.\n"
            half-close
            expect closed
        "#,
    );
    let bob = script(
        r#"
            wait 1s
            send "bob\n"
            expect until "/help lists what you can do.\n"
            expect end
        "#,
    );
    let chat = Chat::new(Settings::default(), None);
    let config = Config {
        idle_timeout: Some(Duration::from_secs(20)),
        ..chat.config(Config::default())
    };
    Simulation::events(move |peer| chat.line_door(peer))
        .config(config)
        .clients(1, ann)
        .clients(1, bob)
        .without_faults()
        .check(0..100)
        .expect("bob alone is silent");
}
