//! What members say, in rooms and to each other, and by which names.

use socketserver::Config;
use socketserver::testkit::random::Random;
use socketserver::testkit::script::Script;
use socketserver::testkit::sim::Simulation;
use socketserver_handlers::chat::{Chat, Settings};
use socketserver_tests::Case;

use super::company::{Company, all_hear, numbered};

socketserver_tests::matrix! {
    events concurrent:
        everybody_hears_what_one_says_and_the_speaker_does_not,
        nobody_is_sent_what_acts_on_a_terminal,
        a_text_for_one_is_heard_by_nobody_else,
        a_text_for_who_is_away_is_answered_so,
        whoever_is_away_is_back_when_he_says_something,
        names_change_and_are_free_then,
        nobody_has_a_name_that_looks_like_another_one,
        lines_of_several_have_one_order_for_all;
}

fn everybody_hears_what_one_says_and_the_speaker_does_not(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    for (said, heard) in [
        ("hello", "[lobby] ann: hello"),
        ("  two  words  ", "[lobby] ann: two  words"),
        ("/me waves ", "[lobby] * ann waves"),
        ("//etc is a folder", "[lobby] ann: /etc is a folder"),
        ("//", "[lobby] ann: /"),
        ("[lobby] bob: me", "[lobby] ann: [lobby] bob: me"),
        (
            "Gr\u{fc}\u{df}e, \u{4e16}\u{754c} \u{1f44b}",
            "[lobby] ann: Gr\u{fc}\u{df}e, \u{4e16}\u{754c} \u{1f44b}",
        ),
    ] {
        ann.say(said);
        all_hear(&mut [&mut bob, &mut cyd], heard);
    }
    bob.say("hello, ann");
    all_hear(&mut [&mut ann, &mut cyd], "[lobby] bob: hello, ann");
    // Several lines in one piece, and a last one in two.
    cyd.client.send("one\r\ntwo\nth");
    cyd.client.send("ree\n");
    for line in ["[lobby] cyd: one", "[lobby] cyd: two", "[lobby] cyd: three"] {
        all_hear(&mut [&mut ann, &mut bob], line);
    }
    company.stop([ann, bob, cyd]);
}

fn nobody_is_sent_what_acts_on_a_terminal(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    for (said, heard) in [
        ("\x1b]0;title\x07a\x1b[31mb", "[lobby] ann: ab"),
        ("a\rb\u{85}c\u{2028}d", "[lobby] ann: abcd"),
        ("\u{202e}drow\u{200b}", "[lobby] ann: drow"),
        ("/me \u{9b}2Jwaves\u{7}", "[lobby] * ann waves"),
        (
            "/topic \x1b[7mtea\x1b[0m",
            "[lobby] -- ann says what this is about: tea",
        ),
        ("/away \x1b[7mtea", "[lobby] -- ann is away: tea"),
    ] {
        ann.say(said);
        bob.hear(heard);
    }
    ann.hear("-- lobby is about: tea").hear("-- You are away.");
    ann.ask("/msg bob \x1b[2Jboo", "[you -> bob] boo");
    bob.hear("[ann -> you] boo");
    ann.ask("/kick bob \x1b]52;c;cm0=\x07", "-- You have removed bob.");
    bob.hear("[lobby] -- ann has removed bob");
    company.stop([ann, bob]);
}

fn a_text_for_one_is_heard_by_nobody_else(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    ann.ask("/msg bob for you alone", "[you -> bob] for you alone");
    bob.hear("[ann -> you] for you alone");
    // In any case, and without a room that both are in.
    bob.ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    all_hear(&mut [&mut ann, &mut cyd], "[lobby] -- bob has left");
    cyd.ask("/msg BOB  where are  you?", "[you -> BOB] where are  you?");
    bob.hear("[cyd -> you] where are  you?");
    bob.ask("/msg Cyd //here", "[you -> Cyd] //here");
    cyd.hear("[bob -> you] //here");
    ann.ask(
        "/msg dan hello",
        "!! nobody here is called dan (/who shows who is)",
    );
    bob.quit();
    ann.ask(
        "/msg bob hello",
        "!! nobody here is called bob (/who shows who is)",
    );
    // It is in no history.
    ann.ask("/history", "-- Nothing was said yet.");
    company.stop([ann, cyd]);
}

