//! How one thread reaches a connection that another thread owns.
//!
//! A [`Place`] is a thread that runs connections: a reactor's loop, or the thread of a thread mode. Others leave mail in its
//! inbox and wake it if it sleeps. A place that never gets mail pays two atomic stores per turn and no system call.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::conn::ConnectionId;
use crate::group::{Post, Shard};

/// The most broadcasts that wait for one place; what is beyond makes its members count as slow.
const BROADCASTS_MAX: usize = 65_536;
/// The most bytes of broadcasts that wait for one place.
const BROADCAST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What lies in an inbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// The letter box of this connection has something in it.
    Letters { key: u32, id: ConnectionId },
    /// A message for all members of a group that this place runs.
    Broadcast { shard: Arc<Shard>, post: Post },
}

/// A thread that runs connections, as others see it.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    inbox: Mutex<Inbox>,
    /// Whether the place should look at its inbox or at the state of the server.
    attention: AtomicBool,
    /// Whether the place sleeps, or is about to, and must be woken.
    asleep: AtomicBool,
    /// Whether the place is asked to try its listeners again.
    accept: AtomicBool,
    waker: OnceLock<Waker>,
}

#[derive(Debug, Default)]
struct Inbox {
    mail: VecDeque<Mail>,
    broadcasts: usize,
    broadcast_bytes: usize,
}

/// What wakes a thread that waits for readiness.
#[derive(Debug)]
pub(crate) enum Waker {
    /// For a thread that waits in mio.
    Poll(mio::Waker),
    /// For a thread that waits in `poll(2)`.
    Bell(Bell),
}

impl Place {
    pub(crate) fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            inbox: Mutex::default(),
            attention: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            accept: AtomicBool::new(false),
            waker: OnceLock::new(),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Gives the place its waker, once.
    pub(crate) fn set_waker(&self, waker: Waker) {
        // A second waker can only come from a second owner, which a place never has.
        let _ = self.waker.set(waker);
    }

    /// The bell that wakes this place, when it is a thread that waits in `poll(2)` and has one.
    pub(crate) fn bell(&self) -> Option<&Bell> {
        match self.waker.get() {
            Some(Waker::Bell(bell)) => Some(bell),
            _ => None,
        }
    }

    pub(crate) fn post_letters(&self, key: u32, id: ConnectionId) {
        self.lock().mail.push_back(Mail::Letters { key, id });
        self.call();
    }

    /// Leaves a broadcast. When too many are waiting already it is lost, which the members see by the gap before the next one.
    pub(crate) fn post_broadcast(&self, shard: &Arc<Shard>, post: Post) {
        {
            let mut inbox = self.lock();
            if inbox.broadcasts >= BROADCASTS_MAX
                || inbox.broadcast_bytes + post.bytes() > BROADCAST_BYTES_MAX
            {
                return;
            }
            inbox.broadcasts += 1;
            inbox.broadcast_bytes += post.bytes();
            inbox.mail.push_back(Mail::Broadcast {
                shard: shard.clone(),
                post,
            });
        }
        self.call();
    }

    /// Asks the place to try its listeners again.
    pub(crate) fn ask_to_accept(&self) {
        self.accept.store(true, Ordering::SeqCst);
        self.call();
    }

    /// Whether somebody asked since the last time.
    pub(crate) fn take_accept(&self) -> bool {
        self.accept.swap(false, Ordering::SeqCst)
    }

    /// Makes the place look up from its sleep, or from its work when it is at a good point.
    pub(crate) fn call(&self) {
        self.attention.store(true, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        let result = match self.waker.get() {
            Some(Waker::Poll(waker)) => waker.wake(),
            Some(Waker::Bell(bell)) => bell.ring(),
            None => Ok(()),
        };
        if let Err(error) = result {
            log::error!("cannot wake a thread: {error}");
        }
    }

    /// Says that the owner is about to sleep. False: do not, there is something to look at.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        if self.attention.load(Ordering::SeqCst) {
            self.wake_up();
            return false;
        }
        true
    }

    /// Says that the owner no longer sleeps.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Whether somebody called since the last time this was asked.
    pub(crate) fn take_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed) && self.attention.swap(false, Ordering::SeqCst)
    }

    /// Moves all mail to `into`, which is empty.
    pub(crate) fn collect(&self, into: &mut VecDeque<Mail>) {
        let mut inbox = self.lock();
        inbox.broadcasts = 0;
        inbox.broadcast_bytes = 0;
        std::mem::swap(&mut inbox.mail, into);
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A descriptor that becomes readable when it is rung: an eventfd on Linux, a pipe elsewhere.
#[derive(Debug)]
pub(crate) struct Bell {
    heard: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    rung: OwnedFd,
}

impl Bell {
    #[cfg(target_os = "linux")]
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self {
            heard: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::fs::{OFlags, fcntl_setfl};
        use rustix::io::{FdFlags, fcntl_setfd};
        let (heard, rung) = rustix::pipe::pipe()?;
        for end in [&heard, &rung] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            fcntl_setfl(end, OFlags::NONBLOCK)?;
        }
        Ok(Self { heard, rung })
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        let rung = &self.heard;
        #[cfg(not(target_os = "linux"))]
        let rung = &self.rung;
        match rustix::io::write(rung, &1u64.to_ne_bytes()) {
            // A bell that cannot take another stroke is ringing already.
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the bell silent again.
    pub(crate) fn silence(&self) {
        let mut strokes = [0; 64];
        while let Ok(64) = rustix::io::read(&self.heard, &mut strokes) {}
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_between_the_last_look_and_the_sleep_is_not_lost() {
        let place = Place::new();
        assert!(place.fall_asleep());
        place.wake_up();
        place.call();
        assert!(!place.fall_asleep(), "called before it slept");
        assert!(place.take_attention());
        assert!(!place.take_attention());
        assert!(place.fall_asleep());
    }

    #[test]
    fn a_bell_can_be_rung_many_times_and_silenced_once() {
        let bell = Bell::new().unwrap();
        for _ in 0..100_000 {
            bell.ring().unwrap();
        }
        bell.silence();
        let mut byte = [0; 8];
        assert!(
            rustix::io::read(&bell, &mut byte).is_err(),
            "silent bells have nothing to read"
        );
    }
}
