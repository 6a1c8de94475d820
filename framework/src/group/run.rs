//! Messages of one group that lie one behind the other in an inbox, on their way to the members together.
//!
//! A run is joined into one piece of memory once, so that a member which has nothing waiting costs one `send`, however
//! many messages there are. It goes along the members once; what is broadcast meanwhile is added, and then it goes on to
//! where it was at that moment, so that everybody meets each message once.

use std::sync::Arc;

use bytes::Bytes;

use super::roll::Mark;
use super::{Shard, SlowMember};
use crate::conn::ConnectionId;

/// The most messages of a run: all of them are looked at when a member that is excepted from one of them is met.
const MESSAGES_MAX: usize = 128;
/// The most bytes that messages are joined to. What is copied once for all members is small beside one `send`.
const BYTES_MAX: usize = 16 * 1024;
/// Which part of what may wait for a member a run may be: where much was broadcast at once, members that take what they
/// get must have been sent the first of it before the rest counts.
const QUEUE_FRACTION: usize = 4;

/// A message of a group, under way.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// Messages of a group have consecutive numbers.
    pub(super) number: u64,
    message: Bytes,
    /// Who does not get it.
    pub(super) except: Option<ConnectionId>,
}

impl Post {
    pub(super) fn new(number: u64, message: &Bytes, except: Option<ConnectionId>) -> Self {
        Self {
            number,
            message: message.clone(),
            except,
        }
    }

    /// How many bytes of memory it keeps, which other places may keep as well.
    pub(crate) fn bytes(&self) -> usize {
        self.message.len()
    }
}

/// Consecutive messages of one group, and how far along its members on one place they have come.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// None between two runs.
    shard: Option<Arc<Shard>>,
    posts: Vec<Post>,
    /// All messages one behind the other, if there are several.
    joined: Vec<u8>,
    /// Where each of them ends in that.
    ends: Vec<usize>,
    /// Everybody who does not get one of them.
    excepted: Vec<ConnectionId>,
    mark: Mark,
    /// Whether the end of the members was reached, and the walk has begun anew.
    is_round: bool,
    /// With whom the walk ends when it has begun anew; none if it need not.
    until: Option<ConnectionId>,
}

/// What the next member of a run gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) key: u32,
    pub(crate) id: ConnectionId,
    /// Which message of the run is the first.
    from: usize,
    /// How many were lost on their way here since the last one that it got.
    missed: u64,
}

/// What a member gets of a run.
#[derive(Debug)]
pub(crate) struct Parcel<'a> {
    run: &'a Run,
    shard: &'a Shard,
    claim: Claim,
}

impl Run {
    /// Begins with a message. The run before has come to its end.
    pub(crate) fn begin(&mut self, shard: Arc<Shard>, post: Post) {
        self.joined.clear();
        self.ends.clear();
        self.ends.push(post.message.len());
        self.excepted.clear();
        self.excepted.extend(post.except);
        self.posts.clear();
        self.posts.push(post);
        self.shard = Some(shard);
        self.mark = Mark::default();
        self.is_round = false;
        self.until = None;
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.shard.is_some()
    }

    /// Adds a message that was broadcast right behind the last one; false, and nothing happens, when it must wait for the next run.
    pub(crate) fn extend(&mut self, shard: &Arc<Shard>, post: &Post) -> bool {
        let (Some(own), Some(last), Some(&end)) =
            (&self.shard, self.posts.last(), self.ends.last())
        else {
            return false;
        };
        let bytes = end + post.message.len();
        // Numbers with a gap tell that messages were lost, which the next run will see.
        let fits = Arc::ptr_eq(own, shard)
            && post.number == last.number + 1
            && self.posts.len() < MESSAGES_MAX
            && bytes <= BYTES_MAX.min(own.queued_bytes_max / QUEUE_FRACTION);
        if !fits {
            return false;
        }
        if let [first] = &self.posts[..] {
            self.joined.extend_from_slice(&first.message);
        }
        self.joined.extend_from_slice(&post.message);
        self.ends.push(bytes);
        if let Some(id) = post.except
            && !self.excepted.contains(&id)
        {
            self.excepted.push(id);
        }
        self.posts.push(post.clone());
        self.is_round = false;
        self.until = self.mark.last;
        true
    }

    /// The next member and what it gets, or none when all have got theirs, which ends the run.
    pub(crate) fn claim(&mut self) -> Option<Claim> {
        let claim = self.next_claim();
        if claim.is_none() {
            self.shard = None;
            // Messages need not stay in memory until the next run.
            self.posts.clear();
        }
        claim
    }

    fn next_claim(&mut self) -> Option<Claim> {
        let shard = self.shard.as_ref()?;
        let first = self.posts.first()?.number;
        let end = first + self.posts.len() as u64;
        // Nobody can leave while this is held, and whoever has left is not found any more.
        let mut roll = shard.lock();
        loop {
            let Some(member) = roll.step(&mut self.mark) else {
                if self.is_round || self.until.is_none() {
                    return None;
                }
                self.is_round = true;
                self.mark = Mark::default();
                continue;
            };
            if self.is_round && Some(member.id) > self.until {
                return None;
            }
            if member.next >= end {
                continue;
            }
            let claim = Claim {
                key: member.key,
                id: member.id,
                from: member.next.saturating_sub(first) as usize,
                missed: first.saturating_sub(member.next),
            };
            member.next = end;
            let is_empty = self.is_excepted(member.id)
                && claim.missed == 0
                && self.messages(claim).next().is_none();
            if !is_empty {
                return Some(claim);
            }
        }
    }

    /// What was claimed. The run is still the same.
    pub(crate) fn parcel(&self, claim: Claim) -> Option<Parcel<'_>> {
        let shard = self.shard.as_deref()?;
        Some(Parcel {
            run: self,
            shard,
            claim,
        })
    }

    fn is_excepted(&self, id: ConnectionId) -> bool {
        self.excepted.contains(&id)
    }

    fn messages(&self, claim: Claim) -> impl Iterator<Item = &Bytes> {
        let posts = self.posts[claim.from..].iter();
        posts
            .filter(move |post| post.except != Some(claim.id))
            .map(|post| &post.message)
    }
}

impl Parcel<'_> {
    pub(crate) fn policy(&self) -> SlowMember {
        self.shard.policy
    }

    pub(crate) fn queued_bytes_max(&self) -> usize {
        self.shard.queued_bytes_max
    }

    /// How much of that may wait although it could be sent.
    pub(crate) fn part_bytes(&self) -> usize {
        self.shard.queued_bytes_max / QUEUE_FRACTION
    }

    pub(crate) fn missed(&self) -> u64 {
        self.claim.missed
    }

    /// The messages, in order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Bytes> {
        self.run.messages(self.claim)
    }

    pub(crate) fn claim(&self) -> Claim {
        self.claim
    }

    /// How many bytes there are at most.
    pub(crate) fn bytes_max(&self) -> usize {
        self.run.ends.last().map_or(0, |end| end - self.start())
    }

    /// Where the first message begins.
    fn start(&self) -> usize {
        let before = self.claim.from.checked_sub(1);
        before.map_or(0, |index| self.run.ends[index])
    }

    /// How many messages there are at most.
    pub(crate) fn messages_max(&self) -> usize {
        self.run.posts.len() - self.claim.from
    }

    /// All messages in one piece, if they lie in memory like that.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        if self.run.is_excepted(self.claim.id) {
            return None;
        }
        if let [one] = &self.run.posts[..] {
            Some(&one.message)
        } else {
            Some(&self.run.joined[self.start()..])
        }
    }
}
