//! The operator who speaks whenever there is something to say.

use std::sync::Arc;

use super::desk::Desk;
use super::{Event, Peer, SayError, Talk};

/// Speaks to all peers or to one of them, and hears what they say.
///
/// Cloning it gives another handle to the same conversation, for another thread. Some thread should take the events: peers that have said
/// some lines which nobody takes are not read from.
#[derive(Clone, Debug)]
pub struct Operator {
    desk: Arc<Desk>,
}

/// What became of a line to everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many peers it was sent to.
    pub reached: usize,
    /// Who was not sent it, since too much waits for them already.
    pub missed: Vec<u64>,
}

impl Operator {
    /// An operator to whom nobody has come yet.
    pub fn new() -> Self {
        Self {
            desk: Arc::new(Desk::new(None)),
        }
    }

    /// The handler of a new connection.
    pub fn handler(&self) -> Talk {
        Talk::new(self.desk.clone())
    }

    /// Says one line to everybody. It never waits.
    pub fn say_to_all(&self, text: &str) -> Result<Told, SayError> {
        let (reached, missed) = self.desk.say_to_all(text)?;
        Ok(Told { reached, missed })
    }

    /// Says one line to the peer with a number. It never waits.
    pub fn say_to(&self, number: u64, text: &str) -> Result<(), SayError> {
        self.desk.say_to(number, text)
    }

    /// Who is there, in the order in which they came.
    pub fn peers(&self) -> Vec<Peer> {
        self.desk.peers()
    }

    /// Waits for what happens next. None is the end: somebody has called [`close`](Operator::close), and everything before was taken.
    pub fn next_event(&self) -> Option<Event> {
        self.desk.next_event()
    }

    /// What has happened already, if anything has.
    pub fn take_event(&self) -> Option<Event> {
        self.desk.take_event()
    }

    /// Ends the events, for those who wait for one, when the server has ended.
    pub fn close(&self) {
        self.desk.close();
    }
}

impl Default for Operator {
    fn default() -> Self {
        Self::new()
    }
}
