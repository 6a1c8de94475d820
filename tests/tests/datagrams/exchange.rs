//! Datagrams pass whole, once, and are answered only by who was asked.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use socketserver::{
    Address, Config, Datagram, DatagramHandler, DatagramSocket, HandlerError, SendError,
};
use socketserver_handlers::{Alphabet, Echo, Uppercase};
use socketserver_tests::{Carrier, DatagramCase, PATIENCE};

socketserver_tests::datagram_matrix! {
    all: three_clients_one_after_the_other_get_their_lines_back, many_clients_at_once_get_their_own_answers,
        datagrams_of_every_size_pass_whole, an_empty_datagram_is_one, nothing_is_sent_that_nobody_sends,
        several_answers_are_several_datagrams, a_datagram_is_turned_as_a_whole, what_is_cut_is_told_with_its_sender_and_size,
        answers_can_go_to_others, a_sender_sends_at_any_time;
    udp: an_answer_that_is_too_long_is_a_clear_error;
}

fn three_clients_one_after_the_other_get_their_lines_back(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    for number in 0..3 {
        let line = format!("client {number}: hello world\n");
        assert_eq!(server.caller().ask_text(&line), line);
    }
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (3, 3));
    assert_eq!(stats.bytes_in, stats.bytes_out);
}

fn many_clients_at_once_get_their_own_answers(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    thread::scope(|scope| {
        for number in 0..8 {
            let caller = server.caller();
            scope.spawn(move || {
                for round in 0..100 {
                    let text = format!("{number} in round {round}");
                    assert_eq!(caller.ask_text(&text), text);
                }
            });
        }
    });
    assert_eq!(server.stop().stats.datagrams_out, 800);
}

fn datagrams_of_every_size_pass_whole(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    let caller = server.caller();
    for size in [1, 2, 1_452, 1_453, 1_472, 1_473, 8_192, 8_193, 65_507] {
        let bytes: Vec<u8> = (0..size).map(|index: usize| (index % 251) as u8).collect();
        assert_eq!(caller.ask(&bytes), bytes, "{size} bytes");
    }
    if case.carrier == Carrier::UdpV4 {
        let error = caller
            .try_send(&vec![0; 65_508])
            .expect_err("it is too long");
        assert_eq!(error.raw_os_error(), Some(90), "EMSGSIZE: {error}");
    }
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_truncated, stats.datagrams_dropped), (0, 0));
}

fn an_empty_datagram_is_one(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    let caller = server.caller();
    assert_eq!(caller.ask(b""), b"");
    assert_eq!(caller.ask(b"after"), b"after");
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (2, 2));
}

/// Answers questions, and nothing else.
fn answer_questions(
    datagram: &Datagram<'_>,
    socket: &mut DatagramSocket<'_>,
) -> Result<(), HandlerError> {
    if datagram.bytes().ends_with(b"?") {
        socket.reply(datagram, b"yes")?;
    }
    Ok(())
}

fn nothing_is_sent_that_nobody_sends(case: &DatagramCase) {
    let server = case.serve(|| answer_questions);
    let caller = server.caller();
    caller.send(b"this is so");
    caller.send(b"is this so?");
    assert_eq!(caller.receive(), b"yes");
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (2, 1));
}

fn several_answers_are_several_datagrams(case: &DatagramCase) {
    let server = case.serve(|| {
        |datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>| -> Result<(), HandlerError> {
            for part in datagram.bytes().chunks(5) {
                socket.reply(datagram, part)?;
            }
            Ok(())
        }
    });
    let caller = server.caller();
    caller.send(b"first2nd  3");
    assert_eq!(caller.receive(), b"first");
    assert_eq!(caller.receive(), b"2nd  ");
    assert_eq!(caller.receive(), b"3");
}

fn a_datagram_is_turned_as_a_whole(case: &DatagramCase) {
    let server = case.serve(|| Uppercase::new(Alphabet::Unicode));
    let caller = server.caller();
    assert_eq!(caller.ask_text("grüße aus 北京"), "GRÜSSE AUS 北京");
    assert_eq!(caller.ask(b"a\xC3"), b"A\xC3", "half a letter is no letter");
}

/// Tells what was cut, and echoes the rest.
struct Teller(Sender<(Address, usize, Vec<u8>)>);

impl DatagramHandler for Teller {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }

    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        _: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let (peer, bytes) = (datagram.peer().clone(), datagram.bytes().to_vec());
        self.0.send((peer, datagram.size(), bytes))?;
        Ok(())
    }
}

