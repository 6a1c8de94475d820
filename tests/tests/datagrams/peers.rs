//! One handler for each peer: made once, called in order, and closed once.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use socketserver::{
    Address, CloseReason, Config, Datagram, Eviction, HandlerError, Peer, PeerHandler,
};
use socketserver_tests::{Caller, DatagramCase, PATIENCE, Running};

socketserver_tests::datagram_matrix! {
    all: every_peer_has_a_handler_of_its_own, a_conversation_that_is_over_can_begin_anew, what_comes_right_behind_the_end_begins_the_next, who_is_silent_is_closed,
        who_goes_on_is_not, timers_ring_once_and_can_be_set_anew, no_more_peers_than_may_be, the_idlest_has_to_go,
        those_who_are_proven_stay, an_error_ends_the_conversation, a_panic_ends_the_conversation,
        a_factory_that_panics_costs_a_datagram, a_stop_closes_every_peer, a_conversation_may_finish_when_the_server_stops,
        a_conversation_that_does_not_end_is_cut, a_slow_peer_keeps_its_order, every_setting_of_the_peer_is_what_it_says;
    udp: a_peer_can_have_a_socket_of_its_own, a_peer_that_is_gone_is_noticed_at_its_own_socket, peers_of_one_network_are_limited;
}

/// What a handler is told, by whom.
type Told = (Address, String);

/// Counts the datagrams of its peer, does what they say, and tells what happens.
struct Counting {
    count: u32,
    peer: Address,
    tell: Sender<Told>,
}

impl Counting {
    fn tell(&self, what: impl Into<String>) {
        // Whoever does not listen any more need not know.
        let _ = self.tell.send((self.peer.clone(), what.into()));
    }
}

impl PeerHandler for Counting {
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        assert_eq!(*peer.address(), self.peer);
        self.tell("opened");
        Ok(())
    }

    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        self.count += 1;
        match datagram.bytes() {
            b"prove" => peer.prove(),
            b"timer" => peer.set_timer(7, Duration::from_millis(20)),
            b"later" => peer.set_timer(7, Duration::from_secs(3600)),
            b"cancel" => peer.cancel_timer(7),
            b"error" => return Err("as it was asked to".into()),
            b"panic" => panic!("as it was asked to"),
            b"socket" => peer.open_socket()?,
            b"close" => peer.close(),
            b"stay" => self.count += 1000,
            _ => {}
        }
        peer.send(self.count.to_string().as_bytes())?;
        Ok(())
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.tell(format!("timer {timer}"));
        if self.count > 1000 {
            peer.close();
        }
        Ok(())
    }

    fn stopping(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.tell("stopping");
        match self.count {
            0..1000 => peer.close(),
            // It wants some more time.
            1000..2000 => peer.set_timer(1, Duration::from_millis(20)),
            _ => {}
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.tell(format!("closed {}", reason.word()));
    }
}

fn serve(case: &DatagramCase, config: Config) -> (Running, Receiver<Told>) {
    let (tell, told) = channel();
    let server = case.serve_peers_with(config, move |peer| Counting {
        count: 0,
        peer: peer.clone(),
        tell: tell.clone(),
    });
    (server, told)
}

#[track_caller]
fn expect(told: &Receiver<Told>, caller: &Caller, what: &str) {
    let (peer, event) = told.recv_timeout(PATIENCE).expect("something happens");
    assert_eq!((peer, event.as_str()), (caller.address(), what));
}

fn every_peer_has_a_handler_of_its_own(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let (first, second) = (server.caller(), server.caller());
    for round in 1..=3 {
        assert_eq!(first.ask_text("hello"), round.to_string());
    }
    assert_eq!(second.ask_text("hello"), "1");
    expect(&told, &first, "opened");
    expect(&told, &second, "opened");
    server.until("both to be counted", |stats| stats.live == 2);
    let report = server.stop();
    assert_eq!((report.stats.accepted, report.cut), (2, 0));
    assert_eq!(report.stats.closed["handler_closed"], 2);
}

fn a_conversation_that_is_over_can_begin_anew(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let caller = server.caller();
    assert_eq!(caller.ask_text("hello"), "1");
    assert_eq!(
        caller.ask_text("close"),
        "2",
        "what was sent before the end leaves"
    );
    expect(&told, &caller, "opened");
    expect(&told, &caller, "closed handler_closed");
    server.wait_for_close();
    assert_eq!(caller.ask_text("hello again"), "1");
    expect(&told, &caller, "opened");
    assert_eq!(server.stop().stats.accepted, 2);
}

