//! How a server begins and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socketserver::{
    Address, Config, Conn, Handled, Handler, HandlerError, Hooks, Input, Server, State,
    StreamServer,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, Client, Event, Probe, Running, eventually};

socketserver_tests::matrix! {
    all: the_address_is_the_real_one, a_stop_before_the_start_is_kept, a_stop_right_after_the_start_is_obeyed,
        a_handler_may_stop_its_server, an_idle_server_stops_promptly, an_idle_connection_is_finished_at_once,
        a_half_received_message_may_be_completed_while_the_server_drains,
        what_had_arrived_is_answered_before_the_end, queued_clients_are_served_before_the_end,
        a_connection_that_does_not_finish_is_cut_at_the_deadline, a_peer_that_reads_nothing_is_cut_at_the_deadline,
        a_cut_does_not_wait, a_server_that_never_served_can_be_dropped, nobody_is_accepted_after_the_end,
        one_request_at_a_time_is_served_refused_or_timed_out, a_stop_interrupts_waiting_for_one_request;
    concurrent: a_late_answer_is_waited_for;
    reactor:
}

fn the_address_is_the_real_one(case: &Case) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    assert_ne!(address.port(), Some(0));
    let client = Client::connect(&address);
    if let (Client::Tcp(stream), Address::Tcp(address)) = (&client, &address) {
        assert_eq!(stream.peer_addr().unwrap(), *address);
    }
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            if *event == Event::Opened {
                conn.write(format!("{}\n", conn.local()).as_bytes());
            }
            Ok(true)
        }
    });
    let _server = Running::start(server, factory);
    let mut client = client;
    client.expect(format!("{address}\n"));
    watcher.expect(&Event::Opened);
}

fn a_stop_before_the_start_is_kept(case: &Case) {
    let server = case.bind(case.config());
    let stop = server.stop_handle();
    assert_eq!(stop.state(), State::New);
    stop.stop();
    stop.stop();
    let report = server.serve_forever(|_| Echo).unwrap();
    assert_eq!(report.stats.accepted, 0);
    assert_eq!(stop.state(), State::Stopped);
    stop.stop();
    stop.cut();
}

fn a_stop_right_after_the_start_is_obeyed(case: &Case) {
    for _ in 0..20 {
        case.serve(|_| Echo).stop();
    }
}

fn a_handler_may_stop_its_server(case: &Case) {
    let server = case.bind(case.config());
    let stop = server.stop_handle();
    let (factory, mut watcher) = Probe::factory(move || {
        let stop = stop.clone();
        move |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                conn.write(input.take_all());
                stop.stop();
            }
            Ok(true)
        }
    });
    let mut server = Running::start(server, factory);
    server.connect().send("stop").expect("stop").expect_end();
    server.join();
    watcher.wait_for(&Event::Stopping);
    assert_eq!(watcher.wait_for_close(), "drained");
}

