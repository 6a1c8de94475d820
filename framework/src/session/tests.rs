//! Sessions without sockets: what goes in and out, with the time as an argument.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::conn::ConnectionId;
use crate::delivery::{Delivery, Item};
use crate::group::{Group, SlowMember};
use crate::mail::Place;
use crate::server::{Config, Shared};

/// What the handler under test was called with, in words.
type Log = Arc<Mutex<Vec<String>>>;

type Act = Box<dyn FnMut(&str, &mut Input<'_>, &mut Conn<'_>) + Send>;

/// A handler that notes its callbacks and does what the test wants.
struct Scripted {
    log: Log,
    act: Act,
}

impl Scripted {
    fn note(&mut self, name: &str, input: &mut Input<'_>, conn: &mut Conn<'_>) {
        self.log.lock().unwrap().push(name.to_owned());
        (self.act)(name, input, conn);
    }
}

impl Handler for Scripted {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.note("opened", &mut Input::new(&[]), conn);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let name = format!("received {}", String::from_utf8_lossy(input));
        self.note(&name, input, conn);
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.note("ended", input, conn);
        conn.close();
        Ok(())
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.note("drained", &mut Input::new(&[]), conn);
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.note(&format!("timer {timer}"), &mut Input::new(&[]), conn);
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.log
            .lock()
            .unwrap()
            .push(format!("closed {}", reason.word()));
    }
}

/// A wire with a certain room, which the test can widen.
#[derive(Default)]
struct Pipe {
    room: usize,
    sent: Vec<u8>,
}

impl Wire for Pipe {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.room.min(bytes.len());
        self.room -= count;
        self.sent.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn send_gathered(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(
            &pieces
                .iter()
                .flat_map(|piece| piece.to_vec())
                .collect::<Vec<u8>>(),
        )
    }

