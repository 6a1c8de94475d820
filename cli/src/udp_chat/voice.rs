//! Sending: finding out where to, and saying in a sentence why not.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socketserver::{Address, DatagramSender, DatagramServer, Endpoint, SendError};

use super::peers::Peer;
use super::room::{Room, plain};
use crate::exit::cause;
use crate::shown;

/// The way out of the server's socket.
pub(super) struct Voice {
    sender: DatagramSender,
    room: Arc<Room>,
}

impl Voice {
    pub(super) fn new(server: &DatagramServer, room: Arc<Room>) -> Self {
        let mut senders = server.senders();
        // A server that was bound to one endpoint has one socket.
        let sender = senders.remove(0);
        Self { sender, room }
    }

    /// Sends to an address, and remembers it.
    pub(super) fn send(&self, text: &[u8], address: SocketAddr) -> Result<Peer, String> {
        let address = self.fit(address)?;
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
