//! One conversation with each example, or some, which say what it promises.

use std::io::Write;

use crate::TestResult;
use crate::example::Example;
use crate::post::Post;
use crate::talk::Talk;

#[test]
fn the_first_handler_sends_back_what_it_receives() -> TestResult {
    let example = Example::start("first_handler", &[":0"])?;
    let mut talk = example.connect()?;
    talk.says("hello, ")?;
    talk.hears("hello, ");
    talk.says("world")?;
    talk.says_no_more()?;
    assert_eq!(talk.hears_the_rest()?, b"world");
    Ok(())
}

#[test]
fn the_uppercase_server_answers_in_every_mode() -> TestResult {
    for (mode, written) in [
        ("serial", "serial"),
        ("threads", "threads"),
        ("pool:3", "pool:3"),
        ("reactor", "reactor:1"),
    ] {
        let mut example = Example::start("uppercase_server", &[":0", mode])?;
        let (address, rest) = example.address()?;
        assert_eq!(rest, format!("in the mode {written}"));
        for _ in 0..3 {
            let mut talk = Talk::to(address)?;
            talk.says("Hello, ")?;
            talk.hears("HELLO, ");
            talk.says("café ß")?;
            talk.says_no_more()?;
            assert_eq!(talk.hears_the_rest()?, "CAFé ß".as_bytes());
            assert!(example.line()?.ends_with(" has come"));
        }
        assert_eq!(example.ends()?, ["3 clients were served"]);
    }
    Ok(())
}

#[test]
fn the_uppercase_server_is_serial_if_it_shall_be() -> TestResult {
    let example = Example::start("uppercase_server", &[":0", "serial"])?;
    let (address, _) = example.address()?;
    let (mut first, mut second) = (Talk::to(address)?, Talk::to(address)?);
    second.says("second")?;
    first.says("first")?;
    first.hears("FIRST");
    first.says("again")?;
    first.hears("AGAIN");
    assert!(second.has_heard_nothing()?);
    drop(first);
    second.hears("SECOND");
    Ok(())
}

#[test]
fn the_uppercase_client_prints_the_answers() -> TestResult {
    let server = Example::start("uppercase_server", &[":0"])?;
    let address = server.address()?.0.to_string();
    let mut with_text = Example::start("uppercase_client", &[&address, "hello, é"])?;
    assert_eq!(with_text.ends()?, ["HELLO, é"]);
    let mut with_lines = Example::start("uppercase_client", &[&address])?;
    with_lines.types("one\n\n")?;
    with_lines.prints("ONE");
    with_lines.prints("");
    with_lines.types("two")?;
    assert_eq!(with_lines.ends()?, ["TWO"]);
    Ok(())
}

