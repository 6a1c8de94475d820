//! Handlers that take their time: who waits for whom, in each mode and style.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use socketserver::{
    Address, BlockingHandler, Config, Conn, Handler, HandlerError, Input, Mode, Stream,
};
use socketserver_handlers::{Wait, Work};
use socketserver_tests::{Case, End, Style};

use crate::streams::next;

socketserver_tests::matrix! {
    all: lines_are_answered_in_their_order,
        a_line_that_is_too_long_is_the_peers_fault,
        what_had_come_before_a_stop_is_answered;
    concurrent: a_wait_keeps_others_waiting_in_callbacks_of_a_loop_only;
    reactor: who_sends_many_lines_leaves_others_their_turn;
}

/// So short that no test notices.
const SHORT: Duration = Duration::from_micros(10);
/// Long enough for another client to send something meanwhile, and a turn of its own.
const WHILE: Duration = Duration::from_millis(50);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Both handlers, as one type.
#[derive(Clone, Debug)]
enum Either {
    Work(Work),
    Wait(Wait),
}

impl Either {
    fn both(time: Duration) -> [Self; 2] {
        [Self::Work(Work::new(time)), Self::Wait(Wait::new(time))]
    }
}

impl Handler for Either {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match self {
            Self::Work(work) => work.received(input, conn),
            Self::Wait(wait) => wait.received(input, conn),
        }
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match self {
            Self::Work(work) => work.ended(input, conn),
            Self::Wait(wait) => wait.ended(input, conn),
        }
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match self {
            Self::Work(work) => work.timer(timer, conn),
            Self::Wait(wait) => wait.timer(timer, conn),
        }
    }
}

impl BlockingHandler for Either {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        match self {
            Self::Work(work) => work.handle(stream),
            Self::Wait(wait) => wait.handle(stream),
        }
    }
}

fn lines_are_answered_in_their_order(case: &Case) {
    let many: Vec<_> = (0..2500).map(|number| number.to_string()).collect();
    let many = many.join("\n") + "\n";
    for handler in Either::both(SHORT) {
        let is_wait = matches!(handler, Either::Wait(_));
        let server = case.serve(move |_| handler.clone());
        let mut client = server.connect();
        client.send("one\r\ntwo\n\nthr").expect("one\ntwo\n\n");
        client.send("ee\nlast").expect("three\n");
        if !is_wait {
            // More than fit into one turn. A wait, which is exact to a millisecond, would take too long.
            client.send("\n").expect("last\n");
            client.send(&many).expect(&many).send("last");
        }
        client.half_close().expect("last\n");
        assert_eq!(client.expect_end(), End::Closed);
    }
}

fn a_line_that_is_too_long_is_the_peers_fault(case: &Case) {
    for handler in Either::both(SHORT) {
        let server = case.serve(move |_| handler.clone());
        let mut client = server.connect();
        client.send("good\n").expect("good\n");
        client.send(vec![b'x'; 64 * 1024 + 1]).expect_end();
        drop(client);
        assert_eq!(server.wait_for_close(), "protocol_error");
        assert_eq!(server.stop().stats.handler_errors, 0);
    }
}

fn what_had_come_before_a_stop_is_answered(case: &Case) {
    for handler in Either::both(WHILE) {
        let server = case.serve(move |_| handler.clone());
        let mut client = server.connect();
        client.send("a\nb\nc\nd\n").expect("a\n");
        server.stop_handle().stop();
        client.expect("b\nc\nd\n").expect_end();
        drop(client);
        assert_eq!(server.stop().cut, 0);
    }
}

/// A wait that tells when it begins and ends, in callbacks.
struct Told {
    wait: Wait,
    name: &'static str,
    tell: Sender<(&'static str, &'static str)>,
}

impl Told {
    fn tell(&self, what: &'static str) {
        // A test that has ended does not listen.
        let _ = self.tell.send((self.name, what));
    }
}

impl Handler for Told {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.tell("begins");
        self.wait.received(input, conn)?;
        self.tell("ends");
        Ok(())
    }
}

impl BlockingHandler for Told {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        // With the first byte, which is left where it is.
        stream.fill_to(1)?;
        self.tell("begins");
        self.wait.handle(stream)?;
        self.tell("ends");
        Ok(())
    }
}

/// A factory whose first handler waits for `first` and all others not at all.
fn first_waits(
    first: Duration,
) -> (
    impl Fn(&Address) -> Told + Send + Sync + 'static,
    Receiver<(&'static str, &'static str)>,
) {
    let (tell, told) = channel();
    let (made, tell) = (AtomicUsize::new(0), Mutex::new(tell));
    let factory = move |_: &Address| {
        let (name, time) = match made.fetch_add(1, Ordering::Relaxed) {
            0 => ("first", first),
            _ => ("second", Duration::ZERO),
        };
        let tell = tell.lock().expect("nobody panics with it").clone();
        let wait = Wait::new(time);
        Told { wait, name, tell }
    };
    (factory, told)
}

fn a_wait_keeps_others_waiting_in_callbacks_of_a_loop_only(case: &Case) {
    let keeps = case.style == Style::Events && case.is_reactor();
    if keeps && case.mode != (Mode::Reactor { loops: 1 }) {
        // The second connection may be on the other loop, and may not.
        return;
    }
    let (factory, told) = first_waits(if keeps { WHILE } else { LONG });
    let server = case.serve(factory);
    let mut first = server.connect();
    first.send("long\n");
    assert_eq!(next(&told), ("first", "begins"));
    let mut second = server.connect();
    second.send("short\n").expect("short\n");
    if keeps {
        let order: Vec<_> = told.try_iter().take(2).collect();
        assert_eq!(order, [("first", "ends"), ("second", "begins")]);
        first.expect("long\n");
    } else {
        // A thread sleeps on until the tests are over.
        assert_eq!(next(&told), ("second", "begins"));
        assert!(!first.has_ended());
    }
}

fn who_sends_many_lines_leaves_others_their_turn(case: &Case) {
    // Twice the patience of the tests.
    const LINES: usize = 2000;
    let config = Config {
        slow_callback: Some(LONG),
        ..case.config()
    };
    let time = Duration::from_millis(20);
    for handler in Either::both(time) {
        let server = case.serve_with(config.clone(), move |_| handler.clone());
        // One for each loop.
        let mut many: Vec<_> = (0..2).map(|_| server.connect()).collect();
        for client in &mut many {
            client.send("x\n".repeat(LINES)).expect("x\n");
        }
        let mut other = server.connect();
        for _ in 0..3 {
            other.send("me too\n").expect("me too\n");
        }
        assert!(server.stats().bytes_out < LINES as u64);
        server.stop_handle().cut();
    }
}
