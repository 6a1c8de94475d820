//! Speed, asserted by what can be counted: system calls for each batch.

use std::net::UdpSocket;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use socketserver::{Datagram, DatagramSocket, HandlerError, Mode, Stats};
use socketserver_handlers::Echo;
use socketserver_tests::{Carrier, DatagramCase, PATIENCE, Running};

socketserver_tests::datagram_matrix! {
    all: a_datagram_alone_costs_few_system_calls, an_idle_server_does_nothing;
}

fn calls(stats: &Stats) -> (u64, u64) {
    (stats.system_calls.receive, stats.system_calls.send)
}

fn a_datagram_alone_costs_few_system_calls(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    let caller = server.caller();
    caller.ask(b"warm");
    let before = server.until("the first to be counted", |stats| stats.datagrams_out == 1);
    for _ in 0..100 {
        caller.ask(b"hello");
    }
    let after = server.until("all to be counted", |stats| stats.datagrams_out == 101);
    let (receives, sends) = calls(&before);
    let (more_receives, more_sends) = calls(&after);
    assert_eq!(more_sends - sends, 100);
    assert!(more_receives - receives <= 101, "{before:?} {after:?}");
    let others = after.system_calls.total() - before.system_calls.total();
    assert!(
        others <= 310,
        "a wait, a receive and a send each: {after:?}"
    );
}

fn an_idle_server_does_nothing(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    server.caller().ask(b"hello");
    let before = server.until("it to rest", |stats| stats.datagrams_out == 1);
    // Another server is busy meanwhile for as long as two hundred exchanges take.
    let busy = case.serve(|| Echo);
    let caller = busy.caller();
    for _ in 0..200 {
        caller.ask(b"hello");
    }
    let after = server.stats();
    let waits = after.system_calls.total() - before.system_calls.total();
    assert!(waits <= 3, "{waits} calls: {after:?}");
}

/// A server whose handler is held up until the test says so, with so many datagrams behind the first one.
fn loaded(case: &DatagramCase, senders: usize, each: usize) -> (Running, Vec<UdpSocket>) {
    let (tell, told) = channel();
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let server = case.serve(move || {
        let (tell, released) = (tell.clone(), released.clone());
        move |datagram: &Datagram<'_>,
              socket: &mut DatagramSocket<'_>|
              -> Result<(), HandlerError> {
            if datagram.bytes() == b"hold" {
                tell.send(())?;
                let released = released.lock().expect("one waits");
                released.recv_timeout(PATIENCE)?;
            } else {
                socket.reply(datagram, datagram.bytes())?;
            }
            Ok(())
        }
    });
    server.caller().send(b"hold");
    told.recv_timeout(PATIENCE).expect("it is held up");
    let to = server.address().socket_addr().expect("it has a port");
    let sockets: Vec<_> = (0..senders)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket"))
        .collect();
    for number in 0..each {
        for socket in &sockets {
            let text = format!("{number:064}");
            socket.send_to(text.as_bytes(), to).expect("it is sent");
        }
    }
    release.send(()).expect("it waits");
    (server, sockets)
}

#[test]
fn under_load_a_batch_costs_one_call_to_receive_and_one_to_send() {
    for (senders, each) in [(1, 128), (128, 1)] {
        for mode in [Mode::Serial, Mode::Reactor { loops: 1 }] {
            let case = DatagramCase {
                mode,
                carrier: Carrier::UdpV4,
            };
            let (server, sockets) = loaded(&case, senders, each);
            for socket in &sockets {
                socket
                    .set_read_timeout(Some(PATIENCE))
                    .expect("a socket has a timeout");
                for number in 0..each {
                    let mut bytes = [0; 100];
                    let size = socket.recv(&mut bytes).expect("it is answered");
                    assert_eq!(&bytes[..size], format!("{number:064}").as_bytes());
                }
            }
            let stats = server.stop().stats;
            let (receives, sends) = calls(&stats);
            // The first batches are short until it is known that there is much: 2, 4, 8, 16, then 32 each.
            assert!(receives <= 10, "{receives} calls to receive: {stats:?}");
            assert!(sends <= 9, "{sends} calls to send: {stats:?}");
            assert_eq!(stats.datagrams_out, 128);
        }
    }
}
