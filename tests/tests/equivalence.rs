//! The ready-made handlers give the same bytes in every mode, style and transport; the table of it is in the README.
//!
//! `WRITE_README=1 cargo test -p socketserver-tests --test equivalence` writes the table anew; without that the test compares.

use std::path::Path;
use std::{env, fs};

use socketserver::testkit::oracle::Oracle;
use socketserver::testkit::script::Script;
use socketserver::{BlockingHandler, Conn, Handler, HandlerError, Input, Mode, Stream};
use socketserver_handlers::{Alphabet, Echo, Uppercase};

/// Where the table is, in the README.
const BEGIN: &str = "<!-- matrix -->\n";
const END: &str = "<!-- end of matrix -->";

fn scripts(texts: &[&str]) -> Vec<Script> {
    (texts.iter())
        .map(|text| Script::parse(text).expect("it is a script"))
        .collect()
}

const ECHO: [&str; 4] = [
    "send \"hello\"\nexpect \"hello\"\nsend \"again\"\nexpect \"again\"\nhalf-close\nexpect end",
    "half-close\nexpect end",
    "send hex 00ff0d0a\nhalf-close\nexpect hex 00ff0d0a\nexpect end",
    "send \"0123456789abcdef\" * 100\nexpect \"0123456789abcdef\" * 100\nhalf-close\nexpect end",
];

const UNICODE: [&str; 2] = [
    "send \"stra\\xc3\\x9fe\"\nexpect \"STRASSE\"\nhalf-close\nexpect end",
    "send hex 61c3\nhalf-close\nexpect hex 41c3\nexpect end",
];

#[test]
fn echo_gives_the_same_bytes_everywhere() {
    let oracle = Oracle::new(scripts(&ECHO));
    let matrix = oracle.events(|_| Echo).blocking(|_| Echo).ask().unwrap();
    let table = matrix.to_string();
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = readme.split_once(BEGIN).expect("it has a table");
    let (old, after) = rest.split_once(END).expect("the table has an end");
    if env::var_os("WRITE_README").is_some() {
        let new = format!("{before}{BEGIN}\n{table}\n{END}{after}");
        fs::write(path, new).expect("the README can be written");
    } else {
        assert_eq!(
            old.trim(),
            table.trim(),
            "the README has another table: WRITE_README=1 writes it"
        );
    }
}

#[test]
fn uppercase_gives_the_same_bytes_everywhere() {
    let unicode = |_: &_| Uppercase::new(Alphabet::Unicode);
    let oracle = Oracle::new(scripts(&UNICODE));
    oracle.events(unicode).blocking(unicode).ask().unwrap();
}

/// Says something else when it is written in straight lines.
struct Inconsistent;

impl Handler for Inconsistent {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.write(b"four");
        conn.close();
        Ok(())
    }
}

impl BlockingHandler for Inconsistent {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        use std::io::{Read, Write};
        stream.read_exact(&mut [0])?;
        Ok(stream.write_all(b"five")?)
    }
}

#[test]
fn a_difference_is_named_with_its_cell_and_its_byte() {
    let oracle = Oracle::new(scripts(&["send \"x\"\nexpect any 4\nexpect end"]));
    let answer = oracle
        .events(|_| Inconsistent)
        .blocking(|_| Inconsistent)
        .ask();
    let difference = answer.expect_err("the styles differ");
    assert_eq!(
        difference.cell(),
        format!("{}, blocking, tcp", Mode::Serial)
    );
    let text = difference.to_string();
    assert!(text.contains("the output differs from byte 1 on"), "{text}");
}
