//! One datagram for many: broadcast and multicast, on the loopback interface.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use socketserver::{
    Address, Config, Datagram, DatagramServer, DatagramSocket, HandlerError, MulticastGroup, Server,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Caller, PATIENCE, Running};

const MODES: [&str; 5] = ["serial", "threads", "pool:2", "reactor", "reactor:2"];

fn config(mode: &str) -> Config {
    Config {
        mode: mode.parse().expect("a mode"),
        ..Config::default()
    }
}

fn bind(config: Config, endpoint: &str) -> DatagramServer {
    DatagramServer::builder()
        .config(config)
        .endpoint(endpoint)
        .expect("an endpoint")
        .bind_datagrams()
        .expect("it can be bound")
}

/// A socket that sends to groups through the loopback interface, and takes answers.
fn multicaster() -> socket2::Socket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has a timeout");
    let socket = socket2::Socket::from(socket);
    socket
        .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
        .expect("there is a loopback interface");
    socket
}

#[test]
fn every_member_of_a_group_gets_one_of_each_datagram() {
    for (number, mode) in MODES.into_iter().enumerate() {
        let group = Ipv4Addr::new(239, 255, 71, 1 + number as u8);
        let config = Config {
            multicast_groups: vec![format!("{group}@127.0.0.1").parse().expect("a group")],
            ..config(mode)
        };
        // Two servers cannot share a port, so that the members of the group listen at ports of their own.
        let servers: Vec<_> = (0..2)
            .map(|_| {
                let server = bind(config.clone(), "udp://0.0.0.0:0");
                Running::spawn(server, |server| server.serve_forever(|| Echo))
            })
            .collect();
        let socket: UdpSocket = multicaster().into();
        for server in &servers {
            let port = server.address().port().expect("it has a port");
            let to = SocketAddrV4::new(group, port);
            for text in ["first", "second"] {
                socket.send_to(text.as_bytes(), to).expect("it is sent");
                let mut bytes = [0; 100];
                let (size, from) = socket.recv_from(&mut bytes).expect("it is answered");
                assert_eq!(&bytes[..size], text.as_bytes());
                // A group is no sender: the answer comes from the machine.
                assert!(!from.ip().is_multicast() && from.port() == port, "{from}");
            }
        }
        for server in servers {
            assert_eq!(
                server.stop().stats.datagrams_in,
                2,
                "{mode}: each comes once"
            );
        }
    }
}

#[test]
fn a_group_can_be_joined_and_left_while_the_server_serves() {
    let server = bind(config("reactor"), "udp://0.0.0.0:0");
    let sender = server.senders().remove(0);
    let running = Running::spawn(server, |server| server.serve_forever(|| Echo));
    let group: MulticastGroup = "239.255.72.1@127.0.0.1".parse().expect("a group");
    let port = running.address().port().expect("it has a port");
    let to = SocketAddrV4::new(Ipv4Addr::new(239, 255, 72, 1), port);
    let socket: UdpSocket = multicaster().into();
    let caller = Caller::new(&Address::Udp(
        format!("127.0.0.1:{port}").parse().expect("an address"),
    ));
    // Whoever is asked afterwards has seen what was sent before.
    let heard = |expected: u64| {
        socket.send_to(b"to the group", to).expect("it is sent");
        assert_eq!(caller.ask(b"to you alone"), b"to you alone");
        let stats = running.until("both to be counted", |stats| {
            stats.datagrams_out >= expected
        });
        assert_eq!(stats.datagrams_in, expected);
    };
    heard(1);
    sender.join(&group).expect("it can be joined");
    heard(3);
    sender.leave(&group).expect("it can be left");
    heard(4);
}

#[test]
fn a_server_sends_to_a_group_through_the_interface_it_is_told() {
    let member = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let group = Ipv4Addr::new(239, 255, 73, 1);
    member
        .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .expect("it can be joined");
    member
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket has a timeout");
    let port = member.local_addr().expect("it is bound").port();
    let config = Config {
        multicast_interface: Some("127.0.0.1".parse().expect("an interface")),
        ..config("reactor")
    };
    let server = bind(config, "udp://127.0.0.1:0");
    let to = Address::Udp(SocketAddrV4::new(group, port).into());
    server.senders()[0]
        .send_to(b"to all", &to)
        .expect("it is sent");
    let mut bytes = [0; 10];
    let (size, from) = member.recv_from(&mut bytes).expect("it comes");
    assert_eq!(&bytes[..size], b"to all");
    assert_eq!(Address::Udp(from), server.addresses()[0]);
}

/// Sends to everybody what it is sent.
fn tell_all(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
    let port = socket.local().port().ok_or("a port")?;
    let all = SocketAddrV4::new(Ipv4Addr::new(127, 255, 255, 255), port);
    // The port of whoever listens is in the datagram.
    let port: u16 = std::str::from_utf8(datagram.bytes())?.parse()?;
    let all = SocketAddrV4::new(*all.ip(), port);
    socket.send_to(b"to all", &Address::Udp(all.into()))?;
    Ok(())
}

#[test]
fn broadcasts_leave_only_where_they_may() {
    for may in [true, false] {
        let config = Config {
            broadcast: may,
            ..config("serial")
        };
        let server = bind(config, "udp://127.0.0.1:0");
        let running = Running::spawn(server, |server| server.serve_forever(|| tell_all));
        let listener = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        listener
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket has a timeout");
        let port = listener.local_addr().expect("it is bound").port();
        running.caller().send(port.to_string());
        if may {
            let mut bytes = [0; 10];
            let (size, _) = listener.recv_from(&mut bytes).expect("it comes");
            assert_eq!(&bytes[..size], b"to all");
        } else {
            running.until("it to be refused", |stats| stats.send_errors == 1);
        }
        running.stop();
    }
}

#[test]
fn a_group_that_cannot_be_joined_is_a_clear_error() {
    for (endpoint, group) in [
        ("udp://127.0.0.1:0", "ff15::1"),
        ("udp://[::1]:0", "239.1.2.3"),
    ] {
        let config = Config {
            multicast_groups: vec![group.parse().expect("a group")],
            ..Config::default()
        };
        let error = DatagramServer::builder()
            .config(config)
            .endpoint(endpoint)
            .expect("an endpoint")
            .bind_datagrams()
            .expect_err("it is of another family");
        let message = error.to_string();
        assert!(message.contains("cannot bind udp://"), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    for text in ["127.0.0.1", "239.1.2.3@here", "", "ff15::1@1"] {
        text.parse::<MulticastGroup>().expect_err(text);
    }
}
