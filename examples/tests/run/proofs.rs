//! Each example that serves is proved: with every cut of a short input and all pairs of cuts, it does the same as with none.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;
use std::{fs, io};

use socketserver::Endpoint;
use socketserver::testkit::prover::{Cuts, Fault, Proof, Prover, Unproven};
use socketserver::testkit::script::{Script, SocketPeer, Step};

use crate::example::Example;
use crate::{DEADLINE, TestResult};

/// Makes a test of each of these functions, which have the names of their examples, and a list of the names: so what is listed as
/// proved is proved.
macro_rules! proofs {
    ($($example:ident),+ $(,)?) => {
        const PROVED: &[&str] = &[$(stringify!($example)),+];

        mod every_cut {
            $(
                #[test]
                fn $example() -> crate::TestResult {
                    super::$example()
                }
            )+
        }
    };
}

proofs! {
    broadcast,
    chat_door,
    deadlock,
    file_server,
    first_handler,
    length_prefix,
    line_protocol,
    message_server,
    offload,
    operator,
    own_storage,
    patient_server,
    request_handler,
    send_file,
    sticky_packets,
    two_roles,
    udp_messages,
    uppercase_server,
}

/// Why servers for datagrams are not proved: a network drops them, but does not cut them.
const WHOLE_OR_LOST: &str =
    "what it is sent arrives whole or not at all; `datagrams.rs` talks to it";

/// Servers that are not proved, and why they cannot be.
const NOT_PROVED: &[(&str, &str)] = &[
    (
        "chat",
        "lines that come faster than ten in a second wait, so that thousands of proofs would take hours: its handler is proved without that limit",
    ),
    (
        "modes",
        "its servers live for a moment and are for its own clients, which it counts: another one would make the count wrong",
    ),
    (
        "one_file",
        "a silence of 50 ms ends a name, too, so that one which is cut too late is another name: its handler is proved where no time passes",
    ),
    ("udp_boundaries", WHOLE_OR_LOST),
    ("udp_echo", WHOLE_OR_LOST),
    ("udp_exchange", WHOLE_OR_LOST),
    ("udp_multicast", WHOLE_OR_LOST),
    ("udp_peers", WHOLE_OR_LOST),
];

/// Every cut and all pairs of them, however many that are. The inputs are short, so that nothing needs to be left out.
const ALL: Cuts = Cuts {
    single_max: usize::MAX,
    pairs_input_max: usize::MAX,
    bytes: true,
    random: 8,
};

/// How often a script is played without a cut: once as the reference, and once more to see that it is steady.
const WHOLE: usize = 2;

/// The folder with the examples, which some of them serve.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// The modes of an example that takes one as its argument.
const MODES: [&str; 4] = ["serial", "threads", "pool:2", "reactor"];

/// Letters of two bytes, bytes that are no text, an end in the middle of a line; and a client that goes without an end.
const ECHOED: [&str; 2] = [
    r#"
    send "h\u{e9}\n\n" hex ff00
    expect "h\u{e9}\n\n" hex ff00
    send "again"
    half-close
    expect "again"
    expect closed
    "#,
    r#"
    send "abc"
    expect "abc"
    send "def"
    reset
    "#,
];

/// Where a script can be cut: before every byte of each `send` but the first one.
fn places(script: &Script) -> usize {
    let places = script.steps().iter().map(|step| match step {
        Step::Send(data) => data.bytes().len().saturating_sub(1),
        _ => 0,
    });
    places.sum()
}

/// How often a script with so many places is played in a proof with [`ALL`] cuts: with one, with two, byte by byte, and at random
/// where that can be something else.
fn runs(places: usize) -> [usize; 4] {
    let random = if places > 2 { ALL.random } else { 0 };
    let pairs = places * places.saturating_sub(1) / 2;
    [places, pairs, places.min(1), random]
}

fn prover(script: &Script) -> Prover<'static> {
    // There is no limit of time at which runs would be left out.
    let prover = Prover::new(script.clone()).cuts(ALL).time_max(None);
    prover.patience(DEADLINE).gap(Duration::from_millis(1))
}

/// Says what is wrong as people read it, or that nothing was left out.
#[track_caller]
fn exhaustive(script: &Script, proof: Result<Proof, Unproven>) -> Proof {
    let proof = proof.unwrap_or_else(|unproven| panic!("{unproven}\n{script}"));
    let counts = [proof.single, proof.pairs, proof.bytewise, proof.random];
    let planned = runs(places(script)).map(|count| count as u64);
    assert_eq!(counts, planned, "{script}");
    assert_eq!(proof.left_out, 0, "{script}");
    proof
}

