//! What workers do: a datagram to be handled, or a session to be told something.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::desk::Desk;
use crate::CloseReason;
use crate::datagram::{self, Event, Session};
use crate::net::{Address, DatagramLink};

/// Something to do.
pub(super) struct Job {
    pub(super) work: Work,
    /// The number of the peer whose session it is for, whose jobs are done one after the other.
    pub(super) peer: Option<u64>,
}

pub(super) enum Work {
    /// A datagram to be handled by itself.
    Handle {
        datagram: Datagram,
        link: Arc<dyn DatagramLink>,
    },
    /// Something to tell a session.
    Tell {
        news: News,
        session: Arc<Mutex<Session>>,
        /// Where the station keeps the peer, and which one it is.
        key: u32,
        id: u64,
    },
}

/// A datagram that has left the buffer it was received in.
pub(in super::super) struct Datagram {
    bytes: Vec<u8>,
    size: usize,
    peer: Address,
    to: Option<IpAddr>,
    /// Whether it came to a socket of the server, where it can begin another conversation, and not to one of the peer's own.
    pub(in super::super) is_for_all: bool,
}

/// An [`Event`] that waits.
pub(super) enum News {
    Received(Datagram),
    Timer,
    Failed(io::Error),
    Stop,
    End(CloseReason),
}

impl Work {
    /// How long the datagram is that it is about, if it is.
    pub(super) fn datagram_bytes(&self) -> Option<usize> {
        match self {
            Self::Handle { datagram, .. }
            | Self::Tell {
                news: News::Received(datagram),
                ..
            } => Some(datagram.bytes.len()),
            Self::Tell { .. } => None,
        }
    }

    /// The datagram that the peer's next conversation begins with, if this one is over.
    pub(super) fn into_returned(self) -> Option<Datagram> {
        match self {
            Self::Tell {
                news: News::Received(datagram),
                ..
            } => Some(datagram),
            _ => None,
        }
    }

    /// The buffer that it needs no more.
    pub(super) fn into_buffer(self) -> Option<Vec<u8>> {
        match self {
            Self::Handle { datagram, .. }
            | Self::Tell {
                news: News::Received(datagram),
                ..
            } => Some(datagram.bytes),
            Self::Tell { .. } => None,
        }
    }
}

impl Datagram {
    pub(super) fn copy(
        datagram: &datagram::Datagram<'_>,
        mut bytes: Vec<u8>,
        is_for_all: bool,
    ) -> Self {
        bytes.extend_from_slice(datagram.bytes());
        Self {
            is_for_all,
            bytes,
            size: datagram.size(),
            peer: datagram.peer().clone(),
            to: datagram.to(),
        }
    }

    /// As a handler sees it, where the socket that it came to is bound here.
    pub(in super::super) fn as_received<'a>(
        &'a self,
        bound: &'a Address,
    ) -> datagram::Datagram<'a> {
        datagram::Datagram::new(&self.bytes, self.size, &self.peer, self.to, bound)
    }
}

impl News {
    pub(super) fn copy(event: Event<'_>, desk: &mut Desk, is_for_all: bool) -> Self {
        match event {
            Event::Received(datagram) => {
                Self::Received(Datagram::copy(&datagram, desk.lend_buffer(), is_for_all))
            }
            Event::Timer => Self::Timer,
            Event::Failed(error) => Self::Failed(copy_of(error)),
            Event::Stop => Self::Stop,
            Event::End(reason) => Self::End(reason),
        }
    }

    pub(super) fn as_event<'a>(&'a self, bound: &'a Address) -> Event<'a> {
        match self {
            Self::Received(datagram) => Event::Received(datagram.as_received(bound)),
            Self::Timer => Event::Timer,
            Self::Failed(error) => Event::Failed(error),
            Self::Stop => Event::Stop,
            Self::End(reason) => Event::End(reason.clone()),
        }
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}
