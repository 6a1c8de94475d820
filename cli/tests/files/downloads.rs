//! The downloader of older tutorials, asked by our client, by bare sockets and by those who ask for what they must not have.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::here::Here;
use crate::process::{dial, pattern};
use crate::served::{MODES, Served};

/// A server of a folder with a few files, in a mode.
fn served(mode: &str) -> Served {
    let server = Served::with(&["--protocol", "name", "--mode", mode]);
    server.root.write("a.txt", "abc");
    server.root.write("d/big", pattern(1_000_000));
    server.root.write("你好.txt", "你好");
    server
}

/// How the end of a name is said.
#[derive(Clone, Copy, Debug)]
enum End {
    Line,
    HalfClose,
    Silence,
}

/// What a bare socket is sent for a name.
fn asked(server: &Served, name: &str, end: End) -> Vec<u8> {
    let mut socket = dial(&format!("tcp://{}", server.address));
    socket.write_all(name.as_bytes()).unwrap();
    match end {
        End::Line => socket.write_all(b"\n").unwrap(),
        End::HalfClose => socket.shutdown(Shutdown::Write).unwrap(),
        End::Silence => {}
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn a_name_is_answered_with_the_file_however_it_ends() {
    for mode in MODES {
        let server = served(mode);
        for end in [End::Line, End::HalfClose, End::Silence] {
            assert_eq!(asked(&server, "a.txt", end), b"abc", "{mode} {end:?}");
            assert_eq!(asked(&server, "你好.txt", end), "你好".as_bytes());
            assert!(asked(&server, "d/big", end) == pattern(1_000_000));
            assert_eq!(asked(&server, "no.txt", end), b"", "{mode} {end:?}");
        }
        assert_eq!(asked(&server, "a.txt\r", End::Line), b"abc");
    }
}

#[test]
fn nothing_but_what_is_served_is_sent() {
    let server = served("reactor");
    let outside = Here::new();
    outside.write("secret", "secret");
    let path = outside.path("secret");
    std::os::unix::fs::symlink(&path, server.root.path("link")).unwrap();
    let path = path.to_str().unwrap();
    let above = format!("../../../../../../../..{path}");
    for name in [path, &above, "link", "d", ".", "..", "", "d//big", "a\0b"] {
        assert_eq!(asked(&server, name, End::Line), b"", "{name:?}");
    }
    assert_eq!(asked(&server, &"x".repeat(5_000), End::HalfClose), b"");
    assert_eq!(asked(&server, "a.txt", End::Line), b"abc");
}

#[test]
fn our_client_downloads_by_name() {
    for mode in MODES {
        let (server, here) = (served(mode), Here::new());
        let get = |words: &[&str]| here.works(&[&["get", "--protocol", "name"], words].concat());
        let ended = get(&[&server.url("a.txt"), &server.url("d/big")]);
        assert!(ended.stderr.contains("not verified"), "{}", ended.stderr);
        assert_eq!(here.read("a.txt"), b"abc");
        assert!(here.read("big") == pattern(1_000_000));
        get(&["--compat", &server.url("你好.txt")]);
        assert_eq!(here.read("[接收]你好.txt"), "你好".as_bytes());
        get(&[&server.url("a.txt"), "b.txt"]);
        assert_eq!(here.read("b.txt"), b"abc");
        here.fails(
            &["get", "--protocol", "name", &server.url("no.txt")],
            5,
            "no.txt: the answer is empty",
        );
        let names = ["[接收]你好.txt", "a.txt", "b.txt", "big"];
        assert_eq!(here.names("."), names);
        server.stop();
    }
}
