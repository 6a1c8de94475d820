//! What a blocking handler waits for, and what happens to its connection meanwhile.
//!
//! A [`Stream`](super::Stream) that cannot go on says what it waits for with a [`Wait`], and is told how that ended with a
//! [`Wake`]. Who runs the handler is a [`Line`]: a thread that waits itself, or a coroutine that lets its loop go on.
//! Both leave to a [`Waiter`] what a wait means for the connection, so that it means the same in every mode.

use std::fs::File;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::net::Address;
use crate::remote::Remote;
use crate::timer::Time;
use crate::{CloseReason, Conn, Group};

/// Who runs a blocking handler: it waits on the handler's behalf.
pub(crate) trait Line: Send {
    /// Sends what was written, and returns when there is what was waited for.
    fn wait(&mut self, wait: Wait, buffers: &mut Held) -> Wake;

    /// Whether waiting elsewhere than in [`Line::wait`] keeps other connections waiting too.
    fn is_shared(&self) -> bool;
}

/// The bytes between a blocking handler and its connection.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// What has come, the first `start` bytes of it read already.
    pub(crate) input: Vec<u8>,
    pub(crate) start: usize,
    /// What was written and not handed over.
    pub(crate) output: Vec<u8>,
    /// The server is stopping, as of the last wait.
    pub(crate) stopping: bool,
}

/// The buffers of a stream, which has them except while it waits: then whoever runs it may have lent them to the next one.
#[derive(Debug)]
pub(crate) struct Held(Option<Box<Buffers>>);

impl Held {
    pub(crate) fn new(buffers: Box<Buffers>) -> Self {
        Self(Some(buffers))
    }

    /// Gives the buffers away, with what they contain.
    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is reused")]
    pub(crate) fn give(&mut self) -> Box<Buffers> {
        self.0.take().unwrap_or_default()
    }

    pub(crate) fn take_back(&mut self, buffers: Box<Buffers>) {
        self.0 = Some(buffers);
    }

    /// Makes empty buffers where they were given away.
    pub(crate) fn refill(&mut self) {
        self.0.get_or_insert_default();
    }
}

impl Deref for Held {
    type Target = Buffers;

    fn deref(&self) -> &Buffers {
        self.0.as_deref().expect(LENT)
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Buffers {
        self.0.as_deref_mut().expect(LENT)
    }
}

/// A stream waits in one call at a time, and uses its buffers outside of such calls only.
const LENT: &str = "the buffers of a stream that does not wait are its own";

impl Buffers {
    /// Whether all input was read.
    pub(crate) fn is_read(&self) -> bool {
        self.start == self.input.len()
    }

    /// Adds input behind what is there.
    pub(crate) fn append(&mut self, input: &[u8]) {
        self.input.drain(..self.start);
        self.start = 0;
        self.input.extend_from_slice(input);
    }
}

/// What a blocking handler waits for, or asks its connection for. It is small, since it goes to and fro with every message.
pub(crate) enum Wait {
    /// More input, or its end. `amid` says that the handler has begun to read something that it has not answered.
    Input { until: Time, amid: bool },
    /// Until the system has taken all output.
    Sent { until: Time },
    /// A time.
    Time(Time),
    /// Work on another thread.
    Work(Box<Work>),
    /// Nothing: sends a part of a file after what was written.
    File(Box<(File, Range<u64>)>),
    /// Nothing: sends our end after what was written.
    OwnEnd,
    /// Nothing: asks for a handle for other threads.
    Remote,
    /// Nothing: asks where the connection arrived.
    Local,
    /// Nothing: joins a group.
    Join(Group),
    /// Nothing: leaves a group.
    Leave(Group),
    /// Nothing that ever comes: the connection is over and the handler does not end by itself.
    Nothing,
}

/// How a wait has ended.
pub(crate) enum Wake {
    /// There is what was waited for.
    Ready,
    /// There is no more input: the peer has ended, or the server stops and no message is under way.
    Ended,
    /// The time is over.
    TimedOut,
    /// The connection is over.
    Over(Box<Over>),
    /// The queue of work is full.
    Busy,
    /// The stack is unwinding from a panic, on which nobody can wait.
    Unwinding,
    Remote(Remote),
    Local(Box<Address>),
}

/// How a connection has ended.
pub(crate) struct Over {
    pub(crate) reason: CloseReason,
    /// The number that the system gave to the failure, if it was one and is known.
    pub(crate) os_error: Option<i32>,
}

/// Work for another thread.
pub(crate) struct Work {
    pub(crate) job: Box<dyn FnOnce() + Send>,
    /// Set when the job was done.
    pub(crate) done: Arc<AtomicBool>,
}

/// The timer that ends a wait.
const TIMEOUT: u8 = 0;
/// The timer that ends a wait for input when the server stops and nothing more had arrived.
const STOP: u8 = 1;

/// What a wait means for a connection: which callbacks end it.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    waits_for: Awaited,
    /// When the present wait is over in any case.
    until: Time,
    /// When the timer rings; a wait that ends early leaves it to be compared when it does.
    armed: Option<Time>,
}

