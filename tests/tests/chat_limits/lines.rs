//! Lines that are no text, and lines that never end.

use std::io::Write;

use socketserver_tests::Case;

use crate::people::{Person, chat, serve};

socketserver_tests::matrix! {
    events: what_is_no_utf_8_is_refused_however_it_is_cut, letters_may_come_in_parts, a_name_that_is_no_text_is_refused, a_line_without_an_end_is_cut;
}

/// Bytes that are no UTF-8, of every kind that there is. 0xFF is telnet's, and not among them.
const NO_TEXT: [&[u8]; 24] = [
    b"\x80",
    b"\xbf",
    b"\xc3",
    b"\xe2\x82",
    b"\xe2",
    b"\xf0\x9f\x98",
    b"\xf0\x9f",
    b"\xf0",
    b"\xc3\x28",
    b"\xe2\x28\xa1",
    b"\xe2\x82\x28",
    b"\xf0\x28\x8c\xbc",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
];

/// Sends both parts so that the server cannot read them together.
fn send_in_two(
    person: &mut Person,
    server: &socketserver_tests::Running,
    sent: &mut u64,
    parts: [&[u8]; 2],
) {
    for part in parts {
        person.send(part);
        *sent += part.len() as u64;
        server.until("the part to be read", |stats| stats.bytes_in == *sent);
    }
}

fn what_is_no_utf_8_is_refused_however_it_is_cut(case: &Case) {
    let chat = chat();
    let server = serve(case, &chat);
    let mut ann = Person::enter(&server, "ann");
    ann.until("-- You are an operator here.");
    let mut sent = 4;
    for bytes in NO_TEXT {
        let line = [b"before ", bytes, b" after\n"].concat();
        for cut in 7..=7 + bytes.len() {
            let (first, second) = line.split_at(cut);
            send_in_two(&mut ann, &server, &mut sent, [first, second]);
            assert!(ann.line().starts_with("!! that is not UTF-8"));
        }
        // As the last thing before the end of the line, and within a command.
        for line in [
            bytes.to_vec(),
            [b"/msg ann ", bytes].concat(),
            [b"/nick ", bytes].concat(),
        ] {
            sent += line.len() as u64 + 1;
            ann.send([&line[..], b"\n"].concat());
            assert!(ann.line().starts_with("!! that is not UTF-8"));
        }
    }
    assert_eq!(chat.hub().stats().said, 0);
    assert_eq!(ann.all(), [""; 0]);
    drop(ann);
    server.stop();
}

fn letters_may_come_in_parts(case: &Case) {
    let chat = chat();
    let server = serve(case, &chat);
    let mut ann = Person::enter(&server, "ann");
    ann.until("-- You are an operator here.");
    let mut sent = 4;
    let text = "é世👋🏽";
    let line = format!("{text}\n");
    for cut in 1..line.len() {
        let (first, second) = line.as_bytes().split_at(cut);
        send_in_two(&mut ann, &server, &mut sent, [first, second]);
    }
    // What some editors begin a file with is not seen, and so not shown.
    ann.send("\u{feff}hi\n");
    ann.say("/history");
    let line = format!("[lobby] (just now) ann: {text}");
    for _ in 1..=text.len() {
        ann.hears(&line);
    }
    ann.hears("[lobby] (just now) ann: hi");
    drop(ann);
    server.stop();
}

fn a_name_that_is_no_text_is_refused(case: &Case) {
    let server = serve(case, &chat());
    let mut ann = Person::connect(&server);
    ann.line();
    for bytes in NO_TEXT {
        ann.send([b"ann", bytes, b"\n"].concat());
        assert!(ann.line().starts_with("!! that is not UTF-8"));
    }
    let mut ann = ann.introduce("ann");
    ann.all();
    drop(ann);
    server.stop();
}

fn a_line_without_an_end_is_cut(case: &Case) {
    const ALL: usize = 100_000_000;
    let chat = chat();
    let server = serve(case, &chat);
    let mut ann = case.is_concurrent().then(|| Person::enter(&server, "ann"));
    // What has an end is answered, however long it is, as far as a line may go.
    let mut bob = Person::enter(&server, "bob");
    for length in [2_129, 5_000, 8_190] {
        bob.say(&"x".repeat(length));
        bob.until("!! that has ");
    }
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < ALL {
        match bob.client().write(&piece) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    assert!(sent < ALL, "it is not read to its end");
    server.until("it to be closed", |stats| {
        stats.closed.get("input_overflow") == Some(&1)
    });
    if let Some(ann) = &mut ann {
        ann.until("[lobby] -- bob has left (connection lost)");
        ann.all();
    }
    drop((ann, bob));
    let stats = server.stop().stats;
    assert!(
        stats.bytes_delivered < 32 * 1024,
        "{} bytes were looked at",
        stats.bytes_delivered
    );
    assert_eq!(chat.hub().stats().said, 0);
}
