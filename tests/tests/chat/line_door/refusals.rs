//! What one client can be refused who is alone. What needs others to be refused stands with those conversations.

use super::conversation::{Conversation, WELCOME};

pub(super) fn all() -> Vec<Conversation> {
    vec![
        names(),
        room_names(),
        unknown(),
        usages(),
        absent(),
        oneself(),
        nowhere(),
        nothing(),
        muted(),
        notes(),
        limits(),
        no_lobby(),
    ]
}

const TOO_LONG: &str = "!! the name is too long; it may have 24 characters";
const MIXED: &str = "!! the name mixes scripts, and could be taken for another one; write it in the letters of one script";
const LOOKALIKE: &str = "!! the name looks exactly like another one that is not the same; write it in small letters, or choose another one";
const RESERVED: &str = "!! the name is reserved, or looks like one that is; choose another one";
const BEGINNING: &str = "!! a name cannot begin like that; let a letter or a digit be the first";

/// Names that nobody can have, each of which leaves the next try.
fn names() -> Conversation {
    Conversation::new("names that cannot be had")
        .hear(WELCOME)
        .ask("abcdefghijklmnopqrstuvwxy", TOO_LONG)
        .ask("two words", "!! a name cannot have a space there; use letters, digits, \"_\", \"-\" and \".\"")
        .ask("a#b", "!! a name cannot have '#' there; use letters, digits, \"_\", \"-\" and \".\"")
        .ask("a\x1b[1m", "!! a name cannot have U+001B there; use letters, digits, \"_\", \"-\" and \".\"")
        .ask("a\u{202e}b", "!! a name cannot have U+202E there; use letters, digits, \"_\", \"-\" and \".\"")
        .ask("\u{2615}", "!! a name cannot have '\u{2615}' (U+2615) there; use letters, digits, \"_\", \"-\" and \".\"")
        .ask("-ann", BEGINNING)
        .ask("_", BEGINNING)
        .ask("\u{430}nn", MIXED)
        .ask("\u{391}\u{39d}\u{39d}", LOOKALIKE)
        .ask("server", RESERVED)
        .ask("ADMIN", RESERVED)
        .ask("r00t", RESERVED)
        .say("abcdefghijklmnopqrstuvwx")
        .hear("-- Hello, abcdefghijklmnopqrstuvwx. You are in lobby; /help lists what you can do.")
        .hear("-- You are an operator here.")
        .ask("/nick you", RESERVED)
        .ask("/nick a b", "!! a name cannot have a space there; use letters, digits, \"_\", \"-\" and \".\"")
        .hear_asked("/who", &["-- In lobby: 1", "--   abcdefghijklmnopqrstuvwx (operator)"])
        .end()
}

fn room_names() -> Conversation {
    let longest = "r".repeat(32);
    Conversation::with_ann("rooms that cannot be")
        .ask(
            "/join #",
            "!! a name cannot be empty; choose one with a letter or a digit",
        )
        .ask(
            &format!("/join {longest}r"),
            "!! the name is too long; it may have 32 characters",
        )
        .ask(
            "/join ##x",
            "!! a name cannot have '#' there; use letters, digits, \"_\", \"-\" and \".\"",
        )
        .ask("/join .x", BEGINNING)
        .ask("/part \u{430}b", MIXED)
        .ask("/who \u{391}\u{39d}\u{39d}", LOOKALIKE)
        // No room can be taken for the server.
        .hear_asked(
            "/join server",
            &["-- You are in server.", "-- You are an operator here."],
        )
        .hear_asked(
            &format!("/join #{longest}"),
            &[
                &format!("-- You are in {longest}."),
                "-- You are an operator here.",
            ],
        )
        .end()
}

fn unknown() -> Conversation {
    const UNKNOWN: &str =
        "!! there is no such command (/help lists them; // says a text that begins with /)";
    Conversation::with_ann("commands that do not exist")
        .ask("/", UNKNOWN)
        .ask("/ help", UNKNOWN)
        .ask("/HELP", UNKNOWN)
        .ask("/quit!", UNKNOWN)
        .ask("/exit now", UNKNOWN)
        .end()
}

fn usages() -> Conversation {
    [
        ("/nick", "/nick NAME"),
        ("/join", "/join ROOM [KEY]"),
        ("/join  ", "/join ROOM [KEY]"),
        ("/rooms here", "/rooms"),
        ("/msg", "/msg NAME TEXT"),
        ("/msg bob", "/msg NAME TEXT"),
        ("/me", "/me TEXT"),
        ("/history all", "/history [N]"),
        ("/history -1", "/history [N]"),
        ("/kick", "/kick NAME [WHY]"),
        ("/mute", "/mute NAME"),
        ("/unmute", "/unmute NAME"),
        ("/op", "/op NAME"),
    ]
    .into_iter()
    .fold(
        Conversation::with_ann("commands that are written wrongly"),
        |so_far, (line, usage)| so_far.ask(line, &format!("!! that is written {usage}")),
    )
    .end()
}

/// Whoever is meant is the one who means.
fn oneself() -> Conversation {
    Conversation::with_ann("a text for oneself")
        .ask(
            "/msg ANN how are you",
            "!! that is you (tell it to somebody else)",
        )
        .end()
}

