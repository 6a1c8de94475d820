//! Sending: finding out where to, and saying in a sentence why not.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketserver::{Address, DatagramSender, DatagramServer, Endpoint, SendError};

use super::membership::{Meaning, Memberships};
use super::peers::Peer;
use super::room::{Room, plain};
use crate::exit::{Code, Failure, cause};
use crate::shown;

/// The way out of the server's socket.
pub(super) struct Voice {
    sender: DatagramSender,
    room: Arc<Room>,
    /// Where lines go to chats, which want a cookie before each.
    memberships: Option<Mutex<Memberships>>,
}

impl Voice {
    /// The way out, for somebody who joins every chat that is spoken to, if a name is given.
    pub(super) fn new(server: &DatagramServer, room: Arc<Room>, name: Option<String>) -> Self {
        let mut senders = server.senders();
        // A server that was bound to one endpoint has one socket.
        let sender = senders.remove(0);
        let memberships = name.map(|name| Mutex::new(Memberships::new(name)));
        Self {
            sender,
            room,
            memberships,
        }
    }

    fn memberships(&self) -> Option<MutexGuard<'_, Memberships>> {
        let memberships = self.memberships.as_ref()?;
        Some(memberships.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends to an address, and remembers it.
    pub(super) fn send(&self, text: &[u8], address: SocketAddr) -> Result<Peer, String> {
        let address = self.fit(address)?;
        match self.memberships() {
            Some(mut memberships) => {
                let datagram = memberships.say(text, address)?;
                drop(memberships);
                match datagram {
                    Some(datagram) => self.send_plainly(&datagram, address),
                    None => Ok(self.room.peers(|peers| peers.speak(address))),
                }
            }
            None => self.send_plainly(text, address),
        }
    }

    /// A datagram has come; whether it is for people.
    pub(super) fn hears(&self, datagram: &[u8], address: SocketAddr) -> bool {
        let Some(mut memberships) = self.memberships() else {
            return true;
        };
        let meaning = memberships.hear(datagram, address);
        drop(memberships);
        let (answers, is_text) = match meaning {
            Meaning::Text => (Vec::new(), true),
            Meaning::Cookie(answer) => (answer.into_iter().collect(), false),
            Meaning::Entered(lines) => (lines, true),
            Meaning::Refused => {
                complain(&format!(
                    "the chat at {} lets nobody of this name in, and what waited for it was not sent (see --join)",
                    plain(address)
                ));
                (Vec::new(), true)
            }
        };
        for answer in answers {
            if let Err(sentence) = self.send_plainly(&answer, address) {
                complain(&sentence);
            }
        }
        is_text
    }

    /// Says a line in every chat that was joined; with an empty one we only stay.
    pub(super) fn say_in_all_chats(&self, line: &[u8]) {
        if let Some(memberships) = self.memberships() {
            let datagrams = memberships.to_all(line);
            drop(memberships);
            self.send_all(datagrams);
        }
    }

    /// Asks chats that have not answered once more.
    pub(super) fn ask_again(&self) {
        if let Some(mut memberships) = self.memberships() {
            let datagrams = memberships.unanswered();
            drop(memberships);
            self.send_all(datagrams);
        }
    }

    fn send_all(&self, datagrams: Vec<(SocketAddr, Vec<u8>)>) {
        for (address, datagram) in datagrams {
            if let Err(sentence) = self.send_plainly(&datagram, address) {
                complain(&sentence);
            }
        }
    }

    fn send_plainly(&self, text: &[u8], address: SocketAddr) -> Result<Peer, String> {
        match self.sender.send_to(text, &Address::Udp(address)) {
            Ok(()) => Ok(self.room.peers(|peers| peers.speak(address))),
            Err(SendError::Refused(error)) => {
                let advice = match error.kind() {
                    ErrorKind::PermissionDenied => " (a broadcast address needs --broadcast)",
                    ErrorKind::WouldBlock => " (send less at once)",
                    _ => "",
                };
                let to = plain(address);
                Err(format!("cannot send to {to}: {}{advice}", cause(&error)))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends to an address as it was written, which may also have the name of a host.
    pub(super) fn send_to_written(&self, text: &[u8], written: &[u8]) -> Result<Peer, String> {
        let name = shown::line(written);
        let wrong = || format!("'{name}' is neither the number of a peer nor HOST:PORT");
        let address = str::from_utf8(written).map_err(|_| wrong())?;
        let address = address.strip_prefix("udp://").unwrap_or(address);
        let endpoint: Endpoint = (format!("udp://{address}").parse()).map_err(|_| wrong())?;
        let addresses = endpoint
            .resolve()
            .map_err(|error| format!("cannot resolve the host of {name}: {}", cause(&error)))?;
        // The socket may not be able to send to the first one.
        let address = addresses
            .iter()
            .find(|address| self.fit(**address).is_ok())
            .or(addresses.first());
        let address = address.ok_or_else(|| format!("the host of {name} has no address"))?;
        self.send(text, *address)
    }

    /// The address in the form that the socket takes.
    fn fit(&self, address: SocketAddr) -> Result<SocketAddr, String> {
        if address.port() == 0 {
            return Err("nothing can be sent to port 0 (write a port from 1 to 65535)".into());
        }
        let local = self.sender.local();
        match (local.socket_addr().map(|local| local.ip()), address.ip()) {
            (Some(IpAddr::V6(_)), IpAddr::V4(ip)) => {
                Ok((ip.to_ipv6_mapped(), address.port()).into())
            }
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) => Err(format!(
                "cannot send to {address}, an IPv6 address, from {local} (bind to [::] to reach both)"
            )),
            _ => Ok(address),
        }
    }
}

fn complain(sentence: &str) {
    let _ = Failure::new(Code::Failed, sentence).say();
}