#[derive(Debug, Default)]
enum Awaited {
    /// Nothing: the handler runs.
    #[default]
    Nothing,
    Input {
        amid: bool,
    },
    Sent,
    Time,
    Work(Arc<AtomicBool>),
}

impl Waiter {
    /// Begins a wait, after sending `output`. What is there already, or is no waiting at all, is answered at once.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        wait: Wait,
        output: &mut Vec<u8>,
        conn: &mut Conn<'_>,
    ) -> Option<Wake> {
        conn.write_buffer(output);
        let (awaited, until) = match wait {
            Wait::Input { until, amid } => {
                Self::await_input(amid, conn);
                (Awaited::Input { amid }, until)
            }
            Wait::Sent { .. } if !conn.has_output() => return Some(Wake::Ready),
            Wait::Sent { until } => {
                conn.pause_until_sent();
                (Awaited::Sent, until)
            }
            Wait::Time(until) => {
                conn.pause_reading();
                (Awaited::Time, until)
            }
            Wait::Work(work) => {
                conn.pause_reading();
                let remote = conn.remote();
                let done = work.done.clone();
                if !conn.shared().offload.submit(work.job, remote) {
                    return Some(Wake::Busy);
                }
                (Awaited::Work(done), Time::NEVER)
            }
            Wait::File(part) => {
                let (file, range) = *part;
                conn.send_file(file, range);
                return Some(Wake::Ready);
            }
            Wait::OwnEnd => {
                conn.end_output();
                return Some(Wake::Ready);
            }
            Wait::Remote => return Some(Wake::Remote(conn.remote())),
            Wait::Local => return Some(Wake::Local(Box::new(conn.local().clone()))),
            Wait::Join(group) => {
                group.join(conn);
                return Some(Wake::Ready);
            }
            Wait::Leave(group) => {
                group.leave(conn);
                return Some(Wake::Ready);
            }
            Wait::Nothing => return None,
        };
        self.waits_for = awaited;
        self.until = until;
        self.arm(conn);
        None
    }

    #[inline]
    fn await_input(amid: bool, conn: &mut Conn<'_>) {
        if conn.is_paused() {
            conn.resume_reading();
        }
        if conn.is_stopping() {
            if amid {
                // A message under way may be completed until the drain deadline.
                conn.want(1);
            } else {
                // Whatever has arrived comes before this.
                conn.set_timer_at(STOP, conn.exact_now());
            }
        }
    }

    #[inline]
    fn arm(&mut self, conn: &mut Conn<'_>) {
        if self.until != Time::NEVER && self.armed.is_none_or(|armed| self.until < armed) {
            // What is over already is so in the next turn, so that a handler which does not give up gives others theirs.
            let at = if self.until > conn.now() {
                self.until
            } else {
                conn.exact_now()
            };
            self.armed = Some(at);
            conn.set_timer_at(TIMEOUT, at);
        }
    }

    #[inline]
    fn wake(&mut self, wake: Wake) -> Wake {
        self.waits_for = Awaited::Nothing;
        self.until = Time::NEVER;
        wake
    }

    /// Input has come.
    #[inline]
    pub(crate) fn received(&mut self) -> Wake {
        self.wake(Wake::Ready)
    }

    /// The peer has ended.
    pub(crate) fn ended(&mut self) -> Wake {
        self.wake(Wake::Ended)
    }

    /// The output is sent.
    pub(crate) fn drained(&mut self) -> Option<Wake> {
        matches!(self.waits_for, Awaited::Sent).then(|| self.wake(Wake::Ready))
    }

    /// A timer has rung.
    pub(crate) fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Option<Wake> {
        if timer == STOP {
            return matches!(self.waits_for, Awaited::Input { amid: false })
                .then(|| self.wake(Wake::Ended));
        }
        self.armed = None;
        if self.until > conn.now() {
            self.arm(conn);
            return None;
        }
        match self.waits_for {
            Awaited::Nothing => None,
            Awaited::Time => Some(self.wake(Wake::Ready)),
            Awaited::Sent => {
                conn.forget_empty_output();
                Some(self.wake(Wake::TimedOut))
            }
            _ => Some(self.wake(Wake::TimedOut)),
        }
    }

    /// Another thread has called, perhaps since the work is done.
    pub(crate) fn woken(&mut self) -> Option<Wake> {
        match &self.waits_for {
            Awaited::Work(done) if done.load(Ordering::Acquire) => Some(self.wake(Wake::Ready)),
            _ => None,
        }
    }

    /// The server stops, and everything that had arrived was received.
    pub(crate) fn stopping(&mut self, conn: &mut Conn<'_>) -> Option<Wake> {
        match self.waits_for {
            Awaited::Input { amid: true } => {
                conn.want(1);
                None
            }
            Awaited::Input { amid: false } => Some(self.wake(Wake::Ended)),
            _ => None,
        }
    }
}
