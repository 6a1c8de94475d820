//! In which order a place hands out its mail.
//!
//! Mail is handed out in the order in which it was left, one connection at a time, so that a place can turn to something
//! else at any point and go on later. Broadcasts of one group that lie one behind the other are handed out together.

use std::collections::VecDeque;

use crate::conn::ConnectionId;
use crate::group::{Claim, Parcel, Run};
use crate::mail::{Mail, Place};

/// The mail of a place that was collected and not handed out yet.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    mail: VecDeque<Mail>,
    /// What is being handed out; it came before all of the mail.
    run: Run,
    /// The inbox may have something in it.
    called: bool,
}

/// What one connection gets next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    /// It should look into its letter box.
    Letters { key: u32, id: ConnectionId },
    /// It gets messages of a group, which [`Delivery::parcel`] has until the next item is asked for.
    Messages(Claim),
}

impl Delivery {
    /// Notes that there may be something in the inbox.
    pub(crate) fn call(&mut self) {
        self.called = true;
    }

    /// Whether there is something to hand out, or may be.
    pub(crate) fn is_busy(&self) -> bool {
        self.called || self.run.is_under_way() || !self.mail.is_empty()
    }

    /// Whether mail was collected that is handed out after the present run.
    pub(crate) fn has_more(&self) -> bool {
        !self.mail.is_empty()
    }

    /// Takes what lies in the inbox if the place was called, and has nothing left to hand out from last time but a run, which that may be added to.
    ///
    /// The inbox has limits, and what was taken out of it does not count any more; so this never takes more than one inbox.
    pub(crate) fn collect(&mut self, place: &Place) {
        if self.mail.is_empty() && std::mem::take(&mut self.called) {
            place.collect(&mut self.mail);
            self.extend();
        }
    }

    /// The next connection, and what it gets.
    pub(crate) fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(claim) = self.run.claim() {
                return Some(Item::Messages(claim));
            }
            match self.mail.pop_front()? {
                Mail::Letters { key, id } => return Some(Item::Letters { key, id }),
                Mail::Broadcast { shard, post } => {
                    self.run.begin(shard, post);
                    self.extend();
                }
            }
        }
    }

    /// What the last item was about, if it was messages.
    pub(crate) fn parcel(&self, claim: Claim) -> Option<Parcel<'_>> {
        self.run.parcel(claim)
    }

    /// Adds to the run what lies right behind it.
    fn extend(&mut self) {
        while let Some(Mail::Broadcast { shard, post }) = self.mail.front()
            && self.run.extend(shard, post)
        {
            self.mail.pop_front();
        }
    }
}
