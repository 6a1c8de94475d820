//! Who has an address, who may share it, and who is told what.

use std::fs;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use socket2::{Domain, Socket, Type};

use super::*;

#[test]
fn an_address_has_one_owner_and_a_second_bind_says_why_not() {
    let server = bound("udp://127.0.0.1:0");
    let endpoint: Endpoint = server.address().to_string().parse().unwrap();
    let error = bind(&endpoint, &Config::default()).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AddrInUse);
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot bind {endpoint}: address ")),
        "{message}"
    );
    assert!(message.contains("another server listens there"));

    // Both sockets must allow it for the port to be shared, so that this one shows that ours does not.
    let thief = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    thief.set_reuse_address(true).unwrap();
    let address = server.address().socket_addr().unwrap();
    assert!(thief.bind(&address.into()).is_err());
}

#[test]
fn an_endpoint_for_streams_is_refused_and_so_is_one_for_datagrams_elsewhere() {
    let config = Config::default();
    let error = bind(&"127.0.0.1:0".parse().unwrap(), &config).unwrap_err();
    assert!(error.to_string().contains("takes datagrams"), "{error}");
    for endpoint in endpoints() {
        let error = crate::net::Listener::bind(&endpoint, &config).unwrap_err();
        assert!(error.to_string().contains("takes streams"), "{error}");
        let error = endpoint.connect(None).unwrap_err();
        assert!(error.to_string().contains("datagram endpoint"), "{error}");
    }
}

#[test]
fn a_socket_of_its_own_is_told_that_its_peer_is_gone_and_goes_on() {
    for (server, host) in [
        (bound("udp://127.0.0.1:0"), "127.0.0.1"),
        (bound("udp://0.0.0.0:0"), "127.0.0.1"),
        (bound("udp://[::1]:0"), "[::1]"),
        (portable("127.0.0.1:0"), "127.0.0.1"),
    ] {
        let peer = UdpSocket::bind(format!("{host}:0")).unwrap();
        let address = peer.local_addr().unwrap();
        let own = server.open_for(&Address::Udp(address)).unwrap();
        assert_ne!(port_of(&own), port_of(&server));

        let mut outbox = Outbox::default();
        outbox.push(b"hello", &Address::Udp(address), None);
        send_whole(&own, &mut outbox);
        let mut buffer = [0; 100];
        let (count, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"hello");
        assert_eq!(Some(from), own.address().socket_addr());
        peer.send_to(b"you too", from).unwrap();
        assert_eq!(texts(&receive(&own, 1)), ["you too"]);

        drop(peer);
        own.send_one(b"lost", &Address::Udp(address), None).unwrap();
        wait(&own, Interest::READABLE);
        let error = own.receive(&mut Inbox::new(100, 1), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        nothing_waits(&own);

        // The refusal of one datagram is not taken for that of the next.
        own.send_one(b"lost", &Address::Udp(address), None).unwrap();
        wait(&own, Interest::READABLE);
        let successor = UdpSocket::bind(address).unwrap();
        for text in ["a", "bb"] {
            outbox.push(text.as_bytes(), &Address::Udp(address), None);
        }
        send_whole(&own, &mut outbox);
        assert_eq!(successor.recv(&mut buffer).unwrap(), 1);
        assert_eq!(successor.recv(&mut buffer).unwrap(), 2);
    }
}

#[test]
fn a_unix_socket_has_none_for_one_peer_and_none_beside() {
    let server = bound(&format!("unixgram:{}", fresh_path().display()));
    let error = server.open_for(server.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(server.open_beside().unwrap().is_none());
    let group = "239.1.2.3".parse().unwrap();
    let message = server.join(&group).unwrap_err().to_string();
    assert!(message.contains("needs a UDP socket"), "{message}");
}

#[test]
fn a_dropped_socket_leaves_the_file_of_its_successor() {
    let path = fresh_path();
    let endpoint = Endpoint::Unixgram(path.clone());
    let config = Config {
        unix_mode: Some(0o600),
        ..Config::default()
    };
    let first = bind(&endpoint, &config).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = bind(&endpoint, &config).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AddrInUse, "it is live");
    fs::remove_file(&path).unwrap();
    let second = bind(&endpoint, &config).unwrap();
    drop(first);
    assert!(path.exists(), "the successor's file stays");
    drop(second);
    assert!(!path.exists());
}

#[test]
fn a_stale_file_makes_room_and_any_other_stays() {
    let path = fresh_path();
    let endpoint = Endpoint::Unixgram(path.clone());
    drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
    assert!(path.exists(), "it is stale");
    drop(bind(&endpoint, &Config::default()).unwrap());

    let listener = UnixListener::bind(&path).unwrap();
    let error = bind(&endpoint, &Config::default()).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AddrInUse);
    drop(listener);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "precious").unwrap();
    let error = bind(&endpoint, &Config::default()).unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_group_reaches_all_of_its_members_until_they_leave() {
    let group = "239.83.71.5@127.0.0.1".parse().unwrap();
    let config = Config {
        reuse_port: true,
        multicast_groups: vec![group],
        multicast_interface: Some("127.0.0.1".parse().unwrap()),
        ..Config::default()
    };
    let first = bind(&"udp://0.0.0.0:0".parse().unwrap(), &config).unwrap();
    let endpoint = Endpoint::Udp {
        host: "0.0.0.0".into(),
        port: port_of(&first),
    };
    let second = bind(&endpoint, &config).unwrap();
    let to = address_of(&first, "239.83.71.5");
    first.send_one(b"all", &to, None).unwrap();
    for member in [&first, &second] {
        let arrived = receive(member, 1);
        assert_eq!(texts(&arrived), ["all"]);
        assert_eq!(arrived[0].incoming.to, None, "nothing is sent from a group");
    }

    let [group] = &config.multicast_groups[..] else {
        unreachable!("there is one");
    };
    second.leave(group).unwrap();
    first.send_one(b"one", &to, None).unwrap();
    assert_eq!(texts(&receive(&first, 1)), ["one"]);
    nothing_waits(&second);
    second.join(group).unwrap();
    first.send_one(b"both", &to, None).unwrap();
    assert_eq!(texts(&receive(&second, 1)), ["both"]);
    assert!(second.open_beside().unwrap().is_none());
}

#[test]
fn a_group_or_an_interface_that_cannot_work_is_refused_in_one_sentence() {
    for (endpoint, group, interface, problem) in [
        ("udp://127.0.0.1:0", Some("ff15::1"), None, "IPv6 address"),
        ("udp://[::1]:0", Some("239.1.2.3"), None, "IPv4 address"),
        ("udp://127.0.0.1:0", None, Some("1"), "the address of one"),
        (
            "udp://[::1]:0",
            None,
            Some("127.0.0.1"),
            "the number of one",
        ),
        (
            "udp://0.0.0.0:0",
            Some("239.1.2.3@192.0.2.77"),
            None,
            "cannot join",
        ),
        (
            "udp://127.0.0.1:0",
            Some("239.1.2.3@127.0.0.1"),
            None,
            "bind it to all addresses or to the group",
        ),
    ] {
        let config = Config {
            multicast_groups: group.iter().map(|group| group.parse().unwrap()).collect(),
            multicast_interface: interface.map(|interface| interface.parse().unwrap()),
            ..Config::default()
        };
        let error = bind(&endpoint.parse().unwrap(), &config).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}
