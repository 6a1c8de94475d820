//! One direction between a client and the server: each datagram meets its fate here.

use std::mem;
use std::sync::Arc;

use socketserver::{Address, DatagramSender, Peer};

use super::{Dice, Fate, HELD_MAX, HELD_TIME, RELEASE, Tally};

/// What decides, what was held back, and where to send from.
pub(super) struct Direction {
    dice: Dice,
    /// Datagrams that the next one shall overtake, in their order.
    held: Vec<Vec<u8>>,
    sender: DatagramSender,
    tally: Arc<Tally>,
}

impl Direction {
    pub(super) fn new(dice: Dice, sender: DatagramSender, tally: Arc<Tally>) -> Self {
        Self {
            dice,
            held: Vec::new(),
            sender,
            tally,
        }
    }

    /// Does to a datagram what the dice say; false when it is lost.
    ///
    /// `from` is the peer whose handler this runs in: its timer lets go what was held back and nothing has overtaken.
    pub(super) fn carry(&mut self, bytes: &[u8], to: &Address, from: &mut Peer<'_>) -> bool {
        let fate = match self.dice.throw() {
            Fate::Reordered if self.held.len() == HELD_MAX => Fate::Passed,
            fate => fate,
        };
        self.tally.count(fate);
        match fate {
            Fate::Dropped => return false,
            Fate::Reordered => {
                if self.held.is_empty() {
                    from.set_timer(RELEASE, HELD_TIME);
                }
                self.held.push(bytes.to_vec());
                return true;
            }
            Fate::Passed => self.send(bytes, to),
            Fate::Duplicated => {
                self.send(bytes, to);
                self.send(bytes, to);
            }
        }
        self.release(to);
        true
    }

    /// Sends what was held back.
    pub(super) fn release(&mut self, to: &Address) {
        for bytes in mem::take(&mut self.held) {
            self.send(&bytes, to);
        }
    }

    fn send(&self, bytes: &[u8], to: &Address) {
        // What the system has no room for is lost, as on every way.
        if self.sender.send_to(bytes, to).is_err() {
            self.tally.count_refused();
        }
    }
}
