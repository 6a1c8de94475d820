//! How a server begins and ends.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use socketserver::{
    Address, BlockingHandler, Config, Conn, Handled, Handler, HandlerError, Hooks, Input, Remote,
    Server, State, StopHandle, Stream, StreamServer,
};
use socketserver_handlers::Echo;
use socketserver_tests::{Case, Client, Event, Probe, Running, Teller, Watcher, eventually};

socketserver_tests::matrix! {
    all: the_address_is_the_real_one, a_stop_before_the_start_is_kept, a_stop_right_after_the_start_is_obeyed,
        a_handler_may_stop_its_server, an_idle_server_stops_promptly, an_idle_connection_is_finished_at_once,
        a_half_received_message_may_be_completed_while_the_server_drains,
        what_had_arrived_is_answered_before_the_end, what_had_arrived_behind_a_long_answer_is_answered_too, queued_clients_are_served_before_the_end,
        a_connection_that_does_not_finish_is_cut_at_the_deadline, a_handler_that_sleeps_is_cut_at_the_deadline,
        a_peer_that_reads_nothing_is_cut_at_the_deadline, a_cut_does_not_wait,
        a_server_that_never_served_can_be_dropped, nobody_is_accepted_after_the_end,
        one_request_at_a_time_is_served_refused_or_timed_out, a_stop_interrupts_waiting_for_one_request;
    concurrent: a_late_answer_is_waited_for, a_late_answer_of_another_thread_is_waited_for;
    events: a_connection_that_has_taken_everything_is_finished_at_once;
    blocking: a_handler_that_goes_on_after_the_end_is_ended_by_force;
}

/// Tells where it is.
struct Where;

impl Handler for Where {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(format!("{}\n", conn.local()).as_bytes());
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

impl BlockingHandler for Where {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let local = stream.local()?;
        writeln!(stream, "{local}")?;
        io::copy(stream, &mut io::sink())?;
        Ok(())
    }
}

fn the_address_is_the_real_one(case: &Case) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    assert_ne!(address.port(), Some(0));
    let mut client = Client::connect(&address);
    if let (Client::Tcp(stream), Address::Tcp(address)) = (&client, &address) {
        assert_eq!(stream.peer_addr().unwrap(), *address);
    }
    let _server = case.start(server, |_| Where);
    client.expect(format!("{address}\n"));
}

fn a_stop_before_the_start_is_kept(case: &Case) {
    let server = case.bind(case.config());
    let stop = server.stop_handle();
    assert_eq!(stop.state(), State::New);
    stop.stop();
    stop.stop();
    let report = case.run(server, |_| Echo).unwrap();
    assert_eq!(report.stats.accepted, 0);
    assert_eq!(stop.state(), State::Stopped);
    stop.stop();
    stop.cut();
}

fn a_stop_right_after_the_start_is_obeyed(case: &Case) {
    for _ in 0..20 {
        case.serve(|_| Echo).stop();
    }
}

/// Echoes, and stops its server.
struct Stops(StopHandle);

impl Handler for Stops {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        self.0.stop();
        Ok(())
    }
}

impl BlockingHandler for Stops {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; 100];
        loop {
            let count = stream.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(&piece[..count])?;
            self.0.stop();
        }
    }
}

fn a_handler_may_stop_its_server(case: &Case) {
    let server = case.bind(case.config());
    let stop = server.stop_handle();
    let mut server = case.start(server, move |_| Stops(stop.clone()));
    server.connect().send("stop").expect("stop").expect_end();
    assert_eq!(server.join().stats.closed["drained"], 1);
}

