//! Eight bugs that servers have, planted one by one: each must be found within a second, with at most two cuts to show it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use socketserver::testkit::prover::{Disproof, Fault, Prover, Witness};
use socketserver::testkit::script::Script;
use socketserver::{Address, Conn, Handler, HandlerError, Input, Stream};

/// A handler that is one function: what it does when bytes come. `None` says that the peer has ended.
struct Planted<F>(F);

impl<F> Handler for Planted<F>
where
    F: FnMut(Option<&mut Input<'_>>, &mut Conn<'_>) + Send,
{
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (self.0)(Some(input), conn);
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        (self.0)(None, conn);
        Ok(())
    }
}

/// Proves a planted bug, which must fail in time and with few cuts.
#[track_caller]
fn convict<F, H>(script: &str, factory: F) -> Box<Disproof>
where
    F: Fn(&Address) -> H + Send + Sync + 'static,
    H: Handler + 'static,
{
    let script = Script::parse(script).unwrap();
    let begun = processor_time();
    let disproof = Prover::new(script.clone()).prove(factory).unwrap_err();
    let spent = processor_time().saturating_sub(begun);
    assert!(spent < Duration::from_secs(1), "{spent:?}");
    assert!(disproof.cuts().len() <= 2, "{disproof}");
    disproof
}

/// How long this thread was on a processor, which other programs do not make longer.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("it is never negative")
}

/// One line from the input, without its end; none if there is no whole one.
fn line(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let end = input.iter().position(|&byte| byte == b'\n')?;
    Some(input.take(end + 1)[..end].to_vec())
}

#[test]
fn it_takes_one_read_for_one_message() {
    let disproof = convict(r#"send "hello\n""#, |_| {
        Planted(
            |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| match input {
                Some(input) => {
                    let name = String::from_utf8_lossy(input.take_all()).into_owned();
                    conn.write(format!("<{}>", name.trim_end()).as_bytes());
                }
                None => conn.close(),
            },
        )
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [1].as_slice())
    );
    assert_eq!(disproof.expected(), Some(b"<hello>".as_slice()));
    assert_eq!(disproof.received(), b"<h><ello>");
    assert_eq!(
        disproof.to_string(),
        "disproved: cut before byte 1, the input has another effect than whole: byte 2 of the output is 3e instead of 65\n\
         \x20 input     000000  68 65 6c 6c 6f 0a                                hello.\n\
         \x20                      ^^\n\
         \x20 expected  000000  3c 68 65 6c 6c 6f 3e                             <hello>\n\
         \x20                         ^^\n\
         \x20 received  000000  3c 68 3e 3c 65 6c 6c 6f 3e                       <h><ello>\n\
         \x20                         ^^\n\
         \x20 replay    Prover::replay([1])"
    );
}

#[test]
fn it_splits_letters_of_more_than_one_byte() {
    let disproof = convict("send \"na\u{ef}ve \u{20ac}\\n\"", |_| {
        Planted(
            |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| match input {
                Some(input) => {
                    let text = String::from_utf8_lossy(input.take_all()).to_uppercase();
                    conn.write(text.as_bytes());
                }
                None => conn.close(),
            },
        )
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [3].as_slice())
    );
}

#[test]
fn it_loses_what_follows_a_frame() {
    let frames = r"send hex 03 616263 02 6465 01 66";
    let disproof = convict(frames, |_| {
        Planted(|input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
            let Some(input) = input else {
                return conn.close();
            };
            let length = usize::from(input[0]);
            if input.len() > length {
                // The rest of what has come is thrown away.
                let frame = &input.take_all()[..=length];
                conn.write(frame);
            }
        })
    });
    assert_eq!(disproof.fault(), Fault::Cut);
    assert!(disproof.received().len() > disproof.expected().unwrap().len());
}

#[test]
fn it_answers_twice_when_the_line_end_is_cut() {
    let script = r#"
        send "ping\r\n"
        expect "pong\n"
    "#;
    let disproof = convict(script, |_| {
        // A CR ends a line, and so does a LF that does not come right behind it.
        Planted(|input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
            let Some(input) = input else {
                return conn.close();
            };
            while let Some(end) = input.iter().position(|byte| b"\r\n".contains(byte)) {
                let both = input[end..].starts_with(b"\r\n");
                input.take(end + 1 + usize::from(both));
                conn.write(b"pong\n");
            }
        })
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [5].as_slice())
    );
    assert_eq!(disproof.received(), b"pong\npong\n");
}

#[test]
fn it_forgets_the_end_of_its_peer() {
    let script = r#"
        send "hello\n"
        expect "hello\n"
        half-close
        expect closed
    "#;
    let disproof = convict(script, |_| {
        Planted(|input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
            if let Some(input) = input {
                conn.write(input.take_all());
            }
        })
    });
    assert_eq!(disproof.fault(), Fault::Expectation);
    let sentence = disproof.failure().unwrap().sentence();
    assert_eq!(sentence, "line 5 of the script: no end came within 60s");
}

#[test]
fn it_keeps_a_line_without_a_limit() {
    let script = r#"
        send "x" * 70000
        expect end
    "#;
    let disproof = convict(script, |_| {
        let mut line = Vec::new();
        Planted(move |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
            let Some(input) = input else {
                return conn.close();
            };
            line.extend_from_slice(input.take_all());
            if line.ends_with(b"\n") {
                conn.write(&line);
                line.clear();
            }
        })
    });
    assert_eq!(disproof.fault(), Fault::Expectation);
    assert_eq!(disproof.failure().unwrap().line(), 3);
}

