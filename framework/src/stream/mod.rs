//! What a blocking handler, and a client, sees of its connection: [`Read`], [`BufRead`] and [`Write`].

mod messages;
mod outcome;
mod pausing;
mod reading;
mod waiting;
mod writing;

use std::fmt;
use std::io::{self, ErrorKind};
#[cfg(doc)]
use std::io::{BufRead, Read, Write};
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

pub(crate) use self::outcome::Outcome;
use self::outcome::Unwound;
pub(crate) use self::waiting::{Buffers, Held, Line, Over, Wait, Waiter, Wake};
#[cfg(doc)]
use crate::BlockingHandler;
use crate::conn::ConnectionId;
use crate::net::Address;
use crate::offloaded::too_much;
use crate::remote::Remote;
use crate::timer::{Limit, Time};
use crate::{CloseReason, Conn, Group};

/// How often a handler may try to go on with a connection that is over, or to read what cannot be read and do nothing else, before it is ended
/// by force: enough for every loop that ends there, and few for one that does not.
const REFUSALS_MAX: u32 = 100;

/// A connection to read from and to write to, in straight lines.
///
/// A [`BlockingHandler`] is given one; a client makes one with [`Stream::connect`]. Both are the same type, and both
/// understand the same [codecs](crate::codec). It is buffered in both directions. What is written leaves when the stream next
/// waits for something, when [`flush`](Write::flush) is called, and when the handler returns, so that an answer written in
/// ten pieces is one packet.
///
/// Where there is nothing to read yet, a call waits. On a thread of its own the thread waits; on a reactor the handler is
/// suspended, and its loop serves other connections meanwhile. The handler cannot tell the difference.
///
/// # Errors
///
/// * [`TimedOut`](ErrorKind::TimedOut): a time set with [`set_read_timeout`](Stream::set_read_timeout),
///   [`set_write_timeout`](Stream::set_write_timeout) or [`set_deadline`](Stream::set_deadline) is over. Nothing is lost, and the call may be
///   made again.
/// * [`ConnectionReset`](ErrorKind::ConnectionReset) and other errors of the system, with its error number: the connection broke.
/// * [`ConnectionAborted`](ErrorKind::ConnectionAborted): the server has ended the connection: a limit of [`Config`](crate::Config)
///   was reached, the drain deadline came, or a [`Remote`] has closed it. The text says which.
///
/// After the last two no call succeeds any more, but for reading what had come before; the handler is expected to return. One that goes on trying
/// is ended by force: its stack is unwound, and its destructors run. The same happens to one that does nothing but read at the end of
/// input, or what no peer may send, again and again.
///
/// # When the server stops
///
/// A read that waits between two messages, which means that everything read was answered by writing, sees the end of input. A read amid a message
/// goes on until the drain deadline, so that the message can be completed, and then fails.
///
/// # Panics
///
/// On a reactor a stream must be used by the thread that runs its handler: it panics when a scoped thread uses it.
pub struct Stream<'a> {
    line: Owner<'a>,
    facts: Facts,
    buffers: Held,
    /// There is no more input than what is in the buffer.
    ended: bool,
    /// Our end was sent.
    own_end: bool,
    /// Something was read and nothing written since.
    unanswered: bool,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// When the whole request must be over.
    deadline: Time,
    /// When the message under way must be complete.
    message_by: Time,
    /// Why the connection is over.
    over: Option<CloseReason>,
    /// What the last error stands for, if the handler passes it on.
    verdict: Option<(ErrorKind, CloseReason)>,
    /// How often the handler has tried in vain since it last did something else.
    refusals: u32,
}

/// Who waits for a stream.
enum Owner<'a> {
    Server(&'a mut (dyn Line + 'a)),
    Client(Box<dyn Line>),
}

/// What a stream knows of its connection from the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Address,
    pub(crate) clock: fn() -> Time,
    pub(crate) message_timeout: Limit,
    pub(crate) input_bytes_max: usize,
    pub(crate) output_bytes_max: usize,
}

