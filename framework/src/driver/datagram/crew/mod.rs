//! Workers: threads that run handlers, so that one which waits keeps nobody else waiting.

mod desk;
mod job;
mod worker;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use self::desk::{Desk, Hire, queue_of};
use self::job::{Datagram as Returned, Job, Work};
use self::worker::Worker;
use super::{DatagramFactory, Make};
use crate::datagram::{Datagram, Event, Outcome, Session};
use crate::driver::{cannot, leaving};
use crate::error::ServeError;
use crate::mail::Place;
use crate::net::DatagramLink;
use crate::server::{Counters, Shared, StopHandle};

/// How many workers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// One for each datagram or peer that is being handled, exactly limited; those who have finished wait for the next for a while.
    PerDatagram,
    /// So many, each with the datagrams of its own share of all peers.
    Fixed(usize),
}

/// The workers of one station.
pub(super) struct Crew {
    shared: Arc<Shared>,
    size: Size,
    /// What makes the handlers of workers; none where each peer has its own.
    make: Option<Make>,
    desk: Mutex<Desk>,
    /// One for each queue: there is a job in it, or no more will come.
    called: Vec<Condvar>,
    hasher: RandomState,
    /// Where the station waits.
    place: Arc<Place>,
}

/// What a session's worker tells the station.
pub(super) struct Note {
    pub(super) key: u32,
    pub(super) id: u64,
    pub(super) outcome: Outcome,
    /// Datagrams that came behind the end of the conversation, in their order.
    pub(super) returned: Vec<Returned>,
}

/// What became of something that a session was to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    /// It is a datagram, and too many are waiting already.
    Full,
    /// The conversation is over, and a note says so.
    Over,
}

impl Crew {
    /// A crew whose threads are started as they are needed, those of a pool at once.
    pub(super) fn gather(
        shared: &Arc<Shared>,
        factory: &DatagramFactory,
        size: Size,
        place: Arc<Place>,
    ) -> Result<Arc<Self>, ServeError> {
        let queues = match size {
            Size::PerDatagram => 1,
            Size::Fixed(workers) => workers,
        };
        let make = match factory {
            DatagramFactory::Plain(make) => Some(make.clone()),
            DatagramFactory::Peers(_) => None,
        };
        let crew = Arc::new(Self {
            desk: Mutex::new(Desk::new(queues, &shared.config)),
            called: (0..queues).map(|_| Condvar::new()).collect(),
            shared: shared.clone(),
            size,
            make,
            hasher: RandomState::new(),
            place,
        });
        if let Size::Fixed(workers) = size {
            for queue in 0..workers {
                if let Err(error) = crew.hire(queue) {
                    crew.lock().close();
                    crew.call_all();
                    return Err(cannot("starting a worker thread")(error));
                }
            }
        }
        Ok(crew)
    }

    /// Has a datagram handled by itself; false when too many are waiting already.
    pub(super) fn handle(
        self: &Arc<Self>,
        datagram: &Datagram<'_>,
        link: &Arc<dyn DatagramLink>,
    ) -> bool {
        let queue = self.queue_of(datagram);
        let mut desk = self.lock();
        if desk.is_full(queue) {
            return false;
        }
        let work = Work::Handle {
            datagram: job::Datagram::copy(datagram, desk.lend_buffer(), true),
            link: link.clone(),
        };
        desk.push(queue, Job { work, peer: None });
        self.employ(desk, queue)
    }

    /// Has a session told what has happened. `is_for_all` says of a datagram that it came to a socket of the server.
    pub(super) fn tell(
        self: &Arc<Self>,
        (key, id): (u32, u64),
        session: &Arc<Mutex<Session>>,
        event: Event<'_>,
        is_for_all: bool,
    ) -> Told {
        let queue = queue_of(id, self.called.len());
        let mut desk = self.lock();
        if desk.is_over(id) {
            return Told::Over;
        }
        if matches!(event, Event::Received(_)) && desk.is_full(queue) {
            return Told::Full;
        }
        let work = Work::Tell {
            news: job::News::copy(event, &mut desk, is_for_all),
            session: session.clone(),
            key,
            id,
        };
        let peer = Some(id);
        if desk.push(queue, Job { work, peer }) && !self.employ(desk, queue) {
            return Told::Full;
        }
        Told::Yes
    }

