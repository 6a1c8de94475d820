//! Handlers with callbacks that have work done elsewhere.

use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use socketserver::{Config, Conn, Handler, HandlerError, Input, OffloadPool, Offloaded};
use socketserver_tests::{Case, Client, PATIENCE, eventually};

use crate::streams::{next, wait_for_close};

socketserver_tests::matrix! {
    events: the_result_is_there_when_the_handler_is_woken, work_that_panics_ends_its_connection, what_waits_is_limited,
        an_answer_that_is_being_worked_out_outlives_a_stop, the_result_for_a_connection_that_is_gone_is_dropped;
    events concurrent: others_go_on_meanwhile, work_of_a_pool_of_its_own_waits_for_nobody_else;
}

/// A door behind which work waits until the test opens it.
#[derive(Clone)]
struct Door {
    knock: Sender<()>,
    opened: Arc<Mutex<Receiver<()>>>,
}

impl Door {
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let (knock, knocks) = channel();
        let (open, opened) = channel();
        let opened = Arc::new(Mutex::new(opened));
        (Self { knock, opened }, knocks, open)
    }

    fn wait(&self) {
        // A test that has failed neither listens nor opens.
        let _ = self.knock.send(());
        let opened = self.opened.lock().expect("nobody panics here");
        let _ = opened.recv_timeout(PATIENCE);
    }
}

/// Answers each line with the same line in capital letters, which others work out: at once, behind the door, or never.
struct Shouting {
    door: Door,
    answer: Option<Offloaded<String>>,
    stopping: bool,
}

impl Handler for Shouting {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            return Ok(());
        };
        let line = String::from_utf8(input.take(end + 1).to_vec())?;
        let door = self.door.clone();
        let work = move || match line.as_str() {
            "panic\n" => panic!("the work is guilty"),
            "door\n" => {
                door.wait();
                line.to_uppercase()
            }
            _ => line.to_uppercase(),
        };
        match conn.offload(work) {
            Ok(answer) => {
                self.answer = Some(answer);
                conn.pause_reading();
            }
            Err(error) if error.kind() == ErrorKind::ResourceBusy => conn.write(b"busy\n"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if let Some(line) = self.answer.as_mut().and_then(Offloaded::take) {
            self.answer = None;
            conn.write(line.as_bytes());
            conn.resume_reading();
            if self.stopping {
                conn.finish();
            }
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.stopping = true;
        if self.answer.is_none() {
            conn.finish();
        }
        Ok(())
    }
}

fn serve(case: &Case, config: Config) -> (socketserver_tests::Running, Receiver<()>, Sender<()>) {
    let (door, knocks, open) = Door::new();
    let server = case.serve_events_with(config, move |_| Shouting {
        door: door.clone(),
        answer: None,
        stopping: false,
    });
    (server, knocks, open)
}

fn the_result_is_there_when_the_handler_is_woken(case: &Case) {
    let (server, _knocks, _open) = serve(case, case.config());
    let mut client = server.connect();
    for _ in 0..100 {
        client.send("hello\n").expect("HELLO\n");
    }
    // Several at once are answered one after the other, in their order.
    client.send("one\ntwo\nthree\n").expect("ONE\nTWO\nTHREE\n");
    client.half_close().expect_end();
    wait_for_close(&server, "peer_closed");
    server.stop();
}

fn work_that_panics_ends_its_connection(case: &Case) {
    let (server, _knocks, _open) = serve(case, case.config());
    for _ in 0..2 {
        let mut client = server.connect();
        client.send("before\n").expect("BEFORE\n");
        client.send("panic\n").expect_end();
    }
    let stats = server.stop().stats;
    assert_eq!((stats.panics, stats.closed["panic"]), (2, 2));
}

fn what_waits_is_limited(case: &Case) {
    let config = Config {
        offload_threads_max: 1,
        offload_queue_max: 1,
        ..case.config()
    };
    let (door, knocks, open) = Door::new();
    // Something else than connections, which in the mode `serial` come one after the other, keeps the thread and the queue busy.
    let server = case.serve_events_with(config, move |_| Greedy {
        door: door.clone(),
        answers: Vec::new(),
    });
    let mut client = server.connect();
    let mut taken = [0];
    client.send("x").read_exact(&mut taken).expect("it answers");
    // The thread may have taken the first one already when there was no more room, or not yet.
    let taken = usize::from(taken[0] - b'0');
    assert!((1..=2).contains(&taken), "{taken}");
    for _ in 0..taken {
        next(&knocks);
        open.send(()).expect("the work waits");
        client.expect("done");
    }
    drop(client);
    server.stop();
}

/// Gives away more than there is room for.
struct Greedy {
    door: Door,
    answers: Vec<Offloaded<()>>,
}

impl Handler for Greedy {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        loop {
            let door = self.door.clone();
            match conn.offload(move || door.wait()) {
                Ok(answer) => self.answers.push(answer),
                Err(error) if error.kind() == ErrorKind::ResourceBusy => break,
                Err(error) => return Err(error.into()),
            }
        }
        conn.write(self.answers.len().to_string().as_bytes());
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.answers.retain_mut(|answer| {
            let is_done = answer.take().is_some();
            if is_done {
                conn.write(b"done");
            }
            !is_done
        });
        Ok(())
    }
}

