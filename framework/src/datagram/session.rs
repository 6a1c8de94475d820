//! The conversation with one peer, without its socket: the handler, what it may send, when its timers are due, how it ends.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Allowance, Bench, Datagram, DatagramSender, Outbox, Peer, PeerHandler, SendError};
use crate::net::{Address, DatagramLink};
use crate::server::Config;
use crate::session::panic_message;
use crate::timer::Time;
use crate::{CloseReason, HandlerError};

/// One peer. Whoever runs it has it alone: [`Session::run`] is called by one thread at a time, in the order of what happened.
pub(crate) struct Session {
    /// None once the conversation is over.
    handler: Option<Box<dyn PeerHandler>>,
    state: State,
}

/// A session's handler apart.
pub(crate) struct State {
    pub(super) address: Address,
    /// The address of this machine that the peer has written to, where the socket has several.
    from: Option<IpAddr>,
    link: Arc<dyn DatagramLink>,
    /// The peer's own socket, once it has one, until the driver has taken it over.
    opened: Option<Opened>,
    has_own: bool,
    /// Whether the first datagram was told to the handler.
    is_known: bool,
    pub(super) allowance: Allowance,
    /// Which timers are set, and for when.
    pub(super) timers: Vec<(u8, Time)>,
    /// When the next one was due, and whether the peer was proven, when that was last told.
    told: (Time, bool),
    reason: Option<CloseReason>,
}

/// A socket that a session has opened for its peer, and what is to be sent through it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) link: Arc<dyn DatagramLink>,
    pub(crate) outbox: Outbox,
}

/// What can happen to a session.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Received(Datagram<'a>),
    /// A timer may be due.
    Timer,
    Failed(&'a io::Error),
    /// The server drains.
    Stop,
    /// The driver ends it.
    End(CloseReason),
}

/// How a session is after something has happened.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// When its next timer is due.
    pub(crate) timer: Time,
    /// Why it is over, if it is.
    pub(crate) ended: Option<CloseReason>,
    pub(crate) opened: Option<Opened>,
    pub(crate) is_proven: bool,
    /// Whether anything of this is new.
    pub(crate) is_news: bool,
}

impl Outcome {
    /// What is true after something more has happened.
    pub(crate) fn follow(&mut self, later: Self) {
        let (opened, is_news) = (self.opened.take(), self.is_news);
        *self = later;
        self.opened = self.opened.take().or(opened);
        self.is_news |= is_news;
    }
}

impl Session {
    pub(crate) fn new(
        handler: Box<dyn PeerHandler>,
        address: Address,
        from: Option<IpAddr>,
        link: Arc<dyn DatagramLink>,
        config: &Config,
    ) -> Self {
        Self {
            handler: Some(handler),
            state: State {
                address,
                from,
                link,
                opened: None,
                has_own: false,
                is_known: false,
                allowance: Allowance::new(config.amplification_max),
                timers: Vec::new(),
                told: (Time::NEVER, false),
                reason: None,
            },
        }
    }

    /// Tells the handler what has happened. What it sends is in the outbox of the bench afterwards, and in that of a socket that it has opened.
    pub(crate) fn run(&mut self, event: Event<'_>, bench: Bench<'_>) -> Outcome {
        let Some(handler) = &mut self.handler else {
            if let Event::Received(datagram) = event {
                bench.counters.count_dropped(datagram.bytes().len());
            }
            return self.state.outcome();
        };
        let mut peer = Peer {
            state: &mut self.state,
            bench,
        };
        let mark = peer.bench.outbox.mark();
        let called = catch_unwind(AssertUnwindSafe(|| call(&mut **handler, event, &mut peer)));
        let counters = &mut *peer.bench.counters;
        let failure = match called {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(CloseReason::from_handler_error(error)),
            Err(panic) => {
                counters.panics += 1;
                Some(CloseReason::Panic(panic_message(&*panic).into()))
            }
        };
        if let Some(reason) = failure {
            if matches!(reason, CloseReason::HandlerError(_)) {
                counters.handler_errors += 1;
            }
            peer.bench.outbox.take_back(mark);
            self.state.opened = None;
            self.state.reason = Some(reason);
        }
        if let Some(reason) = &self.state.reason {
            close(self.handler.take(), reason);
        }
        self.state.outcome()
    }

    /// Whether the peer is who it claims to be.
    pub(crate) fn is_proven(&self) -> bool {
        self.state.allowance.is_proven()
    }

    /// Through which socket the peer is answered.
    pub(crate) fn link(&self) -> &Arc<dyn DatagramLink> {
        &self.state.link
    }

    pub(crate) fn address(&self) -> &Address {
        &self.state.address
    }
}

