//! Where what comes and what is typed meet: the one thing that all threads share.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::peers::Peers;
use super::screen::Screen;
use crate::exit::Failure;
use crate::lines::{Line, Lines};

/// How many lines may be typed ahead. Whoever pipes more into it waits.
const LINES_MAX: usize = 16;
/// How many datagrams wait for somebody to choose "receive", and how long they may be together. Anybody can send many, and long ones.
const KEPT_MAX: usize = 256;
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// What is known, and who waits for what.
#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
    /// Something has changed.
    news: Condvar,
    screen: Screen,
    /// Whether datagrams are shown only when they are asked for.
    keeps: bool,
}

#[derive(Debug, Default)]
struct State {
    peers: Peers,
    /// How many datagrams have come.
    heard: u64,
    /// Datagrams as they will be shown.
    kept: VecDeque<String>,
    /// How many were not kept, since nobody asked for them.
    lost: u64,
    lines: VecDeque<Line>,
    /// How the input has ended, once it has.
    end: Option<Result<(), Failure>>,
    /// Whether all is over.
    is_left: bool,
    /// Why, if something went wrong.
    trouble: Option<Failure>,
}

impl State {
    /// Keeps a datagram until it is asked for; the oldest ones make room.
    fn keep(&mut self, line: String) {
        self.kept.push_back(line);
        while self.kept.len() > KEPT_MAX || self.kept_bytes() > KEPT_BYTES_MAX {
            self.kept.pop_front();
            self.lost += 1;
        }
    }

    fn kept_bytes(&self) -> usize {
        self.kept.iter().map(String::len).sum()
    }
}

/// What came of waiting for a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// All that has come since the last time, and how many older ones were lost.
    Datagrams(VecDeque<String>, u64),
    /// An empty line was typed.
    Enough,
    /// Nothing can be typed any more, or all is over.
    Over,
}

