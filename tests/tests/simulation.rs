//! The handlers of this project on the seeded network: 1,000 seeds each, and 100,000 with the command that CONTRIBUTING.md names.

use std::io::{Read, Write};
use std::time::Duration;

use socketserver::testkit::script::Script;
use socketserver::testkit::sim::{Act, Simulation};
use socketserver::{
    Conn, Framed, Handler, HandlerError, Input, LengthPrefix, Lines, Netstring, Replies, Stream,
};
use socketserver_handlers::{Alphabet, Echo, Uppercase};

/// Sends a text, expects an answer, and so on; then ends its side and expects the server's end.
fn conversation(exchanges: &[(&str, &str)]) -> Vec<Act> {
    let mut acts = Vec::new();
    for (said, answer) in exchanges {
        acts.push(Act::Send(said.to_string().into()));
        acts.push(Act::Expect(answer.to_string().into()));
    }
    acts.push(Act::HalfClose);
    acts.push(Act::ExpectEnd);
    acts
}

/// Every handler, in both styles where it has them, with the conversations of its clients.
fn simulations() -> Vec<(&'static str, Simulation)> {
    [ready_made(), others()].into_iter().flatten().collect()
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
    let with = |simulation: Simulation, conversations: &[Vec<Act>]| {
        (conversations.iter()).fold(simulation, |simulation, acts| {
            simulation.client(acts.clone())
        })
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

/// Adds conversations to a simulation.
fn with(simulation: Simulation, conversations: &[Vec<Act>]) -> Simulation {
    (conversations.iter()).fold(simulation, |simulation, acts| {
        simulation.client(acts.clone())
    })
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
    let simulation = Simulation::events(|_| LosesTheRest).client(conversation(&[
        ("one\n", "one\n"),
        ("two\nthree\n", "two\nthree\n"),
    ]));
    let failure = simulation.check(0..1000).expect_err("it is wrong");
    assert!(failure.faults().is_empty(), "no fault is needed: {failure}");
    assert!(
        failure
            .to_string()
            .contains("run it again with `Simulation::run(")
    );
    let again = simulation
        .run(failure.seed())
        .expect_err("the same seed fails again");
    assert_eq!(again.to_string(), failure.to_string());
    assert_eq!(again.trace(), failure.trace());
}

#[test]
fn a_script_is_what_a_simulated_client_does() {
    let script = Script::parse("send \"a\\n\"\nexpect \"A\\n\"\nwait 1s\nsend \"b\"\nreset\n");
    let upper = || Simulation::events(|_| Uppercase::new(Alphabet::Ascii));
    let simulation = upper()
        .script(&script.expect("it is one"))
        .expect("it is exact");
    simulation.check(0..200).unwrap();

    let pattern = Script::parse("send \"a\"\nexpect any 1\n").expect("it is one");
    let error = upper()
        .script(&pattern)
        .expect_err("nobody knows what will come");
    assert!(error.to_string().starts_with("line 2: "), "{error}");
}