/// Proves a script at an address.
#[track_caller]
fn prove(address: SocketAddr, script: &str) -> Proof {
    let script = parsed(script);
    let proof = prover(&script).prove_server(&address.into());
    exhaustive(&script, proof)
}

#[track_caller]
fn parsed(script: &str) -> Script {
    Script::parse(script).unwrap_or_else(|error| panic!("{error}\n{script}"))
}

/// Proves an example that needs nothing but its endpoint.
fn prove_alone(name: &str, scripts: &[&str]) -> TestResult {
    let example = Example::start(name, &[":0"])?;
    let (address, _) = example.address()?;
    for script in scripts {
        prove(address, script);
    }
    Ok(())
}

/// Proves an example in every mode. `role` is what stands before its endpoint.
fn prove_in_every_mode(name: &str, role: &[&str], scripts: &[&str]) -> TestResult {
    for mode in MODES {
        let example = Example::start(name, &[role, &[":0", mode]].concat())?;
        let (address, _) = example.address()?;
        for script in scripts {
            prove(address, script);
        }
    }
    Ok(())
}

/// Nobody else is in the room, and each connection has a number of its own.
fn broadcast() -> TestResult {
    prove_alone(
        "broadcast",
        &[r#"
        expect "you are number " skip until "\n"
        send "a\n\u{e9}\r\n\nb"
        expect skip until ": " "a\n" skip until ": " "\u{e9}\r\n" skip until ": " "\n"
        half-close
        expect closed
        "#],
    )
}

/// Whoever has left is not in the room any more, so that its name is free for the next one.
fn chat_door() -> TestResult {
    prove_alone(
        "chat_door",
        &[r#"
        expect "-- Welcome. What is your name?\n"
        send "ann\r\n/me w\u{e9}\n/x\n"
        expect "-- Hello, ann. You are in lobby; /help lists what you can do.\n-- You are an operator here.\n!! " skip until "\n"
        send "/quit\n"
        expect "-- Bye.\n"
        expect closed
        "#],
    )
}

/// Its own client sends without reading all the while. Those who read are served.
fn deadlock() -> TestResult {
    prove_alone("deadlock", &ECHOED)
}

/// A request, and one that is no frame.
fn file_server() -> TestResult {
    let example = Example::start("file_server", &[":0", EXAMPLES])?;
    let (address, _) = example.address()?;
    for script in [
        r#"
        send hex 0d000000 "{\"cmd\":\"pwd\"}"
        expect hex 21000000 "{\"res\":\"/\",\"code\":200,\"path\":\"/\"}"
        half-close
        expect closed
        "#,
        r#"
        send hex 02000000 "[]"
        expect any 4 until "\"err\":\"bad_frame\"}"
        expect closed
        "#,
    ] {
        prove(address, script);
    }
    Ok(())
}

fn first_handler() -> TestResult {
    prove_alone("first_handler", &ECHOED)
}

fn length_prefix() -> TestResult {
    let example = Example::start("length_prefix", &["serve", ":0"])?;
    let (address, _) = example.address()?;
    for script in [
        // An empty message, and an end in the middle of a length.
        "
        send hex 01000000 61 00000000
        expect hex 01000000 41 00000000
        send hex 0500
        half-close
        expect closed
        ",
        // A letter of two bytes, and an end between two messages.
        "
        send hex 02000000 c3a9 01000000 7a
        half-close
        expect hex 02000000 c3a9 01000000 5a
        expect closed
        ",
        // An end in the middle of a message.
        "
        send hex 01000000 61 02000000 62
        half-close
        expect hex 01000000 41
        expect closed
        ",
        // A length below zero, with bytes behind it.
        "
        send hex 01000000 61 ffffffff 62
        expect hex 01000000 41
        expect closed
        ",
        // A length in the other order of bytes, which is too large.
        "
        send hex 00000005 68656c6c6f
        expect closed
        ",
    ] {
        prove(address, script);
    }
    Ok(())
}

fn line_protocol() -> TestResult {
    prove_alone(
        "line_protocol",
        &[
            r#"
            send "2\n40\r\nquit\n1\n"
            expect "2\n42\ngoodbye\n"
            expect closed
            "#,
            // A blank of three bytes, and an end in the middle of a line.
            r#"
            send "1\n-3\u{2003}\n"
            expect "1\n-2\n"
            send "40"
            half-close
            expect closed
            "#,
            // What is no number.
            r#"
            send "1\nx\n2\n"
            expect "1\n"
            expect closed
            "#,
            // What is no text.
            r#"
            send "1\n2" hex c3 "\n3\n"
            expect "1\n"
            expect closed
            "#,
        ],
    )
}

fn message_server() -> TestResult {
    let mut example = Example::start("message_server", &[":0"])?;
    let (address, _) = example.address()?;
    example.attend(|line| match line.strip_prefix("client: ")? {
        "bye" => Some("q".to_owned()),
        text => Some(format!("{text}!")),
    })?;
    for script in [
        // The last message is ended by the end of the client's side only.
        r#"
        send "a\n\u{e9}\r\n"
        expect "a!\n\u{e9}!\n"
        send "bc"
        half-close
        expect "bc!\n"
        expect closed
        "#,
        // What comes behind the last message is not shown to anybody.
        r#"
        send "a\nbye\nc\n"
        expect "a!\nq\n"
        expect closed
        "#,
        // Whoever is killed has had their turn.
        r#"
        send "a\x1b[2J\n"
        expect "a[2J!\n"
        send "bc"
        reset
        "#,
    ] {
        prove(address, script);
    }
    Ok(())
}

fn offload() -> TestResult {
    let example = Example::start("offload", &[":0", EXAMPLES])?;
    let (address, _) = example.address()?;
    let path = format!("{EXAMPLES}/lossy.rs");
    let size = fs::metadata(&path)?.len();
    prove(
        address,
        &format!(
            "send \"lossy.rs\\r\\nlossy.rs\\n\"\n{}half-close\nexpect closed",
            format!("expect \"{size} bytes\\n\" file {path:?}\n").repeat(2)
        ),
    );
    // What leads elsewhere, or is no text.
    prove(address, "send \"../run\\n\"\nexpect closed");
    prove(address, "send \"l\" hex ff \"\\n\"\nexpect closed");
    Ok(())
}

fn own_storage() -> TestResult {
    let path = format!("{EXAMPLES}/lossy.rs");
    let example = Example::start("own_storage", &[":0", &path])?;
    let (address, _) = example.address()?;
    prove(
        address,
        &format!(
            r#"
            send hex 16000000 "{{\"cmd\":\"get lossy.rs\"}}"
            expect any 4 until "}}" file {path:?}
            half-close
            expect closed
            "#
        ),
    );
    Ok(())
}

/// The server says nothing by itself, so somebody answers what it shows.
fn operator() -> TestResult {
    let mut example = Example::start("operator", &[":0"])?;
    let (address, _) = example.address()?;
    let (sender, goodbyes) = channel();
    example.attend(move |line| {
        let (number, text) = line.split_once(": ")?;
        if text == "bye" {
            // Nobody is there to be answered, but it must be shown.
            let _ = sender.send(());
            return None;
        }
        Some(format!("@{number} {text}!"))
    })?;
    let proof = prove(
        address,
        r#"
        send "a\n\u{e9}\x07\r\n"
        expect "a!\n\u{e9}!\n"
        send "bye"
        half-close
        expect closed
        "#,
    );
    for _ in 0..proof.runs {
        goodbyes.recv_timeout(DEADLINE)?;
    }
    Ok(())
}

fn patient_server() -> TestResult {
    prove_alone("patient_server", &ECHOED)
}

fn request_handler() -> TestResult {
    prove_in_every_mode(
        "request_handler",
        &[],
        &[
            // A second name, for which nobody has asked.
            r#"
            send "Zo\u{eb}\r\nOtto\n"
            expect "hello Zo\u{eb}\n"
            expect closed
            "#,
            r#"
            send "Anna"
            half-close
            expect "hello Anna\n"
            expect closed
            "#,
            // A name is missing.
            r#"
            send " \r\nAnna\n"
            expect closed
            "#,
            // What is no text.
            r#"
            send "A" hex c3 "nna\n"
            expect closed
            "#,
        ],
    )
}

fn send_file() -> TestResult {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/send_file.rs");
    let example = Example::start("send_file", &[":0", path])?;
    let (address, _) = example.address()?;
    prove(
        address,
        &format!("send \"pl\u{e9}ase\\n\"\nexpect file {path:?}\nexpect closed"),
    );
    // Who wishes nothing gets nothing.
    prove(address, "half-close\nexpect closed");
    let example = Example::start("send_file", &[":0", "there is no such file"])?;
    let (address, _) = example.address()?;
    prove(address, "send \"please\\n\"\nexpect closed");
    Ok(())
}

/// The first server counts reads, which is what no server may do, and is found guilty. The second one is the cure.
///
/// Both are busy at first, and cuts would not be seen meanwhile. So all connections are made at once, and that which is made last is
/// played first: once it is answered, the server is busy with none of them.
fn sticky_packets() -> TestResult {
    let example = Example::start("sticky_packets", &[":0", ":0"])?;
    let (reads, _) = example.address()?;
    example.line()?;
    let (lines, _) = example.address()?;
    example.line()?;

    let script =
        parsed("send \"ab\"\nhalf-close\nexpect \"1 found by counting reads\"\nexpect closed");
    // The gap is long enough on the busiest machine.
    let prover_of_reads = prover(&script).gap(Duration::from_millis(100));
    // The cut is played, then once more to be sure, and then there is a look whether it was the cut.
    let mut peers = connections(reads, WHOLE + 3)?;
    let proof = prover_of_reads.prove_peers(|| taken(&mut peers));
    let Err(Unproven::Disproved(disproof)) = proof else {
        panic!("who counts reads sees cuts: {proof:?}");
    };
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [1].as_slice()),
        "{disproof}"
    );
    assert_eq!(disproof.received(), b"2 found by counting reads");

    let script = parsed(
        r#"
        send "a\n\n\u{e9}\r\nb\rc\nd"
        half-close
        expect "5 found by taking lines apart"
        expect closed
        "#,
    );
    let cut = runs(places(&script)).iter().sum::<usize>();
    let mut peers = connections(lines, WHOLE + cut)?;
    let proof = prover(&script).prove_peers(|| taken(&mut peers));
    exhaustive(&script, proof);
    Ok(())
}

