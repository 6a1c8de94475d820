//! Where the operator and all peers meet: who is there, what the operator has not heard yet, and who may say more.
//!
//! A handler asks [`Desk::listens`] before it reads a line. If it may not, it stops reading, and the desk wakes it when it may: that was noted under the
//! same lock, so that no news is lost between the two.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use socketserver::{Address, CloseReason, Remote};

use super::LINE_BYTES_MAX;
use super::event::{Event, Peer, SayError};

/// How many lines of one peer may wait for the operator. Each peer has its own, so that one who floods keeps nobody else from being heard.
const LINES_PER_PEER_MAX: usize = 4;
/// With so many events waiting, a further peer is let in only when the operator has taken some. What waits is at most this, and what those who
/// are there can add to it.
const EVENTS_MAX: usize = 64;
/// How many bytes may wait for one peer before it counts as one that does not read.
const QUEUED_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// Something has happened that somebody may wait for.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The word that ends a conversation, if peers have turns.
    quit_word: Option<String>,
    last_number: u64,
    /// Who is there, in the order in which they came.
    guests: BTreeMap<u64, Guest>,
    /// Who has come while too much was waiting, and was not let in yet.
    at_the_door: VecDeque<u64>,
    events: VecDeque<Event>,
    is_over: bool,
}

#[derive(Debug)]
struct Guest {
    remote: Remote,
    address: Address,
    is_let_in: bool,
    /// How many of its lines wait for the operator.
    lines: usize,
    /// In turns: it has said something and waits for the answer. The answer has a line end if the question had one.
    question: Option<Question>,
    /// It has sent its end, which was told to the operator if an answer is owed.
    has_ended: bool,
    /// Its handler was told to wait, and must be woken when there is news for it.
    is_waiting: bool,
}

/// What an answer must look like.
#[derive(Clone, Copy, Debug)]
struct Question {
    has_line_end: bool,
}