fn an_idle_server_stops_promptly(case: &Case) {
    // The fastest of some tries, since the machine may be busy: what polls every half second is found out.
    let fastest = (0..10).map(|_| {
        let server = case.serve(|_| Echo);
        server
            .connect()
            .send("hello")
            .expect("hello")
            .half_close()
            .expect_end();
        server.until("the client to be gone", |stats| stats.live == 0);
        let begun = Instant::now();
        server.stop();
        begun.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

/// A configuration that drains for ever.
fn long_drain(case: &Case) -> Config {
    Config {
        drain_timeout: Duration::from_secs(3600),
        ..case.config()
    }
}

fn an_idle_connection_is_finished_at_once(case: &Case) {
    for messages in [0, 1] {
        let server = case.serve_with(long_drain(case), |_| Echo);
        let mut client = server.connect();
        for _ in 0..messages {
            client.send("hello").expect("hello");
        }
        server.until("it to be open", |stats| stats.live == 1);
        server.stop_handle().stop();
        client.expect_end();
        drop(client);
        let report = server.stop();
        assert_eq!((report.cut, report.stats.closed["drained"]), (0, 1));
    }
}

/// Callbacks say nothing about messages but by leaving bytes, so that who has taken all is between two of them, answer or not.
fn a_connection_that_has_taken_everything_is_finished_at_once(case: &Case) {
    let (factory, mut watcher) = Probe::quiet();
    let server = case.serve_events_with(long_drain(case), factory);
    let mut client = server.connect();
    watcher.expect(&Event::Opened);
    client.send("hello");
    watcher.expect(&Event::Received(b"hello".to_vec()));
    server.stop_handle().stop();
    client.expect_end();
    drop(client);
    watcher.expect(&Event::Stopping);
    assert_eq!(watcher.wait_for_close(), "drained");
    assert_eq!(server.stop().cut, 0);
}

/// Echoes lines, and tells what it has of them.
struct Lines(Teller);

impl Handler for Lines {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell_received(input);
        if input.ends_with(b"\n") {
            conn.write(input.take_all());
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell(Event::Stopping);
        conn.finish();
        Ok(())
    }
}

impl BlockingHandler for Lines {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut line = Vec::new();
        let mut byte = [0];
        while stream.read(&mut byte)? > 0 {
            line.extend_from_slice(&byte);
            self.0.tell_received(&line);
            if line.ends_with(b"\n") {
                stream.write_all(&line)?;
                line.clear();
            }
        }
        Ok(())
    }
}

/// A client that has sent a part of a line, and a server that has read it and waits for the rest.
fn half_a_line(server: &Running, watcher: &mut Watcher) -> Client {
    let mut client = server.connect();
    client.send("half a");
    watcher.wait_for(&Event::Received(b"half a".to_vec()));
    // What is counted is counted before the next wait.
    server.until("the half to be counted", |stats| stats.bytes_in == 6);
    client
}

fn a_half_received_message_may_be_completed_while_the_server_drains(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Lines);
    let server = case.serve_with(long_drain(case), factory);
    let mut client = half_a_line(&server, &mut watcher);
    // A blocking handler is not told. That its loop drains is seen by another connection of it.
    let idle = case.is_concurrent().then(|| server.connect());
    server.until("both to be open", |stats| {
        stats.live == 1 + u64::from(idle.is_some())
    });
    server.stop_handle().stop();
    if case.has_callbacks() {
        watcher.wait_for(&Event::Stopping);
    }
    if let Some(mut idle) = idle {
        idle.expect_end();
    }
    client
        .send(" message\n")
        .expect("half a message\n")
        .expect_end();
    drop(client);
    let report = server.stop();
    assert_eq!(report.cut, 0);
    assert_eq!(report.stats.closed["drained"], report.stats.accepted);
}

/// Answers each byte with more than any peer's system takes. Who shares its connection with other threads waits differently.
struct Long {
    is_shared: bool,
}

impl Long {
    const BYTES: usize = 12_000_000;
}

impl Handler for Long {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.is_shared {
            conn.remote();
        }
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let question = input.take(1)[0];
        conn.write(&vec![question; Self::BYTES]);
        Ok(())
    }
}

impl BlockingHandler for Long {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        if self.is_shared {
            stream.remote()?;
        } else {
            stream.set_write_timeout(Some(Duration::from_secs(3600)));
        }
        let mut question = [0];
        while stream.read(&mut question)? > 0 {
            stream.write_all(&vec![question[0]; Self::BYTES])?;
        }
        Ok(())
    }
}

