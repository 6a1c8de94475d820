//! Groups: who gets what, in which order, and what it costs.

use std::io::BufRead;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use socketserver::{
    BlockingHandler, Bytes, Conn, Group, Handler, HandlerError, Input, Mode, Remote, SlowMember,
    Stats, Stream,
};
use socketserver_tests::{Case, Client, Running, eventually};

socketserver_tests::matrix! {
    concurrent: a_member_gets_exactly_what_is_broadcast_while_it_is_one,
        a_newcomer_gets_nothing_that_was_broadcast_before_it_came,
        whoever_was_admitted_leaves_by_itself, a_member_is_dismissed_from_another_thread,
        everybody_but_the_speaker_gets_a_message_in_order,
        each_stretch_of_membership_has_its_stretch_of_messages,
        members_that_take_what_they_get_are_not_slow,
        a_broadcast_costs_each_member_one_send, what_is_broadcast_together_costs_each_member_one_send;
    reactor: what_is_said_to_many_does_not_keep_others_waiting,
        what_is_said_in_several_groups_at_once_leaves_together;
}

/// A gate at which handlers wait while it is shut.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opens: Condvar,
    waiting: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opens.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opens.notify_all();
    }

    /// Waits until so many handlers are at the gate.
    fn until_waiting(&self, count: usize) {
        eventually("handlers to be at the gate", || {
            (self.waiting.load(Ordering::SeqCst) == count).then_some(())
        });
    }
}

/// Is a member from the beginning if there is a group, hands out its remote, waits at the gate when its peer says so, and says
/// everything else to the others of its group.
#[derive(Clone)]
struct Speaker {
    group: Option<Group>,
    gate: Arc<Gate>,
    remotes: Arc<Mutex<Sender<Remote>>>,
}

impl Speaker {
    fn new(group: Option<&Group>) -> (Self, Receiver<Remote>) {
        let (sender, remotes) = channel();
        let speaker = Self {
            group: group.cloned(),
            gate: Arc::default(),
            remotes: Arc::new(Mutex::new(sender)),
        };
        (speaker, remotes)
    }

    fn hear(&self, line: &[u8], own: &Remote) {
        if line == b"wait\n" {
            self.gate.pass();
        } else if let Some(group) = &self.group {
            group.broadcast_except(own, Bytes::copy_from_slice(line));
        }
    }
}

impl Handler for Speaker {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if let Some(group) = &self.group {
            group.join(conn);
        }
        self.remotes.lock().unwrap().send(conn.remote())?;
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            self.hear(input.take(end + 1), &conn.remote());
        }
        Ok(())
    }
}

impl BlockingHandler for Speaker {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        if let Some(group) = &self.group {
            stream.join(group)?;
        }
        let own = stream.remote()?;
        self.remotes.lock().unwrap().send(own.clone())?;
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 {
            self.hear(&line, &own);
            line.clear();
        }
        Ok(())
    }
}

/// Connects so many peers, and tells their remotes.
fn connect(server: &Running, remotes: &Receiver<Remote>, count: usize) -> Vec<(Client, Remote)> {
    let peers = (0..count).map(|_| (server.connect(), remotes.recv().unwrap()));
    peers.collect()
}

/// Waits until the threads of four connections, all of which were told to wait, are busy: one at least of several loops.
fn until_busy(case: &Case, gate: &Gate) {
    let count = if case.is_reactor() { 1 } else { 4 };
    eventually("handlers to be at the gate", || {
        (gate.waiting.load(Ordering::SeqCst) >= count).then_some(())
    });
}

fn wait_for_members(group: &Group, count: usize) {
    eventually("so many to be members", || {
        (group.len() == count).then_some(())
    });
}

