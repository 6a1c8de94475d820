//! Files are copied to and from servers: whole, resumed, in folders, from hostile servers, and with commands that are typed.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;
use socketserver_handlers::files::Algorithm;

use crate::file_server::{FileServer, by_name};
use crate::here::{Here, json_lines, text};
use crate::process::{Process, pattern};

#[test]
fn a_file_is_got_and_put() {
    let (server, here) = (FileServer::new(), Here::new());
    let bytes = pattern(1_000_000);
    server.holds("iso/disk.img", bytes.clone());
    let ended = here.works(&["get", &server.url("iso/disk.img")]);
    assert_eq!(here.read("disk.img"), bytes);
    assert_eq!(
        (here.names("."), text(&ended)),
        (vec!["disk.img".to_owned()], "")
    );
    assert!(
        ended.stderr.starts_with("iso/disk.img  976.6 KiB in "),
        "{}",
        ended.stderr
    );
    let hash = Algorithm::Blake3.hash(&bytes).to_string();
    let end = format!("  blake3 ok {}…{}\n", &hash[..4], &hash[62..]);
    assert!(ended.stderr.ends_with(&end), "{}", ended.stderr);

    here.works(&["put", "disk.img", &server.url("up/copy.img")]);
    assert_eq!(server.file("up/copy.img").unwrap(), bytes);
    // A folder that is there is one that it goes into.
    here.works(&["put", "disk.img", &server.url("up")]);
    assert_eq!(server.file("up/disk.img").unwrap(), bytes);
    here.fails(
        &["put", "--create", "disk.img", &server.url("up")],
        1,
        "up/disk.img: this is exists",
    );
}

#[test]
fn files_travel_over_unix_sockets() {
    let here = Here::new();
    let server = FileServer::at(&here.path("a socket"));
    server.holds("d/a", "abc");
    here.works(&["get", "files+unix:a%20socket:/d/a"]);
    assert_eq!(here.read("a"), b"abc");
    here.works(&["put", "a", "files+unix:a socket:/b"]);
    assert_eq!(server.file("b").unwrap(), b"abc");
    assert_eq!(text(&here.works(&["ls", "files+unix:a socket"])), "b\nd/\n");
    let ended = here.types(&server.address, &["ls d"]);
    assert_eq!(text(&ended), "a\n", "{}", ended.stderr);
}

#[test]
fn a_file_goes_where_it_is_told_to() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("a", "abc");
    let url = server.url("a");
    here.works(&["get", &url, "-o", "b"]);
    assert_eq!(here.read("b"), b"abc");
    here.works(&["get", &url, "-o", "new/folder/"]);
    assert_eq!(here.read("new/folder/a"), b"abc");
    here.works(&["get", &url, "-o", "new"]);
    assert_eq!(here.read("new/a"), b"abc");
    let ended = here.works(&["get", &url, "-o", "-"]);
    assert_eq!(ended.stdout, b"abc");
    here.fails(
        &["get", &url, "-o", "nowhere/b"],
        1,
        "cannot open the folder nowhere",
    );
    here.fails(
        &["get", &url, &url, "-o", "-"],
        2,
        "only one file at a time",
    );
    here.fails(&["get", &server.url("")], 2, "write -r");
}

#[test]
fn what_is_done_is_told_to_programs() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("a", "abc");
    server.holds("empty", "");
    let ended = here.fails(
        &[
            "get",
            "--json",
            &server.url("a"),
            &server.url("no"),
            &server.url("empty"),
        ],
        5,
        "no: this is not_found",
    );
    let objects = json_lines(&ended);
    let bytes: Vec<_> = objects
        .iter()
        .map(|object| (&object["name"], &object["bytes"]))
        .collect();
    assert_eq!(
        bytes,
        [(&json!("a"), &json!(3)), (&json!("empty"), &json!(0))]
    );
    let hash = Algorithm::Blake3.hash(b"abc");
    for (field, value) in [
        ("schema", json!(1)),
        ("hash", json!(hash.as_str())),
        ("hash_alg", json!("blake3")),
        ("resumed_at", json!(0)),
        ("verified", json!(true)),
    ] {
        assert_eq!(objects[0][field], value);
    }
    assert!(objects[0]["seconds"].is_number());
    assert_eq!(here.read("empty"), b"");
}

