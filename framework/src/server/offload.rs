//! Threads for work that would keep a loop waiting: a file, a password hash, a database.
//!
//! They are started when there is work for them, wait for more for a while, and leave. Both their number and the queue
//! before them are bounded, so that a flood of requests meets an error and not the end of memory.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::config::Config;
use crate::remote::Remote;

/// How long a thread waits for more work before it leaves.
const IDLE: Duration = Duration::from_secs(10);

/// Threads for work that blocks, apart from those that every server has: so many at most, and so much that waits for them.
///
/// It is cheap to clone, and its clones share the threads. Handlers give it work with [`Conn::offload_to`](crate::Conn::offload_to).
#[derive(Clone, Debug)]
pub struct OffloadPool {
    threads_max: usize,
    queue_max: usize,
    pool: Arc<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    desk: Mutex<Desk>,
    /// There is a job.
    called: Condvar,
}

#[derive(Debug, Default)]
struct Desk {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

struct Job {
    work: Box<dyn FnOnce() + Send>,
    /// Whom to wake when it is done.
    remote: Remote,
}

impl OffloadPool {
    /// A pool of at most `threads_max` threads, which are started when there is work and leave when there was none for 10 s, and before which
    /// at most `queue_max` pieces of work wait.
    ///
    /// # Panics
    ///
    /// When either is zero.
    pub fn new(threads_max: usize, queue_max: usize) -> Self {
        assert!(
            threads_max > 0 && queue_max > 0,
            "a pool needs at least one thread and room for one piece of work"
        );
        Self::with(threads_max, queue_max)
    }

    /// The pool of one server.
    pub(crate) fn of_server(config: &Config) -> Self {
        Self::with(config.offload_threads_max, config.offload_queue_max)
    }

    fn with(threads_max: usize, queue_max: usize) -> Self {
        Self {
            threads_max,
            queue_max,
            pool: Arc::default(),
        }
    }

    /// Whether there may be no threads, as in the test kit, so that work is done at once.
    pub(crate) fn is_immediate(&self) -> bool {
        self.threads_max == 0
    }

    /// Has work done on another thread, which then wakes the connection. False: too much is waiting already.
    pub(crate) fn submit(&self, work: Box<dyn FnOnce() + Send>, remote: Remote) -> bool {
        if self.is_immediate() {
            Job { work, remote }.run();
            return true;
        }
        let mut desk = self.pool.lock();
        if desk.jobs.len() >= self.queue_max {
            return false;
        }
        desk.jobs.push_back(Job { work, remote });
        if desk.jobs.len() <= desk.idle || desk.threads >= self.threads_max {
            self.pool.called.notify_one();
            return true;
        }
        // The lock is held meanwhile, so that a thread which cannot be started is one that nobody else has counted on.
        let pool = self.pool.clone();
        let spawned = thread::Builder::new()
            .name("offload".into())
            .spawn(move || pool.work());
        match spawned {
            Ok(_) => desk.threads += 1,
            // The others do its work, if there are any.
            Err(_) if desk.threads > 0 => {}
            Err(error) => {
                log::warn!("no thread could be started for offloaded work: {error}");
                desk.jobs.pop_back();
                return false;
            }
        }
        true
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread: one job after the other.
    fn work(&self) {
        while let Some(job) = self.next_job() {
            job.run();
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut desk = self.lock();
        loop {
            if let Some(job) = desk.jobs.pop_front() {
                return Some(job);
            }
            desk.idle += 1;
            let (again, waited) = self
                .called
                .wait_timeout(desk, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            desk = again;
            desk.idle -= 1;
            if waited.timed_out() && desk.jobs.is_empty() {
                desk.threads -= 1;
                return None;
            }
        }
    }
}

impl Job {
    fn run(self) {
        // Its panic is for the handler that has offloaded it, which looks at what it left.
        let _ = catch_unwind(AssertUnwindSafe(self.work));
        self.remote.wake();
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
