//! What is known of each client, to judge the server by: what was delivered in its name, what it was sent, what its handler has set.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::timer::Time;

/// How late a timer may be: the wheel's ticks take a millisecond, and a deadline that has passed already waits for the next one.
const LATE_MAX: Duration = Duration::from_millis(3);

/// The account of one client.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// What it may still be sent, in bytes and in datagrams.
    credit: (u64, u64),
    /// It was proven at some time, and from then on it may be sent anything.
    was_proven: bool,
    /// What each socket has delivered in its name and its handler was not given: a digest of each datagram, in their order.
    delivered: BTreeMap<usize, VecDeque<u64>>,
    /// When something was delivered last.
    heard_at: Time,
    /// The timers of its handler, while it has one of its own.
    timers: Option<Vec<(u8, Time)>>,
}

impl Account {
    /// A socket of the server has received a datagram in the name of this client.
    pub(super) fn deliver(
        &mut self,
        socket: usize,
        bytes: &[u8],
        size: usize,
        factor: u32,
        now: Time,
    ) {
        let factor = u64::from(factor);
        self.credit.0 += factor * size as u64;
        self.credit.1 += factor;
        self.heard_at = now;
        let queue = self.delivered.entry(socket).or_default();
        queue.push_back(digest(bytes, size));
    }

    /// A handler is given a datagram; false when it was not delivered, or not after the one that the handler was given last.
    pub(super) fn handle(&mut self, socket: usize, bytes: &[u8], size: usize) -> bool {
        let digest = digest(bytes, size);
        let Some(queue) = self.delivered.get_mut(&socket) else {
            return false;
        };
        // Those in between were dropped, which the counters tell.
        let place = queue.iter().position(|&other| other == digest);
        let Some(place) = place else {
            return false;
        };
        queue.drain(..=place);
        true
    }

    /// The server sends so many bytes to this client; false when that is more than it may.
    pub(super) fn send(&mut self, bytes: usize) -> bool {
        if self.was_proven {
            return true;
        }
        let (bytes_left, datagrams_left) = self.credit;
        if bytes_left < bytes as u64 || datagrams_left == 0 {
            return false;
        }
        self.credit = (bytes_left - bytes as u64, datagrams_left - 1);
        true
    }

    pub(super) fn prove(&mut self) {
        self.was_proven = true;
    }

    /// A callback of the client's own handler has returned, with these timers set.
    pub(super) fn set_timers(&mut self, timers: &[(u8, Time)]) {
        let known = self.timers.get_or_insert_default();
        known.clear();
        known.extend_from_slice(timers);
    }

    /// The client's handler is closed.
    pub(super) fn close(&mut self) {
        self.timers = None;
    }

    /// A timer rings: whether it was set, and is due, and no other was due before it.
    pub(super) fn ring(&mut self, timer: u8, now: Time) -> Result<(), &'static str> {
        let timers = self.timers.get_or_insert_default();
        let set = timers.iter().position(|&(other, _)| other == timer);
        let (_, at) = timers.swap_remove(set.ok_or("was not set")?);
        if at > now {
            return Err("rings too early");
        }
        if timers.iter().any(|&(_, other)| other < at) {
            return Err("rings before one that was due earlier");
        }
        Ok(())
    }

    /// What should have happened by now, if anything: the server is about to wait.
    pub(super) fn overdue(&self, idle_timeout: Option<Duration>, now: Time) -> Option<String> {
        let timers = self.timers.as_ref()?;
        if let Some((timer, at)) = timers.iter().find(|(_, at)| at.after(LATE_MAX) < now) {
            return Some(format!(
                "timer {timer} is late by {:?} and does not ring",
                now.since(*at)
            ));
        }
        let silence = now.since(self.heard_at);
        let is_idle = idle_timeout.is_some_and(|max| silence > max + LATE_MAX);
        is_idle.then(|| format!("the peer was silent for {silence:?} and is still there"))
    }
}

/// A number that stands for a datagram (FNV-1a).
fn digest(bytes: &[u8], size: usize) -> u64 {
    let size = (size as u64).to_le_bytes();
    (bytes.iter().chain(&size)).fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::default().after(Duration::from_millis(millis))
    }

    #[test]
    fn datagrams_are_handled_in_their_order_though_some_are_dropped() {
        let mut account = Account::default();
        for text in [b"1", b"2", b"3", b"1"] {
            account.deliver(0, text, 1, 3, at(0));
        }
        assert!(account.handle(0, b"2", 1));
        assert!(account.handle(0, b"1", 1), "the second one of those");
        assert!(!account.handle(0, b"3", 1), "it came before");
        assert!(!account.handle(1, b"3", 1), "nothing came there");
    }

    #[test]
    fn nobody_is_sent_more_than_his_credit() {
        let mut account = Account::default();
        assert!(!account.send(0));
        account.deliver(0, b"ab", 2, 2, at(0));
        assert!(account.send(4));
        assert!(!account.send(1));
        assert!(account.send(0));
        assert!(!account.send(0), "a third datagram");
        account.prove();
        assert!(account.send(1000));
    }

    #[test]
    fn timers_that_ring_wrongly_or_not_are_noticed() {
        let mut account = Account::default();
        account.set_timers(&[(1, at(10)), (2, at(5))]);
        assert!(account.ring(3, at(20)).is_err());
        assert!(account.ring(1, at(20)).is_err(), "the other one is first");
        account.set_timers(&[(2, at(5))]);
        assert!(account.ring(2, at(4)).is_err());
        account.set_timers(&[(2, at(5))]);
        assert_eq!(account.overdue(None, at(8)), None);
        assert!(account.overdue(None, at(9)).is_some());
        assert_eq!(account.ring(2, at(5)), Ok(()));
        let idle = Some(Duration::from_millis(30));
        assert_eq!(account.overdue(idle, at(33)), None);
        assert!(account.overdue(idle, at(34)).is_some());
        account.close();
        assert_eq!(account.overdue(idle, at(34)), None);
    }
}
