//! A file in blocks, one at a time, as TFTP has it (RFC 1350): each is sent again until it is acknowledged, six times at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::sim::{ClientSocket, DatagramClient, Letter};
use socketserver::{Address, Datagram, HandlerError, Peer, PeerHandler};

/// How long a block is; a shorter one is the last.
const BLOCK_BYTES: usize = 16;
/// How often a message is sent again.
const RETRIES_MAX: u8 = 5;
const PATIENCE: Duration = Duration::from_millis(200);

const REQUEST: u8 = 0;
const DATA: u8 = 1;
const ACKNOWLEDGEMENT: u8 = 2;

/// The file of this name: so many bytes.
pub(crate) fn file(name: u8) -> Vec<u8> {
    (0..name).map(|index| index.wrapping_mul(name)).collect()
}

/// Serves files.
pub(crate) struct Sender {
    open: fn(u8) -> Vec<u8>,
    file: Vec<u8>,
    /// The block that is on its way, or none before the request.
    block: u8,
    /// What it is called to the client.
    number: u8,
    tries: u8,
    /// Whether acknowledgements of other blocks than the present one are known for what they are.
    pub(crate) checks_block: bool,
}

impl Sender {
    pub(crate) fn new(open: fn(u8) -> Vec<u8>) -> Self {
        Self {
            open,
            file: Vec::new(),
            block: 0,
            number: 0,
            tries: 0,
            checks_block: true,
        }
    }

    /// Where the present block begins.
    fn start(&self) -> usize {
        (usize::from(self.block) - 1) * BLOCK_BYTES
    }

    fn send_block(&mut self, peer: &mut Peer<'_>) {
        let rest = &self.file[self.start()..];
        let mut message = vec![DATA, self.number];
        message.extend_from_slice(&rest[..rest.len().min(BLOCK_BYTES)]);
        // Who is unproven and gets nothing more has to ask again, and anything else is as if it were lost.
        let _ = peer.send(&message);
        peer.set_timer(1, PATIENCE);
    }

    fn next_block(&mut self, number: u8, peer: &mut Peer<'_>) {
        self.block += 1;
        self.number = number;
        self.tries = 0;
        self.send_block(peer);
    }
}

impl PeerHandler for Sender {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        match *datagram.bytes() {
            [REQUEST, name, ..] if self.block == 0 => {
                self.file = (self.open)(name);
                peer.open_socket()?;
                self.next_block(1, peer);
            }
            [ACKNOWLEDGEMENT, block]
                if self.block > 0 && (block == self.block || !self.checks_block) =>
            {
                peer.prove();
                if self.file.len() - self.start() < BLOCK_BYTES {
                    peer.close();
                } else {
                    self.next_block(block + 1, peer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn timer(&mut self, _: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        if self.tries == RETRIES_MAX {
            peer.close();
        } else {
            self.tries += 1;
            self.send_block(peer);
        }
        Ok(())
    }

    fn stopping(&mut self, _: &mut Peer<'_>) -> Result<(), HandlerError> {
        // The rest of the file still goes out.
        Ok(())
    }
}

/// Fetches a file.
pub(crate) struct Getter {
    name: u8,
    file: Vec<u8>,
    /// How many blocks have come.
    blocks: u8,
    /// The socket that the server has opened for this transfer.
    from: Option<Address>,
    tries: u8,
    state: State,
    /// How many are complete, and how many there are.
    tally: Arc<[AtomicU64; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Complete,
    GivenUp,
}

impl Getter {
    pub(crate) fn new(random: &mut Random, tally: &Arc<[AtomicU64; 2]>) -> Self {
        tally[1].fetch_add(1, Ordering::Relaxed);
        Self {
            name: random.below(100) as u8,
            file: Vec::new(),
            blocks: 0,
            from: None,
            tries: 0,
            state: State::Waiting,
            tally: tally.clone(),
        }
    }

    /// Asks for the file, or says how much has come.
    fn say(&mut self, socket: &mut ClientSocket<'_>) {
        match &self.from {
            // Long enough that a first block may be sent three times in answer.
            None => {
                let request = [&[REQUEST, self.name][..], b", in binary, if you please"];
                socket.send(&request.concat());
            }
            Some(from) => socket.send_to(&[ACKNOWLEDGEMENT, self.blocks], from),
        }
        if self.state == State::Waiting {
            socket.set_timer(PATIENCE);
        }
    }
}

impl DatagramClient for Getter {
    fn started(&mut self, socket: &mut ClientSocket<'_>) {
        self.say(socket);
    }

    fn received(&mut self, letter: &Letter, socket: &mut ClientSocket<'_>) {
        let [DATA, block, data @ ..] = &letter.bytes[..] else {
            return;
        };
        // A late copy of the request may have begun a second transfer.
        let is_other = self.from.as_ref().is_some_and(|from| *from != letter.from);
        if letter.is_truncated() || is_other || self.state == State::GivenUp {
            return;
        }
        if *block == self.blocks + 1 && self.state == State::Waiting {
            self.from = Some(letter.from.clone());
            self.file.extend_from_slice(data);
            self.blocks += 1;
            self.tries = 0;
            if data.len() < BLOCK_BYTES {
                self.state = State::Complete;
                self.tally[0].fetch_add(1, Ordering::Relaxed);
                socket.cancel_timer();
            }
        }
        if *block == self.blocks {
            self.say(socket);
        }
    }

    fn timer(&mut self, socket: &mut ClientSocket<'_>) {
        if self.tries == RETRIES_MAX {
            self.state = State::GivenUp;
            return;
        }
        self.tries += 1;
        self.say(socket);
    }

    fn verdict(&self) -> Result<(), String> {
        match self.state {
            State::Waiting => Err("it still waits, and does not know for what".to_owned()),
            State::GivenUp => Ok(()),
            State::Complete if self.file == file(self.name) => Ok(()),
            State::Complete => Err(format!("the file is wrong: {:?}", self.file)),
        }
    }
}
