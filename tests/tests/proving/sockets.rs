//! Scripts and proofs over real sockets: our own servers in every mode, and one that a tutorial would have.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use socketserver::Endpoint;
use socketserver::testkit::prover::{Cuts, Fault, Prover, Unproven};
use socketserver::testkit::script::{End, Script, SocketPeer};
use socketserver_handlers::{Alphabet, Uppercase};
use socketserver_tests::{Case, PATIENCE};

socketserver_tests::matrix! {
    all: a_script_is_played, a_server_is_proved, a_reset_is_seen_by_the_server;
}

fn endpoint(address: &socketserver::Address) -> Endpoint {
    address.to_string().parse().unwrap()
}

fn connect(address: &socketserver::Address) -> SocketPeer {
    SocketPeer::connect(&endpoint(address), PATIENCE).unwrap()
}

fn a_script_is_played(case: &Case) {
    let server = case.serve(|_| Uppercase::default());
    let script = r#"
        send "hello\n"
        expect any 2 until "\n"
        # More than any buffer on the way holds, so that it must be received while it is sent.
        send "x" * 3000000
        expect "X" * 3000000
        wait 1ms
        half-close
        expect closed
    "#;
    let script = Script::parse(script).unwrap();
    let transcript = script
        .play(&mut connect(server.address()), PATIENCE)
        .unwrap();
    assert_eq!(
        (transcript.output.len(), transcript.end),
        (3_000_006, Some(End::Closed))
    );

    let script = Script::parse("send \"abc\"\nexpect \"ABD\"").unwrap();
    let failure = script
        .play(&mut connect(server.address()), PATIENCE)
        .unwrap_err();
    assert_eq!((failure.line(), failure.offset()), (2, 2));
    assert_eq!(
        failure.to_string(),
        "line 2 of the script: byte 2 of the output is not as expected\n\
         \x20 expected  000000  41 42 44                                         ABD\n\
         \x20                         ^^\n\
         \x20 received  000000  41 42 43                                         ABC\n\
         \x20                         ^^"
    );
}

fn a_server_is_proved(case: &Case) {
    let server = case.serve(|_| Uppercase::new(Alphabet::Unicode));
    let script = Script::parse("send \"\u{e9}\\r\\n\"\nexpect \"\u{c9}\\r\\n\"").unwrap();
    let prover = Prover::new(script).gap(Duration::from_micros(100));
    let proof = prover.prove_server(&endpoint(server.address())).unwrap();
    assert_eq!((proof.single, proof.pairs, proof.bytewise), (3, 3, 1));
}

fn a_reset_is_seen_by_the_server(case: &Case) {
    let server = case.serve(|_| Uppercase::default());
    let script = Script::parse("send \"x\"\nexpect \"X\"\nreset").unwrap();
    script
        .play(&mut connect(server.address()), PATIENCE)
        .unwrap();
    let ended = server.until("the end", |stats| stats.live == 0 && stats.accepted == 1);
    // Unix sockets have no reset.
    let reset = ended.closed.contains_key("peer_reset");
    assert_eq!(
        reset,
        case.transport != socketserver_tests::Transport::Unix,
        "{ended:?}"
    );
}

/// Takes one read for a whole file name, as tutorials do, and sends the file. It serves until the test ends.
fn downloader() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener)
        .set_read_timeout(Some(PATIENCE))
        .unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut name = [0; 1024];
            let length = stream.read(&mut name).unwrap_or(0);
            let answer = match name[..length].trim_ascii_end() {
                b"hello.txt" => "hello world",
                _ => "no such file",
            };
            let _ = stream.write_all(answer.as_bytes());
            // What still comes is read, so that the answer is not lost in a reset.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    Endpoint::from(address)
}

#[test]
fn a_downloader_that_reads_once_is_found_guilty() {
    let endpoint = downloader();
    let script = Script::parse("send \"hello.txt\\n\"\nexpect \"hello world\"").unwrap();
    let whole = Prover::new(script.clone()).cuts(Cuts::NONE);
    assert!(
        whole.prove_server(&endpoint).is_ok(),
        "nothing is wrong on the developer's machine"
    );
    // The gap is long enough on the busiest machine.
    let prover = Prover::new(script).gap(Duration::from_millis(100));
    let Err(Unproven::Disproved(disproof)) = prover.prove_server(&endpoint) else {
        panic!("nothing was found");
    };
    assert_eq!(
        (disproof.fault(), disproof.cuts()),
        (Fault::Cut, [1].as_slice())
    );
    assert_eq!(disproof.received(), b"no such file");
    assert_eq!(disproof.failure().unwrap().line(), 2);
}

#[test]
fn what_cannot_be_reached_is_neither_right_nor_wrong() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proof = Prover::new(Script::default()).prove_server(&unused.into());
    let Err(Unproven::Unreachable { runs: 0, .. }) = &proof else {
        panic!("{proof:?}");
    };
    let sentence = "cannot connect: connection refused (is the server running?)";
    assert_eq!(proof.unwrap_err().to_string(), sentence);
}
