//! The deadlines of a connection, and its timers.

use super::{Core, Phase};
use crate::CloseReason;
use crate::session::Turn;
use crate::timer::Time;

impl Core {
    pub(crate) fn set_timer(&mut self, timer: u8, at: Time) {
        let timers = &mut self.extras().timers;
        match timers.iter_mut().find(|(number, _)| *number == timer) {
            Some((_, time)) => *time = at,
            None => timers.push((timer, at)),
        }
    }

    pub(crate) fn cancel_timer(&mut self, timer: u8) {
        if let Some(extras) = &mut self.extras {
            extras.timers.retain(|&(number, _)| number != timer);
        }
    }

    /// Takes out the timer that is due first, if one is.
    pub(in crate::session) fn due_timer(&mut self, now: Time) -> Option<u8> {
        if self.phase != Phase::Open {
            return None;
        }
        let timers = &mut self.extras.as_mut()?.timers;
        let (index, &(_, at)) = timers.iter().enumerate().min_by_key(|(_, (_, at))| *at)?;
        (at <= now).then(|| timers.swap_remove(index).0)
    }

    pub(crate) fn has_timers(&self) -> bool {
        self.extras
            .as_ref()
            .is_some_and(|extras| !extras.timers.is_empty())
    }

    pub(in crate::session) fn deadline(&self) -> Time {
        let first = self.read_by.min(self.write_by).min(self.close_by);
        match &self.extras {
            Some(extras) if self.phase == Phase::Open => extras
                .timers
                .iter()
                .fold(first, |first, &(_, at)| first.min(at)),
            _ => first,
        }
    }

    pub(in crate::session) fn idle_deadline(&self, turn: &Turn) -> Time {
        match self.phase {
            // Output that does not move has a deadline of its own.
            Phase::Open if self.output.is_none() => {
                self.last_activity.after_limit(turn.limits.idle_timeout)
            }
            _ => Time::NEVER,
        }
    }

    /// The deadline that has passed, if one has.
    pub(in crate::session) fn expired(&self, turn: &Turn) -> Option<CloseReason> {
        let now = turn.now;
        if self.write_by <= now {
            Some(CloseReason::WriteTimeout)
        } else if self.close_by <= now {
            Some(CloseReason::LifetimeOver)
        } else if self.read_by <= now && self.phase == Phase::Open {
            Some(CloseReason::ReadTimeout)
        } else if self.idle_deadline(turn) <= now {
            Some(CloseReason::IdleTimeout)
        } else {
            None
        }
    }

    pub(in crate::session) fn expire(&mut self, reason: CloseReason, turn: &mut Turn) {
        match reason {
            CloseReason::LifetimeOver if self.phase == Phase::Open => {
                self.close_because(reason, turn);
            }
            reason => self.cut(reason, turn),
        }
    }
}
