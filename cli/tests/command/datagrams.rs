//! `connect` with datagrams: a line is a datagram, and a datagram a line.

use std::fs::File;
use std::io::{Write, pipe};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::thread;

use rustix::process::Signal;

use crate::process::{DEADLINE, Path, Process, command};
use crate::usage::fails;

/// A socket that does not wait for ever, and its address.
pub(crate) fn udp_socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The next datagram, and who has sent it.
pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 1 << 16];
    let (size, peer) = socket.recv_from(&mut buffer).unwrap();
    buffer.truncate(size);
    (buffer, peer)
}

/// A client with options, the socket that it sends to, and where it sends from.
fn connected_with(options: &str) -> (Process, UdpSocket, SocketAddr) {
    let (socket, address) = udp_socket();
    let mut client = Process::run(&format!("connect udp://{address} {options}"));
    client.types("ready");
    let (ready, peer) = receive(&socket);
    assert_eq!(ready, b"ready");
    (client, socket, peer)
}

#[test]
fn lines_go_to_a_server_and_come_back() {
    let path = Path::new();
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut server = Process::run(&format!(
        "serve echo udp://:0 unixgram:{path} unixgram:@{name}"
    ));
    for start in ["udp://127.0.0.1:", "unixgram:/", "unixgram:@"] {
        let address = server.address();
        assert!(address.starts_with(start), "{address}");
        let mut client = Process::run(&format!("connect {address}"));
        for line in ["hello", "", "grüße 你好", " spaces"] {
            client.types(line);
            assert_eq!(client.stdout.line(), line, "{address}");
        }
        client.types_no_more();
        let ended = client.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_line_is_sent_without_its_end_and_a_datagram_is_printed_as_it_is() {
    let (mut client, socket, peer) = connected_with("");
    for (line, datagram) in [
        ("two words\r", b"two words".as_slice()),
        ("", b""),
        ("你", "你".as_bytes()),
    ] {
        client.types(line);
        assert_eq!(receive(&socket), (datagram.to_vec(), peer));
    }
    for datagram in [b"raw \xff\x1b[0m\0".as_slice(), b"with an end\n", b""] {
        socket.send_to(datagram, peer).unwrap();
    }
    client.types_no_more();
    let ended = client.end();
    assert_eq!(ended.stdout, b"raw \xff\x1b[0m\0\nwith an end\n\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn with_framing_each_datagram_is_exactly_one_harmless_line() {
    let (mut client, socket, peer) = connected_with("--framing lines");
    for (datagram, line) in [
        ("a\nb\n".as_bytes(), "a\\nb\\n"),
        (b"\x1b[2J\xff", "\\u{1b}[2J\\xff"),
        (b"", ""),
        ("你".as_bytes(), "你"),
    ] {
        socket.send_to(datagram, peer).unwrap();
        assert_eq!(client.stdout.line(), line);
    }
}

#[test]
fn the_last_line_needs_no_end_and_answers_are_waited_for() {
    let (mut client, socket, peer) = connected_with("");
    let stdin = client.stdin.as_mut().unwrap();
    stdin.write_all(b"question").unwrap();
    client.types_no_more();
    assert_eq!(receive(&socket), (b"question".to_vec(), peer));
    for answer in ["one", "two"] {
        socket.send_to(answer.as_bytes(), peer).unwrap();
        assert_eq!(client.stdout.line(), answer);
    }
    assert_eq!(client.end().code, Some(0), "silence is the end");
}

#[test]
fn nobody_need_be_waited_for() {
    let (mut client, _socket, _) = connected_with("--wait 0s");
    client.types_no_more();
    let ended = client.end();
    assert_eq!((ended.code, ended.stdout.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn nobody_there_is_told_when_a_line_is_sent() {
    let (socket, address) = udp_socket();
    drop(socket);
    let mut client = Process::run(&format!("connect udp://{address}"));
    client.types("anybody?");
    let sentence = "connection refused (no server receives there)";
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stderr),
        (
            Some(3),
            format!("socketserver: cannot send to udp://{address}: {sentence}\n")
        )
    );

    let path = Path::new();
    let to = format!("unixgram:{path}");
    fails(
        &format!("connect {to}"),
        3,
        &format!(
            "cannot connect to {to}: no such file or directory (no server has made this socket)"
        ),
    );
    drop(UnixDatagram::bind(&*path).unwrap());
    fails(
        &format!("connect {to}"),
        3,
        &format!("cannot connect to {to}: {sentence}"),
    );
}

#[test]
fn a_host_is_reached_by_whichever_of_its_addresses_has_the_server() {
    let mut server = Process::run("serve echo udp://127.0.0.1:0");
    // Whatever this name means first, what is typed second must not be sent twice.
    let address = server.address().replace("127.0.0.1", "localhost");
    let mut client = Process::run(&format!("connect {address}"));
    for line in ["first", "second"] {
        client.types(line);
        assert_eq!(client.stdout.line(), line);
    }
    client.types_no_more();
    let ended = client.end();
    assert_eq!(
        (ended.code, ended.stdout, ended.stderr.as_str()),
        (Some(0), Vec::new(), "")
    );
}

#[test]
fn a_server_that_has_gone_is_told_amid_the_input() {
    let (mut client, socket, _) = connected_with("");
    drop(socket);
    client.types("still there?");
    assert_eq!(client.end().code, Some(3));

    let path = Path::new();
    let socket = UnixDatagram::bind(&*path).unwrap();
    let mut client = Process::run(&format!("connect unixgram:{path}"));
    client.types("ready");
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.recv(&mut [0; 5]).unwrap();
    drop(socket);
    client.types("still there?");
    let ended = client.end();
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.stderr.contains("(no server receives there)"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_broadcast_is_left_to_the_chatter() {
    let sentence = "cannot connect to udp://127.255.255.255:9: permission denied \
                    (to a broadcast address only udp-chat --broadcast can send)";
    fails("connect udp://127.255.255.255:9", 3, sentence);
}

#[test]
fn a_socket_for_streams_is_said_to_be_one() {
    let path = Path::new();
    let mut server = Process::run(&format!("serve echo unix:{path}"));
    server.address();
    let sentence = format!(
        "cannot connect to unixgram:{path}: protocol wrong type for socket \
         (it is a socket for the other kind: unix: is for streams, unixgram: for datagrams)"
    );
    fails(&format!("connect unixgram:{path}"), 3, &sentence);
}

#[test]
fn a_line_that_no_datagram_can_carry_is_left_out_and_the_others_are_sent() {
    let (mut client, socket, _) = connected_with("");
    let most = "x".repeat(65_507);
    client.types(&most);
    assert_eq!(receive(&socket).0, most.as_bytes());
    client.types(most + "y");
    client.types("after");
    assert_eq!(receive(&socket).0, b"after");
    client.types_no_more();
    let ended = client.end();
    let address = socket.local_addr().unwrap();
    assert_eq!(
        (ended.code, ended.stderr),
        (
            Some(1),
            format!(
                "socketserver: line 3 of standard input has 65508 bytes and was left out, since a datagram to \
                 udp://{address} can carry at most 65507 (send it in parts)\n"
            )
        )
    );
}

#[test]
fn what_a_unix_socket_does_not_carry_is_left_out_as_well() {
    let path = Path::new();
    let mut server = Process::run(&format!("serve echo unixgram:{path}"));
    let mut client = Process::run(&format!("connect {}", server.address()));
    client.types("x".repeat(16 << 20));
    client.types("after");
    assert_eq!(client.stdout.line(), "after");
    client.types_no_more();
    let ended = client.end();
    assert_eq!(ended.code, Some(1));
    let start = "socketserver: line 1 of standard input has 16777216 bytes and was left out";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
}

#[test]
fn a_peer_that_waits_for_room_itself_is_not_waited_for_for_ever() {
    let path = Path::new();
    let socket = UnixDatagram::bind(&*path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    let mut client = Process::run(&format!("connect unixgram:{path}"));
    let mut stdin = client.stdin.take().unwrap();
    let text = "line\n".repeat(5000);
    thread::scope(|scope| {
        // Dropping the pipe is the end of the input.
        scope.spawn(move || stdin.write_all(text.as_bytes()).unwrap());
        // Like many servers this one waits in its sending, so that both queues are full all the time.
        for _ in 0..5000 {
            let mut buffer = [0; 10];
            let (size, peer) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to_addr(&buffer[..size], &peer).unwrap();
        }
    });
    assert_eq!(client.stdout.rest().len(), 5000 * 5);
    assert_eq!(client.end().code, Some(0));
}

#[test]
fn an_interrupt_a_closed_output_and_a_broken_input_end_it_as_with_streams() {
    let (client, ..) = connected_with("");
    client.signal(Signal::INT);
    assert_eq!(client.end().code, Some(130));

    let (reader, writer) = pipe().unwrap();
    let (socket, address) = udp_socket();
    let mut client =
        Process::start(command(["connect", &format!("udp://{address}")]).stdout(writer));
    drop(reader);
    client.types("question");
    let (_, peer) = receive(&socket);
    // More than once, since a process that another test is just starting may still hold the pipe for a moment.
    let ending = thread::spawn(move || client.end());
    while !ending.is_finished() {
        let _ = socket.send_to(b"nobody reads this", peer);
        thread::yield_now();
    }
    let ended = ending.join().unwrap();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));

    let folder = File::open("/").unwrap();
    let address = format!("udp://{address}");
    let ended = Process::start(command(["connect", &address]).stdin(folder)).end();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "socketserver: cannot read standard input: is a directory\n"
        )
    );
}
