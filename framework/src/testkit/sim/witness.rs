//! A handler around each handler: it counts its ends, and lets it panic when the seed says so.

use std::panic::resume_unwind;
use std::sync::Arc;

use super::census::Census;
use super::faults::{Fault, Kind};
use super::system::FIRST_PORT;
use crate::net::Address;
use crate::server::Make;
use crate::{CloseReason, Conn, Handler, HandlerError, Input};

pub(super) struct Witness {
    inner: Box<dyn Handler>,
    census: Arc<Census>,
    /// How many calls are left until one panics.
    calls_left: Option<u32>,
    is_closed: bool,
}

impl Witness {
    pub(super) fn factory(
        make: &Make<Box<dyn Handler>>,
        census: &Arc<Census>,
        faults: &[Fault],
    ) -> Make<Box<dyn Handler>> {
        let (make, census) = (make.clone(), census.clone());
        let panics: Vec<_> = faults
            .iter()
            .filter_map(|fault| match fault.kind {
                Kind::Panic { client, call } => Some((client, call)),
                _ => None,
            })
            .collect();
        Arc::new(move |peer: &Address| {
            census.count_made();
            let client = peer.port().map(|port| usize::from(port - FIRST_PORT));
            let panic = panics.iter().find(|(index, _)| Some(*index) == client);
            Box::new(Self {
                inner: make(peer),
                census: census.clone(),
                calls_left: panic.map(|&(_, call)| call),
                is_closed: false,
            })
        })
    }

    /// Panics, if it is time to. The hook that prints panics is not called: this one is no news.
    fn count_call(&mut self) {
        match &mut self.calls_left {
            Some(0) => resume_unwind(Box::new("a panic that the seed wants")),
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

impl Handler for Witness {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.count_call();
        self.inner.opened(conn)
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.count_call();
        self.inner.received(input, conn)
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.count_call();
        self.inner.ended(input, conn)
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.count_call();
        self.inner.drained(conn)
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.count_call();
        self.inner.timer(timer, conn)
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.woken(conn)
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.inner.stopping(conn)
    }

    fn closed(&mut self, reason: &CloseReason) {
        let again = std::mem::replace(&mut self.is_closed, true);
        self.census.count_closed(again);
        self.inner.closed(reason);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.census.count_dropped();
    }
}
