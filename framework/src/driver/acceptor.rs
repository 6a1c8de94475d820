//! Accepting connections: within limits, fairly, and through every error.

use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use super::Job;
use crate::net::accept::{Action, action_for, is_out_of_descriptors};
use crate::net::{Address, Listener, NewSockets, Port};
use crate::server::AtCapacity;
use crate::session::Turn;
use crate::timer::Time;

/// The first pause after a shortage; it doubles with each one that follows.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest pause, so that clients are served soon after descriptors come free.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// How many clients may be lost in a row before it counts as a shortage, so that no error can make a loop spin.
const RETRIES_MAX: u32 = 64;
/// How many waiting clients are turned away at once when descriptors ran out.
const TURNED_AWAY_MAX: u32 = 64;

/// The listeners of one accepting thread, and what it remembers about them.
#[derive(Debug)]
pub(crate) struct Acceptor<P = Listener> {
    doors: Vec<Door<P>>,
    sockets: NewSockets,
    /// Until when nothing is accepted, after a shortage.
    paused_until: Option<Time>,
    pause: Duration,
}

#[derive(Debug)]
struct Door<P> {
    listener: Arc<P>,
    index: u16,
    /// Somebody may be waiting: readiness is reported once, and remembered here.
    ready: bool,
    /// Its address is a wildcard.
    local_is_open: bool,
}

impl<P: Port> Acceptor<P> {
    pub(crate) fn new(listeners: &[Arc<P>], sockets: NewSockets) -> Self {
        let door = |(index, listener): (u16, &Arc<P>)| Door {
            listener: listener.clone(),
            index,
            ready: true,
            local_is_open: listener.address().is_wildcard(),
        };
        Self {
            doors: (0..).zip(listeners).map(door).collect(),
            sockets,
            paused_until: None,
            pause: PAUSE_MIN,
        }
    }

    pub(crate) fn listeners(&self) -> impl Iterator<Item = (u16, &Arc<P>)> {
        self.doors.iter().map(|door| (door.index, &door.listener))
    }

    /// The poll says that somebody is waiting at a listener.
    pub(crate) fn set_ready(&mut self, index: u16) {
        for door in self.doors.iter_mut().filter(|door| door.index == index) {
            door.ready = true;
        }
    }

    /// Somebody else says that every listener should be tried again.
    pub(crate) fn set_all_ready(&mut self) {
        for door in &mut self.doors {
            door.ready = true;
        }
    }

    /// Whether somebody may be waiting, and may be let in.
    pub(crate) fn is_ready(&self, now: Time) -> bool {
        self.paused_until.is_none_or(|until| until <= now)
            && self.doors.iter().any(|door| door.ready)
    }

    /// When accepting should be tried again without any event.
    pub(crate) fn retry_at(&self) -> Option<Time> {
        self.paused_until
            .filter(|_| self.doors.iter().any(|door| door.ready))
    }

    /// Whether every listener has failed for good.
    pub(crate) fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// Accepts until nobody waits, at most `ration` connections, and adds them to `arrivals`. True when it stopped for lack of room in the server.
    pub(crate) fn accept(
        &mut self,
        turn: &mut Turn,
        mut ration: usize,
        arrivals: &mut Vec<Job<P::Link>>,
    ) -> bool {
        self.paused_until = None;
        let mut index = 0;
        while let Some(door) = self.doors.get_mut(index) {
            let outcome = if door.ready {
                door.accept(self.sockets, turn, &mut ration, arrivals)
            } else {
                Outcome::NobodyWaits
            };
            match outcome {
                Outcome::NobodyWaits => index += 1,
                Outcome::RationUsed | Outcome::NoRoom => {
                    // The next one comes first next time, so that a busy listener keeps nobody waiting at the others.
                    self.doors.rotate_left(index + 1);
                    return matches!(outcome, Outcome::NoRoom);
                }
                Outcome::Shortage => {
                    self.paused_until = Some(turn.now.after(self.pause));
                    self.pause = (self.pause * 2).min(PAUSE_MAX);
                    return false;
                }
                Outcome::Broken => drop(self.doors.remove(index)),
            }
        }
        self.pause = PAUSE_MIN;
        false
    }
}

/// Why a listener is left alone for now.
enum Outcome {
    NobodyWaits,
    RationUsed,
    NoRoom,
    Shortage,
    Broken,
}

