//! The client side of a stream, against servers in every mode.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use socketserver::{
    Codec, Endpoint, Framed, HandlerError, LengthPrefix, Lines, RemoteError, Replies, Server,
    Stream, StreamServer,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, PATIENCE, Running, eventually, fresh_path};

use crate::streams::{each, echo_lines};

socketserver_tests::matrix! {
    blocking: a_client_reads_and_writes,
        a_client_speaks_in_messages,
        a_client_may_wait_for_a_time,
        a_client_may_move_to_another_thread,
        a_client_sends_its_end_and_reads_on,
        what_a_client_has_written_is_sent_when_it_is_dropped,
        what_a_stuck_client_has_written_is_sent_when_it_is_dropped,
        other_threads_write_while_a_client_reads;
}

/// A client of this server.
fn connect(server: &Running) -> Stream<'static> {
    Stream::connect(&server.address().to_string()).expect("the server can be connected to")
}

fn kind<T>(result: io::Result<T>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

fn a_client_reads_and_writes(case: &Case) {
    let server = case.serve(|_| Echo);
    let mut client = connect(&server);
    assert_eq!(client.peer(), server.address());
    client.local().expect("it is connected");
    assert_eq!(client.id().get(), 1);
    writeln!(client, "hello").unwrap();
    writeln!(client, "world").unwrap();
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "hello\nworld\n");
    let sent: Vec<u8> = (0..100_000u32).map(|index| (index % 251) as u8).collect();
    client.write_all(&sent).unwrap();
    let mut received = vec![0; sent.len()];
    assert!(client.read_exact_or_end(&mut received).unwrap());
    assert!(received == sent);
    let result = client.offload(|| 42).unwrap();
    assert_eq!(result, 42);
}

fn a_client_speaks_in_messages(case: &Case) {
    fn answer(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        Ok(replies.send(&message.to_ascii_uppercase())?)
    }
    let servers: [(Running, Box<dyn Codec>); 2] = [
        (
            case.serve_events(|_| Framed::new(Lines::default(), answer)),
            Box::new(Lines::default()),
        ),
        (
            case.serve_events(|_| Framed::new(LengthPrefix::little_endian(2), answer)),
            Box::new(LengthPrefix::little_endian(2)),
        ),
    ];
    for (server, mut codec) in servers {
        let mut client = connect(&server);
        for message in ["one", "", "three"] {
            client.send(message.as_bytes(), &mut codec).unwrap();
        }
        for message in ["ONE", "", "THREE"] {
            let answer = client.receive(&mut codec).unwrap();
            assert_eq!(answer, Some(message.as_bytes()));
        }
        client.send_json("four", &mut codec).unwrap();
        let answer: Option<String> = client.receive_json(&mut codec).unwrap();
        assert_eq!(answer.as_deref(), Some("FOUR"));
        client.shutdown_write().unwrap();
        assert_eq!(client.receive(&mut codec).unwrap(), None);
    }
}

fn a_client_may_wait_for_a_time(case: &Case) {
    let server = case.serve_blocking(|_| echo_lines);
    let mut client = connect(&server);
    client.set_read_timeout(Some(Duration::from_millis(10)));
    client.write_all(b"half").unwrap();
    for _ in 0..2 {
        assert_eq!(kind(client.read(&mut [0; 10])), Err(ErrorKind::TimedOut));
    }
    client.set_read_timeout(None);
    client.sleep(Duration::from_millis(1)).unwrap();
    client.set_deadline(Some(Duration::from_millis(10)));
    assert_eq!(kind(client.read(&mut [0; 10])), Err(ErrorKind::TimedOut));
    client.set_deadline(None);
    client.write_all(b" line\n").unwrap();
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "half line\n");
}

/// A client is a value like any other.
const fn assert_send<T: Send + 'static>() {}
const _: () = assert_send::<Stream<'static>>();

fn a_client_may_move_to_another_thread(case: &Case) {
    let server = case.serve_blocking(|_| echo_lines);
    let mut client = connect(&server);
    let mut line = String::new();
    client.write_all(b"one\n").unwrap();
    client.read_line(&mut line).unwrap();
    client.write_all(b"two\n").unwrap();
    let client = thread::spawn(move || {
        client.read_line(&mut line).unwrap();
        (client, line)
    });
    let (mut client, mut line) = client.join().expect("it does not panic");
    client.write_all(b"three\n").unwrap();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "one\ntwo\nthree\n");
}

