//! An operator and those who connect: the handler `Talk`.

use std::thread;

use socketserver::{Address, Config, Mode};
use socketserver_handlers::talk::{Event, LINE_BYTES_MAX, Operator, SayError, Told, Turns};
use socketserver_tests::{Case, Client, End, Running, eventually};

socketserver_tests::matrix! {
    events: the_operator_speaks_first,
        what_a_peer_says_is_heard_however_it_is_cut,
        a_line_that_is_too_long_ends_the_connection,
        whoever_floods_waits_and_nothing_is_lost,
        without_line_ends_silence_is_one,
        three_exchanges_and_the_quit_word,
        who_has_ended_still_gets_its_answer,
        a_peer_that_is_killed_amid_its_turn_costs_nobody_anything,
        what_was_said_last_arrives_although_the_server_stops;
    events concurrent: one_peer_alone_is_told,
        a_peer_that_does_not_read_keeps_nobody_waiting,
        who_floods_keeps_nobody_else_from_being_heard,
        who_comes_while_too_much_waits_is_let_in_later,
        the_second_peer_waits_for_its_turn;
}

/// What an operator of either kind hears, with a deadline, in the form in which the command prints it.
trait Ears: Clone + Send + Sync + 'static {
    fn take_event(&self) -> Option<Event>;

    #[track_caller]
    fn hears(&self, expected: &str) {
        let event = eventually(expected, || self.take_event());
        assert_eq!(told(&event), expected);
    }
}

impl Ears for Operator {
    fn take_event(&self) -> Option<Event> {
        Self::take_event(self)
    }
}

impl Ears for Turns {
    fn take_event(&self) -> Option<Event> {
        Self::take_event(self)
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Came { number, .. } => format!("{number} has come"),
        Event::Said { number, text } => format!("{number}: {text}"),
        Event::Ended { number } => format!("{number} has ended"),
        Event::Left { number, reason } => format!("{number} has left: {}", reason.word()),
        other => panic!("nobody knows {other:?}"),
    }
}

fn with_operator(case: &Case) -> (Running, Operator) {
    with_operator_and(case, case.config())
}

fn with_operator_and(case: &Case, config: Config) -> (Running, Operator) {
    let operator = Operator::new();
    let handlers = operator.clone();
    let server = case.serve_events_with(config, move |_: &Address| handlers.handler());
    (server, operator)
}

fn with_turns(case: &Case) -> (Running, Turns) {
    let turns = Turns::new("q");
    let handlers = turns.clone();
    let server = case.serve_events(move |_: &Address| handlers.handler());
    (server, turns)
}

/// The next peer, which is there when this returns.
fn peer(server: &Running, ears: &impl Ears, number: u64) -> Client {
    let client = server.connect();
    ears.hears(&format!("{number} has come"));
    client
}

fn the_operator_speaks_first(case: &Case) {
    let (server, operator) = with_operator(case);
    let mut client = peer(&server, &operator, 1);
    let told = operator.say_to_all("hello, 你好");
    assert_eq!(told.map(|told| told.reached), Ok(1));
    client.expect("hello, 你好\n");
    assert_eq!(operator.say_to(1, ""), Ok(()));
    client.expect("\n");
    assert_eq!(
        operator.say_to(2, "x"),
        Err(SayError::NoSuchPeer { number: 2 })
    );
    assert_eq!(operator.say_to(1, "a\nb"), Err(SayError::SeveralLines));
    let bytes = LINE_BYTES_MAX + 1;
    assert_eq!(
        operator.say_to_all(&"x".repeat(bytes)),
        Err(SayError::TooLong { bytes })
    );
    drop(client);
    let gone = eventually("the peer to be gone", || operator.take_event());
    assert!(matches!(gone, Event::Left { number: 1, .. }), "{gone:?}");
    assert_eq!(operator.say_to_all("nobody"), Ok(Told::default()));
    assert_eq!(operator.peers(), []);
}

fn what_a_peer_says_is_heard_however_it_is_cut(case: &Case) {
    let (server, operator) = with_operator(case);
    let mut client = peer(&server, &operator, 1);
    // A peer that has sent a line end may take its time with the next one.
    client.send("first\n");
    operator.hears("1: first");
    for byte in "grüße\r\n\x1b[2Jno\x07 tricks\n\n".as_bytes() {
        client.send([*byte]);
    }
    for line in ["1: grüße", "1: no tricks", "1: "] {
        operator.hears(line);
    }
    client.send(b"not \xff UTF-8\nlast").half_close();
    operator.hears("1: not \u{fffd} UTF-8");
    operator.hears("1: last");
    operator.hears("1 has left: peer_closed");
    client.expect_end();
}