impl Room {
    pub(super) fn new(screen: Screen, keeps: bool) -> Self {
        Self {
            state: Mutex::default(),
            news: Condvar::new(),
            screen,
            keeps,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done in there, whoever has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Looks at the peers, or changes them.
    pub(super) fn peers<T>(&self, use_them: impl FnOnce(&mut Peers) -> T) -> T {
        use_them(&mut self.state().peers)
    }

    /// A datagram has come.
    pub(super) fn hear(&self, address: SocketAddr, text: &str) {
        let peer = self.peers(|peers| peers.hear(address));
        let line = format!("[{}] {}: {text}", peer.number, plain(address));
        // Whoever reads slowly keeps nobody from sending, so that nothing is locked meanwhile.
        let shown = if self.keeps {
            Ok(())
        } else {
            self.screen.show(&line)
        };
        let mut state = self.state();
        state.heard += 1;
        if self.keeps {
            state.keep(line);
        }
        if let Err(error) = shown {
            state.is_left = true;
            if error.kind() != ErrorKind::BrokenPipe {
                state.trouble = Some(Failure::system("cannot write to standard output", &error));
            }
        }
        drop(state);
        self.news.notify_all();
    }

    /// Reads the input to its end, on a thread of its own.
    pub(super) fn take_down<R: Read>(&self, mut lines: Lines<R>) {
        let end = loop {
            if let Some(line) = lines.next() {
                let is_full = |state: &mut State| state.lines.len() >= LINES_MAX;
                let state = self.news.wait_while(self.state(), is_full);
                let mut state = state.unwrap_or_else(PoisonError::into_inner);
                state.lines.push_back(line);
                drop(state);
                self.news.notify_all();
            } else if lines.is_ended() {
                break Ok(());
            } else if let Err(error) = lines.read() {
                break Err(Failure::system("cannot read standard input", &error));
            }
        };
        self.state().end = Some(end);
        self.news.notify_all();
    }

    /// The next line that was typed; none at the end.
    pub(super) fn next_line(&self) -> Option<Line> {
        let waits =
            |state: &mut State| state.lines.is_empty() && state.end.is_none() && !state.is_left;
        let state = self.news.wait_while(self.state(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let line = state.lines.pop_front().filter(|_| !state.is_left);
        drop(state);
        // There is room for one more.
        self.news.notify_all();
        line
    }

    /// Whether something has come that was not shown yet.
    pub(super) fn has_heard(&self) -> bool {
        !self.state().kept.is_empty()
    }

    /// Waits until something has come, unless that was before. Lines that were typed ahead stay for later, except for an empty one; when
    /// nothing can be typed any more, it waits no longer than `wait`.
    pub(super) fn next_heard(&self, wait: Option<Duration>) -> Heard {
        let is_idle = |state: &mut State| state.kept.is_empty() && !state.is_left;
        let waits = |state: &mut State| {
            let is_enough = match state.lines.front() {
                Some(line) => line.size == 0,
                None => state.end.is_some(),
            };
            is_idle(state) && !is_enough
        };
        let state = self.news.wait_while(self.state(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() {
            state = self.wait_at_most(wait, state, is_idle).0;
        }
        if !state.kept.is_empty() {
            let kept = std::mem::take(&mut state.kept);
            return Heard::Datagrams(kept, std::mem::take(&mut state.lost));
        }
        if state.is_left || state.lines.pop_front().is_none() {
            return Heard::Over;
        }
        drop(state);
        self.news.notify_all();
        Heard::Enough
    }

    /// Waits until nothing has come for so long.
    pub(super) fn wait_for_silence(&self, wait: Option<Duration>) {
        let mut state = self.state();
        while !state.is_left {
            let heard = state.heard;
            let is_silent = |state: &mut State| state.heard == heard && !state.is_left;
            let (after, is_over) = self.wait_at_most(wait, state, is_silent);
            if is_over {
                return;
            }
            state = after;
        }
    }

    /// Waits while something holds, for so long if there is a limit, and says whether that was reached.
    fn wait_at_most<'a>(
        &'a self,
        wait: Option<Duration>,
        state: MutexGuard<'a, State>,
        holds: impl FnMut(&mut State) -> bool,
    ) -> (MutexGuard<'a, State>, bool) {
        let Some(wait) = wait else {
            let waited = self.news.wait_while(state, holds);
            return (waited.unwrap_or_else(PoisonError::into_inner), false);
        };
        let waited = self.news.wait_timeout_while(state, wait, holds);
        let (state, result) = waited.unwrap_or_else(PoisonError::into_inner);
        (state, result.timed_out())
    }

    /// All is over: whoever waits goes on.
    pub(super) fn leave(&self) {
        self.state().is_left = true;
        self.news.notify_all();
    }

    /// Waits for so long, or until all is over, whether it is.
    pub(super) fn is_left_within(&self, time: Duration) -> bool {
        let goes_on = |state: &mut State| !state.is_left;
        let (state, _) = self.wait_at_most(Some(time), self.state(), goes_on);
        state.is_left
    }

    /// What went wrong, with the input or the output.
    pub(super) fn result(&self) -> Result<(), Failure> {
        let mut state = self.state();
        match state.trouble.take() {
            Some(failure) => Err(failure),
            None => state.end.take().unwrap_or(Ok(())),
        }
    }
}

/// An address as people know it: with IPv4 in its own form.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
            (v6.ip().to_canonical(), v6.port()).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_kept_within_limits() {
        let mut state = State::default();
        for number in 0..300 {
            state.keep(number.to_string());
        }
        assert_eq!((state.kept.len(), state.lost), (KEPT_MAX, 44));
        assert_eq!(state.kept.front().map(String::as_str), Some("44"));
        for _ in 0..300 {
            state.keep("x".repeat(10_000));
        }
        assert_eq!(state.kept.len(), KEPT_BYTES_MAX / 10_000);
        assert_eq!(state.kept.len() as u64 + state.lost, 600);
    }

    #[test]
    fn addresses_are_printed_as_people_know_them() {
        for (address, printed) in [
            ("[::ffff:192.0.2.1]:7", "192.0.2.1:7"),
            ("[::1]:7", "[::1]:7"),
            ("192.0.2.1:7", "192.0.2.1:7"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(plain(address).to_string(), printed);
        }
    }
}
