//! No allocation per message in steady state, counted over all threads of the process.
//!
//! It is a test binary of its own, with one test, so that nothing else allocates meanwhile.

use std::alloc::System;
use std::fmt::Debug;
use std::io::{BufRead, Read, Write};
use std::net::UdpSocket;

use socketserver::{
    BlockingHandler, Bytes, Config, Conn, Datagram, Framed, Group, Handler, HandlerError, Input,
    Lines, Mode, Peer, PeerHandler, Replies, SlowMember, Stream,
};
use socketserver_handlers::Echo;
use socketserver_tests::{
    Carrier, Case, Client, DatagramCase, Running, Style, Transport, eventually,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MESSAGES: usize = 2_000;
/// How often they are sent until they allocate nothing. On a machine that is busy, queues may become longer than they were when everything was warmed up,
/// and need more buffers once; what a message allocates, it allocates each time.
const ROUNDS_MAX: usize = 5;
/// How many allocations are no matter of messages: a thread that was just started may still be at it, and the test harness may print.
const ALLOCATIONS_MAX: usize = 20;

/// Echoes whole lines, so that messages which come in pieces are kept meanwhile.
struct Pieces;

impl Handler for Pieces {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            conn.write(input.take(end + 1));
        }
        Ok(())
    }
}

impl BlockingHandler for Pieces {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 {
            stream.write_all(&line)?;
            line.clear();
        }
        Ok(())
    }
}

/// Sends back datagrams.
struct Back;

impl PeerHandler for Back {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        peer.send(datagram.bytes())?;
        Ok(())
    }
}

/// The same in whole messages.
fn echo(line: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
    Ok(replies.send(line)?)
}

/// A member of a group, who only listens.
struct Member(Group);

impl Handler for Member {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.join(conn);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

impl BlockingHandler for Member {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.join(&self.0)?;
        while stream.read(&mut [0; 100])? > 0 {}
        Ok(())
    }
}

#[test]
fn a_message_allocates_nothing_in_any_mode_and_style() {
    check_datagrams();
    check_broadcasts();
    for mode in [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 2 },
        Mode::Reactor { loops: 1 },
        Mode::Reactor { loops: 2 },
    ] {
        for transport in [Transport::TcpV4, Transport::Unix] {
            for style in [Style::Events, Style::Blocking] {
                let case = Case {
                    mode,
                    style,
                    transport,
                };
                check(&case, case.serve(|_| Echo));
                check(&case, case.serve(|_| Pieces));
                if case.has_callbacks() {
                    let framed = |_: &_| Framed::new(Lines::default(), echo);
                    check(&case, case.serve_events(framed));
                }
            }
        }
    }
}

/// The same for datagrams, by themselves and with a handler for each peer.
fn check_datagrams() {
    for mode in [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 2 },
        Mode::Reactor { loops: 1 },
        Mode::Reactor { loops: 2 },
    ] {
        for carrier in [Carrier::UdpV4, Carrier::UdpV6] {
            let case = DatagramCase { mode, carrier };
            // One worker at most, since starting another one, which a datagram may cause that comes just before the first is idle, is no matter of messages.
            let config = Config {
                connections_max: 1,
                ..case.config()
            };
            for server in [
                case.serve_with(config.clone(), || Echo),
                case.serve_peers_with(config, |_| Back),
            ] {
                let address = server.address().socket_addr().unwrap();
                let socket = UdpSocket::bind((address.ip(), 0)).unwrap();
                socket.connect(address).unwrap();
                exchange(&socket, 100);
                check_steady(&case, || exchange(&socket, MESSAGES));
                server.stop();
            }
        }
    }
}

/// The same for messages to a group, one by one and several together, for those who get them: whoever makes a message has it in memory once.
fn check_broadcasts() {
    for mode in [
        Mode::Threads,
        Mode::Pool { workers: 4 },
        Mode::Reactor { loops: 1 },
        Mode::Reactor { loops: 2 },
    ] {
        for transport in [Transport::TcpV4, Transport::Unix] {
            for style in [Style::Events, Style::Blocking] {
                let case = Case {
                    mode,
                    style,
                    transport,
                };
                let group = Group::new(SlowMember::Disconnect);
                let joined = group.clone();
                let server = case.serve(move |_| Member(joined.clone()));
                let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
                eventually("all to be members", || (group.len() == 4).then_some(()));
                for together in [1, 20] {
                    broadcast(&group, &mut clients, together, 100);
                    check_steady(&case, || {
                        broadcast(&group, &mut clients, together, MESSAGES);
                    });
                }
                drop(clients);
                server.stop();
            }
        }
    }
}

fn broadcast(group: &Group, clients: &mut [Client], together: usize, messages: usize) {
    let mut received = [0; 12];
    for _ in 0..messages / together {
        for _ in 0..together {
            group.broadcast(Bytes::from_static(b"hello world\n"));
        }
        for client in &mut *clients {
            for _ in 0..together {
                client.read_exact(&mut received).unwrap();
                assert_eq!(&received, b"hello world\n");
            }
        }
    }
}

fn exchange(socket: &UdpSocket, datagrams: usize) {
    let mut answer = [0; 20];
    for _ in 0..datagrams {
        socket.send(b"hello world\n").unwrap();
        assert_eq!(socket.recv(&mut answer).unwrap(), 12);
    }
}

fn check(case: &Case, server: Running) {
    let mut client = server.connect();
    talk(&mut client, 100);
    check_steady(case, || talk(&mut client, MESSAGES));
    drop(client);
    server.stop();
}

/// Makes sure that a round of messages allocates nothing once there is room for as many as are under way.
fn check_steady(case: &dyn Debug, mut round: impl FnMut()) {
    let mut changes = Vec::new();
    while changes.len() < ROUNDS_MAX {
        let region = Region::new(ALLOCATOR);
        round();
        let change = region.change();
        if change.allocations <= ALLOCATIONS_MAX {
            return;
        }
        changes.push(change);
    }
    panic!("{case:?}: {changes:#?}");
}

/// Whole messages, and every tenth in two pieces.
fn talk(client: &mut Client, messages: usize) {
    let mut answer = [0; 12];
    for number in 0..messages {
        if number % 10 == 0 {
            client.write_all(b"hello ").unwrap();
        } else {
            client.write_all(b"hello world\n").unwrap();
        }
        if number % 10 == 0 {
            client.write_all(b"world\n").unwrap();
        }
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello world\n");
    }
}
