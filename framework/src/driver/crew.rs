//! The modes `threads` and `pool`: one thread accepts, others run one connection each.
//!
//! Threads that have finished wait for the next connection, since starting one is what makes threads dear. In the mode `threads` there
//! are as many as connections, and those that wait in vain leave; in the mode `pool` there are at most so many, and further
//! connections wait in a bounded queue.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Job;
use super::gate::Gate;
use super::leaving;
use super::worker::Worker;
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::Listener;
use crate::server::{Factory, Shared, StopHandle};

/// How many threads there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// As many as there are connections, which are limited elsewhere.
    PerConnection,
    /// So many.
    Fixed(usize),
}

/// The threads that run connections, and the connections that wait for one.
struct Crew {
    shared: Arc<Shared>,
    factory: Factory,
    size: Size,
    /// Who is told when there is room in the queue again.
    gate: Arc<Place>,
    roster: Mutex<Roster>,
    /// There is a job, or there will be no more.
    called: Condvar,
}

#[derive(Default)]
struct Roster {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that will look at the queue again: all but those that have decided to leave.
    hands: usize,
    idle: usize,
    /// The accepting thread waits for room in the queue.
    gate_waits: bool,
    closed: bool,
}

pub(crate) fn serve(
    listeners: Vec<Arc<Listener>>,
    shared: &Arc<Shared>,
    factory: Factory,
    size: Size,
) -> Result<(), ServeError> {
    let mut gate = Gate::open(&listeners, shared)?;
    let crew = Arc::new(Crew {
        shared: shared.clone(),
        factory,
        size,
        gate: gate.place().clone(),
        roster: Mutex::default(),
        called: Condvar::new(),
    });
    let result = accept(&mut gate, &crew);
    let mut arrivals = Vec::new();
    gate.accept_last(&mut arrivals);
    crew.employ(&mut gate, &mut arrivals);
    drop(listeners);
    drop(gate);
    // Without a stop there is only the failure of all listeners, which ends in the same way.
    let stop = StopHandle::new(shared.clone());
    stop.stop();
    crew.close(&stop);
    result
}

fn accept(gate: &mut Gate, crew: &Arc<Crew>) -> Result<(), ServeError> {
    let mut arrivals = Vec::new();
    while gate.wait(None)? {
        match crew.room() {
            0 => gate.wait_for_room(),
            room => gate.accept(
                room.min(crew.shared.config.accepts_per_turn_max),
                &mut arrivals,
            ),
        }
        crew.employ(gate, &mut arrivals);
    }
    Ok(())
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many more connections may be accepted now.
    fn room(&self) -> usize {
        let Size::Fixed(size) = self.size else {
            return usize::MAX;
        };
        let mut roster = self.lock();
        let hands = roster.idle + size.saturating_sub(roster.hands);
        let room = (hands + self.shared.config.pool_queue_max).saturating_sub(roster.jobs.len());
        roster.gate_waits = room == 0;
        room
    }

    /// Gives each new connection to an idle thread, to a new one, or to the queue.
    fn employ(self: &Arc<Self>, gate: &mut Gate, arrivals: &mut Vec<Job>) {
        for job in arrivals.drain(..) {
            let mut roster = self.lock();
            let needs_hand = roster.jobs.len() >= roster.idle;
            let may_hire = match self.size {
                // A thread whose connection has just ended counts: it is about to come for the next one.
                Size::PerConnection => roster.hands < self.shared.config.connections_max,
                Size::Fixed(size) => roster.hands < size,
            };
            if needs_hand && may_hire {
                roster.threads += 1;
                roster.hands += 1;
                drop(roster);
                self.hire(gate, job);
            } else {
                roster.jobs.push_back(job);
                drop(roster);
                self.called.notify_one();
            }
        }
    }

    /// Starts a thread. If the system refuses, the client is told by closing its connection.
    fn hire(self: &Arc<Self>, gate: &mut Gate, job: Job) {
        // The job goes by way of the queue, so that it is not lost with a thread that cannot be started.
        let crew = self.clone();
        self.lock().jobs.push_back(job);
        let spawned = thread::Builder::new()
            .name("connection".into())
            .spawn(move || crew.work());
        if let Err(error) = spawned {
            let mut roster = self.lock();
            roster.threads -= 1;
            roster.hands -= 1;
            let job = roster.jobs.pop_back();
            drop(roster);
            if let Some(job) = job {
                gate.refuse(&job);
            }
            if self.shared.may_complain() {
                log::warn!(
                    "a connection is refused, since no thread could be started: {error} (lower connections_max, or use the mode `pool`)"
                );
            }
        }
    }

    /// The life of a thread: one connection after the other.
    fn work(&self) {
        let mut worker = Worker::new(&self.shared);
        while let Some(job) = self.next_job() {
            worker.serve(job, &self.factory);
        }
        drop(worker);
        self.lock().threads -= 1;
        self.shared.life.notify();
    }

    /// Waits for a job; none when there is nothing more to do for this thread.
    fn next_job(&self) -> Option<Job> {
        let mut roster = self.lock();
        let config = &self.shared.config;
        loop {
            if let Some(job) = roster.jobs.pop_front() {
                if std::mem::take(&mut roster.gate_waits) {
                    self.gate.ask_to_accept();
                }
                return Some(job);
            }
            let superfluous =
                matches!(self.size, Size::PerConnection) && roster.idle >= config.threads_idle_max;
            if roster.closed || superfluous {
                roster.hands -= 1;
                return None;
            }
            roster.idle += 1;
            let timed_out;
            (roster, timed_out) = self.wait_for_call(roster);
            roster.idle -= 1;
            if timed_out && roster.jobs.is_empty() {
                roster.hands -= 1;
                return None;
            }
        }
    }

    /// Waits for a call, and says whether it waited for as long as an idle thread may: those of a pool may for ever.
    fn wait_for_call<'a>(&self, roster: MutexGuard<'a, Roster>) -> (MutexGuard<'a, Roster>, bool) {
        match self.size {
            Size::Fixed(_) => (
                self.called
                    .wait(roster)
                    .unwrap_or_else(PoisonError::into_inner),
                false,
            ),
            Size::PerConnection => {
                let timeout = self.shared.config.thread_idle_timeout;
                let waited = self
                    .called
                    .wait_timeout(roster, timeout)
                    .unwrap_or_else(PoisonError::into_inner);
                (waited.0, waited.1.timed_out())
            }
        }
    }

    /// Lets every thread finish until the drain deadline, then cuts what is left.
    fn close(&self, stop: &StopHandle) {
        self.lock().closed = true;
        self.called.notify_all();
        leaving::wait_for_threads(&self.shared, || self.lock().threads, || stop.cut());
    }
}
