//! The file commands at the real file server: round trips in every mode, who may do what, and every exit code.

use std::fs;

use serde_json::json;
use socketserver_handlers::files::Algorithm;

use crate::gate::{Event, Gate, Way};
use crate::here::{Here, json_lines, text};
use crate::process::{Ended, Process, pattern};
use crate::served::{MODES, Served};

/// Names that some program on the way could break.
const NAMES: [&str; 4] = [
    "grüße.txt",
    "你好，世界.txt",
    "😀 and a blank",
    "100% 'it'?#",
];

#[test]
fn files_come_back_as_they_went_in_every_mode() {
    for mode in MODES {
        let server = Served::with(&["--anonymous", "rw", "--mode", mode]);
        let here = Here::new();
        let bytes = pattern(1_000_000);
        here.write("big", &bytes);
        here.write("empty", "");
        let ended = here.works(&["put", "big", &server.url("up/there.bin")]);
        assert!(ended.stderr.contains("blake3 ok"), "{}", ended.stderr);
        assert!(server.root.read("up/there.bin") == bytes);
        here.works(&["put", "big", "empty", &server.url("up/")]);
        assert_eq!(server.root.names("up"), ["big", "empty", "there.bin"]);
        here.works(&[
            "get",
            &server.url("up/there.bin"),
            &server.url("up/empty"),
            "back/",
        ]);
        assert!(here.read("back/there.bin") == bytes);
        assert_eq!(here.read("back/empty"), b"");
        // Version 1, too.
        for verb in [
            ["get", &server.url("up/big"), "old"],
            ["put", "old", &server.url("old")],
        ] {
            here.works(&[&verb, &["--protocol-version", "1"][..]].concat());
        }
        assert!(here.read("old") == bytes && server.root.read("old") == bytes);
        let ended = server.stop();
        assert!(
            ended.stderr.contains("0 handler errors, 0 panics"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn folders_come_back_as_they_went() {
    let (server, here) = (Served::to_anybody(), Here::new());
    let mut paths: Vec<_> = NAMES.iter().map(|name| format!("top/{name}")).collect();
    paths.extend((0..20).map(|number| format!("top/{}/深/{number}", number % 3)));
    for path in &paths {
        here.write(path, path);
    }
    here.write("top/nothing", "");
    fs::create_dir_all(here.path("top/empty/inner")).unwrap();
    for parallel in ["1", "4"] {
        let folder = format!("up-{parallel}");
        let options = ["-r", "--parallel", parallel];
        let url = server.url(&folder);
        here.works(&[&["put", "top", &url], &options[..]].concat());
        here.works(
            &[
                &["get", &server.url(&format!("{folder}/top")), &folder],
                &options[..],
            ]
            .concat(),
        );
        for path in &paths {
            let path = format!("{folder}/{path}");
            assert_eq!(here.read(&path), server.root.read(&path));
            assert!(path.ends_with(std::str::from_utf8(&here.read(&path)).unwrap()));
        }
        for root in [&server.root, &here] {
            assert_eq!(root.names(&format!("{folder}/top/empty")), ["inner"]);
            assert_eq!(root.names(&format!("{folder}/top/empty/inner")), [""; 0]);
            assert_eq!(root.read(&format!("{folder}/top/nothing")), b"");
        }
    }
    let listed = here.works(&["ls", &server.url("up-1/top")]);
    for name in NAMES {
        assert!(text(&listed).lines().any(|line| line == name), "{name}");
    }
    // As it is written in a URL.
    here.works(&["get", &server.url("up-1/top/100%25%20'it'%3F%23"), "one"]);
    assert_eq!(here.read("one"), b"top/100% 'it'?#");
}

#[test]
fn what_is_done_is_one_object_a_line() {
    let (server, here) = (Served::to_anybody(), Here::new());
    here.write("a", "abc");
    let fields = json!({
        "schema": 1, "name": "a", "bytes": 3, "hash": Algorithm::Blake3.hash(b"abc").as_str(), "hash_alg": "blake3",
        "verified": true, "resumed_at": 0,
    });
    for words in [
        ["put", "a", &server.url(""), "--json"],
        ["get", &server.url("a"), "b", "--json"],
    ] {
        let mut objects = json_lines(&here.works(&words));
        let seconds = objects[0].as_object_mut().unwrap().remove("seconds");
        assert!(seconds.unwrap().is_number());
        assert_eq!(objects, std::slice::from_ref(&fields), "{words:?}");
    }
    let entry = &json_lines(&here.works(&["ls", "--json", &server.url("")]))[0];
    assert!(entry["mtime"].as_u64() > Some(1_700_000_000));
    let expected =
        json!({"schema": 1, "name": "a", "type": "file", "size": 3, "mtime": entry["mtime"]});
    assert_eq!(*entry, expected);
    let stat = json_lines(&here.works(&["stat", "--json", &server.url("a")]));
    assert_eq!(stat, [expected]);
    let hash = json_lines(&here.works(&["hash", "--json", "--algorithm", "md5", &server.url("a")]));
    let md5 = Algorithm::Md5.hash(b"abc");
    assert_eq!(
        hash,
        [json!({"schema": 1, "name": "a", "hash": md5.as_str(), "hash_alg": "md5"})]
    );
}

#[test]
fn the_last_word_may_say_where_to() {
    let (server, here) = (Served::to_anybody(), Here::new());
    server.root.write("a", "abc");
    server.root.write("d/b", "b");
    let (a, b) = (server.url("a"), server.url("d/b"));
    here.works(&["get", &a, "copy"]);
    assert_eq!(here.read("copy"), b"abc");
    here.works(&["get", &a, &b, "into"]);
    assert_eq!(here.names("into"), ["a", "b"]);
    here.works(&["get", &a, "into"]);
    here.works(&["get", "-r", &server.url("d"), "tree"]);
    assert_eq!(here.read("tree/d/b"), b"b");
    assert_eq!(here.works(&["get", &a, "-"]).stdout, b"abc");
    // What looks like a URL is one, and a file of such a name has a folder in front.
    here.works(&["get", &a, "./files:x"]);
    assert_eq!(here.read("files:x"), b"abc");
    here.fails(&["get", &a, "files:x"], 2, "behind files: comes //");
    here.fails(
        &["get", &a, "b", "-o", "c"],
        2,
        "b and -o both say where to",
    );
    here.fails(&["get", "b", &a], 2, "'b' is not the URL of a file");
    here.fails(&["get", "b"], 2, "'b' is not the URL of a file");
}

/// Runs a command as a user.
fn as_user(here: &Here, user: &str, password: &str, words: &[&str]) -> Ended {
    let mut command = here.command(words);
    command
        .args(["--user", user])
        .env("SOCKETSERVER_PASSWORD", password);
    let ended = Process::start(&mut command).end();
    assert!(!ended.stderr.contains(password), "{}", ended.stderr);
    ended
}

#[test]
fn users_may_do_what_they_were_given() {
    let (server, here) = (Served::to_users(&[]), Here::new());
    here.write("a", "abc");
    let url = server.url("a");
    for (user, password, words, code) in [
        ("bob", "geheim", &["put", "a", &url][..], 0),
        ("eve", "geheim", &["get", &url, "b"], 0),
        ("eve", "geheim", &["put", "a", &url], 4),
        ("eve", "geheim", &["rm", &url], 4),
        ("eve", "geheim", &["mkdir", &server.url("d")], 4),
        ("bob", "Geheim", &["get", &url], 8),
        ("nobody", "geheim", &["get", &url], 8),
        ("bob", "geheim", &["rm", &url], 0),
    ] {
        let ended = as_user(&here, user, password, words);
        assert_eq!(ended.code, Some(code), "{user} {words:?}: {}", ended.stderr);
    }
    here.fails(&["ls", &server.url("")], 8, "log in first");
    here.fails(&["put", "a", &url], 8, "log in first");
    // More connections than there are places for those who wait for their password to be checked.
    for number in 0..64 {
        here.write(&format!("many/{number}"), number.to_string());
    }
    let words = ["put", "-r", "many", &server.url(""), "--parallel", "64"];
    let ended = as_user(&here, "bob", "geheim", &words);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(server.root.names("many").len(), 64);
}

#[test]
fn everybody_may_do_what_everybody_was_given() {
    let here = Here::new();
    here.write("b", "b");
    for (anonymous, reads, writes) in [("ro", 0, 4), ("rw", 0, 0), ("none", 8, 8)] {
        let server = Served::to_users(&["--anonymous", anonymous]);
        server.root.write("a", "abc");
        for (words, code) in [
            (&["ls", &server.url("")][..], reads),
            (&["get", &server.url("a"), "copy"], reads),
            (&["hash", &server.url("a")], reads),
            (&["put", "b", &server.url("b")], writes),
            (&["mkdir", &server.url("d")], writes),
            (&["mv", &server.url("a"), "c"], writes),
        ] {
            let ended = here.run(words);
            assert_eq!(
                ended.code,
                Some(code),
                "{anonymous} {words:?}: {}",
                ended.stderr
            );
        }
        // Whoever logs in is more.
        let ended = as_user(&here, "bob", "geheim", &["put", "b", &server.url("e")]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[test]
fn every_failure_has_its_code() {
    let (server, here) = (Served::to_anybody(), Here::new());
    let gate = Gate::new(&server.address);
    server.root.write("a", pattern(1_000_000));
    here.write("b", pattern(1_000_000));
    here.fails(&["put", "--create", "b", &server.url("a")], 1, "a: ");
    here.fails(&["rm", "files://h/../a"], 2, "a name is . or ..");
    here.fails(
        &["ls", "files://127.0.0.1:1/"],
        3,
        "no server listens there",
    );
    here.fails(&["get", &server.url("no")], 5, "no: /no is not there");
    here.fails(&["rm", &server.url("no")], 5, "is not there");
    here.fails(&["mv", &server.url("no"), "c"], 5, "is not there");
    let (there, new) = (gate.url("a"), gate.url("new"));
    for (way, words) in [
        (Way::ToClient, &["get", &there][..]),
        (Way::ToServer, &["put", "b", &new]),
    ] {
        gate.does(way, Event::Damages(500_000));
        here.fails(words, 6, "blake3");
        assert_eq!(
            (here.names("."), server.root.names(".")),
            (vec!["b".to_owned()], vec!["a".to_owned()])
        );
        gate.does(way, Event::Cuts(500_000));
        here.fails(
            words,
            7,
            "the same command goes on from there: socketserver ",
        );
        here.works(words);
        let _ = fs::remove_file(here.path("a"));
    }
    assert!(server.root.read("new") == pattern(1_000_000));
    let server = Served::to_users(&[]);
    here.fails(&["ls", &server.url("")], 8, "log in first");
}

#[test]
fn what_cannot_be_served_is_a_usage_error() {
    let here = Here::new();
    here.write("file", "{");
    let place = ["serve", "files", "tcp://127.0.0.1:0"];
    for (words, sentence) in [
        (&["--anonymous", "ro"][..], "needs the folder"),
        (
            &["--root", "no", "--anonymous", "ro"],
            "the folder no cannot be served",
        ),
        (
            &["--root", "file", "--anonymous", "ro"],
            "the folder file cannot be served",
        ),
        (&["--root", "."], "nobody could use these files"),
        (
            &["--root", ".", "--users", "no"],
            "cannot read the users file no",
        ),
        (
            &["--root", ".", "--users", "file"],
            "the users file file is invalid",
        ),
        (
            &["--root", ".", "--anonymous", "wx"],
            "--anonymous cannot be 'wx'",
        ),
    ] {
        here.fails(&[&place, words].concat(), 2, sentence);
    }
}
