//! Messages on their way to members that come and go, without sockets.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::delivery::{Delivery, Item};
use crate::remote::LetterBox;

/// One place with what it hands out, and a log of who got what.
struct Bench {
    place: Arc<Place>,
    delivery: Delivery,
    group: Group,
}

impl Bench {
    fn new(queued_bytes_max: usize) -> Self {
        Self {
            place: Place::new(),
            delivery: Delivery::default(),
            group: Group::with_limit(SlowMember::DropNewest, queued_bytes_max),
        }
    }

    fn join(&self, id: u64) {
        join(&self.group, &self.place, id);
    }

    fn leave(&self, id: u64) {
        (self.group.members).remove(self.place.id(), ConnectionId(id));
    }

    /// Takes what has come since, as a place does that was called.
    fn collect(&mut self) {
        self.delivery.call();
        self.delivery.collect(&self.place);
    }

    /// Who gets something next, what that is, in pieces, and how much was lost before.
    fn next(&mut self) -> Option<(u64, Vec<Bytes>, u64)> {
        match self.delivery.next()? {
            Item::Letters { id, .. } => Some((id.get(), Vec::new(), 0)),
            Item::Messages(claim) => {
                let parcel = self.delivery.parcel(claim).expect("it is the last item");
                let messages: Vec<Bytes> = parcel.messages().cloned().collect();
                if let Some(whole) = parcel.whole() {
                    assert_eq!(whole, messages.concat(), "joined, and one by one");
                }
                Some((claim.id.get(), messages, parcel.missed()))
            }
        }
    }

    /// Who gets what next, as text.
    fn next_text(&mut self) -> Option<(u64, String)> {
        let (id, messages, missed) = self.next()?;
        assert_eq!(missed, 0);
        Some((id, String::from_utf8(messages.concat()).unwrap()))
    }

    /// Everything that is handed out from now on.
    fn rest(&mut self) -> Vec<(u64, String)> {
        self.collect();
        std::iter::from_fn(|| self.next_text()).collect()
    }
}

/// A connection of a place, as others see it.
fn remote(place: &Arc<Place>, id: u64) -> Remote {
    let bytes_max = 1000;
    Remote::new(LetterBox::new(
        place.clone(),
        id as u32,
        ConnectionId(id),
        bytes_max,
    ))
}

fn join(group: &Group, place: &Arc<Place>, id: u64) {
    group.members.insert(place, ConnectionId(id), id as u32);
}

fn texts(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    let owned = expected.iter().map(|&(id, text)| (id, text.to_owned()));
    owned.collect()
}

#[test]
fn what_lies_behind_each_other_is_handed_out_together() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    bench.join(2);
    for text in ["a", "b", "c"] {
        bench.group.broadcast(text);
    }
    assert_eq!(bench.rest(), texts(&[(1, "abc"), (2, "abc")]));
}

#[test]
fn members_get_exactly_what_is_broadcast_after_they_have_joined() {
    let mut bench = Bench::new(1000);
    bench.join(2);
    bench.group.broadcast("a");
    bench.join(1);
    bench.group.broadcast("b");
    bench.join(3);
    // To join again changes nothing.
    bench.join(1);
    bench.group.broadcast("c");
    assert_eq!(bench.rest(), texts(&[(1, "bc"), (2, "abc"), (3, "c")]));
}

#[test]
fn whoever_has_left_gets_nothing_more() {
    let mut bench = Bench::new(1000);
    for id in 1..=3 {
        bench.join(id);
    }
    bench.group.broadcast("a");
    bench.collect();
    assert_eq!(bench.next_text(), Some((1, "a".to_owned())));
    bench.leave(2);
    bench.group.broadcast("b");
    bench.leave(3);
    bench.join(3);
    bench.group.broadcast("c");
    assert_eq!(bench.rest(), texts(&[(3, "c"), (1, "bc")]));
}