fn a_member_gets_exactly_what_is_broadcast_while_it_is_one(case: &Case) {
    let (speaker, remotes) = Speaker::new(None);
    let gate = speaker.gate.clone();
    let server = case.serve(move |_| speaker.clone());
    let group = Group::new(SlowMember::Disconnect);
    let [(client, remote)] = &mut connect(&server, &remotes, 1)[..] else {
        panic!("one peer");
    };
    // Everything happens while the connection's thread is busy, so that all of it lies in its inbox.
    client.send("wait\n");
    gate.until_waiting(1);
    group.broadcast("before ");
    assert!(group.admit(remote));
    assert!(group.admit(remote), "to be admitted twice is no matter");
    group.broadcast("first stretch ");
    group.dismiss(remote);
    group.dismiss(remote);
    group.broadcast("between ");
    assert!(group.admit(remote));
    group.broadcast("second ");
    group.broadcast("stretch\n");
    gate.open();
    // What was broadcast in the first stretch was not delivered when it was over.
    client.expect("second stretch\n");
    remote.close();
    client.expect_end();
}

fn a_newcomer_gets_nothing_that_was_broadcast_before_it_came(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let gate = speaker.gate.clone();
    let server = case.serve(move |_| speaker.clone());
    let [(old, _)] = &mut connect(&server, &remotes, 1)[..] else {
        panic!("one peer");
    };
    old.send("wait\n");
    gate.until_waiting(1);
    group.broadcast("early ");
    // A loop that is busy lets it in before it looks at its mail.
    let mut newcomer = server.connect();
    gate.open();
    wait_for_members(&group, 2);
    group.broadcast("late\n");
    newcomer.expect("late\n");
    old.expect("early late\n");
}

fn whoever_was_admitted_leaves_by_itself(case: &Case) {
    let (speaker, remotes) = Speaker::new(None);
    let server = case.serve(move |_| speaker.clone());
    let group = Group::new(SlowMember::Disconnect);
    let mut peers = connect(&server, &remotes, 2);
    for (_, remote) in &peers {
        assert!(group.admit(remote));
    }
    let (mut client, remote) = peers.remove(0);
    group.broadcast("hello\n");
    client.expect("hello\n").half_close().expect_end();
    wait_for_members(&group, 1);
    eventually("the remote to be told", || remote.is_closed().then_some(()));
    assert!(!group.admit(&remote), "it is over");
    assert_eq!(group.len(), 1);
    group.broadcast("again\n");
    let (mut client, remote) = peers.remove(0);
    client.expect("hello\nagain\n");
    remote.close();
    client.expect_end();
    drop(client);
    wait_for_members(&group, 0);
    assert!(group.is_empty());
    group.dismiss(&remote);
}

fn a_member_is_dismissed_from_another_thread(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 2);
    group.broadcast("both\n");
    let (dismissed, remote) = &mut peers[0];
    dismissed.expect("both\n");
    group.dismiss(remote);
    assert_eq!(group.len(), 1);
    group.broadcast("one\n");
    peers[1].0.expect("both\none\n");
    // Who is no member may speak all the same, and hears what is said to it alone.
    let (dismissed, remote) = &mut peers[0];
    dismissed.send("from outside\n");
    remote.write("you are out\n").unwrap();
    dismissed.expect("you are out\n").half_close().expect_end();
    peers[1].0.expect("from outside\n");
}

fn everybody_but_the_speaker_gets_a_message_in_order(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 3);
    let lines: String = (0..100).fold(String::new(), |lines, number| {
        lines + &format!("said {number}\n")
    });
    peers[0].0.send(&lines);
    for (client, _) in &mut peers[1..] {
        client.expect(&lines);
    }
    // Those that are excepted take turns, and one is nobody's.
    let mut expected = vec![String::new(); 3];
    for number in 0..200 {
        let line = format!("told {number}\n");
        let except = peers.get(number % 4).map(|(_, remote)| remote);
        match except {
            Some(remote) => group.broadcast_except(remote, line.clone()),
            None => group.broadcast(line.clone()),
        }
        for (index, expected) in expected.iter_mut().enumerate() {
            if index != number % 4 {
                *expected += &line;
            }
        }
    }
    for ((client, _), expected) in peers.iter_mut().zip(expected) {
        client.expect(expected);
    }
}