fn what_comes_right_behind_the_end_begins_the_next(case: &DatagramCase) {
    let (server, _told) = serve(case, case.config());
    let caller = server.caller();
    for _ in 0..50 {
        // All that came before the end is answered, and nothing that comes behind it is lost.
        for text in ["one", "two", "close", "again", "close"] {
            caller.send(text);
        }
        for number in ["1", "2", "3", "1", "2"] {
            assert_eq!(caller.receive_text(), number);
        }
    }
    let stats = server.stop().stats;
    assert_eq!((stats.accepted, stats.datagrams_dropped), (100, 0));
}

fn who_is_silent_is_closed(case: &DatagramCase) {
    let config = Config {
        peer_idle_timeout: Some(Duration::from_millis(50)),
        ..case.config()
    };
    let (server, told) = serve(case, config);
    let caller = server.caller();
    caller.ask_text("hello");
    expect(&told, &caller, "opened");
    expect(&told, &caller, "closed idle_timeout");
    server.wait_for_close();
    assert_eq!(server.stop().stats.closed["idle_timeout"], 1);
}

fn who_goes_on_is_not(case: &DatagramCase) {
    let config = Config {
        peer_idle_timeout: Some(Duration::from_secs(3600)),
        ..case.config()
    };
    let (server, told) = serve(case, config);
    let caller = server.caller();
    for round in 1..=50 {
        assert_eq!(caller.ask_text("hello"), round.to_string());
    }
    expect(&told, &caller, "opened");
    assert!(told.try_recv().is_err());
    server.stop();
    expect(&told, &caller, "stopping");
}

fn timers_ring_once_and_can_be_set_anew(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let caller = server.caller();
    caller.ask_text("timer");
    expect(&told, &caller, "opened");
    expect(&told, &caller, "timer 7");
    caller.ask_text("later");
    caller.ask_text("timer");
    expect(&told, &caller, "timer 7");
    caller.ask_text("timer");
    caller.ask_text("cancel");
    caller.ask_text("timer");
    expect(&told, &caller, "timer 7");
    server.stop();
    expect(&told, &caller, "stopping");
}

/// Room for two.
fn narrow(case: &DatagramCase, eviction: Eviction) -> Config {
    Config {
        connections_max: 2,
        eviction,
        ..case.config()
    }
}

fn no_more_peers_than_may_be(case: &DatagramCase) {
    let (server, told) = serve(case, narrow(case, Eviction::Refuse));
    let callers: Vec<_> = (0..5).map(|_| server.caller()).collect();
    callers[0].ask_text("hello");
    callers[1].ask_text("hello");
    for caller in &callers[2..] {
        caller.send("hello");
    }
    let stats = server.until("the others to be refused", |stats| {
        stats.refused == 3 && stats.live == 2
    });
    assert_eq!(stats.datagrams_dropped, 3);
    assert_eq!(callers[1].ask_text("close"), "2");
    server.until("there to be room", |stats| stats.live == 1);
    assert_eq!(callers[4].ask_text("hello"), "1");
    drop(told);
    assert_eq!(server.stop().stats.accepted, 3);
}

fn the_idlest_has_to_go(case: &DatagramCase) {
    if case.mode == (socketserver::Mode::Reactor { loops: 2 }) {
        // Each loop knows its own peers, and which loop a peer belongs to is the system's choice.
        return;
    }
    let (server, told) = serve(case, narrow(case, Eviction::Idlest));
    let callers: Vec<_> = (0..4).map(|_| server.caller()).collect();
    callers[0].ask_text("prove");
    callers[1].ask_text("prove");
    callers[0].ask_text("still here");
    // The answer is on its way before the handler has returned; a handler at work is not evicted.
    server.until("both to be at rest", |stats| stats.datagrams_out == 3);
    newcomer(&server, &callers[2]);
    let events: Vec<_> = told.try_iter().collect();
    let closed: Vec<_> = events
        .iter()
        .filter(|(_, event)| event.starts_with("closed"))
        .collect();
    assert_eq!(
        closed,
        [&(callers[1].address(), "closed evicted".to_owned())]
    );
    assert_eq!(callers[0].ask_text("and still"), "3");
    let stats = server.stop().stats;
    assert_eq!((stats.accepted, stats.closed["evicted"]), (3, 1));
}

/// A newcomer asks until it is heard: the worker of the one who has to go may not have come home yet.
fn newcomer(server: &Running, caller: &Caller) {
    let before = server.stats().datagrams_out;
    socketserver_tests::eventually("room for a newcomer", || {
        let heard = server.stats().datagrams_in;
        caller.send("hello");
        let stats = server.until("it to be heard", |stats| stats.datagrams_in > heard);
        (stats.datagrams_out > before || stats.datagrams_dropped == 0).then_some(())
    });
    caller.receive();
}