fn a_line_that_is_too_long_ends_the_connection(case: &Case) {
    let (server, operator) = with_operator(case);
    let mut client = peer(&server, &operator, 1);
    let longest = "x".repeat(LINE_BYTES_MAX);
    client.send(format!("{longest}\r\n"));
    operator.hears(&format!("1: {longest}"));
    client.send(format!("{longest}xx"));
    client.expect("!! a line may have 8192 bytes at most\n");
    assert_eq!(client.expect_end(), End::Closed);
    drop(client);
    operator.hears("1 has left: protocol_error");
    assert_eq!(server.stats().handler_errors, 0);
}

/// Says this many lines of a kilobyte, on a thread of its own, since it will not be listened to at once.
fn flood(client: &Client, lines: usize) -> thread::JoinHandle<()> {
    let mut client = client.share();
    thread::spawn(move || {
        for number in 0..lines {
            client.send(format!("{number:01000}\n"));
        }
    })
}

fn whoever_floods_waits_and_nothing_is_lost(case: &Case) {
    const LINES: usize = 3_000;
    let (server, operator) = with_operator(case);
    let client = peer(&server, &operator, 1);
    let flooding = flood(&client, LINES);
    server.until("something to come", |stats| stats.bytes_in > 0);
    for number in 0..LINES {
        operator.hears(&format!("1: {number:01000}"));
        // What the server holds of it is one read and what the handler has taken.
        let held = server.stats().bytes_held;
        assert!(held < 2 << 20, "{held} bytes are held");
    }
    flooding.join().expect("everything is taken");
    drop(client);
    operator.hears("1 has left: peer_closed");
}

fn without_line_ends_silence_is_one(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut client = peer(&server, &turns, 1);
    for (question, answer) in [("one", "first"), ("zwölf", "second")] {
        client.send(question);
        turns.hears(&format!("1: {question}"));
        assert_eq!(turns.answer(answer), Ok(1));
        client.expect(answer);
    }
    // From the first line end on both sides have them.
    client.send("three\nfo");
    turns.hears("1: three");
    assert_eq!(turns.answer("third"), Ok(1));
    client.expect("third\n").send("ur\n");
    turns.hears("1: four");
    assert_eq!(turns.answer("q"), Ok(1));
    client.expect("q\n").expect_end();
    turns.hears("1 has left: remote_closed");
}

fn three_exchanges_and_the_quit_word(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut client = peer(&server, &turns, 1);
    assert_eq!(turns.asking(), None);
    // What is said ahead waits for its turn.
    client.send("one\ntwo\nthree\n");
    for (question, answer) in [("one", "first"), ("two", ""), ("three", "q")] {
        turns.hears(&format!("1: {question}"));
        assert_eq!(turns.asking(), Some(1));
        assert!(turns.take_event().is_none(), "the next line waits");
        assert_eq!(turns.answer(answer), Ok(1));
        client.expect(format!("{answer}\n"));
    }
    turns.hears("1 has left: remote_closed");
    client.expect_end();
    drop(client);
    let mut next = peer(&server, &turns, 2);
    next.send("still there?\n");
    turns.hears("2: still there?");
    assert_eq!(turns.answer("yes"), Ok(2));
    next.expect("yes\n");
    drop(next);
    turns.hears("2 has left: peer_closed");
}

fn who_has_ended_still_gets_its_answer(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut client = peer(&server, &turns, 1);
    client.send("one\ntwo\nthree").half_close();
    for (question, answer) in [("one", "first"), ("two", "second"), ("three", "third")] {
        turns.hears(&format!("1: {question}"));
        if question == "three" {
            turns.hears("1 has ended");
        }
        assert_eq!(turns.answer(answer), Ok(1));
        client.expect(format!("{answer}\n"));
    }
    client.expect_end();
    turns.hears("1 has left: peer_closed");
}

fn a_peer_that_is_killed_amid_its_turn_costs_nobody_anything(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut client = peer(&server, &turns, 1);
    client.send("hello\n");
    turns.hears("1: hello");
    assert_eq!(turns.answer("well?"), Ok(1));
    client.expect("well?\n").send("well\n");
    turns.hears("1: well");
    drop(client);
    turns.hears("1 has ended");
    // Nobody can know whether it still reads.
    assert_eq!(turns.answer("too late"), Ok(1));
    let gone = eventually("the peer to be gone", || turns.take_event());
    assert!(matches!(gone, Event::Left { number: 1, .. }), "{gone:?}");
    let mut next = peer(&server, &turns, 2);
    next.send("and I?\n");
    turns.hears("2: and I?");
    assert_eq!(turns.answer("q"), Ok(2));
    next.expect("q\n").expect_end();
}

fn what_was_said_last_arrives_although_the_server_stops(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut client = peer(&server, &turns, 1);
    client.send("hello\nand\n");
    turns.hears("1: hello");
    assert_eq!(turns.answer("good bye"), Ok(1));
    server.stop_handle().stop();
    client.expect("good bye\n").expect_end();
    drop(client);
    server.stop();
    turns.close();
    assert_eq!(turns.answer("x"), Err(SayError::Over));
}