    /// What workers have to tell.
    pub(super) fn take_notes(&self) -> Vec<Note> {
        self.lock().take_notes()
    }

    /// Lets every worker finish until the drain deadline, then leaves those who do not, and drops what waits.
    pub(super) fn close(&self, counters: &mut Counters) {
        self.lock().close();
        self.call_all();
        let cut = || {
            self.lock().cut(counters);
            StopHandle::new(self.shared.clone()).cut();
            self.call_all();
        };
        leaving::wait_for_threads(&self.shared, || self.lock().threads, cut);
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    fn call_all(&self) {
        for called in &self.called {
            called.notify_all();
        }
    }

    /// The queue of the worker to which all datagrams of a peer go.
    fn queue_of(&self, datagram: &Datagram<'_>) -> usize {
        match self.size {
            Size::PerDatagram => 0,
            Size::Fixed(workers) => {
                (self.hasher.hash_one(datagram.peer()) % workers as u64) as usize
            }
        }
    }

    /// Sees to it that somebody takes the job that was put into a queue last; false if it is dropped for lack of a thread.
    fn employ(self: &Arc<Self>, mut desk: MutexGuard<'_, Desk>, queue: usize) -> bool {
        let hands_max = match self.size {
            Size::PerDatagram => self.shared.config.connections_max,
            Size::Fixed(_) => 0,
        };
        match desk.hire(queue, hands_max) {
            Hire::Nobody => {
                drop(desk);
                self.called[queue].notify_one();
                true
            }
            Hire::One => {
                drop(desk);
                let Err(error) = self.hire(queue) else {
                    return true;
                };
                let mut desk = self.lock();
                desk.count_leaving();
                if self.shared.may_complain() {
                    log::warn!(
                        "no thread could be started for a datagram: {error} (lower connections_max, or use the mode `pool`)"
                    );
                }
                // The others do its work, if there are any.
                desk.threads > 0 || desk.take_last(queue).is_none()
            }
        }
    }

    fn hire(self: &Arc<Self>, queue: usize) -> std::io::Result<()> {
        let crew = self.clone();
        if let Size::Fixed(_) = self.size {
            self.lock().count_coming();
        }
        let thread = thread::Builder::new().name("datagram".into());
        thread.spawn(move || crew.work(queue)).map(drop)
    }

    /// The life of a thread: one job after the other.
    fn work(&self, queue: usize) {
        let mut worker = Worker::new(&self.shared, self.make.clone());
        while let Some(mut job) = self.next_job(queue, &mut worker) {
            loop {
                let note = worker.run(&job);
                let mut desk = self.lock();
                if let Some(note) = note {
                    desk.leave(note);
                    self.place.call();
                }
                desk.take_back(job.work.into_buffer());
                // What came for the same peer meanwhile has waited for this.
                match job.peer.and_then(|peer| desk.next_of(peer)) {
                    Some(next) => job = next,
                    None => break,
                }
            }
        }
        drop(worker);
        self.lock().threads -= 1;
        self.shared.life.notify();
    }

    /// Waits for a job; none when there is nothing more to do for this thread.
    fn next_job(&self, queue: usize, worker: &mut Worker) -> Option<Job> {
        let mut desk = self.lock();
        let config = &self.shared.config;
        loop {
            if let Some(job) = desk.pop(queue) {
                return Some(job);
            }
            worker.publish();
            let is_temporary = self.size == Size::PerDatagram;
            if desk.is_closed() || (is_temporary && desk.idle(queue) >= config.threads_idle_max) {
                desk.dismiss();
                return None;
            }
            desk.set_idle(queue, true);
            let (called, timed_out) = if is_temporary {
                let waited = self.called[queue]
                    .wait_timeout(desk, config.thread_idle_timeout)
                    .unwrap_or_else(PoisonError::into_inner);
                (waited.0, waited.1.timed_out())
            } else {
                let called = self.called[queue].wait(desk);
                (called.unwrap_or_else(PoisonError::into_inner), false)
            };
            desk = called;
            desk.set_idle(queue, false);
            if timed_out && desk.is_empty(queue) {
                desk.dismiss();
                return None;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
