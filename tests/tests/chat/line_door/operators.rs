//! What operators do, whom it concerns, and who is one.

use socketserver_tests::Case;

use super::company::{Company, OPERATOR, all_hear};

socketserver_tests::matrix! {
    events concurrent:
        only_operators_operate,
        a_topic_is_told_and_shown_to_who_enters,
        whoever_is_removed_hears_it_and_is_no_member_any_more,
        whoever_is_muted_stays_so_however_he_comes_again,
        too_many_cannot_be_muted,
        a_key_keeps_out_who_does_not_know_it,
        operators_make_operators_and_the_eldest_member_inherits;
}

fn only_operators_operate(case: &Case) {
    const ONLY: &str = "!! only operators of lobby may do that (/who shows them)";
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    for line in [
        "/topic tea",
        "/key",
        "/key x",
        "/kick ann",
        "/mute ann",
        "/unmute ann",
        "/op bob",
        "/kick nobody9",
    ] {
        bob.ask(line, ONLY);
    }
    bob.ask("/topic", "-- lobby is about nothing in particular.");
    // In a room of his own he is one, and not elsewhere.
    bob.begin("games");
    bob.ask("/kick ann", "!! ann is not in games (/who shows who is)");
    bob.ask("/mute ann", "!! ann is not in games (/who shows who is)");
    bob.ask("/op ann", "!! ann is not in games (/who shows who is)");
    bob.ask("/join lobby", "-- You are in lobby.");
    bob.ask("/kick ann", ONLY);
    bob.fence("bob", "ann", &mut ann);
    company.stop([ann, bob]);
}

fn a_topic_is_told_and_shown_to_who_enters(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    ann.ask(
        "/topic tea and biscuits",
        "-- lobby is about: tea and biscuits",
    );
    bob.hear("[lobby] -- ann says what this is about: tea and biscuits");
    bob.ask("/topic", "-- lobby is about: tea and biscuits");
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    cyd.hear("-- This is about: tea and biscuits");
    ann.ask("/topic \u{7}", "-- lobby is about nothing in particular.");
    all_hear(
        &mut [&mut bob, &mut cyd],
        "[lobby] -- ann says that this is about nothing any more",
    );
    cyd.ask("/join lobby", "-- You are in lobby.");
    company.stop([ann, bob, cyd]);
}

fn whoever_is_removed_hears_it_and_is_no_member_any_more(case: &Case) {
    const NOT_IN: &str = "!! you are not in lobby (/join lobby enters it)";
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    bob.say("buy things");
    all_hear(&mut [&mut ann, &mut cyd], "[lobby] bob: buy things");
    ann.ask("/kick BOB no advertising", "-- You have removed BOB.");
    all_hear(
        &mut [&mut bob, &mut cyd],
        "[lobby] -- ann has removed bob (no advertising)",
    );
    ann.say("where were we?");
    cyd.hear("[lobby] ann: where were we?");
    // He hears nothing of the room, and says nothing there.
    ann.fence("ann", "bob", &mut bob);
    for line in [
        "buy more",
        "/me shouts",
        "/topic",
        "/history",
        "/who",
        "/part",
    ] {
        if line == "/who" {
            // Whoever is outside may look.
            bob.ask_for(line, &["-- In lobby: 2", "--   ann (operator)", "--   cyd"]);
        } else {
            bob.ask(line, NOT_IN);
        }
    }
    bob.fence("bob", "cyd", &mut cyd);
    ann.ask("/kick bob", "!! bob is not in lobby (/who shows who is)");
    // He may come back.
    bob.ask_for(
        "/join lobby",
        &[
            "-- You are in lobby.",
            "[lobby] (just now) bob: buy things",
            "[lobby] (just now) ann: where were we?",
        ],
    );
    all_hear(&mut [&mut ann, &mut cyd], "[lobby] -- bob has joined");
    // Who is elsewhere, too, goes on there.
    bob.begin("games")
        .ask("/join lobby", "-- You are in lobby.");
    ann.ask("/kick bob", "-- You have removed bob.");
    all_hear(&mut [&mut bob, &mut cyd], "[lobby] -- ann has removed bob");
    bob.ask("hello?", NOT_IN)
        .ask_for("/join games", &["-- You are in games.", OPERATOR]);
    bob.say("alone");
    bob.ask("/history", "[games] (just now) bob: alone");
    // Operators remove each other, and themselves.
    ann.ask("/op cyd", "-- cyd is an operator.");
    cyd.hear("[lobby] -- ann has made cyd an operator");
    cyd.ask("/kick ann my turn", "-- You have removed ann.");
    ann.hear("[lobby] -- cyd has removed ann (my turn)");
    ann.ask_for(
        "/join lobby",
        &[
            "-- You are in lobby.",
            "[lobby] (just now) bob: buy things",
            "[lobby] (just now) ann: where were we?",
        ],
    );
    cyd.hear("[lobby] -- ann has joined");
    cyd.ask("/kick cyd", "-- You have removed cyd.");
    ann.hear("[lobby] -- cyd has removed cyd")
        .hear("[lobby] -- ann is the operator now");
    company.stop([ann, bob, cyd]);
}

