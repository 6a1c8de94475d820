//! What a line is: its ends, its length, corrections, negotiations, and bytes that are no text.

use super::company::numbered;
use super::conversation::{Conversation, WELCOME};

const NOT_UTF8: &str = "!! that is not UTF-8, and nothing came of it (set your terminal to UTF-8)";

pub(super) fn all() -> Vec<Conversation> {
    vec![
        Conversation::with_ann("both line ends, and empty lines")
            .send("one\r\n\n\r\n   \ntwo\n th\rree \r\n/history\r\n")
            .hear("[lobby] (just now) ann: one")
            .hear("[lobby] (just now) ann: two")
            .hear("[lobby] (just now) ann: three")
            .end(),
        Conversation::with_ann("the last line has no end")
            .send("one\n/history")
            .half_close()
            .hear("[lobby] (just now) ann: one")
            .closed(),
        Conversation::with_ann("the last line is an end").send("/quit").half_close().hear("-- Bye.").closed(),
        Conversation::with_ann("corrections")
            .send("hex\x08llo\n\x08\x7f\x08o\u{e4}\x7fne\n/hisx\x7ftory\n")
            .hear("[lobby] (just now) ann: hello")
            .hear("[lobby] (just now) ann: one")
            .end(),
        Conversation::new("a name that is corrected")
            .hear(WELCOME)
            .say("\x08bn\x7f\x7fann")
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .end(),
        // What telnet sends first, with a line end in the size of its window.
        Conversation::new("negotiations")
            .send(b"\xff\xfb\x1f\xff\xfd\x03an\xff\xfa\x1f\x00\x0a\x00\x18\xff\xf0n\r\n")
            .hear(WELCOME)
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .send(b"\xff\xf1he\xff\xfc\x01llo\xff\xfa\x18\x00xterm\xff\xff\xff\xf0\r\n/his\xff\xf6tory\r\n")
            .hear("[lobby] (just now) ann: hello")
            .end(),
        Conversation::with_ann("what is not UTF-8")
            .send(b"caf\xe9\n\xff\xff\n\xc3\n\xed\xa0\x80\n")
            .hear(NOT_UTF8)
            .hear(NOT_UTF8)
            .hear(NOT_UTF8)
            .hear(NOT_UTF8)
            .ask("/history", "-- Nothing was said yet.")
            .end(),
        Conversation::new("a name that is not UTF-8")
            .hear(WELCOME)
            .send(b"Ren\xe9\n")
            .hear(NOT_UTF8)
            .say("Ren\u{e9}")
            .hear("-- Hello, Ren\u{e9}. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
            .end(),
        Conversation::with_ann("what a terminal should not see")
            .say("a \x1b]0;title\x07b\x1b[31m c\u{202e}d\u{0}e\tf")
            .ask("/history", "[lobby] (just now) ann: a b cde f")
            .ask("/topic \x1b[1mloud\x1b[0m", "-- lobby is about: loud")
            .end(),
        Conversation::with_ann("the longest text, and one byte more")
            .say(&"x".repeat(2000))
            .ask(&"y".repeat(2001), "!! that has 2001 bytes, and at most 2000 can be taken (say it in parts)")
            // The last two bytes make no difference, since they are one character.
            .ask(&"\u{e4}".repeat(1001), "!! that has 2002 bytes, and at most 2000 can be taken (say it in parts)")
            .ask("/history", &format!("[lobby] (just now) ann: {}", "x".repeat(2000)))
            .long()
            .end(),
        Conversation::with_ann("the longest line, and one byte more")
            .say(&format!("{}z", " ".repeat(2127)))
            .ask(&format!("{}z", " ".repeat(2128)), "!! that has 2129 bytes, and at most 2128 can be taken (say it in parts)")
            .send(format!("{}\r\n", " ".repeat(2128)))
            .ask("/history", "[lobby] (just now) ann: z")
            .long()
            .end(),
        Conversation::with_ann("the longest input that is a line")
            .ask(&"a".repeat(8191), "!! that has 8191 bytes, and at most 2128 can be taken (say it in parts)")
            .ask("/topic", "-- lobby is about nothing in particular.")
            .long()
            .end(),
        Conversation::new("a name that is too long for a line")
            .hear(WELCOME)
            .ask(&"a".repeat(3000), "!! that has 3000 bytes, and at most 2128 can be taken (say it in parts)")
            .long()
            .end(),
        Conversation::with_ann("more than a line may be, without an end")
            .send("a".repeat(8192))
            .over()
            .long(),
        too_fast(),
        too_fast_at_the_end(),
        Conversation::with_ann("limits of one's own")
            .under(|settings| settings.text_bytes_max = 10)
            .say("1234567890")
            .ask("12345678901", "!! that has 11 bytes, and at most 10 can be taken (say it in parts)")
            .ask("/me 12345678901", "!! that has 11 bytes, and at most 10 can be taken (say it in parts)")
            .ask("/msg ann 12345678901", "!! that has 11 bytes, and at most 10 can be taken (say it in parts)")
            .ask(&"9".repeat(139), "!! that has 139 bytes, and at most 138 can be taken (say it in parts)")
            .ask("/history", "[lobby] (just now) ann: 1234567890")
            .end(),
    ]
}

/// More than may be said at once waits, and none of it is lost: that takes four seconds where time is made up.
fn too_fast() -> Conversation {
    let conversation = Conversation::with_ann("lines that come too fast")
        .at_rate("10/s:20")
        .minutes_later()
        .send(numbered(0..50) + "/history\n/topic\n");
    (0..50)
        .fold(conversation, |so_far, line| {
            so_far.hear(&format!("[lobby] (just now) ann: {line}"))
        })
        .hear("-- lobby is about nothing in particular.")
        .long()
        .end()
}

fn too_fast_at_the_end() -> Conversation {
    Conversation::with_ann("a last line that comes too fast")
        .at_rate("1/min:2")
        .minutes_later()
        .send("one\n/history")
        .half_close()
        .hear("[lobby] (just now) ann: one")
        .closed()
}
