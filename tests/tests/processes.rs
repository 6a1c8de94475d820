//! What needs a process of its own for the server: ten thousand connections, and running out of descriptors or threads.
//!
//! Each test starts this program again in the part of the server, which prints its address, serves until its standard input
//! ends, and prints what it has counted. So this is a program and not a collection of `#[test]`s.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use socketserver::{Address, Config, Mode, Server, StreamServer};
use socketserver_handlers::Echo;
use socketserver_tests::{Client, eventually, raise_descriptor_limit};

const SERVER: &str = "--as-server";
const IDLE: usize = 10_000;
/// How many threads the server may have besides those of its connections: its main thread, the one that reads its standard
/// input, and some that have finished and are not gone yet.
const OTHER_THREADS_MAX: usize = 5;
/// The stack of a thread where threads must run out: so large that it is stacks that the address space is too small for, and
/// not the little that a server needs besides.
const LARGE_STACK: usize = 64 << 20;
/// How many such stacks the address space has room for.
const LARGE_STACKS: usize = 40;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == SERVER) {
        let room = arguments.get(5).map(String::as_str);
        serve(&arguments[2], &arguments[3], &arguments[4], room);
        return;
    }
    let tests: [(&str, fn()); 7] = [
        (
            "ten_thousand_idle_connections_fit_one_reactor",
            ten_thousand_idle_connections_fit_one_reactor,
        ),
        (
            "a_storm_of_clients_loses_nobody",
            a_storm_of_clients_loses_nobody,
        ),
        (
            "clients_are_told_when_descriptors_run_out",
            clients_are_told_when_descriptors_run_out,
        ),
        ("no_descriptor_is_left_behind", no_descriptor_is_left_behind),
        ("signals_interrupt_nothing", signals_interrupt_nothing),
        (
            "threads_stay_within_their_limit",
            threads_stay_within_their_limit,
        ),
        (
            "a_thread_that_cannot_be_started_costs_one_connection",
            a_thread_that_cannot_be_started_costs_one_connection,
        ),
    ];
    // The one argument that is understood is a part of a test's name; options of the usual harness are not for us.
    let filter = arguments
        .get(1)
        .filter(|argument| !argument.starts_with('-'))
        .map_or("", String::as_str);
    for (name, test) in tests.into_iter().filter(|(name, _)| name.contains(filter)) {
        test();
        println!("test {name} ... ok");
    }
}

/// The part of the server. `room` is by how many bytes its address space may still grow when it begins to serve.
fn serve(mode: &str, connections: &str, descriptors: &str, room: Option<&str>) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(descriptors.parse().expect("a number"));
    setrlimit(Resource::Nofile, limit).expect("the hard limit on open files is high enough");
    let config = Config {
        mode: mode.parse().expect("a mode"),
        connections_max: connections.parse().expect("a number"),
        backlog: 4096,
        linger_timeout: Duration::ZERO,
        ..Config::default()
    };
    let builder = StreamServer::builder()
        .config(config)
        .endpoint(":0")
        .expect("an endpoint");
    let server = builder.bind().expect("a port is free");
    println!("{}", server.addresses()[0].port().expect("a port"));
    let stop = server.stop_handle();
    let stats = server.stats_handle();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            match line.as_deref() {
                Ok("stats") => println!(
                    "{}",
                    serde_json::to_string(&stats.stats()).expect("stats are JSON")
                ),
                _ => break,
            }
        }
        stop.stop();
    });
    if let Some(room) = room {
        limit_address_space(room.parse().expect("a number"));
    }
    let report = server
        .serve_forever(|_| Echo)
        .expect("the server does not fail");
    println!(
        "{}",
        serde_json::to_string(&report).expect("a report is JSON")
    );
}

/// Lets this process have so many bytes of address space more than it has.
fn limit_address_space(more: u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this process is there");
    let pages = statm.split(' ').next().and_then(|pages| pages.parse().ok());
    let pages: u64 = pages.expect("a number");
    let mut limit = getrlimit(Resource::As);
    limit.current = Some(pages * rustix::param::page_size() as u64 + more);
    setrlimit(Resource::As, limit).expect("a limit can be lowered");
}