fn whoever_is_muted_stays_so_however_he_comes_again(case: &Case) {
    const MUTED: &str = "!! you may not speak in lobby (ask an operator: /who shows them)";
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    ann.ask("/mute Bob", "-- Bob may not speak any more.");
    bob.hear("[lobby] -- ann does not let bob speak");
    bob.ask("but", MUTED).ask("/me protests", MUTED);
    bob.ask(
        "/nick rob",
        "!! you may not speak in lobby, and keep your name until you may",
    );
    // Private words are free.
    bob.ask("/msg ann why?", "[you -> ann] why?");
    ann.hear("[bob -> you] why?");
    // It is told once.
    ann.ask("/mute bob", "-- bob may not speak any more.");
    bob.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    ann.hear("[lobby] -- bob has left");
    bob.ask("/join lobby", "-- You are in lobby.");
    ann.hear("[lobby] -- bob has joined");
    bob.ask("and now?", MUTED);
    bob.quit();
    ann.hear("[lobby] -- bob has left");
    let mut bob = company.enter("B0b", &mut [&mut ann]);
    bob.ask("and now?", MUTED);
    bob.quit();
    ann.hear("[lobby] -- B0b has left");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.ask("and now?", MUTED);
    ann.ask_for(
        "/who",
        &[
            "-- In lobby: 2",
            "--   ann (operator)",
            "--   bob (may not speak)",
        ],
    );
    ann.ask("/unmute bob", "-- bob may speak again.");
    bob.hear("[lobby] -- ann lets bob speak");
    bob.say("at last");
    ann.hear("[lobby] bob: at last");
    ann.ask("/unmute bob", "!! bob may speak in lobby already");
    // Also who has gone is forgiven, of which the room hears.
    ann.ask("/mute bob", "-- bob may not speak any more.");
    bob.hear("[lobby] -- ann does not let bob speak");
    bob.quit();
    ann.hear("[lobby] -- bob has left");
    let mut cyd = company.enter("cyd", &mut [&mut ann]);
    cyd.hear("[lobby] (just now) bob: at last");
    ann.ask("/unmute bob", "-- bob may speak again.");
    cyd.hear("[lobby] -- ann lets bob speak");
    company.stop([ann, cyd]);
}

fn too_many_cannot_be_muted(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.visit();
    for number in 0..101 {
        let name = format!("troll-{number}");
        if number == 0 {
            bob.ask(
                &name,
                "-- Hello, troll-0. You are in lobby; /help lists what you can do.",
            );
        } else {
            bob.ask(&format!("/nick {name}"), &format!("-- You are now {name}."));
            bob.ask("/join lobby", "-- You are in lobby.");
        }
        ann.hear(&format!("[lobby] -- {name} has joined"));
        if number == 100 {
            break;
        }
        ann.ask(
            &format!("/mute {name}"),
            &format!("-- {name} may not speak any more."),
        );
        bob.hear(&format!("[lobby] -- ann does not let {name} speak"));
        bob.ask(
            "/part",
            "-- You have left lobby, and are in no room (/join one).",
        );
        ann.hear(&format!("[lobby] -- {name} has left"));
    }
    ann.ask(
        "/mute troll-100",
        "!! too many are muted in lobby already (/unmute somebody, or set a /key)",
    );
    bob.say("ha");
    ann.hear("[lobby] troll-100: ha");
    ann.ask("/unmute troll-7", "-- troll-7 may speak again.");
    bob.hear("[lobby] -- ann lets troll-7 speak");
    ann.ask("/mute troll-100", "-- troll-100 may not speak any more.");
    bob.hear("[lobby] -- ann does not let troll-100 speak");
    company.stop([ann, bob]);
}

