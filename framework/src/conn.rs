//! What a handler does with its connection.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::CloseReason;
use crate::group::Members;
use crate::mail::Place;
use crate::net::Address;
use crate::offloaded::{Offloaded, too_much};
use crate::remote::Remote;
use crate::server::{OffloadPool, Shared};
use crate::session::{Core, Turn};
use crate::stream::Buffers;
use crate::timer::Time;

/// The number of a connection: unique within one server, from one upwards in the order in which they were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One accepted connection, as its handler sees it during a callback.
///
/// Nothing here waits, and nothing here fails: what goes wrong with the connection ends it, and
/// [`Handler::closed`](crate::Handler::closed) tells why.
pub struct Conn<'a> {
    core: &'a mut Core,
    turn: &'a mut Turn,
}

impl<'a> Conn<'a> {
    pub(crate) fn new(core: &'a mut Core, turn: &'a mut Turn) -> Self {
        Self { core, turn }
    }

    /// The number of this connection.
    pub fn id(&self) -> ConnectionId {
        self.core.id()
    }

    /// Where the peer is.
    pub fn peer(&self) -> &Address {
        self.core.peer()
    }

    /// Where the peer's connection arrived.
    pub fn local(&self) -> &Address {
        self.core.local(self.turn)
    }

    /// Sends bytes to the peer, after everything that was written before.
    ///
    /// The bytes are copied and leave together with everything else that this callback writes. What the peer's system does not take
    /// at once is kept; see [`queued`](Conn::queued). When more than
    /// [`Config::output_bytes_max`](crate::Config::output_bytes_max) would be kept, the connection is cut with
    /// [`CloseReason::OutputOverflow`](crate::CloseReason::OutputOverflow). After a close, what is written is dropped.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        self.core.write(bytes, self.turn);
    }

    /// Sends bytes that are shared with others, without copying them.
    pub fn write_shared(&mut self, bytes: Bytes) {
        self.core.write_shared(bytes, self.turn);
    }

    /// Sends a range of bytes of a file, after everything that was written before.
    ///
    /// On Linux the kernel moves the pages itself (`sendfile(2)`); elsewhere they are copied in small pieces. A file that turns
    /// out to be shorter than the range ends the connection with
    /// [`CloseReason::FileTruncated`](crate::CloseReason::FileTruncated), since the peer was promised more. Reading waits for the disk: on a
    /// reactor that delays the other connections of the loop if the file is not in memory.
    pub fn send_file(&mut self, file: File, range: Range<u64>) {
        self.core.send_file(file, range, self.turn);
    }

    /// How many bytes were written that the system has not taken yet, ranges of files not counted.
    ///
    /// From [`Config::output_high`](crate::Config::output_high) on, the connection is not read from until they have
    /// fallen to [`Config::output_low`](crate::Config::output_low).
    pub fn queued(&self) -> usize {
        self.core.queued(self.turn)
    }

    /// Asks not to be called with input before `bytes` bytes of it are there. It holds for the next call only.
    ///
    /// It also says that a message is under way, so that [`Config::read_timeout`](crate::Config::read_timeout) counts from now
    /// on. More than [`Config::input_bytes_max`](crate::Config::input_bytes_max) ends the connection with
    /// [`CloseReason::InputOverflow`](crate::CloseReason::InputOverflow).
    pub fn want(&mut self, bytes: usize) {
        self.core.want(bytes);
    }

    /// Stops reading from the peer until [`resume_reading`](Conn::resume_reading). What has come already is kept.
    pub fn pause_reading(&mut self) {
        self.core.set_reading(false);
    }

    /// Reads again.
    pub fn resume_reading(&mut self) {
        self.core.set_reading(true);
    }

    /// Stops reading until everything that was written is sent, ranges of files too; then [`Handler::drained`](crate::Handler::drained) is called.
    ///
    /// A handler that sends files should, so that a peer which asks for many and reads none does not make it open them all.
    pub fn pause_until_sent(&mut self) {
        self.core.await_empty_output();
    }

    /// Has [`Handler::timer`](crate::Handler::timer) called once, `after` from now. A timer of the same number is replaced.
    ///
    /// Timers are exact to about a millisecond, never early, and count on the monotonic clock.
    pub fn set_timer(&mut self, timer: u8, after: Duration) {
        self.core
            .set_timer(timer, self.turn.exact_now().after(after));
    }

    /// The time now, on the clock that timers count on: where that is made up, as on the seeded network, this is, too.
    pub fn instant(&self) -> Instant {
        self.turn.exact_now().instant()
    }

    /// Makes a timer not ring.
    pub fn cancel_timer(&mut self, timer: u8) {
        self.core.cancel_timer(timer);
    }

    /// A handle with which other threads can write to this connection and close it.
    ///
    /// The first call makes it; a connection that never asks costs nothing.
    pub fn remote(&mut self) -> Remote {
        Remote::new(self.core.letters(self.turn))
    }

    /// Has blocking work done (a file, a password hash, a database) on one of at most
    /// [`Config::offload_threads_max`](crate::Config::offload_threads_max) threads, and [`Handler::woken`](crate::Handler::woken) called
    /// when it is done. Its result is then in what this returns, which the handler keeps until then.
    ///
    /// It is the same in every mode. Other callbacks may come before: a handler that wants no input meanwhile calls
    /// [`pause_reading`](Conn::pause_reading), and one that must answer before the server stops overrides
    /// [`Handler::stopping`](crate::Handler::stopping). If the connection ends first, the work is still done, and its result dropped.
    ///
    /// # Errors
    ///
    /// [`ResourceBusy`](std::io::ErrorKind::ResourceBusy) when [`Config::offload_queue_max`](crate::Config::offload_queue_max) others are
    /// waiting already. The work is not done then.
    ///
    /// # Example
    ///
    /// ```
    /// use socketserver::{Conn, Handler, HandlerError, Input, Offloaded};
    ///
    /// /// Answers every message with a number that takes long to find.
    /// #[derive(Default)]
    /// struct Search(Option<Offloaded<u64>>);
    ///
    /// impl Handler for Search {
    ///     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
    ///         let seed = input.take_all().len() as u64;
    ///         self.0 = Some(conn.offload(move || (seed..).find(|number| number % 9973 == 0).unwrap_or(0))?);
    ///         conn.pause_reading();
    ///         Ok(())
    ///     }
    ///
    ///     fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
    ///         if let Some(number) = self.0.as_mut().and_then(Offloaded::take) {
    ///             conn.write(number.to_string().as_bytes());
    ///             conn.resume_reading();
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn offload<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Offloaded<T>> {
        let (result, job) = Offloaded::new(work);
        let remote = self.remote();
        if self.shared().offload.submit(Box::new(job), remote) {
            Ok(result)
        } else {
            Err(too_much())
        }
    }

    /// The same as [`offload`](Conn::offload), by threads that several servers or kinds of work share, and no others.
    ///
    /// What is dear, as hashing a password is, should not keep what is cheap waiting, and needs a limit of its own.
    ///
    /// # Errors
    ///
    /// [`ResourceBusy`](std::io::ErrorKind::ResourceBusy) when as much as the pool allows is waiting already. The work is not done then.
    pub fn offload_to<T: Send + 'static>(
        &mut self,
        pool: &OffloadPool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Offloaded<T>> {
        // Where work is done at once, as in the test kit, that holds for all work.
        if self.shared().offload.is_immediate() {
            return self.offload(work);
        }
        let (result, job) = Offloaded::new(work);
        if pool.submit(Box::new(job), self.remote()) {
            Ok(result)
        } else {
            Err(too_much())
        }
    }

    /// Closes politely: everything written is sent, then the end of the stream; what the peer still sends is read and dropped for a
    /// while ([`Config::linger_timeout`](crate::Config::linger_timeout)), so that it can read the answer to its end.
    ///
    /// No callback but [`Handler::closed`](crate::Handler::closed) follows.
    pub fn close(&mut self) {
        self.core.close(self.turn);
    }

    /// Closes politely as soon as no message is half received, that is: as soon as the handler has taken all input and wants no more.
    pub fn finish(&mut self) {
        self.core.finish();
    }

    /// Cuts the connection: what is queued is dropped, and a TCP peer sees a reset.
    pub fn abort(&mut self) {
        self.core.abort(self.turn);
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.core.is_draining()
    }

    /// Sends everything in a buffer, and leaves an empty one in its place.
    pub(crate) fn write_buffer(&mut self, buffer: &mut Vec<u8>) {
        self.core.write_buffer(buffer, self.turn);
    }

    /// Lends buffers for a blocking handler, which are empty.
    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is reused")]
    pub(crate) fn lend_buffers(&mut self) -> Box<Buffers> {
        self.turn.desk.take().unwrap_or_default()
    }

    /// Takes the buffers back, once the handler waits and they are empty.
    pub(crate) fn take_back_buffers(&mut self, mut buffers: Box<Buffers>) {
        buffers.input.clear();
        buffers.start = 0;
        self.turn.desk = Some(buffers);
    }

    /// Whether anything that was written waits to be sent.
    pub(crate) fn has_output(&self) -> bool {
        self.core.has_output(self.turn)
    }

    pub(crate) fn forget_empty_output(&mut self) {
        self.core.forget_empty_output(self.turn);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.core.is_paused()
    }

    pub(crate) fn end_output(&mut self) {
        self.core.end_output();
    }

    pub(crate) fn close_because(&mut self, reason: CloseReason) {
        self.core.close_because(reason, self.turn);
    }

    pub(crate) fn set_timer_at(&mut self, timer: u8, at: Time) {
        self.core.set_timer(timer, at);
    }

    pub(crate) fn now(&self) -> Time {
        self.turn.now
    }

    /// The time to the nanosecond, which is later than that of the turn.
    pub(crate) fn exact_now(&self) -> Time {
        self.turn.exact_now()
    }

    pub(crate) fn clock(&self) -> fn() -> Time {
        self.turn.clock()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.turn.shared
    }

    /// Whether nothing has ended the connection yet, not even this callback.
    pub(crate) fn is_open(&self) -> bool {
        self.core.is_open()
    }

    /// Whether the handler may take another message now, see [`Core::takes_more`].
    pub(crate) fn takes_more(&mut self) -> bool {
        self.core.takes_more(self.turn)
    }

    pub(crate) fn place(&self) -> Arc<Place> {
        self.turn.place.clone()
    }

    pub(crate) fn key(&self) -> u32 {
        self.core.key()
    }

    pub(crate) fn remember_group(&mut self, members: &Arc<Members>) {
        self.core.remember_group(members);
    }

    pub(crate) fn forget_group(&mut self, members: &Arc<Members>) {
        self.core.forget_group(members);
    }
}

impl fmt::Debug for Conn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("id", &self.id())
            .field("peer", self.peer())
            .finish_non_exhaustive()
    }
}
