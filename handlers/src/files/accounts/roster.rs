//! Who may log in now: the accounts by name, read again when their file has changed.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use super::error::UsersError;
use super::hashing::HashedPassword;
use super::user::User;
use super::users_file::{Account, UsersFile, warn_if_open};

/// How old the last change of a file must be before it is believed that the next one will have another time.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// The accounts of one moment.
#[derive(Debug)]
pub(super) struct Roster {
    accounts: HashMap<String, Account>,
    /// A hash for each account that no password has, to be checked for names that are not there. They are as dear as those of the accounts, in
    /// which parameters may differ.
    stand_ins: Vec<HashedPassword>,
    /// Chooses a stand-in for a name: always the same one, which nobody can foretell.
    choice: RandomState,
}

/// Accounts that are those of a file.
#[derive(Debug)]
pub(super) struct WatchedRoster {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    roster: Arc<Roster>,
    /// What the file was like when it was read last; none if it was not there.
    stamp: Option<Stamp>,
    /// Whether a change would show in the stamp. Clocks of file systems are coarse.
    is_settled: bool,
    /// What was wrong with it then.
    complaint: Option<String>,
}

/// What changes with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// When the content or anything else of it changed, which nobody can set back.
    changed: (i64, i64),
}

impl Roster {
    pub(super) fn new(accounts: Vec<Account>, choice: RandomState) -> Self {
        let mut stand_ins: Vec<_> = accounts.iter().map(|known| known.hash.stand_in()).collect();
        if stand_ins.is_empty() {
            stand_ins.push(HashedPassword::of_nobody());
        }
        let by_name = accounts.into_iter();
        let by_name = by_name.map(|account| (account.user.name.clone(), account));
        Self {
            accounts: by_name.collect(),
            stand_ins,
            choice,
        }
    }

    /// The user of a name and a password. It takes as long, whether or not there is one.
    pub(super) fn verify(&self, name: &str, password: &str) -> Option<User> {
        let account = self.accounts.get(name);
        let hash = account.map_or_else(|| self.stand_in(name), |account| &account.hash);
        let matches = hash.matches(password);
        account
            .filter(|_| matches)
            .map(|account| account.user.clone())
    }

    fn stand_in(&self, name: &str) -> &HashedPassword {
        let number = self.choice.hash_one(name) % self.stand_ins.len() as u64;
        &self.stand_ins[number as usize]
    }
}

impl WatchedRoster {
    pub(super) fn open(path: &Path) -> Result<Self, UsersError> {
        // Before the file is read, so that a change meanwhile is seen later.
        let (stamp, is_settled) = look(path);
        let file = UsersFile::read(path)?;
        let state = State {
            roster: Arc::new(Roster::new(file.into_accounts(), RandomState::new())),
            stamp,
            is_settled,
            complaint: None,
        };
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// The accounts as they are in the file, or as they were when it was last in order. This reads from the disk.
    pub(super) fn current(&self) -> Arc<Roster> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (stamp, is_settled) = look(&self.path);
        let has_changed = stamp != state.stamp;
        if has_changed || stamp.is_none() || !state.is_settled {
            state.stamp = stamp;
            state.is_settled = is_settled;
            self.read(&mut state, has_changed);
        }
        state.roster.clone()
    }

    fn read(&self, state: &mut State, has_changed: bool) {
        match UsersFile::read_with_mode(&self.path) {
            Ok((file, mode)) => {
                let choice = state.roster.choice.clone();
                state.roster = Arc::new(Roster::new(file.into_accounts(), choice));
                state.complaint = None;
                if has_changed {
                    log::info!("the users file {} was read again", self.path.display());
                    warn_if_open(&self.path, mode);
                }
            }
            Err(error) => {
                let complaint = Some(error.to_string());
                if has_changed || state.complaint != complaint {
                    log::warn!("{error}; until it is repaired, those log in who could before");
                }
                state.complaint = complaint;
            }
        }
    }
}

/// What a file is like, and whether a later change will show.
fn look(path: &Path) -> (Option<Stamp>, bool) {
    let stamp = Stamp::of(path).ok();
    let is_settled = stamp.is_some_and(|stamp| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let changed = u64::try_from(stamp.changed.0).unwrap_or(0);
        // The nanoseconds of the change are left out, and it counts as younger for that.
        let changed = Duration::from_secs(changed + 1);
        now.is_ok_and(|now| now.saturating_sub(changed) >= SETTLED_AFTER)
    });
    (stamp, is_settled)
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests;
