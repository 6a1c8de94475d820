//! The end of a load: the last answers, and those that never come.

use super::{Clients, Phase};
use crate::load::LoadError;
use crate::load::clock::MILLISECOND;

/// How long is waited for the last answers.
const FINISH_MAX: u64 = 1_000 * MILLISECOND;
/// After how long a silence no more are expected, unless answers have taken longer than that before.
const FINISH_SILENCE: u64 = 250 * MILLISECOND;

impl Clients<'_> {
    /// Waits for the last answers.
    pub(super) fn finish(&mut self) -> Result<(), LoadError> {
        self.phase = Phase::Finishing;
        self.schedule.end();
        let begun = self.now();
        self.last_answer = begun;
        let silence = FINISH_SILENCE.max(self.tally.longest());
        while self.owes() && !self.is_stopped() {
            let now = self.now();
            let is_silent = now > self.last_answer + silence;
            if is_silent || now > begun + FINISH_MAX {
                self.note_unanswered(is_silent);
                break;
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
        Ok(())
    }

    /// Whether somebody still waits for an answer.
    fn owes(&self) -> bool {
        let mut speakers = self.connections[..self.plan.speakers()].iter();
        speakers.any(|connection| connection.is_open() && connection.outstanding() > 0)
    }

    /// Some answers have not come in time. They are a fault if the server has become silent: else it may only be slow. Whoever has
    /// never been served may be waiting for a turn, which the fairness tells.
    fn note_unanswered(&mut self, is_silent: bool) {
        let now = self.now();
        for (number, connection) in self.connections[..self.plan.speakers()].iter().enumerate() {
            if !connection.is_open() || connection.answered == 0 {
                continue;
            }
            for due in connection.dues() {
                self.tally.note_unanswered(due, now);
                if is_silent {
                    self.tally.note_error("unanswered", || {
                        let missing = connection.answered + 1;
                        format!("the server never gave answer {missing} on connection {number}")
                    });
                }
            }
        }
    }
}
