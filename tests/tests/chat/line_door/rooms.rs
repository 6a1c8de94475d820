//! Rooms: what they remember, what is listed of them, how long they exist, and how many there may be of everything.

use socketserver_handlers::chat::hub::Settings;
use socketserver_tests::Case;

use super::company::{Company, Speaker, all_hear};

socketserver_tests::matrix! {
    events concurrent:
        everybody_hears_of_his_own_rooms_alone,
        who_comes_is_told_what_was_said_before,
        a_room_remembers_so_many_lines,
        a_room_remembers_so_many_bytes,
        a_room_that_is_empty_is_forgotten_with_all_that_belongs_to_it,
        a_chat_that_is_full_takes_nobody,
        a_room_that_is_full_takes_nobody,
        there_are_so_many_rooms_and_no_more;
    events reactor:
        lists_are_no_longer_than_two_hundred;
}

fn everybody_hears_of_his_own_rooms_alone(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    ann.begin("games");
    bob.ask("/join GAMES", "-- You are in games.");
    ann.hear("[games] -- bob has joined");
    // What was joined last is where one speaks.
    bob.say("who plays?");
    ann.hear("[games] bob: who plays?").say("I do");
    bob.hear("[games] ann: I do");
    ann.ask(
        "/join #lobby",
        "-- You are in lobby.\n-- You are an operator here.",
    )
    .say("back here");
    all_hear(&mut [&mut bob, &mut cyd], "[lobby] ann: back here");
    // A room that is not the current one is left as well.
    bob.ask("/part lobby", "-- You have left lobby, and speak in GAMES.");
    all_hear(&mut [&mut ann, &mut cyd], "[lobby] -- bob has left");
    cyd.say("bye, bob");
    ann.hear("[lobby] cyd: bye, bob");
    bob.say("anybody?");
    ann.hear("[games] bob: anybody?");
    // Cyd has heard nothing of the games, and bob nothing of the lobby.
    bob.fence("bob", "cyd", &mut cyd);
    ann.fence("ann", "bob", &mut bob);
    bob.ask("/history", "[games] (just now) bob: who plays?")
        .hear("[games] (just now) ann: I do")
        .hear("[games] (just now) bob: anybody?");
    company.stop([ann, bob, cyd]);
}

fn who_comes_is_told_what_was_said_before(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    ann.say("one").say("/me counts").say("//two");
    ann.ask("/topic numbers", "-- lobby is about: numbers");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let said = [
        "[lobby] (just now) ann: one",
        "[lobby] (just now) * ann counts",
        "[lobby] (just now) ann: /two",
    ];
    bob.hear("-- This is about: numbers");
    bob.hear_all(&said);
    // Who is there already is not told again unless he asks.
    bob.ask_for(
        "/join lobby",
        &["-- You are in lobby.", "-- This is about: numbers"],
    );
    bob.ask_for("/history", &said)
        .ask_for("/history 2", &said[1..]);
    // What was said stays said by the name of then.
    ann.ask("/nick eve", "-- You are now eve.");
    bob.hear("[lobby] -- ann is now eve")
        .ask("/history 1", said[2]);
    company.stop([ann, bob]);
}

fn a_room_remembers_so_many_lines(case: &Case) {
    let company = Company::under(case, |settings| settings.history_lines_max = 3);
    let mut ann = company.first("ann");
    for line in 1..=5 {
        ann.say(&line.to_string());
    }
    let last = [
        "[lobby] (just now) ann: 3",
        "[lobby] (just now) ann: 4",
        "[lobby] (just now) ann: 5",
    ];
    ann.ask_for("/history", &last)
        .ask_for("/history 4", &last)
        .ask_for("/history 1", &last[2..]);
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.hear_all(&last);
    company.stop([ann, bob]);
}

fn a_room_remembers_so_many_bytes(case: &Case) {
    // What each line takes besides its text.
    const LINE_BYTES: usize = 160;
    let company = Company::under(case, |settings| {
        settings.history_bytes_max = 2 * (LINE_BYTES + 10);
    });
    let mut ann = company.first("ann");
    ann.say("1234567890").say("0987654321");
    let both = [
        "[lobby] (just now) ann: 1234567890",
        "[lobby] (just now) ann: 0987654321",
    ];
    ann.ask_for("/history", &both);
    // A byte is more than there is room for, and takes two away.
    ann.say(&"x".repeat(11)).ask(
        "/history",
        &format!("[lobby] (just now) ann: {}", "x".repeat(11)),
    );
    // What is too long for it is not remembered, nor anything before it.
    ann.say(&"y".repeat(2 * (LINE_BYTES + 10) - LINE_BYTES + 1))
        .ask("/history", "-- Nothing was said yet.");
    ann.say("z").ask("/history", "[lobby] (just now) ann: z");
    company.stop([ann]);
}

fn a_room_that_is_empty_is_forgotten_with_all_that_belongs_to_it(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    ann.begin("games")
        .ask("/topic chess", "-- games is about: chess");
    bob.ask_for(
        "/join games",
        &["-- You are in games.", "-- This is about: chess"],
    );
    ann.hear("[games] -- bob has joined")
        .ask("/mute bob", "-- bob may not speak any more.");
    bob.hear("[games] -- ann does not let bob speak");
    ann.ask(
        "/key x",
        "-- Who does not know the key stays out from now on.",
    )
    .say("check");
    bob.hear("[games] -- ann has given the room a key")
        .hear("[games] ann: check");
    bob.ask("/part", "-- You have left games, and speak in lobby.");
    ann.hear("[games] -- bob has left")
        .ask("/part games", "-- You have left games, and speak in lobby.");
    bob.ask(
        "/who games",
        "!! there is no room games (/rooms shows which there are)",
    );
    bob.ask_for("/rooms", &["-- Rooms: 1", "--   lobby (2)"]);
    // Neither topic nor key nor what was said; and who was muted is an operator.
    bob.begin("Games")
        .say("hello")
        .ask("/history", "[Games] (just now) bob: hello");
    bob.ask("/topic", "-- Games is about nothing in particular.");
    company.stop([ann, bob]);
}