/// A server in another process.
struct Served {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: Address,
}

impl Served {
    fn start(mode: Mode, connections: usize, descriptors: usize) -> Self {
        Self::run(&mut Self::command(mode, connections, descriptors))
    }

    /// A server with a thread for each connection, of which it can start no more than [`LARGE_STACKS`].
    fn start_short_of_threads(connections: usize, descriptors: usize) -> Self {
        let room = LARGE_STACKS * LARGE_STACK + LARGE_STACK / 2;
        let mut command = Self::command(Mode::Threads, connections, descriptors);
        command
            .arg(room.to_string())
            .env("RUST_MIN_STACK", LARGE_STACK.to_string())
            // An arena of glibc's takes as much address space as a stack, and may be missing where a stack still fits.
            .env("MALLOC_ARENA_MAX", "1");
        Self::run(&mut command)
    }

    fn command(mode: Mode, connections: usize, descriptors: usize) -> Command {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.args([
            SERVER,
            &mode.to_string(),
            &connections.to_string(),
            &descriptors.to_string(),
        ]);
        command
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut port = String::new();
        output
            .read_line(&mut port)
            .expect("the server prints its port");
        let port: u16 = port.trim().parse().expect("a port");
        Self {
            input: child.stdin.take(),
            child,
            output,
            address: Address::Tcp(([127, 0, 0, 1], port).into()),
        }
    }

    fn stats(&mut self) -> Value {
        let input = self.input.as_mut().expect("the server is not stopped");
        input.write_all(b"stats\n").expect("the server listens");
        self.line()
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .expect("the server answers");
        serde_json::from_str(&line).expect("the server answers in JSON")
    }

    /// Resident memory in bytes.
    fn resident(&self) -> usize {
        let pages = std::fs::read_to_string(self.proc("statm")).expect("the process is there");
        let pages: usize = pages
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .expect("a number");
        pages * rustix::param::page_size()
    }

