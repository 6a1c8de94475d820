//! Connections that other threads and other connections write to.

use std::io::{BufRead, Read, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use socketserver::{
    BlockingHandler, Bytes, Conn, Group, Handler, HandlerError, Input, Remote, RemoteError,
    SlowMember, Stream,
};
use socketserver_tests::{Case, Client, eventually};

socketserver_tests::matrix! {
    all: another_thread_may_write_and_close, a_remote_knows_when_its_connection_is_over;
    concurrent: everybody_in_a_group_gets_every_message_in_order, members_leave_by_themselves,
        a_slow_member_is_disconnected_and_others_get_everything, a_slow_member_may_lose_messages_instead,
        a_remote_is_told_when_too_much_waits;
    events concurrent: those_who_are_woken_together_write_to_their_own_peers,
        who_enters_a_group_gets_what_is_sent_from_then_on;
}

/// Hands out its remote, and echoes.
struct Shared(std::sync::mpsc::Sender<Remote>);

impl Handler for Shared {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.send(conn.remote())?;
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

impl BlockingHandler for Shared {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        self.0.send(stream.remote()?)?;
        let mut piece = [0; 100];
        loop {
            match stream.read(&mut piece)? {
                0 => return Ok(()),
                count => stream.write_all(&piece[..count])?,
            }
        }
    }
}

fn remotes() -> (
    impl Fn(&socketserver::Address) -> Shared + Send + Sync + 'static,
    std::sync::mpsc::Receiver<Remote>,
) {
    let (sender, receiver) = channel();
    let sender = std::sync::Mutex::new(sender);
    (
        move |_: &socketserver::Address| Shared(sender.lock().unwrap().clone()),
        receiver,
    )
}

fn another_thread_may_write_and_close(case: &Case) {
    let (factory, remotes) = remotes();
    let server = case.serve(factory);
    let mut client = server.connect();
    let remote = remotes.recv().unwrap();
    for number in 0..100 {
        remote.write(format!("pushed {number}\n")).unwrap();
        client.expect(format!("pushed {number}\n"));
    }
    client.send("and asked").expect("and asked");
    remote.write("last").unwrap();
    remote.close();
    client.expect("last").expect_end();
    drop(client);
    server.until("it to close", |stats| {
        stats.closed.get("remote_closed") == Some(&1)
    });
}

fn a_remote_knows_when_its_connection_is_over(case: &Case) {
    let (factory, remotes) = remotes();
    let server = case.serve(factory);
    let mut client = server.connect();
    let remote = remotes.recv().unwrap();
    assert!(!remote.is_closed());
    client.half_close().expect_end();
    eventually("the remote to be told", || remote.is_closed().then_some(()));
    assert_eq!(remote.write("late"), Err(RemoteError::Closed));
    remote.close();
    remote.abort();
}

/// A member of a group who says to all what its peer says.
#[derive(Clone)]
struct Member(Group);

impl Handler for Member {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.0.join(conn);
        self.0.join(conn);
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            self.0
                .broadcast(Bytes::copy_from_slice(input.take(end + 1)));
        }
        Ok(())
    }
}

impl BlockingHandler for Member {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.join(&self.0)?;
        stream.join(&self.0)?;
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 {
            self.0.broadcast(std::mem::take(&mut line));
        }
        Ok(())
    }
}

fn wait_for_members(group: &Group, count: usize) {
    eventually("all to be members", || (group.len() == count).then_some(()));
}

fn everybody_in_a_group_gets_every_message_in_order(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let member = Member(group.clone());
    let server = case.serve(move |_| member.clone());
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    wait_for_members(&group, 4);
    let mut expected = String::new();
    for number in 0..100 {
        let line = format!("message {number}\n");
        clients[0].send(&line);
        expected += &line;
    }
    for client in &mut clients {
        client.expect(&expected);
    }
    group.broadcast(Bytes::from_static(b"from outside\n"));
    for client in &mut clients {
        client.expect("from outside\n");
    }
}

fn members_leave_by_themselves(case: &Case) {
    let group = Group::new(SlowMember::Disconnect);
    let member = Member(group.clone());
    let server = case.serve(move |_| member.clone());
    for _ in 0..3 {
        let mut client = server.connect();
        wait_for_members(&group, 1);
        client
            .send("alone\n")
            .expect("alone\n")
            .half_close()
            .expect_end();
        wait_for_members(&group, 0);
    }
    server.stop();
    group.broadcast(Bytes::from_static(b"to nobody"));
}

/// Broadcasts until the member that never reads is full for certain, while the other one reads everything.
fn flood(group: &Group, reader: &mut Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let message = format!("{number:0>1023}\n");
        group.broadcast(Bytes::from(message.clone()));
        reader.expect(message);
    }
}

fn a_slow_member_is_disconnected_and_others_get_everything(case: &Case) {
    let group = Group::with_limit(SlowMember::Disconnect, 64 * 1024);
    let member = Member(group.clone());
    let server = case.serve(move |_| member.clone());
    let mut reader = server.connect();
    let _silent = server.connect();
    wait_for_members(&group, 2);
    let mut sent = 0;
    while group.len() == 2 {
        flood(&group, &mut reader, sent..sent + 100);
        sent += 100;
        assert!(sent < 100_000, "the silent member is never cut");
    }
    assert_eq!(server.wait_for_close(), "slow_member");
    flood(&group, &mut reader, sent..sent + 10);
    drop(reader);
    assert_eq!(server.stop().stats.closed["slow_member"], 1);
}