fn an_idle_server_stops_promptly(case: &Case) {
    // The fastest of some tries, since the machine may be busy: what polls every half second is found out.
    let fastest = (0..10).map(|_| {
        let server = case.serve(|_| Echo);
        server
            .connect()
            .send("hello")
            .expect("hello")
            .half_close()
            .expect_end();
        server.until("the client to be gone", |stats| stats.live == 0);
        let begun = Instant::now();
        server.stop();
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

fn an_idle_connection_is_finished_at_once(case: &Case) {
    let (factory, mut watcher) = Probe::quiet();
    let config = Config {
        drain_timeout: Duration::from_secs(3600),
        ..case.config()
    };
    let server = case.serve_with(config, factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("hello");
    watcher.expect(&Event::Received(b"hello".to_vec()));
    server.stop_handle().stop();
    client.expect_end();
    drop(client);
    watcher.expect(&Event::Stopping);
    assert_eq!(watcher.wait_for_close(), "drained");
    assert_eq!(server.stop().cut, 0);
}

fn a_half_received_message_may_be_completed_while_the_server_drains(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            if input.ends_with(b"\n") {
                conn.write(input.take_all());
            }
            Ok(!matches!(event, Event::Received(_)))
        }
    });
    let server = case.serve(factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("half a");
    watcher.expect(&Event::Received(b"half a".to_vec()));
    server.until("the half to be held", |stats| stats.bytes_held == 6);
    server.stop_handle().stop();
    watcher.expect(&Event::Stopping);
    client
        .send(" message\n")
        .expect("half a message\n")
        .expect_end();
    drop(client);
    assert_eq!(watcher.wait_for_close(), "drained");
    server.stop();
}

fn what_had_arrived_is_answered_before_the_end(case: &Case) {
    for _ in 0..20 {
        let server = case.serve(|_| Echo);
        let mut client = server.connect();
        client.send("first").expect("first").send("last");
        // From here on the bytes are in the server's system, whether its thread has seen them or not.
        server.stop_handle().stop();
        client.expect("last").expect_end();
        drop(client);
        assert_eq!(server.stop().cut, 0);
    }
}

fn queued_clients_are_served_before_the_end(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, input: &mut Input<'_>, conn: &mut Conn<'_>| {
            match event {
                Event::Received(bytes) if bytes == b"block" => {
                    std::thread::park_timeout(Duration::from_millis(100));
                }
                _ => conn.write(input.take_all()),
            }
            Ok(true)
        }
    });
    let config = Config {
        connections_max: 50,
        ..case.config()
    };
    let server = case.serve_with(config, factory);
    let mut first = server.connect();
    watcher.expect(&Event::Opened);
    first.send("block");
    watcher.expect(&Event::Received(b"block".to_vec()));
    // While a callback blocks the loop, or the only thread, these wait in the backlog.
    let mut queued: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut queued {
        client.send("hello");
    }
    server.stop_handle().stop();
    drop(first);
    for mut client in queued {
        client.expect("hello").expect_end();
    }
    assert_eq!(server.stop().stats.accepted, 6);
}

/// A configuration that drains for a short time.
fn short_drain(case: &Case) -> Config {
    Config {
        drain_timeout: Duration::from_millis(100),
        ..case.config()
    }
}

fn a_connection_that_does_not_finish_is_cut_at_the_deadline(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, _: &mut Conn<'_>| {
            Ok(!matches!(event, Event::Received(_)))
        }
    });
    let server = case.serve_with(short_drain(case), factory);
    let mut client = server.connect();
    client.send("half a message");
    watcher.expect(&Event::Opened);
    watcher.expect(&Event::Received(b"half a message".to_vec()));
    server.until("the half to be held", |stats| stats.bytes_held > 0);
    let report = server.stop();
    assert_eq!(report.cut, 1);
    assert_eq!(watcher.wait_for_close(), "drain_cut");
}

fn a_peer_that_reads_nothing_is_cut_at_the_deadline(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, conn: &mut Conn<'_>| {
            if let Event::Received(_) = event {
                conn.write(&vec![0; 12_000_000]);
            }
            Ok(true)
        }
    });
    let server = case.serve_with(short_drain(case), factory);
    let mut client = server.connect();
    client.send("go");
    watcher.expect(&Event::Opened);
    watcher.expect(&Event::Received(b"go".to_vec()));
    let report = server.stop();
    assert_eq!(report.cut, 1, "{report:?}");
    assert_eq!(watcher.wait_for_close(), "drain_cut");
}

fn a_cut_does_not_wait(case: &Case) {
    let (factory, mut watcher) = Probe::factory(|| {
        |event: &Event, _: &mut Input<'_>, _: &mut Conn<'_>| {
            Ok(!matches!(event, Event::Received(_)))
        }
    });
    let config = Config {
        drain_timeout: Duration::from_secs(3600),
        ..case.config()
    };
    let mut server = case.serve_with(config, factory);
    let mut client = server.connect();
    client.send("half");
    watcher.wait_for(&Event::Received(b"half".to_vec()));
    server.stop_handle().stop();
    watcher.wait_for(&Event::Stopping);
    server.stop_handle().cut();
    assert_eq!(server.join().cut, 1);
    assert_eq!(watcher.wait_for_close(), "drain_cut");
}

