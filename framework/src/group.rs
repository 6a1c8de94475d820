//! Writing to many connections at once.

mod roll;
mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use self::roll::Roll;
pub(crate) use self::run::{Claim, Parcel, Post, Run};
use crate::conn::{Conn, ConnectionId};
use crate::mail::Place;
use crate::remote::Remote;

/// What happens to a member that does not take its messages as fast as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlowMember {
    /// Its connection is cut with [`CloseReason::SlowMember`](crate::CloseReason::SlowMember).
    #[default]
    Disconnect,
    /// Its oldest waiting messages are dropped, whole, to make room: for gauges, where only the newest counts.
    DropOldest,
    /// The new message is not queued for it.
    DropNewest,
}

/// A set of connections that can be written to together, from any handler and any thread.
///
/// A message is encoded once and shared, and a member that does not read never slows the others. Cloning a group gives
/// another handle to the same group.
///
/// # What a member gets
///
/// Exactly the messages that are broadcast after it was made a member ([`join`](Group::join), [`admit`](Group::admit) have returned), in the order
/// in which they are broadcast, each once and whole. What one thread broadcasts to several groups reaches those who are in several of them in that
/// order, too. When [`leave`](Group::leave) or [`dismiss`](Group::dismiss) has returned, or the connection has closed, nothing more is delivered, not
/// even what was broadcast before and not delivered yet; what was delivered already may still be on its way to the peer.
///
/// Only a member that is too slow loses messages, as its [`SlowMember`] policy says.
///
/// # What a message costs
///
/// Each loop one queue operation, and each member one `send`. Messages that come shortly after each other share it: what is
/// broadcast while a loop is still sending reaches most members together with what was broadcast before. A loop sends to some
/// thirty members at a time, then sees what else there is to do.
///
/// # Example
///
/// ```
/// use socketserver::{Bytes, Conn, Group, Handler, HandlerError, Input};
///
/// struct Shout(Group);
///
/// impl Handler for Shout {
///     fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
///         self.0.join(conn);
///         Ok(())
///     }
///
///     fn received(&mut self, input: &mut Input<'_>, _conn: &mut Conn<'_>) -> Result<(), HandlerError> {
///         self.0.broadcast(Bytes::copy_from_slice(input.take_all()));
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    members: Arc<Members>,
}

#[derive(Debug)]
pub(crate) struct Members {
    policy: SlowMember,
    queued_bytes_max: usize,
    shards: Mutex<Shards>,
}

#[derive(Debug, Default)]
struct Shards {
    by_place: HashMap<u64, Arc<Shard>>,
    /// The number of the next message. Whoever joins gets it and those that follow.
    next: u64,
}

/// The members of one group that one place runs.
#[derive(Debug)]
pub(crate) struct Shard {
    policy: SlowMember,
    queued_bytes_max: usize,
    place: Arc<Place>,
    members: Mutex<Roll>,
}

impl Group {
    /// The bytes that may wait for one member unless [`Group::with_limit`] says otherwise: 256 KiB.
    pub const QUEUED_BYTES_MAX: usize = 256 * 1024;

    /// A group without members.
    pub fn new(policy: SlowMember) -> Self {
        Self::with_limit(policy, Self::QUEUED_BYTES_MAX)
    }

    /// A group in which a member counts as slow when more than `queued_bytes_max` bytes would wait for it.
    pub fn with_limit(policy: SlowMember, queued_bytes_max: usize) -> Self {
        let members = Members {
            policy,
            queued_bytes_max,
            shards: Mutex::default(),
        };
        Self {
            members: Arc::new(members),
        }
    }

    /// Makes a connection a member. It leaves by itself when it closes; joining twice changes nothing.
    pub fn join(&self, conn: &mut Conn<'_>) {
        self.members.insert(&conn.place(), conn.id(), conn.key());
        conn.remember_group(&self.members);
    }

    /// Makes a connection a member from any thread, as [`join`](Group::join) does on its own. False: it is over already.
    pub fn admit(&self, remote: &Remote) -> bool {
        remote.enter_group(&self.members)
    }

    /// Ends a connection's membership from any thread, as [`leave`](Group::leave) does on its own: when this has returned, nothing more is delivered.
    pub fn dismiss(&self, remote: &Remote) {
        remote.leave_group(&self.members);
    }

    /// Ends a connection's membership: nothing more is delivered, also of what was broadcast before.
    pub fn leave(&self, conn: &mut Conn<'_>) {
        self.members.remove(conn.place().id(), conn.id());
        conn.forget_group(&self.members);
    }

    /// Sends a message to all members, the one that may be speaking included. It never waits.
    pub fn broadcast(&self, message: impl Into<Bytes>) {
        self.post(&message.into(), None);
    }

    /// Sends a message to all members but one, who need not be a member: the one that is speaking. It never waits.
    pub fn broadcast_except(&self, except: &Remote, message: impl Into<Bytes>) {
        self.post(&message.into(), Some(except));
    }

    fn post(&self, message: &Bytes, except: Option<&Remote>) {
        // Held until all places have it, so that they get messages of different threads in the same order, and with consecutive numbers.
        let mut shards = self.members.lock();
        let number = shards.next;
        shards.next += 1;
        for shard in shards.by_place.values() {
            // Numbers of connections are those of one server, and members may be of several.
            let except = except.filter(|remote| remote.place().id() == shard.place.id());
            let post = Post::new(number, message, except.map(Remote::id));
            shard.place.post_broadcast(shard, post);
        }
    }

    /// How many members there are now.
    pub fn len(&self) -> usize {
        let shards = self.members.lock();
        shards
            .by_place
            .values()
            .map(|shard| shard.lock().len())
            .sum()
    }

    /// Whether there is no member now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Members {
    pub(crate) fn insert(&self, place: &Arc<Place>, id: ConnectionId, key: u32) {
        // Held until the member is in, so that a shard that has just become empty is not removed meanwhile.
        let mut shards = self.lock();
        let next = shards.next;
        let shard = shards.by_place.entry(place.id()).or_insert_with(|| {
            Arc::new(Shard {
                policy: self.policy,
                queued_bytes_max: self.queued_bytes_max,
                place: place.clone(),
                members: Mutex::default(),
            })
        });
        shard.lock().insert(id, key, next);
    }

    pub(crate) fn remove(&self, place: u64, id: ConnectionId) {
        let mut shards = self.lock();
        let Some(shard) = shards.by_place.get(&place) else {
            return;
        };
        let left = {
            let mut members = shard.lock();
            members.remove(id);
            members.len()
        };
        if left == 0 {
            shards.by_place.remove(&place);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Roll> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