/// Numbers that somebody broadcasts, one after the other: how many of them were begun, and how many are done.
#[derive(Default)]
struct Numbers {
    begun: AtomicUsize,
    done: AtomicUsize,
    /// How many may be begun, so that nobody falls behind whose thread has no processor for a while.
    allowed: AtomicUsize,
    over: AtomicBool,
}

fn each_stretch_of_membership_has_its_stretch_of_messages(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(None);
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 2);
    // Another member, so that broadcasts are under way whoever else is one.
    assert!(group.admit(&peers[1].1));
    let numbers = Arc::new(Numbers::default());
    let broadcaster = {
        let (numbers, group) = (numbers.clone(), group.clone());
        let mut other = peers.remove(1).0;
        thread::spawn(move || {
            while !numbers.over.load(Ordering::SeqCst) {
                if numbers.done.load(Ordering::SeqCst) == numbers.allowed.load(Ordering::SeqCst) {
                    thread::yield_now();
                    continue;
                }
                let number = numbers.begun.fetch_add(1, Ordering::SeqCst);
                group.broadcast(format!("{number}\n"));
                numbers.done.store(number + 1, Ordering::SeqCst);
                if number % 100 == 99 {
                    for expected in number - 99..=number {
                        other.expect(format!("{expected}\n"));
                    }
                }
            }
        })
    };
    let (client, remote) = &mut peers[0];
    let mut lines = std::io::BufReader::new(client.share()).lines();
    for round in 0..30 {
        numbers.allowed.fetch_add(200, Ordering::SeqCst);
        let done_before = numbers.done.load(Ordering::SeqCst);
        assert!(group.admit(remote));
        let begun_since = numbers.begun.load(Ordering::SeqCst);
        numbers
            .allowed
            .fetch_max(begun_since + 10, Ordering::SeqCst);
        let first: usize = lines.next().unwrap().unwrap().parse().unwrap();
        assert!(
            (done_before..=begun_since).contains(&first),
            "round {round}: {first} is the first since {done_before} to {begun_since}"
        );
        group.dismiss(remote);
        let begun = numbers.begun.load(Ordering::SeqCst);
        numbers.allowed.fetch_max(begun + 2, Ordering::SeqCst);
        // What was delivered before is in front of this, and nothing comes behind it.
        eventually("something to be broadcast since", || {
            (numbers.done.load(Ordering::SeqCst) > begun).then_some(())
        });
        remote.write("over\n").unwrap();
        let mut next = first + 1;
        loop {
            let line = lines.next().unwrap().unwrap();
            if line == "over" {
                break;
            }
            assert_eq!(
                line,
                next.to_string(),
                "round {round}: in order, without a gap"
            );
            next += 1;
        }
        assert!(next <= begun, "round {round}: {next} of {begun}");
    }
    numbers.over.store(true, Ordering::SeqCst);
    broadcaster.join().unwrap();
}

fn members_that_take_what_they_get_are_not_slow(case: &Case) {
    const ROUNDS: usize = 15;
    let groups = [(); 2].map(|()| Group::with_limit(SlowMember::Disconnect, 8 * 1024));
    let (speaker, remotes) = Speaker::new(Some(&groups[0]));
    let gate = speaker.gate.clone();
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 4);
    for (client, remote) in &mut peers {
        assert!(groups[1].admit(remote));
        client.send("wait\n");
    }
    // Much more lies in the inbox than may wait for a member, but the sockets have room for it.
    until_busy(case, &gate);
    let message = "x".repeat(1023) + "\n";
    for _ in 0..ROUNDS {
        for group in &groups {
            group.broadcast(message.clone());
        }
    }
    gate.open();
    for (client, _) in &mut peers {
        client.expect(message.repeat(2 * ROUNDS));
    }
    assert_eq!(server.stats().closed.len(), 0);
}