fn a_text_for_who_is_away_is_answered_so(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.ask("/away at lunch", "-- You are away.");
    ann.hear("[lobby] -- bob is away: at lunch");
    ann.ask_for(
        "/msg bob hungry?",
        &["[you -> bob] hungry?", "-- bob is away: at lunch"],
    );
    bob.hear("[ann -> you] hungry?");
    // To answer is not to be back.
    bob.ask("/msg ann yes", "[you -> ann] yes");
    ann.hear("[bob -> you] yes");
    ann.ask_for(
        "/msg bob good",
        &["[you -> bob] good", "-- bob is away: at lunch"],
    );
    bob.hear("[ann -> you] good");
    company.stop([ann, bob]);
}

fn whoever_is_away_is_back_when_he_says_something(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    ann.begin("games");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.ask("/join games", "-- You are in games.");
    ann.hear("[games] -- bob has joined");
    bob.ask("/away out", "-- You are away.");
    ann.hear("[lobby] -- bob is away: out")
        .hear("[games] -- bob is away: out");
    // The same reason is no news.
    bob.ask("/away out", "-- You are away.");
    bob.ask("/away still out", "-- You are away.");
    ann.hear("[lobby] -- bob is away: still out")
        .hear("[games] -- bob is away: still out");
    bob.say("here I am");
    ann.hear("[lobby] -- bob is back")
        .hear("[games] -- bob is back")
        .hear("[games] bob: here I am");
    bob.ask("/away out", "-- You are away.");
    ann.hear("[lobby] -- bob is away: out")
        .hear("[games] -- bob is away: out");
    bob.ask("/away", "-- You are back.");
    ann.hear("[lobby] -- bob is back")
        .hear("[games] -- bob is back");
    bob.ask("/away", "-- You are back.");
    // Who may not speak is not back by trying to.
    bob.ask("/away out", "-- You are away.");
    ann.hear("[lobby] -- bob is away: out")
        .hear("[games] -- bob is away: out");
    ann.ask("/mute bob", "-- bob may not speak any more.");
    bob.hear("[games] -- ann does not let bob speak");
    bob.ask(
        "but",
        "!! you may not speak in games (ask an operator: /who shows them)",
    );
    bob.fence("bob", "ann", &mut ann);
    company.stop([ann, bob]);
}

fn names_change_and_are_free_then(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("ann");
    ann.begin("games").begin("music");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    bob.ask("/join games", "-- You are in games.");
    ann.hear("[games] -- bob has joined");
    bob.ask("/nick rob", "-- You are now rob.");
    ann.hear("[lobby] -- bob is now rob")
        .hear("[games] -- bob is now rob");
    bob.ask("/nick ROB", "-- You are now ROB.");
    ann.hear("[lobby] -- rob is now ROB")
        .hear("[games] -- rob is now ROB");
    bob.say("me");
    ann.hear("[games] ROB: me");
    ann.ask(
        "/msg bob hello",
        "!! nobody here is called bob (/who shows who is)",
    );
    ann.ask("/msg rob hello", "[you -> rob] hello");
    bob.hear("[ann -> you] hello");
    let mut new = company.enter("bob", &mut [&mut ann, &mut bob]);
    new.ask(
        "/nick Rob",
        "!! Rob is taken, or looks like a name that is (choose another one)",
    );
    new.ask("/nick bob", "-- You are now bob.");
    all_hear(&mut [&mut ann, &mut bob], "[lobby] -- bob is now bob");
    company.stop([ann, bob, new]);
}

