//! Sending UDP datagrams by as few system calls as possible.
//!
//! Neighbours of one size to one peer are a run: the kernel takes their bytes as one piece, with the size at which to cut it
//! (`UDP_SEGMENT`, udp(7)), and goes the way through the network stack once for all of them. Others go by `sendmmsg(2)`. A datagram that must leave from a certain
//! address needs a control message, which that call cannot have here, so that it goes alone, or in a run.

use std::array;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::atomic::Ordering;

use arrayvec::ArrayVec;
use quinn_udp::{Transmit, UdpSockRef};
use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SocketAddrAny};

use super::UdpLink;
use crate::datagram::{Outbox, Outgoing};
use crate::net::Address;
use crate::net::datagram::bound::NO_SIGNAL;
use crate::net::datagram::inbox::BATCH_MAX;
use crate::net::datagram::{Flow, Sent, UDP4_BYTES_MAX};

/// What an ethernet carries in one packet besides the headers of IPv4 and UDP. A run is cut into packets, which are not fragmented.
const SEGMENT4_BYTES_MAX: usize = 1500 - 20 - 8;
/// The same besides the headers of IPv6 and UDP.
const SEGMENT6_BYTES_MAX: usize = 1500 - 40 - 8;

impl UdpLink {
    pub(super) fn send_waiting(
        &self,
        outbox: &mut Outbox,
        sent: &mut Sent,
        failed: &mut dyn FnMut(&Outgoing, io::Error),
    ) -> Flow {
        // How many of the next ones the system would not take as a run.
        let mut refused_as_run = 0;
        while let [next, ..] = outbox.waiting() {
            let run = match refused_as_run {
                0 => self.run_length(outbox.waiting()),
                _ => 1,
            };
            sent.calls += 1;
            let result = if run > 1 {
                self.send_run(outbox, run)
            } else if next.from.is_some() {
                let bytes = outbox.bytes(next.range.clone());
                self.transmit(bytes, None, &next.to, next.from).map(|()| 1)
            } else {
                self.send_several(outbox, self.singles(outbox.waiting(), refused_as_run))
            };
            let done = match result {
                Ok(count) => {
                    let bytes = outbox.waiting()[..count]
                        .iter()
                        .map(|each| each.range.len());
                    sent.datagrams += count as u64;
                    sent.bytes += bytes.sum::<usize>() as u64;
                    count
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flow::Blocked,
                Err(error) if run > 1 => {
                    self.learn_from(&error);
                    refused_as_run = run;
                    continue;
                }
                Err(error) => {
                    failed(next, error);
                    1
                }
            };
            refused_as_run = refused_as_run.saturating_sub(done);
            outbox.advance(done);
        }
        Flow::Done
    }

    /// How many of the next ones are a run; 1 means that the next one goes another way.
    fn run_length(&self, waiting: &[Outgoing]) -> usize {
        let [first, others @ ..] = waiting else {
            return 0;
        };
        let size = first.range.len();
        if size == 0 || size > segment_bytes_max(&first.to) || !self.may_send_runs() {
            return 1;
        }
        let datagrams_max = self.run_datagrams_max.min(UDP4_BYTES_MAX / size);
        let mut length = 1;
        for next in others.iter().take(datagrams_max.saturating_sub(1)) {
            let next_size = next.range.len();
            if !(1..=size).contains(&next_size) || next.to != first.to || next.from != first.from {
                break;
            }
            length += 1;
            if next_size < size {
                break;
            }
        }
        length
    }

    /// How many of the next ones go side by side, up to one that goes another way. The first `refused_as_run` are no run, whatever they look like.
    fn singles(&self, waiting: &[Outgoing], refused_as_run: usize) -> usize {
        let goes_along = |&index: &usize| {
            let is_run = index >= refused_as_run && self.run_length(&waiting[index..]) > 1;
            waiting[index].from.is_none() && !is_run
        };
        let candidates = 0..waiting.len().min(BATCH_MAX);
        candidates.take_while(goes_along).count().max(1)
    }

    fn send_run(&self, outbox: &Outbox, length: usize) -> io::Result<usize> {
        let run = &outbox.waiting()[..length];
        let (first, last) = (&run[0], &run[length - 1]);
        let bytes = outbox.bytes(first.range.start..last.range.end);
        self.transmit(bytes, Some(first.range.len()), &first.to, first.from)?;
        Ok(length)
    }

    /// Sends so many of the next ones by one call; returns how many the system took. An error is that of the first one.
    fn send_several(&self, outbox: &Outbox, count: usize) -> io::Result<usize> {
        let waiting = &outbox.waiting()[..count];
        let destinations: ArrayVec<SocketAddrAny, BATCH_MAX> = waiting
            .iter()
            .map_while(|each| each.to.destination().ok())
            .collect();
        if destinations.len() < 2 {
            let bytes = outbox.bytes(waiting[0].range.clone());
            return self.bound.send(bytes, &waiting[0].to).map(|()| 1);
        }
        let pieces: ArrayVec<[IoSlice<'_>; 1], BATCH_MAX> = waiting
            .iter()
            .map(|each| [IoSlice::new(outbox.bytes(each.range.clone()))])
            .collect();
        let mut controls: [SendAncillaryBuffer<'_, '_, '_>; BATCH_MAX] =
            array::from_fn(|_| SendAncillaryBuffer::default());
        let parts = destinations.iter().zip(&pieces).zip(&mut controls);
        let mut messages: ArrayVec<MMsgHdr<'_>, BATCH_MAX> = parts
            .map(|((to, piece), control)| {
                if self.bound.is_connected() {
                    MMsgHdr::new(piece, control)
                } else {
                    MMsgHdr::new_with_addr(to, piece, control)
                }
            })
            .collect();
        self.bound.attempt(|| {
            Ok(rustix::net::sendmmsg(
                &self.bound,
                &mut messages,
                NO_SIGNAL,
            )?)
        })
    }

    /// Sends one datagram, or a run that is cut at this size, from this address.
    ///
    /// The address may be one that only datagrams to a network can have as their destination, or may have gone from this machine since. The kernel
    /// refuses such a sender, and chooses a better one when it is not told any.
    pub(super) fn transmit(
        &self,
        bytes: &[u8],
        segment_size: Option<usize>,
        to: &Address,
        from: Option<IpAddr>,
    ) -> io::Result<()> {
        let Address::Udp(destination) = to else {
            return Err(Errno::AFNOSUPPORT.into());
        };
        let mut transmit = Transmit {
            destination: *destination,
            ecn: None,
            contents: bytes,
            segment_size,
            src_ip: from,
        };
        let send = |transmit: &Transmit<'_>| {
            let call = || self.state.try_send(UdpSockRef::from(&self.bound), transmit);
            self.bound.attempt(call)
        };
        match send(&transmit) {
            Err(error) if from.is_some() && may_be_sender(&error) => {
                transmit.src_ip = None;
                send(&transmit)
            }
            result => result,
        }
    }

    /// A device without offload is found out by these errors; others say something about this one run.
    fn learn_from(&self, error: &io::Error) {
        if is_one_of(error, &[Errno::IO, Errno::INVAL]) {
            self.may_send_runs.store(false, Ordering::Relaxed);
        }
    }
}

fn segment_bytes_max(to: &Address) -> usize {
    match to {
        Address::Udp(to) if to.ip().to_canonical().is_ipv4() => SEGMENT4_BYTES_MAX,
        _ => SEGMENT6_BYTES_MAX,
    }
}

/// Whether the address to send from can be what the kernel does not like.
fn may_be_sender(error: &io::Error) -> bool {
    is_one_of(
        error,
        &[Errno::INVAL, Errno::ADDRNOTAVAIL, Errno::NETUNREACH],
    )
}

fn is_one_of(error: &io::Error, numbers: &[Errno]) -> bool {
    let number = error.raw_os_error();
    numbers
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}
