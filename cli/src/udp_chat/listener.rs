//! The handler of the server: each datagram becomes a line in the room.

use std::sync::Arc;

use socketserver::{Datagram, DatagramHandler, DatagramSocket, HandlerError};

use super::room::Room;
use super::voice::Voice;
use crate::shown;

/// Takes what has come to the room.
pub(super) struct Listener {
    room: Arc<Room>,
    voice: Arc<Voice>,
}

impl Listener {
    pub(super) fn new(room: Arc<Room>, voice: Arc<Voice>) -> Self {
        Self { room, voice }
    }

    fn hear(&self, datagram: &Datagram<'_>, end: &str) {
        // The socket is for UDP, whose addresses all are of this kind.
        if let Some(address) = datagram.peer().socket_addr()
            && self.voice.hears(datagram.bytes(), address)
        {
            let text = shown::line(without_line_end(datagram.bytes()));
            self.room.hear(address, &(text + end));
        }
    }
}

impl DatagramHandler for Listener {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        _socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        self.hear(datagram, "");
        Ok(())
    }

    fn truncated(
        &mut self,
        datagram: &Datagram<'_>,
        _socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let (kept, size) = (datagram.bytes().len(), datagram.size());
        self.hear(datagram, &format!(" (cut: {kept} of {size} bytes)"));
        Ok(())
    }
}

/// Many programs send the line as it was typed, with its end.
fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}
