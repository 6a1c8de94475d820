//! The handlers of this project on the seeded network: 1,000 seeds each, and 100,000 with the command that CONTRIBUTING.md names.

use std::env;
use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::script::{Data, Part, Pattern, Script, Step};
use socketserver::testkit::sim::Simulation;
use socketserver::{
    Conn, Delimiter, Fixed, Framed, Handler, HandlerError, Input, Json, JsonHandler, JsonReplies,
    LengthPrefix, Lines, Netstring, Replies, Stream,
};
use socketserver_handlers::{Alphabet, Echo, Uppercase, Wait, Work};

/// Sends a text, expects an answer, and so on; then ends its side and expects the server's end.
fn conversation(exchanges: &[(&str, &str)]) -> Script {
    let exchanges = exchanges.iter().flat_map(|&(said, answer)| {
        [
            Step::Send(said.into()),
            Step::Expect(Data::from(answer).into()),
        ]
    });
    let end = [Step::HalfClose, Step::ExpectEnd(None)];
    exchanges.chain(end).collect()
}

/// Every handler, in both styles where it has them, with the conversations of its clients.
fn simulations() -> Vec<(&'static str, Simulation)> {
    let tiny = Duration::from_micros(1);
    [ready_made(), taking_time(tiny), others()]
        .into_iter()
        .flatten()
        .collect()
}

/// The ready-made handlers.
fn ready_made() -> Vec<(&'static str, Simulation)> {
    let echo = || {
        [
            conversation(&[("hello", "hello"), ("how are you?", "how are you?")]),
            conversation(&[("", "")]),
            conversation(&[(LONG, LONG)]),
        ]
    };
    let upper = || {
        [conversation(&[
            ("hello \u{e9}", "HELLO \u{e9}"),
            ("q", "Q"),
        ])]
    };
    let unicode = || {
        [conversation(&[
            ("stra\u{df}e \u{4f60}", "STRASSE \u{4f60}"),
            ("\u{1f600}\u{e9}", "\u{1f600}\u{c9}"),
        ])]
    };
    vec![
        ("echo", with(Simulation::events(|_| Echo), &echo())),
        (
            "echo, blocking",
            with(Simulation::blocking(|_| Echo), &echo()),
        ),
        (
            "uppercase",
            with(
                Simulation::events(|_| Uppercase::new(Alphabet::Ascii)),
                &upper(),
            ),
        ),
        (
            "uppercase, blocking",
            with(
                Simulation::blocking(|_| Uppercase::new(Alphabet::Ascii)),
                &upper(),
            ),
        ),
        (
            "uppercase of Unicode",
            with(
                Simulation::events(|_| Uppercase::new(Alphabet::Unicode)),
                &unicode(),
            ),
        ),
        (
            "uppercase of Unicode, blocking",
            with(
                Simulation::blocking(|_| Uppercase::new(Alphabet::Unicode)),
                &unicode(),
            ),
        ),
    ]
}

/// Those whose answers take their time, which is the time of this machine where they spin, or wait in callbacks.
fn taking_time(time: Duration) -> Vec<(&'static str, Simulation)> {
    let lines = || {
        let with_a_rest = r#"
            send "one\r\ntwo\n\nthree\n"
            expect "one\ntwo\n\nthree\n"
            send "the rest"
            half-close
            expect "the rest\n"
            expect end
        "#;
        [
            Script::parse(with_a_rest).expect("it is a script"),
            conversation(&[("hello\n", "hello\n"), ("again\n", "again\n")]),
        ]
    };
    vec![
        (
            "work",
            with(Simulation::events(move |_| Work::new(time)), &lines()),
        ),
        (
            "work, blocking",
            with(Simulation::blocking(move |_| Work::new(time)), &lines()),
        ),
        (
            "wait",
            with(Simulation::events(move |_| Wait::new(time)), &lines()),
        ),
        (
            "wait, blocking",
            with(Simulation::blocking(move |_| Wait::new(time)), &lines()),
        ),
    ]
}

/// Adds conversations to a simulation.
fn with(simulation: Simulation, conversations: &[Script]) -> Simulation {
    conversations.iter().fold(simulation, Simulation::script)
}

