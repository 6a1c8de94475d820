//! Writing to many connections at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

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
/// A message is encoded once and shared; it costs each loop one queue operation however many members the loop has, and a
/// member that does not read never slows the others. Cloning a group gives another handle to the same group.
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
    shards: Mutex<HashMap<u64, Arc<Shard>>>,
}

/// The members of one group that one place runs.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) policy: SlowMember,
    pub(crate) queued_bytes_max: usize,
    place: Arc<Place>,
    members: Mutex<BTreeMap<ConnectionId, u32>>,
    /// Messages were lost because the place itself did not keep up.
    overflowed: AtomicBool,
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

    /// Ends a connection's membership from any thread, as [`leave`](Group::leave) does on its own.
    pub fn dismiss(&self, remote: &Remote) {
        remote.leave_group(&self.members);
    }

    /// Ends a connection's membership. Messages that were broadcast before may still reach it.
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
        for shard in self.members.lock().values() {
            // Numbers of connections are those of one server, and members may be of several.
            let except = except.filter(|remote| remote.place().id() == shard.place.id());
            let except = except.map(Remote::id);
            if !shard.place.post_broadcast(shard, message, except) {
                shard.overflowed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// How many members there are now.
    pub fn len(&self) -> usize {
        self.members
            .lock()
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
        let shard = shards.entry(place.id()).or_insert_with(|| {
            Arc::new(Shard {
                policy: self.policy,
                queued_bytes_max: self.queued_bytes_max,
                place: place.clone(),
                members: Mutex::default(),
                overflowed: AtomicBool::new(false),
            })
        });
        shard.lock().insert(id, key);
    }

    pub(crate) fn remove(&self, place: u64, id: ConnectionId) {
        let mut shards = self.lock();
        let Some(shard) = shards.get(&place) else {
            return;
        };
        let empty = {
            let mut members = shard.lock();
            members.remove(&id);
            members.is_empty()
        };
        if empty {
            shards.remove(&place);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Calls `deliver` with the key and id of every member but one. It must not run a handler, which might leave or join.
    pub(crate) fn for_each(
        &self,
        except: Option<ConnectionId>,
        mut deliver: impl FnMut(u32, ConnectionId),
    ) {
        for (&id, &key) in self.lock().iter() {
            if Some(id) != except {
                deliver(key, id);
            }
        }
    }

    /// Whether messages were lost on the way here since the last time this was asked.
    pub(crate) fn take_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed) && self.overflowed.swap(false, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, u32>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