fn those_who_are_proven_stay(case: &DatagramCase) {
    if case.mode == (socketserver::Mode::Reactor { loops: 2 }) {
        return;
    }
    let (server, told) = serve(case, narrow(case, Eviction::Unproven));
    let callers: Vec<_> = (0..6).map(|_| server.caller()).collect();
    callers[0].ask_text("prove");
    callers[1].ask_text("hello");
    server.until("both to be at rest", |stats| stats.datagrams_out == 2);
    newcomer(&server, &callers[2]);
    newcomer(&server, &callers[3]);
    let closed: Vec<_> = told
        .try_iter()
        .filter(|(_, event)| event.starts_with("closed"))
        .map(|(peer, _)| peer)
        .collect();
    assert_eq!(closed, [callers[1].address(), callers[2].address()]);
    callers[3].ask_text("prove");
    server.until("it to be at rest", |stats| stats.live == 2);
    callers[4].send("hello");
    server.until("nobody to be left who could go", |stats| stats.refused > 0);
    assert_eq!(callers[0].ask_text("I am proven"), "2");
    assert_eq!(callers[3].ask_text("So am I"), "3");
}

fn an_error_ends_the_conversation(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let caller = server.caller();
    caller.send("error");
    expect(&told, &caller, "opened");
    expect(&told, &caller, "closed handler_error");
    server.wait_for_close();
    assert_eq!(caller.ask_text("hello"), "1");
    let stats = server.stop().stats;
    assert_eq!(
        (stats.handler_errors, stats.closed["handler_error"]),
        (1, 1)
    );
}

fn a_panic_ends_the_conversation(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let caller = server.caller();
    caller.send("panic");
    expect(&told, &caller, "opened");
    expect(&told, &caller, "closed panic");
    server.wait_for_close();
    assert_eq!(caller.ask_text("hello"), "1");
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (1, 1));
}

fn a_factory_that_panics_costs_a_datagram(case: &DatagramCase) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let panics = AtomicBool::new(true);
    let (tell, _told) = channel();
    let server = case.serve_peers(move |peer| {
        assert!(!panics.swap(false, Ordering::SeqCst), "the first one");
        Counting {
            count: 0,
            peer: peer.clone(),
            tell: tell.clone(),
        }
    });
    let caller = server.caller();
    caller.send("hello");
    server.until("the panic to be counted", |stats| stats.panics == 1);
    assert_eq!(caller.ask_text("hello"), "1");
    let stats = server.stop().stats;
    assert_eq!((stats.accepted, stats.datagrams_dropped), (1, 1));
}

fn a_stop_closes_every_peer(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let callers: Vec<_> = (0..20).map(|_| server.caller()).collect();
    for caller in &callers {
        caller.ask_text("hello");
    }
    let report = server.stop();
    assert_eq!(report.stats.closed["handler_closed"], 20);
    let events: Vec<_> = told.iter().map(|(_, event)| event).collect();
    for what in ["opened", "stopping", "closed handler_closed"] {
        let count = events.iter().filter(|event| *event == what).count();
        assert_eq!(count, 20, "{what}");
    }
}

fn a_conversation_may_finish_when_the_server_stops(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let caller = server.caller();
    assert_eq!(caller.ask_text("stay"), "1001");
    expect(&told, &caller, "opened");
    server.stop_handle().stop();
    expect(&told, &caller, "stopping");
    expect(&told, &caller, "timer 1");
    expect(&told, &caller, "closed handler_closed");
    assert_eq!(server.stop().cut, 0);
}

fn a_conversation_that_does_not_end_is_cut(case: &DatagramCase) {
    let config = Config {
        drain_timeout: Duration::from_millis(50),
        ..case.config()
    };
    let (server, told) = serve(case, config);
    let caller = server.caller();
    caller.ask_text("stay");
    caller.ask_text("stay");
    server.stop_handle().stop();
    expect(&told, &caller, "opened");
    expect(&told, &caller, "stopping");
    expect(&told, &caller, "closed drain_cut");
    assert_eq!(server.stop().cut, 1);
}

/// Takes longer for the first datagram than for the others, and tells their order.
struct Slow(Sender<Vec<u8>>, Receiver<()>);

impl PeerHandler for Slow {
    fn received(&mut self, datagram: &Datagram<'_>, _: &mut Peer<'_>) -> Result<(), HandlerError> {
        if datagram.bytes() == b"0" {
            // Until the test has sent the others.
            let _ = self.1.recv_timeout(PATIENCE);
        }
        self.0.send(datagram.bytes().to_vec())?;
        Ok(())
    }
}

