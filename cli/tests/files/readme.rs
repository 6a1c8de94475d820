//! The commands for files in the README, run as they stand there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::here::Here;
use crate::process::Process;

/// The README's port, in place of which the tests have one that is free.
const PORT: &str = "9004";

/// A command, and the lines that are shown below it.
type Example = (String, Vec<String>);

fn examples() -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap();
    let (_, section) = readme.split_once("<!-- files -->").unwrap();
    let (section, _) = section.split_once("<!-- end of files -->").unwrap();
    let mut examples = Vec::<Example>::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ socketserver ") {
                Some(command) => examples.push((command.to_owned(), Vec::new())),
                None => examples.last_mut().unwrap().1.push(line.to_owned()),
            }
        }
    }
    examples
}

/// A line without what differs from machine to machine, which stands between ` in ` and the hash.
fn comparable(line: &str) -> String {
    match line.split_once(" in ") {
        Some((start, rest)) if rest.contains("/s)  blake3 ok ") => {
            let end = rest.split_once(")  ").unwrap().1;
            // The bytes are made here.
            let end = end.rsplit_once(' ').unwrap().0;
            format!("{start} in … {end}")
        }
        _ => line.to_owned(),
    }
}

#[test]
fn the_commands_for_files_print_what_is_shown() {
    let here = Here::new();
    for name in ["share/disk.img", "disk.img"] {
        here.write(name, "");
        let file = File::options().write(true).open(here.path(name)).unwrap();
        file.set_len(64 << 20).unwrap();
    }
    here.write("secret", "geheim\n");
    fs::set_permissions(here.path("secret"), Permissions::from_mode(0o600)).unwrap();
    let mut server = None;
    let mut port = String::new();
    let examples = examples();
    assert!(examples.len() >= 10);
    for (line, shown) in examples {
        if line.starts_with("serve ") {
            let words = line.replace(PORT, "0");
            let words: Vec<_> = words.split_whitespace().collect();
            let mut process = Process::start(&mut here.command(&words));
            let listening = process.stdout.line();
            port = listening.rsplit_once(':').unwrap().1.to_owned();
            assert_eq!(shown, [listening.replace(&port, PORT)], "{line}");
            server = Some(process);
            continue;
        }
        let words = line.replace(PORT, &port);
        let words: Vec<_> = words.split_whitespace().collect();
        let ended = here.run(&words);
        let said = String::from_utf8(ended.stdout).unwrap() + &ended.stderr;
        let said: Vec<_> = said.lines().map(comparable).collect();
        let shown: Vec<_> = shown.iter().map(|line| comparable(line)).collect();
        assert_eq!(said, shown, "{line}");
    }
    assert!(server.is_some());
}
