//! How events reach members: what they are encoded as, and where that is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use socketserver::{Address, Bytes, DatagramSender, Group, Remote};

use super::{Event, MemberId, Settings};

/// What a door speaks: the words of its protocol for what happens.
///
/// The hub calls it once for each event and wire, however many members there are. A wire without words for an event leaves `into` empty, and its
/// members are not told.
pub trait Wire: Send + Sync {
    /// Appends what the members of this wire are sent.
    fn encode(&self, event: &Event, into: &mut Vec<u8>);
}

/// Where one member is.
#[derive(Clone)]
pub struct Outlet {
    wire: Arc<dyn Wire>,
    reach: Reach,
}

#[derive(Clone)]
enum Reach {
    Connection(Remote),
    Peer {
        sender: DatagramSender,
        address: Address,
    },
}

impl Outlet {
    /// A member with a connection. Its wire must be the same `Arc` as that of all others at the same door.
    pub fn connection(wire: Arc<dyn Wire>, remote: Remote) -> Self {
        Self {
            wire,
            reach: Reach::Connection(remote),
        }
    }

    /// A member who is sent datagrams, one for each event. What the network or the system does not take is lost.
    pub fn datagrams(wire: Arc<dyn Wire>, sender: DatagramSender, address: Address) -> Self {
        Self {
            wire,
            reach: Reach::Peer { sender, address },
        }
    }

    /// Sends an event to this member alone; false if it takes no more.
    pub(super) fn tell(&self, event: &Event) -> bool {
        let mut bytes = Vec::new();
        self.wire.encode(event, &mut bytes);
        if bytes.is_empty() {
            return true;
        }
        match &self.reach {
            Reach::Connection(remote) => remote.write(bytes).is_ok(),
            Reach::Peer { sender, address } => sender.send_to(&bytes, address).is_ok(),
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reach {
            Reach::Connection(remote) => write!(f, "Outlet(connection {})", remote.id()),
            Reach::Peer { address, .. } => write!(f, "Outlet({address})"),
        }
    }
}

/// The members of one room, by the wires that they are on.
#[derive(Debug, Default)]
pub(super) struct Audience {
    benches: Vec<Bench>,
}

/// Those with the same wire.
struct Bench {
    wire: Arc<dyn Wire>,
    connections: Group,
    peers: BTreeMap<MemberId, (DatagramSender, Address)>,
    members: usize,
}

impl Audience {
    /// Adds a member, who gets what is sent from now on. False if its connection is over.
    pub(super) fn admit(&mut self, id: MemberId, outlet: &Outlet, settings: &Settings) -> bool {
        let bench = self.bench(&outlet.wire, settings);
        match &outlet.reach {
            Reach::Connection(remote) => {
                if !bench.connections.admit(remote) {
                    return false;
                }
            }
            Reach::Peer { sender, address } => {
                bench.peers.insert(id, (sender.clone(), address.clone()));
            }
        }
        bench.members += 1;
        true
    }

    /// Removes a member, who gets nothing more.
    pub(super) fn dismiss(&mut self, id: MemberId, outlet: &Outlet) {
        let Some(index) = self.find(&outlet.wire) else {
            return;
        };
        let bench = &mut self.benches[index];
        match &outlet.reach {
            Reach::Connection(remote) => bench.connections.dismiss(remote),
            Reach::Peer { .. } => drop(bench.peers.remove(&id)),
        }
        bench.members -= 1;
        if bench.members == 0 {
            self.benches.swap_remove(index);
        }
    }

    /// Sends an event to all but one, who may have another wire or none.
    pub(super) fn tell(&self, event: &Event, except: Option<(MemberId, &Outlet)>) {
        for bench in &self.benches {
            bench.tell(event, except);
        }
    }

    fn find(&self, wire: &Arc<dyn Wire>) -> Option<usize> {
        self.benches
            .iter()
            .position(|bench| Arc::ptr_eq(&bench.wire, wire))
    }

    fn bench(&mut self, wire: &Arc<dyn Wire>, settings: &Settings) -> &mut Bench {
        let index = self.find(wire).unwrap_or_else(|| {
            self.benches.push(Bench {
                wire: wire.clone(),
                connections: Group::with_limit(settings.slow_members, settings.queued_bytes_max),
                peers: BTreeMap::new(),
                members: 0,
            });
            self.benches.len() - 1
        });
        &mut self.benches[index]
    }
}

impl Bench {
    fn tell(&self, event: &Event, except: Option<(MemberId, &Outlet)>) {
        let mut bytes = Vec::new();
        self.wire.encode(event, &mut bytes);
        if bytes.is_empty() {
            return;
        }
        let bytes = Bytes::from(bytes);
        for (&id, (sender, address)) in &self.peers {
            if except.is_none_or(|(other, _)| other != id) {
                // Datagrams may be lost, and here is where some of them are.
                let _ = sender.send_to(&bytes, address);
            }
        }
        match except.map(|(_, outlet)| &outlet.reach) {
            Some(Reach::Connection(remote)) => {
                self.connections.broadcast_except(remote, bytes);
            }
            _ => self.connections.broadcast(bytes),
        }
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}