#[test]
fn what_broke_off_is_resumed_by_the_same_command() {
    let (server, here) = (FileServer::new(), Here::new());
    let bytes = pattern(1_000_000);
    server.holds("a b", bytes.clone());
    server.state().cut_after = Some(370_000);
    let url = server.url("a%20b");
    let again = format!("(the same command goes on from there: socketserver get {url})\n");
    here.fails(&["get", &url], 7, &again);
    assert_eq!(here.names(".").len(), 2);
    let ended = here.works(&["get", &url]);
    assert!(
        ended.stderr.ends_with("(resumed at 37 %)\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(here.read("a b"), bytes);
    assert_eq!(here.names("."), ["a b"]);

    server.state().cut_after = Some(500_000);
    let url = server.url("up");
    here.fails(
        &["put", "a b", &url],
        7,
        &format!("socketserver put 'a b' {url})\n"),
    );
    let ended = here.works(&["put", "--json", "a b", &url]);
    assert_eq!(json_lines(&ended)[0]["resumed_at"], 500_000);
    assert_eq!(server.file("up").unwrap(), bytes);
}

#[test]
fn control_c_keeps_what_has_come() {
    let (server, here) = (FileServer::new(), Here::new());
    let bytes = pattern(1_000_000);
    server.holds("a", bytes.clone());
    server.state().stall_after = Some(400_000);
    let url = server.url("a");
    let process = Process::start(&mut here.command(&["get", &url]));
    let part_bytes = || {
        let names = here.names(".");
        let part = names
            .iter()
            .find(|name| Path::new(name).extension().is_none())?;
        Some(fs::metadata(here.path(part)).ok()?.len())
    };
    while part_bytes() != Some(400_000) {
        std::thread::yield_now();
    }
    process.signal(Signal::INT);
    let ended = process.end();
    let sentence = "socketserver: interrupted; what has come is kept, and the same command goes on from there: ";
    assert_eq!(ended.code, Some(130));
    assert_eq!(ended.stderr, format!("{sentence}socketserver get {url}\n"));
    let ended = here.works(&["get", &url, "--json"]);
    assert_eq!(json_lines(&ended)[0]["resumed_at"], 400_000);
    assert_eq!(here.read("a"), bytes);
}

#[test]
fn damage_is_found() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("a", "abc");
    server.state().is_damaging = true;
    here.fails(
        &["get", &server.url("a")],
        6,
        "a is damaged: its blake3 should be ",
    );
    assert_eq!(here.names("."), [""; 0]);
}

#[test]
fn folders_are_copied_over_several_connections() {
    let (server, here) = (FileServer::new(), Here::new());
    for number in 0..12 {
        server.holds(
            &format!("top/{}/deep/{number}.txt", number % 5),
            number.to_string(),
        );
    }
    server.state().places.insert("top/empty".into(), None);
    for parallel in ["1", "4", "64"] {
        let before = server.state().connections;
        let folder = format!("with-{parallel}");
        here.works(&[
            "get",
            "-r",
            &server.url("top"),
            "-o",
            &folder,
            "--parallel",
            parallel,
        ]);
        for number in 0..12 {
            let path = format!("{folder}/top/{}/deep/{number}.txt", number % 5);
            assert_eq!(here.read(&path), number.to_string().as_bytes());
        }
        assert_eq!(here.names(&format!("{folder}/top/empty")), [""; 0]);
        let connections = server.state().connections - before;
        assert!(
            connections <= parallel.parse().unwrap(),
            "{connections} instead of {parallel}"
        );
    }
    here.works(&[
        "put",
        "-r",
        "with-4/top",
        &server.url("back/to"),
        "--parallel",
        "3",
    ]);
    assert_eq!(server.file("back/to/top/3/deep/8.txt").unwrap(), b"8");
    assert_eq!(server.state().places.get("back/to/top/empty"), Some(&None));
    // All that the home has.
    here.works(&["get", "-r", &server.url(""), "-o", "home"]);
    assert_eq!(here.names("home"), ["back", "top"]);
}

#[test]
fn what_is_no_file_is_left_out_and_told() {
    let (server, here) = (FileServer::new(), Here::new());
    fs::create_dir(here.path("d")).unwrap();
    fs::write(here.path("d/a"), "abc").unwrap();
    std::os::unix::fs::symlink("/etc", here.path("d/link")).unwrap();
    let ended = here.works(&["put", "-r", "d", &server.url("")]);
    assert!(
        ended
            .stderr
            .contains("d/link is neither a file nor a folder"),
        "{}",
        ended.stderr
    );
    assert_eq!(server.file("d/a").unwrap(), b"abc");
    here.fails(
        &["put", "d", &server.url("x/")],
        1,
        "d is a folder: write -r",
    );
    here.fails(
        &["put", "no", &server.url("x/")],
        1,
        "cannot read no: no such file",
    );
    server.state().strange_entries = vec![json!({"name": "pipe", "type": "other"})];
    let ended = here.works(&["get", "-r", &server.url("d"), "-o", "e"]);
    assert!(
        ended
            .stderr
            .contains("/d/pipe is neither a file nor a folder"),
        "{}",
        ended.stderr
    );
}

#[test]
fn hostile_names_are_refused_and_nothing_is_written() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("d/zz", "abc");
    let names = ["../up", "/tmp/x", "a/b", "..", "\u{1b}[2Jx"];
    server.state().strange_entries = names
        .map(|name| json!({"name": name, "type": "file", "size": 3}))
        .to_vec();
    let ended = here.run(&["get", "-r", &server.url("d"), "-o", "into"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the server calls a file '"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert_eq!(here.names("."), ["into"]);
    assert_eq!(here.names("into"), ["d"]);
    assert_eq!(here.names("into/d"), ["zz"]);
    let ended = here.run(&["ls", &server.url("d")]);
    assert!(!text(&ended).contains('\u{1b}'));
}

#[test]
fn links_in_the_folder_are_not_followed() {
    let (server, here, elsewhere) = (FileServer::new(), Here::new(), Here::new());
    server.holds("d/link/x", "abc");
    server.holds("d/y", "abc");
    fs::create_dir(here.path("d")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(""), here.path("d/link")).unwrap();
    here.fails(
        &["get", "-r", &server.url("d")],
        1,
        "cannot open the folder ./d/link",
    );
    assert_eq!(elsewhere.names("."), [""; 0]);
    assert_eq!(here.read("d/y"), b"abc");
}

#[test]
fn old_servers_are_spoken_to_as_they_understand() {
    let (server, here) = (FileServer::new(), Here::new());
    server.state().is_old = true;
    server.holds("a.txt", "abc");
    let ended = here.works(&["get", &server.url("a.txt")]);
    assert!(
        ended.stderr.ends_with("md5 ok 9001…72\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(here.read("a.txt"), b"abc");
    here.works(&["put", "a.txt", &server.url("up/b.txt")]);
    assert_eq!(server.file("up/b.txt").unwrap(), b"abc");
    here.fails(&["get", &server.url("no")], 1, "no: no such file");
    let ended = here.works(&["ls", "--protocol-version", "1", &server.url("")]);
    assert_eq!(text(&ended), "a.txt\nup\nup/b.txt\n");
    here.fails(
        &["stat", &server.url("a.txt")],
        1,
        "a.txt: the server does not know this verb",
    );
    // What is cut off cannot be resumed there, and nothing is said of it.
    server.state().cut_after = Some(1);
    let ended = here.fails(
        &["get", &server.url("a.txt")],
        1,
        "a.txt is incomplete, with 1 of 3 bytes",
    );
    assert!(
        !ended.stderr.contains("the same command"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_server_is_asked_questions() {
    let (server, here) = (FileServer::new(), Here::new());
    for name in ["a", "b", "c", "d/x"] {
        server.holds(name, "abc");
    }
    let url = |path: &str| server.url(path);
    assert_eq!(text(&here.works(&["ls", &url("")])), "a\nb\nc\nd/\n");
    assert_eq!(text(&here.works(&["ls", &url("a")])), "a\n");
    let line = "             3  2023-11-14T22:13:20Z  x\n";
    assert_eq!(text(&here.works(&["ls", "-l", &url("d")])), line);
    let objects = json_lines(&here.works(&["ls", "--json", &url("")]));
    assert_eq!(objects.len(), 4);
    assert_eq!(
        objects[3],
        json!({"schema": 1, "name": "d", "type": "folder", "size": 0, "mtime": 1_700_000_000})
    );
    let stat = "name      a\ntype      file\nsize      3 bytes\nmodified  2023-11-14T22:13:20Z\n";
    assert_eq!(text(&here.works(&["stat", &url("a")])), stat);
    for (algorithm, known) in [
        ("blake3", Algorithm::Blake3),
        ("sha256", Algorithm::Sha256),
        ("md5", Algorithm::Md5),
    ] {
        let ended = here.works(&["hash", &url("a"), "--algorithm", algorithm]);
        assert_eq!(text(&ended), format!("{}  a\n", known.hash(b"abc")));
    }
    here.works(&["mkdir", &url("new")]);
    here.fails(&["mkdir", &url("new")], 1, "new: this is exists");
    here.works(&["mv", &url("a"), "/new/"]);
    assert_eq!(server.file("new/a").unwrap(), b"abc");
    here.works(&["mv", &url("new/a"), "e"]);
    assert_eq!(server.file("e").unwrap(), b"abc");
    here.fails(
        &["rm", &url("b"), &url("no"), &url("c")],
        5,
        "no: this is not_found",
    );
    assert_eq!((server.file("b"), server.file("c")), (None, None));
    for verb in ["ls", "stat", "hash", "rm"] {
        here.fails(&[verb, &url("no")], 5, "no: this is not_found");
    }
}

#[test]
fn passwords_come_from_where_nobody_sees_them() {
    let (server, here) = (FileServer::new(), Here::new());
    server.state().login = Some(("bob", "pw"));
    server.holds("a", "abc");
    let address = &server.address;
    let as_bob = format!("files://bob@{address}/a");
    here.fails(&["get", &server.url("a")], 8, "a: this is auth");
    fs::write(here.path("secret"), "pw\n").unwrap();
    fs::write(here.path("wrong"), "wp\n").unwrap();
    here.works(&["get", &as_bob, "--password-file", "secret"]);
    here.works(&[
        "stat",
        &server.url("a"),
        "--user",
        "bob",
        "--password-file",
        "secret",
    ]);
    here.fails(
        &["get", &as_bob, "--password-file", "wrong"],
        8,
        "cannot log in as bob: this is auth",
    );
    let ended = Process::start(
        here.command(&["get", &as_bob])
            .env("SOCKETSERVER_PASSWORD", "pw"),
    )
    .end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let url = format!("files://bob:pw@{address}/a");
    here.fails(&["get", &url], 2, "a password has no place in a URL");
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let here = Here::new();
    for (words, sentence) in [
        (
            &["get", "h/a"][..],
            "'h/a' is not the URL of a file: it does not begin with files://",
        ),
        (&["get", "files:///a"], "the host is missing"),
        (&["get", "files://h/../a"], "a name is . or .."),
        (
            &["get", "files://h/a", "--parallel", "0"],
            "there can be 1 to 64 connections, not 0 (in --parallel)",
        ),
        (
            &["get", "files://h/a", "--parallel", "65"],
            "there can be 1 to 64",
        ),
        (
            &["get", "files://h/a", "--compat"],
            "--compat is for --protocol name",
        ),
        (
            &["get", "-r", "files://h/a", "--protocol", "name"],
            "knows no folders",
        ),
        (
            &["get", "files://h/a", "--timeout", "soon"],
            "'soon' is not a time",
        ),
        (
            &["get", "files://h/a", "--frame-max", "0"],
            "a header cannot have 0",
        ),
        (
            &["hash", "files://h/a", "--algorithm", "crc"],
            "the hash is not known",
        ),
        (&["files", "udp://h:1"], "files travel over streams"),
        (&["files", "files://h:0/"], "the port is not a number"),
    ] {
        here.fails(words, 2, sentence);
    }
    here.fails(
        &["get", "files://127.0.0.1:1/a"],
        3,
        "no server listens there",
    );
    here.fails(
        &["ls", "files+unix:no.sock"],
        3,
        "no server has made this socket",
    );
    here.fails(&["files", "127.0.0.1:1"], 3, "no server listens there");
}

#[test]
fn files_are_downloaded_by_their_names() {
    let here = Here::new();
    let server = by_name(b"d/a.txt\n", b"abc");
    let ended = here.works(&["get", "--protocol", "name", &format!("{server}d/a.txt")]);
    assert!(ended.stderr.contains("not verified"), "{}", ended.stderr);
    assert_eq!(here.read("a.txt"), b"abc");
    let server = by_name(b"a.txt", b"abc");
    here.works(&[
        "get",
        "--protocol",
        "name",
        "--compat",
        "--json",
        &format!("{server}a.txt"),
    ]);
    assert_eq!(here.read("[接收]a.txt"), b"abc");
    let server = by_name(b"other\n", b"abc");
    let url = format!("{server}no.txt");
    here.fails(
        &["get", "--protocol", "name", &url],
        5,
        "no.txt: the answer is empty",
    );
    assert_eq!(here.names("."), ["[接收]a.txt", "a.txt"]);
}

#[test]
fn commands_are_typed_one_after_the_other() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("d/a b.txt", "abc");
    server.holds("d/c", "c");
    fs::write(here.path("mine"), "mine").unwrap();
    let ended = here.types(
        &server.address,
        &[
            "pwd",
            "",
            "cd d",
            "pwd",
            "ls",
            "get \"a b.txt\"",
            "get c renamed",
            "put mine",
            "put mine \"the other\"",
            "stat c",
            "hash c md5",
            "mkdir sub",
            "mv mine sub/",
            "rm c \"the other\"",
            "cd ..",
            "ls d",
            "ls /d/sub",
            "get -r d copy",
            "put -r copy/d /back",
            "lcd copy",
            "lls",
            "cd /d/sub",
            "cd",
            "pwd",
            "quit",
            "not reached",
        ],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let md5 = Algorithm::Md5.hash(b"c");
    let stat = "name      c\ntype      file\nsize      1 bytes\nmodified  2023-11-14T22:13:20Z\n";
    assert_eq!(
        text(&ended),
        format!("/\n/d\na b.txt\nc\n{stat}{md5}  d/c\na b.txt\nsub/\nmine\nd/\n/\n")
    );
    assert_eq!(
        (here.read("a b.txt"), here.read("renamed")),
        (b"abc".to_vec(), b"c".to_vec())
    );
    assert_eq!(here.read("copy/d/sub/mine"), b"mine");
    assert_eq!(server.file("back/d/a b.txt").unwrap(), b"abc");
}

#[test]
fn the_first_command_that_fails_is_the_last_one() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("a", "abc");
    for (lines, code, sentence) in [
        (&["get no", "pwd"][..], 5, "no: this is not_found"),
        (&["rm no", "pwd"], 5, "no: this is not_found"),
        (&["cd no", "pwd"], 5, "no: this is not_found"),
        (
            &["frobnicate", "pwd"],
            2,
            "'frobnicate' is not a command: help lists them",
        ),
        (&["mv a", "pwd"], 2, "write mv PATH NEWPATH"),
        (&["get \"a", "pwd"], 2, "a quotation mark is missing"),
        (&["hash a crc", "pwd"], 2, "the hash is not known"),
        (&["lcd no", "pwd"], 1, "cannot go to no"),
    ] {
        let ended = here.types(&server.address, lines);
        assert_eq!(ended.code, Some(code), "{lines:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(sentence),
            "{lines:?}: {}",
            ended.stderr
        );
        assert_eq!(text(&ended), "", "{lines:?}");
    }
    let ended = here.types(&server.address, &["help"]);
    assert!(text(&ended).lines().count() > 15);
}

#[test]
fn a_session_may_begin_in_a_folder_and_outlives_its_connection() {
    let (server, here) = (FileServer::new(), Here::new());
    server.holds("d/a", "abc");
    let mut process = Process::start(&mut here.command(&["files", &server.url("d")]));
    server.state().cut_after = Some(1);
    process.types("pwd");
    assert_eq!(process.stdout.line(), "/d");
    process.types("get a\npwd");
    let ended = process.end();
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("(the same command goes on from there)"),
        "{}",
        ended.stderr
    );
    let mut process = Process::start(&mut here.command(&["files", &server.url("d")]));
    process.types("get a");
    process.types_no_more();
    let ended = process.end();
    assert!(
        ended.stderr.contains("(resumed at 33 %)"),
        "{}",
        ended.stderr
    );
    here.fails(&["files", &server.url("no")], 5, "no: this is not_found");
}