impl<P: Port> Door<P> {
    fn accept(
        &mut self,
        sockets: NewSockets,
        turn: &mut Turn,
        ration: &mut usize,
        arrivals: &mut Vec<Job<P::Link>>,
    ) -> Outcome {
        let mut retries = 0;
        loop {
            if *ration == 0 {
                return Outcome::RationUsed;
            }
            if !turn.shared.admission.try_enter() {
                match self.turn_one_away(sockets, turn, ration, &mut retries) {
                    Some(outcome) => return outcome,
                    None => continue,
                }
            }
            turn.counters.calls.accept += 1;
            match self.listener.accept(sockets) {
                Ok((socket, peer)) => {
                    retries = 0;
                    *ration -= 1;
                    self.admit(socket, peer, turn, arrivals);
                }
                Err(error) => {
                    turn.shared.admission.cancel();
                    if let Some(outcome) = self.after_error(error, turn, &mut retries) {
                        return outcome;
                    }
                }
            }
        }
    }

    /// Asks whoever must be asked before a handler is made.
    fn admit(
        &mut self,
        socket: P::Link,
        peer: Address,
        turn: &mut Turn,
        arrivals: &mut Vec<Job<P::Link>>,
    ) {
        if !turn.shared.admission.try_enter_from(&peer) {
            turn.shared.admission.cancel();
            turn.counters.refused += 1;
        } else if turn.shared.has_hooks
            && !turn
                .shared
                .hook("verify", false, |hooks| hooks.verify(&peer))
        {
            turn.shared.release(&peer);
            turn.counters.refused += 1;
        } else {
            arrivals.push(Job {
                socket,
                peer,
                listener: self.index,
                timeouts_inherited: self.listener.bequeaths_timeouts(),
                local_is_open: self.local_is_open,
            });
        }
    }

    /// The server is full. Depending on the policy, the next client waits or is told to go.
    fn turn_one_away(
        &mut self,
        sockets: NewSockets,
        turn: &mut Turn,
        ration: &mut usize,
        retries: &mut u32,
    ) -> Option<Outcome> {
        if turn.config().at_capacity == AtCapacity::Wait {
            return Some(Outcome::NoRoom);
        }
        turn.counters.calls.accept += 1;
        match self.listener.accept(sockets) {
            Ok(_) => {
                // Those who are refused use up the ration too: a flood of them must not hold up the loop.
                *ration -= 1;
                *retries = 0;
                turn.counters.refused += 1;
                None
            }
            Err(error) => self.after_error(error, turn, retries),
        }
    }

    /// What an error means for this listener; nothing when the next client can be tried at once.
    fn after_error(&mut self, error: Errno, turn: &mut Turn, retries: &mut u32) -> Option<Outcome> {
        let action = action_for(error);
        if action != Action::Wait {
            turn.counters.accept_errors += 1;
            if turn.shared.may_complain() {
                log::warn!(
                    "{}: cannot accept a connection: {error} ({})",
                    self.listener.address(),
                    consequence(action)
                );
            }
        }
        match action {
            Action::Wait => {
                self.ready = false;
                Some(Outcome::NobodyWaits)
            }
            Action::Retry => {
                *retries += 1;
                (*retries >= RETRIES_MAX).then_some(Outcome::Shortage)
            }
            Action::Pause if is_out_of_descriptors(error) && self.turn_away_with_reserve(turn) => {
                // Nobody is left to wait for a descriptor, so that there is nothing to try again.
                self.ready = false;
                Some(Outcome::NobodyWaits)
            }
            Action::Pause => Some(Outcome::Shortage),
            Action::Retire => Some(Outcome::Broken),
        }
    }

    /// Uses the descriptor in reserve to close waiting clients at once, rather than let them hang. True when nobody waits any more.
    fn turn_away_with_reserve(&mut self, turn: &mut Turn) -> bool {
        let (listener, counters) = (&self.listener, &mut turn.counters);
        let mut everybody = false;
        turn.shared.reserve.lend(|| {
            for _ in 0..TURNED_AWAY_MAX {
                counters.calls.accept += 1;
                match listener.accept(NewSockets::Nonblocking) {
                    Ok(_) => counters.refused += 1,
                    Err(error) => {
                        everybody = action_for(error) == Action::Wait;
                        break;
                    }
                }
            }
        });
        everybody
    }
}

fn consequence(action: Action) -> &'static str {
    match action {
        Action::Wait | Action::Retry => "this client is lost, the next is served",
        Action::Pause => {
            "accepting pauses and goes on by itself; a higher limit on open files may help"
        }
        Action::Retire => "this listener is closed, the others go on",
    }
}
