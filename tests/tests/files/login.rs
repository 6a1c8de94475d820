//! Who may do what, and where: logins in every mode.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socketserver::Mode;
use socketserver_tests::files::{Place, Speaker, frame, word};
use socketserver_tests::{Case, End, Style, Transport};

socketserver_tests::matrix! {
    events: a_login_leads_to_the_users_home,
        nobody_may_do_anything_before_login,
        a_stranger_has_four_kibibytes_for_a_header,
        a_name_with_a_nul_is_no_other_name;
    events concurrent: a_session_has_its_own_user_and_folder;
}

fn a_login_leads_to_the_users_home(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut speaker = Speaker::connect(&server);
    let reply = speaker.ask(r#"{"cmd": "login bob geheim"}"#);
    assert_eq!((word(&reply), &reply["access"]), ("ok", &json!("rw")));
    let stored = speaker.ask_with(r#"{"cmd": "put a.txt sub", "size": 3}"#, b"abc");
    assert_eq!(stored["res"], "stored /sub/a.txt (3 bytes)");
    assert_eq!(fs::read(place.root("bob/sub/a.txt")).unwrap(), b"abc");
    assert_eq!(speaker.ask(r#"{"cmd": "cd sub"}"#)["path"], "/sub");
    let missing = speaker.ask(r#"{"cmd": "get nothing"}"#);
    assert_eq!(missing["res"], "/sub/nothing is not there");
    // What the user has said himself comes back as it was, also where it looks like his home.
    let unknown = speaker.ask(r#"{"cmd": "x/bob/y"}"#);
    assert_eq!(
        unknown["res"],
        "unknown command \"x/bob/y\" (ask for help to see which there are)"
    );

    // Whoever logs in again is somebody else, at another place.
    let reply = speaker.log_in("ann", "other secret");
    assert_eq!((word(&reply), &reply["access"]), ("ok", &json!("ro")));
    assert_eq!(folder(&mut speaker), "/");
    assert_eq!(speaker.word(r#"{"cmd": "get sub/a.txt"}"#), "not_found");
    assert_eq!(speaker.word(r#"{"verb": "mkdir", "path": "x"}"#), "denied");
    assert_eq!(
        speaker.ask(r#"{"verb": "cd", "path": "../../bob"}"#)["err"],
        "not_found"
    );
    assert!(place.names("ann").is_empty());

    speaker.log_in("bob", "geheim");
    assert_eq!(folder(&mut speaker), "/");
    assert_eq!(speaker.ask(r#"{"cmd": "quit"}"#)["res"], "bye");
    assert_eq!(speaker.expect_end(), End::Closed);
    drop(speaker);
    server.stop();
}

fn folder(speaker: &mut Speaker) -> Value {
    speaker.ask(r#"{"verb": "pwd"}"#)["path"].clone()
}

fn a_session_has_its_own_user_and_folder(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut bob = Speaker::logged_in(&server, "bob");
    let mut ann = Speaker::logged_in(&server, "ann");
    let mut bob_too = Speaker::logged_in(&server, "bob");
    assert_eq!(bob.word(r#"{"cmd": "mkdir a"}"#), "ok");
    assert_eq!(bob.word(r#"{"cmd": "cd a"}"#), "ok");
    for other in [&mut ann, &mut bob_too] {
        assert_eq!(folder(other), "/");
    }
    assert_eq!(bob_too.word(r#"{"cmd": "cd a"}"#), "ok");
    assert_eq!(ann.word(r#"{"cmd": "cd a"}"#), "not_found");
    assert_eq!(ann.ask(r#"{"cmd": "ls"}"#)["entries"], json!([]));
    assert_eq!(bob.word(r#"{"cmd": "cd .."}"#), "ok");
    assert_eq!(folder(&mut bob_too), "/a");
    drop((bob, ann, bob_too));
    server.stop();
}

/// Each verb of both versions that needs a login, as a header and its body.
fn everything() -> Vec<(String, &'static [u8])> {
    let first = [
        "pwd", "cd /", "cd ..", "ls", "stat bob", "hash bob", "mkdir x", "rm bob", "mv bob x",
        "get bob", "put x",
    ];
    let first = first.map(|line| json!({ "cmd": line }));
    let second = [
        "pwd", "cd", "ls", "stat", "hash", "mkdir", "rm", "mv", "get",
    ];
    let second = second.map(|verb| json!({"verb": verb, "path": "bob", "to": "x"}));
    let phases = ["open", "commit", "abort"].map(
        |phase| json!({"verb": "put", "phase": phase, "path": "x", "total": 1, "token": "1", "hash": "0"}),
    );
    let bare = first.into_iter().chain(second).chain(phases);
    let mut all: Vec<_> = bare
        .map(|header| (header.to_string(), b"".as_slice()))
        .collect();
    let data = json!({"verb": "put", "phase": "data", "token": "1", "offset": 0, "size": 3});
    all.push((data.to_string(), b"abc"));
    all.push((json!({"cmd": "put x", "size": 3}).to_string(), b"abc"));
    all
}

fn expect_everything_refused(speaker: &mut Speaker) {
    for (header, body) in everything() {
        let reply = speaker.ask_with(&header, body);
        assert_eq!(word(&reply), "auth", "{header}: {reply}");
    }
    for (header, code) in [
        (json!({"cmd": "hello", "v": 2}), 200),
        (json!({"cmd": "help"}), 200),
    ] {
        assert_eq!(speaker.ask(header)["code"], code);
    }
}

fn nobody_may_do_anything_before_login(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut speaker = Speaker::connect(&server);
    expect_everything_refused(&mut speaker);
    assert!(place.names("").is_empty(), "{:?}", place.names(""));
    assert_eq!(word(&speaker.log_in("bob", "geheim")), "ok");
    assert_eq!(folder(&mut speaker), "/");
    drop(speaker);
    server.stop();
}

fn a_stranger_has_four_kibibytes_for_a_header(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let padded = |line: &str, length: usize| {
        let header = json!({"cmd": line, "pad": ""}).to_string();
        let pad = "x".repeat(length - header.len());
        header.replace("\"pad\":\"\"", &format!("\"pad\":\"{pad}\""))
    };
    let password = "p".repeat(1 << 20);
    let long = json!({"verb": "login", "user": "bob", "psd": password}).to_string();
    for header in [long, padded("help", 4097)] {
        let mut speaker = Speaker::connect(&server);
        // The server answers when it knows the length, and takes in the rest only to throw it away.
        speaker.send(&frame(&header)[..4000]);
        assert_eq!(word(&speaker.hear()), "too_big");
        assert_eq!(speaker.expect_end(), End::Closed);
    }
    let mut speaker = Speaker::connect(&server);
    assert_eq!(speaker.word(padded("help", 4096)), "ok");
    assert_eq!(word(&speaker.log_in("bob", "geheim")), "ok");
    assert_eq!(speaker.word(padded("pwd", 100_000)), "ok");
    drop(speaker);
    server.stop();
}

fn a_name_with_a_nul_is_no_other_name(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut bob = Speaker::logged_in(&server, "bob");
    assert_eq!(
        word(&bob.ask_with(json!({"cmd": "put a", "size": 1}), b"a")),
        "ok"
    );
    let nul = "a\0b";
    for header in [
        json!({"cmd": "cd a\0b"}),
        json!({"cmd": "ls a\0"}),
        json!({"cmd": "mv a c\0"}),
        json!({"cmd": "get", "filename": "a\0"}),
        json!({"cmd": "put", "filename": "x", "dst_dir": "d\0"}),
        json!({"verb": "cd", "path": nul}),
        json!({"verb": "ls", "path": nul}),
        json!({"verb": "stat", "path": "a\0"}),
        json!({"verb": "hash", "path": "a\0"}),
        json!({"verb": "mkdir", "path": nul}),
        json!({"verb": "rm", "path": "a\0"}),
        json!({"verb": "mv", "path": "a\0", "to": "c"}),
        json!({"verb": "mv", "path": "a", "to": "c\0"}),
        json!({"verb": "get", "path": "a\0"}),
        json!({"verb": "put", "phase": "open", "path": nul, "total": 1}),
    ] {
        assert_eq!(bob.word(&header), "bad_name", "{header}");
    }
    assert_eq!(place.names("bob"), ["a"]);
    drop(bob);
    server.stop();
}

/// The answer to a wrong login takes a second, which all modes and transports wait for at the same time.
#[test]
fn a_wrong_login_logs_out_in_every_mode() {
    let modes = [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 4 },
        Mode::Reactor { loops: 1 },
        Mode::Reactor { loops: 2 },
    ];
    thread::scope(|scope| {
        for mode in modes {
            for transport in [Transport::TcpV4, Transport::TcpV6, Transport::Unix] {
                let style = Style::Events;
                let case = Case {
                    mode,
                    style,
                    transport,
                };
                scope.spawn(move || a_wrong_login_logs_out(&case));
            }
        }
    });
}

fn a_wrong_login_logs_out(case: &Case) {
    let place = Place::default();
    let server = place.serve(case);
    let mut speaker = Speaker::logged_in(&server, "bob");
    assert_eq!(speaker.word(r#"{"cmd": "mkdir sub"}"#), "ok");
    assert_eq!(speaker.word(r#"{"cmd": "cd sub"}"#), "ok");
    let start = Instant::now();
    let reply = speaker.log_in("bob", "Geheim");
    assert!(start.elapsed() >= Duration::from_secs(1), "{case:?}");
    assert_eq!(
        (word(&reply), &reply["res"]),
        ("auth", &json!("wrong name or password"))
    );
    expect_everything_refused(&mut speaker);
    assert_eq!(place.names("bob"), ["sub"]);
    assert_eq!(word(&speaker.log_in("bob", "geheim")), "ok");
    assert_eq!(folder(&mut speaker), "/");
    drop(speaker);
    server.stop();
}
