//! What Linux does for datagrams: many by one call, answers from the right address, several sockets at one address.

use std::net::UdpSocket;

use super::*;

#[test]
fn many_datagrams_take_few_calls() {
    let server = bound("udp://127.0.0.1:0");
    let others = [bound("udp://127.0.0.1:0"), bound("udp://127.0.0.1:0")];
    let mut outbox = Outbox::default();
    for number in 0..64_u8 {
        outbox.push(&[number; 100], others[0].address(), None);
    }
    let sent = send_whole(&server, &mut outbox);
    assert!(sent.calls <= 2, "a run took {} calls", sent.calls);
    let (arrived, calls) = receive_into(&mut Inbox::new(65_535, 32), &others[0], 64);
    assert!(calls <= 2, "receiving took {calls} calls");
    let in_order = |(number, each): (usize, &Arrived)| each.bytes == [number as u8; 100];
    assert!(arrived.iter().enumerate().all(in_order));

    for number in 0..64_usize {
        outbox.push(&[number as u8; 100], others[number % 2].address(), None);
    }
    let sent = send_whole(&server, &mut outbox);
    assert!(sent.calls <= 3, "two peers took {} calls", sent.calls);
    for other in &others {
        assert_eq!(receive(other, 32).len(), 32);
    }
}

#[test]
fn whatever_is_sent_arrives_once_and_in_order_through_sockets_of_all_addresses() {
    for endpoint in ["udp://0.0.0.0:0", "udp://[::]:0"] {
        let (server, client) = (bound(endpoint), bound("udp://127.0.0.1:0"));
        let host = if endpoint.contains("::") {
            "::ffff:127.0.0.1"
        } else {
            "127.0.0.1"
        };
        // The client has a socket of IPv4 and writes an address of IPv4; the server sees the form of its own socket.
        let to = address_of(&server, "127.0.0.1");
        let mut outbox = Outbox::default();
        // No more than what the buffer of a socket holds by default.
        for number in 0..60_usize {
            // Runs of many lengths, with shorter ones at the end and in between, and empty ones.
            let size =
                [700, 700, 700, 30, 0, 700, 1472, 1473][number.trailing_zeros().min(7) as usize];
            outbox.push(&vec![number as u8; size], &to, None);
        }
        let sent = send_whole(&client, &mut outbox);
        assert!(sent.calls < 40, "it took {} calls", sent.calls);
        let arrived = receive(&server, 60);
        for (number, each) in arrived.iter().enumerate() {
            assert!(each.bytes.iter().all(|byte| *byte == number as u8));
            assert_eq!(each.incoming.to, Some(host.parse().unwrap()));
            outbox.push(&each.bytes, &each.incoming.peer, each.incoming.to);
        }
        send_whole(&server, &mut outbox);
        let back = receive(&client, 60);
        assert!(
            arrived
                .iter()
                .zip(&back)
                .all(|(one, other)| one.bytes == other.bytes)
        );
        assert!(back.iter().all(|each| each.incoming.peer == to));
    }
}

#[test]
fn an_answer_comes_from_the_address_that_was_written_to() {
    for endpoint in ["udp://0.0.0.0:0", "udp://[::]:0"] {
        let server = bound(endpoint);
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client
            .send_to(b"ask", ("127.0.0.2", port_of(&server)))
            .unwrap();
        let arrived = receive(&server, 1);
        let Incoming { peer, to, .. } = &arrived[0].incoming;
        let mut outbox = Outbox::default();
        // One alone, then a run.
        for text in ["", "bb", "cc"] {
            outbox.push(text.as_bytes(), peer, *to);
        }
        send_whole(&server, &mut outbox);
        server.send_one(b"later", peer, *to).unwrap();
        let mut buffer = [0; 100];
        for text in ["", "bb", "cc", "later"] {
            let (count, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], text.as_bytes());
            assert_eq!(from, ([127, 0, 0, 2], port_of(&server)).into());
        }
    }
}

