//! What is right must be proved: the ready-made handlers in both styles, and every codec.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socketserver::testkit::prover::{Cuts, Fault, Proof, Prover};
use socketserver::testkit::script::Script;
use socketserver::{
    BlockingHandler, CloseReason, Codec, Conn, Delimiter, Fixed, Framed, Group, Handler,
    HandlerError, Input, LengthPrefix, Lines, Netstring, Replies, SlowMember, Stream,
};
use socketserver_handlers::{Alphabet, Echo, Uppercase, Wait, Work};

/// Proves a handler in both styles.
#[track_caller]
fn prove<H>(script: &str, handler: H) -> [Proof; 2]
where
    H: Handler + BlockingHandler + Clone + Sync + 'static,
{
    prove_with(Cuts::HANDLER, script, handler)
}

/// Proves a handler in both styles, with some kinds of cuts.
#[track_caller]
fn prove_with<H>(cuts: Cuts, script: &str, handler: H) -> [Proof; 2]
where
    H: Handler + BlockingHandler + Clone + Sync + 'static,
{
    let script = Script::parse(script).unwrap();
    let prover = || Prover::new(script.clone()).cuts(cuts);
    let other = handler.clone();
    [
        prover().prove(move |_| handler.clone()),
        prover().prove_blocking(move |_| other.clone()),
    ]
    .map(|proof| proof.unwrap_or_else(|disproof| panic!("{disproof}")))
}

#[test]
fn an_echo_does_not_see_cuts() {
    let script = "
        send \"hello\\r\\nw\u{f6}rld\\n\" hex 00ff
        expect \"hello\\r\\n\" until hex ff
        send \"again\"
        half-close
        expect \"again\"
        expect closed
    ";
    for proof in prove(script, Echo) {
        assert_eq!((proof.single, proof.pairs, proof.bytewise), (19, 171, 1));
        assert_eq!((proof.trickling, proof.neighbours), (21, 21));
        assert_eq!(proof.left_out, 0);
    }
}

#[test]
fn capital_letters_do_not_see_cuts() {
    let text =
        "send \"stra\u{df}e, \u{e9}t\u{e9}, \u{65e5}\u{672c}, \u{1f600}\\n\" hex ff c3 28 e4bd";
    for alphabet in [Alphabet::Ascii, Alphabet::Unicode] {
        prove(text, Uppercase::new(alphabet));
    }
    let script = "send \"stra\u{df}e\"\nexpect \"STRASSE\"";
    prove(script, Uppercase::new(Alphabet::Unicode));
}