fn a_slow_member_may_lose_messages_instead(case: &Case) {
    for policy in [SlowMember::DropOldest, SlowMember::DropNewest] {
        let group = Group::with_limit(policy, 64 * 1024);
        let member = Member(group.clone());
        let server = case.serve(move |_| member.clone());
        let mut reader = server.connect();
        let mut silent = server.connect();
        wait_for_members(&group, 2);
        let mut sent = 0;
        while server.stats().messages_dropped < 10 {
            flood(&group, &mut reader, sent..sent + 100);
            sent += 100;
            assert!(sent < 100_000, "no message is ever dropped");
        }
        group.broadcast(Bytes::from_static(b"\n"));
        reader.expect("\n");
        server.stop_handle().stop();
        // Whole messages in order, with a gap: which end of the queue was dropped depends on the policy.
        let (received, _) = silent.read_to_the_end();
        let numbers: Vec<usize> = String::from_utf8(received)
            .unwrap()
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| {
                (line.len() == 1023)
                    .then(|| line.parse().unwrap())
                    .expect("messages are not cut")
            })
            .collect();
        assert!(numbers.is_sorted(), "{policy:?}");
        assert!(numbers.len() < sent, "{policy:?}: some are lost");
        if policy == SlowMember::DropOldest {
            assert_eq!(
                numbers.last(),
                Some(&(sent - 1)),
                "the newest message always finds room"
            );
        }
    }
}

fn a_remote_is_told_when_too_much_waits(case: &Case) {
    let (factory, remotes) = remotes();
    let config = socketserver::Config {
        output_bytes_max: 100_000,
        output_high: 50_000,
        output_low: 10_000,
        write_timeout: Some(Duration::from_secs(60)),
        ..case.config()
    };
    let server = case.serve_with(config, factory);
    let mut client = server.connect();
    let remote = remotes.recv().unwrap();
    let message = Bytes::from(vec![b'm'; 1000]);
    let mut written = 0;
    let refused = eventually("the connection to be full", || {
        (0..1000).find_map(|_| match remote.write(message.clone()) {
            Ok(()) => {
                written += message.len();
                None
            }
            Err(error) => Some(error),
        })
    });
    assert_eq!(refused, RemoteError::Full);
    assert!(remote.queued() <= 100_000);
    remote.close();
    let (received, _) = client.read_to_the_end();
    assert_eq!(received.len(), written, "what was taken arrives");
}

/// Says its number when it is woken, and waits when it is told to, which on a reactor keeps all others waiting.
struct Sleeper {
    remotes: Sender<Remote>,
    gate: Arc<(Barrier, Barrier)>,
}

impl Handler for Sleeper {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.remotes.send(conn.remote())?;
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        self.gate.0.wait();
        self.gate.1.wait();
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let number = conn.id().get();
        conn.write(format!("{number} was woken\n").as_bytes());
        Ok(())
    }
}

fn those_who_are_woken_together_write_to_their_own_peers(case: &Case) {
    let (sender, remotes) = channel();
    let (sender, gate) = (
        Mutex::new(sender),
        Arc::new((Barrier::new(2), Barrier::new(2))),
    );
    let shared_gate = gate.clone();
    let server = case.serve_events(move |_: &socketserver::Address| Sleeper {
        remotes: sender.lock().unwrap().clone(),
        gate: shared_gate.clone(),
    });
    let mut clients = Vec::new();
    for number in 1..=3 {
        let client = server.connect();
        clients.push((number, client, remotes.recv().unwrap()));
    }
    let mut busy = server.connect();
    busy.send("x");
    gate.0.wait();
    for (_, _, remote) in &clients {
        remote.wake();
    }
    gate.1.wait();
    for (number, client, _) in &mut clients {
        client.expect(format!("{number} was woken\n"));
    }
}

/// Hands out its remote; when it is spoken to, lets the other one into a group between two messages.
struct Host {
    group: Group,
    remotes: Arc<Mutex<Vec<Remote>>>,
}

impl Handler for Host {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.group.join(conn);
        self.remotes.lock().unwrap().push(conn.remote());
        conn.write(b"!");
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
        input.take_all();
        let remotes = self.remotes.lock().unwrap();
        let guest = &remotes[1];
        self.group.dismiss(guest);
        self.group.broadcast("before\n");
        assert!(self.group.admit(guest));
        self.group.broadcast("after\n");
        // Who is in is not let in anew.
        assert!(self.group.admit(guest));
        Ok(())
    }
}

fn who_enters_a_group_gets_what_is_sent_from_then_on(case: &Case) {
    let (group, remotes) = (Group::new(SlowMember::default()), Arc::default());
    let server = case.serve_events(move |_: &socketserver::Address| Host {
        group: group.clone(),
        remotes: Arc::clone(&remotes),
    });
    let mut host = server.connect();
    host.expect("!");
    let mut guest = server.connect();
    guest.expect("!");
    for _ in 0..20 {
        host.send("x").expect("before\nafter\n");
        guest.expect("after\n");
    }
}
