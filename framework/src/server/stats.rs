//! What a server counts, for people and for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::CloseReason;

/// A look at everything that a server has counted.
///
/// These laws hold at any moment: `accepted = live + sum of closed`, and
/// `bytes_in = bytes_delivered + bytes_discarded + bytes_held`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that were accepted and admitted; of a datagram server the peers that got a handler of their own.
    pub accepted: u64,
    /// Connections that are open.
    pub live: u64,
    /// Connections that have ended, by the word of their [`CloseReason`].
    pub closed: BTreeMap<&'static str, u64>,
    /// Connections that were closed before a handler was made: by `verify`, a limit, or for lack of descriptors or threads.
    pub refused: u64,
    /// Errors of `accept` that were survived.
    pub accept_errors: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes received that a handler has taken.
    pub bytes_delivered: u64,
    /// Bytes received that were dropped, since their connection was closing.
    pub bytes_discarded: u64,
    /// Bytes received that handlers have left and may still take.
    pub bytes_held: u64,
    /// Bytes that the system has taken for sending.
    pub bytes_out: u64,
    /// Calls of [`Handler::received`](crate::Handler::received).
    pub received_calls: u64,
    /// Messages of groups that slow members did not get.
    pub messages_dropped: u64,
    /// Callbacks that returned an error. A [`FrameError`](crate::FrameError) is not counted, since it is the peer's.
    pub handler_errors: u64,
    /// Panics of handlers and hooks that were contained.
    pub panics: u64,
    /// Callbacks on a reactor that took longer than [`Config::slow_callback`](crate::Config::slow_callback).
    pub slow_callbacks: u64,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams that the system has taken for sending.
    pub datagrams_out: u64,
    /// Datagrams received that were longer than [`Config::datagram_bytes_max`](crate::Config::datagram_bytes_max).
    pub datagrams_truncated: u64,
    /// Datagrams received that no handler has seen: they came from the server itself, for lack of room for their peer, for lack of
    /// a worker, when their peer's conversation was over, or when the server stopped.
    pub datagrams_dropped: u64,
    /// Datagrams that handlers wanted to send and that were more than an unproven peer may get.
    pub replies_refused: u64,
    /// Datagrams that the system refused to send.
    pub send_errors: u64,
    /// Errors of receiving datagrams, such as the news that one sent earlier was refused.
    pub receive_errors: u64,
    /// System calls that the server made for its connections.
    pub system_calls: SystemCalls,
}

/// System calls, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SystemCalls {
    /// Waits for readiness: `epoll_wait`, `poll`. Each is a wake-up.
    pub wait: u64,
    /// `accept4`.
    pub accept: u64,
    /// Registrations with the poll: `epoll_ctl`.
    pub register: u64,
    /// `recv`.
    pub receive: u64,
    /// `send`, `sendmsg`, `sendfile`.
    pub send: u64,
    /// `shutdown`.
    pub shutdown: u64,
    /// `close`.
    pub close: u64,
    /// Others that a connection needs: options, addresses.
    pub other: u64,
}

impl SystemCalls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.wait
            + self.accept
            + self.register
            + self.receive
            + self.send
            + self.shutdown
            + self.close
            + self.other
    }
}

/// What a server says when it has stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Everything it has counted.
    #[serde(flatten)]
    pub stats: Stats,
    /// Connections that were still open at the drain deadline and were cut.
    pub cut: u64,
}

impl Report {
    pub(super) fn new(stats: Stats) -> Self {
        let cut = stats.closed.get(CloseReason::DrainCut.word());
        let cut = cut.copied().unwrap_or(0);
        Self { stats, cut }
    }
}

/// What one thread counts: plain numbers, published when the thread is at a good point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: u64,
    pub(crate) live: u64,
    pub(crate) closed: [u64; CloseReason::WORDS.len()],
    pub(crate) refused: u64,
    pub(crate) accept_errors: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_delivered: u64,
    pub(crate) bytes_discarded: u64,
    pub(crate) bytes_held: u64,
    pub(crate) bytes_out: u64,
    pub(crate) received_calls: u64,
    pub(crate) messages_dropped: u64,
    pub(crate) handler_errors: u64,
    pub(crate) panics: u64,
    pub(crate) slow_callbacks: u64,
    pub(crate) datagrams_in: u64,
    pub(crate) datagrams_out: u64,
    pub(crate) datagrams_truncated: u64,
    pub(crate) datagrams_dropped: u64,
    pub(crate) replies_refused: u64,
    pub(crate) send_errors: u64,
    pub(crate) receive_errors: u64,
    pub(crate) calls: SystemCalls,
}

impl Counters {
    /// How many bytes were received and sent.
    pub(crate) fn bytes_moved(&self) -> u64 {
        self.bytes_in + self.bytes_out
    }
}

/// Where a thread's counters can be seen by others.
pub(crate) type Published = Arc<Mutex<Counters>>;

/// The published counters of all threads, those included that have ended.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    open: Vec<Published>,
    /// The sum of the books of threads that have ended.
    closed: Counters,
}

