//! A thread of a crew, and what it reuses from one job to the next.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::super::plain::Plain;
use super::super::{Failure, Make, flush};
use super::Note;
use super::job::{Job, Work};
use crate::datagram::{Bench, Event, Outbox};
use crate::net::{DatagramLink, Flow};
use crate::server::{Counters, Published, Shared};
use crate::timer::Clock;

/// How long a worker waits for the system to take more, before it drops what it has to send.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    shared: Arc<Shared>,
    /// The handler of this thread, where peers have none of their own.
    plain: Option<Plain>,
    outbox: Outbox,
    failures: Vec<Failure>,
    counters: Counters,
    book: Published,
}

impl Worker {
    pub(super) fn new(shared: &Arc<Shared>, make: Option<Make>) -> Self {
        Self {
            shared: shared.clone(),
            plain: make.map(Plain::new),
            outbox: Outbox::default(),
            failures: Vec::new(),
            counters: Counters::default(),
            book: shared.ledger.open(),
        }
    }

    /// Lets others see what was counted.
    pub(super) fn publish(&self) {
        self.counters.publish(&self.book);
    }

    /// Does a job, and sends what was written. Returns what the station must know.
    pub(super) fn run(&mut self, job: &Job) -> Option<Note> {
        let note = match &job.work {
            Work::Handle { datagram, link } => {
                let received = datagram.as_received(link.address());
                if let Some(plain) = &mut self.plain {
                    let bench = Bench {
                        outbox: &mut self.outbox,
                        counters: &mut self.counters,
                        shared: &self.shared,
                        now: Clock::now(),
                    };
                    plain.receive(&received, link, bench);
                }
                self.send(link);
                self.tell_failures(link);
                None
            }
            Work::Tell {
                news,
                session,
                key,
                id,
            } => {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                let link = session.link().clone();
                let mut outcome = session.run(news.as_event(link.address()), self.bench());
                self.send(&link);
                while let Some(failure) = self.failures.pop() {
                    let told = session.run(Event::Failed(&failure.error), self.bench());
                    outcome.follow(told);
                    // What is answered to that may fail again, and is not told again.
                    self.send_untold(&link);
                }
                if let Some(opened) = &mut outcome.opened {
                    std::mem::swap(&mut self.outbox, &mut opened.outbox);
                    let own = opened.link.clone();
                    self.send_untold(&own);
                    self.outbox.clear();
                }
                Some(Note {
                    key: *key,
                    id: *id,
                    outcome,
                    returned: Vec::new(),
                })
            }
        };
        self.publish();
        note.filter(|note| note.outcome.is_news)
    }

    fn bench(&mut self) -> Bench<'_> {
        Bench {
            outbox: &mut self.outbox,
            counters: &mut self.counters,
            shared: &self.shared,
            now: Clock::now(),
        }
    }

    /// Tells the handler what could not be sent, once.
    fn tell_failures(&mut self, link: &Arc<dyn DatagramLink>) {
        let Some(mut plain) = self.plain.take() else {
            return;
        };
        let mut failures = std::mem::take(&mut self.failures);
        for failure in failures.drain(..) {
            plain.fail(&failure.to, &failure.error, link, self.bench());
        }
        self.send_untold(link);
        self.failures = failures;
        self.plain = Some(plain);
    }

    fn send_untold(&mut self, link: &Arc<dyn DatagramLink>) {
        let told = self.failures.len();
        self.send(link);
        self.failures.truncate(told);
    }

    /// Sends everything, and waits for room if need be.
    fn send(&mut self, link: &Arc<dyn DatagramLink>) {
        let (outbox, counters) = (&mut self.outbox, &mut self.counters);
        while flush(&**link, outbox, counters, &mut self.failures) == Flow::Blocked {
            counters.calls.wait += 1;
            if !matches!(link.wait_for_room(SEND_TIMEOUT), Ok(true)) {
                counters.send_errors += outbox.waiting().len() as u64;
                outbox.clear();
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.publish();
        self.shared.ledger.close(&self.book);
    }
}
