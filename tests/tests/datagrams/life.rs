//! The life of a server: bound, serving, stopped, and what becomes of datagrams meanwhile.

use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socketserver::{
    Address, Datagram, DatagramHandler, DatagramServer, DatagramSocket, Handled, HandlerError,
    Hooks, Mode, Server, State, UdpServer, UnixDatagramServer,
};
use socketserver_handlers::Echo;
use socketserver_tests::{
    Caller, Carrier, DatagramCase, PATIENCE, Running, eventually, fresh_path,
};

socketserver_tests::datagram_matrix! {
    all: the_address_is_the_real_one, what_came_before_it_serves_is_served, twenty_servers_are_stopped_at_once,
        a_server_that_never_served_can_be_dropped, what_had_come_at_a_stop_is_answered, an_answer_under_way_at_a_stop_is_sent,
        a_handler_can_stop_the_server, a_stop_before_it_serves_is_kept, one_datagram_can_be_waited_for,
        an_idle_server_stops_at_once, dropping_a_server_frees_its_address;
}

fn the_address_is_the_real_one(case: &DatagramCase) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    match &address {
        Address::Udp(address) => assert_ne!(address.port(), 0),
        Address::UnixgramPath(path) => assert!(path.exists()),
        other => panic!("{other} is no address of datagrams"),
    }
    let endpoint: socketserver::Endpoint = address.to_string().parse().expect("it can be read");
    assert_eq!(endpoint.to_string(), address.to_string());
    assert_eq!(*server.senders()[0].local(), address);
}

fn what_came_before_it_serves_is_served(case: &DatagramCase) {
    let server = case.bind(case.config());
    let caller = Caller::new(&server.addresses()[0]);
    for number in 0..5 {
        caller.send(number.to_string());
    }
    let running = Running::spawn(server, |server| server.serve_forever(|| Echo));
    let mut answers: Vec<_> = (0..5).map(|_| caller.receive_text()).collect();
    answers.sort();
    assert_eq!(answers, ["0", "1", "2", "3", "4"]);
    running.stop();
}

fn twenty_servers_are_stopped_at_once(case: &DatagramCase) {
    for _ in 0..20 {
        let report = case.serve(|| Echo).stop();
        assert_eq!(report.stats.datagrams_in, 0);
    }
}

fn a_server_that_never_served_can_be_dropped(case: &DatagramCase) {
    let server = case.bind(case.config());
    let stop = server.stop_handle();
    assert_eq!(stop.state(), State::New);
    drop(server);
    stop.stop();
}

fn dropping_a_server_frees_its_address(case: &DatagramCase) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    drop(server);
    if let Address::UnixgramPath(path) = &address {
        assert!(!path.exists(), "its file is gone");
    }
    let again = DatagramServer::builder()
        .endpoint(&address.to_string())
        .expect("an endpoint")
        .bind_datagrams();
    assert_eq!(again.expect("it is free").addresses()[0], address);
}

fn an_idle_server_stops_at_once(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    server.caller().ask("hello");
    let before = server.until("it to rest", |stats| stats.datagrams_out == 1);
    let stats = server.stop().stats;
    let waits = stats.system_calls.wait - before.system_calls.wait;
    assert!(waits <= 4, "it was woken and did not poll: {waits} waits");
}

/// Tells when it begins, waits until it may go on, and echoes.
struct Held(Sender<()>, Arc<Mutex<Receiver<()>>>);

impl DatagramHandler for Held {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        if datagram.bytes() == b"hold" {
            self.0.send(())?;
            let released = self.1.lock().expect("one waits");
            released.recv_timeout(PATIENCE)?;
        }
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}

fn what_had_come_at_a_stop_is_answered(case: &DatagramCase) {
    let (tell, told) = channel();
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let server = case.serve(move || Held(tell.clone(), released.clone()));
    let caller = server.caller();
    caller.send(b"hold");
    told.recv_timeout(PATIENCE).expect("it is handled");
    for number in 0..5 {
        caller.send(number.to_string());
    }
    server.stop_handle().stop();
    release.send(()).expect("it waits");
    let mut answers: Vec<_> = (0..6).map(|_| caller.receive_text()).collect();
    answers.sort();
    assert_eq!(answers, ["0", "1", "2", "3", "4", "hold"]);
    assert_eq!(server.stop().stats.datagrams_out, 6);
}

fn an_answer_under_way_at_a_stop_is_sent(case: &DatagramCase) {
    let (tell, told) = channel();
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let mut server = case.serve(move || Held(tell.clone(), released.clone()));
    let caller = server.caller();
    caller.send(b"hold");
    told.recv_timeout(PATIENCE).expect("it is handled");
    let stop = server.stop_handle();
    stop.stop();
    assert_eq!(stop.state(), State::Draining);
    release.send(()).expect("it waits");
    assert_eq!(caller.receive(), b"hold");
    assert_eq!(server.join().stats.datagrams_out, 1);
    assert_eq!(stop.state(), State::Stopped);
}