fn what_is_cut_is_told_with_its_sender_and_size(case: &DatagramCase) {
    let (tell, told) = channel();
    let config = Config {
        datagram_bytes_max: 100,
        ..case.config()
    };
    let server = case.serve_with(config, move || Teller(tell.clone()));
    let caller = server.caller();
    assert_eq!(caller.ask([7; 100]), [7; 100]);
    caller.send([8; 101]);
    caller.send(vec![9; 60_000]);
    for (size, byte) in [(101, 8), (60_000, 9)] {
        let (peer, told_size, bytes) = told.recv_timeout(PATIENCE).expect("it is told");
        // Threads may tell them in any order.
        let (size, byte) = if case.keeps_order() {
            (size, byte)
        } else {
            (told_size, bytes[0])
        };
        assert_eq!((peer, told_size), (caller.address(), size));
        assert_eq!(bytes, [byte; 100]);
    }
    assert_eq!(caller.ask(b"short"), b"short");
    let stats = server.stop().stats;
    assert_eq!((stats.datagrams_in, stats.datagrams_truncated), (4, 2));
    assert_eq!((stats.datagrams_out, stats.received_calls), (2, 2));
}

/// Sends every datagram on to one address.
struct Forward(Address);

impl DatagramHandler for Forward {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let text = format!("{}: {:?}", datagram.peer(), datagram.bytes());
        socket.send_to(text.as_bytes(), &self.0)?;
        Ok(())
    }
}

fn answers_can_go_to_others(case: &DatagramCase) {
    let server = case.bind(case.config());
    let address = socketserver::Server::addresses(&server)[0].clone();
    let listener = socketserver_tests::Caller::new(&address);
    let to = listener.address();
    let running = socketserver_tests::Running::spawn(server, move |server| {
        server.serve_forever(move || Forward(to.clone()))
    });
    let caller = running.caller();
    caller.send(b"\x01\x02");
    let expected = format!("{}: [1, 2]", caller.address());
    assert_eq!(listener.receive_text(), expected);
}

fn a_sender_sends_at_any_time(case: &DatagramCase) {
    let server = case.bind(case.config());
    let sender = server.senders().remove(0);
    let caller = socketserver_tests::Caller::new(sender.local());
    sender
        .send_to(b"before it serves", &caller.address())
        .expect("it is sent");
    assert_eq!(caller.receive(), b"before it serves");
    let running =
        socketserver_tests::Running::spawn(server, |server| server.serve_forever(|| Echo));
    assert_eq!(caller.ask(b"hello"), b"hello");
    sender
        .send_to(b"while it serves", &caller.address())
        .expect("it is sent");
    assert_eq!(caller.receive(), b"while it serves");
    running.stop();
}

