//! Nobody gets a name that looks like somebody else's, or like the server's.

use std::sync::Barrier;
use std::thread;

use socketserver_tests::Case;

use crate::people::{Person, chat, serve};

socketserver_tests::matrix! {
    events concurrent: impostors_are_refused, of_many_who_want_a_name_one_gets_it;
}

/// Names, and others that look like them: by case, by form, by script, and by letters that nobody tells apart.
const LOOK_ALIKE: [(&str, &[&str]); 9] = [
    (
        "ann",
        &[
            "Ann",
            "ANN",
            " ann ",
            "аnn",
            "a\u{200b}nn",
            "ann\u{202e}",
            "аnո",
            "ａｎｎ",
            "𝐚𝐧𝐧",
            "ann\u{fe0f}",
        ],
    ),
    ("Paul", &["paul", "PauI", "Pau1", "РаuІ", "paul\u{ad}"]),
    ("rnodem", &["modem", "rnodern", "modern"]),
    ("zoe\u{301}", &["zo\u{e9}", "ZOÉ", "zoe\u{301}"]),
    (
        "scope",
        &[
            "ѕсоре",
            "sсоре",
            "SCOPE",
            "5cope\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        ],
    ),
    ("b0b", &["bOb", "bob", "BOB", "bоb"]),
    ("Сара", &["Capa", "сара", "САРА"]),
    ("x_y", &["x_y", "X_Y", "х_у"]),
    ("Müller", &["mu\u{308}ller", "MÜLLER", "MU\u{308}LLER"]),
];

/// Names that are the server's, and some that look so.
const RESERVED: [&str; 14] = [
    "server",
    "Server",
    "SERVER",
    "sеrvеr",
    "admin",
    "Adrnin",
    "ADMIN",
    "root",
    "r00t",
    "you",
    "Y0u",
    "system",
    "operator",
    "serv\u{200b}er",
];

fn impostors_are_refused(case: &Case) {
    let chat = chat();
    let server = serve(case, &chat);
    for (name, others) in LOOK_ALIKE {
        let mut owner = Person::connect(&server);
        owner.say(name);
        owner.until("-- Hello, ");
        // As a first name, and as a new one.
        let mut stranger = Person::connect(&server);
        let mut member = Person::enter(&server, "qqq");
        stranger.line();
        for other in others {
            stranger.say(other);
            let line = stranger.line();
            assert!(line.starts_with("!! "), "{other:?} beside {name:?}: {line}");
            member.all();
            member.say(&format!("/nick {other}"));
            let line = member.line();
            assert!(line.starts_with("!! "), "{other:?} beside {name:?}: {line}");
        }
        // Who has the name may write it in another way.
        if name == "ann" {
            owner.all();
            owner.say("/nick ANN");
            owner.until("-- You are now ANN.");
        }
        for mut person in [owner, member] {
            person.say("/quit");
            person.until("-- Bye.");
        }
        drop(stranger);
        server.until("all to be gone", |stats| stats.live == 0);
    }
    let mut stranger = Person::connect(&server);
    stranger.line();
    for name in RESERVED {
        stranger.say(name);
        let line = stranger.line();
        assert!(line.starts_with("!! "), "{name:?}: {line}");
    }
    drop(stranger);
    server.stop();
}

fn of_many_who_want_a_name_one_gets_it(case: &Case) {
    const STRANGERS: usize = 4;
    let chat = chat();
    let server = serve(case, &chat);
    // The connections of a pool of four are served at once.
    let mut strangers: Vec<_> = (0..STRANGERS).map(|_| Person::connect(&server)).collect();
    for stranger in &mut strangers {
        stranger.line();
    }
    for round in 0..20 {
        let barrier = Barrier::new(STRANGERS);
        let entered: usize = thread::scope(|scope| {
            let threads: Vec<_> = strangers
                .iter_mut()
                .enumerate()
                .map(|(number, stranger)| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        // Those who are members ask for another name, and the others for their first.
                        let name = ["Max", "max", "MAX", "mAx"][number];
                        let is_member = round > 0;
                        let line = if is_member { "/nick " } else { "" };
                        stranger.say(&format!("{line}{name}{round}"));
                        loop {
                            let line = stranger.line();
                            if line.starts_with("-- Hello") || line.starts_with("-- You are now") {
                                return 1;
                            }
                            if line.starts_with("!! ") {
                                return 0;
                            }
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("it does not fail"))
                .sum()
        });
        assert_eq!(entered, 1, "in round {round}");
        if round == 0 {
            for (number, stranger) in strangers.iter_mut().enumerate() {
                // Whoever is in says it, and whoever is not gets in by it.
                stranger.say(&format!("guest{number}"));
                stranger.say("/nick");
                stranger.until("!! that is written /nick NAME");
            }
        }
        for (number, stranger) in strangers.iter_mut().enumerate() {
            stranger.say(&format!("/nick guest{number}"));
            stranger.all();
        }
    }
    drop(strangers);
    server.stop();
}
