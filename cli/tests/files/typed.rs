//! The interactive client at the real server: commands from a pipe, and keys at a terminal.

use crate::here::{Here, text};
use crate::process::pattern;
use crate::served::Served;
use crate::terminal::Terminal;

#[test]
fn commands_come_from_a_pipe() {
    let (server, here) = (Served::to_anybody(), Here::new());
    here.write("mine", pattern(300_000));
    server.root.write("d/你好 world.txt", "abc");
    let ended = here.types(
        &server.address,
        &[
            "ls",
            "cd d",
            "pwd",
            "ls",
            "get \"你好 world.txt\" here",
            "mkdir new",
            "put mine new/",
            "ls new",
            "mv new/mine moved",
            "hash moved",
            "rm new moved",
            "cd ..",
            "ls d",
            "quit",
        ],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let hash = socketserver_handlers::files::Algorithm::Blake3.hash(&pattern(300_000));
    assert_eq!(
        text(&ended),
        format!("d/\n/d\n你好 world.txt\nmine\n{hash}  d/moved\n你好 world.txt\n")
    );
    assert_eq!(here.read("here"), b"abc");
    assert_eq!(server.root.names("d"), ["你好 world.txt"]);

    let ended = here.types(&server.address, &["ls d", "get d/no", "rm d"]);
    assert_eq!(
        (ended.code, text(&ended)),
        (Some(5), "你好 world.txt\n"),
        "{}",
        ended.stderr
    );
    let ended = here.types(&server.address, &["rm d"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}

#[test]
fn the_tabulator_completes_paths_on_the_server() {
    let (server, here) = (Served::to_anybody(), Here::new());
    server.root.write("folder/a long name.txt", "abc");
    server.root.write("other", "");
    let into = here.path("here");
    let mut terminal = Terminal::run(&format!("files {}", server.address));
    terminal.shows("/> ");
    terminal.types("get fol\t");
    terminal.shows("folder/");
    terminal.types("a\t");
    terminal.shows("\"folder/a long name.txt\"");
    terminal.types(&format!(" {}\r", into.display()));
    terminal.shows("/> ");
    terminal.types("frobnicate\r");
    terminal.shows("/> ");
    terminal.types("q\t\r");
    let (ended, _) = terminal.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(here.read("here"), b"abc");
    assert!(
        ended.stderr.contains("'frobnicate' is not a command"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_password_is_asked_for_at_the_terminal() {
    let server = Served::to_users(&[]);
    server.root.write("a", "");
    let mut terminal = Terminal::run(&format!("ls files://bob@{}/", server.address));
    terminal.asks(&format!("password of bob at tcp://{}: ", server.address));
    terminal.types("geheim\r");
    let (ended, shown) = terminal.end();
    assert_eq!(
        (ended.code, ended.stdout),
        (Some(0), b"a\n".to_vec()),
        "{}",
        ended.stderr
    );
    assert!(!shown.contains("geheim"), "{shown}");
}