#[test]
fn a_sender_that_the_kernel_refuses_is_left_out() {
    let (server, client) = (bound("udp://0.0.0.0:0"), bound("udp://127.0.0.1:0"));
    // The broadcast address of a network, and one that is not of this machine.
    for from in ["127.255.255.255", "192.0.2.77"] {
        let from = Some(from.parse().unwrap());
        let mut outbox = Outbox::default();
        for text in ["a", "b", "c", "word"] {
            outbox.push(text.as_bytes(), client.address(), from);
        }
        let sent = send_whole(&server, &mut outbox);
        assert_eq!(sent.calls, 2, "a run stays one");
        assert_eq!(texts(&receive(&client, 4)), ["a", "b", "c", "word"]);
    }
}

#[test]
fn an_ipv6_socket_of_all_addresses_fragments_nothing_and_an_ipv4_one_does() {
    let (wide, one) = (bound("udp://[::]:0"), bound("udp://[::1]:0"));
    let mut outbox = Outbox::default();
    outbox.push(&vec![1; 65_527], one.address(), None);
    outbox.push(&[2; 10], one.address(), None);
    let (_, failed) = send_all(&wide, &mut outbox);
    assert_eq!((failed.len(), failed[0].0), (1, 0));
    assert_eq!(receive(&one, 1)[0].bytes, [2; 10]);
    let (wide, one) = (bound("udp://0.0.0.0:0"), bound("udp://127.0.0.1:0"));
    outbox.push(&vec![1; 65_507], one.address(), None);
    send_whole(&wide, &mut outbox);
    assert_eq!(receive(&one, 1)[0].bytes.len(), 65_507);
}

#[test]
fn a_socket_beside_shares_the_port_and_no_third_one_does() {
    for endpoint in ["udp://127.0.0.1:0", "udp://[::1]:0", "udp://0.0.0.0:0"] {
        let first = bound(endpoint);
        let second = first.open_beside().unwrap().unwrap();
        assert_eq!(first.address(), second.address());
        let third = Endpoint::Udp {
            host: first.address().ip().unwrap().to_string(),
            port: port_of(&first),
        };
        bind(&third, &Config::default()).unwrap_err();

        // Every datagram reaches one of the two, and all of one peer the same one.
        let host = if endpoint.contains("::1") {
            "[::1]"
        } else {
            "127.0.0.1"
        };
        let to = address_of(&first, host.trim_matches(['[', ']']));
        let peers: Vec<_> = (0..40).map(|_| bound(&format!("udp://{host}:0"))).collect();
        for peer in &peers {
            peer.send_one(b"one", &to, None).unwrap();
            peer.send_one(b"two", &to, None).unwrap();
        }
        let mut arrived = Vec::new();
        for link in [&first, &second] {
            let mut inbox = Inbox::new(100, 32);
            let before = arrived.len();
            while link.receive(&mut inbox, 32).is_ok() {
                arrived.extend(inbox.received().iter().map(|each| each.peer.clone()));
            }
            let mine = &arrived[before..];
            assert!(!mine.is_empty(), "chance does not leave one of them out");
            assert!(mine.chunks(2).all(|pair| pair[0] == pair[1]));
        }
        assert_eq!(arrived.len(), 80);
    }
}

#[test]
fn a_socket_that_may_get_copies_has_none_beside() {
    let config = Config {
        broadcast: true,
        ..Config::default()
    };
    let link = bind(&"udp://127.0.0.1:0".parse().unwrap(), &config).unwrap();
    assert!(link.open_beside().unwrap().is_none());
}

#[test]
fn a_buffer_of_the_size_that_was_asked_for_keeps_more() {
    let config = |bytes| Config {
        receive_buffer_bytes: Some(bytes),
        ..Config::default()
    };
    let kept = |bytes| {
        let endpoint = "udp://127.0.0.1:0".parse().unwrap();
        let link = bind(&endpoint, &config(bytes)).unwrap();
        for _ in 0..200 {
            link.send_one(&[0; 100], link.address(), None).unwrap();
        }
        let (mut inbox, mut count) = (Inbox::new(100, 32), 0);
        while link.receive(&mut inbox, 32).is_ok() {
            count += inbox.received().len();
        }
        count
    };
    assert!(kept(4096) < kept(100_000));
}