fn one_peer_alone_is_told(case: &Case) {
    let (server, operator) = with_operator(case);
    let mut clients: Vec<Client> = (1..4)
        .map(|number| peer(&server, &operator, number))
        .collect();
    let numbers: Vec<u64> = operator.peers().iter().map(|peer| peer.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(operator.say_to(2, "only you"), Ok(()));
    assert_eq!(operator.say_to_all("all").map(|told| told.reached), Ok(3));
    clients[0].expect("all\n");
    clients[1].expect("only you\nall\n");
    clients[2].expect("all\n").send("thanks\n");
    operator.hears("3: thanks");
}

fn a_peer_that_does_not_read_keeps_nobody_waiting(case: &Case) {
    let config = Config {
        write_timeout: None,
        ..case.config()
    };
    let (server, operator) = with_operator_and(case, config);
    let (mut slow, mut quick) = (peer(&server, &operator, 1), peer(&server, &operator, 2));
    let line = "x".repeat(LINE_BYTES_MAX);
    let mut taken = 0;
    loop {
        let told = operator.say_to_all(&line).expect("it is a line");
        quick.expect(&line).expect("\n");
        if !told.missed.is_empty() {
            assert_eq!((told.reached, told.missed), (1, vec![1]));
            break;
        }
        taken += 1;
        assert!(taken < 10_000, "the system takes everything");
    }
    // The system may still have found room for some of what waited.
    let refused = loop {
        match operator.say_to(1, &line) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SayError::DoesNotRead { number: 1 });
    assert_eq!(operator.say_to(2, "you do"), Ok(()));
    quick.expect("you do\n");
    // What it was sent before is whole.
    for _ in 0..taken {
        slow.expect(&line).expect("\n");
    }
    eventually("the slow peer to be told again", || {
        operator.say_to(1, "again?").ok()
    });
    slow.expect("again?\n");
}

fn who_floods_keeps_nobody_else_from_being_heard(case: &Case) {
    let (server, operator) = with_operator(case);
    let (loud, mut quiet) = (peer(&server, &operator, 1), peer(&server, &operator, 2));
    let flooding = flood(&loud, 2_000);
    for _ in 0..20 {
        quiet.send("and I?\n");
        let mut others = 0;
        let heard = loop {
            match eventually("the quiet one", || operator.take_event()) {
                Event::Said { number: 2, text } => break text,
                Event::Said { number: 1, .. } => others += 1,
                other => panic!("{other:?}"),
            }
            assert!(others < 1_000, "the quiet one is not heard");
        };
        assert_eq!(heard, "and I?");
    }
    drop(quiet);
    loop {
        match eventually("the end of the flood", || operator.take_event()) {
            Event::Said { text, .. } if text.ends_with("1999") => break,
            _ => {}
        }
    }
    flooding.join().expect("everything is taken");
}

fn who_comes_while_too_much_waits_is_let_in_later(case: &Case) {
    const PEERS: u64 = 80;
    let mode = match case.mode {
        Mode::Pool { .. } => Mode::Pool { workers: 100 },
        mode => mode,
    };
    let config = Config {
        mode,
        ..case.config()
    };
    let (server, operator) = with_operator_and(case, config);
    let mut clients: Vec<Client> = (0..PEERS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("here\n");
    }
    server.until("all to come", |stats| stats.live == PEERS);
    // Each that is let in is an event, and of these at most 64 wait.
    assert!(operator.peers().len() <= 64);
    let (mut arrived, mut said) = (0, 0);
    while said < PEERS {
        match eventually("all to be heard", || operator.take_event()) {
            Event::Came { number, .. } => {
                arrived += 1;
                assert_eq!(number, arrived);
            }
            Event::Said { number, text } => {
                said += 1;
                assert!(number <= arrived, "{number} speaks before it has come");
                assert_eq!(text, "here");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        operator.say_to_all("welcome").map(|told| told.reached),
        Ok(PEERS as usize)
    );
    for client in &mut clients {
        client.expect("welcome\n");
    }
}

fn the_second_peer_waits_for_its_turn(case: &Case) {
    let (server, turns) = with_turns(case);
    let mut first = peer(&server, &turns, 1);
    let mut second = peer(&server, &turns, 2);
    let mut third = peer(&server, &turns, 3);
    second.send("me\n");
    third.send("bye\n");
    drop(third);
    first.send("one\n");
    turns.hears("1: one");
    assert_eq!(turns.answer("first"), Ok(1));
    first.expect("first\n").send("two\n");
    turns.hears("1: two");
    assert_eq!(turns.answer("q"), Ok(1));
    first.expect("q\n").expect_end();
    turns.hears("1 has left: remote_closed");
    turns.hears("2: me");
    assert_eq!(turns.answer("at last"), Ok(2));
    second.expect("at last\n");
    drop(second);
    turns.hears("2 has left: peer_closed");
    turns.hears("3: bye");
    turns.hears("3 has ended");
}