fn what_had_arrived_behind_a_long_answer_is_answered_too(case: &Case) {
    for is_shared in [false, true] {
        let server = case.serve_with(long_drain(case), move |_| Long { is_shared });
        let mut client = server.connect();
        // From the first byte on the server waits until its client has taken more.
        client.send("1").expect("1").send("2");
        server.stop_handle().stop();
        client
            .expect(vec![b'1'; Long::BYTES - 1])
            .expect(vec![b'2'; Long::BYTES])
            .expect_end();
        drop(client);
        assert_eq!(server.stop().cut, 0);
    }
}

fn what_had_arrived_is_answered_before_the_end(case: &Case) {
    // A small buffer, so that the stop comes before, while and after a thread reads all of it.
    let config = Config {
        read_buffer_bytes: 100,
        ..case.config()
    };
    for bytes in [4, 5000].repeat(20) {
        let server = case.serve_with(config.clone(), |_| Echo);
        let mut client = server.connect();
        let last = vec![b'l'; bytes];
        client.send("first").expect("first").send(&last);
        // From here on the bytes are in the server's system, whether its thread has seen them or not.
        server.stop_handle().stop();
        client.expect(&last).expect_end();
        drop(client);
        assert_eq!(server.stop().cut, 0);
    }
}

/// Echoes, but keeps its thread busy when it is told to.
struct Busy(Teller);

impl Busy {
    fn is_told_to_block(&self, bytes: &[u8]) -> bool {
        self.0.tell_received(bytes);
        let blocks = bytes == b"block";
        if blocks {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        blocks
    }
}

impl Handler for Busy {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let bytes = input.take_all();
        if !self.is_told_to_block(bytes) {
            conn.write(bytes);
        }
        Ok(())
    }
}

impl BlockingHandler for Busy {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut bytes = [0; 5];
        while stream.read_exact_or_end(&mut bytes)? {
            if !self.is_told_to_block(&bytes) {
                stream.write_all(&bytes)?;
            }
        }
        Ok(())
    }
}

fn queued_clients_are_served_before_the_end(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Busy);
    let config = Config {
        connections_max: 50,
        ..case.config()
    };
    let server = case.serve_with(config, factory);
    let mut first = server.connect();
    first.send("block");
    watcher.expect(&Event::Received(b"block".to_vec()));
    // While a handler blocks the loop, or the only thread, these wait in the backlog.
    let mut queued: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for client in &mut queued {
        client.send("hello");
    }
    server.stop_handle().stop();
    drop(first);
    for mut client in queued {
        client.expect("hello").expect_end();
    }
    assert_eq!(server.stop().stats.accepted, 6);
}

/// A configuration that drains for a short time.
fn short_drain(case: &Case) -> Config {
    Config {
        drain_timeout: Duration::from_millis(100),
        ..case.config()
    }
}

fn a_connection_that_does_not_finish_is_cut_at_the_deadline(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Lines);
    let server = case.serve_with(short_drain(case), factory);
    let _client = half_a_line(&server, &mut watcher);
    let report = server.stop();
    assert_eq!((report.cut, report.stats.closed["drain_cut"]), (1, 1));
    watcher.wait_for(&Event::Dropped);
}

/// Waits for a time that does not come.
struct Dreams(Teller);

impl Handler for Dreams {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell_received(input.take_all());
        conn.set_timer(0, Duration::from_secs(3600));
        Ok(())
    }

    fn stopping(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl BlockingHandler for Dreams {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut word = [0; 5];
        stream.read_exact(&mut word)?;
        self.0.tell_received(&word);
        Ok(stream.sleep(Duration::from_secs(3600))?)
    }
}