/// Calls the callback for an event.
fn call(
    handler: &mut dyn PeerHandler,
    event: Event<'_>,
    peer: &mut Peer<'_>,
) -> Result<(), HandlerError> {
    match event {
        Event::Received(datagram) => {
            let counters = &mut *peer.bench.counters;
            counters.count_datagram(datagram.bytes().len(), datagram.is_cut());
            let is_first = peer.state.hear(&datagram);
            if is_first {
                handler.opened(peer)?;
            }
            if !peer.is_open() {
                return Ok(());
            }
            if datagram.is_cut() {
                handler.truncated(&datagram, peer)
            } else {
                handler.received(&datagram, peer)
            }
        }
        Event::Timer => {
            // No more than were due before: one that is set again for at once rings when time has passed.
            for _ in 0..peer.state.count_due(peer.bench.now) {
                let Some(timer) = peer.state.take_due(peer.bench.now) else {
                    break;
                };
                handler.timer(timer, peer)?;
                if !peer.is_open() {
                    break;
                }
            }
            Ok(())
        }
        Event::Failed(error) => handler.failed(error, peer),
        Event::Stop => handler.stopping(peer),
        Event::End(reason) => {
            peer.state.end(reason);
            Ok(())
        }
    }
}

/// The last callback. Neither it nor the handler's end may harm the thread.
fn close(handler: Option<Box<dyn PeerHandler>>, reason: &CloseReason) {
    let closed = catch_unwind(AssertUnwindSafe(move || {
        if let Some(mut handler) = handler {
            handler.closed(reason);
        }
    }));
    if let Err(panic) = closed {
        log::error!("`closed` panicked: {}", panic_message(&*panic));
    }
}

impl State {
    pub(super) fn link(&self) -> &Arc<dyn DatagramLink> {
        self.opened
            .as_ref()
            .map_or(&self.link, |opened| &opened.link)
    }

    pub(super) fn sender(&self) -> DatagramSender {
        let from = self.from.filter(|_| !self.has_own);
        DatagramSender::new(self.link().clone(), from)
    }

    pub(super) fn is_open(&self) -> bool {
        self.reason.is_none()
    }

    /// The end is decided once.
    pub(super) fn end(&mut self, reason: CloseReason) {
        self.reason.get_or_insert(reason);
    }

    pub(super) fn send(&mut self, bytes: &[u8], bench: &mut Bench<'_>) -> Result<(), SendError> {
        super::socket::check(&**self.link(), bytes, &self.address)?;
        // Where it will be: a socket that this callback has opened has an outbox of its own already.
        let opened = self.opened.as_ref().map(|opened| &opened.outbox);
        let waiting = opened.unwrap_or(bench.outbox).bytes_waiting();
        bench.check_room(waiting, bytes)?;
        self.allowance.spend(bytes.len()).map_err(|left| {
            bench.counters.replies_refused += 1;
            let size = bytes.len();
            SendError::Unproven { size, left }
        })?;
        match &mut self.opened {
            Some(opened) => opened.outbox.push(bytes, &self.address, None),
            None => bench.outbox.push(bytes, &self.address, self.from),
        }
        Ok(())
    }

    pub(super) fn open_socket(&mut self) -> io::Result<()> {
        if !self.has_own {
            let link = self.link.open_for(&self.address)?;
            let outbox = Outbox::default();
            self.opened = Some(Opened { link, outbox });
            self.has_own = true;
        }
        Ok(())
    }

    /// Notes a datagram; true for the first one.
    fn hear(&mut self, datagram: &Datagram<'_>) -> bool {
        let is_first = !std::mem::replace(&mut self.is_known, true);
        self.allowance.earn(datagram.size());
        if !self.has_own {
            self.from = datagram.to();
        }
        is_first
    }

    fn count_due(&self, now: Time) -> usize {
        self.timers.iter().filter(|&&(_, at)| at <= now).count()
    }

    /// Takes the timer that is due first.
    fn take_due(&mut self, now: Time) -> Option<u8> {
        let timers = self.timers.iter().enumerate();
        let (first, &(timer, at)) = timers.min_by_key(|(_, (_, at))| *at)?;
        if at > now {
            return None;
        }
        self.timers.swap_remove(first);
        Some(timer)
    }

    fn outcome(&mut self) -> Outcome {
        let opened = self.opened.take();
        if let Some(opened) = &opened {
            self.link = opened.link.clone();
            self.from = None;
        }
        let next = self.timers.iter().map(|&(_, at)| at).min();
        let timer = next.unwrap_or(Time::NEVER);
        let is_proven = self.allowance.is_proven();
        let told = std::mem::replace(&mut self.told, (timer, is_proven));
        Outcome {
            timer,
            is_news: self.reason.is_some() || opened.is_some() || told != (timer, is_proven),
            ended: self.reason.clone(),
            opened,
            is_proven,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("address", &self.state.address)
            .field("reason", &self.state.reason)
            .finish_non_exhaustive()
    }
}
