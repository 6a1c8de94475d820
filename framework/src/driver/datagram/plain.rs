//! The handler of one thread, which is called with every datagram by itself.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Make;
use crate::datagram::{Bench, Datagram, DatagramSocket};
use crate::net::{Address, DatagramLink};
use crate::server::Shared;
use crate::session::panic_message;
use crate::{CloseReason, DatagramHandler, HandlerError};

/// The handler of one thread, and how to make another if it panics.
pub(super) struct Plain {
    make: Make,
    handler: Option<Box<dyn DatagramHandler>>,
}

impl Plain {
    pub(super) fn new(make: Make) -> Self {
        Self {
            make,
            handler: None,
        }
    }

    /// Has a datagram handled.
    pub(super) fn receive<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        link: &'a Arc<dyn DatagramLink>,
        bench: Bench<'a>,
    ) {
        let is_cut = datagram.is_cut();
        bench
            .counters
            .count_datagram(datagram.bytes().len(), is_cut);
        let shared = bench.shared;
        let mut socket = DatagramSocket::answering(link, datagram, bench);
        self.call(datagram.peer(), shared, &mut socket, |handler, socket| {
            if is_cut {
                handler.truncated(datagram, socket)
            } else {
                handler.received(datagram, socket)
            }
        });
    }

    /// Tells the handler that a datagram was refused.
    pub(super) fn fail<'a>(
        &mut self,
        to: &Address,
        error: &io::Error,
        link: &'a Arc<dyn DatagramLink>,
        bench: Bench<'a>,
    ) {
        let shared = bench.shared;
        let mut socket = DatagramSocket::new(link, bench);
        self.call(to, shared, &mut socket, |handler, socket| {
            handler.failed(to, error, socket)
        });
    }

    /// Runs a callback. If it fails, what it has written is dropped, and after a panic the handler, too.
    fn call<'a>(
        &mut self,
        peer: &Address,
        shared: &Shared,
        socket: &mut DatagramSocket<'a>,
        callback: impl FnOnce(
            &mut dyn DatagramHandler,
            &mut DatagramSocket<'a>,
        ) -> Result<(), HandlerError>,
    ) {
        let mark = socket.mark();
        let Self { make, handler } = self;
        let called = catch_unwind(AssertUnwindSafe(|| {
            callback(&mut **handler.get_or_insert_with(|| make()), socket)
        }));
        let reason = match called {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let reason = CloseReason::from_handler_error(error);
                let is_own = matches!(reason, CloseReason::HandlerError(_));
                socket.counters().handler_errors += u64::from(is_own);
                reason
            }
            Err(panic) => {
                socket.counters().panics += 1;
                discard(self.handler.take());
                CloseReason::Panic(panic_message(&*panic).into())
            }
        };
        socket.take_back(mark);
        shared.report_end(peer, &reason);
    }
}

/// Drops a handler that has panicked, which may panic once more.
fn discard(handler: Option<Box<dyn DatagramHandler>>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(handler))) {
        let message = panic_message(&*panic);
        log::error!("a handler panicked again when it was dropped: {message}");
    }
}