fn a_chat_that_is_full_takes_nobody(case: &Case) {
    let company = Company::under(case, |settings| settings.members_max = 2);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.visit();
    cyd.ask("cyd", "!! the chat is full (try again later)");
    // The name matters first, and nobody who is in is touched.
    cyd.ask(
        "server",
        "!! the name is reserved, or looks like one that is; choose another one",
    );
    bob.ask("/nick rob", "-- You are now rob.");
    ann.hear("[lobby] -- bob is now rob");
    bob.quit();
    ann.hear("[lobby] -- rob has left");
    cyd.say("cyd")
        .hear("-- Hello, cyd. You are in lobby; /help lists what you can do.");
    ann.hear("[lobby] -- cyd has joined");
    company.stop([ann, cyd]);
}

fn a_room_that_is_full_takes_nobody(case: &Case) {
    let company = Company::under(case, |settings| settings.members_per_room_max = 2);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.visit();
    cyd.say("cyd")
        .hear("-- Hello, cyd. You are in no room; /help lists what you can do.");
    cyd.hear("!! lobby is full (try again later)");
    cyd.ask("hello", "!! you are not in lobby (/join lobby enters it)");
    cyd.begin("games")
        .ask("/join lobby", "!! lobby is full (try again later)");
    // Who is in it already needs no place.
    bob.ask("/join lobby", "-- You are in lobby.");
    ann.ask(
        "/key x",
        "-- Who does not know the key stays out from now on.",
    );
    bob.hear("[lobby] -- ann has given the room a key");
    cyd.ask(
        "/join lobby",
        "!! lobby has a key (/join lobby KEY enters it)",
    );
    cyd.ask("/join lobby x", "!! lobby is full (try again later)");
    bob.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    ann.hear("[lobby] -- bob has left");
    cyd.ask("/join lobby x", "-- You are in lobby.");
    ann.hear("[lobby] -- cyd has joined");
    company.stop([ann, bob, cyd]);
}

fn there_are_so_many_rooms_and_no_more(case: &Case) {
    const NO_MORE: &str = "!! there are as many rooms as there may be (enter one of them: /rooms)";
    let company = Company::under(case, |settings: &mut Settings| {
        settings.rooms_max = 3;
        settings.rooms_per_member_max = 2;
    });
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    ann.begin("a1");
    bob.begin("b2");
    bob.ask(
        "/join a1",
        "!! you are in 2 rooms, which is the most (/part one)",
    );
    bob.ask("/part lobby", "-- You have left lobby, and speak in b2.");
    ann.hear("[lobby] -- bob has left");
    bob.ask("/join c3", NO_MORE)
        .ask("/join a1", "-- You are in a1.");
    ann.hear("[a1] -- bob has joined");
    bob.ask("/part b2", "-- You have left b2, and speak in a1.")
        .begin("c3");
    company.stop([ann, bob]);
}

fn lists_are_no_longer_than_two_hundred(case: &Case) {
    const OTHERS: usize = 204;
    let company = Company::under(case, |settings| settings.notices_members_max = 0);
    let mut ann = company.first("ann");
    let mut others: Vec<Speaker> = Vec::new();
    for number in 0..OTHERS {
        let mut other = company.enter(&format!("x{number}"), &mut []);
        other.begin(&format!("room-{number}"));
        others.push(other);
    }
    // In the order in which they have come.
    ann.say("/who")
        .hear(&format!("-- In lobby: {}", OTHERS + 1))
        .hear("--   ann (operator)");
    for number in 0..199 {
        ann.hear(&format!("--   x{number}"));
    }
    ann.hear("--   and 5 more");
    // The largest first, and others as they come.
    ann.say("/rooms")
        .hear(&format!("-- Rooms: {}", OTHERS + 1))
        .hear(&format!("--   lobby ({})", OTHERS + 1));
    for _ in 0..199 {
        let line = ann.next_line();
        assert!(
            line.starts_with("--   room-") && line.ends_with(" (1)"),
            "{line}"
        );
    }
    ann.hear("--   and 5 more");
    // With two hundred nothing is left out.
    for other in others.drain(200 - 1..) {
        other.leave("/quit");
    }
    ann.say("/who")
        .hear("-- In lobby: 200")
        .hear("--   ann (operator)");
    for number in 0..199 {
        ann.hear(&format!("--   x{number}"));
    }
    ann.say("/rooms")
        .hear("-- Rooms: 200")
        .hear("--   lobby (200)");
    let mut names: Vec<_> = (0..199)
        .map(|number| format!("--   room-{number} (1)"))
        .collect();
    let mut listed: Vec<_> = names.iter().map(|_| ann.next_line()).collect();
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
    ann.ask_for("/topic", &["-- lobby is about nothing in particular."]);
    ann.begin("last");
    drop(others);
    let left = company
        .server
        .until("the others to go", |stats| stats.live == 1);
    assert_eq!(left.live, 1);
    company.stop([ann]);
}
