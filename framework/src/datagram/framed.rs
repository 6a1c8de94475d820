//! Handlers of messages over datagrams: the same codec and the same conversation as over a stream.

use super::{Datagram, Peer, PeerHandler, SendError};
use crate::codec::{Channel, Codec, Decoded, EncodeError, Framed, MessageHandler, Replies};
use crate::net::Address;
use crate::{CloseReason, HandlerError};

/// How long a datagram of several answers may become. A longer answer has one by itself.
const GATHERED_BYTES_MAX: usize = 1_200;

/// One conversation with each peer. A datagram holds one or more whole messages, framed as in a stream; what is left at its end is read as at the end
/// of a stream, so that a line needs no line end, and half a message is the peer's fault. The answers to one datagram leave in one
/// datagram as far as they are short.
///
/// As for every [`PeerHandler`], an answer that is longer than an unproven peer may get ends the conversation: a server whose answers are longer than three times the
/// questions raises [`Config::amplification_max`](crate::Config::amplification_max).
///
/// [`MessageHandler::ended`] is never called, since a peer of datagrams has no end.
impl<C: Codec + Clone, H: MessageHandler> PeerHandler for Framed<C, H> {
    fn opened(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let (codec, handler) = self.parts();
        answer(codec, peer, |replies| handler.opened(replies))
    }

    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        let (codec, handler) = self.parts();
        // What a codec remembers of one datagram means nothing in the next.
        let mut reader = codec.clone();
        answer(codec, peer, |replies| {
            let mut rest = datagram.bytes();
            while !rest.is_empty() && replies.is_open() {
                let message = match reader.decode(rest)? {
                    Decoded::Message { payload, length } => {
                        assert!(length > 0, "a codec found a message of no length");
                        let message = &rest[payload];
                        rest = &rest[length..];
                        message
                    }
                    Decoded::Incomplete { .. } => {
                        let message = &rest[reader.decode_end(rest)?];
                        rest = &[];
                        message
                    }
                };
                handler.message(message, replies)?;
            }
            Ok(())
        })
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.parts().1.closed(reason);
    }
}

/// Runs a callback, and sends what it has answered.
fn answer<C: Codec>(
    codec: &mut C,
    peer: &mut Peer<'_>,
    callback: impl FnOnce(&mut Replies<'_>) -> Result<(), HandlerError>,
) -> Result<(), HandlerError> {
    let mut gathered = Gathered {
        codec,
        peer,
        bytes: Vec::new(),
        error: None,
    };
    callback(&mut Replies::new(&mut gathered))?;
    gathered.send_all();
    gathered.error.map_or(Ok(()), |error| Err(error.into()))
}

/// The answers to one datagram.
struct Gathered<'a, 'p, C> {
    codec: &'a mut C,
    peer: &'a mut Peer<'p>,
    bytes: Vec<u8>,
    /// The first answer that could not be sent.
    error: Option<SendError>,
}

impl<C> Gathered<'_, '_, C> {
    fn send_all(&mut self) {
        if !self.bytes.is_empty() {
            let sent = self.peer.send(&self.bytes);
            self.bytes.clear();
            if let (Err(error), None) = (sent, &self.error) {
                self.error = Some(error);
            }
        }
    }
}

impl<C: Codec> Channel for Gathered<'_, '_, C> {
    fn send(&mut self, message: &[u8]) -> Result<(), EncodeError> {
        let before = self.bytes.len();
        let bytes = &mut self.bytes;
        self.codec
            .encode(message, &mut |piece| bytes.extend_from_slice(piece))?;
        if self.bytes.len() > GATHERED_BYTES_MAX && before > 0 {
            let last = self.bytes.split_off(before);
            self.send_all();
            self.bytes = last;
        }
        Ok(())
    }

    fn peer(&self) -> &Address {
        self.peer.address()
    }

    fn close(&mut self) {
        self.send_all();
        self.peer.close();
    }

    fn is_stopping(&self) -> bool {
        self.peer.is_stopping()
    }

    fn is_open(&self) -> bool {
        self.peer.is_open()
    }
}