fn sends(stats: &Stats) -> u64 {
    stats.system_calls.send
}

fn a_broadcast_costs_each_member_one_send(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 4);
    for _ in 0..100 {
        group.broadcast("to everybody\n");
        for (client, _) in &mut peers {
            client.expect("to everybody\n");
        }
    }
    let stats = server.until("all to be counted", |stats| sends(stats) >= 400);
    assert_eq!(sends(&stats), 400);
}

fn what_is_broadcast_together_costs_each_member_one_send(case: &Case) {
    if let Mode::Reactor { loops: 2.. } = case.mode {
        // Which loop a member is on, and with whom, is not known.
        return;
    }
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let gate = speaker.gate.clone();
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 4);
    for (client, _) in &mut peers {
        client.send("wait\n");
    }
    until_busy(case, &gate);
    let messages: Vec<String> = (0..30)
        .map(|number| format!("message {number}\n"))
        .collect();
    for message in &messages {
        group.broadcast(message.clone());
    }
    gate.open();
    for (client, _) in &mut peers {
        client.expect(messages.concat());
    }
    let stats = server.until("all to be counted", |stats| sends(stats) >= 4);
    assert_eq!(sends(&stats), 4, "one for each member");
}

fn what_is_said_to_many_does_not_keep_others_waiting(case: &Case) {
    const MEMBERS: usize = 300;
    let Mode::Reactor { loops: 1 } = case.mode else {
        return;
    };
    let group = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let first_gate = speaker.gate.clone();
    let second_gate = Arc::new(Gate::default());
    let (gate, count) = (second_gate.clone(), AtomicUsize::new(0));
    let server = case.serve(move |_| {
        // The last one is no member, and has a gate of its own.
        if count.fetch_add(1, Ordering::SeqCst) < MEMBERS {
            return speaker.clone();
        }
        Speaker {
            group: None,
            gate: gate.clone(),
            ..speaker.clone()
        }
    });
    let mut members = connect(&server, &remotes, MEMBERS);
    let [(other, _)] = &mut connect(&server, &remotes, 1)[..] else {
        panic!("one peer");
    };
    members[0].0.send("wait\n");
    first_gate.until_waiting(1);
    // Few bytes, so that they are no reason to stop.
    for _ in 0..20 {
        group.broadcast("0123456789");
    }
    other.send("wait\n");
    first_gate.open();
    // The loop stands still where the other one's request is served, and what was sent until then is counted in peace.
    second_gate.until_waiting(1);
    let reached = members
        .iter()
        .filter(|(client, _)| client.has_input())
        .count();
    assert!(
        (1..=40).contains(&reached),
        "{reached} of {MEMBERS} members were served before"
    );
    second_gate.open();
    for (client, _) in &mut members {
        client.expect("0123456789".repeat(20));
    }
}

fn what_is_said_in_several_groups_at_once_leaves_together(case: &Case) {
    const ROUNDS: usize = 20;
    let Mode::Reactor { loops: 1 } = case.mode else {
        return;
    };
    let group = Group::new(SlowMember::Disconnect);
    let other = Group::new(SlowMember::Disconnect);
    let (speaker, remotes) = Speaker::new(Some(&group));
    let gate = speaker.gate.clone();
    let server = case.serve(move |_| speaker.clone());
    let mut peers = connect(&server, &remotes, 4);
    for (_, remote) in &peers {
        assert!(other.admit(remote));
    }
    peers[0].0.send("wait\n");
    gate.until_waiting(1);
    for _ in 0..ROUNDS {
        group.broadcast("here ");
        other.broadcast("there ");
    }
    gate.open();
    for (client, _) in &mut peers {
        client.expect("here there ".repeat(ROUNDS));
    }
    let stats = server.until("all to be counted", |stats| sends(stats) >= 4);
    // Up to 32 pieces leave in one call.
    assert!(sends(&stats) <= 4 * 2, "{stats:?}");
}