#[test]
fn lines_that_take_their_time_do_not_see_cuts() {
    let script = r#"
        send "one\r\n\n2\n"
        expect "one\n\n2\n"
        send "a\rb\r\r\nend\r"
        half-close
        expect "a\rb\r\r\nend\n"
        expect closed
    "#;
    let short = Duration::from_micros(1);
    prove(script, Work::new(short));
    prove(script, Wait::new(short));
    // Each line is a turn of its own, which is too long for two hundred random cuts.
    let cuts = Cuts {
        random: 0,
        ..Cuts::HANDLER
    };
    let (script, long) = (r#"send "a\nb\nc""#, Duration::from_millis(6));
    prove_with(cuts, script, Work::new(long));
    prove_with(cuts, script, Wait::new(long));
}

#[test]
fn a_long_input_is_proved_with_some_of_its_cuts() {
    let script = r#"
        send "0123456789abcdef" * 20000
        expect "0123456789abcdef" * 20000
    "#;
    let begun = Instant::now();
    let proof = Prover::new(Script::parse(script).unwrap())
        .prove(|_| Echo)
        .unwrap();
    assert!(proof.single >= 8 && proof.pairs == 0, "{proof}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// Answers each message with itself, backwards, and ends at an empty one.
fn mirror(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
    if message.is_empty() {
        replies.close();
    }
    let backwards: Vec<_> = message.iter().rev().copied().collect();
    Ok(replies.send(&backwards)?)
}

/// The same in straight lines.
fn converse(codec: &mut dyn Codec, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    while let Some(message) = stream.receive(codec)? {
        let backwards: Vec<_> = message.iter().rev().copied().collect();
        if backwards.is_empty() {
            return Ok(());
        }
        stream.send(&backwards, codec)?;
    }
    Ok(())
}

type MakeCodec = fn() -> Box<dyn Codec>;

#[test]
fn every_codec_sees_the_same_messages_however_they_are_cut() {
    let cases: [(MakeCodec, &str); 8] = [
        (|| Box::new(Lines::new(16)), r#"send "one\r\ntwo\n" "last""#),
        (
            || Box::new(Lines::new(16).crlf()),
            r#"send "one\r\n\r\nlost\r\n""#,
        ),
        (
            || Box::new(Lines::new(16)),
            r#"send "good\n" "x" * 20 "\nlost\n""#,
        ),
        (
            || Box::new(Delimiter::new("\r\n\r\n", 16)),
            r#"send "a\r\n\r\nb\r\r\n\r\n\r\n" "cut\r\n\r""#,
        ),
        (|| Box::new(Fixed::new(4)), r#"send "abcdefgh" "ijk""#),
        (
            || Box::new(LengthPrefix::big_endian(2).max(16)),
            "send hex 0003 616263 0001 64 00ff",
        ),
        (
            || Box::new(LengthPrefix::little_endian(4).signed().max(16)),
            "send hex 03000000 616263 ffffffff 00",
        ),
        (
            || Box::new(Netstring::new(16)),
            r#"send "3:abc,1:x,4:oops;""#,
        ),
    ];
    for (codec, script) in cases {
        let prover = || Prover::new(Script::parse(script).unwrap());
        let events = prover().prove(move |_| Framed::new(codec(), mirror));
        let proof = events.unwrap_or_else(|disproof| panic!("{script}: {disproof}"));
        assert!(proof.output_bytes > 0, "{script}: {proof}");
        let lines = prover().prove_blocking(move |_| {
            move |stream: &mut Stream<'_>| converse(&mut *codec(), stream)
        });
        lines.unwrap_or_else(|disproof| panic!("{script}: {disproof}"));
    }
}

/// Speaks first, answers later, and works elsewhere.
fn late(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.write_all(b"ready\n")?;
    let mut lines = Lines::default();
    while let Some(line) = stream.receive(&mut lines)? {
        let line = line.to_vec();
        stream.sleep(Duration::from_secs(3))?;
        let length = stream.offload(move || line.len())?;
        writeln!(stream, "{length}")?;
    }
    Ok(())
}

#[test]
fn time_and_work_elsewhere_are_made_up() {
    let script = r#"
        expect "ready\n"
        wait 1h
        send "hello\nyou\n"
        expect "5\n3\n"
        half-close
        expect closed
    "#;
    let config = socketserver::Config {
        idle_timeout: None,
        ..socketserver::Config::default()
    };
    let script = Script::parse(script).unwrap();
    let proof = Prover::new(script).config(config).prove_blocking(|_| late);
    proof.unwrap_or_else(|disproof| panic!("{disproof}"));
}

/// Writes far more than a peer takes at once, and goes on when that is gone.
struct Flood(usize);

impl Handler for Flood {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0 += 100 * input.take_all().len();
        self.drained(conn)
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while self.0 > 0 && conn.queued() < 64 {
            conn.write(b"0123456789");
            self.0 -= 1;
        }
        Ok(())
    }

    fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        for _ in 0..std::mem::take(&mut self.0) {
            conn.write(b"0123456789");
        }
        conn.close();
        Ok(())
    }
}

#[test]
fn output_that_drains_slowly_is_the_same() {
    let config = socketserver::Config {
        output_high: 64,
        output_low: 16,
        ..socketserver::Config::default()
    };
    let script = Script::parse("send \"abc\"").unwrap();
    let proof = Prover::new(script).config(config).prove(|_| Flood(0));
    let proof = proof.unwrap_or_else(|disproof| panic!("{disproof}"));
    assert_eq!(proof.output_bytes, 3000);
}

#[test]
fn a_proof_says_what_was_tried() {
    let script = Script::parse("send \"abcd\"\nexpect \"abcd\"").unwrap();
    let mut runs = 0;
    let cuts = Cuts {
        random: 5,
        ..Cuts::HANDLER
    };
    let prover = Prover::new(script).cuts(cuts).seed(9);
    let proof = prover
        .progress(|progress| runs = progress.done)
        .prove(|_| Echo)
        .unwrap();
    assert_eq!(
        proof.to_string(),
        "proved: 4 bytes of input always have the same effect, with 4 bytes of output, in 24 runs \
         (3 with a single cut, 3 with a pair of cuts, 1 byte by byte, 5 with random cuts, 5 with trickling output, \
         5 beside another connection; seed 9)"
    );
    assert_eq!(runs, 24);
}

/// A chat: what one connection sends, all of them get.
struct Member(Group);

impl Handler for Member {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.join(conn);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            self.0.broadcast(input.take(end + 1).to_vec());
        }
        Ok(())
    }
}

#[test]
fn connections_that_are_meant_to_hear_of_each_other_are_proved_alone() {
    let group = Group::new(SlowMember::Disconnect);
    let script = Script::parse("send \"one\\ntwo\\n\"\nexpect \"one\\ntwo\\n\"").unwrap();
    let prover = || Prover::new(script.clone());
    let member = |group: &Group| {
        let group = group.clone();
        move |_: &socketserver::Address| Member(group.clone())
    };
    let proof = prover().alone().prove(member(&group));
    let proof = proof.unwrap_or_else(|disproof| panic!("{disproof}"));
    assert_eq!((proof.neighbours, proof.trickling), (0, 9));
    let disproof = prover().prove(member(&group)).unwrap_err();
    assert_eq!(disproof.fault(), Fault::Neighbour);
    assert!(group.is_empty(), "whoever has left is no member");
}

/// Counts how often it was told that its connection is over.
struct Told(Arc<AtomicUsize>);

impl Handler for Told {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if input.contains(&b'!') {
            conn.abort();
        } else if input.contains(&b'?') {
            conn.set_timer(1, Duration::from_secs(3600));
        }
        conn.write(input.take_all());
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(&[b'0' + timer]);
        conn.close();
        Ok(())
    }

    fn closed(&mut self, _: &CloseReason) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn every_kind_of_end_is_seen_and_told_once() {
    let hour = Duration::from_secs(3600);
    for script in [
        "send \"abc\"\nexpect \"abc\"\nreset",
        "send \"!\"\nexpect reset",
        "send \"?\"\nexpect \"?1\"\nexpect closed",
        "send \"abc\"\nexpect \"abc\"\nhalf-close\nexpect closed",
        "wait 1h\nexpect end",
        "",
    ] {
        let told = Arc::new(AtomicUsize::new(0));
        let (telling, script) = (told.clone(), Script::parse(script).unwrap());
        // Longer than the deadlines of a connection that nothing happens on.
        let prover = Prover::new(script.clone()).patience(2 * hour).alone();
        let config = socketserver::Config {
            idle_timeout: Some(hour + Duration::from_secs(1)),
            ..socketserver::Config::default()
        };
        let proof = prover.config(config).prove(move |_| Told(telling.clone()));
        let proof = proof.unwrap_or_else(|disproof| panic!("{script}{disproof}"));
        assert_eq!(told.load(Ordering::Relaxed) as u64, proof.runs, "{script}");
    }
}
