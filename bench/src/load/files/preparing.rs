//! What happens before and after: the files must be there, known to the server and at rest before they are asked for, and those that were
//! put must be what they should be afterwards.
//!
//! One connection does all that, while no other is open: a server that serves one after the other can be measured, too.

use super::client::{Client, Job};
use super::{Load, Phase};
use crate::load::LoadError;
use crate::load::clock::{MILLISECOND, nanoseconds};
use crate::load::payload::Direction;

/// How long files are left alone before they are asked for: a server that remembers hashes of files cannot trust the time of a change that was
/// just now.
const SETTLE: u64 = 2_200 * MILLISECOND;
/// How long nothing at all may happen in cleaning up.
const CLEAN_UP_SILENCE: u64 = 2_000 * MILLISECOND;

impl Load<'_> {
    /// Has every file there that will be asked for, and asks for each once; of those that will be put, puts one.
    pub(super) fn prepare(&mut self) -> Result<(), LoadError> {
        let helper = self.helper();
        self.connect(helper..helper + 1)?;
        let prepared = self.make_files();
        self.helper_leaves();
        prepared
    }

    fn make_files(&mut self) -> Result<(), LoadError> {
        let patience = nanoseconds(self.plan.connect_timeout);
        self.help(Job::Greet, patience)?.map_err(LoadError::Files)?;
        if self.direction == Direction::Put {
            return self.help(Job::Put(0), patience)?.map_err(LoadError::Files);
        }
        let mut missing = Vec::new();
        for number in 0..self.files.len() {
            // They may have been left there by a load before.
            if self.help(Job::Get(number), patience)?.is_err() {
                missing.push(number);
            }
        }
        for &number in &missing {
            self.help(Job::Put(number), patience)?
                .map_err(LoadError::Files)?;
        }
        if !missing.is_empty() {
            let settled = self.now() + SETTLE;
            while self.now() < settled && !self.is_stopped() {
                self.turn(settled)?;
            }
        }
        for number in missing {
            self.help(Job::Get(number), patience)?
                .map_err(LoadError::Files)?;
        }
        Ok(())
    }

    /// Has the helper do something, and waits for it as long as anything happens. The inner error is what the server says, or does wrong.
    fn help(&mut self, job: Job, patience: u64) -> Result<Result<(), String>, LoadError> {
        let helper = self.helper();
        if self.is_stopped() {
            return Ok(Ok(()));
        }
        self.help_to_the_end(helper, job, patience)
    }

    fn help_to_the_end(
        &mut self,
        helper: usize,
        job: Job,
        patience: u64,
    ) -> Result<Result<(), String>, LoadError> {
        if !self.clients[helper].is_open() {
            return Ok(Err(self
                .helped
                .take()
                .and_then(Result::err)
                .unwrap_or_else(|| {
                    "the server has closed the connection".to_owned()
                })));
        }
        self.helped = None;
        self.last_moved = self.now();
        self.begin(helper, job);
        loop {
            if let Some(result) = self.helped.take() {
                return Ok(result);
            }
            let now = self.now();
            if now > self.last_moved + patience {
                self.clients[helper].end();
                return Ok(Err("the server has become silent".to_owned()));
            }
            self.turn(now + 10 * MILLISECOND)?;
        }
    }

    /// Ends every connection, takes each file that was put to compare it, and removes what is not to stay there.
    pub(super) fn clean_up(&mut self) -> Result<(), LoadError> {
        let is_put: Vec<_> = (self.speakers().iter())
            .map(|client| self.direction == Direction::Put && client.answered > 0)
            .collect();
        let (errors, fault) = (self.tally.errors.clone(), self.tally.fault.clone());
        self.speakers_end();
        self.phase = Phase::Leaving;
        let helper = self.helper();
        if self.connect(helper..helper + 1).is_err() {
            // The server has gone. Whether that matters, the load has found out by itself.
            (self.tally.errors, self.tally.fault) = (errors, fault);
            return Ok(());
        }
        for (number, is_put) in is_put.into_iter().enumerate() {
            if is_put && !self.is_stopped() && fault.is_none() {
                let compared = self.help(Job::Get(number), CLEAN_UP_SILENCE)?;
                if let Err(why) = compared {
                    self.tally.note_error("wrong_bytes", || {
                        format!("what was put on connection {number} is not there as it was: {why}")
                    });
                }
            }
        }
        if self.plan.files_prefix.is_none() {
            for number in 0..self.files.len() {
                // Whatever cannot be removed now stays there.
                let _ = self.help_to_the_end(helper, Job::Remove(number), CLEAN_UP_SILENCE)?;
            }
        }
        self.helper_leaves();
        Ok(())
    }

    /// In order, since a reset would be news to the server.
    fn helper_leaves(&mut self) {
        let helper = self.helper();
        self.clients[helper].socket = None;
    }

    fn speakers_end(&mut self) {
        let speakers = self.plan.connections;
        self.clients[..speakers].iter_mut().for_each(Client::end);
    }
}
