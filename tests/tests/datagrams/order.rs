//! Which datagrams of one peer keep their order, and that those of others do not wait.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use socketserver::{Datagram, DatagramHandler, DatagramSocket, HandlerError, Mode};
use socketserver_handlers::Echo;
use socketserver_tests::{Carrier, DatagramCase, PATIENCE};

socketserver_tests::datagram_matrix! {
    all: the_answers_to_one_peer_keep_the_order_of_its_questions, a_flood_of_one_peer_does_not_silence_another;
}

fn the_answers_to_one_peer_keep_the_order_of_its_questions(case: &DatagramCase) {
    let server = case.serve(|| Echo);
    let caller = server.caller();
    for round in 0..20 {
        // As many as the queue of a Unix socket has room for.
        let questions: Vec<_> = (0..8).map(|number| format!("{round} {number}")).collect();
        for question in &questions {
            caller.send(question);
        }
        let mut answers: Vec<_> = questions.iter().map(|_| caller.receive_text()).collect();
        if !case.keeps_order() {
            answers.sort();
        }
        assert_eq!(answers, questions);
    }
}

fn a_flood_of_one_peer_does_not_silence_another(case: &DatagramCase) {
    if case.carrier == Carrier::Unix {
        // There the sender of a flood waits, and so does everybody who sends.
        return;
    }
    let server = case.serve(|| Echo);
    let (loud, quiet) = (server.caller(), server.caller());
    for round in 0..20 {
        for _ in 0..50 {
            loud.send([b'x'; 100]);
        }
        let question = format!("round {round}");
        assert_eq!(quiet.ask_text(&question), question);
    }
}

/// Waits at the word `wait`, until the test lets it go on, and echoes.
struct Waiting(Arc<Mutex<Receiver<()>>>, Sender<()>);

impl DatagramHandler for Waiting {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        if datagram.bytes() == b"wait" {
            self.1.send(())?;
            let released = self.0.lock().expect("one waits");
            released.recv_timeout(PATIENCE)?;
        }
        socket.reply(datagram, datagram.bytes())?;
        Ok(())
    }
}

#[test]
fn on_threads_a_datagram_waits_for_no_other_not_even_of_the_same_peer() {
    let case = DatagramCase {
        mode: Mode::Threads,
        carrier: Carrier::UdpV4,
    };
    let (release, released) = channel();
    let (tell, told) = channel();
    let released = Arc::new(Mutex::new(released));
    let server = case.serve(move || Waiting(released.clone(), tell.clone()));
    let caller = server.caller();
    caller.send(b"wait");
    told.recv_timeout(PATIENCE).expect("it waits");
    assert_eq!(caller.ask(b"quick"), b"quick");
    release.send(()).expect("it waits");
    assert_eq!(caller.receive(), b"wait");
}

#[test]
fn when_too_many_wait_for_workers_the_next_are_dropped_and_counted() {
    for mode in [Mode::Threads, Mode::Pool { workers: 1 }] {
        let case = DatagramCase {
            mode,
            carrier: Carrier::UdpV4,
        };
        let config = socketserver::Config {
            connections_max: 1,
            datagram_queue_max: 5,
            ..case.config()
        };
        let (release, released) = channel();
        let (tell, told) = channel();
        let released = Arc::new(Mutex::new(released));
        let server = case.serve_with(config, move || Waiting(released.clone(), tell.clone()));
        let caller = server.caller();
        caller.send(b"wait");
        told.recv_timeout(PATIENCE).expect("it waits");
        for number in 0..10 {
            caller.send(number.to_string());
        }
        server.until("five to be dropped", |stats| stats.datagrams_dropped == 5);
        release.send(()).expect("it waits");
        assert_eq!(caller.receive(), b"wait");
        for number in 0..5 {
            assert_eq!(caller.receive_text(), number.to_string());
        }
        let stats = server.stop().stats;
        assert_eq!((stats.datagrams_in, stats.datagrams_out), (11, 6));
    }
}

#[test]
fn in_a_pool_a_peer_has_always_the_same_worker() {
    struct Who(usize);
    impl DatagramHandler for Who {
        fn received(
            &mut self,
            datagram: &Datagram<'_>,
            socket: &mut DatagramSocket<'_>,
        ) -> Result<(), HandlerError> {
            let number = format!("{:04}", self.0);
            socket.reply(datagram, &number.as_bytes()[..4.min(datagram.size() * 3)])?;
            Ok(())
        }
    }
    let case = DatagramCase {
        mode: Mode::Pool { workers: 4 },
        carrier: Carrier::UdpV4,
    };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let server = case.serve(move || Who(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let caller = server.caller();
        let first = caller.ask(b"who?");
        for _ in 0..5 {
            assert_eq!(caller.ask(b"who?"), first);
        }
        seen.insert(first);
    }
    assert!(seen.len() > 1, "they are shared out: {seen:?}");
}
