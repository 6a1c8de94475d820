//! Handlers that are wrong on purpose, each in a way in which real ones are.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::sim::{
    ClientSocket, DatagramClient, DatagramSimulation, Letter, Timetable,
};
use socketserver::{Datagram, DatagramSocket, HandlerError, Peer, PeerHandler};

use super::transfer::{Getter, Sender, file};

/// Each with what is found, and whether something must go wrong for that.
pub(crate) fn simulations() -> Vec<(&'static str, DatagramSimulation, &'static str, bool)> {
    vec![
        ("a buffer is used again", stale(), "was never said", false),
        (
            "an acknowledgement is not looked at",
            careless(),
            "the file is wrong",
            true,
        ),
        (
            "a repeated request is done twice",
            account(),
            "has 2 on the account",
            true,
        ),
        (
            "an answer that may be lost is sent once",
            once(),
            "no answer has come",
            true,
        ),
    ]
}

/// Keeps the longest datagram in its buffer and answers with too much of it.
fn stale() -> DatagramSimulation {
    let client = |random: &mut Random| {
        let words = (0..4).map(|_| (Duration::ZERO, vec![b'x'; 1 + random.below(5)]));
        Timetable::new(words.collect::<Vec<_>>())
    };
    DatagramSimulation::plain(|| {
        let mut buffer = Vec::new();
        move |datagram: &Datagram<'_>,
              socket: &mut DatagramSocket<'_>|
              -> Result<(), HandlerError> {
            let bytes = datagram.bytes();
            if buffer.len() < bytes.len() {
                buffer.resize(bytes.len(), 0);
            }
            buffer[..bytes.len()].copy_from_slice(bytes);
            let end = buffer.len().min(3 * bytes.len());
            socket.reply(datagram, &buffer[..end])?;
            Ok(())
        }
    })
    .clients(1, client)
    .verify(|run| {
        let client = &run.clients[0];
        let is_said = |letter: &Letter| client.sent.iter().any(|sent| sent.len() == letter.size);
        let counts = client.sent.iter().map(|sent| {
            let size = sent.len();
            let said = client.sent.iter().filter(|sent| sent.len() == size).count();
            let heard = client
                .received
                .iter()
                .filter(|letter| letter.size == size)
                .count();
            (said, heard)
        });
        let is_wrong =
            run.faults.is_empty() && counts.into_iter().any(|(said, heard)| said != heard);
        if is_wrong || !client.received.iter().all(is_said) {
            return Err("what has come was never said".to_owned());
        }
        Ok(())
    })
}

/// Takes every acknowledgement for that of the present block.
fn careless() -> DatagramSimulation {
    let tally = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    DatagramSimulation::peers(|_| {
        let mut sender = Sender::new(file);
        sender.checks_block = false;
        sender
    })
    .clients(1, move |random| Getter::new(random, &tally))
}

/// Adds one each time that it is asked to, and does not see that it is the same request.
struct Account(u8);

impl PeerHandler for Account {
    fn received(&mut self, _: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        self.0 += 1;
        Ok(peer.send(&[self.0])?)
    }
}

fn account() -> DatagramSimulation {
    DatagramSimulation::peers(|_| Account(0)).clients(1, |_| Depositor::default())
}

/// Asks until it is answered.
#[derive(Default)]
struct Depositor {
    balance: Option<u8>,
    tries: u8,
    gives_up: bool,
}

impl DatagramClient for Depositor {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        socket.send(b"one more");
        socket.set_timer(Duration::from_millis(100));
    }

    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        if let [balance] = letter.bytes[..] {
            self.balance = self.balance.max(Some(balance));
            socket.cancel_timer();
        }
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        self.tries += 1;
        self.gives_up = self.tries > 5;
        if !self.gives_up {
            self.started(socket);
        }
    }

    fn verdict(&self) -> Result<(), String> {
        match self.balance {
            Some(balance) if balance > 1 => Err(format!("it has {balance} on the account, not 1")),
            _ => Ok(()),
        }
    }
}

/// Asks once, as if nothing could be lost.
fn once() -> DatagramSimulation {
    DatagramSimulation::peers(|_| Account(0))
        .clients(1, |_| {
            Timetable::new([(Duration::ZERO, b"one more".to_vec())])
        })
        .verify(|run| match run.clients[0].received.len() {
            0 => Err("no answer has come".to_owned()),
            _ => Ok(()),
        })
}