#[test]
fn it_writes_after_it_has_closed() {
    let disproof = convict(r#"send "one\ntwo\nquit\n""#, |_| {
        Planted(|input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
            let Some(input) = input else {
                return conn.close();
            };
            let mut answers = Vec::new();
            while let Some(line) = line(input) {
                if line == b"quit" {
                    conn.close();
                }
                answers.extend(line);
            }
            // Too late, if one of the lines was the last.
            conn.write(&answers);
        })
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [4].as_slice())
    );
}

#[test]
fn its_connections_share_what_should_be_their_own() {
    let disproof = convict(r#"send "hello\n""#, {
        let kept = Arc::new(Mutex::new(Vec::new()));
        move |_| {
            let kept = kept.clone();
            Planted(move |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
                let Some(input) = input else {
                    return conn.close();
                };
                let mut kept = kept.lock().unwrap();
                kept.extend_from_slice(input.take_all());
                if kept.ends_with(b"\n") {
                    conn.write(&kept);
                    kept.clear();
                }
            })
        }
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Neighbour, [1].as_slice())
    );
}

#[test]
fn a_counter_that_is_shared_is_found_without_a_cut() {
    let counting = || {
        let count = Arc::new(Mutex::new(0));
        move |_: &Address| {
            let count = count.clone();
            Planted(move |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
                if let Some(input) = input {
                    input.take_all();
                    *count.lock().unwrap() += 1;
                    conn.write(format!("{}\n", count.lock().unwrap()).as_bytes());
                } else {
                    conn.close();
                }
            })
        }
    };
    let disproof = convict(r#"send "x""#, counting());
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Unsteady, [].as_slice())
    );

    let skipping = Script::parse("send \"x\"\nexpect skip until \"\\n\"").unwrap();
    let proof = Prover::new(skipping).prove(counting());
    assert!(
        proof.is_ok(),
        "what a script skips may be different: {proof:?}"
    );
}

#[test]
fn what_changes_with_time_is_not_blamed_on_a_cut() {
    let disproof = convict(r#"send "hello""#, {
        let count = Arc::new(AtomicUsize::new(0));
        move |_| {
            // Different from the tenth connection on.
            let late = count.fetch_add(1, Ordering::Relaxed) >= 10;
            Planted(move |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| {
                if let Some(input) = input {
                    input.take_all();
                } else {
                    conn.write(if late { b"11 o'clock" } else { b"10 o'clock" });
                    conn.close();
                }
            })
        }
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Unsteady, [].as_slice())
    );
}

#[test]
fn a_panic_is_never_right() {
    let disproof = convict(r#"send "x""#, |_| {
        Planted(|_: Option<&mut Input<'_>>, _: &mut Conn<'_>| panic!("not today"))
    });
    assert_eq!(disproof.fault(), Fault::Panic);
    let sentence = "disproved even with its input whole: the handler panicked: not today";
    assert_eq!(disproof.sentence(), sentence);
}

#[test]
fn what_needs_two_cuts_is_shown_with_two() {
    // Only a piece that is exactly "ell" gives it away.
    let disproof = convict(r#"send "hello world, and so on""#, |_| {
        Planted(
            |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| match input {
                Some(input) if &**input == b"ell" => conn.abort(),
                Some(input) => conn.write(input.take_all()),
                None => conn.close(),
            },
        )
    });
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [1, 4].as_slice())
    );
}

#[test]
fn a_witness_finds_what_no_answer_tells() {
    let witness = Witness::new();
    let noting = witness.clone();
    let script = Script::parse(r#"send "one\ntwo\n""#).unwrap();
    let proof = Prover::new(script).witness(&witness).prove(move |_| {
        let witness = noting.clone();
        Planted(
            move |input: Option<&mut Input<'_>>, conn: &mut Conn<'_>| match input {
                Some(input) => witness.note(String::from_utf8_lossy(input.take_all())),
                None => conn.close(),
            },
        )
    });
    let disproof = proof.unwrap_err();
    assert_eq!(disproof.cuts(), [1]);
    let change = r#"event 1 is "o" instead of "one\ntwo\n""#;
    assert!(disproof.sentence().ends_with(change), "{disproof}");
}

#[test]
fn blocking_handlers_are_convicted_too() {
    use std::io::{Read, Write};
    fn greet(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut name = [0; 1024];
        let length = stream.read(&mut name)?;
        stream.write_all(&name[..length])?;
        Ok(())
    }
    let script = Script::parse("send \"hello\\n\"\nexpect \"hello\\n\"\nexpect closed").unwrap();
    let prover = || Prover::new(script.clone());
    let disproof = prover().prove_blocking(|_| greet).unwrap_err();
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [1].as_slice())
    );

    let again = prover().replay([1]).prove_blocking(|_| greet).unwrap_err();
    assert_eq!(
        again.sentence(),
        disproof.sentence(),
        "a replay shows the same"
    );
    let innocent = prover().replay([]).prove_blocking(|_| greet);
    assert!(innocent.is_ok(), "{innocent:?}");
}
