//! The end of a station: what had arrived is handled, conversations are finished or cut, and the crew goes home.

use super::super::DatagramSystem;
use super::Station;
use crate::CloseReason;
use crate::datagram::Event;

/// The most datagrams that are received of what had arrived at a socket when the server was asked to stop. More than a usual receive buffer holds; peers that
/// go on sending cannot keep a server from stopping.
const ARRIVED_MAX: usize = 4096;

impl<S: DatagramSystem> Station<S> {
    /// The server is asked to stop: receives what has arrived, and tells all sessions, once.
    pub(super) fn drain(&mut self) {
        if self.drained {
            return;
        }
        // Whoever has written before the stop is let in.
        let ports: Vec<_> = self.ports.iter().map(|(index, _)| index).collect();
        for index in ports {
            self.receive(index, ARRIVED_MAX);
        }
        // What has come to a socket that takes no answers for now is received when it does.
        if self.ports.iter().any(|(_, port)| port.is_blocked) {
            return;
        }
        self.drained = true;
        for key in self.table.keys() {
            self.tell(key, Event::Stop);
        }
        self.flush_written();
    }

    /// Whether nothing is left to be done, or nothing more may be done.
    pub(super) fn is_done(&self) -> bool {
        let is_sent = self.ports.iter().all(|(_, port)| port.outbox.is_empty());
        self.is_cut() || (self.drained && self.table.is_empty() && is_sent)
    }

    /// Cuts what is left, and lets the crew finish.
    pub(super) fn close(&mut self) {
        for key in self.table.keys() {
            self.tell(key, Event::End(CloseReason::DrainCut));
        }
        self.flush_written();
        if let Some(crew) = self.crew.clone() {
            crew.close(&mut self.counters);
            self.hear_crew();
        }
        // Those whose handlers did not return.
        for key in self.table.keys() {
            self.dismiss(key, &CloseReason::DrainCut);
        }
    }

    /// Does what follows from what workers have told sessions.
    pub(super) fn hear_crew(&mut self) {
        let Some(crew) = self.crew.clone() else {
            return;
        };
        for note in crew.take_notes() {
            let Some(entry) = self.table.get_same(note.key, note.id) else {
                // It was dismissed meanwhile, and so is a socket that it has opened.
                continue;
            };
            let port = entry.port;
            self.apply(note.key, note.outcome);
            for returned in &note.returned {
                let link = self.ports[port].link.clone();
                let datagram = returned.as_received(link.address());
                self.begin_anew(port, &datagram, returned.is_for_all);
            }
        }
        self.flush_written();
    }
}