    /// Processor time used, in clock ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(self.proc("stat")).expect("the process is there");
        let fields = stat.rsplit(')').next().unwrap_or("");
        fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum()
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(self.proc("fd"))
            .expect("the process is there")
            .count()
    }

    fn threads(&self) -> usize {
        std::fs::read_dir(self.proc("task"))
            .expect("the process is there")
            .count()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    fn stop(mut self) -> Value {
        self.input = None;
        let report = self.line();
        assert!(self.child.wait().expect("it was started").success());
        report
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ten_thousand_idle_connections_fit_one_reactor() {
    raise_descriptor_limit(IDLE as u64 + 200);
    let mut server = Served::start(Mode::Reactor { loops: 1 }, IDLE, IDLE + 100);
    let mut clients: Vec<Client> = Vec::with_capacity(IDLE);
    Client::connect(&server.address)
        .send("hello")
        .expect("hello")
        .half_close()
        .expect_end();
    let before = server.resident();
    for _ in 0..IDLE {
        let mut client = Client::connect(&server.address);
        client.send("hello").expect("hello");
        clients.push(client);
    }
    let each = server.resident().saturating_sub(before) / IDLE;
    let waits = server.stats()["system_calls"]["wait"].as_u64();
    println!("an idle connection on a reactor takes {each} bytes of memory");
    if cfg!(not(debug_assertions)) {
        assert!(each <= 256, "{each} bytes for an idle connection");
    }
    assert!(each <= 512, "{each} bytes for an idle connection");
    // All of them are still served, and the server did nothing meanwhile.
    assert!(server.stats()["system_calls"]["wait"].as_u64() <= waits.map(|waits| waits + 2));
    for client in clients.iter_mut().step_by(100) {
        client.send("still here").expect("still here");
    }
    drop(clients);
    let report = server.stop();
    assert_eq!(report["accepted"], IDLE as u64 + 1);
}

fn a_storm_of_clients_loses_nobody() {
    const STORM: usize = 5_000;
    raise_descriptor_limit(STORM as u64 + 200);
    for mode in [Mode::Reactor { loops: 1 }, Mode::Reactor { loops: 2 }] {
        let server = Served::start(mode, STORM + 10, STORM + 100);
        let mut steady = Client::connect(&server.address);
        let address = server.address.clone();
        let storm =
            std::thread::spawn(move || (0..STORM).map(|_| Client::connect(&address)).collect());
        // Who was there before is served on while they come.
        while !storm.is_finished() {
            steady.send("steady").expect("steady");
        }
        let mut clients: Vec<Client> = storm.join().expect("everybody can connect");
        for client in &mut clients {
            client.send("hello");
        }
        for client in &mut clients {
            client.expect("hello");
        }
        drop((steady, clients));
        let report = server.stop();
        assert_eq!(report["accepted"], STORM as u64 + 1, "{mode}");
    }
}

/// Whether `accept` is hardly called while clients are served for half a second.
fn calls_are_few(server: &mut Served, clients: &mut [Client]) -> bool {
    let (calls, begun) = (accept_calls(server), Instant::now());
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_millis(500) {
        clients[rounds % 20].send("on").expect("on");
        rounds += 1;
    }
    // Pauses grow to 100 ms, from 10; on a busy machine half a second may have become more.
    let retries_max = 5 + begun.elapsed().as_millis() as u64 / 50;
    accept_calls(server) - calls <= retries_max
}

fn clients_are_told_when_descriptors_run_out() {
    for mode in [
        Mode::Threads,
        Mode::Pool { workers: 100 },
        Mode::Reactor { loops: 1 },
    ] {
        let mut server = Served::start(mode, 1000, 64);
        // Far more than there are descriptors: those beyond are closed at once, and nobody hangs.
        let mut clients: Vec<Client> = (0..200).map(|_| Client::connect(&server.address)).collect();
        let (mut inside, mut refused) = (Vec::new(), 0);
        for mut client in clients.drain(..) {
            let sent = client.write_all(b"hello").is_ok();
            if sent && client.read_exact(&mut [0; 5]).is_ok() {
                inside.push(client);
            } else {
                refused += 1;
            }
        }
        assert!(
            inside.len() > 20 && refused > 20,
            "{mode}: {} served, {refused} refused",
            inside.len()
        );
        // Those who are in are served on, and the listener neither spins nor gives up.
        let ticks = server.ticks();
        // What was counted before may be published late on a busy machine, so the first half second need not tell; a listener that spins does so in all.
        let few_calls = (0..3).any(|_| calls_are_few(&mut server, &mut inside));
        assert!(few_calls, "{mode}: the listener tries again too often");
        assert!(server.ticks() >= ticks);
        // When descriptors come free, the next client is served without anything else having to happen.
        inside.truncate(20);
        eventually("a new client to be served", || {
            let mut client = Client::connect(&server.address);
            let sent = client.write_all(b"new").is_ok();
            (sent && client.read_exact(&mut [0; 3]).is_ok()).then_some(())
        });
        drop(inside);
        let report = server.stop();
        assert!(
            report["accept_errors"].as_u64() > Some(0) && report["refused"].as_u64() > Some(0),
            "{report}"
        );
    }
}

fn accept_calls(server: &mut Served) -> u64 {
    server.stats()["system_calls"]["accept"]
        .as_u64()
        .expect("a number")
}

fn no_descriptor_is_left_behind() {
    for mode in [
        Mode::Serial,
        Mode::Threads,
        Mode::Pool { workers: 2 },
        Mode::Reactor { loops: 2 },
    ] {
        let mut server = Served::start(mode, 100, 200);
        let mut round = |number: usize| {
            for index in 0..number {
                let mut client = Client::connect(&server.address);
                client.send("hello").expect("hello");
                match index % 3 {
                    0 => drop(client),
                    1 => client.reset(),
                    _ => assert_eq!(
                        client.half_close().expect_end(),
                        socketserver_tests::End::Closed
                    ),
                }
            }
            eventually("all to be gone", || {
                (server.stats()["live"] == 0).then_some(())
            });
            server.descriptors()
        };
        let before = round(20);
        let after = round(500);
        assert_eq!(before, after, "{mode}: descriptors are left behind");
        server.stop();
    }
}

fn signals_interrupt_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    for mode in [Mode::Serial, Mode::Threads, Mode::Reactor { loops: 1 }] {
        let server = Served::start(mode, 100, 200);
        let pid = Pid::from_child(&server.child);
        let mut client = Client::connect(&server.address);
        let mut writer = client.share();
        let sent = vec![b'x'; 20_000_000];
        std::thread::scope(|scope| {
            let feeder = scope.spawn(|| writer.send(&sent).half_close());
            let reader = scope.spawn(|| client.read_to_the_end().0);
            // Stopping and continuing a process interrupts its system calls as signals do, without needing a handler.
            while !feeder.is_finished() {
                for signal in [Signal::STOP, Signal::CONT] {
                    kill_process(pid, signal).expect("the server is there");
                }
                std::thread::yield_now();
            }
            assert_eq!(
                reader.join().expect("the client does not panic").len(),
                sent.len()
            );
        });
        let report = server.stop();
        assert_eq!(
            (
                report["bytes_in"].as_u64(),
                report["closed"]["peer_closed"].as_u64()
            ),
            (Some(20_000_000), Some(1))
        );
    }
}

fn threads_stay_within_their_limit() {
    const CONNECTIONS: usize = 256;
    const CLIENTS: usize = 1000;
    raise_descriptor_limit(CLIENTS as u64 + 200);
    let mut server = Served::start(Mode::Threads, CONNECTIONS, CONNECTIONS + 100);
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::connect(&server.address))
        .collect();
    for client in &mut clients {
        client.send("hello");
    }
    eventually("the server to be full", || {
        (server.stats()["live"] == CONNECTIONS as u64).then_some(())
    });
    let mut most = server.threads();
    // They are let in as they came, so that each one who leaves makes room for the first of those who wait.
    for mut client in clients {
        client.expect("hello");
        most = most.max(server.threads());
        drop(client);
        most = most.max(server.threads());
    }
    assert!(
        (CONNECTIONS..=CONNECTIONS + OTHER_THREADS_MAX).contains(&most),
        "{most} threads for {CONNECTIONS} connections"
    );
    let report = server.stop();
    assert_eq!(
        (report["accepted"].as_u64(), report["refused"].as_u64()),
        (Some(CLIENTS as u64), Some(0))
    );
}