impl Desk {
    /// For peers who speak when they like, or in turns until the operator says a word.
    pub(super) fn new(quit_word: Option<String>) -> Self {
        let state = State {
            quit_word,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in there, whoever has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What handlers do.
impl Desk {
    /// A peer has come; its number.
    pub(super) fn arrive(&self, remote: Remote, address: Address) -> u64 {
        let mut state = self.state();
        state.last_number += 1;
        let number = state.last_number;
        let guest = Guest {
            remote,
            address,
            is_let_in: false,
            lines: 0,
            question: None,
            has_ended: false,
            is_waiting: false,
        };
        state.guests.insert(number, guest);
        state.at_the_door.push_back(number);
        state.let_in();
        self.news.notify_all();
        number
    }

    /// Whether a peer may say a line now. If not, it is woken when that changes.
    pub(super) fn listens(&self, number: u64) -> bool {
        let mut state = self.state();
        let may = state.may_speak(number);
        if let Some(guest) = state.guests.get_mut(&number) {
            guest.is_waiting = !may;
        }
        may
    }

    /// A peer has said a line, which it may.
    pub(super) fn hear(&self, number: u64, text: String, has_line_end: bool) {
        let mut state = self.state();
        let in_turns = state.quit_word.is_some();
        if let Some(guest) = state.guests.get_mut(&number) {
            guest.lines += 1;
            guest.question = in_turns.then_some(Question { has_line_end });
            state.events.push_back(Event::Said { number, text });
            self.news.notify_all();
        }
    }

    /// A peer has sent its end, and all that it had said was heard; whether it waits for an answer all the same.
    pub(super) fn ends(&self, number: u64) -> bool {
        let mut state = self.state();
        let Some(guest) = state.guests.get_mut(&number) else {
            return false;
        };
        guest.is_waiting = true;
        let waits = guest.question.is_some();
        if waits && !std::mem::replace(&mut guest.has_ended, true) {
            state.events.push_back(Event::Ended { number });
            self.news.notify_all();
        }
        waits
    }

    /// A peer is gone.
    pub(super) fn leave(&self, number: u64, reason: &CloseReason) {
        let mut state = self.state();
        if state.remove(number, reason) {
            self.news.notify_all();
        }
    }
}

/// What an operator does.
impl Desk {
    /// Waits for what happens next; none when all is over.
    pub(super) fn next_event(&self) -> Option<Event> {
        let nothing = |state: &mut State| state.events.is_empty() && !state.is_over;
        let state = self.news.wait_while(self.state(), nothing);
        state.unwrap_or_else(PoisonError::into_inner).take_event()
    }

    /// What has happened already.
    pub(super) fn take_event(&self) -> Option<Event> {
        self.state().take_event()
    }

    pub(super) fn peers(&self) -> Vec<Peer> {
        let state = self.state();
        let let_in = state.guests.iter().filter(|(_, guest)| guest.is_let_in);
        let peer = |(&number, guest): (&u64, &Guest)| Peer {
            number,
            address: guest.address.clone(),
        };
        let_in.map(peer).collect()
    }

    /// Says a line to everybody; how many were told, and who does not read.
    pub(super) fn say_to_all(&self, text: &str) -> Result<(usize, Vec<u64>), SayError> {
        check(text)?;
        let state = self.state();
        let (mut reached, mut missed) = (0, Vec::new());
        for (&number, guest) in &state.guests {
            match guest.say(number, text, true) {
                Ok(()) => reached += 1,
                Err(SayError::DoesNotRead { number }) => missed.push(number),
                Err(_) => {}
            }
        }
        Ok((reached, missed))
    }

    pub(super) fn say_to(&self, number: u64, text: &str) -> Result<(), SayError> {
        check(text)?;
        let state = self.state();
        let guest = state.guests.get(&number);
        guest
            .ok_or(SayError::NoSuchPeer { number })?
            .say(number, text, true)
    }

    /// Waits until a peer waits for an answer, answers it, and says who that was.
    pub(super) fn answer(&self, text: &str) -> Result<u64, SayError> {
        check(text)?;
        let nobody_asks = |state: &mut State| state.asking().is_none() && !state.is_over;
        let state = self.news.wait_while(self.state(), nobody_asks);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let quits = state.quit_word.as_deref() == Some(text);
        let number = state.asking().ok_or(SayError::Over)?;
        let Some(guest) = state.guests.get_mut(&number) else {
            return Err(SayError::Over);
        };
        // Who does not read loses an answer, and with it its turn, but keeps nobody else waiting.
        let has_line_end = guest
            .question
            .take()
            .is_none_or(|question| question.has_line_end);
        let said = guest.say(number, text, has_line_end);
        if quits {
            guest.remote.close();
            state.remove(number, &CloseReason::RemoteClosed);
            self.news.notify_all();
        } else {
            state.wake(number);
        }
        match said {
            Err(SayError::NoSuchPeer { .. }) | Ok(()) => Ok(number),
            Err(error) => Err(error),
        }
    }

    /// Who waits for an answer.
    pub(super) fn asking(&self) -> Option<u64> {
        self.state().asking()
    }

    /// All is over: whoever waits goes on.
    pub(super) fn close(&self) {
        self.state().is_over = true;
        self.news.notify_all();
    }
}

impl State {
    fn may_speak(&self, number: u64) -> bool {
        let Some(guest) = self.guests.get(&number) else {
            return false;
        };
        let has_turn = self.quit_word.is_none()
            || (guest.question.is_none() && self.guests.keys().next() == Some(&number));
        guest.is_let_in && guest.lines < LINES_PER_PEER_MAX && has_turn
    }

    /// In turns only the first one speaks, and so waits for an answer.
    fn asking(&self) -> Option<u64> {
        let (number, guest) = self.guests.first_key_value()?;
        guest.question.map(|_| *number)
    }

    fn take_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if let Some(Event::Said { number, .. }) = event {
            if let Some(guest) = self.guests.get_mut(&number) {
                guest.lines -= 1;
            }
            self.wake(number);
        }
        self.let_in();
        event
    }

    /// Lets in who waits at the door, as far as there is room.
    fn let_in(&mut self) {
        while self.events.len() < EVENTS_MAX
            && let Some(number) = self.at_the_door.pop_front()
        {
            if let Some(guest) = self.guests.get_mut(&number) {
                guest.is_let_in = true;
                let address = guest.address.clone();
                self.events.push_back(Event::Came { number, address });
            }
            self.wake(number);
        }
    }

    /// Has the handler of a peer look again, if it waits.
    fn wake(&self, number: u64) {
        if let Some(guest) = self.guests.get(&number)
            && guest.is_waiting
        {
            guest.remote.wake();
        }
    }

    /// Forgets a peer, and gives its turn to the next one; false when it was not there.
    fn remove(&mut self, number: u64, reason: &CloseReason) -> bool {
        let Some(guest) = self.guests.remove(&number) else {
            return false;
        };
        self.at_the_door.retain(|waiting| *waiting != number);
        if guest.is_let_in {
            let reason = reason.clone();
            self.events.push_back(Event::Left { number, reason });
        }
        if self.quit_word.is_some()
            && let Some((&next, _)) = self.guests.first_key_value()
        {
            self.wake(next);
        }
        true
    }
}

impl Guest {
    fn say(&self, number: u64, text: &str, has_line_end: bool) -> Result<(), SayError> {
        if self.remote.queued() + text.len() >= QUEUED_BYTES_MAX {
            return Err(SayError::DoesNotRead { number });
        }
        let end = if has_line_end { "\n" } else { "" };
        let line = [text, end].concat();
        match self.remote.write(line) {
            Ok(()) => Ok(()),
            Err(socketserver::RemoteError::Full) => Err(SayError::DoesNotRead { number }),
            Err(_) => Err(SayError::NoSuchPeer { number }),
        }
    }
}

/// Whether a text is one line.
fn check(text: &str) -> Result<(), SayError> {
    if text.len() > LINE_BYTES_MAX {
        Err(SayError::TooLong { bytes: text.len() })
    } else if text.contains('\n') {
        Err(SayError::SeveralLines)
    } else {
        Ok(())
    }
}