impl Facts {
    pub(crate) fn of(conn: &Conn<'_>) -> Self {
        let config = &conn.shared().config;
        Self {
            id: conn.id(),
            peer: conn.peer().clone(),
            clock: conn.clock(),
            message_timeout: config.read_timeout.into(),
            input_bytes_max: config.input_bytes_max,
            output_bytes_max: config.output_high.max(1),
        }
    }
}

impl<'a> Stream<'a> {
    /// A stream for a handler, over whoever runs it.
    pub(crate) fn new(line: &'a mut (dyn Line + 'a), facts: Facts, buffers: Box<Buffers>) -> Self {
        Self::over(Owner::Server(line), facts, buffers)
    }

    /// A stream that a client has opened.
    pub(crate) fn of_client(line: Box<dyn Line>, facts: Facts) -> Stream<'static> {
        Stream::over(Owner::Client(line), facts, Box::default())
    }

    fn over(line: Owner<'a>, facts: Facts, buffers: Box<Buffers>) -> Self {
        Self {
            line,
            facts,
            buffers: Held::new(buffers),
            ended: false,
            own_end: false,
            unanswered: false,
            read_timeout: None,
            write_timeout: None,
            deadline: Time::NEVER,
            message_by: Time::NEVER,
            over: None,
            verdict: None,
            refusals: 0,
        }
    }

    /// The number of this connection; 1 for every client.
    pub fn id(&self) -> ConnectionId {
        self.facts.id
    }

    /// Where the peer is.
    pub fn peer(&self) -> &Address {
        &self.facts.peer
    }

    /// Where the peer's connection arrived; for a client, where it came from.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn local(&mut self) -> io::Result<Address> {
        match self.wait(Wait::Local)? {
            Wake::Local(address) => Ok(*address),
            _ => Err(nobody_waits()),
        }
    }

    /// Whether the server was stopping when the stream last waited.
    pub fn is_stopping(&self) -> bool {
        self.buffers.stopping
    }

    /// Limits how long a read waits for the first byte that it can return. `None`, which is the default, means for as long as
    /// [`Config::idle_timeout`](crate::Config::idle_timeout) allows.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    /// Limits how long a write waits until the system has taken the output before it. `None`, which is the default, means for as
    /// long as [`Config::write_timeout`](crate::Config::write_timeout) allows.
    pub fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    /// Limits everything together: from `after` on, whatever would wait fails. `None` lifts the limit.
    ///
    /// A handler sets it at the beginning of a request, however many reads and writes that takes.
    pub fn set_deadline(&mut self, after: Option<Duration>) {
        self.deadline = after.map_or(Time::NEVER, |after| self.now().after(after));
    }

    /// Makes this connection a member of a group, whose messages are sent while this stream waits.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn join(&mut self, group: &Group) -> io::Result<()> {
        self.wait(Wait::Join(group.clone())).map(drop)
    }

    /// Makes this connection leave a group; it does so by itself when it closes.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn leave(&mut self, group: &Group) -> io::Result<()> {
        self.wait(Wait::Leave(group.clone())).map(drop)
    }

    /// A handle with which other threads can write to this connection and close it.
    ///
    /// What they write is sent while this stream waits.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn remote(&mut self) -> io::Result<Remote> {
        match self.wait(Wait::Remote)? {
            Wake::Remote(remote) => Ok(remote),
            _ => Err(nobody_waits()),
        }
    }

    fn now(&self) -> Time {
        (self.facts.clock)()
    }

    fn line(&mut self) -> &mut dyn Line {
        match &mut self.line {
            Owner::Server(line) => *line,
            Owner::Client(line) => &mut **line,
        }
    }

    /// When an operation with this limit must be over.
    fn until(&self, timeout: Option<Duration>) -> Time {
        timeout.map_or(self.deadline, |timeout| {
            self.now().after(timeout).min(self.deadline)
        })
    }

    /// Waits, and makes an error of what is not success.
    #[inline]
    fn wait(&mut self, wait: Wait) -> io::Result<Wake> {
        if self.over.is_some() {
            return Err(self.refuse());
        }
        let reading = matches!(wait, Wait::Input { .. });
        let wake = match &mut self.line {
            Owner::Server(line) => line.wait(wait, &mut self.buffers),
            Owner::Client(line) => line.wait(wait, &mut self.buffers),
        };
        if matches!(wake, Wake::Ready) && self.verdict.is_none() {
            return Ok(wake);
        }
        self.explain(wake, reading)
    }

    /// What an uncommon end of a wait means for the handler.
    #[cold]
    fn explain(&mut self, wake: Wake, reading: bool) -> io::Result<Wake> {
        match wake {
            Wake::Over(over) => {
                let Over { reason, os_error } = *over;
                let error = error_of(&reason, os_error);
                self.over = Some(reason);
                Err(error)
            }
            Wake::TimedOut if reading => Err(self.timed_out(CloseReason::ReadTimeout)),
            Wake::TimedOut => Err(self.timed_out(CloseReason::WriteTimeout)),
            Wake::Busy => Err(too_much()),
            Wake::Unwinding => Err(nobody_waits()),
            wake => {
                self.verdict = None;
                Ok(wake)
            }
        }
    }

    /// A time is over; if the handler passes that on, the connection ends for this reason.
    fn timed_out(&mut self, reason: CloseReason) -> io::Error {
        self.verdict = Some((ErrorKind::TimedOut, reason));
        ErrorKind::TimedOut.into()
    }

    /// The connection is over, and the handler tries to go on.
    fn refuse(&mut self) -> io::Error {
        if self.is_hopeless() {
            // A coroutine is left for good in this wait; a thread is unwound from here.
            self.line()
                .wait(Wait::Nothing, &mut Held::new(Box::default()));
            resume_unwind(Box::new(Unwound));
        }
        self.over
            .as_ref()
            .map_or_else(nobody_waits, |reason| error_of(reason, None))
    }

    /// The handler reads at the end of input, or once more what it could not read before. If it does so for ever and nothing else, nobody else
    /// would run again on a reactor.
    #[cold]
    fn note_vain_try(&mut self) {
        if self.is_hopeless() {
            resume_unwind(Box::new(Unwound));
        }
    }

    /// Whether a handler has tried in vain too often. A client may try for as long as it likes.
    fn is_hopeless(&mut self) -> bool {
        self.refusals += 1;
        self.refusals > REFUSALS_MAX
            && matches!(self.line, Owner::Server(_))
            && !thread::panicking()
    }
}

/// What a call fails with when its connection is over.
fn error_of(reason: &CloseReason, os_error: Option<i32>) -> io::Error {
    match (reason, os_error) {
        (CloseReason::PeerReset | CloseReason::Io(_), Some(number)) => {
            io::Error::from_raw_os_error(number)
        }
        (CloseReason::PeerReset, None) => Errno::CONNRESET.into(),
        (CloseReason::Io(kind), None) => (*kind).into(),
        (reason, _) => io::Error::new(ErrorKind::ConnectionAborted, reason.to_string()),
    }
}

/// A wait was asked for where there is none, as while a stack unwinds.
fn nobody_waits() -> io::Error {
    io::Error::other("a stream cannot wait while its handler unwinds from a panic")
}

/// A client's last words are sent, as far as they can be.
impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let is_clients = matches!(self.line, Owner::Client(_));
        if is_clients && !thread::panicking() && self.over.is_none() {
            // A flush that was given up may have left something in the connection's queue. Nobody is left to hear of an error.
            let _ = io::Write::flush(self);
        }
    }
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.facts.id)
            .field("peer", &self.facts.peer)
            .finish_non_exhaustive()
    }
}