#[test]
fn two_roles_are_played_by_one_program() -> TestResult {
    let mut server = Example::start("two_roles", &["serve", ":0"])?;
    let address = server.address()?.0.to_string();
    let mut first = Example::start("two_roles", &["connect", &address])?;
    first.types("hello\n")?;
    first.prints("5 letters");
    let mut second = Example::start("two_roles", &["connect", &address])?;
    second.types("café\n")?;
    first.types("\n")?;
    first.prints("0 letters");
    assert!(first.ends()?.is_empty());
    second.prints("4 letters");
    assert!(second.ends()?.is_empty());
    assert!(server.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_request_handler_finishes_whatever_happens() -> TestResult {
    for mode in ["serial", "threads", "pool:2", "reactor"] {
        let mut example = Example::start("request_handler", &[":0", mode])?;
        let (address, _) = example.address()?;
        for (name, answer) in [("Anna", "hello Anna\n"), ("", ""), ("Otto", "hello Otto\n")] {
            let mut talk = Talk::to(address)?;
            talk.says(&format!("{name}\n"))?;
            assert_eq!(talk.hears_the_rest()?, answer.as_bytes());
            example.prints("setup");
            example.prints(&format!("handle {name}"));
            example.prints("finish");
        }
        assert!(example.ends()?.is_empty());
    }
    Ok(())
}

#[test]
fn the_modes_keep_different_clients_waiting() -> TestResult {
    let mut example = Example::start("modes", &[":0"])?;
    let table = [
        "serial: 1 served at once, 2 kept waiting, threads: 1",
        "threads: 3 served at once, 0 kept waiting, threads: 3",
        "pool:2: 2 served at once, 1 kept waiting, threads: 2",
        "reactor:1: 3 served at once, 0 kept waiting, threads: 1",
    ];
    assert_eq!(example.ends()?, table);
    Ok(())
}

#[test]
fn sticky_packets_are_taken_apart_by_a_codec() -> TestResult {
    let mut example = Example::start("sticky_packets", &[":0", ":0"])?;
    example.address()?;
    example.prints("10 messages were sent: 1 found by counting reads");
    let mut talk = example.connect()?;
    example.prints("10 messages were sent: 10 found by taking lines apart");
    talk.says("one\ntwo\nthr")?;
    talk.says("ee\n\nthe last one")?;
    talk.says_no_more()?;
    assert_eq!(talk.hears_the_rest()?, b"5 found by taking lines apart");
    assert!(example.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_length_prefix_begins_with_its_least_significant_byte() -> TestResult {
    let mut server = Example::start("length_prefix", &["serve", ":0"])?;
    let (address, _) = server.address()?;
    let text = address.to_string();
    let mut client = Example::start("length_prefix", &["send", &text, "one", "", "two words"])?;
    assert_eq!(client.ends()?, ["ONE", "", "TWO WORDS"]);
    for length in [3, 0, 9] {
        server.prints(&format!("a message of {length} bytes has come"));
    }
    let mut talk = Talk::to(address)?;
    talk.says("\x05\0")?;
    talk.says("\0\0hello\x02")?;
    talk.hears("\x05\0\0\0HELLO");
    server.prints("a message of 5 bytes has come");
    talk.says_no_more()?;
    assert_eq!(talk.hears_the_rest()?, b"");
    assert!(
        server
            .line()?
            .starts_with("refused: the peer ended inside a message")
    );
    let mut talk = Talk::to(address)?;
    talk.says("\0\0\0\x05")?;
    assert_eq!(talk.hears_the_rest()?, b"");
    assert!(server.line()?.contains("byte order"));
    assert!(server.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_deadlock_ends_and_who_reads_meanwhile_has_none() -> TestResult {
    let mut server = Example::start("deadlock", &[":0"])?;
    let address = server.address()?.0.to_string();
    let mut client = Example::start("full_duplex", &[&address])?;
    assert_eq!(
        client.ends()?,
        ["64 MiB were sent, and all of them came back"]
    );
    assert!(server.line()?.starts_with("client: I send 67108864 bytes"));
    server.prints(
        "server: I have answers that nobody reads: the peer took no output within the write timeout",
    );
    assert!(
        server
            .line()?
            .starts_with("client: I have not come to reading: ")
    );
    assert!(server.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_patient_server_reads_on_while_its_answers_wait() -> TestResult {
    let mut example = Example::start("patient_server", &[":0"])?;
    let mut talk = example.connect()?;
    let question: Vec<u8> = (0..12_500_000_u32).flat_map(u32::to_le_bytes).collect();
    talk.stream.write_all(&question)?;
    talk.says_no_more()?;
    assert!(talk.hears_the_rest()? == question, "the answer differs");
    assert_eq!(example.ends()?, ["50000000 bytes were answered"]);
    Ok(())
}

#[test]
fn the_message_server_gives_everybody_a_turn() -> TestResult {
    let mut server = Example::start("message_server", &[":0"])?;
    let (address, _) = server.address()?;
    let mut first = Talk::to(address)?;
    first.says("how are you?\nand \x1b[2J you?\n")?;
    server.prints("client: how are you?");
    let mut second = Talk::to(address)?;
    second.says("me too\n")?;
    server.types("well\n")?;
    first.hears("well\n");
    server.prints("client: and [2J you?");
    assert!(second.has_heard_nothing()?);
    server.types("q\nlet us see\n")?;
    assert_eq!(first.hears_the_rest()?, b"q\n");
    server.prints("the client has gone");
    server.prints("client: me too");
    // Who goes with an answer unread cuts the connection.
    second.stream.peek(&mut [0])?;
    drop(second);
    server.prints("the client has gone");
    let mut third = Talk::to(address)?;
    third.says("still there?\n")?;
    server.prints("client: still there?");
    server.types("yes")?;
    assert_eq!(server.ends()?, ["the client has gone"]);
    assert_eq!(third.hears_the_rest()?, b"yes\n");
    Ok(())
}

#[test]
fn the_message_client_goes_on_until_q() -> TestResult {
    let mut server = Example::start("message_server", &[":0"])?;
    let address = server.address()?.0.to_string();
    let mut client = Example::start("message_client", &[&address])?;
    for (question, answer) in [("hello", "hi"), ("", "say more"), ("bye", "q")] {
        client.types(&format!("{question}\n"))?;
        server.prints(&format!("client: {question}"));
        server.types(&format!("{answer}\n"))?;
        client.prints(&format!("server: {answer}"));
    }
    assert!(client.ends()?.is_empty());
    server.prints("the client has gone");
    let mut client = Example::start("message_client", &[&address])?;
    client.types("again\n")?;
    server.prints("client: again");
    assert_eq!(server.ends()?, ["the client has gone"]);
    assert_eq!(client.ends()?, ["the server has gone"]);
    Ok(())
}

#[test]
fn the_operator_speaks_to_all_or_to_one() -> TestResult {
    let mut example = Example::start("operator", &[":0"])?;
    let (address, _) = example.address()?;
    let mut talks = Vec::new();
    for number in 1..=3 {
        talks.push(Talk::to(address)?);
        example.prints(&format!("{number} has come"));
    }
    example.types("hello\n@2 only you\n@7 nobody\n")?;
    for told in [3, 1, 0] {
        example.prints(&format!("sent to {told}"));
    }
    talks[1].hears("hello\nonly you\n");
    talks[2].says("I see\x07\n")?;
    example.prints("3: I see");
    drop(talks.remove(0));
    example.prints("1 has gone");
    example.types("goodbye\n")?;
    example.prints("sent to 2");
    let mut last = example.ends()?;
    last.sort_unstable();
    assert_eq!(last, ["2 has gone", "3 has gone"]);
    assert_eq!(talks.remove(0).hears_the_rest()?, b"goodbye\n");
    assert_eq!(talks.remove(0).hears_the_rest()?, b"hello\ngoodbye\n");
    Ok(())
}

#[test]
fn the_line_protocol_adds_however_the_lines_are_cut() -> TestResult {
    let example = Example::start("line_protocol", &[":0"])?;
    let (address, _) = example.address()?;
    let mut talk = Talk::to(address)?;
    let mut other = Talk::to(address)?;
    talk.says("2\n")?;
    talk.hears("2\n");
    other.says("-7\n")?;
    other.hears("-7\n");
    talk.says("4")?;
    talk.says("0\r")?;
    talk.says("\nquit\n1\n")?;
    assert_eq!(talk.hears_the_rest()?, b"42\ngoodbye\n");
    Ok(())
}

#[test]
fn the_line_protocol_ends_at_a_line_that_is_too_long_or_no_number() -> TestResult {
    let example = Example::start("line_protocol", &[":0"])?;
    let (address, _) = example.address()?;
    let (longest, too_long) = (format!("{:01023}\n", 5), format!("{:01024}\n", 5));
    for (lines, answer) in [
        (longest.as_str(), "5\n"),
        (&too_long, ""),
        (too_long.trim_end(), ""),
        ("1\nx\n2\n", "1\n"),
        ("9223372036854775807\n1\n", "9223372036854775807\n"),
    ] {
        let mut talk = Talk::to(address)?;
        talk.says(lines)?;
        if answer == "5\n" {
            talk.says_no_more()?;
        }
        assert_eq!(
            String::from_utf8(talk.hears_the_rest()?)?,
            answer,
            "after {lines:?}"
        );
    }
    Ok(())
}

#[test]
fn the_broadcast_reaches_everybody() -> TestResult {
    let example = Example::start("broadcast", &[":0"])?;
    let (address, _) = example.address()?;
    let mut first = Talk::to(address)?;
    first.hears("you are number 1\n");
    let mut second = Talk::to(address)?;
    second.hears("you are number 2\n");
    first.says("hel")?;
    first.says("lo\n")?;
    for talk in [&mut first, &mut second] {
        talk.hears("1: hello\n");
    }
    second.says("good\nbye\n")?;
    second.hears("2: good\n2: bye\n");
    second.says_no_more()?;
    assert_eq!(second.hears_the_rest()?, b"");
    first.hears("2: good\n2: bye\n");
    first.says("alone\n")?;
    first.hears("1: alone\n");
    Ok(())
}

#[test]
fn the_chat_has_two_doors_to_one_room() -> TestResult {
    let mut example = Example::start("chat", &[":0"])?;
    let mut ann = example.connect()?;
    let door = example.address()?.0;
    ann.hears("-- Welcome. What is your name?\n");
    ann.says("ann\n")?;
    ann.hears("-- Hello, ann. You are in lobby; /help lists what you can do.\n");
    ann.hears("-- You are an operator here.\n");
    let bob = Post::to(door)?;
    bob.says("/nick bob")?;
    let asked = bob.hears_something()?;
    bob.says(&asked)?;
    bob.hears("-- Hello, bob. You are in lobby; /help lists what you can do.");
    ann.hears("[lobby] -- bob has joined\n");
    ann.says("hello\n")?;
    bob.hears("[lobby] ann: hello");
    let cookie = String::from_utf8(asked)?.replace("/nick bob ", "");
    bob.says(format!("{cookie} good bye"))?;
    ann.hears("[lobby] bob: good bye\n");
    assert!(example.ends()?.is_empty());
    bob.hears("-- The server stops. Bye.");
    assert_eq!(ann.hears_the_rest()?, b"-- The server stops. Bye.\n");
    Ok(())
}

#[test]
fn a_screen_shows_what_is_said_and_is_a_member_without_a_name_of_its_own_choice() -> TestResult {
    let example = Example::start("chat_door", &[":0", ":0"])?;
    let mut ann = example.connect()?;
    ann.hears("-- Welcome. What is your name?\n");
    ann.says("ann\n")?;
    ann.hears("-- Hello, ann. You are in lobby; /help lists what you can do.\n");
    ann.hears("-- You are an operator here.\n");
    let mut screen = example.connect()?;
    ann.hears("[lobby] -- screen1 has joined\n");
    ann.says("/topic tea\nhello\n/me waves\n")?;
    screen.hears("ann\thello\nann\twaves\n");
    Ok(())
}

#[test]
fn send_file_sends_all_of_it_and_closes() -> TestResult {
    let path = std::env::temp_dir().join(format!("socketserver-send-file-{}", std::process::id()));
    // More than any socket buffer takes at once, and no two places alike.
    let content: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &content)?;
    let example = Example::start(
        "send_file",
        &[":0", path.to_str().ok_or("a strange temporary folder")?],
    )?;
    let (address, _) = example.address()?;
    let mut talks = [Talk::to(address)?, Talk::to(address)?];
    for talk in &mut talks {
        talk.says("please")?;
    }
    for talk in talks {
        assert!(talk.hears_the_rest()? == content, "the copy differs");
    }
    std::fs::remove_file(path)?;
    Ok(())
}