/// Handlers of these tests: what waits for something else than its peer, and whole messages.
fn others() -> Vec<(&'static str, Simulation)> {
    let late = || [conversation(&[("a", "later")])];
    vec![
        (
            "a late answer",
            with(Simulation::events(|_| Later), &late()),
        ),
        (
            "a late answer, blocking",
            with(Simulation::blocking(|_| answer_later), &late()),
        ),
        (
            "an answer from elsewhere, blocking",
            with(Simulation::blocking(|_| answer_from_elsewhere), &late()),
        ),
        (
            "lines",
            with(
                Simulation::events(|_| Framed::new(Lines::new(100), repeat)),
                &[conversation(&[
                    ("one\r\ntwo\n", "one\ntwo\n"),
                    ("three\n", "three\n"),
                ])],
            ),
        ),
        (
            "length prefix",
            with(
                Simulation::events(|_| Framed::new(LengthPrefix::big_endian(2), repeat)),
                &[conversation(&[
                    ("\0\u{3}abc\0\0", "\0\u{3}abc\0\0"),
                    ("\0\u{1}x", "\0\u{1}x"),
                ])],
            ),
        ),
        (
            "netstring",
            with(
                Simulation::events(|_| Framed::new(Netstring::new(100), repeat)),
                &[conversation(&[
                    ("5:hello,0:,", "5:hello,0:,"),
                    ("1:x,", "1:x,"),
                ])],
            ),
        ),
        (
            "delimiter",
            with(
                Simulation::events(|_| Framed::new(Delimiter::new("\r\n.\r\n", 100), repeat)),
                &[conversation(&[
                    ("one\r\n\r\n.\r\n\r\n.\r\n", "one\r\n\r\n.\r\n\r\n.\r\n"),
                    ("two\r\n.\r\n", "two\r\n.\r\n"),
                ])],
            ),
        ),
        (
            "fixed",
            with(
                Simulation::events(|_| Framed::new(Fixed::new(4), repeat)),
                &[conversation(&[("abcdefgh", "abcdefgh"), ("ijkl", "ijkl")])],
            ),
        ),
        (
            "JSON",
            with(
                Simulation::events(|_| Framed::new(LengthPrefix::big_endian(1), Json::new(Adder))),
                &[conversation(&[
                    ("\x05[1,2]\x07[30,12]", "\x013\x0242"),
                    ("\x06[ 0,7]", "\x017"),
                ])],
            ),
        ),
    ]
}

/// Answers when a while has passed.
struct Later;

impl Handler for Later {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.set_timer(1, Duration::from_millis(50));
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.close();
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"later");
        Ok(())
    }
}

