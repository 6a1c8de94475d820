//! What waits for workers, and how many there are: the state behind the lock of a crew.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Note;
use super::job::Job;
use crate::server::{Config, Counters};

/// How many buffers and queues are kept for the next datagrams.
const SPARES_MAX: usize = 256;
/// A buffer that has grown beyond this is given back rather than kept.
const SPARE_BYTES_MAX: usize = 4096;

/// What waits, and who works.
pub(super) struct Desk {
    queues: Vec<Queue>,
    /// How many jobs may wait in each queue.
    queue_max: usize,
    /// The peers of whom something is being done or waits, with what waits behind that.
    peers: HashMap<u64, VecDeque<Job>>,
    /// Threads that work or look for work.
    hands: usize,
    /// Threads that have not ended.
    pub(super) threads: usize,
    /// No more jobs will come.
    is_closed: bool,
    /// What the station must hear.
    notes: Vec<Note>,
    /// The peers whose conversations are over as the notes say.
    over: HashSet<u64>,
    /// Buffers of datagrams.
    spares: Vec<Vec<u8>>,
    /// Queues of peers.
    spare_queues: Vec<VecDeque<Job>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// How many jobs wait, with those that wait for others of the same peer.
    waiting: usize,
    /// How many threads wait for a job.
    idle: usize,
}

/// Whether a job needs one more thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hire {
    Nobody,
    One,
}

impl Desk {
    pub(super) fn new(queues: usize, config: &Config) -> Self {
        Self {
            queues: (0..queues).map(|_| Queue::default()).collect(),
            queue_max: (config.datagram_queue_max / queues).max(1),
            peers: HashMap::new(),
            hands: 0,
            threads: 0,
            is_closed: false,
            notes: Vec::new(),
            over: HashSet::new(),
            spares: Vec::new(),
            spare_queues: Vec::new(),
        }
    }

    /// Whether no more datagrams may wait here.
    pub(super) fn is_full(&self, queue: usize) -> bool {
        self.queues[queue].waiting >= self.queue_max
    }

    pub(super) fn is_empty(&self, queue: usize) -> bool {
        self.queues[queue].jobs.is_empty()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds a job. False: it waits for another one of the same peer, so that nobody needs to be called for it.
    pub(super) fn push(&mut self, queue: usize, job: Job) -> bool {
        self.queues[queue].waiting += 1;
        if let Some(peer) = job.peer {
            if let Some(behind) = self.peers.get_mut(&peer) {
                behind.push_back(job);
                return false;
            }
            let behind = self.spare_queues.pop().unwrap_or_default();
            self.peers.insert(peer, behind);
        }
        self.queues[queue].jobs.push_back(job);
        true
    }

    /// Takes the next job of a queue.
    pub(super) fn pop(&mut self, queue: usize) -> Option<Job> {
        let queue = &mut self.queues[queue];
        let job = queue.jobs.pop_front()?;
        queue.waiting -= 1;
        Some(job)
    }

    /// Takes back the job that was added to a queue last.
    pub(super) fn take_last(&mut self, queue: usize) -> Option<Job> {
        let queue = &mut self.queues[queue];
        let job = queue.jobs.pop_back()?;
        queue.waiting -= 1;
        if let Some(peer) = job.peer {
            self.peers.remove(&peer);
        }
        Some(job)
    }

    /// Whether the conversation with this peer is over, and the note that says so waits to be heard.
    pub(super) fn is_over(&self, peer: u64) -> bool {
        self.over.contains(&peer)
    }

    /// Leaves a note. If a conversation is over, what has come behind its end goes with it, since it belongs to the next one.
    pub(super) fn leave(&mut self, mut note: Note) {
        if note.outcome.ended.is_some() {
            self.over.insert(note.id);
            while let Some(job) = self.next_of(note.id) {
                note.returned.extend(job.work.into_returned());
            }
        }
        self.notes.push(note);
    }

    /// What the station must hear.
    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        self.over.clear();
        std::mem::take(&mut self.notes)
    }

    /// A job of this peer is done: the next one, if any waits.
    pub(super) fn next_of(&mut self, peer: u64) -> Option<Job> {
        let next = self.peers.get_mut(&peer)?.pop_front();
        if next.is_some() {
            let queue = queue_of(peer, self.queues.len());
            self.queues[queue].waiting -= 1;
        } else {
            let behind = self.peers.remove(&peer);
            let has_memory = |behind: &VecDeque<Job>| behind.capacity() > 0;
            if self.spare_queues.len() < SPARES_MAX {
                self.spare_queues.extend(behind.filter(has_memory));
            }
        }
        next
    }

    /// Decides whether the job that was added last needs one more thread, and counts it then.
    pub(super) fn hire(&mut self, queue: usize, hands_max: usize) -> Hire {
        let queue = &self.queues[queue];
        if queue.jobs.len() <= queue.idle || self.hands >= hands_max {
            return Hire::Nobody;
        }
        self.count_coming();
        Hire::One
    }

    pub(super) fn count_coming(&mut self) {
        self.hands += 1;
        self.threads += 1;
    }

    /// A thread that was counted could not be started.
    pub(super) fn count_leaving(&mut self) {
        self.hands -= 1;
        self.threads -= 1;
    }

    /// A thread takes no more jobs.
    pub(super) fn dismiss(&mut self) {
        self.hands -= 1;
    }

    /// How many threads wait for a job of this queue.
    pub(super) fn idle(&self, queue: usize) -> usize {
        self.queues[queue].idle
    }

    pub(super) fn set_idle(&mut self, queue: usize, is_idle: bool) {
        let idle = &mut self.queues[queue].idle;
        *idle = if is_idle { *idle + 1 } else { *idle - 1 };
    }

    /// No more jobs will come.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Drops the datagrams that wait. What sessions must be told about their end stays, since that is short.
    pub(super) fn cut(&mut self, counters: &mut Counters) {
        for queue in &mut self.queues {
            queue.jobs.retain(|job| !drop_datagram(job, counters));
            queue.waiting = queue.jobs.len();
        }
        for behind in self.peers.values_mut() {
            behind.retain(|job| !drop_datagram(job, counters));
        }
        for (&peer, behind) in &self.peers {
            let queue = queue_of(peer, self.queues.len());
            self.queues[queue].waiting += behind.len();
        }
    }

    /// A buffer for a datagram.
    pub(super) fn lend_buffer(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    pub(super) fn take_back(&mut self, buffer: Option<Vec<u8>>) {
        let fits = |buffer: &Vec<u8>| (1..=SPARE_BYTES_MAX).contains(&buffer.capacity());
        if let Some(mut buffer) = buffer.filter(fits)
            && self.spares.len() < SPARES_MAX
        {
            buffer.clear();
            self.spares.push(buffer);
        }
    }
}

/// The queue of the worker that a peer keeps, since it keeps its number.
pub(super) fn queue_of(peer: u64, queues: usize) -> usize {
    (peer % queues as u64) as usize
}

/// Counts a job as dropped if it is a datagram.
fn drop_datagram(job: &Job, counters: &mut Counters) -> bool {
    let datagram = job.work.datagram_bytes();
    datagram.inspect(|&bytes| counters.count_dropped(bytes));
    datagram.is_some()
}
