//! Handlers and other threads: work that is done elsewhere, and those who write, close and wake from elsewhere.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use socketserver::{
    Bytes, Config, Conn, Group, Handler, HandlerError, Input, Remote, SlowMember, Stream,
};
use socketserver_tests::{Case, PATIENCE, eventually};

use crate::streams::{Told, each, echo_lines, next, wait_for_close};

socketserver_tests::matrix! {
    events: an_event_handler_is_woken_on_its_own_thread;
    blocking: offloaded_work_gives_its_result,
        offloaded_work_may_panic,
        another_thread_writes_while_a_handler_reads,
        another_thread_closes_while_a_handler_sleeps;
    blocking concurrent: members_hear_their_group_while_they_read;
    blocking reactor: offloaded_work_keeps_nobody_waiting,
        too_much_offloaded_work_is_refused,
        the_result_of_a_connection_that_is_gone_is_dropped;
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Work that another thread does when the test lets it.
struct Gated {
    begun: Sender<()>,
    gate: Mutex<Receiver<()>>,
}

impl Gated {
    fn new() -> (Arc<Self>, Receiver<()>, Sender<()>) {
        let (begun, begins) = channel();
        let (opens, gate) = channel();
        let gate = Mutex::new(gate);
        (Arc::new(Self { begun, gate }), begins, opens)
    }

    fn work(&self) {
        // A test that has failed neither listens nor lets anybody in.
        let _ = self.begun.send(());
        let gate = self.gate.lock().expect("no work panics");
        let _ = gate.recv_timeout(PATIENCE);
    }
}

fn offloaded_work_gives_its_result(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            let text = std::mem::take(&mut line);
            let answer = stream.offload(move || text.to_uppercase())?;
            stream.write_all(answer.as_bytes())?;
        }
        Ok(())
    }));
    let mut client = server.connect();
    for _ in 0..10 {
        client.send("one\ntwo\n").expect("ONE\nTWO\n");
    }
    client.half_close().expect_end();
}

fn offloaded_work_may_panic(case: &Case) {
    let server = case.serve_blocking(each(|stream| {
        stream.write_all(b"before")?;
        let number: u8 = stream.offload(|| panic!("the work is guilty"))?;
        stream.write_all(&[number])?;
        Ok(())
    }));
    for _ in 0..2 {
        server.connect().expect("before").expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (2, 2));
}

/// Does gated work at `work`, and echoes anything else.
fn worker(gated: &Arc<Gated>, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 {
        if line == "work\n" {
            let gated = gated.clone();
            match stream.offload(move || gated.work()) {
                Ok(()) => stream.write_all(b"done\n")?,
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                    stream.write_all(b"busy\n")?;
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            stream.write_all(line.as_bytes())?;
        }
        line.clear();
    }
    Ok(())
}

fn offloaded_work_keeps_nobody_waiting(case: &Case) {
    let (gated, begins, opens) = Gated::new();
    let server = case.serve_blocking(each(move |stream| worker(&gated, stream)));
    let mut busy = server.connect();
    busy.send("work\n");
    next(&begins);
    for _ in 0..3 {
        server.connect().send("other\n").expect("other\n");
    }
    // What the peer says meanwhile is read afterwards.
    busy.send("more\n");
    opens.send(()).expect("the work waits");
    busy.expect("done\nmore\n");
}

fn too_much_offloaded_work_is_refused(case: &Case) {
    let config = Config {
        offload_threads_max: 1,
        offload_queue_max: 2,
        ..case.config()
    };
    let (gated, begins, opens) = Gated::new();
    let server = case.serve_blocking_with(config, each(move |stream| worker(&gated, stream)));
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    clients[0].send("work\n");
    next(&begins);
    // While the one thread works there is room for two more; which two, the loops decide.
    for client in &mut clients[1..] {
        client.send("work\n");
    }
    let mut answers = [0; 5];
    let (done, refused) = channel();
    thread::scope(|scope| {
        for client in &mut clients {
            let done = done.clone();
            scope.spawn(move || {
                client.read_exact(&mut answers).expect("an answer comes");
                done.send(answers).expect("the test listens");
            });
        }
        for _ in 0..2 {
            assert_eq!(&next(&refused), b"busy\n");
        }
        for _ in 0..3 {
            opens.send(()).expect("the work waits");
            assert_eq!(&next(&refused), b"done\n");
        }
    });
}

fn the_result_of_a_connection_that_is_gone_is_dropped(case: &Case) {
    let (gated, begins, opens) = Gated::new();
    let (sender, told) = channel();
    let server = case.serve_blocking(each(move |stream| {
        stream.write_all(b"unread")?;
        let (gated, result) = (gated.clone(), Told(sender.clone()));
        let worked = stream.offload(move || {
            gated.work();
            result
        });
        if worked.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset) {
            sender.send("reset")?;
        }
        Ok(())
    }));
    let client = server.connect();
    next(&begins);
    client.reset_unread();
    assert_eq!(next(&told), "reset");
    wait_for_close(&server, "peer_reset");
    opens.send(()).expect("the work waits");
    assert_eq!(next(&told), "dropped");
    server.stop();
}