    fn send_file(&mut self, _: &File, _: u64, _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

thread_local! {
    /// The time that timers of the session under test count from.
    static NOW: Cell<Time> = const { Cell::new(Time::NEVER) };
}

/// A session, the pipe it sends into, and its driver's part.
struct Bench {
    session: Session,
    turn: Turn,
    pipe: Pipe,
    log: Log,
}

impl Bench {
    fn new(
        config: Config,
        act: impl FnMut(&str, &mut Input<'_>, &mut Conn<'_>) + Send + 'static,
    ) -> Self {
        let shared = Shared::new(config, vec![Address::UnixUnnamed], None);
        let mut turn = Turn::with_clock(Place::new(), shared, || NOW.get());
        turn.now = Time::default();
        NOW.set(turn.now);
        let log = Log::default();
        let handler = Scripted {
            log: log.clone(),
            act: Box::new(act),
        };
        let core = Core::new(ConnectionId(1), 0, Address::UnixUnnamed, 0, &turn);
        let mut bench = Self {
            session: Session::new(Box::new(handler), core),
            turn,
            pipe: Pipe {
                room: usize::MAX,
                ..Pipe::default()
            },
            log,
        };
        bench.session.open(&mut bench.turn);
        bench.flush();
        bench
    }

    fn flush(&mut self) -> Sent {
        self.session
            .flush(&mut self.pipe, usize::MAX, &mut self.turn)
    }

    fn receive(&mut self, bytes: &str) -> &mut Self {
        self.session.receive(bytes.as_bytes(), &mut self.turn);
        self.flush();
        self
    }

    /// Lets time pass, and has the session act upon it as a driver would.
    fn after(&mut self, duration: Duration) -> &mut Self {
        self.turn.now = self.turn.now.after(duration);
        NOW.set(self.turn.now);
        let due = self
            .session
            .deadline()
            .min(self.session.idle_deadline(&self.turn));
        if due <= self.turn.now {
            self.session.tick(&mut self.turn);
            self.flush();
        }
        self
    }

    fn step(&mut self) -> Step {
        self.session.step(&mut self.turn)
    }

    fn log(&self) -> VecDeque<String> {
        std::mem::take(&mut *self.log.lock().unwrap()).into()
    }

    /// Ends the session and tells why it ended.
    fn reason(mut self) -> &'static str {
        assert!(
            matches!(self.step(), Step::Close | Step::Reset),
            "the session is over"
        );
        let word = self.session.finish(&mut self.turn).word();
        assert_eq!(
            self.log.lock().unwrap().last().unwrap(),
            &format!("closed {word}")
        );
        let counters = &self.turn.counters;
        assert_eq!(
            counters.bytes_in,
            counters.bytes_delivered + counters.bytes_discarded,
            "nothing is held"
        );
        word
    }
}

fn echo(name: &str, input: &mut Input<'_>, conn: &mut Conn<'_>) {
    if name.starts_with("received") {
        conn.write(input.take_all());
    }
}

fn config() -> Config {
    Config {
        output_high: 100,
        output_low: 20,
        output_bytes_max: 1000,
        ..Config::default()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_polite_close_sends_everything_says_goodbye_and_waits_for_the_peer() {
    let mut bench = Bench::new(config(), |name, input, conn| {
        echo(name, input, conn);
        if name == "received bye" {
            conn.close();
        }
    });
    bench.pipe.room = 1;
    bench.receive("bye");
    assert_eq!(
        (bench.pipe.sent.clone(), bench.step()),
        (b"b".to_vec(), Step::Wait)
    );
    bench.receive("what comes now is dropped");
    bench.pipe.room = usize::MAX;
    bench.flush();
    assert_eq!(bench.pipe.sent, b"bye");
    assert_eq!(
        (bench.step(), bench.step()),
        (Step::ShutdownWrite, Step::Wait)
    );
    bench.session.end(&mut bench.turn);
    assert_eq!(bench.log(), ["opened", "received bye"]);
    assert_eq!(bench.reason(), "handler_closed");
}

#[test]
fn a_stop_does_not_wait_for_a_peer_that_lingers_quietly() {
    let mut bench = Bench::new(config(), |name, _, conn| {
        if name.starts_with("received") {
            conn.close();
        }
    });
    bench.receive("x");
    assert_eq!(
        (bench.step(), bench.step()),
        (Step::ShutdownWrite, Step::Wait)
    );
    bench.session.drain(&mut bench.turn);
    assert_eq!(
        bench.step(),
        Step::Wait,
        "its last bytes may be on their way"
    );
    bench.after(SECOND);
    assert_eq!(bench.reason(), "handler_closed");
}

#[test]
fn lingering_has_an_end_in_time_and_in_bytes() {
    let closing = |name: &str, _: &mut Input<'_>, conn: &mut Conn<'_>| {
        if name.starts_with("received") {
            conn.close();
        }
    };
    let mut bench = Bench::new(config(), closing);
    bench.receive("x");
    assert_eq!(
        (bench.step(), bench.step()),
        (Step::ShutdownWrite, Step::Wait)
    );
    bench.after(config().linger_timeout);
    assert_eq!(bench.reason(), "handler_closed");

    let mut bench = Bench::new(
        Config {
            linger_bytes_max: 10,
            ..config()
        },
        closing,
    );
    bench.receive("x");
    assert_eq!(
        (bench.step(), bench.step()),
        (Step::ShutdownWrite, Step::Wait)
    );
    bench.receive("0123456789");
    assert_eq!(bench.reason(), "handler_closed");
}

#[test]
fn a_peer_that_has_ended_needs_no_goodbye() {
    let mut bench = Bench::new(config(), echo);
    bench.receive("hello");
    bench.session.end(&mut bench.turn);
    bench.flush();
    assert_eq!(bench.log(), ["opened", "received hello", "ended"]);
    assert_eq!(bench.reason(), "peer_closed");
}

#[test]
fn high_output_stops_input_until_it_is_low() {
    let mut bench = Bench::new(config(), echo);
    bench.pipe.room = 0;
    bench.receive(&"x".repeat(99));
    assert!(bench.session.wants_input(&bench.turn));
    bench.receive("y");
    assert!(!bench.session.wants_input(&bench.turn), "100 bytes wait");
    bench.pipe.room = 79;
    assert_eq!(bench.flush(), Sent::Blocked);
    assert!(!bench.session.wants_input(&bench.turn), "21 bytes wait");
    bench.pipe.room = 1;
    assert_eq!(bench.flush(), Sent::Blocked);
    assert!(bench.session.wants_input(&bench.turn), "20 bytes wait");
    assert_eq!(bench.log().back().unwrap(), "drained");
}

#[test]
fn what_was_kept_while_output_was_high_is_offered_when_it_is_low() {
    let mut bench = Bench::new(config(), |name, input, conn| {
        if name.starts_with("received") {
            // One byte at a time, answered by a hundred.
            input.take(1);
            conn.write(&[b'x'; 100]);
        }
    });
    bench.pipe.room = 0;
    bench.receive("abc");
    assert_eq!(
        bench.log(),
        ["opened", "received abc", "received bc", "received c"]
    );
    bench.receive("de");
    assert_eq!(bench.log(), Vec::<String>::new(), "300 bytes wait");
    bench.pipe.room = usize::MAX;
    bench.flush();
    assert_eq!(
        bench.log(),
        ["drained", "received de", "received e", "drained"]
    );
    assert_eq!(bench.pipe.sent.len(), 500);
}

#[test]
fn what_is_written_when_the_budget_is_used_up_stays_with_its_connection() {
    let mut bench = Bench::new(config(), |name, input, conn| match name {
        "drained" => conn.write(b"more"),
        _ if input.take_all().is_empty() => {}
        _ => conn.write(&[b'x'; 101]),
    });
    bench.session.receive(b"go", &mut bench.turn);
    let sent = bench.session.flush(&mut bench.pipe, 101, &mut bench.turn);
    assert_eq!((sent, bench.pipe.sent.len()), (Sent::Some, 101));
    assert!(bench.turn.staging.is_empty(), "the next session is lent it");
    assert_eq!(bench.flush(), Sent::All);
    assert!(bench.pipe.sent.ends_with(b"xmore"));
}

#[test]
fn idleness_counts_from_the_last_byte_in_either_direction() {
    let mut bench = Bench::new(
        Config {
            idle_timeout: Some(10 * SECOND),
            ..config()
        },
        echo,
    );
    bench.after(9 * SECOND).receive("x").after(9 * SECOND);
    assert_eq!(bench.step(), Step::Wait);
    bench.after(SECOND);
    assert_eq!(bench.reason(), "idle_timeout");
}

#[test]
fn a_message_has_an_absolute_deadline() {
    let config = Config {
        read_timeout: Some(10 * SECOND),
        ..config()
    };
    let take_lines = |name: &str, input: &mut Input<'_>, _: &mut Conn<'_>| {
        if name.ends_with('\n') {
            input.take_all();
        }
    };
    let mut bench = Bench::new(config, take_lines);
    // Between messages there is no such deadline.
    bench.after(100 * SECOND);
    for _ in 0..9 {
        bench.receive("x").after(SECOND);
    }
    assert_eq!(bench.step(), Step::Wait);
    bench
        .receive("\n")
        .after(100 * SECOND)
        .receive("x")
        .after(9 * SECOND);
    assert_eq!(bench.step(), Step::Wait);
    bench.receive("x").after(SECOND);
    assert_eq!(bench.reason(), "read_timeout");
}

#[test]
fn wanting_more_begins_a_message() {
    let mut bench = Bench::new(
        Config {
            read_timeout: Some(10 * SECOND),
            ..config()
        },
        |name, _, conn| {
            if name == "opened" {
                conn.want(5);
            }
        },
    );
    assert_eq!(bench.session.deadline(), bench.turn.now.after(10 * SECOND));
    bench.after(10 * SECOND);
    assert_eq!(bench.reason(), "read_timeout");
}

#[test]
fn output_that_stalls_has_a_deadline_and_progress_renews_it() {
    let mut bench = Bench::new(
        Config {
            write_timeout: Some(10 * SECOND),
            ..config()
        },
        echo,
    );
    bench.pipe.room = 0;
    bench.receive("0123456789").after(9 * SECOND);
    bench.pipe.room = 1;
    bench.flush();
    bench.after(9 * SECOND);
    assert_eq!(bench.step(), Step::Wait);
    bench.after(SECOND);
    assert_eq!(bench.reason(), "write_timeout");
}

#[test]
fn timers_ring_in_the_order_of_their_times() {
    let mut bench = Bench::new(config(), |name, _, conn| {
        if name == "opened" {
            conn.set_timer(1, 3 * SECOND);
            conn.set_timer(2, SECOND);
            conn.set_timer(3, 2 * SECOND);
            conn.cancel_timer(3);
        }
        if name == "timer 2" {
            conn.set_timer(2, SECOND);
        }
    });
    bench.after(SECOND).after(2 * SECOND);
    assert_eq!(bench.log(), ["opened", "timer 2", "timer 2", "timer 1"]);
}

#[test]
fn a_drain_closes_between_messages_and_waits_within_one() {
    let take_lines = |name: &str, input: &mut Input<'_>, conn: &mut Conn<'_>| {
        if name.ends_with('\n') {
            conn.write(input.take_all());
        }
    };
    let mut bench = Bench::new(config(), take_lines);
    bench.session.drain(&mut bench.turn);
    assert_eq!(bench.step(), Step::ShutdownWrite);

    let mut bench = Bench::new(config(), take_lines);
    bench.receive("half");
    bench.session.drain(&mut bench.turn);
    assert_eq!(bench.step(), Step::Wait);
    bench.receive(" whole\n");
    assert_eq!(
        (bench.pipe.sent.clone(), bench.step()),
        (b"half whole\n".to_vec(), Step::ShutdownWrite)
    );
    bench.session.end(&mut bench.turn);
    assert_eq!(bench.reason(), "drained");
}

#[test]
fn a_drained_connection_that_was_quiet_for_a_while_is_closed_at_once() {
    let mut bench = Bench::new(config(), echo);
    bench.receive("hello").after(2 * SECOND);
    bench.session.drain(&mut bench.turn);
    assert_eq!(bench.reason(), "drained");
}

#[test]
fn the_first_reason_stays_unless_its_output_was_lost() {
    let closing = |name: &str, _: &mut Input<'_>, conn: &mut Conn<'_>| {
        if name.starts_with("received") {
            conn.write(b"last words");
            conn.close();
        }
    };
    let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
    let mut bench = Bench::new(config(), closing);
    bench.receive("x");
    assert_eq!(bench.step(), Step::ShutdownWrite);
    bench.session.fail(reset(), &mut bench.turn);
    assert_eq!(bench.reason(), "handler_closed");

    let mut bench = Bench::new(config(), closing);
    bench.pipe.room = 0;
    bench.receive("x");
    bench.session.fail(reset(), &mut bench.turn);
    assert_eq!(bench.reason(), "peer_reset");
}

#[test]
fn every_cut_of_two_lines_gives_the_same_answers() {
    let text = "first line\nsecond line\n";
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let mut bench = Bench::new(config(), |name, input, conn| {
                if !name.starts_with("received") {
                    return;
                }
                while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
                    conn.write(input.take(end + 1));
                }
            });
            for part in [&text[..first], &text[first..second], &text[second..]] {
                if !part.is_empty() {
                    bench.receive(part);
                }
            }
            assert_eq!(
                bench.pipe.sent,
                text.as_bytes(),
                "cut at {first} and {second}"
            );
        }
    }
}