impl Ledger {
    /// A book for one more thread.
    pub(crate) fn open(&self) -> Published {
        let book = Published::default();
        self.lock().open.push(book.clone());
        book
    }

    /// A thread ends: its book is added to the others and closed.
    pub(crate) fn close(&self, book: &Published) {
        let mut books = self.lock();
        books.open.retain(|other| !Arc::ptr_eq(other, book));
        let last = read(book);
        books.closed.add(&last);
    }

    pub(crate) fn stats(&self) -> Stats {
        let books = self.lock();
        let mut sum = books.closed;
        for book in &books.open {
            sum.add(&read(book));
        }
        sum.stats()
    }

    /// Whether the conservation laws of the counters hold, as they do at any moment.
    #[cfg(feature = "testkit")]
    pub(crate) fn check_laws(&self) -> Result<(), String> {
        let books = self.lock();
        let mut sum = books.closed;
        for book in &books.open {
            sum.add(&read(book));
        }
        let ended: u64 = sum.closed.iter().sum();
        let bytes = sum.bytes_delivered + sum.bytes_discarded + sum.bytes_held;
        if sum.accepted == sum.live + ended && sum.bytes_in == bytes {
            Ok(())
        } else {
            Err(format!("a conservation law is broken: {:?}", sum.stats()))
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(book: &Published) -> Counters {
    *book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counters {
    pub(crate) fn publish(&self, book: &Published) {
        *book.lock().unwrap_or_else(PoisonError::into_inner) = *self;
    }

    pub(crate) fn count_open(&mut self) {
        self.accepted += 1;
        self.live += 1;
    }

    pub(crate) fn count_close(&mut self, reason: &CloseReason) {
        self.live -= 1;
        self.closed[reason.index()] += 1;
    }

    /// Counts a datagram that its handler is given.
    #[inline]
    pub(crate) fn count_datagram(&mut self, kept: usize, is_cut: bool) {
        self.datagrams_in += 1;
        self.datagrams_truncated += u64::from(is_cut);
        self.received_calls += u64::from(!is_cut);
        self.bytes_in += kept as u64;
        self.bytes_delivered += kept as u64;
    }

    /// Counts a datagram that nobody is given.
    #[inline]
    pub(crate) fn count_dropped(&mut self, kept: usize) {
        self.datagrams_in += 1;
        self.datagrams_dropped += 1;
        self.bytes_in += kept as u64;
        self.bytes_discarded += kept as u64;
    }

    fn add(&mut self, other: &Self) {
        for (sum, more) in self.closed.iter_mut().zip(other.closed) {
            *sum += more;
        }
        for (sum, more) in [
            (&mut self.accepted, other.accepted),
            (&mut self.live, other.live),
            (&mut self.refused, other.refused),
            (&mut self.accept_errors, other.accept_errors),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_delivered, other.bytes_delivered),
            (&mut self.bytes_discarded, other.bytes_discarded),
            (&mut self.bytes_held, other.bytes_held),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.received_calls, other.received_calls),
            (&mut self.messages_dropped, other.messages_dropped),
            (&mut self.handler_errors, other.handler_errors),
            (&mut self.panics, other.panics),
            (&mut self.slow_callbacks, other.slow_callbacks),
            (&mut self.datagrams_in, other.datagrams_in),
            (&mut self.datagrams_out, other.datagrams_out),
            (&mut self.datagrams_truncated, other.datagrams_truncated),
            (&mut self.datagrams_dropped, other.datagrams_dropped),
            (&mut self.replies_refused, other.replies_refused),
            (&mut self.send_errors, other.send_errors),
            (&mut self.receive_errors, other.receive_errors),
            (&mut self.calls.wait, other.calls.wait),
            (&mut self.calls.accept, other.calls.accept),
            (&mut self.calls.register, other.calls.register),
            (&mut self.calls.receive, other.calls.receive),
            (&mut self.calls.send, other.calls.send),
            (&mut self.calls.shutdown, other.calls.shutdown),
            (&mut self.calls.close, other.calls.close),
            (&mut self.calls.other, other.calls.other),
        ] {
            *sum += more;
        }
    }

    fn stats(&self) -> Stats {
        let words = CloseReason::WORDS.iter().copied().zip(self.closed);
        Stats {
            accepted: self.accepted,
            live: self.live,
            closed: words.filter(|&(_, count)| count > 0).collect(),
            refused: self.refused,
            accept_errors: self.accept_errors,
            bytes_in: self.bytes_in,
            bytes_delivered: self.bytes_delivered,
            bytes_discarded: self.bytes_discarded,
            bytes_held: self.bytes_held,
            bytes_out: self.bytes_out,
            received_calls: self.received_calls,
            messages_dropped: self.messages_dropped,
            handler_errors: self.handler_errors,
            panics: self.panics,
            slow_callbacks: self.slow_callbacks,
            datagrams_in: self.datagrams_in,
            datagrams_out: self.datagrams_out,
            datagrams_truncated: self.datagrams_truncated,
            datagrams_dropped: self.datagrams_dropped,
            replies_refused: self.replies_refused,
            send_errors: self.send_errors,
            receive_errors: self.receive_errors,
            system_calls: self.calls,
        }
    }
}