/// Hands out its remote, then echoes.
fn shared(sender: &Sender<Remote>, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    sender.send(stream.remote()?)?;
    let result = echo_lines(stream);
    stream.flush()?;
    result
}

fn another_thread_writes_while_a_handler_reads(case: &Case) {
    let (sender, remotes) = channel();
    let server = case.serve_blocking(each(move |stream| shared(&sender, stream)));
    let mut client = server.connect();
    let remote = next(&remotes);
    for number in 0..100 {
        remote
            .write(format!("pushed {number}\n"))
            .expect("it is open");
        // A blocking handler waits for other things.
        remote.wake();
        client.expect(format!("pushed {number}\n"));
    }
    client.send("asked\n").expect("asked\n");
    remote.write("last").expect("it is open");
    remote.close();
    client.expect("last").expect_end();
    drop(client);
    wait_for_close(&server, "remote_closed");
    assert!(remote.is_closed());
}

fn another_thread_closes_while_a_handler_sleeps(case: &Case) {
    let (sender, remotes) = channel();
    let (errors, ends) = channel();
    let server = case.serve_blocking(each(move |stream| {
        sender.send(stream.remote()?)?;
        let slept = stream.sleep(LONG);
        errors.send(slept.map_err(|error| (error.kind(), error.to_string())))?;
        Ok(())
    }));
    let mut client = server.connect();
    let remote = next(&remotes);
    remote.wake();
    remote.write("pushed").expect("it is open");
    client.expect("pushed");
    remote.abort();
    let text = "the connection was aborted on this side".to_owned();
    assert_eq!(next(&ends), Err((ErrorKind::ConnectionAborted, text)));
    wait_for_close(&server, "aborted");
    remote.wake();
}

/// Is a member of a group until its peer says goodbye, then leaves it and echoes.
fn member(group: &Group, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.join(group)?;
    let mut line = String::new();
    while line != "goodbye\n" {
        stream.write_all(line.as_bytes())?;
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    stream.leave(group)?;
    stream.write_all(line.as_bytes())?;
    echo_lines(stream)
}

fn members_hear_their_group_while_they_read(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let joined = group.clone();
    let server = case.serve_blocking(each(move |stream| member(&joined, stream)));
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    eventually("all to be members", || (group.len() == 4).then_some(()));
    for number in 0..50 {
        group.broadcast(Bytes::from(format!("to all {number}\n")));
    }
    for client in &mut clients {
        for number in 0..50 {
            client.expect(format!("to all {number}\n"));
        }
        client.send("own\n").expect("own\n");
    }
    clients[0].send("goodbye\n").expect("goodbye\n");
    assert_eq!(group.len(), 3);
    group.broadcast(Bytes::from_static(b"last\n"));
    for client in &mut clients[1..] {
        client.expect("last\n").half_close().expect_end();
    }
    clients[0].send("own\n").expect("own\n");
    eventually("all to have left", || group.is_empty().then_some(()));
}

/// Says how far the test has counted whenever it is woken.
struct Counter {
    remotes: Sender<Remote>,
    count: Arc<AtomicU64>,
    thread: Option<ThreadId>,
}

impl Handler for Counter {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.thread = Some(thread::current().id());
        self.remotes.send(conn.remote())?;
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        assert_eq!(self.thread, Some(thread::current().id()));
        conn.write(&[self.count.load(Ordering::SeqCst) as u8]);
        Ok(())
    }
}

fn an_event_handler_is_woken_on_its_own_thread(case: &Case) {
    const WAKES: u64 = 100;
    let count = Arc::new(AtomicU64::new(0));
    let (sender, remotes) = channel();
    let shared = count.clone();
    let server = case.serve_events(move |_| Counter {
        remotes: sender.clone(),
        count: shared.clone(),
        thread: None,
    });
    let mut client = server.connect();
    let remote = next(&remotes);
    for _ in 0..WAKES {
        count.fetch_add(1, Ordering::SeqCst);
        remote.wake();
    }
    // Several calls may become one, but what was there at the last one is seen.
    let (mut seen, mut calls) = ([0], 0);
    while u64::from(seen[0]) < WAKES {
        client.read_exact(&mut seen).expect("the handler is woken");
        calls += 1;
    }
    assert!(calls <= WAKES);
    client.half_close();
    let (more, _) = client.read_to_the_end();
    assert!(calls + more.len() as u64 <= WAKES);
    drop(client);
    wait_for_close(&server, "peer_closed");
    remote.wake();
    server.stop();
}