fn a_handler_that_sleeps_is_cut_at_the_deadline(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Dreams);
    let server = case.serve_with(short_drain(case), factory);
    let mut client = server.connect();
    client.send("sleep");
    watcher.expect(&Event::Received(b"sleep".to_vec()));
    let report = server.stop();
    assert_eq!((report.cut, report.stats.closed["drain_cut"]), (1, 1));
    watcher.expect(&Event::Dropped);
    client.expect_end();
}

/// Answers with more than any peer's system takes.
struct Talkative(Teller);

impl Talkative {
    const BYTES: usize = 12_000_000;
}

impl Handler for Talkative {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.tell_received(input.take_all());
        conn.write(&vec![0; Self::BYTES]);
        Ok(())
    }
}

impl BlockingHandler for Talkative {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut word = [0; 2];
        stream.read_exact(&mut word)?;
        self.0.tell_received(&word);
        Ok(stream.write_all(&vec![0; Self::BYTES])?)
    }
}

fn a_peer_that_reads_nothing_is_cut_at_the_deadline(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Talkative);
    let server = case.serve_with(short_drain(case), factory);
    let mut client = server.connect();
    client.send("go");
    watcher.expect(&Event::Received(b"go".to_vec()));
    let report = server.stop();
    assert_eq!(
        (report.cut, report.stats.closed["drain_cut"]),
        (1, 1),
        "{report:?}"
    );
    watcher.expect(&Event::Dropped);
}

fn a_cut_does_not_wait(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Lines);
    let mut server = case.serve_with(long_drain(case), factory);
    let _client = half_a_line(&server, &mut watcher);
    server.stop_handle().stop();
    if case.has_callbacks() {
        watcher.wait_for(&Event::Stopping);
    }
    server.stop_handle().cut();
    let report = server.join();
    assert_eq!((report.cut, report.stats.closed["drain_cut"]), (1, 1));
    watcher.wait_for(&Event::Dropped);
}

/// Takes no error for an answer.
struct Stubborn(Teller);

impl BlockingHandler for Stubborn {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        loop {
            match stream.read(&mut [0; 100]) {
                // The end of input is no error: then it tries to write for ever.
                Ok(0) => while stream.write_all(b"more").is_ok() {},
                Ok(_) => self.0.tell(Event::Opened),
                Err(_) => {}
            }
        }
    }
}

fn a_handler_that_goes_on_after_the_end_is_ended_by_force(case: &Case) {
    let (factory, mut watcher) = Teller::factory(Stubborn);
    let server = case.serve_blocking_with(short_drain(case), factory);
    let mut client = server.connect();
    client.send("hello");
    watcher.expect(&Event::Opened);
    let report = server.stop();
    assert_eq!((report.cut, report.stats.panics), (1, 0), "{report:?}");
    watcher.expect(&Event::Dropped);
}

fn a_server_that_never_served_can_be_dropped(case: &Case) {
    let server = case.bind(case.config());
    let address = server.addresses()[0].clone();
    let stop = server.stop_handle();
    drop(server);
    assert!(
        Client::try_connect(&address).is_err(),
        "the listener is closed with the server"
    );
    stop.stop();
}

fn nobody_is_accepted_after_the_end(case: &Case) {
    let server = case.serve(|_| Echo);
    let address = server.address().clone();
    server
        .connect()
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
    server.stop();
    assert!(Client::try_connect(&address).is_err());
    if let Address::UnixPath(path) = &address {
        assert!(!path.exists(), "the socket file is removed with the server");
    }
    if let Some(address) = address.socket_addr() {
        let again = StreamServer::builder()
            .config(case.config())
            .endpoints([address.into()]);
        again.bind().expect("the address can be used again at once");
    }
}

/// Counts calls of `handle_timeout`, and refuses the second client.
struct Gatekeeper {
    timeouts: Arc<AtomicUsize>,
    clients: AtomicUsize,
}

impl Hooks for Gatekeeper {
    fn verify(&self, _: &Address) -> bool {
        self.clients.fetch_add(1, Ordering::Relaxed) != 1
    }

    fn handle_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }
}