fn connections(address: SocketAddr, count: usize) -> io::Result<Vec<SocketPeer>> {
    let endpoint = Endpoint::from(address);
    let connections = (0..count).map(|_| SocketPeer::connect(&endpoint, DEADLINE));
    connections.collect()
}

fn taken(peers: &mut Vec<SocketPeer>) -> io::Result<SocketPeer> {
    let peer = peers.pop();
    peer.ok_or_else(|| io::Error::other("there were more runs than was reckoned with"))
}

fn two_roles() -> TestResult {
    prove_in_every_mode(
        "two_roles",
        &["serve"],
        &[
            r#"
            send "h\u{e9}\r\n\nab\n"
            expect "2 letters\n0 letters\n2 letters\n"
            send "x\u{20ac}"
            half-close
            expect "2 letters\n"
            expect closed
            "#,
            // What is no text.
            r#"
            send "a\nb" hex c3 "\nc\n"
            expect "1 letters\n"
            expect closed
            "#,
        ],
    )
}

/// Over TCP. A line may lack its end where the client ends, too.
fn udp_messages() -> TestResult {
    let example = Example::start("udp_messages", &[":0", ":0"])?;
    let (address, _) = example.address()?;
    for script in [
        r#"
        send "2\n40\r\n-1\n"
        expect "2\n42\n41\n"
        send "\u{2003}1"
        half-close
        expect "42\n"
        expect closed
        "#,
        // What is no number.
        r#"
        send "1\nx\n2\n"
        expect "1\n"
        expect closed
        "#,
    ] {
        prove(address, script);
    }
    Ok(())
}

