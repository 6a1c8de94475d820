//! Speed, asserted by what can be counted: system calls and wake-ups.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use socketserver::{BlockingHandler, Conn, Handler, HandlerError, Input, Mode, Stats, Stream};
use socketserver_handlers::Echo;
use socketserver_tests::Case;

socketserver_tests::matrix! {
    all: a_message_costs_two_system_calls, a_connection_costs_few_system_calls, an_idle_server_does_nothing;
    reactor: a_busy_loop_needs_hardly_more_than_two_calls_a_message;
}

fn a_message_costs_two_system_calls(case: &Case) {
    let server = case.serve(|_| Echo);
    let mut client = server.connect();
    client.send("warm").expect("warm");
    let before = server.until("the warm-up to be counted", |stats| {
        stats.system_calls.send == 1
    });
    for _ in 0..1000 {
        client.send("hello").expect("hello");
    }
    let after = server.until("all to be counted", |stats| stats.system_calls.send == 1001);
    let calls = |stats: &Stats| {
        (
            stats.system_calls.receive,
            stats.system_calls.send,
            stats.system_calls.register,
        )
    };
    let (receives, sends, registers) = calls(&before);
    let (more_receives, more_sends, more_registers) = calls(&after);
    assert_eq!(more_sends - sends, 1000);
    // A thread is in its next receive already when the last answer is counted.
    assert!(more_receives - receives <= 1001, "{before:?} {after:?}");
    assert_eq!(more_registers, registers);
    let others = after.system_calls.total()
        - before.system_calls.total()
        - 1000
        - (more_receives - receives);
    // One connection alone costs a loop a wait for each message; a thread waits in its receive.
    let waits = if case.is_reactor() { 1000 } else { 0 };
    assert!(others <= waits + 10, "{others} further calls: {after:?}");
}

fn a_connection_costs_few_system_calls(case: &Case) {
    let server = case.serve(|_| Echo);
    for _ in 0..100 {
        server
            .connect()
            .send("hello")
            .expect("hello")
            .half_close()
            .expect_end();
    }
    let stats = server.until("all to be gone", |stats| {
        stats.live == 0 && stats.accepted == 100
    });
    let calls = stats.system_calls;
    if case.is_reactor() {
        assert_eq!(
            calls.register, 100,
            "one registration in a connection's life"
        );
    } else {
        assert_eq!(calls.register, 0);
    }
    assert_eq!((calls.send, calls.close, calls.shutdown), (100, 100, 0));
    assert!(calls.receive <= 200 + 2, "{calls:?}");
}

fn an_idle_server_does_nothing(case: &Case) {
    let server = case.serve(|_| Echo);
    let mut client = server.connect();
    client.send("hello").expect("hello");
    let before = server.until("the message to be counted", |stats| {
        stats.system_calls.send == 1
    });
    // Long enough for anything that polls to be seen; a condition that never comes true, asked for with a limit.
    thread::park_timeout(std::time::Duration::from_millis(300));
    let waits = server.stats().system_calls.wait - before.system_calls.wait;
    assert!(waits <= 2, "{waits} wake-ups of an idle server");
}

/// Echoes, but blocks its loop while the test prepares a batch of messages.
struct Gated {
    blocked: SyncSender<()>,
    released: Arc<Mutex<Receiver<()>>>,
}

impl Gated {
    fn block(&self) -> Result<(), HandlerError> {
        self.blocked.send(())?;
        self.released
            .lock()
            .expect("no other test has this lock")
            .recv()?;
        Ok(())
    }
}

impl Handler for Gated {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if &**input == b"block" {
            self.block()?;
        }
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Gated {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; 100];
        loop {
            let count = stream.read(&mut piece)?;
            match &piece[..count] {
                b"" => return Ok(()),
                b"block" => self.block()?,
                _ => {}
            }
            stream.write_all(&piece[..count])?;
        }
    }
}

fn a_busy_loop_needs_hardly_more_than_two_calls_a_message(case: &Case) {
    const CONNECTIONS: usize = 100;
    let Mode::Reactor { loops: 1 } = case.mode else {
        return;
    };
    let (blocked, is_blocked) = sync_channel(1);
    let (release, released) = sync_channel(1);
    let released = Arc::new(Mutex::new(released));
    let server = case.serve(move |_| Gated {
        blocked: blocked.clone(),
        released: released.clone(),
    });
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let before = server.until("all to be open", |stats| stats.live == CONNECTIONS as u64);
    for _ in 0..20 {
        clients[0].send("block");
        is_blocked.recv().unwrap();
        for client in &mut clients[1..] {
            client.send("hello");
        }
        release.send(()).unwrap();
        clients[0].expect("block");
        for client in &mut clients[1..] {
            client.expect("hello");
        }
    }
    let messages = 20 * CONNECTIONS as u64;
    let after = server.until("all to be counted", |stats| {
        stats.received_calls == messages
    });
    let calls = after.system_calls.total() - before.system_calls.total();
    assert!(
        calls * 100 <= messages * 205,
        "{calls} system calls for {messages} messages: {before:?} {after:?}"
    );
}