#[test]
fn what_is_broadcast_amid_a_run_joins_it_for_those_who_wait() {
    let mut bench = Bench::new(1000);
    for id in 1..=4 {
        bench.join(id);
    }
    bench.group.broadcast("a");
    bench.collect();
    assert_eq!(bench.next_text(), Some((1, "a".to_owned())));
    bench.group.broadcast("b");
    bench.collect();
    assert_eq!(bench.next_text(), Some((2, "ab".to_owned())));
    assert_eq!(bench.next_text(), Some((3, "ab".to_owned())));
    bench.group.broadcast("c");
    let expected = [(4, "abc"), (1, "bc"), (2, "c"), (3, "c")];
    assert_eq!(bench.rest(), texts(&expected));
}

#[test]
fn who_is_excepted_gets_the_others() {
    let mut bench = Bench::new(1000);
    for id in 1..=3 {
        bench.join(id);
    }
    for (except, text) in [(1, "a"), (2, "b"), (1, "c")] {
        bench
            .group
            .broadcast_except(&remote(&bench.place, except), text);
    }
    assert_eq!(bench.rest(), texts(&[(1, "b"), (2, "ac"), (3, "abc")]));
    bench.group.broadcast_except(&remote(&bench.place, 2), "d");
    assert_eq!(bench.rest(), texts(&[(1, "d"), (3, "d")]));
}

#[test]
fn who_has_the_same_number_in_another_server_is_not_excepted() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    let elsewhere = Place::new();
    bench.group.broadcast_except(&remote(&elsewhere, 1), "a");
    assert_eq!(bench.rest(), texts(&[(1, "a")]));
}

#[test]
fn a_run_is_only_a_part_of_what_may_wait_for_a_member() {
    let mut bench = Bench::new(12);
    bench.join(1);
    for text in ["a", "bb", "c", "dddd", "e"] {
        bench.group.broadcast(text);
    }
    let expected = [(1, "abb"), (1, "c"), (1, "dddd"), (1, "e")];
    assert_eq!(bench.rest(), texts(&expected));
}

#[test]
fn other_mail_keeps_its_place_between_messages() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    bench.group.broadcast("a");
    bench.place.post_letters(7, ConnectionId(7));
    bench.group.broadcast("b");
    assert_eq!(bench.rest(), texts(&[(1, "a"), (7, ""), (1, "b")]));
}

#[test]
fn members_are_told_how_much_was_lost_where_too_much_waited() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    let piece = Bytes::from(vec![0; 1024 * 1024]);
    for _ in 0..64 + 3 {
        bench.group.broadcast(piece.clone());
    }
    bench.join(2);
    bench.collect();
    bench.group.broadcast("a");
    let mut pieces = 0;
    while let Some((id, messages, missed)) = bench.next() {
        assert_eq!((id, messages.len(), missed), (1, 1, 0));
        pieces += 1;
    }
    assert_eq!(pieces, 64, "64 MiB fit");
    bench.collect();
    assert_eq!(bench.next(), Some((1, vec!["a".into()], 3)));
    assert_eq!(bench.next(), Some((2, vec!["a".into()], 0)));
    assert_eq!(bench.next(), None);
    assert!(!bench.delivery.is_busy());
}

#[test]
fn a_message_that_was_lost_between_two_others_is_missed() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    let piece = Bytes::from(vec![0; 1024 * 1024]);
    for _ in 0..63 {
        bench.group.broadcast(piece.clone());
    }
    bench.group.broadcast("a");
    // There is one byte too little room for this, and enough for the next.
    bench.group.broadcast(piece);
    bench.group.broadcast("b");
    bench.collect();
    for _ in 0..63 {
        bench.next();
    }
    assert_eq!(bench.next(), Some((1, vec!["a".into()], 0)));
    assert_eq!(bench.next(), Some((1, vec!["b".into()], 1)));
    assert_eq!(bench.next(), None);
}

