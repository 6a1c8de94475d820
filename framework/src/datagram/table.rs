//! The peers that a server knows: found by their address, no more than may be, and in the order in which they were heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hashlink::LinkedHashSet;
use slab::Slab;

use super::Session;
use crate::net::Address;
use crate::server::Eviction;
use crate::timer::Time;

/// The peers of one receiving thread. Finding, adding and removing one costs the same however many there are.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Slab<Entry>,
    /// The peers of each of the server's sockets.
    by_address: Vec<HashMap<Address, u32>>,
    eviction: Eviction,
    /// Who may have to go, the one first who was silent for longest.
    candidates: LinkedHashSet<u32>,
}

/// What is known of a peer by those who do not run its session.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Tells it from others that had the same key before.
    pub(crate) id: u64,
    pub(crate) peer: Address,
    /// The server's socket that its first datagram came to.
    pub(crate) port: usize,
    /// Its own socket, if it has one.
    pub(crate) own_port: Option<usize>,
    pub(crate) session: Arc<Mutex<Session>>,
    pub(crate) last_heard: Time,
    /// When its next timer is due.
    pub(crate) timer: Time,
    /// When it is looked at next.
    pub(crate) looked_at: Time,
    /// It was told that it is over.
    pub(crate) is_ending: bool,
}

impl Table {
    pub(crate) fn new(ports: usize, eviction: Eviction) -> Self {
        Self {
            entries: Slab::new(),
            by_address: (0..ports).map(|_| HashMap::new()).collect(),
            eviction,
            candidates: LinkedHashSet::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key of a peer of one of the server's sockets.
    #[inline]
    pub(crate) fn find(&self, port: usize, peer: &Address) -> Option<u32> {
        self.by_address[port].get(peer).copied()
    }

    pub(crate) fn get(&mut self, key: u32) -> Option<&mut Entry> {
        self.entries.get_mut(key as usize)
    }

    /// The entry of this key, if it is still the same peer's.
    pub(crate) fn get_same(&mut self, key: u32, id: u64) -> Option<&mut Entry> {
        self.get(key).filter(|entry| entry.id == id)
    }

    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        let (port, peer) = (entry.port, entry.peer.clone());
        // There are no more than `connections_max`, which the configuration keeps far below.
        let key = self.entries.insert(entry) as u32;
        self.by_address[port].insert(peer, key);
        if self.eviction != Eviction::Refuse {
            self.candidates.insert(key);
        }
        key
    }

    pub(crate) fn remove(&mut self, key: u32) -> Option<Entry> {
        let entry = self.entries.try_remove(key as usize)?;
        self.by_address[entry.port].remove(&entry.peer);
        self.candidates.remove(&key);
        Some(entry)
    }

    /// Notes that a peer was heard.
    #[inline]
    pub(crate) fn hear(&mut self, key: u32, now: Time) {
        if let Some(entry) = self.entries.get_mut(key as usize) {
            entry.last_heard = now;
            if self.eviction != Eviction::Refuse {
                self.candidates.to_back(&key);
            }
        }
    }

    /// Notes that a peer was proven.
    pub(crate) fn prove(&mut self, key: u32) {
        if self.eviction == Eviction::Unproven {
            self.candidates.remove(&key);
        }
    }

    /// Those who may have to go, the one first who was silent for longest.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = u32> {
        self.candidates.iter().copied()
    }

    pub(crate) fn keys(&self) -> Vec<u32> {
        self.entries.iter().map(|(key, _)| key as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::PEER_BYTES;

    #[test]
    fn a_peer_takes_no_more_than_is_promised() {
        // Both tables may be half empty, and each allocation has a price of its own.
        let in_tables = 2 * (size_of::<Entry>() + size_of::<(Address, u32)>());
        let own = size_of::<Mutex<Session>>() + 2 * size_of::<usize>() + 32;
        assert!(in_tables + own <= PEER_BYTES, "{in_tables} + {own}");
    }
}