fn one_request_at_a_time_is_served_refused_or_timed_out(case: &Case) {
    let timeouts = Arc::new(AtomicUsize::new(0));
    let hooks = Gatekeeper {
        timeouts: timeouts.clone(),
        clients: AtomicUsize::new(0),
    };
    let builder = StreamServer::builder()
        .config(case.config())
        .endpoints([case.endpoint()])
        .hooks(hooks);
    let mut server = builder.bind().unwrap();
    let address = server.addresses()[0].clone();
    assert!(matches!(
        case.handle_request(&mut server, Some(Duration::ZERO), |_| Echo)
            .unwrap(),
        Handled::TimedOut
    ));
    assert_eq!(timeouts.load(Ordering::Relaxed), 1);
    let mut client = Client::connect(&address);
    client.send("hello").half_close();
    let handled = case.handle_request(&mut server, None, |_| Echo).unwrap();
    assert!(
        matches!(&handled, Handled::Served(reason) if reason.word() == "peer_closed"),
        "{handled:?}"
    );
    client.expect("hello").expect_end();
    let mut refused = Client::connect(&address);
    assert!(matches!(
        case.handle_request(&mut server, None, |_| Echo).unwrap(),
        Handled::Refused
    ));
    refused.read_to_the_end();
    // Afterwards it can still serve for ever.
    let server = case.start(server, |_| Echo);
    server.connect().send("again").expect("again");
}

fn a_stop_interrupts_waiting_for_one_request(case: &Case) {
    let mut server = case.bind(case.config());
    let stop = server.stop_handle();
    let case = *case;
    let thread = std::thread::spawn(move || case.handle_request(&mut server, None, |_| Echo));
    stop.stop();
    eventually("the wait to end", || thread.is_finished().then_some(()));
    assert!(matches!(thread.join().unwrap().unwrap(), Handled::Stopped));
}

/// Answers after a while, and is not finished before.
struct Late;

impl Late {
    const DELAY: Duration = Duration::from_millis(100);
}

impl Handler for Late {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        conn.set_timer(0, Self::DELAY);
        Ok(())
    }

    fn timer(&mut self, _: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(b"late");
        conn.close();
        Ok(())
    }

    fn stopping(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl BlockingHandler for Late {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.read_exact(&mut [0; 8])?;
        // The second time begins when the server drains already, and nothing else is left to wait for when it is over.
        stream.sleep(Self::DELAY / 2)?;
        stream.sleep(Self::DELAY / 2)?;
        Ok(stream.write_all(b"late")?)
    }
}

fn a_late_answer_is_waited_for(case: &Case) {
    let server = case.serve(|_| Late);
    let mut client = server.connect();
    client.send("question");
    server.until("the question to arrive", |stats| stats.bytes_in == 8);
    server.stop_handle().stop();
    client.expect("late").expect_end();
    drop(client);
    assert_eq!(server.stop().cut, 0);
}

/// Leaves the answer to somebody else.
struct Delegates(Sender<Remote>);

impl Handler for Delegates {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        self.0.send(conn.remote())?;
        Ok(())
    }

    fn stopping(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl BlockingHandler for Delegates {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut line = Vec::new();
        stream.read_until(b'?', &mut line)?;
        self.0.send(stream.remote()?)?;
        // It has not answered, so that it may wait here until somebody else has.
        io::copy(stream, &mut io::sink())?;
        Ok(())
    }
}

fn a_late_answer_of_another_thread_is_waited_for(case: &Case) {
    let (sender, remotes) = channel();
    let server = case.serve_with(long_drain(case), move |_| Delegates(sender.clone()));
    let mut client = server.connect();
    client.send("question?");
    let remote = remotes.recv().unwrap();
    let mut idle = server.connect();
    server.until("both to be open", |stats| stats.live == 2);
    server.stop_handle().stop();
    idle.expect_end();
    drop(idle);
    remote.write("late").unwrap();
    client.expect("late");
    remote.close();
    client.expect_end();
    drop(client);
    let report = server.stop();
    assert_eq!((report.cut, report.stats.closed["remote_closed"]), (0, 1));
}