fn uppercase_server() -> TestResult {
    prove_in_every_mode(
        "uppercase_server",
        &[],
        &[r#"
        send "a\u{e9}z\n" hex ff c3 "b"
        expect "A\u{e9}Z\n" hex ff c3 "B"
        send "s\u{df}"
        half-close
        expect "S\u{df}"
        expect closed
        "#],
    )
}

/// An example with a server is one that names the trait which all servers have, in its code and not in its explanation.
fn serving() -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut serving = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"))? {
        let path = entry?.path();
        let source = fs::read_to_string(&path)?;
        let code = source.lines().filter(|line| !line.starts_with("//"));
        if code.into_iter().any(|line| line.contains("Server")) {
            let name = path.file_stem().and_then(|name| name.to_str());
            serving.insert(name.ok_or("a strange name of an example")?.to_owned());
        }
    }
    Ok(serving)
}

#[test]
fn every_example_that_serves_is_proved_or_cannot_be() -> TestResult {
    let excused = NOT_PROVED.iter().map(|(name, reason)| {
        assert!(!reason.is_empty() && !PROVED.contains(name), "{name}");
        *name
    });
    let known: BTreeSet<_> = PROVED.iter().copied().chain(excused).collect();
    let serving = serving()?;
    let serving: BTreeSet<_> = serving.iter().map(String::as_str).collect();
    let forgotten: Vec<_> = serving.difference(&known).collect();
    assert!(
        forgotten.is_empty(),
        "{forgotten:?} are not proved: write a function of that name here, and name it in `proofs!`"
    );
    let gone: Vec<_> = known.difference(&serving).collect();
    assert!(gone.is_empty(), "{gone:?} are no examples that serve");
    Ok(())
}
