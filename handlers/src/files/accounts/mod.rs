//! Who may log in: users and their passwords, and what wrong passwords cost.
//!
//! A login goes like this, in the handler: `admit` on the loop, `verify` on a thread of `pool`, then `succeeded`, or `failed` and an answer
//! that is delayed.

mod error;
mod hashing;
mod password;
mod penalties;
mod replacing;
mod roster;
mod user;
mod users_file;

use std::hash::RandomState;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socketserver::{Address, OffloadPool};

pub use self::error::UsersError;
pub use self::password::{PASSWORD_BYTES_MAX, Password, PasswordError};
pub use self::user::{Access, USER_NAME_BYTES_MAX, UnknownAccess, User};
pub use self::users_file::UsersFile;

use self::penalties::Penalties;
use self::roster::{Roster, WatchedRoster};
use super::{Refusal, Word};

/// How many logins wait for a thread. More are told that the server is busy; with 19 MiB and some tens of milliseconds for each, these keep it busy for a second.
const QUEUE_MAX: usize = 32;

/// Who may log in. It is cheap to clone, and all clones are one: what a wrong password costs, it costs on all connections and servers that share it.
///
/// Passwords are hashed with Argon2id on threads of their own, so that neither a flood of logins nor a long password delays anybody who has logged in. Guessing
/// is slow: wrong logins are answered later and later, and an address that goes on is refused for up to ten minutes. A name that does
/// not exist takes as long as one that does, and has the same answer.
#[derive(Clone, Debug)]
pub struct Accounts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    source: Source,
    penalties: Mutex<Penalties>,
    pool: OffloadPool,
}

/// Where accounts come from.
#[derive(Debug)]
enum Source {
    Nowhere(Roster),
    File(WatchedRoster),
}

impl Accounts {
    /// Nobody has an account: every login is refused, and takes as long as any.
    pub fn nobody() -> Self {
        Self::from_source(Source::Nowhere(Roster::new(Vec::new(), RandomState::new())))
    }

    /// The accounts of a [`UsersFile`], which is read again when it has changed. When it cannot be read any more, those keep their accounts who had them, and the log says why.
    ///
    /// # Errors
    ///
    /// When it cannot be read now, or is invalid.
    pub fn open(path: &Path) -> Result<Self, UsersError> {
        Ok(Self::from_source(Source::File(WatchedRoster::open(path)?)))
    }

    fn from_source(source: Source) -> Self {
        // One processor is left for those who have logged in.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.saturating_sub(1).max(1);
        let shared = Shared {
            source,
            penalties: Mutex::new(Penalties::new()),
            pool: OffloadPool::new(threads, QUEUE_MAX),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether a peer may try to log in now.
    ///
    /// # Errors
    ///
    /// [`Word::SlowDown`] while there were too many wrong passwords from its address; the password is not looked at then.
    pub(crate) fn admit(&self, peer: &Address, now: Instant) -> Result<(), Refusal> {
        let remaining = self.penalties().remaining(peer, now);
        if remaining.is_zero() {
            return Ok(());
        }
        let seconds = remaining.as_secs() + u64::from(remaining.subsec_nanos() > 0);
        let sentence =
            format!("too many wrong passwords came from your address: try again in {seconds} s");
        Err(Refusal::new(Word::SlowDown, sentence))
    }

    /// The threads for [`verify`](Accounts::verify): one for each processor but one. When too much waits for them already, the answer to a login is
    /// [`Word::Busy`].
    pub(crate) fn pool(&self) -> &OffloadPool {
        &self.shared.pool
    }

    /// The user with this name and password. This blocks for tens of milliseconds, and needs 19 MiB meanwhile.
    ///
    /// What cannot be a password, being too long for instance, is not hashed, whatever the name is.
    pub(crate) fn verify(&self, user: &str, password: &str) -> Option<User> {
        password::check(password).ok()?;
        match &self.shared.source {
            Source::Nowhere(roster) => roster.verify(user, password),
            Source::File(roster) => roster.current().verify(user, password),
        }
    }

    /// Counts a wrong login, and says how long its answer must wait.
    pub(crate) fn failed(&self, peer: &Address, now: Instant) -> Duration {
        self.penalties().failed(peer, now)
    }

    /// Counts a right login: what was wrong before from this address was a mistake.
    pub(crate) fn succeeded(&self, peer: &Address) {
        self.penalties().succeeded(peer);
    }

    fn penalties(&self) -> MutexGuard<'_, Penalties> {
        let penalties = self.shared.penalties.lock();
        penalties.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