fn an_answer_that_is_being_worked_out_outlives_a_stop(case: &Case) {
    let (server, knocks, open) = serve(case, case.config());
    let mut client = server.connect();
    client.send("door\n");
    next(&knocks);
    server.stop_handle().stop();
    open.send(()).expect("the work waits");
    client.expect("DOOR\n").expect_end();
    // Else the server would linger for a while, lest its last bytes be lost.
    drop(client);
    assert_eq!(server.stop().cut, 0);
}

fn the_result_for_a_connection_that_is_gone_is_dropped(case: &Case) {
    let (server, knocks, open) = serve(case, case.config());
    let mut client = server.connect();
    client.send("door\n");
    next(&knocks);
    drop(client);
    open.send(()).expect("the work waits");
    server.until("the connection to end", |stats| !stats.closed.is_empty());
    server.connect().send("and now\n").expect("AND NOW\n");
    server.stop();
}

fn others_go_on_meanwhile(case: &Case) {
    let (server, knocks, open) = serve(case, case.config());
    let mut slow: Client = server.connect();
    slow.send("door\n");
    next(&knocks);
    for _ in 0..10 {
        server.connect().send("quick\n").expect("QUICK\n");
    }
    open.send(()).expect("the work waits");
    slow.expect("DOOR\n");
    drop(slow);
    server.stop();
}

/// Has lines answered by a pool of its own: `yes` once the door is open, or `busy` where the pool is full.
struct Dear {
    pool: OffloadPool,
    door: Door,
    /// How many lines were given away.
    taken: Arc<AtomicUsize>,
    answer: Option<Offloaded<()>>,
}

impl Handler for Dear {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let door = self.door.clone();
        let answer = if input.take_all() == b"cheap" {
            conn.offload(|| ())
        } else {
            conn.offload_to(&self.pool, move || door.wait())
        };
        match answer {
            Ok(answer) => {
                self.answer = Some(answer);
                self.taken.fetch_add(1, Ordering::Release);
            }
            Err(error) if error.kind() == ErrorKind::ResourceBusy => conn.write(b"busy"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if let Some(()) = self.answer.as_mut().and_then(Offloaded::take) {
            conn.write(b"yes");
        }
        Ok(())
    }
}

fn work_of_a_pool_of_its_own_waits_for_nobody_else(case: &Case) {
    let (door, knocks, open) = Door::new();
    let pool = OffloadPool::new(1, 1);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let server = case.serve_events(move |_| Dear {
        pool: pool.clone(),
        door: door.clone(),
        taken: counter.clone(),
        answer: None,
    });
    let mut dear = [server.connect(), server.connect()];
    dear[0].send("dear");
    next(&knocks);
    // The thread is at the door, so that this is what waits, and there is no room for more.
    dear[1].send("dear");
    let mut other = server.connect();
    eventually("the second one to wait", || {
        (taken.load(Ordering::Acquire) == 2).then_some(())
    });
    other.send("dear").expect("busy");
    other.send("cheap").expect("yes");
    for client in &mut dear {
        open.send(()).expect("the work waits");
        client.expect("yes");
    }
    drop((dear, other));
    server.stop();
}