fn a_thread_that_cannot_be_started_costs_one_connection() {
    const CLIENTS: usize = 100;
    let mut server = Served::start_short_of_threads(1000, 1000);
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::connect(&server.address))
        .collect();
    let mut inside: Vec<Client> = clients.into_iter().filter_map(admitted).collect();
    let refused = CLIENTS - inside.len();
    assert!(
        (LARGE_STACKS / 2..=LARGE_STACKS).contains(&inside.len()),
        "{} served, {refused} refused",
        inside.len()
    );
    let stats = server.stats();
    assert_eq!(
        (stats["live"].as_u64(), stats["refused"].as_u64()),
        (Some(inside.len() as u64), Some(refused as u64))
    );
    // Those who are in do not notice.
    for client in &mut inside {
        client.send("on").expect("on");
    }
    // Threads that have become idle serve the next ones, as many as have left.
    let room = inside.len() - 10;
    inside.truncate(10);
    let newcomers: Vec<Client> = (0..room)
        .map(|_| {
            eventually("a new client to be served", || {
                admitted(Client::connect(&server.address))
            })
        })
        .collect();
    for client in &mut inside {
        client.send("still on").expect("still on");
    }
    drop((inside, newcomers));
    let report = server.stop();
    assert_eq!(
        (report["panics"].as_u64(), report["accept_errors"].as_u64()),
        (Some(0), Some(0)),
        "{report}"
    );
}

/// The client, if it is served; one that is not must be told so by an end, and not be left waiting.
fn admitted(mut client: Client) -> Option<Client> {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let answered = client
        .write_all(b"hello")
        .and_then(|()| client.read_exact(&mut [0; 5]));
    match answered {
        Ok(()) => Some(client),
        Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) => None,
        Err(error) => panic!("neither served nor refused: {error}"),
    }
}
