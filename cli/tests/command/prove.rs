//! `prove`: a server is right, or the cut that it trips over is shown.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use socket2::SockRef;

use crate::process::{DEADLINE, Path, Process};

/// A server that takes one read for a whole file name, as tutorials do. It serves until the test ends.
fn downloader() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener)
        .set_read_timeout(Some(DEADLINE))
        .unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut name = [0; 1024];
            let length = stream.read(&mut name).unwrap_or(0);
            let answer = match &name[..length] {
                b"hello.txt\n" => "hello world",
                _ => "no such file",
            };
            let _ = stream.write_all(answer.as_bytes());
            // What still comes is read, so that the answer is not lost in a reset.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn our_own_server_is_proved() {
    let socket = Path::new();
    let mut server = Process::run(&format!("serve uppercase :0 unix:{socket} --unicode"));
    let script = Path::with("send \"stra\u{df}e\\r\\n\"\nexpect \"STRASSE\\r\\n\"\n");
    for address in [server.address(), server.address()] {
        let ended = Process::run(&format!("prove {address} --script {script} --gap 500us")).end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(
            String::from_utf8(ended.stdout).unwrap(),
            "proved: 9 bytes of input always have the same effect, with 9 bytes of output, in 71 runs \
             (8 with a single cut, 28 with a pair of cuts, 1 byte by byte, 32 with random cuts; seed 1)\n"
        );
    }
}

#[test]
fn a_server_that_reads_once_is_found_guilty() {
    let address = downloader();
    let script = Path::with("send \"hello.txt\\n\"\nexpect \"hello world\"\nexpect closed\n");
    let disproof = format!(
        "disproved: cut before byte 1, the input has another effect than whole: byte 0 of the output is 6e instead of 68\n\
         \x20 input     000000  68 65 6c 6c 6f 2e 74 78 74 0a                    hello.txt.\n\
         \x20                      ^^\n\
         \x20 expected  000000  68 65 6c 6c 6f 20 77 6f 72 6c 64                 hello world\n\
         \x20                   ^^\n\
         \x20 received  000000  6e 6f 20 73 75 63 68 20 66 69 6c 65              no such file\n\
         \x20                   ^^\n\
         \x20 replay    socketserver prove tcp://{address} --script {script} --replay 1 --gap 100ms\n"
    );
    // With a gap that is long enough on the busiest machine.
    let command = format!("prove {address} --script {script} --gap 100ms");
    for options in ["", "--replay 1", "--cuts bytes --seed 7"] {
        let ended = Process::run(&format!("{command} {options}")).end();
        let stdout = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(1), ""),
            "{options}"
        );
        if options == "--cuts bytes --seed 7" {
            let start = "disproved: cut before byte ";
            assert!(stdout.starts_with(start), "{stdout}");
        } else {
            assert_eq!(stdout, disproof);
        }
    }
    let ended = Process::run(&format!("prove {address} --script {script} --cuts none")).end();
    assert_eq!(ended.code, Some(0), "whole, nothing is wrong");
}

#[test]
fn what_the_server_does_wrong_anyway_needs_no_cut() {
    let mut server = Process::run("serve echo :0");
    let address = server.address();
    let script = Path::with("send \"ab\"\n\nexpect \"aB\"\n");
    let ended = Process::run(&format!("prove {address} --script {script}")).end();
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        String::from_utf8(ended.stdout).unwrap(),
        format!(
            "disproved even with its input whole: line 3 of the script: byte 1 of the output is not as expected\n\
             \x20 expected  000000  61 42                                            aB\n\
             \x20                      ^^\n\
             \x20 received  000000  61 62                                            ab\n\
             \x20                      ^^\n\
             \x20 replay    socketserver prove {address} --script {script} --cuts none\n"
        )
    );
}

/// Runs a proof that cannot begin, and compares its code and its only sentence.
fn fails(words: &str, code: i32, sentence: &str) {
    let ended = Process::run(words).end();
    assert_eq!(
        ended.stderr,
        format!("socketserver: {sentence}\n"),
        "{words}"
    );
    assert_eq!(
        (ended.code, ended.stdout),
        (Some(code), Vec::new()),
        "{words}"
    );
}

#[test]
fn a_broken_script_or_option_is_a_usage_error() {
    let script = Path::with("send \"x\"\nsned \"y\"\n");
    fails(
        &format!("prove :1 --script {script}"),
        2,
        &format!(
            "{script}, line 2, column 1: 'sned' is not a step: write send, expect, wait, half-close or reset"
        ),
    );
    fails(
        "prove :1 --script /no/such/script",
        2,
        "cannot read the script /no/such/script: no such file or directory",
    );
    fails(
        "prove :1 --script x --cuts all",
        2,
        "'all' does not say which cuts to try: write single:128,pairs:16,bytes,random:32, or some of them, or none (in --cuts)",
    );
    let script = Path::with("send \"abc\"\n");
    fails(
        &format!("prove :1 --script {script} --replay 1,3"),
        2,
        "there is nothing to cut before byte 3: the script sends 3 bytes (in --replay)",
    );
}

#[test]
fn a_server_that_is_not_there_has_a_code_of_its_own() {
    let script = Path::with("send \"x\"\n");
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    fails(
        &format!("prove {unused} --script {script}"),
        3,
        &format!("cannot connect to tcp://{unused}: connection refused (no server listens there)"),
    );
}
