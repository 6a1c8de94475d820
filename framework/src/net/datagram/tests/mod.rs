//! Sockets for datagrams against each other on this machine.

mod exchange;
#[cfg(target_os = "linux")]
mod linux;
mod sharing;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::bind::{Settings, Sharing};
use super::bound::Bound;
use super::single::SingleLink;
use super::{DatagramLink, Flow, Inbox, Incoming, Sent, bind};
use crate::datagram::Outbox;
use crate::net::{Address, Endpoint};
use crate::server::Config;

/// So long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint for every kind of socket that can be answered.
fn endpoints() -> Vec<Endpoint> {
    let mut texts = vec!["udp://127.0.0.1:0".to_owned(), "udp://[::1]:0".to_owned()];
    texts.push(format!("unixgram:{}", fresh_path().display()));
    if cfg!(target_os = "linux") {
        texts.push(format!("unixgram:@{}", fresh_path().display()));
    }
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn fresh_path() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("socketserver-datagram-{}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}

fn bound(endpoint: &str) -> Arc<dyn DatagramLink> {
    bind(&endpoint.parse().unwrap(), &Config::default()).unwrap()
}

/// A second socket of the same kind.
fn alike(endpoint: &Endpoint) -> Arc<dyn DatagramLink> {
    let endpoint = match endpoint {
        Endpoint::Unixgram(_) => Endpoint::Unixgram(fresh_path()),
        Endpoint::UnixgramAbstract(_) => {
            Endpoint::UnixgramAbstract(fresh_path().display().to_string())
        }
        udp => udp.clone(),
    };
    bind(&endpoint, &Config::default()).unwrap()
}

/// Two sockets of every kind, among them those that other systems have for UDP.
fn pairs() -> Vec<[Arc<dyn DatagramLink>; 2]> {
    let mut pairs: Vec<_> = endpoints()
        .iter()
        .map(|endpoint| [bind(endpoint, &Config::default()).unwrap(), alike(endpoint)])
        .collect();
    pairs.extend(["127.0.0.1:0", "[::1]:0"].map(|address| [portable(address), portable(address)]));
    pairs
}

/// A UDP socket as systems other than Linux have it.
fn portable(address: &str) -> Arc<dyn DatagramLink> {
    let settings = Settings::of(&Config::default());
    let socket = settings.bind(address.parse().unwrap(), Sharing::Exclusive);
    Arc::new(SingleLink::new(
        Bound::new(socket.unwrap(), settings).unwrap(),
    ))
}

fn port_of(link: &Arc<dyn DatagramLink>) -> u16 {
    link.address().port().unwrap()
}

/// The same port at another address.
fn address_of(link: &Arc<dyn DatagramLink>, ip: &str) -> Address {
    Address::Udp((ip.parse::<IpAddr>().unwrap(), port_of(link)).into())
}

/// A datagram as it was received.
#[derive(Debug)]
struct Arrived {
    incoming: Incoming,
    bytes: Vec<u8>,
}

fn wait(link: &Arc<dyn DatagramLink>, interest: Interest) {
    let mut poll = Poll::new().unwrap();
    let descriptor = link.descriptor();
    let mut source = SourceFd(&descriptor);
    poll.registry()
        .register(&mut source, Token(0), interest)
        .unwrap();
    let mut events = Events::with_capacity(1);
    let deadline = Instant::now() + PATIENCE;
    while events.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nothing comes to {}", link.address());
        match poll.poll(&mut events, Some(left)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("{error}"),
            _ => {}
        }
    }
}

/// Receives until there are so many, and says how many calls that took.
fn receive_into(
    inbox: &mut Inbox,
    link: &Arc<dyn DatagramLink>,
    count: usize,
) -> (Vec<Arrived>, u32) {
    let (mut arrived, mut calls) = (Vec::new(), 0);
    while arrived.len() < count {
        match link.receive(inbox, 32) {
            Ok(()) => {
                calls += 1;
                arrived.extend(inbox.received().iter().map(|incoming| Arrived {
                    incoming: incoming.clone(),
                    bytes: inbox.bytes(incoming).to_vec(),
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(link, Interest::READABLE);
            }
            Err(error) => panic!("receiving fails: {error}"),
        }
    }
    assert_eq!(arrived.len(), count, "not more than were sent");
    (arrived, calls)
}

fn receive(link: &Arc<dyn DatagramLink>, count: usize) -> Vec<Arrived> {
    receive_into(&mut Inbox::new(65_535, 32), link, count).0
}

fn texts(arrived: &[Arrived]) -> Vec<String> {
    let text = |each: &Arrived| String::from_utf8_lossy(&each.bytes).into_owned();
    arrived.iter().map(text).collect()
}

fn nothing_waits(link: &Arc<dyn DatagramLink>) {
    let error = link.receive(&mut Inbox::new(100, 1), 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

/// Sends everything; returns what that took, and the errors with the index of the datagram in the order of failing.
fn send_all(link: &Arc<dyn DatagramLink>, outbox: &mut Outbox) -> (Sent, Vec<(usize, io::Error)>) {
    let (mut sent, mut failed) = (Sent::default(), Vec::new());
    let count = outbox.waiting().len();
    let lengths: Vec<_> = outbox
        .waiting()
        .iter()
        .map(|each| each.range.clone())
        .collect();
    let mut note = |outgoing: &crate::datagram::Outgoing, error| {
        let index = lengths.iter().position(|range| *range == outgoing.range);
        failed.push((index.unwrap(), error));
    };
    while link.send(outbox, &mut sent, &mut note) == Flow::Blocked {
        wait(link, Interest::WRITABLE);
    }
    assert!(outbox.is_empty());
    assert_eq!(sent.datagrams as usize + failed.len(), count);
    (sent, failed)
}

fn send_whole(link: &Arc<dyn DatagramLink>, outbox: &mut Outbox) -> Sent {
    let (sent, failed) = send_all(link, outbox);
    assert!(failed.is_empty(), "{failed:?}");
    sent
}
