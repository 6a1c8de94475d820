//! What goes wrong costs one datagram: errors and panics of handlers, refusals of the system, hooks.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use socketserver::{
    Address, CloseReason, Datagram, DatagramHandler, DatagramSocket, HandlerError, Hooks,
};
use socketserver_handlers::Echo;
use socketserver_tests::{DatagramCase, PATIENCE};

socketserver_tests::datagram_matrix! {
    all: an_error_sends_nothing_and_is_told_once, a_panic_costs_one_datagram_and_its_handler, a_hook_keeps_peers_out,
        a_hook_that_panics_keeps_them_out_too, what_the_system_refuses_is_told;
    udp: a_server_does_not_answer_itself, an_answer_that_nobody_wants_harms_nobody;
}

/// Sends half an answer and then fails, or panics.
fn falter(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
    socket.reply(datagram, b"half an")?;
    match datagram.bytes() {
        b"err" => Err("it went wrong".into()),
        b"panic" => panic!("it went wrong"),
        whole => Ok(socket.reply(datagram, whole)?),
    }
}

/// Notes what it is told.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<(Address, String)>>>);

impl Hooks for Errors {
    fn handle_error(&self, peer: &Address, reason: &CloseReason) {
        let told = (peer.clone(), reason.to_string());
        self.0.lock().expect("nobody panicked").push(told);
    }
}

fn an_error_sends_nothing_and_is_told_once(case: &DatagramCase) {
    let errors = Errors::default();
    let server = case.serve_hooked(errors.clone(), || falter);
    let caller = server.caller();
    caller.send(b"err");
    server.until("the error to be counted", |stats| stats.handler_errors == 1);
    assert_eq!(caller.ask(b"whole"), b"half an");
    assert_eq!(caller.receive(), b"whole");
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (2, 2));
    assert_eq!(stats.handler_errors, 1);
    let told = errors.0.lock().expect("nobody panicked").clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, caller.address());
    assert!(told[0].1.contains("it went wrong"), "{told:?}");
}

/// Counts how many there are.
struct Numbered(u64);

impl DatagramHandler for Numbered {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        assert_ne!(datagram.bytes(), b"panic", "as it was asked to");
        let number = format!("{:<10}", self.0);
        socket.reply(datagram, &number.as_bytes()[..datagram.size()])?;
        Ok(())
    }
}

fn a_panic_costs_one_datagram_and_its_handler(case: &DatagramCase) {
    let made = Arc::new(AtomicU64::new(0));
    let counting = made.clone();
    let server = case.serve(move || Numbered(counting.fetch_add(1, Ordering::SeqCst)));
    let caller = server.caller();
    let number = caller.ask(b"?");
    caller.send(b"panic");
    server.until("the panic to be counted", |stats| stats.panics == 1);
    let next = caller.ask(b"?");
    if !case.has_workers() {
        assert_ne!(next, number, "the handler was replaced");
    }
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (3, 2));
    assert_eq!((stats.panics, stats.handler_errors), (1, 0));
}

/// Lets nobody in, or panics.
struct Doorkeeper {
    panics: bool,
    asked: Arc<AtomicU64>,
}

impl Hooks for Doorkeeper {
    fn verify(&self, _: &Address) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics, "as it was asked to");
        false
    }
}

fn a_hook_keeps_peers_out(case: &DatagramCase) {
    check_doorkeeper(case, false);
}

fn a_hook_that_panics_keeps_them_out_too(case: &DatagramCase) {
    check_doorkeeper(case, true);
}

fn check_doorkeeper(case: &DatagramCase, panics: bool) {
    let asked = Arc::new(AtomicU64::new(0));
    let doorkeeper = Doorkeeper {
        panics,
        asked: asked.clone(),
    };
    let server = case.serve_hooked(doorkeeper, || Echo);
    let caller = server.caller();
    caller.send(b"let me in");
    caller.send(b"please");
    server.until("both to be refused", |stats| stats.refused == 2);
    let stats = server.stop().stats;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!((stats.datagrams_dropped, stats.datagrams_out), (2, 0));
}

/// Sends to an address where it cannot, and tells what it is told.
struct Impossible(Address, Sender<(Address, io::ErrorKind)>);

impl DatagramHandler for Impossible {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        socket.send_to(b"nobody", &self.0)?;
        socket.reply(datagram, datagram.bytes())?;
        socket.send_to(b"nobody", &self.0)?;
        Ok(())
    }

    fn failed(
        &mut self,
        peer: &Address,
        error: &io::Error,
        _: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self.1.send((peer.clone(), error.kind()))?;
        Ok(())
    }
}

fn what_the_system_refuses_is_told(case: &DatagramCase) {
    let nowhere = match case.endpoint() {
        // Without SO_BROADCAST the kernel refuses.
        socketserver::Endpoint::Udp { host, .. } if host.contains('.') => {
            Address::Udp("255.255.255.255:9".parse().expect("an address"))
        }
        // A socket of IPv6 that is bound to its loopback address cannot reach that of IPv4.
        socketserver::Endpoint::Udp { .. } => {
            Address::Udp("[::ffff:127.0.0.1]:9".parse().expect("an address"))
        }
        _ => Address::UnixgramPath(socketserver_tests::fresh_path().into()),
    };
    let (tell, told) = channel();
    let to = nowhere.clone();
    let server = case.serve(move || Impossible(to.clone(), tell.clone()));
    let caller = server.caller();
    assert_eq!(caller.ask(b"between them"), b"between them");
    for _ in 0..2 {
        let (peer, _) = told.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(peer, nowhere);
    }
    let stats = server.stop().stats;
    assert_eq!((stats.send_errors, stats.datagrams_out), (2, 1));
    assert_eq!(stats.handler_errors, 0);
}

fn a_server_does_not_answer_itself(case: &DatagramCase) {
    let server = case.bind(case.config());
    let sender = server.senders().remove(0);
    // As if somebody had forged the sender: an echo server would talk to itself for ever.
    sender
        .send_to(b"hello myself", sender.local())
        .expect("it is sent");
    let running =
        socketserver_tests::Running::spawn(server, |server| server.serve_forever(|| Echo));
    running.until("it to be dropped", |stats| stats.datagrams_dropped == 1);
    assert_eq!(running.caller().ask(b"hello"), b"hello");
    let stats = running.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (2, 1));
}

fn an_answer_that_nobody_wants_harms_nobody(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    let address = server.address().socket_addr().expect("it has a port");
    for _ in 0..20 {
        let any = if address.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        let gone = UdpSocket::bind(any).expect("a socket");
        // Its port is closed when the answer comes, which the network reports to the server.
        gone.send_to(b"and good bye", address).expect("it is sent");
        drop(gone);
    }
    let caller = server.caller();
    for _ in 0..20 {
        assert_eq!(caller.ask(b"hello"), b"hello");
    }
    assert_eq!(server.stop().stats.datagrams_in, 40);
}