fn a_key_keeps_out_who_does_not_know_it(case: &Case) {
    const WRONG: &str = "!! games has a key (/join games KEY enters it)";
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    ann.begin("games")
        .ask("/topic chess", "-- games is about: chess");
    ann.ask(
        "/key open sesame",
        "-- Who does not know the key stays out from now on.",
    );
    bob.ask("/join games", WRONG)
        .ask("/join games Open sesame", WRONG)
        .ask("/join games open", WRONG);
    // Nor does he see anything of it but that it is there.
    bob.ask(
        "/who games",
        "!! you are not in games (/join games enters it)",
    );
    bob.ask_for(
        "/rooms",
        &[
            "-- Rooms: 2",
            "--   lobby (2)",
            "--   games (1, with a key)",
        ],
    );
    ann.ask_for(
        "/rooms",
        &[
            "-- Rooms: 2",
            "--   lobby (2)",
            "--   games (1, with a key): chess",
        ],
    );
    bob.ask_for(
        "/join games  open sesame ",
        &["-- You are in games.", "-- This is about: chess"],
    );
    ann.hear("[games] -- bob has joined");
    bob.ask_for(
        "/who games",
        &["-- In games: 2", "--   ann (operator)", "--   bob"],
    );
    // Who is in needs no key.
    bob.ask_for(
        "/join games",
        &["-- You are in games.", "-- This is about: chess"],
    );
    ann.ask(
        "/key 2",
        "-- Who does not know the key stays out from now on.",
    );
    bob.hear("[games] -- ann has given the room a key");
    bob.ask("/part", "-- You have left games, and speak in lobby.");
    ann.hear("[games] -- bob has left");
    bob.ask("/join games open sesame", WRONG).ask_for(
        "/join games 2",
        &["-- You are in games.", "-- This is about: chess"],
    );
    ann.hear("[games] -- bob has joined");
    ann.ask("/key", "-- Everybody may enter.");
    bob.hear("[games] -- ann has opened the room to everybody");
    bob.ask("/part", "-- You have left games, and speak in lobby.");
    ann.hear("[games] -- bob has left");
    bob.ask_for(
        "/join games",
        &["-- You are in games.", "-- This is about: chess"],
    );
    ann.hear("[games] -- bob has joined");
    company.stop([ann, bob]);
}

fn operators_make_operators_and_the_eldest_member_inherits(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    let mut dan = company.enter("dan", &mut [&mut ann, &mut bob, &mut cyd]);
    ann.ask("/op cyd", "-- cyd is an operator.");
    all_hear(
        &mut [&mut bob, &mut cyd, &mut dan],
        "[lobby] -- ann has made cyd an operator",
    );
    // It is told once.
    ann.ask("/op cyd", "-- cyd is an operator.");
    dan.ask_for(
        "/who",
        &[
            "-- In lobby: 4",
            "--   ann (operator)",
            "--   bob",
            "--   cyd (operator)",
            "--   dan",
        ],
    );
    // As long as there is one, nobody inherits.
    ann.quit();
    all_hear(
        &mut [&mut bob, &mut cyd, &mut dan],
        "[lobby] -- ann has left",
    );
    bob.ask(
        "/topic x",
        "!! only operators of lobby may do that (/who shows them)",
    );
    // Who leaves and comes again is the youngest.
    bob.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    all_hear(&mut [&mut cyd, &mut dan], "[lobby] -- bob has left");
    bob.ask("/join lobby", "-- You are in lobby.");
    all_hear(&mut [&mut cyd, &mut dan], "[lobby] -- bob has joined");
    cyd.quit();
    all_hear(&mut [&mut bob, &mut dan], "[lobby] -- cyd has left");
    all_hear(
        &mut [&mut bob, &mut dan],
        "[lobby] -- dan is the operator now",
    );
    dan.ask("/topic tea", "-- lobby is about: tea");
    bob.hear("[lobby] -- dan says what this is about: tea");
    bob.ask(
        "/kick dan",
        "!! only operators of lobby may do that (/who shows them)",
    );
    dan.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    bob.hear("[lobby] -- dan has left")
        .hear("[lobby] -- bob is the operator now");
    // Who was one is none when he comes again.
    dan.ask_for(
        "/join lobby",
        &["-- You are in lobby.", "-- This is about: tea"],
    );
    bob.hear("[lobby] -- dan has joined");
    dan.ask(
        "/topic x",
        "!! only operators of lobby may do that (/who shows them)",
    );
    company.stop([bob, dan]);
}
