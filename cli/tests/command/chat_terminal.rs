//! `chat` at a terminal.

use std::net::TcpListener;

use crate::chat::Guest;
use crate::connect::listener;
use crate::terminal::Terminal;

/// Somebody called ann at a terminal, and the server at which nobody has answered yet.
fn ann(options: &str) -> (Terminal, TcpListener) {
    let (listener, address) = listener();
    let client = Terminal::run_wholly(&format!("chat {address} --nick ann {options}"));
    (client, listener)
}

/// The same, who was let in.
fn ann_who_is_in(options: &str) -> (Terminal, Guest, TcpListener) {
    let (mut client, listener) = ann(options);
    let guest = Guest::named(&listener, "ann");
    client.shows("-- Hello, ann.");
    client.shows("> ");
    (client, guest, listener)
}

#[test]
fn what_comes_is_shown_above_what_is_typed_and_harmless() {
    let (mut client, mut guest, _listener) = ann_who_is_in("");
    client.types("half a l");
    client.shows("half a l");
    guest.tell("[lobby] bob: \x1b[2J\x1b]0;title\x07hi");
    client.shows("[lobby] bob: hi\r\n");
    client.shows("> half a l");
    client.types("ine\r");
    guest.says("half a line");
    client.types("/quit\r");
    guest.says("/quit");
    guest.tell("-- Bye.");
    drop(guest);
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
    assert!(shown.contains("-- Bye.\r\n"), "{shown}");
    assert!(
        !shown.contains("\x1b[2J") && !shown.contains("title"),
        "{shown}"
    );
}

#[test]
fn the_tabulator_completes_commands_names_and_rooms() {
    let (mut client, mut guest, _listener) = ann_who_is_in("");
    guest.tell("[lobby] Bartholomew: hi");
    guest.tell("[rust] -- Cornelius has joined");
    client.shows("Cornelius has joined");
    for (keys, line) in [
        ("/jo\tru\t\r", "/join rust"),
        ("ba\thello\r", "Bartholomew: hello"),
        ("/ms\tcor\tpsst\r", "/msg Cornelius psst"),
    ] {
        client.types(keys);
        guest.says(line);
    }
    // The key up brings back what was said.
    client.types("\x1b[A\r");
    guest.says("/msg Cornelius psst");
}

#[test]
fn another_name_is_asked_for() {
    let (mut client, listener) = ann("");
    let mut guest = Guest::of(&listener);
    guest.says("ann");
    guest.tell("!! ann is somebody else");
    client.shows("!! ann is somebody else");
    client.shows("which name shall it be?");
    client.types("root\r");
    guest.says("root");
    guest.tell("!! nobody may be root");
    client.shows("!! nobody may be root");
    client.shows("which name shall it be?");
    client.types("Anna\r");
    guest.says("Anna");
    guest.tell("-- Hello, Anna.");
    client.shows("-- Hello, Anna.");
    client.types("hello\r");
    guest.says("hello");
    // Lost and found under the name that was agreed on.
    drop(guest);
    client.shows("trying again in");
    let mut guest = Guest::named(&listener, "Anna");
    client.shows("connected again");
    client.types("\x04");
    guest.says("/quit");
    drop(guest);
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
}

#[test]
fn a_lost_connection_is_told_and_can_be_left_for_good() {
    let (mut client, mut guest, listener) = ann_who_is_in("--room rust");
    guest.says("/join rust");
    guest.reset();
    client.shows("the server has reset the connection; trying again in ");
    client.shows("> ");
    let mut guest = Guest::named(&listener, "ann");
    guest.says("/join rust");
    client.shows("connected again");
    drop((guest, listener));
    client.shows("the server has ended the connection; trying again in ");
    client.types("is anybody there?\r");
    client.shows("not connected: this was not sent");
    client.types("/quit\r");
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
}

#[test]
fn control_c_leaves_at_any_time_and_so_does_a_name_that_is_not_chosen() {
    let (mut client, guest, _listener) = ann_who_is_in("");
    client.types("\x03");
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(130), "{shown}");
    guest.leaves();

    let (mut client, listener) = ann("");
    let mut guest = Guest::of(&listener);
    guest.says("ann");
    guest.tell("!! no");
    client.shows("which name shall it be?");
    client.types("/quit\r");
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
    guest.leaves();
}

#[test]
fn a_server_that_lets_nobody_go_is_left_all_the_same() {
    let (mut client, mut guest, _listener) = ann_who_is_in("");
    client.types("\x04");
    guest.says("/quit");
    let (ended, shown) = client.end();
    assert_eq!(ended.code, Some(0), "{shown}");
}