/// A member of a group, whose messages are handed out as a driver does.
struct Member {
    bench: Bench,
    group: Group,
    delivery: Delivery,
}

impl Member {
    fn new(policy: SlowMember, queued_bytes_max: usize) -> Self {
        let group = Group::with_limit(policy, queued_bytes_max);
        let joined = group.clone();
        let bench = Bench::new(config(), move |name, _, conn| {
            if name == "opened" {
                joined.join(conn);
            }
        });
        Self {
            bench,
            group,
            delivery: Delivery::default(),
        }
    }

    /// Broadcasts these together, and has the session send them at once, if it can.
    fn broadcast(&mut self, messages: &[&'static str]) -> Option<Sent> {
        for message in messages {
            self.group.broadcast(*message);
        }
        let Bench {
            session,
            turn,
            pipe,
            ..
        } = &mut self.bench;
        self.delivery.call();
        self.delivery.collect(&turn.place);
        let Some(Item::Messages(claim)) = self.delivery.next() else {
            panic!("the session is a member");
        };
        let parcel = self.delivery.parcel(claim).expect("it is the last item");
        let sent = session.deliver_at_once(&parcel, pipe, turn);
        if sent.is_none() {
            session.deliver(&parcel, turn);
        }
        sent
    }

    fn sent(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.bench.pipe.sent)).unwrap()
    }
}