fn a_server_that_never_served_can_be_dropped(case: &Case) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    let stop = server.stop_handle();
    drop(server);
    assert!(
        Client::try_connect(&address).is_err(),
        "the listener is closed with the server"
    );
    stop.stop();
}

fn nobody_is_accepted_after_the_end(case: &Case) {
    let server = case.serve(|_| Echo);
    let address = server.address().clone();
    server
        .connect()
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
    server.stop();
    assert!(Client::try_connect(&address).is_err());
    if let Address::UnixPath(path) = &address {
        assert!(!path.exists(), "the socket file is removed with the server");
    }
    if let Some(address) = address.socket_addr() {
        let again = StreamServer::builder()
            .config(case.config())
            .endpoints([address.into()]);
        again.bind().expect("the address can be used again at once");
    }
}

/// Counts calls of `handle_timeout`, and refuses the second client.
struct Gatekeeper {
    timeouts: Arc<AtomicUsize>,
    clients: AtomicUsize,
}

impl Hooks for Gatekeeper {
    fn verify(&self, _: &Address) -> bool {
        self.clients.fetch_add(1, Ordering::Relaxed) != 1
    }

    fn handle_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }
}

fn one_request_at_a_time_is_served_refused_or_timed_out(case: &Case) {
    let timeouts = Arc::new(AtomicUsize::new(0));
    let hooks = Gatekeeper {
        timeouts: timeouts.clone(),
        clients: AtomicUsize::new(0),
    };
    let builder = StreamServer::builder()
        .config(case.config())
        .endpoints([case.endpoint()])
        .hooks(hooks);
    let mut server = builder.bind().unwrap();
    let address = server.addresses()[0].clone();
    assert!(matches!(
        server
            .handle_request(Some(Duration::ZERO), |_| Echo)
            .unwrap(),
        Handled::TimedOut
    ));
    assert_eq!(timeouts.load(Ordering::Relaxed), 1);
    let mut client = Client::connect(&address);
    client.send("hello").half_close();
    let handled = server.handle_request(None, |_| Echo).unwrap();
    assert!(
        matches!(&handled, Handled::Served(reason) if reason.word() == "peer_closed"),
        "{handled:?}"
    );
    client.expect("hello").expect_end();
    let mut refused = Client::connect(&address);
    assert!(matches!(
        server.handle_request(None, |_| Echo).unwrap(),
        Handled::Refused
    ));
    refused.read_to_the_end();
    // Afterwards it can still serve for ever.
    let server = Running::start(server, |_| Echo);
    server.connect().send("again").expect("again");
}

fn a_stop_interrupts_waiting_for_one_request(case: &Case) {
    let mut server = case.bind(case.config());
    let stop = server.stop_handle();
    let thread = std::thread::spawn(move || server.handle_request(None, |_| Echo));
    stop.stop();
    eventually("the wait to end", || thread.is_finished().then_some(()));
    assert!(matches!(thread.join().unwrap().unwrap(), Handled::Stopped));
}

/// Answers from a timer, and is not finished before.
struct Late;

impl Handler for Late {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.set_timer(0, Duration::from_millis(100));
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"late");
        conn.close();
        Ok(())
    }

    fn stopping(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

fn a_late_answer_is_waited_for(case: &Case) {
    let server = case.serve(|_| Late);
    let mut client = server.connect();
    client.send("question");
    server.until("the question to arrive", |stats| stats.bytes_in == 8);
    server.stop_handle().stop();
    client.expect("late").expect_end();
    drop(client);
    assert_eq!(server.stop().cut, 0);
}
