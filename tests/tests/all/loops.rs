//! What only event loops promise: fairness, watched callbacks, even shares.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socketserver::{BlockingHandler, Config, Conn, Handler, HandlerError, Input, Mode, Stream};
use socketserver_handlers::Echo;
use socketserver_tests::Case;

socketserver_tests::matrix! {
    reactor: a_slow_callback_is_counted, a_flood_leaves_others_their_turn, connections_are_shared_evenly;
}

/// Echoes, and keeps its loop for a while when it is told to.
struct Slow;

impl Slow {
    fn think(question: &[u8]) {
        if question == b"slow" {
            thread::park_timeout(Duration::from_millis(80));
        }
    }
}

impl Handler for Slow {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        Self::think(input);
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Slow {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut question = [0; 4];
        while stream.read_exact_or_end(&mut question)? {
            Self::think(&question);
            stream.write_all(&question)?;
        }
        Ok(())
    }
}

fn a_slow_callback_is_counted(case: &Case) {
    let config = Config {
        slow_callback: Some(Duration::from_millis(30)),
        ..case.config()
    };
    let server = case.serve_with(config, |_| Slow);
    server
        .connect()
        .send("slow")
        .expect("slow")
        .send("fast")
        .expect("fast");
    assert!(
        server
            .until("the slow call to be counted", |stats| stats.slow_callbacks
                > 0)
            .slow_callbacks
            >= 1
    );
}

fn a_flood_leaves_others_their_turn(case: &Case) {
    let server = case.serve(|_| Echo);
    let flood = server.connect();
    let stop = Arc::new(AtomicBool::new(false));
    let (mut sink, mut source) = (flood.share(), flood.share());
    let stopped = stop.clone();
    let feeder = thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            source.send([b'x'; 16000]);
        }
        source.half_close();
    });
    let drain = thread::spawn(move || sink.read_to_the_end());
    let before = server.stats().bytes_in;
    let mut others: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for _ in 0..50 {
        for client in &mut others {
            client.send("hello").expect("hello");
        }
    }
    assert!(
        server.stats().bytes_in > before,
        "the flood goes on meanwhile"
    );
    stop.store(true, Ordering::Relaxed);
    feeder.join().unwrap();
    drain.join().unwrap();
}

/// Tells on which thread it is.
struct Where;

impl Where {
    fn line() -> String {
        format!("{:?}\n", thread::current().id())
    }
}

impl Handler for Where {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(Self::line().as_bytes());
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        Ok(())
    }
}

impl BlockingHandler for Where {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.write_all(Self::line().as_bytes())?;
        io::copy(stream, &mut io::sink())?;
        Ok(())
    }
}

fn connections_are_shared_evenly(case: &Case) {
    let Mode::Reactor { loops } = case.mode else {
        return;
    };
    socketserver_tests::raise_descriptor_limit(3000);
    let config = Config {
        connections_max: 1000,
        ..case.config()
    };
    let server = case.serve_with(config, |_| Where);
    let mut clients: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    let mut shares = std::collections::HashMap::<Vec<u8>, usize>::new();
    for client in &mut clients {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        *shares.entry(line).or_default() += 1;
    }
    assert_eq!(shares.len(), loops);
    let (least, most) = (
        shares.values().min().unwrap(),
        shares.values().max().unwrap(),
    );
    assert!(most * 10 <= least * 12, "{shares:?}");
}