/// The same in straight lines.
fn answer_later(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.read_exact(&mut [0])?;
    stream.sleep(Duration::from_millis(50))?;
    stream.write_all(b"later")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Lets somebody else find the answer.
fn answer_from_elsewhere(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.read_exact(&mut [0])?;
    let answer = stream.offload(|| b"later")?;
    stream.write_all(answer)?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

const LONG: &str = "a text that is longer than the smallest pipes and buffers of the simulation, so that \
    it is cut and blocked in every way there is, while the other direction is full too";

/// Adds two numbers.
struct Adder;

impl JsonHandler for Adder {
    type Request = (i64, i64);
    type Response = i64;

    fn request(
        &mut self,
        (one, other): (i64, i64),
        replies: &mut JsonReplies<'_, i64>,
    ) -> Result<(), HandlerError> {
        Ok(replies.send(&(one + other))?)
    }
}

fn repeat(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
    Ok(replies.send(message)?)
}

fn check(seeds: u64) {
    for (name, simulation) in simulations() {
        if let Err(failure) = simulation.check(0..seeds) {
            panic!("{name}: {failure}\n{}", failure.trace());
        }
    }
}

#[test]
fn every_handler_passes_a_thousand_seeds() {
    check(1_000);
}

#[test]
fn lines_that_are_turns_of_their_own_pass_too() {
    // More than half of what a turn may take.
    let time = Duration::from_millis(6);
    for (name, simulation) in taking_time(time) {
        if let Err(failure) = simulation.check(0..15) {
            panic!("{name}: {failure}\n{}", failure.trace());
        }
    }
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn every_handler_passes_a_hundred_thousand_seeds() {
    check(100_000);
}

#[test]
fn a_seed_is_always_the_same_run() {
    for (name, simulation) in simulations() {
        let mut hashes = std::collections::HashSet::new();
        for seed in 0..50 {
            let first = simulation.run(seed).expect("it passes");
            let second = simulation.run(seed).expect("it passes");
            assert_eq!(first, second, "{name}: seed {seed}");
            hashes.insert(first.trace_hash);
        }
        assert!(
            hashes.len() > 40,
            "{name}: the seeds differ from each other"
        );
    }
}

/// Loses what comes after the first line of each piece.
struct LosesTheRest;

impl Handler for LosesTheRest {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let all = input.take_all();
        if let Some(end) = all.iter().position(|&byte| byte == b'\n') {
            conn.write(&all[..=end]);
        }
        Ok(())
    }
}

#[test]
fn a_wrong_handler_is_found_with_the_faults_that_it_needs() {
    let simulation = loses_the_rest();
    let failure = simulation.check(0..1000).expect_err("it is wrong");
    assert!(failure.faults().is_empty(), "no fault is needed: {failure}");
    let again = simulation
        .run(failure.seed())
        .expect_err("the same seed fails again");
    assert_eq!(again.to_string(), failure.to_string());
    assert_eq!(again.trace(), failure.trace());
}

fn loses_the_rest() -> Simulation {
    Simulation::events(|_| LosesTheRest).script(&conversation(&[
        ("one\n", "one\n"),
        ("two\nthree\n", "two\nthree\n"),
    ]))
}

#[test]
#[ignore = "it fails on purpose: the test behind it runs it in a process of its own"]
fn a_failure_that_shall_be_repeated() {
    loses_the_rest().check(0..1000).unwrap();
}

/// Runs the test above, with or without a seed, and returns what it prints.
fn fail_with(seed: Option<&str>) -> String {
    let mut command = Command::new(env::current_exe().expect("this test has a file"));
    command.args(["a_failure_that_shall_be_repeated", "--include-ignored"]);
    match seed {
        Some(seed) => command.env("SOCKETSERVER_SEED", seed),
        None => command.env_remove("SOCKETSERVER_SEED"),
    };
    let output = command.output().expect("it can be started");
    assert!(!output.status.success(), "it fails on purpose");
    String::from_utf8(output.stdout).expect("it prints a text")
}

#[test]
fn the_command_that_a_failure_prints_repeats_it() {
    let first = fail_with(None);
    let (before, command) =
        (first.split_once("again with its trace: SOCKETSERVER_SEED=")).expect("a command");
    let what = before
        .lines()
        .find(|line| line.contains("seed "))
        .expect("what is wrong");
    let (seed, rest) = command.split_once(' ').expect("a seed");
    let (rest, _) = rest.split_once('\n').expect("a whole line");
    assert_eq!(
        rest,
        "cargo test --workspace a_failure_that_shall_be_repeated -- --include-ignored"
    );
    let again = fail_with(Some(seed));
    assert!(again.contains(what), "{what}\nis not what\n{again}\nsays");
    assert!(
        again.contains("\nconnect 0 0"),
        "the trace is told: {again}"
    );

    let nonsense = fail_with(Some("seven"));
    assert!(
        nonsense.contains("SOCKETSERVER_SEED is seven, which is no seed"),
        "{nonsense}"
    );
}

#[test]
fn a_script_is_what_a_simulated_client_does() {
    let upper = |script: &str| {
        let script = Script::parse(script).expect("it is a script");
        Simulation::events(|_| Uppercase::new(Alphabet::Ascii)).script(&script)
    };
    for right in [
        "send \"a\\n\"\nexpect \"A\\n\"\nwait 1s\nsend \"b\"\nreset",
        "send \"ab\\ncd\"\nexpect any 1 \"B\" until \"\\n\"\nhalf-close\nexpect rest\nexpect closed",
        "send \"date: 7\\nok\"\nexpect \"DATE\" skip until \"\\n\" \"OK\"\nhalf-close\nexpect end",
    ] {
        upper(right)
            .check(0..200)
            .unwrap_or_else(|failure| panic!("{right}: {failure}"));
    }
    for (wrong, what) in [
        (
            "send \"ab\"\nexpect any 1 \"b\"",
            "the server says 'B' where 'b' is expected, from byte 1 of its output on",
        ),
        (
            "send \"ab\"\nhalf-close\nexpect \"A\"\nexpect closed",
            "the server says more than is expected",
        ),
        (
            "send \"ab\"\nhalf-close\nexpect \"AB\"\nexpect reset",
            "the server closed the connection, which was not expected",
        ),
        (
            "send \"ab\"\nhalf-close\nexpect until \"C\"",
            "the server has ended before it said everything",
        ),
    ] {
        let failure = upper(wrong).check(0..200).expect_err(wrong);
        assert!(failure.what().ends_with(what), "{wrong}: {failure}");
    }
}

/// Says a word that the seed has chosen, and takes what comes.
fn speaker(random: &mut Random) -> Script {
    let word = "x".repeat(1 + random.below(40));
    [
        Step::Send(word.as_str().into()),
        Step::HalfClose,
        Step::Expect(Pattern::new([Part::Rest])),
    ]
    .into_iter()
    .collect()
}

#[test]
fn a_run_tells_what_each_client_has_sent_and_received() {
    let simulation = Simulation::events(|_| Echo).clients(3, speaker);
    let mut struck = 0;
    for seed in 0..200 {
        let run = simulation.run(seed).expect("it passes");
        assert_eq!(run.clients.len(), 3);
        assert_eq!(run, simulation.run(seed).expect("it passes"));
        for client in &run.clients {
            struck += usize::from(client.is_struck);
            assert!(client.sent.starts_with(&client.received));
            assert!(client.is_struck || client.sent == client.received);
            assert!(!(client.is_struck && run.faults.is_empty()));
        }
        let calm = simulation.clone().without_faults();
        let run = calm.run(seed).expect("it passes");
        assert!(run.faults.is_empty() && run.stats.bytes_in > 0);
    }
    assert!(struck > 0, "some faults strike somebody");
}

#[test]
fn what_is_found_when_a_run_is_over_is_a_failure_with_the_faults_that_it_needs() {
    let simulation = Simulation::events(|_| Echo)
        .clients(2, speaker)
        .verify(|run| {
            let mut clients = run.clients.iter();
            match clients.position(|client| client.sent != client.received) {
                Some(client) => Err(format!("client {client} lacks something")),
                None => Ok(()),
            }
        });
    let calm = simulation.clone().without_faults();
    calm.check(0..300).expect("everybody gets everything");
    let failure = simulation.check(0..300).expect_err("not with faults");
    assert!(failure.what().ends_with("lacks something"), "{failure}");
    assert_eq!(failure.faults().len(), 1, "{failure}");
}

/// Takes its leave at a stop.
struct Polite;

impl Handler for Polite {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"bonjour\n");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.close();
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"bon voyage\n");
        conn.close();
        Ok(())
    }
}