#[test]
fn messages_of_a_group_leave_at_once_where_nothing_waits() {
    let mut member = Member::new(SlowMember::Disconnect, 40);
    assert_eq!(member.broadcast(&["one ", "two "]), Some(Sent::All));
    assert_eq!(member.sent(), "one two ");
    assert!(!member.bench.session.core().has_queue());
    // What is more than the group allows to wait is for its policy, and what is high output is for the queue.
    assert_eq!(member.broadcast(&["x".repeat(41).leak()]), None);
    assert_eq!(member.bench.reason(), "slow_member");
    let mut member = Member::new(SlowMember::Disconnect, 1000);
    let high: &str = "x".repeat(config().output_high + 1).leak();
    assert_eq!(member.broadcast(&[high]), None);
    member.bench.flush();
    assert_eq!(member.sent(), high);
    assert_eq!(member.bench.log().back().unwrap(), "drained");
}

#[test]
fn what_of_a_groups_messages_finds_no_room_waits_as_whole_messages() {
    for room in 0.."one two six ".len() {
        let mut member = Member::new(SlowMember::DropOldest, 48);
        member.bench.pipe.room = room;
        let sent = member.broadcast(&["one ", "two ", "six "]);
        assert_eq!(sent, Some(Sent::Blocked), "{room}");
        let write_by = (member.bench.turn.now).after_limit(member.bench.turn.limits.write_timeout);
        assert_eq!(member.bench.session.deadline(), write_by, "{room}");
        // Four bytes may stay, so that the newest of the three does, unless the rest of one that has begun to be sent is there.
        let newest = "x".repeat(44).leak();
        member.broadcast(&[newest]);
        member.bench.pipe.room = usize::MAX;
        member.bench.flush();
        let begun = room.next_multiple_of(4);
        let stays = if begun == room { "six " } else { "" };
        let expected = format!("{}{stays}{newest}", &"one two six "[..begun]);
        assert_eq!(member.sent(), expected, "{room}");
    }
}

#[test]
fn a_group_says_nothing_to_a_member_that_has_sent_its_end() {
    let mut member = Member::new(SlowMember::Disconnect, 1000);
    member.broadcast(&["before "]);
    member.bench.session.core_mut().end_output();
    assert_eq!(member.bench.step(), Step::ShutdownWrite);
    assert_eq!(member.broadcast(&["behind"]), None);
    member.bench.flush();
    assert_eq!(member.sent(), "before ");
    assert_eq!(member.bench.step(), Step::Wait);
}
