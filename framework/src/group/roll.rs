//! Who is a member on one place, and how much of the group's messages each of them was given.

use crate::conn::ConnectionId;

/// The members that one place runs, in the order of their numbers.
///
/// A vector: it is walked for every message, while somebody joins or leaves once in a connection's life, and who joins has
/// usually the highest number.
#[derive(Debug, Default)]
pub(super) struct Roll {
    members: Vec<Member>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: ConnectionId,
    /// Where its place keeps it.
    pub(super) key: u32,
    /// The number of the first message that it was not given. When it joins, that is the next one to be broadcast.
    pub(super) next: u64,
}

/// How far a walk along the members has come. Members may come and go meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Who was met last.
    pub(super) last: Option<ConnectionId>,
    /// Where the next one is if nobody has come or gone.
    index: usize,
}

impl Roll {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Adds a member that is given the messages from `next` on. One that is there already stays as it is.
    pub(super) fn insert(&mut self, id: ConnectionId, key: u32, next: u64) {
        if let Err(index) = self.find(id) {
            self.members.insert(index, Member { id, key, next });
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Ok(index) = self.find(id) {
            self.members.remove(index);
        }
    }

    /// The member that comes after those that were met before.
    pub(super) fn step(&mut self, mark: &mut Mark) -> Option<&mut Member> {
        let last = mark
            .index
            .checked_sub(1)
            .and_then(|index| self.members.get(index));
        if last.map(|member| member.id) != mark.last {
            mark.index = self
                .members
                .partition_point(|member| Some(member.id) <= mark.last);
        }
        let member = self.members.get_mut(mark.index)?;
        mark.index += 1;
        mark.last = Some(member.id);
        Some(member)
    }

    fn find(&self, id: ConnectionId) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |member| member.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roll(ids: &[u64]) -> Roll {
        let mut roll = Roll::default();
        for &id in ids {
            roll.insert(ConnectionId(id), id as u32, 0);
        }
        roll
    }

    fn step(roll: &mut Roll, mark: &mut Mark) -> Option<u64> {
        roll.step(mark).map(|member| member.id.get())
    }

    #[test]
    fn a_walk_meets_everybody_in_the_order_of_their_numbers() {
        let (mut roll, mut mark) = (roll(&[5, 1, 3]), Mark::default());
        for expected in [Some(1), Some(3), Some(5), None, None] {
            assert_eq!(step(&mut roll, &mut mark), expected);
        }
        assert_eq!(step(&mut Roll::default(), &mut Mark::default()), None);
    }

    #[test]
    fn a_walk_meets_nobody_twice_and_skips_nobody_when_members_come_and_go() {
        let (mut roll, mut mark) = (roll(&[1, 3, 5, 7]), Mark::default());
        step(&mut roll, &mut mark);
        assert_eq!(step(&mut roll, &mut mark), Some(3));
        // Who was met last goes, one before it too, one comes before and one behind.
        roll.remove(ConnectionId(3));
        roll.remove(ConnectionId(1));
        roll.insert(ConnectionId(2), 2, 0);
        roll.insert(ConnectionId(4), 4, 0);
        for expected in [Some(4), Some(5), Some(7), None] {
            assert_eq!(step(&mut roll, &mut mark), expected);
        }
        roll.insert(ConnectionId(9), 9, 0);
        assert_eq!(step(&mut roll, &mut mark), Some(9));
        roll.remove(ConnectionId(9));
        assert_eq!(step(&mut roll, &mut mark), None);
    }

    #[test]
    fn joining_twice_changes_nothing() {
        let mut roll = roll(&[1]);
        roll.insert(ConnectionId(1), 1, 100);
        let member = roll.step(&mut Mark::default()).map(|member| member.next);
        assert_eq!((roll.len(), member), (1, Some(0)));
    }
}
