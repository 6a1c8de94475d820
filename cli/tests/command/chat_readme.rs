//! The commands for the chat in the README, run as they stand there.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::Process;

/// A command, and the lines that are shown below it.
type Example = (String, Vec<String>);

fn examples() -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap();
    let (_, section) = readme.split_once("<!-- chat -->").unwrap();
    let (section, _) = section.split_once("<!-- end of chat -->").unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    let mut examples = Vec::<Example>::new();
    for line in block.split("```").next().unwrap().lines() {
        match line.strip_prefix("$ ") {
            Some(command) => examples.push((command.to_owned(), Vec::new())),
            None => examples.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    examples
}

/// The command as a shell runs it, with a port that is free in place of the README's.
fn shell(line: &str, stream_port: &str, datagram_port: &str) -> Command {
    let line = line
        .replace("udp://:9003", &format!("udp://:{datagram_port}"))
        .replace(":9003", &format!(":{stream_port}"))
        .replace("socketserver ", "\"$PROGRAM\" ");
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .env("PROGRAM", env!("CARGO_BIN_EXE_socketserver"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn port(address: &str) -> String {
    address.rsplit_once(':').unwrap().1.to_owned()
}

#[test]
fn the_commands_for_the_chat_print_what_is_shown() {
    let mut examples = examples().into_iter();
    let (serve, shown) = examples.next().unwrap();
    assert_eq!(serve, "socketserver serve chat :9003 udp://:9003");
    let mut server = Process::run("serve chat :0 udp://:0");
    let (streams, datagrams) = (server.address(), server.address());
    let (streams, datagrams) = (port(&streams), port(&datagrams));
    assert_eq!(
        shown,
        [
            "listening tcp://127.0.0.1:9003",
            "listening udp://127.0.0.1:9003"
        ]
    );
    assert_eq!(examples.len(), 2);
    for (line, shown) in examples {
        let ended = Process::start(&mut shell(&line, &streams, &datagrams)).end();
        let said = String::from_utf8(ended.stdout).unwrap() + &ended.stderr;
        assert_eq!(said.lines().collect::<Vec<_>>(), shown, "{line}");
        assert_eq!(ended.code, Some(0), "{line}");
    }
}
