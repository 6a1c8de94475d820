//! How the room fills: some members at a time, and not for ever; and then nothing happens until everybody has heard that everybody is there.

use std::io;

use mio::Token;

use super::member::{Member, Step};
use super::{Load, Phase};
use crate::load::clock::{MILLISECOND, nanoseconds};
use crate::load::socket::Socket;
use crate::load::{LoadError, cause};

/// How many members enter at once: fewer than any sensible backlog, so that nobody is turned away.
const ENTERING_MAX: usize = 64;
/// When entering is given up because nobody gets in any more: longer than TCP takes to ask a second time.
const ENTER_STALL: u64 = 2_500 * MILLISECOND;
/// After how long a silence all notices of those who have come are thought to be there.
const QUIET: u64 = 100 * MILLISECOND;

impl Load<'_> {
    /// Brings everybody into the room; an error when there are not enough of them to talk.
    pub(super) fn enter_all(&mut self) -> Result<(), LoadError> {
        let patience = nanoseconds(self.plan.connect_timeout);
        let deadline = self.now() + patience;
        let mut next = 0;
        let mut last = (self.now(), 0);
        loop {
            let is_entering = |one: &&Member| one.socket.is_some() && one.step != Step::IsIn;
            let mut entering = self.members.iter().filter(is_entering).count();
            while entering < ENTERING_MAX && next < self.members.len() {
                if !self.connect(next)? {
                    break;
                }
                (entering, next) = (entering + 1, next + 1);
            }
            let inside = self.members.iter().filter(|one| one.is_in()).count();
            let now = self.now();
            if inside > last.1 {
                last = (now, inside);
            }
            let is_done = next == self.members.len() && entering == 0;
            let in_vain = now > deadline || now - last.0 > ENTER_STALL;
            if is_done || in_vain || self.is_stopped() {
                break;
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
        self.give_up_entering()?;
        self.wait_until_quiet(patience)?;
        self.readers = self.members.iter().filter(|one| one.is_reader()).count();
        Ok(())
    }

    /// Counts whoever did not get in; an error when too few did.
    fn give_up_entering(&mut self) -> Result<(), LoadError> {
        let timeout = self.plan.connect_timeout;
        for member in &mut self.members {
            if member.socket.is_some() && member.step != Step::IsIn {
                member.end();
                self.tally.note_error("connect", || {
                    format!("not all members were let in within {timeout:?}")
                });
            }
        }
        let readers = self.members.iter().filter(|one| one.is_reader()).count();
        let mut speakers = self.members[..self.said.len()].iter();
        if self.is_stopped() || readers > 1 && speakers.any(Member::is_in) {
            return Ok(());
        }
        let why = self.tally.fault.take();
        if (self.members.iter()).all(|member| member.step == Step::Connects) {
            return Err(LoadError::Connect {
                endpoint: self.plan.endpoint.clone(),
                source: io::Error::other(why.unwrap_or_else(|| "nobody accepts".to_owned())),
            });
        }
        Err(LoadError::Chat(why.unwrap_or_else(|| {
            "the server has let nobody in".to_owned()
        })))
    }

    /// Lets the notices of those who have come go by, so that they are not measured.
    fn wait_until_quiet(&mut self, patience: u64) -> Result<(), LoadError> {
        let begun = self.now();
        self.last_received = self.last_received.max(begun);
        while !self.is_stopped() {
            let now = self.now();
            if now > self.last_received + QUIET || now > begun + patience {
                break;
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
        Ok(())
    }

    /// Begins to connect. False when that is to be tried again later.
    fn connect(&mut self, number: usize) -> Result<bool, LoadError> {
        match Socket::connect(&self.target, self.plan.nodelay) {
            Ok(mut socket) => {
                socket
                    .register(self.poll.registry(), Token(number))
                    .map_err(LoadError::System)?;
                self.members[number].socket = Some(socket);
                Ok(true)
            }
            // The queue of a Unix socket is full.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => {
                self.fail_to_connect(number, &error);
                Ok(true)
            }
        }
    }

    pub(super) fn fail_to_connect(&mut self, number: usize, error: &io::Error) {
        debug_assert_eq!(self.phase, Phase::Entering, "nobody connects later");
        self.members[number].socket = None;
        let cause = cause(error);
        self.tally.note_error("connect", || cause);
    }
}
