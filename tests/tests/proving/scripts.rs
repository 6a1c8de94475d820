//! Scripts: what is right is read and printed, what is broken is said with its line and column.

use socketserver::testkit::script::{Data, End, Part, Pattern, Script, Step};
use socketserver_tests::fresh_path;

const EVERYTHING: &str = r##"
# All that there is.
send "text \"quoted\" \\ \x7f\0\t\u{20ac}" hex 00FF 0a * 2 "x"*3   # a comment
send "#no comment"
expect "exactly" any 4 until "\r\n" hex 0d
expect skip any 3 skip rest
wait 1m30s
wait 50ms
half-close
expect closed
"##;

#[test]
fn a_script_that_is_printed_can_be_read_again() {
    let script = Script::parse(EVERYTHING).unwrap();
    let printed = script.to_string();
    assert_eq!(
        printed,
        "send \"text \\\"quoted\\\" \\\\ \\x7f\\0\\t\u{20ac}\" hex 00 ff 0a * 2 \"x\" * 3\n\
         send \"#no comment\"\n\
         expect \"exactly\" any 4 until \"\\r\\n\" hex 0d\n\
         expect skip any 3 skip rest\n\
         wait 1m30s\n\
         wait 50ms\n\
         half-close\n\
         expect closed\n"
    );
    assert_eq!(printed.parse::<Script>().unwrap(), script);
    assert_eq!(script.line(0), 3);
    let bytes = "text \"quoted\" \\ \x7f\0\t\u{20ac}";
    let input = [bytes.as_bytes(), b"\x00\xff\x0a\x00\xff\x0axxx#no comment"].concat();
    assert_eq!(script.input(), input);
}

#[test]
fn every_byte_survives_being_printed() {
    let all: Vec<u8> = (0..=255).chain("\u{85}\u{2028}\u{e9}".bytes()).collect();
    let script: Script = [
        Step::Send(Data::text(&all).times(2).and(Data::hex(&all)).times(2)),
        Step::Expect(Pattern::new([Part::Until(Data::text(&all)), Part::Rest])),
        Step::ExpectEnd(Some(End::Reset)),
        Step::ExpectEnd(None),
    ]
    .into_iter()
    .collect();
    let printed = script.to_string();
    let again = Script::parse(&printed.replace("expect end\n", "")).unwrap();
    assert_eq!(again.steps(), &script.steps()[..3]);
    assert_eq!(script.input().len(), 6 * all.len());
}

#[test]
fn files_are_named_from_the_folder_of_the_script() {
    let folder = fresh_path();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("body"), "0123").unwrap();
    let path = folder.join("a.script");
    std::fs::write(&path, "send file \"body\" * 2").unwrap();
    let script = Script::load(&path).unwrap();
    assert_eq!(script.input(), b"01230123");
    assert_eq!(script.to_string(), "send file \"body\" * 2\n");

    std::fs::write(&path, "wait 1s\nsend file \"nothing\"").unwrap();
    let error = Script::load(&path).unwrap_err().to_string();
    let place = format!("{}, line 2, column 6: ", path.display());
    assert_eq!(
        error,
        format!("{place}cannot read the file \"nothing\": no such file or directory")
    );
    std::fs::write(&path, b"send \"a\"\nsend \"\xff\"").unwrap();
    let error = Script::load(&path).unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(2), Some(7)));
    std::fs::remove_dir_all(&folder).unwrap();
    let error = Script::load(&path).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the script "), "{error}");
}

#[test]
fn what_is_broken_is_said_with_its_line_and_column() {
    for (text, column, problem) in [
        (
            "sned \"x\"",
            1,
            "'sned' is not a step: write send, expect, wait, half-close or reset",
        ),
        ("  \"x\"", 3, "a line begins with a step"),
        ("send", 5, "here is missing what to send"),
        ("send # nothing", 15, "here is missing what to send"),
        ("send \"x", 6, "this text has no end: write \" behind it"),
        (
            "send \"\u{e9}\\q\"",
            8,
            "this escape is not known: write \\n",
        ),
        ("send \"\\x0\"", 7, "\\x needs two hexadecimal digits"),
        ("send \"\\x+1\"", 7, "\\x needs two hexadecimal digits"),
        ("send \"\\u{d800}\"", 7, "\\u needs the number of a letter"),
        ("send \"\\u{\"", 7, "\\u needs the number of a letter"),
        ("send hex 0", 10, "hex needs digits in pairs"),
        ("send hex xy", 10, "hex needs digits in pairs"),
        ("send file name", 6, "file needs a name in quotes"),
        (
            "send hello",
            6,
            "'hello' is not data: write a text in quotes",
        ),
        ("send * 3", 6, "there is nothing before the *"),
        ("send \"x\" * many", 12, "a number that says how often"),
        ("send \"x\" * 0", 12, "a number that says how often"),
        ("send \"x\" * 16777217", 1, "at most 16777216 bytes of data"),
        (
            "send \"xx\" * 18446744073709551615",
            1,
            "at most 16777216 bytes",
        ),
        ("expect", 7, "what is expected is missing"),
        ("expect any", 11, "how many bytes: write any 4"),
        ("expect any x", 12, "how many bytes: write any 4"),
        ("expect until", 13, "here is missing what comes last"),
        ("expect until \"\"", 8, "until needs at least one byte"),
        ("expect rest \"x\"", 13, "nothing can follow rest"),
        (
            "expect closed \"x\"",
            15,
            "this does not belong to the step",
        ),
        ("wait", 5, "wait needs a time: write wait 50ms"),
        ("wait 50", 6, "wait needs a time"),
        ("wait 50ms 3", 11, "this does not belong to the step"),
        ("half-close now", 12, "write one step a line"),
    ] {
        let error = Script::parse(&format!("wait 1s\n\n{text}\n")).unwrap_err();
        let message = error.to_string();
        assert_eq!(
            (error.line(), error.column()),
            (Some(3), Some(column)),
            "{text}: {message}"
        );
        let start = format!("the script, line 3, column {column}: ");
        assert!(
            message.starts_with(&start) && message.contains(problem),
            "{text}: {message}"
        );
        assert!(!message.contains('\n'), "{text}: {message}");
    }
}

#[test]
fn steps_that_cannot_follow_each_other_are_refused() {
    for (text, problem) in [
        (
            "half-close\nsend \"x\"",
            "after half-close nothing can be sent",
        ),
        (
            "half-close\nhalf-close",
            "after half-close nothing can be sent",
        ),
        (
            "reset\nexpect \"x\"",
            "after reset there is no connection any more",
        ),
        (
            "expect closed\nexpect \"x\"",
            "after the end nothing can come",
        ),
    ] {
        let error = Script::parse(text).unwrap_err();
        assert_eq!(error.line(), Some(2));
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
    Script::parse("send \"x\"\nreset\nwait 1s").unwrap();
}

#[test]
fn an_empty_script_is_one() {
    let script = Script::parse("# nothing\n\n").unwrap();
    assert!(script.steps().is_empty());
    let proof = socketserver::testkit::prover::Prover::new(script);
    assert!(proof.prove(|_| socketserver_handlers::Echo).is_ok());
}
