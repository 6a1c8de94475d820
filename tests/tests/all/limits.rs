//! Who may come in, and what hooks may do.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use socketserver::{
    Address, AtCapacity, BlockingHandler, Config, Conn, Handler, HandlerError, Hooks, Input, Mode,
    Stream,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, Client, Running, Transport, eventually};

socketserver_tests::matrix! {
    all: a_rejected_peer_never_meets_a_handler, hooks_that_panic_do_not_end_the_server,
        a_factory_that_panics_costs_one_connection, clients_beyond_the_limit_wait_for_their_turn;
    concurrent: the_limit_is_exact, clients_beyond_the_limit_are_refused_if_asked, one_address_has_a_limit_of_its_own,
        a_burst_of_clients_is_served_completely, finished_threads_are_used_again;
}

struct Verify(fn(&Address) -> bool, Arc<AtomicUsize>);

impl Hooks for Verify {
    fn verify(&self, peer: &Address) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed);
        (self.0)(peer)
    }
}

fn a_rejected_peer_never_meets_a_handler(case: &Case) {
    let calls = Arc::new(AtomicUsize::new(0));
    let made = Arc::new(AtomicUsize::new(0));
    let makes = made.clone();
    let server = case.serve_hooked(case.config(), Verify(|_| false, calls.clone()), move |_| {
        makes.fetch_add(1, Ordering::Relaxed);
        Echo
    });
    for _ in 0..3 {
        server.connect().expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!(
        (stats.accepted, stats.refused, calls.load(Ordering::Relaxed)),
        (0, 3, 3)
    );
    assert_eq!(made.load(Ordering::Relaxed), 0);
}

/// All hooks panic, but the first for the first clients only.
struct Panics(AtomicUsize);

impl Hooks for Panics {
    fn verify(&self, _: &Address) -> bool {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) > 1, "verify panics");
        true
    }

    fn handle_error(&self, _: &Address, _: &socketserver::CloseReason) {
        panic!("handle_error panics");
    }

    fn service_actions(&self) {
        panic!("service_actions panics");
    }
}

/// Echoes, and fails when it is told to.
struct Fails;

impl Handler for Fails {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if &**input == b"fail" {
            return Err("failed".into());
        }
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Fails {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; 100];
        loop {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                4 if piece.starts_with(b"fail") => return Err("failed".into()),
                count => stream.write_all(&piece[..count])?,
            }
        }
    }
}

fn hooks_that_panic_do_not_end_the_server(case: &Case) {
    let server = case.serve_hooked(case.config(), Panics(AtomicUsize::new(0)), |_| Fails);
    for _ in 0..2 {
        server.connect().expect_end();
    }
    server.connect().send("fail").read_to_the_end();
    server
        .connect()
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (
            stats.refused,
            stats.closed["handler_error"],
            stats.closed["peer_closed"]
        ),
        (2, 1, 1)
    );
}

fn a_factory_that_panics_costs_one_connection(case: &Case) {
    let made = AtomicUsize::new(0);
    let server = case.serve(move |_| {
        assert!(
            made.fetch_add(1, Ordering::Relaxed) > 0,
            "the first cannot be made"
        );
        Echo
    });
    server.connect().read_to_the_end();
    server
        .connect()
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
    let stats = server.stop().stats;
    assert_eq!(
        (
            stats.accepted,
            stats.closed["panic"],
            stats.closed["peer_closed"],
            stats.panics
        ),
        (2, 1, 1, 1)
    );
}

fn clients_beyond_the_limit_wait_for_their_turn(case: &Case) {
    let config = Config {
        connections_max: 2,
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut waiting: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("hello");
    }
    // In the order in which they came; the next is served only when one is gone.
    for mut client in waiting {
        assert!(server.stats().live <= 2, "the limit is exact");
        client.expect("hello").half_close().expect_end();
    }
    assert_eq!(server.stop().stats.accepted, 10);
}

fn the_limit_is_exact(case: &Case) {
    let config = Config {
        connections_max: 3,
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for accepted in 3..8 {
        server.until("three to be open", |stats| {
            stats.live == 3 && stats.accepted == accepted
        });
        drop(clients.remove(0));
    }
    drop(clients);
    server.until("all to be gone", |stats| {
        stats.live == 0 && stats.accepted == 8
    });
}

fn clients_beyond_the_limit_are_refused_if_asked(case: &Case) {
    let config = Config {
        connections_max: 2,
        at_capacity: AtCapacity::Refuse,
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut first = server.connect();
    let mut second = server.connect();
    first.send("a").expect("a");
    second.send("b").expect("b");
    for _ in 0..5 {
        server.connect().read_to_the_end();
    }
    server.until("five to be counted as refused", |stats| stats.refused == 5);
    first.half_close().expect_end();
    wait_for_room(&server);
}

/// Connects until a client is served.
fn wait_for_room(server: &Running) -> Client {
    eventually("room for one more", || {
        let mut client = server.connect();
        // A client that is refused may not even be able to send.
        let sent = std::io::Write::write_all(&mut client, b"c").is_ok();
        (sent && std::io::Read::read(&mut client, &mut [0]).ok() == Some(1)).then_some(client)
    })
}

fn one_address_has_a_limit_of_its_own(case: &Case) {
    let config = Config {
        connections_per_ip_max: Some(2),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Echo);
    let mut first = server.connect();
    first.send("a").expect("a");
    let mut second = server.connect();
    second.send("b").expect("b");
    let mut third = server.connect();
    if case.transport == Transport::Unix {
        third.send("c").expect("c");
        return;
    }
    third.read_to_the_end();
    first.half_close().expect_end();
    wait_for_room(&server);
}

fn a_burst_of_clients_is_served_completely(case: &Case) {
    let server = case.serve(|_| Echo);
    // More than the accept budget of one turn, and within the backlog.
    let mut clients: Vec<_> = (0..300).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("hello").half_close();
    }
    for client in &mut clients {
        client.expect("hello").expect_end();
    }
    drop(clients);
    assert_eq!(server.stop().stats.accepted, 300);
}

fn finished_threads_are_used_again(case: &Case) {
    let threads = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let seen = threads.clone();
    let server = case.serve(move |_| {
        seen.lock().unwrap().insert(std::thread::current().id());
        Echo
    });
    for _ in 0..50 {
        server
            .connect()
            .send("hello")
            .expect("hello")
            .half_close()
            .expect_end();
        server.until("the client to be gone", |stats| stats.live == 0);
    }
    let used = threads.lock().unwrap().len();
    let most = match case.mode {
        Mode::Pool { workers } => workers,
        Mode::Reactor { loops } => loops,
        // A client may come just before the last thread waits again.
        _ => 10,
    };
    assert!(
        used <= most,
        "{used} threads for 50 connections one after the other"
    );
}