#[test]
fn a_server_that_stops_may_say_so_and_nothing_else() {
    let polite = || {
        Simulation::events(|_| Polite)
            .script(&conversation(&[("", "bonjour\n"), ("bon\n", "bon\n")]))
            .script(&conversation(&[("", "bonjour\n")]))
    };
    let said = polite().farewell("bon voyage\n").check(0..1_000);
    said.expect("that is what it says");
    for other in ["", "bon", "bon voyage", "bon voyage!\n", "au revoir\n"] {
        let failure = polite().farewell(other).check(0..1_000);
        let failure = failure.expect_err("it says something else");
        assert!(failure.to_string().contains("the server is"), "{failure}");
    }
}

/// Says how late it is, as far as an hour.
struct Watch(Option<std::time::Instant>);

impl Handler for Watch {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        self.0 = Some(conn.instant());
        conn.set_timer(0, Duration::from_secs(30));
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.close();
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let passed = self.0.map(|begun| conn.instant() - begun);
        let is_right = passed.is_some_and(|passed| passed.as_secs() == 30);
        conn.write(if is_right { b"right" } else { b"wrong" });
        Ok(())
    }
}

#[test]
fn the_time_of_a_connection_is_made_up_too() {
    let script = conversation(&[("?", "right")]);
    let simulation = Simulation::events(|_| Watch(None)).script(&script);
    simulation
        .check(0..100)
        .expect("thirty seconds have passed");
}