fn a_slow_peer_keeps_its_order(case: &DatagramCase) {
    let (tell, told) = channel();
    let (release, released) = channel();
    let released = std::sync::Mutex::new(Some(released));
    let server = case.serve_peers(move |_| {
        let released = released.lock().expect("nobody panicked").take();
        Slow(tell.clone(), released.expect("there is one peer"))
    });
    let caller = server.caller();
    for number in 0..10 {
        caller.send(number.to_string());
    }
    release.send(()).expect("it waits");
    for number in 0..10 {
        let text = told.recv_timeout(PATIENCE).expect("all are handled");
        assert_eq!(text, number.to_string().as_bytes());
    }
}

fn every_setting_of_the_peer_is_what_it_says(case: &DatagramCase) {
    struct Asking(Sender<(bool, bool, Address)>);
    impl PeerHandler for Asking {
        fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
            let before = peer.is_proven();
            peer.prove();
            self.0
                .send((before, peer.is_proven(), peer.local().clone()))?;
            peer.sender().send_to(b"sent at once", peer.address())?;
            Ok(())
        }
    }
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| Asking(tell.clone()));
    let address = server.address().clone();
    assert_eq!(server.caller().ask(b"hello"), b"sent at once");
    let expected = (false, true, address);
    assert_eq!(told.recv_timeout(PATIENCE).expect("it is told"), expected);
}

fn a_peer_can_have_a_socket_of_its_own(case: &DatagramCase) {
    let (server, told) = serve(case, case.config());
    let main = server.address().socket_addr().expect("it has a port");
    let socket = std::net::UdpSocket::bind((main.ip(), 0)).expect("a socket");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has a timeout");
    let receive = || {
        let mut bytes = [0; 100];
        let (size, from) = socket.recv_from(&mut bytes).expect("it answers");
        (String::from_utf8_lossy(&bytes[..size]).into_owned(), from)
    };
    socket.send_to(b"hello", main).expect("it is sent");
    assert_eq!(receive(), ("1".into(), main));
    socket.send_to(b"socket", main).expect("it is sent");
    let (text, own) = receive();
    assert_eq!((text.as_str(), own.ip()), ("2", main.ip()));
    assert_ne!(own.port(), main.port(), "it has a port of its own");
    socket.send_to(b"there", own).expect("it is sent");
    assert_eq!(receive(), ("3".into(), own));
    // What still goes to the server's port comes to the same handler.
    socket.send_to(b"here", main).expect("it is sent");
    assert_eq!(receive(), ("4".into(), own));
    socket.send_to(b"socket", main).expect("it is sent");
    assert_eq!(receive(), ("5".into(), own), "another call changes nothing");
    // Nobody else gets in there.
    let stranger = std::net::UdpSocket::bind((main.ip(), 0)).expect("a socket");
    stranger.send_to(b"me too", own).expect("it is sent");
    socket.send_to(b"close", own).expect("it is sent");
    assert_eq!(receive(), ("6".into(), own));
    server.wait_for_close();
    drop(told);
    assert_eq!(server.stop().stats.accepted, 1);
}

/// Opens a socket, and sends from there until it is told that nobody receives.
struct Insistent(Sender<io::ErrorKind>);

impl PeerHandler for Insistent {
    fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.prove();
        peer.open_socket()?;
        self.timer(0, peer)
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.send(b"are you there?")?;
        peer.set_timer(timer, Duration::from_millis(1));
        Ok(())
    }

    fn failed(&mut self, error: &io::Error, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.0.send(error.kind())?;
        peer.close();
        Ok(())
    }
}

fn a_peer_that_is_gone_is_noticed_at_its_own_socket(case: &DatagramCase) {
    let (tell, told) = channel();
    let server = case.serve_peers(move |_| Insistent(tell.clone()));
    let main = server.address().socket_addr().expect("it has a port");
    let socket = std::net::UdpSocket::bind((main.ip(), 0)).expect("a socket");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has a timeout");
    socket.send_to(b"hello", main).expect("it is sent");
    let (_, own) = socket.recv_from(&mut [0; 20]).expect("it answers");
    assert_ne!(own, main);
    drop(socket);
    let error = told.recv_timeout(PATIENCE).expect("the network tells it");
    assert_eq!(error, io::ErrorKind::ConnectionRefused);
    server.wait_for_close();
    let stats = server.stop().stats;
    assert!(stats.receive_errors + stats.send_errors > 0, "{stats:?}");
}

fn peers_of_one_network_are_limited(case: &DatagramCase) {
    let config = Config {
        peers_per_network_max: Some(2),
        ..case.config()
    };
    let (server, _told) = serve(case, config);
    let callers: Vec<_> = (0..3).map(|_| server.caller()).collect();
    callers[0].ask_text("hello");
    callers[1].ask_text("hello");
    callers[2].send("hello");
    server.until("the third to be refused", |stats| stats.refused == 1);
    callers[0].ask_text("close");
    server.until("there to be room", |stats| stats.live == 1);
    assert_eq!(callers[2].ask_text("hello"), "1");
}
