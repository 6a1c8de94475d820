//! Handlers that tell a test what happens to them, and one that does what the test wants besides.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

use socketserver::{Address, CloseReason, Conn, Handler, HandlerError, Input};

use crate::PATIENCE;

/// What happened to a handler. A blocking one has begun instead of `Opened`, has read instead of `Received`, and does not know of the rest but
/// `Dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `opened` was called.
    Opened,
    /// `received` was called with these bytes.
    Received(Vec<u8>),
    /// `ended` was called with these bytes left.
    Ended(Vec<u8>),
    /// `drained` was called.
    Drained,
    /// `timer` was called with this number.
    Timer(u8),
    /// `stopping` was called.
    Stopping,
    /// `closed` was called with a reason of this word.
    Closed(&'static str),
    /// The handler was dropped.
    Dropped,
}

type Act =
    Box<dyn FnMut(&Event, &mut Input<'_>, &mut Conn<'_>) -> Result<bool, HandlerError> + Send>;

/// Tells a test what happens to the handler that owns it, and last of all that the handler was dropped.
#[derive(Debug)]
pub struct Teller(Sender<Event>);

impl Teller {
    /// A factory of handlers that all report to one watcher.
    pub fn factory<H>(
        make: impl Fn(Self) -> H + Send + Sync + 'static,
    ) -> (impl Fn(&Address) -> H + Send + Sync + 'static, Watcher) {
        let (sender, receiver) = channel();
        let watcher = Watcher {
            events: receiver,
            seen: VecDeque::new(),
        };
        (move |_: &Address| make(Self(sender.clone())), watcher)
    }

    /// Tells that something has happened.
    pub fn tell(&self, event: Event) {
        // A test that has ended does not listen any more.
        let _ = self.0.send(event);
    }

    /// Tells that these bytes have come.
    pub fn tell_received(&self, bytes: &[u8]) {
        self.tell(Event::Received(bytes.to_vec()));
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.tell(Event::Dropped);
    }
}

/// A handler whose callbacks are reported, and acted upon by a closure.
pub struct Probe {
    teller: Teller,
    act: Act,
}

/// Where a test hears what happens to its handlers.
#[derive(Debug)]
pub struct Watcher {
    events: Receiver<Event>,
    seen: VecDeque<Event>,
}

impl Probe {
    /// A factory of probes that all report to one watcher. `act` is called in every callback that has a connection; it
    /// returns whether the handler's default behaviour should follow (take all input, close at the end, finish when the server stops).
    pub fn factory<A, F>(make: F) -> (impl Fn(&Address) -> Self + Send + Sync + 'static, Watcher)
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: FnMut(&Event, &mut Input<'_>, &mut Conn<'_>) -> Result<bool, HandlerError>
            + Send
            + 'static,
    {
        Teller::factory(move |teller| Self {
            teller,
            act: Box::new(make()),
        })
    }

    /// A factory of probes that only report.
    pub fn quiet() -> (impl Fn(&Address) -> Self + Send + Sync + 'static, Watcher) {
        Self::factory(|| |_: &Event, _: &mut Input<'_>, _: &mut Conn<'_>| Ok(true))
    }
}

impl Handler for Probe {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.teller.tell(Event::Opened);
        (self.act)(&Event::Opened, &mut no_input(), conn).map(drop)
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let event = Event::Received(input.to_vec());
        self.teller.tell(event.clone());
        if (self.act)(&event, input, conn)? {
            input.take_all();
        }
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let event = Event::Ended(input.to_vec());
        self.teller.tell(event.clone());
        if (self.act)(&event, input, conn)? {
            conn.close();
        }
        Ok(())
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.teller.tell(Event::Drained);
        (self.act)(&Event::Drained, &mut no_input(), conn).map(drop)
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.teller.tell(Event::Timer(timer));
        (self.act)(&Event::Timer(timer), &mut no_input(), conn).map(drop)
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.teller.tell(Event::Stopping);
        if (self.act)(&Event::Stopping, &mut no_input(), conn)? {
            conn.finish();
        }
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.teller.tell(Event::Closed(reason.word()));
    }
}

/// What callbacks without input hand to the closure.
fn no_input() -> Input<'static> {
    Input::from(&[] as &[u8])
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl Watcher {
    /// Waits for the next thing that happens.
    #[track_caller]
    pub fn next_event(&mut self) -> Event {
        let event = self
            .events
            .recv_timeout(PATIENCE)
            .expect("something happens to the handler");
        self.seen.push_back(event.clone());
        event
    }

    /// Waits for exactly this to happen next.
    #[track_caller]
    pub fn expect(&mut self, expected: &Event) {
        assert_eq!(self.next_event(), *expected, "after {:?}", self.seen);
    }

    /// Waits until this happens, whatever else happens before.
    #[track_caller]
    pub fn wait_for(&mut self, expected: &Event) {
        while self.next_event() != *expected {}
    }

    /// Waits until the connection has closed, and says why.
    #[track_caller]
    pub fn wait_for_close(&mut self) -> &'static str {
        loop {
            if let Event::Closed(word) = self.next_event() {
                return word;
            }
        }
    }

    /// Everything that has happened so far and was not asked for yet.
    pub fn rest(&mut self) -> Vec<Event> {
        self.events.try_iter().collect()
    }
}
