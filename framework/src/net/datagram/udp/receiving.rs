//! Receiving a batch of UDP datagrams by one `recvmmsg(2)`.

use std::array;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef};

use super::UdpLink;
use crate::net::Address;
use crate::net::datagram::Inbox;

/// How many datagrams are few.
const FEW: usize = 4;

impl UdpLink {
    pub(super) fn receive_batch(&self, inbox: &mut Inbox, datagrams_max: usize) -> io::Result<()> {
        let room = datagrams_max.min(inbox.batch()).min(BATCH_SIZE);
        // What is known of each datagram needs room that must be cleared first, which shows where datagrams come one by one.
        if room <= FEW {
            self.receive_up_to::<FEW>(inbox, room)
        } else {
            self.receive_up_to::<BATCH_SIZE>(inbox, room)
        }
    }

    fn receive_up_to<const N: usize>(&self, inbox: &mut Inbox, room: usize) -> io::Result<()> {
        inbox.begin();
        let mut pieces = [RecvMeta::default(); N];
        let mut slots = inbox.bytes.chunks_exact_mut(inbox.slot_bytes);
        let mut buffers: [IoSliceMut<'_>; N] =
            array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        let socket = UdpSockRef::from(&self.bound);
        let count = self
            .state
            .recv(socket, &mut buffers[..room], &mut pieces[..room])?;
        for (slot, piece) in pieces[..count].iter().enumerate() {
            take_apart(inbox, slot * inbox.slot_bytes, piece);
        }
        Ok(())
    }
}

/// A piece holds one datagram, or several of the same size, of which the last may be shorter.
fn take_apart(inbox: &mut Inbox, start: usize, piece: &RecvMeta) {
    let to = piece.dst_ip.filter(|&address| can_be_sender(address));
    let mut at = 0;
    loop {
        let size = piece.stride.min(piece.len - at);
        let range = start + at..start + at + size;
        inbox.add(Address::Udp(piece.addr), to, range, size);
        at += size;
        // An empty datagram is a piece as well.
        if at >= piece.len || size == 0 {
            break;
        }
    }
}

/// Nothing can be sent from the address of a group, nor from that of everybody.
fn can_be_sender(address: IpAddr) -> bool {
    let address = address.to_canonical();
    !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_taken_apart_into_its_datagrams() {
        for (len, stride, expected) in [
            (0, 0, vec![0]),
            (5, 5, vec![5]),
            (10, 5, vec![5, 5]),
            (11, 5, vec![5, 5, 1]),
        ] {
            let mut inbox = Inbox::new(4, 1);
            let mut piece = RecvMeta::default();
            (piece.len, piece.stride) = (len, stride);
            take_apart(&mut inbox, 0, &piece);
            let sizes: Vec<_> = inbox.received().iter().map(|each| each.size).collect();
            assert_eq!(sizes, expected);
            let is_cut = |size: usize| size.min(4);
            for (index, incoming) in inbox.received().iter().enumerate() {
                let start = stride * index;
                assert_eq!(incoming.range, start..start + is_cut(incoming.size));
            }
        }
    }
}