fn a_handler_can_stop_the_server(case: &DatagramCase) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    let stop = server.stop_handle();
    let mut running = Running::spawn(server, move |server| {
        server.serve_forever(move || {
            let stop = stop.clone();
            move |datagram: &Datagram<'_>,
                  socket: &mut DatagramSocket<'_>|
                  -> Result<(), HandlerError> {
                stop.stop();
                assert!(socket.is_stopping());
                socket.reply(datagram, b"bye")?;
                Ok(())
            }
        })
    });
    assert_eq!(Caller::new(&address).ask(b"stop"), b"bye");
    running.join();
}

fn a_stop_before_it_serves_is_kept(case: &DatagramCase) {
    let server = case.bind(case.config());
    server.stop_handle().stop();
    server.stop_handle().stop();
    let report = server.serve_forever(|| Echo).expect("it returns at once");
    assert_eq!(report.stats.datagrams_in, 0);
}

/// Counts how often nobody came.
struct Patience(Arc<Mutex<u32>>);

impl Hooks for Patience {
    fn handle_timeout(&self) {
        *self.0.lock().expect("nobody panicked") += 1;
    }
}

fn one_datagram_can_be_waited_for(case: &DatagramCase) {
    let timeouts = Arc::new(Mutex::new(0));
    let mut server = DatagramServer::builder()
        .config(case.config())
        .hooks(Patience(timeouts.clone()))
        .endpoints([case.endpoint()])
        .bind_datagrams()
        .expect("a fresh endpoint can be bound");
    let caller = Caller::new(&server.addresses()[0]);
    let now = Some(Duration::ZERO);
    let handled = server.handle_request(now, || Echo).expect("it looks");
    assert!(matches!(handled, Handled::TimedOut), "{handled:?}");
    assert_eq!(*timeouts.lock().expect("nobody panicked"), 1);
    caller.send("first");
    caller.send("second");
    for text in ["first", "second"] {
        let handled = server.handle_request(Some(PATIENCE), || Echo);
        assert!(matches!(handled, Ok(Handled::Received)), "{handled:?}");
        assert_eq!(caller.receive_text(), text);
    }
    let handled = server.handle_request(now, || Echo).expect("it looks");
    assert!(matches!(handled, Handled::TimedOut), "{handled:?}");
    let stop = server.stop_handle();
    stop.stop();
    let handled = server.handle_request(None, || Echo).expect("it looks");
    assert!(matches!(handled, Handled::Stopped), "{handled:?}");
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[test]
fn a_thousand_failed_binds_leak_no_descriptor() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("it is bound").to_string();
    UdpServer::bind(&address).expect_err("it is taken");
    let file = fresh_path();
    std::fs::write(&file, "no socket").expect("a file");
    let before = descriptors();
    for _ in 0..1024 {
        UdpServer::bind(&address).expect_err("it is taken");
        UnixDatagramServer::bind(&file).expect_err("it is no socket");
    }
    // Other tests of this process open and close theirs meanwhile.
    assert!(descriptors() < before + 500);
    assert!(file.exists(), "what is no socket stays");
    std::fs::remove_file(&file).expect("it is there");
}

#[test]
fn the_file_of_a_dead_server_is_replaced_and_that_of_a_live_one_is_not() {
    let path = fresh_path();
    drop(std::os::unix::net::UnixDatagram::bind(&path).expect("a socket"));
    assert!(path.exists(), "it was left behind");
    let server = UnixDatagramServer::bind(&path).expect("nobody listens there");
    let error = UnixDatagramServer::bind(&path).expect_err("it is taken");
    assert!(
        error.to_string().contains("another server listens there"),
        "{error}"
    );
    drop(server);
    assert!(!path.exists());
}

#[test]
fn a_server_leaves_no_thread_behind() {
    let named = |name: &str| {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
        tasks
            .filter_map(Result::ok)
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
            .filter(|comm| comm.trim() == name)
            .count()
    };
    let case = DatagramCase {
        mode: Mode::Pool { workers: 50 },
        carrier: Carrier::UdpV4,
    };
    let server = case.serve(|| Echo);
    server.caller().ask("hello");
    // A thread takes its name when it begins to run.
    eventually("the workers to be there", || {
        (named("datagram") >= 50).then_some(())
    });
    server.stop();
    eventually("the workers to be gone", || {
        (named("datagram") < 50).then_some(())
    });
}