fn nobody_has_a_name_that_looks_like_another_one(case: &Case) {
    let company = Company::new(case);
    let mut ann = company.first("Anna");
    let mut bob = company.visit();
    for name in ["Anna", "anna", " ANNA "] {
        let name = name.trim();
        bob.ask(
            name,
            &format!("!! {name} is taken, or looks like a name that is (choose another one)"),
        );
    }
    bob.say("paul")
        .hear("-- Hello, paul. You are in lobby; /help lists what you can do.");
    ann.hear("[lobby] -- paul has joined");
    // A Cyrillic one that looks the same, and letters that look like digits.
    ann.ask(
        "/nick pau1",
        "!! pau1 is taken, or looks like a name that is (choose another one)",
    );
    bob.ask(
        "/nick anna",
        "!! anna is taken, or looks like a name that is (choose another one)",
    );
    bob.ask(
        "/nick \u{441}\u{430}\u{440}\u{430}",
        "-- You are now \u{441}\u{430}\u{440}\u{430}.",
    );
    ann.hear("[lobby] -- paul is now \u{441}\u{430}\u{440}\u{430}");
    ann.ask(
        "/nick capa",
        "!! capa is taken, or looks like a name that is (choose another one)",
    );
    company.stop([ann, bob]);
}

fn lines_of_several_have_one_order_for_all(case: &Case) {
    const LINES: u32 = 50;
    let company = Company::new(case);
    let mut ann = company.first("ann");
    let mut bob = company.enter("bob", &mut [&mut ann]);
    let mut cyd = company.enter("cyd", &mut [&mut ann, &mut bob]);
    let mut dan = company.enter("dan", &mut [&mut ann, &mut bob, &mut cyd]);
    // All at once, and several in one piece.
    for piece in 0..LINES / 5 {
        for speaker in [&mut ann, &mut bob, &mut cyd] {
            speaker.client.send(numbered(piece * 5..piece * 5 + 5));
        }
    }
    let all: Vec<_> = (0..3 * LINES).map(|_| dan.next_line()).collect();
    for (name, speaker) in [("ann", &mut ann), ("bob", &mut bob), ("cyd", &mut cyd)] {
        let own = format!("[lobby] {name}: ");
        let of_own: Vec<_> = all.iter().filter(|line| line.starts_with(&own)).collect();
        let expected: Vec<_> = (0..LINES).map(|line| format!("{own}{line}")).collect();
        assert_eq!(of_own, expected.iter().collect::<Vec<_>>());
        for line in all.iter().filter(|line| !line.starts_with(&own)) {
            speaker.hear(line);
        }
    }
    company.stop([ann, bob, cyd, dan]);
}

/// On the seeded network, where a few kilobytes are more than it takes for somebody who does not read.
#[test]
fn whoever_does_not_read_is_told_no_more() {
    let script = |text: String| {
        let script = Script::parse(&text).expect("it is a script");
        move |_: &mut Random| script.clone()
    };
    let told = format!("send \"/msg bob {}\\n\"\n", "x".repeat(1_900)).repeat(8);
    let ann = script(format!(
        r#"
            wait 1s
            send "ann\n"
            expect until "/help lists what you can do.\n"
            {told}
            expect until "\n!! bob does not read at the moment (try again later)\n"
            wait 4s
            send "hello, all\n/quit\n"
            expect until "-- Bye.\n"
            expect closed
        "#
    ));
    // He is a member all the same, and reads what was told before.
    let bob = script(
        r#"
            send "bob\n"
            expect until "-- You are an operator here.\n"
            wait 3s
            expect "[lobby] -- ann has joined\n[ann -> you] x" until "[lobby] ann: hello, all\n"
            expect until "[lobby] -- ann has left\n"
            half-close
            expect closed
        "#
        .to_owned(),
    );
    let settings = Settings {
        queued_bytes_max: 3 * 1024,
        ..Settings::default()
    };
    let chat = Chat::new(settings, None);
    let config = chat.config(Config::default());
    Simulation::events(move |peer| chat.line_door(peer))
        .config(config)
        .clients(1, ann)
        .clients(1, bob)
        .without_faults()
        .check(0..15)
        .expect("bob does not read");
}
