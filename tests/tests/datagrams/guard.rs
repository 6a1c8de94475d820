//! Nobody who is not proven is answered with much more than was sent in his name.

use std::sync::mpsc::{Sender, channel};

use socketserver::{Config, Datagram, DatagramSocket, HandlerError, Peer, PeerHandler, SendError};
use socketserver_tests::{Caller, DatagramCase, PATIENCE, Running};

socketserver_tests::datagram_matrix! {
    all: an_answer_has_at_most_three_times_the_bytes, nobody_gets_more_than_three_answers, who_is_proven_gets_everything,
        the_guard_can_be_switched_off, a_peer_earns_with_every_datagram_until_it_is_proven,
        a_peer_that_never_acknowledges_gets_three_times_what_it_sent;
}

/// What a request asks for: `COUNT SIZE` or `prove COUNT SIZE`.
fn request(bytes: &[u8]) -> (bool, usize, usize) {
    let text = std::str::from_utf8(bytes).expect("tests send text");
    let (proves, text) = match text.strip_prefix("prove ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut numbers = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("a number");
    (proves, next(), next())
}

/// Sends as many and as long answers as it is asked for, as far as it may, and tells what came of each.
fn generous(
    tell: Sender<Result<(), String>>,
) -> impl FnMut(&Datagram<'_>, &mut DatagramSocket<'_>) -> Result<(), HandlerError> + Send {
    move |datagram, socket| {
        let (proves, count, size) = request(datagram.bytes());
        if proves {
            socket.prove();
        }
        for _ in 0..count {
            let sent = socket.reply(datagram, &vec![b'x'; size]);
            tell.send(sent.map_err(|error| error.to_string()))?;
        }
        Ok(())
    }
}

fn serve_generously(
    case: &DatagramCase,
    config: Config,
) -> (Running, std::sync::mpsc::Receiver<Result<(), String>>) {
    let (tell, told) = channel();
    let server = case.serve_with(config, move || generous(tell.clone()));
    (server, told)
}

fn an_answer_has_at_most_three_times_the_bytes(case: &DatagramCase) {
    let (server, told) = serve_generously(case, case.config());
    let caller = server.caller();
    assert_eq!(caller.ask(b"1 12").len(), 12, "three times the four bytes");
    caller.send(b"1 13");
    let sent: Vec<_> = (0..2)
        .map(|_| told.recv_timeout(PATIENCE).expect("it is told"))
        .collect();
    assert_eq!(sent[0], Ok(()));
    let message = sent[1].clone().expect_err("it is refused");
    assert!(
        message.contains(
            "it has 13 bytes, and a peer that has sent so little and was not proven may get 12"
        ),
        "{message}"
    );
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_out, stats.replies_refused), (1, 1));
    assert_eq!(stats.handler_errors, 0);
}

fn nobody_gets_more_than_three_answers(case: &DatagramCase) {
    let (server, told) = serve_generously(case, case.config());
    let caller = server.caller();
    caller.send(b"5 0");
    let sent: Vec<_> = (0..5)
        .map(|_| told.recv_timeout(PATIENCE).expect("it is told").is_ok())
        .collect();
    assert_eq!(sent, [true, true, true, false, false]);
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_out, stats.replies_refused), (3, 2));
}

fn who_is_proven_gets_everything(case: &DatagramCase) {
    let (server, _told) = serve_generously(case, case.config());
    let caller = server.caller();
    caller.send(b"prove 5 1000");
    for _ in 0..5 {
        assert_eq!(caller.receive().len(), 1000);
    }
    assert_eq!(server.stop().stats.replies_refused, 0);
}

fn the_guard_can_be_switched_off(case: &DatagramCase) {
    let config = Config {
        amplification_max: None,
        ..case.config()
    };
    let (server, _told) = serve_generously(case, config);
    assert_eq!(server.caller().ask(b"1 60000").len(), 60_000);
}

/// The same for a peer, who is remembered.
struct Generous(Sender<bool>);

impl PeerHandler for Generous {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        let (proves, count, size) = request(datagram.bytes());
        if proves {
            peer.prove();
        }
        for _ in 0..count {
            let sent = peer.send(&vec![b'x'; size]);
            assert!(matches!(sent, Ok(()) | Err(SendError::Unproven { .. })));
            self.0.send(sent.is_ok())?;
        }
        Ok(())
    }
}

fn a_peer_earns_with_every_datagram_until_it_is_proven(case: &DatagramCase) {
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| Generous(tell.clone()));
    let caller = server.caller();
    let told = || told.recv_timeout(PATIENCE).expect("it is told");
    caller.send(b"0 0     "); // 8 bytes, 24 to spend
    caller.send(b"0 0     "); // 48
    caller.send(b"1 60"); // 60
    assert!(told());
    assert_eq!(caller.receive().len(), 60);
    caller.send(b"1 13"); // 12
    assert!(!told(), "everything was spent");
    caller.send(b"prove 2 9000");
    assert!(told() && told());
    caller.send(b"1 9000");
    assert!(told(), "once proven, for ever");
    for _ in 0..3 {
        assert_eq!(caller.receive().len(), 9000);
    }
    assert_eq!(server.stop().stats.replies_refused, 1);
}

/// Sends blocks on a timer for as long as it may, as a server of files does whose client acknowledges nothing.
struct Blocks(Sender<()>);

impl PeerHandler for Blocks {
    fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.timer(0, peer)
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        if peer.send(&[b'x'; 40]).is_ok() {
            peer.set_timer(timer, std::time::Duration::from_millis(1));
        } else {
            self.0.send(())?;
        }
        Ok(())
    }
}

fn a_peer_that_never_acknowledges_gets_three_times_what_it_sent(case: &DatagramCase) {
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| Blocks(tell.clone()));
    let caller: Caller = server.caller();
    caller.send([b'r'; 40]);
    told.recv_timeout(PATIENCE).expect("it gives up");
    let stats = server.stop().stats;
    assert_eq!(stats.bytes_in, 40);
    assert_eq!(
        stats.bytes_out, 120,
        "three times the bytes, in three datagrams"
    );
    assert_eq!(stats.datagrams_out, 3);
}
