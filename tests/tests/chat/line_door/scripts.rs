//! Every command, as one client sees it who is alone with the server.

use super::conversation::{Conversation, WELCOME};
use super::{lines, refusals};

/// Every conversation of one client.
pub(super) fn all() -> Vec<Conversation> {
    [
        entering(),
        saying(),
        rooms(),
        others(),
        lines::all(),
        refusals::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// From the greeting to the name.
fn entering() -> Vec<Conversation> {
    vec![
        Conversation::new("nothing but the greeting")
            .hear(WELCOME)
            .end(),
        Conversation::with_ann("a name").end(),
        Conversation::new("name and text in one piece")
            .send("ann\nhello\n/history\n")
            .hear(WELCOME)
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .hear("[lobby] (just now) ann: hello")
            .end(),
        Conversation::new("spaces around a name, and empty lines before it")
            .send("\n \n\r\n\t\n  ann \t\n")
            .hear(WELCOME)
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .end(),
        Conversation::new("a command is no name")
            .hear(WELCOME)
            .ask(
                "/quit",
                "!! a name cannot have '/' there; use letters, digits, \"_\", \"-\" and \".\"",
            )
            .say("ann")
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .end(),
        Conversation::new("a name beyond ASCII, decomposed")
            .hear(WELCOME)
            .say("Mu\u{308}ller")
            .hear("-- Hello, M\u{fc}ller. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .say("hi")
            .ask("/history", "[lobby] (just now) M\u{fc}ller: hi")
            .end(),
        Conversation::new("a name that is not ended")
            .hear(WELCOME)
            .send("ann")
            .half_close()
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .closed(),
        Conversation::new("no name for a minute")
            .hear(WELCOME)
            .send("an")
            .minutes_later()
            .hear("!! no name has come (connect again, and say one)")
            .closed(),
        Conversation::with_ann("a name, and nothing more for a minute")
            .wait_minutes(3)
            .ask("/topic", "-- lobby is about nothing in particular.")
            .end(),
        Conversation::with_ann("half a line for an evening")
            .send("/to")
            .wait_minutes(100)
            .ask("pic", "-- lobby is about nothing in particular.")
            .end(),
        Conversation::with_ann("nothing at all for an evening")
            .wait_minutes(5 * 60)
            .over(),
    ]
}

/// What is said, told and remembered.
fn saying() -> Vec<Conversation> {
    vec![
        Conversation::with_ann("what is said is not repeated")
            .say("hello")
            .say("/me waves")
            .say("//etc is a folder")
            .ask("/topic", "-- lobby is about nothing in particular.")
            .end(),
        Conversation::with_ann("another name")
            .ask("/nick Bob", "-- You are now Bob.")
            .say("hi")
            .ask("/nick bob", "-- You are now bob.")
            .hear_asked("/history", &["[lobby] (just now) Bob: hi"])
            .hear_asked("/who", &["-- In lobby: 1", "--   bob (operator)"])
            .end(),
        Conversation::with_ann("what was said last")
            .ask("/history", "-- Nothing was said yet.")
            .say("one")
            .say("/me does two")
            .say("//three")
            .hear_asked(
                "/history",
                &[
                    "[lobby] (just now) ann: one",
                    "[lobby] (just now) * ann does two",
                    "[lobby] (just now) ann: /three",
                ],
            )
            .ask("/history 1", "[lobby] (just now) ann: /three")
            .ask("/history 0", "-- Nothing was said yet.")
            .hear_asked(
                "/history 99999999999",
                &[
                    "[lobby] (just now) ann: one",
                    "[lobby] (just now) * ann does two",
                    "[lobby] (just now) ann: /three",
                ],
            )
            .end(),
        Conversation::with_ann("away and back")
            .ask("/away", "-- You are back.")
            .ask("/away for a walk", "-- You are away.")
            .ask("/away for a walk", "-- You are away.")
            .ask("/away \u{7}", "-- You are back.")
            .ask("/away again", "-- You are away.")
            .say("I am here")
            .hear_asked("/who", &["-- In lobby: 1", "--   ann (operator)"])
            .end(),
    ]
}

/// Rooms, and who is in them.
fn rooms() -> Vec<Conversation> {
    vec![
        Conversation::with_ann("rooms, and the current one")
            .hear_asked(
                "/join #Games",
                &["-- You are in Games.", "-- You are an operator here."],
            )
            .say("in games")
            .hear_asked(
                "/join lobby",
                &["-- You are in lobby.", "-- You are an operator here."],
            )
            .say("in the lobby")
            .hear_asked(
                "/rooms",
                &["-- Rooms: 2", "--   Games (1)", "--   lobby (1)"],
            )
            .ask("/history", "[lobby] (just now) ann: in the lobby")
            .hear_asked(
                "/join GAMES",
                &["-- You are in Games.", "-- You are an operator here."],
            )
            .ask("/history", "[Games] (just now) ann: in games")
            .ask("/part lobby", "-- You have left lobby, and speak in GAMES.")
            .ask(
                "/part",
                "-- You have left GAMES, and are in no room (/join one).",
            )
            .ask("/rooms", "-- Rooms: 0")
            .end(),
        Conversation::with_ann("after the current room comes the one that was entered last")
            .hear_asked(
                "/join a1",
                &["-- You are in a1.", "-- You are an operator here."],
            )
            .hear_asked(
                "/join b2",
                &["-- You are in b2.", "-- You are an operator here."],
            )
            .hear_asked(
                "/join c3",
                &["-- You are in c3.", "-- You are an operator here."],
            )
            .ask("/part a1", "-- You have left a1, and speak in c3.")
            .ask("/part #c3", "-- You have left c3, and speak in b2.")
            .ask("/part", "-- You have left b2, and speak in lobby.")
            .end(),
        Conversation::with_ann("who is there")
            .ask("/away at lunch", "-- You are away.")
            .ask("/mute ann", "-- ann may not speak any more.")
            .hear_asked(
                "/who",
                &[
                    "-- In lobby: 1",
                    "--   ann (operator, may not speak, away: at lunch)",
                ],
            )
            .hear_asked(
                "/who #LOBBY",
                &[
                    "-- In LOBBY: 1",
                    "--   ann (operator, may not speak, away: at lunch)",
                ],
            )
            .end(),
        Conversation::with_ann("what a room is about")
            .ask("/topic", "-- lobby is about nothing in particular.")
            .ask(
                "/topic  tea and  biscuits ",
                "-- lobby is about: tea and  biscuits",
            )
            .ask("/topic", "-- lobby is about: tea and  biscuits")
            .hear_asked(
                "/rooms",
                &["-- Rooms: 1", "--   lobby (1): tea and  biscuits"],
            )
            .hear_asked(
                "/join lobby",
                &[
                    "-- You are in lobby.",
                    "-- You are an operator here.",
                    "-- This is about: tea and  biscuits",
                ],
            )
            .ask("/topic \x1b[0m", "-- lobby is about nothing in particular.")
            .end(),
    ]
}

/// Everything else.
fn others() -> Vec<Conversation> {
    vec![
        help(),
        Conversation::with_ann("an end")
            .ask("/quit", "-- Bye.")
            .closed(),
        Conversation::with_ann("an end with a reason, and nothing behind it")
            .send("/quit to bed\n/rooms\nhello\n/nick bob\n")
            .hear("-- Bye.")
            .closed(),
        operating(),
    ]
}

fn help() -> Conversation {
    Conversation::with_ann("help")
        .hear_asked(
            "/help me",
            &[
                "-- What you type is said in your room. What begins with / is a command:",
                "--   /nick NAME: takes another name",
                "--   /join ROOM [KEY]: enters a room, or makes it the one you speak in",
                "--   /part [ROOM]: leaves a room",
                "--   /rooms: lists the rooms",
                "--   /who [ROOM]: lists who is in a room",
                "--   /msg NAME TEXT: tells something to one member alone",
                "--   /me TEXT: does something",
                "--   /topic [TEXT]: shows what a room is about, or says so (operators)",
                "--   /history [N]: shows what was said last",
                "--   /away [TEXT]: is away; without a text, is back",
                "--   /quit [TEXT]: leaves",
                "--   /help: shows this",
                "--   /kick NAME [WHY]: removes a member (operators)",
                "--   /mute NAME: takes the right to speak (operators)",
                "--   /unmute NAME: gives it back (operators)",
                "--   /key [KEY]: lets in who knows a key, or without one everybody (operators)",
                "--   /op NAME: makes a member an operator (operators)",
            ],
        )
        .end()
}

/// What an operator does, to itself where nobody else is.
fn operating() -> Conversation {
    Conversation::with_ann("an operator who is alone")
        .ask("/op ann", "-- ann is an operator.")
        .ask("/mute ann", "-- ann may not speak any more.")
        .ask("/mute ann", "-- ann may not speak any more.")
        .ask(
            "hello",
            "!! you may not speak in lobby (ask an operator: /who shows them)",
        )
        .ask("/unmute ann", "-- ann may speak again.")
        .say("hello")
        .ask(
            "/key sesame",
            "-- Who does not know the key stays out from now on.",
        )
        .hear_asked("/rooms", &["-- Rooms: 1", "--   lobby (1, with a key)"])
        .ask("/topic tea", "-- lobby is about: tea")
        .hear_asked(
            "/rooms",
            &["-- Rooms: 1", "--   lobby (1, with a key): tea"],
        )
        .ask("/key", "-- Everybody may enter.")
        .hear_asked("/rooms", &["-- Rooms: 1", "--   lobby (1): tea"])
        .ask("/kick ann enough", "-- You have removed ann.")
        .ask("/rooms", "-- Rooms: 0")
        .ask("hello", "!! you are not in lobby (/join lobby enters it)")
        // It is another lobby than before.
        .hear_asked(
            "/join lobby",
            &["-- You are in lobby.", "-- You are an operator here."],
        )
        .ask("/topic", "-- lobby is about nothing in particular.")
        .end()
}

impl Conversation {
    /// Says something, and hears these lines.
    pub(super) fn hear_asked(self, line: &str, answers: &[&str]) -> Self {
        answers
            .iter()
            .fold(self.say(line), |so_far, answer| so_far.hear(answer))
    }
}