/// Whoever is meant and is not there.
fn absent() -> Conversation {
    const NOBODY: &str = "!! nobody here is called bob (/who shows who is)";
    Conversation::with_ann("nobody is there")
        .ask("/msg bob hello", NOBODY)
        .ask("/kick bob", NOBODY)
        .ask("/mute bob", NOBODY)
        .ask("/op bob", NOBODY)
        .ask("/unmute bob", "!! bob may speak in lobby already")
        .ask("/unmute ann", "!! ann may speak in lobby already")
        .ask("/msg you hello", RESERVED)
        .ask(
            "/kick a/b",
            "!! a name cannot have '/' there; use letters, digits, \"_\", \"-\" and \".\"",
        )
        .ask(
            "/who games",
            "!! there is no room games (/rooms shows which there are)",
        )
        .ask(
            "/part games",
            "!! you are not in games (/join games enters it)",
        )
        .end()
}

/// What needs a room, in none.
fn nowhere() -> Conversation {
    const NOT_IN: &str = "!! you are not in lobby (/join lobby enters it)";
    let lines = [
        "hello",
        "//hello",
        "/me waves",
        "/topic",
        "/topic tea",
        "/history",
        "/who",
        "/key",
        "/key x",
        "/kick ann",
        "/mute ann",
        "/unmute ann",
        "/op ann",
        "/part",
        "/part lobby",
    ];
    let gone = Conversation::with_ann("what needs a room, in none").ask(
        "/part",
        "-- You have left lobby, and are in no room (/join one).",
    );
    lines
        .into_iter()
        .fold(gone, |so_far, line| so_far.ask(line, NOT_IN))
        .ask(
            "/who lobby",
            "!! there is no room lobby (/rooms shows which there are)",
        )
        .ask("/away out", "-- You are away.")
        .ask("/nick bob", "-- You are now bob.")
        .end()
}

/// Texts of which nothing is left.
fn nothing() -> Conversation {
    const NOTHING: &str = "!! there is nothing in it that could be said (say it in letters)";
    Conversation::with_ann("nothing is left of a text")
        .ask("\x1b[31m", NOTHING)
        .ask("\u{202e}\u{200b}", NOTHING)
        .ask("/me \x1b]0;title\x07", NOTHING)
        .ask("/msg ann \u{feff}", NOTHING)
        // A slash is left of it.
        .say("//")
        .ask("/history", "[lobby] (just now) ann: /")
        .end()
}

fn muted() -> Conversation {
    const MUTED: &str = "!! you may not speak in lobby (ask an operator: /who shows them)";
    Conversation::with_ann("who may not speak")
        .ask("/mute ann", "-- ann may not speak any more.")
        .ask("hello", MUTED)
        .ask("/me waves", MUTED)
        .ask(
            "/nick bob",
            "!! you may not speak in lobby, and keep your name until you may",
        )
        // Nobody is hindered elsewhere.
        .hear_asked(
            "/join games",
            &["-- You are in games.", "-- You are an operator here."],
        )
        .say("hello")
        .ask("/history", "[games] (just now) ann: hello")
        .ask(
            "/nick bob",
            "!! you may not speak in lobby, and keep your name until you may",
        )
        .hear_asked(
            "/join lobby",
            &["-- You are in lobby.", "-- You are an operator here."],
        )
        .ask("/unmute ANN", "-- ANN may speak again.")
        .ask("/nick bob", "-- You are now bob.")
        .end()
}

/// Notes that are longer than notes may be, with what limits them.
fn notes() -> Conversation {
    const LONG: &str = "!! that has 6 bytes, and at most 5 can be taken (say it in parts)";
    Conversation::with_ann("notes that are too long")
        .under(|settings| settings.note_bytes_max = 5)
        .ask("/topic 12345", "-- lobby is about: 12345")
        .ask("/topic 123456", LONG)
        .ask("/key 123456", LONG)
        .ask("/away 123456", LONG)
        .ask("/kick ann 123456", LONG)
        .hear_asked("/who", &["-- In lobby: 1", "--   ann (operator)"])
        .ask("/away \x1b[1m12345\x1b[0m", "-- You are away.")
        .ask("/quit 123456", "-- Bye.")
        .closed()
}

fn limits() -> Conversation {
    Conversation::with_ann("as many rooms as there may be")
        .under(|settings| {
            settings.rooms_max = 3;
            settings.rooms_per_member_max = 2;
        })
        .hear_asked(
            "/join a1",
            &["-- You are in a1.", "-- You are an operator here."],
        )
        .ask(
            "/join b2",
            "!! you are in 2 rooms, which is the most (/part one)",
        )
        // One that one is in is no further one.
        .hear_asked(
            "/join lobby",
            &["-- You are in lobby.", "-- You are an operator here."],
        )
        .ask("/part", "-- You have left lobby, and speak in a1.")
        .hear_asked(
            "/join b2",
            &["-- You are in b2.", "-- You are an operator here."],
        )
        .end()
}

/// Whoever finds no room at all is in the chat all the same.
fn no_lobby() -> Conversation {
    Conversation::new("no room for a lobby")
        .under(|settings| settings.rooms_max = 0)
        .hear(WELCOME)
        .say("ann")
        .hear("-- Hello, ann. You are in no room; /help lists what you can do.")
        .hear("!! there are as many rooms as there may be (enter one of them: /rooms)")
        .ask("hello", "!! you are not in lobby (/join lobby enters it)")
        .ask(
            "/join games",
            "!! there are as many rooms as there may be (enter one of them: /rooms)",
        )
        .ask("/rooms", "-- Rooms: 0")
        .end()
}
