//! The end of a load: the last deliveries, those that never come, and what has become of members that never read.

use super::member::Member;
use super::reading::which;
use super::{Load, Phase};
use crate::load::LoadError;
use crate::load::clock::MILLISECOND;

/// How long is waited for the last deliveries, unless they have taken longer before.
const FINISH_MAX: u64 = 1_000 * MILLISECOND;
/// After how long a silence no more are expected, unless deliveries have taken longer than that before. A busy machine drops packets even to itself, and
/// TCP sends them again after 200 ms, and once more after 400.
const FINISH_SILENCE: u64 = 700 * MILLISECOND;
/// How long a turn is waited for that brings nothing; more than twice of it tells that the load itself was kept from looking.
const LOOK_EVERY: u64 = 10 * MILLISECOND;
/// How long is read on behalf of those who never did, to find whether an end lies behind what waits for them.
const DRAIN_MAX: u64 = 1_000 * MILLISECOND;
/// After how long a silence nothing more is there for them.
const DRAIN_SILENCE: u64 = 250 * MILLISECOND;

impl Load<'_> {
    /// Waits for the last deliveries.
    pub(super) fn finish(&mut self) -> Result<(), LoadError> {
        self.phase = Phase::Finishing;
        self.schedule.end();
        let longest = self.tally.longest();
        let silence = FINISH_SILENCE.max(longest);
        let patience = FINISH_MAX.max(2 * silence);
        let (mut watched, mut silent) = (0, 0);
        while self.is_awaited() && !self.is_stopped() {
            let is_silent = silent > silence;
            if is_silent || watched > patience {
                self.note_missing(is_silent);
                break;
            }
            let (now, before) = (self.now(), self.tally.answered);
            self.turn(now + LOOK_EVERY)?;
            // On a busy machine the load may have looked elsewhere for longer than any silence, and what has come meanwhile is still to be seen.
            let passed = (self.now() - now).min(2 * LOOK_EVERY);
            watched += passed;
            silent = if self.tally.answered > before {
                0
            } else {
                silent + passed
            };
        }
        let now = self.now();
        for number in 0..self.members.len() {
            let (member, mut turn, _) = self.turn_of(number, now);
            member.lose_what_was_missed(&mut turn);
        }
        Ok(())
    }

    /// Whether somebody still waits for a message, and its speaker is there: what was on its way when a connection broke may have gone with it.
    fn is_awaited(&self) -> bool {
        let mut speakers = self.members.iter().zip(&self.said);
        speakers.any(|(member, said)| member.is_in() && said.len() > 0)
    }

    /// Some messages have not come to everybody in time. They are a fault if the server has become silent: else it may only be slow.
    fn note_missing(&mut self, is_silent: bool) {
        let now = self.now();
        for (speaker, said) in self.said.iter().enumerate() {
            if !self.members[speaker].is_in() {
                continue;
            }
            let sent = self.members[speaker].sent(&self.messages);
            for message in said.first()..said.end() {
                let Some(due) = said.due(message) else {
                    continue;
                };
                let misses = |number: &usize| {
                    let member = &self.members[*number];
                    *number != speaker && member.is_reader() && member.next[speaker] <= message
                };
                let missing = (0..self.plan.connections).filter(misses);
                for number in missing {
                    self.tally.note_unanswered(due, now);
                    if is_silent && message < sent {
                        self.tally.note_error("lost", || {
                            format!("{} never came to member {number}", which(speaker, message))
                        });
                    }
                }
                if is_silent && message >= sent {
                    self.tally.note_error("not_sent", || {
                        format!("the server did not take {}", which(speaker, message))
                    });
                }
            }
        }
    }

    /// Something has come for a member that does not read, or its connection is over.
    pub(super) fn attend_stuck(&mut self, number: usize, is_over: bool, now: u64) {
        let is_cut = if self.phase == Phase::Leaving {
            let drained = self.members[number].drain(&mut self.buffer);
            if drained.is_some_and(|bytes| bytes > 0) {
                self.last_received = now;
            }
            drained.is_none()
        } else {
            is_over
        };
        if is_cut {
            self.members[number].end();
            self.stuck_cut += 1;
        }
    }

    /// Finds out which members the server has cut that never read. A reset tells at once; an end in order lies behind what waits for them.
    pub(super) fn look_at_the_stuck(&mut self) -> Result<(), LoadError> {
        self.phase = Phase::Leaving;
        let begun = self.now();
        self.last_received = begun;
        for number in self.plan.connections..self.members.len() {
            if self.members[number].is_in() {
                self.attend_stuck(number, false, begun);
            }
        }
        let is_any_left = |load: &Self| {
            let mut stuck = load.members[load.plan.connections..].iter();
            stuck.any(Member::is_in)
        };
        // Also when somebody wants to stop: it takes no longer than this.
        while is_any_left(self) {
            let now = self.now();
            if now > self.last_received + DRAIN_SILENCE || now > begun + DRAIN_MAX {
                break;
            }
            self.turn(now + LOOK_EVERY)?;
        }
        Ok(())
    }
}