fn a_client_sends_its_end_and_reads_on(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut all = String::new();
        stream.read_to_string(&mut all)?;
        Ok(write!(stream, "{} bytes", all.len())?)
    }));
    let mut client = connect(&server);
    client.write_all(b"hello").unwrap();
    client.shutdown_write().unwrap();
    assert_eq!(kind(client.write(b"more")), Err(ErrorKind::BrokenPipe));
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "5 bytes");
}

/// Counts what it reads to the end, once it is told to begin.
fn counting(
    case: &Case,
) -> (
    Running,
    std::sync::mpsc::Sender<()>,
    std::sync::mpsc::Receiver<usize>,
) {
    let (opens, gate) = channel::<()>();
    let (sender, counts) = channel();
    let gate = std::sync::Mutex::new(gate);
    let server = case.serve_blocking(each(move |stream| {
        gate.lock()
            .expect("no handler panics")
            .recv_timeout(PATIENCE)?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        sender.send(all.len())?;
        Ok(())
    }));
    (server, opens, counts)
}

fn what_a_client_has_written_is_sent_when_it_is_dropped(case: &Case) {
    let (server, opens, counts) = counting(case);
    let mut client = connect(&server);
    client.write_all(b"last words").unwrap();
    drop(client);
    opens.send(()).unwrap();
    assert_eq!(counts.recv_timeout(PATIENCE), Ok(10));
}