fn an_answer_that_is_too_long_is_a_clear_error(case: &DatagramCase) {
    let max = if case.carrier == Carrier::UdpV4 {
        65_507
    } else {
        65_527
    };
    let (tell, told) = channel();
    let server = case.serve(move || {
        let tell = tell.clone();
        move |datagram: &Datagram<'_>,
              socket: &mut DatagramSocket<'_>|
              -> Result<(), HandlerError> {
            let too_long = vec![0; max + 1];
            tell.send(socket.reply(datagram, &too_long))?;
            socket.reply(datagram, b"no")?;
            Ok(())
        }
    });
    let caller = server.caller();
    assert_eq!(caller.ask(vec![0; 65_000]), b"no");
    let error = told
        .recv_timeout(PATIENCE)
        .expect("it is told")
        .expect_err("it is too long");
    assert!(matches!(error, SendError::TooLong { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot send a datagram: it has {} bytes, and {max} is the most (send it in parts)",
            max + 1
        )
    );
}

#[test]
fn a_unix_peer_without_a_name_is_a_value_and_cannot_be_answered() {
    for mode in ["serial", "threads", "pool:2", "reactor"] {
        let case = DatagramCase {
            mode: mode.parse().expect("a mode"),
            carrier: Carrier::Unix,
        };
        let (tell, told) = channel();
        let server = case.serve(move || {
            let tell = tell.clone();
            move |datagram: &Datagram<'_>,
                  socket: &mut DatagramSocket<'_>|
                  -> Result<(), HandlerError> {
                let answered = socket.reply(datagram, b"whoever you are");
                tell.send((datagram.peer().clone(), answered))?;
                Ok(())
            }
        });
        let Address::UnixgramPath(path) = server.address() else {
            panic!("a Unix server has a path");
        };
        let nobody = UnixDatagram::unbound().expect("a socket");
        nobody.send_to(b"hello", path).expect("it is sent");
        let (peer, answered) = told.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(peer, Address::UnixgramUnnamed);
        assert_eq!(peer.to_string(), "unixgram:(unnamed)");
        assert!(matches!(answered, Err(SendError::Unnamed)), "{answered:?}");
        let stats = server.stop().stats;
        assert_eq!((stats.datagrams_in, stats.handler_errors), (1, 0));
    }
}

#[test]
fn a_full_unix_peer_loses_its_own_answers_and_nobody_elses() {
    let case = DatagramCase {
        mode: socketserver::Mode::Reactor { loops: 1 },
        carrier: Carrier::Unix,
    };
    let server = case.serve(|| Echo);
    let Address::UnixgramPath(path) = server.address() else {
        panic!("a Unix server has a path");
    };
    // It is not connected, so that its queue has a limit of its own (unix(7), max_dgram_qlen), and it reads nothing.
    let name = socketserver_tests::fresh_path();
    let deaf = UnixDatagram::bind(&name).expect("a socket");
    let mut sent = 0;
    while server.stats().send_errors == 0 {
        deaf.send_to(b"hello", path).expect("it is sent");
        sent += 1;
        assert!(sent < 10_000, "the queue of a socket is bounded");
        server.until("all to be handled", |stats| stats.datagrams_in == sent);
    }
    std::fs::remove_file(&name).expect("it is there");
    assert_eq!(server.caller().ask(b"and me"), b"and me");
    let stats = server.stop().stats;
    assert_eq!(stats.datagrams_out + stats.send_errors, stats.datagrams_in);
}

#[test]
fn a_server_of_streams_takes_no_datagram_endpoint_and_the_other_way_round() {
    let error = socketserver::StreamServer::builder()
        .endpoint("udp://127.0.0.1:0")
        .expect("it is an endpoint")
        .bind()
        .expect_err("it has no streams")
        .to_string();
    assert!(error.contains("udp://127.0.0.1:0"), "{error}");
    let error = socketserver::DatagramServer::builder()
        .endpoint("tcp://127.0.0.1:0")
        .expect("it is an endpoint")
        .bind_datagrams()
        .expect_err("it has no datagrams")
        .to_string();
    assert!(error.contains("tcp://127.0.0.1:0"), "{error}");
}

#[test]
fn no_second_server_takes_the_datagrams_of_a_live_one() {
    for mode in ["serial", "threads", "reactor", "reactor:2"] {
        let case = DatagramCase {
            mode: mode.parse().expect("a mode"),
            carrier: Carrier::UdpV4,
        };
        let server = case.serve(|| Echo);
        assert_eq!(server.caller().ask(b"hello"), b"hello");
        let address = server.address().socket_addr().expect("it has a port");
        let error = socketserver::UdpServer::bind(&address.to_string()).expect_err("it is taken");
        let message = error.to_string();
        assert!(
            message.contains("cannot bind udp://127.0.0.1:") && message.contains("port"),
            "{message}"
        );
        let error = std::net::UdpSocket::bind(address).expect_err("it is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

#[test]
fn a_server_at_all_addresses_answers_from_the_one_that_was_written_to() {
    for mode in ["serial", "threads", "pool:2", "reactor", "reactor:2"] {
        let server = socketserver::UdpServer::bind("0.0.0.0:0")
            .expect("it can be bound")
            .mode(mode.parse().expect("a mode"));
        let port = socketserver::Server::addresses(&server)[0]
            .port()
            .expect("it has a port");
        let running = socketserver_tests::Running::spawn(server, |server| {
            server.serve_forever(|| {
                |datagram: &Datagram<'_>,
                 socket: &mut DatagramSocket<'_>|
                 -> Result<(), HandlerError> {
                    let local = datagram.local().to_string();
                    socket.reply(datagram, &local.as_bytes()[local.len() - datagram.size()..])?;
                    Ok(())
                }
            })
        });
        for host in ["127.0.0.1", "127.0.0.2", "127.1.2.3"] {
            let to = format!("{host}:{port}").parse().expect("an address");
            let caller = socketserver_tests::Caller::new(&Address::Udp(to));
            // The answer has the length of the question, and the caller takes it from this very address alone.
            let question = vec![b'?'; format!("udp://{to}").len()];
            assert_eq!(caller.ask(question), format!("udp://{to}").as_bytes());
        }
        running.stop();
    }
}
