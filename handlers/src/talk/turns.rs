//! The operator who answers, one peer at a time.

use std::sync::Arc;

use super::desk::Desk;
use super::{Event, Peer, SayError, Talk};

/// Answers the lines of one peer after the other, until the quit word ends its conversation.
///
/// The peer who came first has its turn: it says a line, and is not read from again before it was answered. The others are not read from at all until
/// it has left, or the operator has sent it the quit word. Cloning it gives another handle to the same conversations.
#[derive(Clone, Debug)]
pub struct Turns {
    desk: Arc<Desk>,
}

impl Turns {
    /// Turns that end with this answer, which tutorials choose to be `q`.
    pub fn new(quit_word: impl Into<String>) -> Self {
        Self {
            desk: Arc::new(Desk::new(Some(quit_word.into()))),
        }
    }

    /// The handler of a new connection.
    pub fn handler(&self) -> Talk {
        Talk::new(self.desk.clone())
    }

    /// Waits until a peer has said something that was not answered, answers it with one line, and returns whom. The quit word is sent, too, and closes
    /// its connection.
    pub fn answer(&self, text: &str) -> Result<u64, SayError> {
        self.desk.answer(text)
    }

    /// Who waits for an answer now.
    pub fn asking(&self) -> Option<u64> {
        self.desk.asking()
    }

    /// Who is there, in the order of their turns.
    pub fn peers(&self) -> Vec<Peer> {
        self.desk.peers()
    }

    /// Waits for what happens next. None is the end: somebody has called [`close`](Turns::close), and everything before was taken.
    pub fn next_event(&self) -> Option<Event> {
        self.desk.next_event()
    }

    /// What has happened already, if anything has.
    pub fn take_event(&self) -> Option<Event> {
        self.desk.take_event()
    }

    /// Ends the events and the answers, for those who wait for a peer, when the server has ended.
    pub fn close(&self) {
        self.desk.close();
    }
}
