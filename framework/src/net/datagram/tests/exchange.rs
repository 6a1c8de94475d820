//! Datagrams go there and come back, of every size and through every kind of socket.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;

use rustix::io::Errno;

use super::*;

#[test]
fn a_batch_goes_there_and_back_through_every_kind_of_socket() {
    for [server, client] in pairs() {
        let mut outbox = Outbox::default();
        // Runs, one that stands alone, an empty one, and a run whose last one is shorter.
        let words = ["a", "b", "c", "word", "", "aa", "bb", "c"];
        for word in words {
            outbox.push(word.as_bytes(), server.address(), None);
        }
        let sent = send_whole(&client, &mut outbox);
        assert_eq!((sent.datagrams, sent.bytes), (8, 12));

        let arrived = receive(&server, words.len());
        assert_eq!(texts(&arrived), words, "{}", server.address());
        for each in &arrived {
            assert_eq!(each.incoming.peer, *client.address());
            assert_eq!(each.incoming.size, each.bytes.len());
            outbox.push(&each.bytes, &each.incoming.peer, each.incoming.to);
        }
        send_whole(&server, &mut outbox);
        assert_eq!(texts(&receive(&client, words.len())), words);

        client.send_one(b"alone", server.address(), None).unwrap();
        assert_eq!(texts(&receive(&server, 1)), ["alone"]);
        nothing_waits(&server);
    }
}

#[test]
fn a_unix_peer_without_a_name_is_heard_and_cannot_be_answered() {
    let server = bound(&format!("unixgram:{}", fresh_path().display()));
    let Address::UnixgramPath(path) = server.address() else {
        panic!("it is bound to {}", server.address());
    };
    let client = UnixDatagram::unbound().unwrap();
    client.send_to(b"who am I", path).unwrap();
    let arrived = receive(&server, 1);
    assert_eq!(arrived[0].incoming.peer, Address::UnixgramUnnamed);
    assert_eq!(arrived[0].incoming.peer.to_string(), "unixgram:(unnamed)");

    let mut outbox = Outbox::default();
    outbox.push(b"nobody", &arrived[0].incoming.peer, None);
    outbox.push(b"myself", server.address(), None);
    let (sent, failed) = send_all(&server, &mut outbox);
    assert_eq!((sent.datagrams, failed[0].0), (1, 0));
    assert_eq!(failed[0].1.kind(), ErrorKind::AddrNotAvailable);
    assert_eq!(texts(&receive(&server, 1)), ["myself"]);
}

#[test]
fn every_size_passes_whole_and_one_that_is_too_long_stops_no_other() {
    for (endpoint, max) in [("udp://127.0.0.1:0", 65_507), ("udp://[::1]:0", 65_527)] {
        let (server, client) = (bound(endpoint), bound(endpoint));
        assert_eq!(client.bytes_max(server.address()), Some(max));
        let sizes = [0, 1, 1452, 1453, 1472, 1473, max + 1, max, 0, 7];
        let mut outbox = Outbox::default();
        for (index, size) in sizes.iter().enumerate() {
            outbox.push(&vec![index as u8; *size], server.address(), None);
        }
        let (sent, failed) = send_all(&client, &mut outbox);
        assert_eq!((sent.datagrams, failed.len()), (9, 1));
        assert_eq!(failed[0].0, 6);
        let number = failed[0].1.raw_os_error();
        assert_eq!(number, Some(Errno::MSGSIZE.raw_os_error()));

        let arrived = receive(&server, 9);
        let expected = sizes.iter().enumerate().filter(|(index, _)| *index != 6);
        for (each, (index, size)) in arrived.iter().zip(expected) {
            assert_eq!(each.bytes.len(), *size);
            assert!(each.bytes.iter().all(|byte| *byte == index as u8));
        }
    }
}

#[test]
fn what_is_cut_keeps_its_peer_and_its_true_size() {
    for [server, client] in pairs() {
        let mut outbox = Outbox::default();
        for text in ["0123456789", "0123", "01234"] {
            outbox.push(text.as_bytes(), server.address(), None);
        }
        send_whole(&client, &mut outbox);
        let (arrived, _) = receive_into(&mut Inbox::new(4, 32), &server, 3);
        assert_eq!(texts(&arrived), ["0123", "0123", "0123"]);
        let sizes: Vec<_> = arrived.iter().map(|each| each.incoming.size).collect();
        if cfg!(target_os = "linux") {
            assert_eq!(sizes, [10, 4, 5], "{}", server.address());
        } else {
            assert!(sizes[0] > 4 && sizes[1] == 4 && sizes[2] > 4);
        }
        let is_client = |each: &Arrived| each.incoming.peer == *client.address();
        assert!(arrived.iter().all(is_client));
    }
}

#[test]
fn no_more_is_received_than_was_asked_for_or_than_there_is_room_for() {
    for [server, client] in pairs() {
        let mut outbox = Outbox::default();
        for number in 0..6_u8 {
            outbox.push(&[number], server.address(), None);
        }
        send_whole(&client, &mut outbox);
        let mut inbox = Inbox::new(10, 3);
        for (asked, received) in [(1, 1), (2, 2), (32, 3)] {
            server.receive(&mut inbox, asked).unwrap();
            assert_eq!(inbox.received().len(), received, "{}", server.address());
        }
        nothing_waits(&server);
    }
}

#[test]
fn a_unix_peer_that_takes_no_more_stops_no_other() {
    let fresh = || bound(&format!("unixgram:{}", fresh_path().display()));
    let (full, other) = (fresh(), fresh());
    let gone = fresh().address().clone();
    let sender = fresh();
    while sender.send_one(b"fill", full.address(), None).is_ok() {}

    let mut outbox = Outbox::default();
    for to in [full.address(), other.address(), &gone, other.address()] {
        outbox.push(&[outbox.waiting().len() as u8], to, None);
    }
    let (mut sent, mut failed) = (Sent::default(), Vec::new());
    let flow = sender.send(&mut outbox, &mut sent, &mut |outgoing, error| {
        failed.push((outgoing.to.clone(), error.kind()));
    });
    assert_eq!((flow, sent.datagrams), (Flow::Done, 2));
    let expected = [
        (full.address().clone(), ErrorKind::WouldBlock),
        (gone, ErrorKind::NotFound),
    ];
    assert_eq!(failed, expected);
    assert_eq!(receive(&other, 2)[1].bytes, [3]);
}
