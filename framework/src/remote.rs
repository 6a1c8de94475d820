//! Writing to one connection from another thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::conn::ConnectionId;
use crate::group::Members;
use crate::mail::Place;

/// The most messages that wait in one letter box, however short they are.
const MESSAGES_MAX: usize = 65_536;

/// A handle to a connection that any thread may hold, clone and use at any time, also when the connection is long over.
///
/// A handler gets one from [`Conn::remote`](crate::Conn::remote).
#[derive(Clone, Debug)]
pub struct Remote {
    letters: Arc<LetterBox>,
}

/// Why a [`Remote`] did not take what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteError {
    /// The connection is closed or closing.
    Closed,
    /// The peer takes its output too slowly: [`Config::output_bytes_max`](crate::Config::output_bytes_max) bytes are waiting already.
    Full,
}

/// What other threads have left for a connection.
#[derive(Debug)]
pub(crate) struct LetterBox {
    place: Arc<Place>,
    key: u32,
    id: ConnectionId,
    bytes_max: usize,
    /// The bytes that wait in the connection itself, as it last said.
    queued: AtomicUsize,
    letters: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    messages: VecDeque<Bytes>,
    bytes: usize,
    ending: Option<Ending>,
    /// What the connection leaves when it is over.
    groups: Vec<Arc<Members>>,
    /// The handler shall be called.
    woken: bool,
    /// The place knows already that there is something in the box.
    announced: bool,
    /// The connection is over: nothing is taken any more.
    closed: bool,
}

/// How another thread wants a connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Close,
    Abort,
}

impl Remote {
    pub(crate) fn new(letters: Arc<LetterBox>) -> Self {
        Self { letters }
    }

    /// The connection's number.
    pub fn id(&self) -> ConnectionId {
        self.letters.id
    }

    /// Sends bytes to the peer, in order with everything else that this handle and its clones send.
    pub fn write(&self, bytes: impl Into<Bytes>) -> Result<(), RemoteError> {
        let bytes = bytes.into();
        let mut letters = self.letters.lock();
        if letters.closed || letters.ending.is_some() {
            return Err(RemoteError::Closed);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let waiting = letters.bytes + self.queued_in_connection();
        if waiting + bytes.len() > self.letters.bytes_max || letters.messages.len() >= MESSAGES_MAX
        {
            return Err(RemoteError::Full);
        }
        letters.bytes += bytes.len();
        letters.messages.push_back(bytes);
        self.letters.announce(letters);
        Ok(())
    }

    /// Has [`Handler::woken`](crate::Handler::woken) called on the connection's own thread: for news that is more than bytes
    /// to send, such as the result of work that was given to another thread. Several calls may become one.
    pub fn wake(&self) {
        let mut letters = self.letters.lock();
        if !letters.closed {
            letters.woken = true;
            self.letters.announce(letters);
        }
    }

    /// Closes the connection politely: what was written before is sent first.
    pub fn close(&self) {
        self.end(Ending::Close);
    }

    /// Cuts the connection: what is still waiting is dropped, and a TCP peer sees a reset.
    pub fn abort(&self) {
        self.end(Ending::Abort);
    }

    /// How many bytes written to the connection the peer's system has not taken yet.
    pub fn queued(&self) -> usize {
        self.letters.lock().bytes + self.queued_in_connection()
    }

    /// Whether the connection is over or about to be.
    pub fn is_closed(&self) -> bool {
        let letters = self.letters.lock();
        letters.closed || letters.ending.is_some()
    }

    /// The thread that runs the connection.
    pub(crate) fn place(&self) -> &Place {
        &self.letters.place
    }

    /// Makes the connection a member of a group; false when it is over.
    pub(crate) fn enter_group(&self, group: &Arc<Members>) -> bool {
        // Held until the member is in, so that whoever closes the box meanwhile finds the group in it.
        let mut letters = self.letters.lock();
        if letters.closed {
            return false;
        }
        if !letters.groups.iter().any(|other| Arc::ptr_eq(other, group)) {
            letters.groups.push(group.clone());
        }
        let LetterBox { place, key, id, .. } = &*self.letters;
        group.insert(place, *id, *key);
        true
    }

    pub(crate) fn leave_group(&self, group: &Arc<Members>) {
        let mut letters = self.letters.lock();
        letters.groups.retain(|other| !Arc::ptr_eq(other, group));
        group.remove(self.letters.place.id(), self.letters.id);
    }

    fn queued_in_connection(&self) -> usize {
        self.letters.queued.load(Ordering::Relaxed)
    }

    fn end(&self, ending: Ending) {
        let mut letters = self.letters.lock();
        if !letters.closed && letters.ending < Some(ending) {
            letters.ending = Some(ending);
            self.letters.announce(letters);
        }
    }
}

impl LetterBox {
    pub(crate) fn new(
        place: Arc<Place>,
        key: u32,
        id: ConnectionId,
        bytes_max: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            place,
            key,
            id,
            bytes_max,
            queued: AtomicUsize::new(0),
            letters: Mutex::default(),
        })
    }

    fn announce(&self, mut letters: MutexGuard<'_, Letters>) {
        if !std::mem::replace(&mut letters.announced, true) {
            drop(letters);
            self.place.post_letters(self.key, self.id);
        }
    }

    /// Takes out what was left, in order; says whether the handler shall be called, and how the connection shall end.
    pub(crate) fn empty(&self, mut each: impl FnMut(Bytes)) -> (bool, Option<Ending>) {
        let mut letters = self.lock();
        letters.announced = false;
        letters.bytes = 0;
        letters.messages.drain(..).for_each(&mut each);
        (std::mem::take(&mut letters.woken), letters.ending)
    }

    /// Tells the writers how much is waiting in the connection.
    pub(crate) fn set_queued(&self, bytes: usize) {
        self.queued.store(bytes, Ordering::Relaxed);
    }

    /// The connection is over: writers are told so from now on.
    pub(crate) fn close(&self) {
        let mut letters = self.lock();
        letters.closed = true;
        letters.messages = VecDeque::new();
        letters.bytes = 0;
        for group in letters.groups.drain(..) {
            group.remove(self.place.id(), self.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "cannot write: the connection is closed",
            Self::Full => "cannot write: too much is waiting for this peer already (wait until it has read, or close it)",
        })
    }
}

impl std::error::Error for RemoteError {}