#[test]
fn no_more_is_collected_while_there_is_something_left() {
    let mut bench = Bench::new(1000);
    bench.join(1);
    bench.group.broadcast("a");
    bench.place.post_letters(7, ConnectionId(7));
    bench.collect();
    bench.place.post_letters(8, ConnectionId(8));
    bench.collect();
    assert_eq!(bench.next_text(), Some((1, "a".to_owned())));
    bench.collect();
    assert_eq!(bench.next_text(), Some((7, String::new())));
    assert_eq!(bench.next_text(), None);
    assert!(bench.delivery.is_busy(), "the inbox was not looked at");
    assert_eq!(bench.rest(), texts(&[(8, "")]));
}

/// Something that happens while messages are on their way.
#[derive(Clone, Debug)]
enum Event {
    Join { group: usize, id: u64 },
    Leave { group: usize, id: u64 },
    Broadcast { group: usize, except: u64 },
    Letters { id: u64 },
    Collect,
    HandOut { items: usize },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (group, id) = (0..2usize, 1..6u64);
    let event = prop_oneof![
        2 => (group.clone(), id.clone()).prop_map(|(group, id)| Event::Join { group, id }),
        1 => (group.clone(), id.clone()).prop_map(|(group, id)| Event::Leave { group, id }),
        // The first of the numbers is nobody's.
        4 => (group, 0..6u64).prop_map(|(group, except)| Event::Broadcast { group, except }),
        1 => id.prop_map(|id| Event::Letters { id }),
        2 => Just(Event::Collect),
        3 => (1..6usize).prop_map(|items| Event::HandOut { items }),
    ];
    prop::collection::vec(event, 0..100)
}

/// What each of the members is still owed, in order: the group and the text; letters are of no group.
type Owed = [VecDeque<(usize, String)>; 6];

fn hand_out(bench: &mut Bench, items: usize, owed: &mut Owed) {
    for _ in 0..items {
        let Some((id, messages, missed)) = bench.next() else {
            return;
        };
        assert_eq!(missed, 0);
        let owed = &mut owed[id as usize];
        if messages.is_empty() {
            assert_eq!(owed.pop_front(), Some((usize::MAX, String::new())));
        }
        for message in messages {
            let text = String::from_utf8(message.to_vec()).unwrap();
            assert_eq!(owed.pop_front().map(|(_, text)| text), Some(text), "{id}");
        }
    }
}

proptest! {
    #[test]
    fn everybody_gets_what_is_said_while_it_is_a_member_and_in_order(events in events()) {
        let mut bench = Bench::new(100);
        let groups = [bench.group.clone(), Group::with_limit(SlowMember::Disconnect, 100)];
        let mut members = [[false; 6]; 2];
        let mut owed = Owed::default();
        for (number, event) in events.into_iter().enumerate() {
            match event {
                Event::Join { group, id } => {
                    join(&groups[group], &bench.place, id);
                    members[group][id as usize] = true;
                }
                Event::Leave { group, id } => {
                    groups[group].members.remove(bench.place.id(), ConnectionId(id));
                    members[group][id as usize] = false;
                    owed[id as usize].retain(|&(from, _)| from != group);
                }
                Event::Broadcast { group, except } => {
                    let text = format!("{number} ");
                    groups[group].broadcast_except(&remote(&bench.place, except), text.clone());
                    for id in (1..6).filter(|&id| members[group][id] && id as u64 != except) {
                        owed[id].push_back((group, text.clone()));
                    }
                }
                Event::Letters { id } => {
                    bench.place.post_letters(id as u32, ConnectionId(id));
                    owed[id as usize].push_back((usize::MAX, String::new()));
                }
                Event::Collect => bench.collect(),
                Event::HandOut { items } => hand_out(&mut bench, items, &mut owed),
            }
        }
        while bench.delivery.is_busy() {
            bench.delivery.collect(&bench.place);
            hand_out(&mut bench, usize::MAX, &mut owed);
        }
        bench.collect();
        hand_out(&mut bench, usize::MAX, &mut owed);
        prop_assert_eq!(owed, Owed::default());
        let count = members[0].iter().filter(|&&is_member| is_member).count();
        prop_assert_eq!(groups[0].len(), count);
    }
}
