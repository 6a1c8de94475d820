//! Handlers and clients of these tests: timers, room, proofs, sockets of their own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::sim::{ClientSocket, DatagramClient, Letter};
use socketserver::{CloseReason, Datagram, HandlerError, Peer, PeerHandler, SendError};

/// Sets the timer that a datagram names for the milliseconds that it names, and tells of each that rings.
pub(crate) struct Alarms;

impl PeerHandler for Alarms {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        if let &[timer, millis] = datagram.bytes() {
            peer.set_timer(timer, Duration::from_millis(millis.into()));
        }
        Ok(())
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        Ok(peer.send(&[timer])?)
    }
}

/// Rings every so many milliseconds for ever.
#[derive(Default)]
pub(crate) struct Heartbeat {
    every: Duration,
}

impl PeerHandler for Heartbeat {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        let millis = datagram.bytes().first().copied().unwrap_or(1);
        self.every = Duration::from_millis(millis.into());
        peer.set_timer(0, self.every);
        Ok(())
    }

    fn timer(&mut self, timer: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.set_timer(timer, self.every);
        Ok(())
    }
}

/// Says how many datagrams have come.
#[derive(Default)]
pub(crate) struct Count(u8);

impl PeerHandler for Count {
    fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.0 += 1;
        Ok(peer.send(&[self.0])?)
    }
}

/// Proves who says so, closes for who says so, and tells when it had to go although it was proven.
pub(crate) struct Guest {
    is_proven: bool,
    driven_out: Arc<AtomicBool>,
}

impl Guest {
    pub(crate) fn new(driven_out: &Arc<AtomicBool>) -> Self {
        Self {
            is_proven: false,
            driven_out: driven_out.clone(),
        }
    }
}

impl PeerHandler for Guest {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        match datagram.bytes() {
            b"prove" => {
                peer.prove();
                self.is_proven = true;
            }
            b"bye" => peer.close(),
            _ => {}
        }
        Ok(peer.send(datagram.bytes())?)
    }

    fn closed(&mut self, reason: &CloseReason) {
        if self.is_proven && matches!(reason, CloseReason::Evicted) {
            self.driven_out.store(true, Ordering::Relaxed);
        }
    }
}

/// Says something every now and then, and at last goodbye.
pub(crate) struct Visitor {
    words_left: usize,
}

impl Visitor {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            words_left: random.below(6),
        }
    }
}

impl DatagramClient for Visitor {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        let after = Duration::from_millis(socket.random().below(50) as u64);
        socket.set_timer(after);
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        let words: [&[u8]; 4] = [b"prove", b"hello", b"hello", b"bye"];
        let word = *socket.random().pick(&words);
        socket.send(word);
        if self.words_left > 0 {
            self.words_left -= 1;
            self.started(socket);
        }
    }
}

/// Sends as much as it may.
pub(crate) struct Greedy;

impl PeerHandler for Greedy {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        // As many bytes as possible first, since there are three datagrams to put them into.
        let answer = datagram.bytes().repeat(2);
        loop {
            match peer.send(&answer) {
                Ok(()) => {}
                Err(SendError::Unproven { left, .. }) if left > 0 && left < answer.len() => {
                    peer.send(&answer[..left])?;
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

/// Believes everybody, opens a socket, and fills it.
pub(crate) struct Flood;

impl PeerHandler for Flood {
    fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.prove();
        peer.open_socket()?;
        // An end of its own, lest a server without a limit fill this machine's memory.
        let _ = (0..1_000).try_for_each(|_| peer.send(&[7; 100]));
        Ok(())
    }
}

/// Moves to a socket of its own with each peer, and believes those who have followed it there.
#[derive(Default)]
pub(crate) struct OwnSocket {
    said: u8,
}

impl PeerHandler for OwnSocket {
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.send(b"from the server's")?;
        peer.open_socket()?;
        Ok(())
    }

    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        if datagram.local() == *peer.local() {
            peer.prove();
        }
        self.said += 1;
        peer.send(&[self.said])?;
        if datagram.bytes() == b"many and bye" {
            let _ = (0..20).try_for_each(|_| peer.send(b"many"));
            peer.close();
        }
        peer.set_timer(1, Duration::from_millis(30));
        Ok(())
    }

    fn timer(&mut self, _: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        // It may be more than the peer may get.
        let _ = peer.send(b"still there?");
        Ok(())
    }

    fn failed(&mut self, _: &io::Error, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        peer.close();
        Ok(())
    }
}

/// Follows the server to the socket that it has opened, talks to both sockets, many words at once, and may leave at any time.
pub(crate) struct Roamer {
    turns_left: usize,
}

impl Roamer {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            turns_left: 1 + random.below(5),
        }
    }
}

impl DatagramClient for Roamer {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        socket.send(b"hello, this is somebody new");
    }

    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        if self.turns_left == 0 || letter.from == *socket.server() {
            return;
        }
        self.turns_left -= 1;
        if socket.random().one_in(8) {
            socket.close();
            return;
        }
        for _ in 0..socket.random().below(6) {
            let words: [&[u8]; 4] = [b"here", b"here too", b"many and bye", b""];
            let word = *socket.random().pick(&words);
            if socket.random().one_in(4) {
                socket.send(word);
            } else {
                socket.send_to(word, &letter.from);
            }
        }
    }
}