fn what_a_stuck_client_has_written_is_sent_when_it_is_dropped(case: &Case) {
    let (server, opens, counts) = counting(case);
    let mut client = connect(&server);
    client.set_write_timeout(Some(Duration::from_millis(20)));
    let mut written = 0;
    // The server does not read, so that the system's buffers fill up.
    let error = loop {
        written += match client.write(&[0; 16 << 10]) {
            Ok(count) => count,
            Err(error) => break error,
        };
        if let Err(error) = client.flush() {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    client.set_write_timeout(None);
    let dropping = thread::spawn(move || drop(client));
    opens.send(()).unwrap();
    assert_eq!(counts.recv_timeout(PATIENCE), Ok(written));
    dropping.join().expect("it does not panic");
}

fn other_threads_write_while_a_client_reads(case: &Case) {
    let server = case.serve(|_| Echo);
    let mut client = connect(&server);
    let remote = client.remote().unwrap();
    assert_eq!(remote.id(), client.id());
    let writer = remote.clone();
    let writing = thread::spawn(move || {
        for number in 0..100 {
            writer.write(format!("{number}\n"))?;
        }
        Ok::<(), RemoteError>(())
    });
    let mut line = String::new();
    for number in 0..100 {
        client.read_line(&mut line).unwrap();
        assert_eq!(std::mem::take(&mut line), format!("{number}\n"));
    }
    writing.join().unwrap().unwrap();
    client.write_all(b"own\n").unwrap();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "own\n");
    drop(client);
    assert_eq!(remote.write("late"), Err(RemoteError::Closed));
    assert!(remote.is_closed());
    // One that is closed from elsewhere fails where it waits.
    let mut client = connect(&server);
    let remote = client.remote().unwrap();
    let closing = thread::spawn(move || remote.close());
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    closing.join().unwrap();
}

#[test]
fn a_client_connects_to_an_abstract_name() {
    let name = format!("unix:@socketserver-clients-{}", std::process::id());
    let builder = StreamServer::builder().endpoint(&name).unwrap();
    let server = Running::start(builder.bind().unwrap(), |_| Echo);
    let mut client = Stream::connect(&name).unwrap();
    client.write_all(b"hello").unwrap();
    assert!(client.read_exact_or_end(&mut [0; 5]).unwrap());
    assert_eq!(client.peer(), server.address());
}

#[test]
fn a_client_tries_every_address_of_a_host() {
    // Whether the name means one address or two, and which comes first, only one of them has a server.
    for host in ["127.0.0.1", "::1"] {
        let endpoint = Endpoint::Tcp {
            host: host.into(),
            port: 0,
        };
        let builder = StreamServer::builder().endpoints([endpoint]);
        let server = builder.bind().unwrap();
        let port = server.addresses()[0].port().unwrap();
        let _server = Running::start(server, |_| Echo);
        let addresses = format!("localhost:{port}").parse::<Endpoint>().unwrap();
        let addresses = addresses.resolve().unwrap();
        let has_server = |ip: &std::net::SocketAddr| ip.ip().to_string() == host;
        let connected = Stream::connect(&format!("localhost:{port}"));
        assert_eq!(
            connected.is_ok(),
            addresses.iter().any(has_server),
            "{connected:?}"
        );
    }
}

#[test]
fn a_reset_keeps_the_number_of_its_error() {
    let path = fresh_path();
    let loopback: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    for (domain, address) in [
        (Domain::IPV4, loopback.into()),
        (Domain::UNIX, SockAddr::unix(&path).unwrap()),
    ] {
        let listener = Socket::new(domain, Type::STREAM, None).unwrap();
        listener.bind(&address).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = match address.as_socket() {
            Some(address) => address.into(),
            None => Endpoint::Unix(path.clone()),
        };
        let mut client = Stream::connect_to(&endpoint, None).unwrap();
        client.write_all(b"unread").unwrap();
        client.flush().unwrap();
        let (peer, _) = listener.accept().unwrap();
        peer.peek(&mut [std::mem::MaybeUninit::uninit()]).unwrap();
        // Closing while something is unread is a reset.
        drop(peer);
        let error = client.read(&mut [0; 1]).unwrap_err();
        assert_eq!(
            (error.kind(), error.raw_os_error()),
            (ErrorKind::ConnectionReset, Some(104))
        );
        // It may try for as long as it likes, since it is not a handler.
        for _ in 0..300 {
            assert_eq!(kind(client.flush()), Err(ErrorKind::ConnectionReset));
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_refusal_keeps_the_number_of_its_error() {
    let server = StreamServer::builder().endpoint(":0").unwrap();
    let server = server.bind().unwrap();
    let address = server.addresses()[0].to_string();
    drop(server);
    let refused = Stream::connect(&address).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.raw_os_error()),
        (ErrorKind::ConnectionRefused, Some(111))
    );
    let missing = Stream::connect(&format!("unix:{}", fresh_path().display())).unwrap_err();
    assert_eq!(
        (missing.kind(), missing.raw_os_error()),
        (ErrorKind::NotFound, Some(2))
    );
}

#[test]
fn what_is_no_endpoint_is_invalid() {
    for (text, problem) in [
        ("", "is not an endpoint"),
        ("nowhere", "is not an endpoint"),
        (":70000", "is not an endpoint"),
        ("udp://:1", "is a datagram endpoint"),
        ("unix:", "is not an endpoint"),
        ("::1:80", "is not an endpoint"),
    ] {
        let error = Stream::connect(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

/// A listener that nobody accepts from, with room for one connection or none, which is taken.
fn full_listener(domain: Domain, address: &SockAddr) -> (Socket, Vec<OwnedFd>) {
    let listener = Socket::new(domain, Type::STREAM, None).unwrap();
    listener.bind(address).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut guests = Vec::new();
    loop {
        let guest = Socket::new(domain, Type::STREAM, None).unwrap();
        let enters = if domain == Domain::UNIX {
            guest.set_nonblocking(true).unwrap();
            guest.connect(&address)
        } else {
            guest.connect_timeout(&address, Duration::from_millis(100))
        };
        if enters.is_err() {
            return (listener, guests);
        }
        guests.push(guest.into());
    }
}

/// Connects within a short time, on a thread of its own, which may hang.
fn connect_within_a_short_time(endpoint: Endpoint) -> Option<ErrorKind> {
    let timeout = Some(Duration::from_millis(100));
    let connecting = thread::spawn(move || Stream::connect_to(&endpoint, timeout).map(drop));
    eventually("connecting to end", || {
        connecting.is_finished().then_some(())
    });
    kind(connecting.join().expect("it does not panic")).err()
}

#[test]
fn an_address_that_does_not_answer_takes_its_time_and_no_more() {
    let loopback: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    let (listener, _guests) = full_listener(Domain::IPV4, &loopback.into());
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    assert_eq!(
        connect_within_a_short_time(address.into()),
        Some(ErrorKind::TimedOut)
    );
}

#[test]
fn a_path_that_does_not_answer_takes_its_time_and_no_more() {
    let path = fresh_path();
    let (_listener, _guests) = full_listener(Domain::UNIX, &SockAddr::unix(&path).unwrap());
    let timed_out = connect_within_a_short_time(Endpoint::Unix(path.clone()));
    std::fs::remove_file(path).unwrap();
    assert_eq!(timed_out, Some(ErrorKind::TimedOut));
}
