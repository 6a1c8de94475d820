//! Blocking handlers whose stacks, mappings and descriptors are counted, or that end the whole process.
//!
//! Each test starts this program again with nothing but itself in it, so that nobody else disturbs the counts.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, setrlimit};
use socketserver::{Config, HandlerError, Mode, Stream};
use socketserver_tests::{
    Case, Client, Running, Style, Transport, eventually, raise_descriptor_limit,
};

/// The variable that names the test whose part this process plays.
const ALONE: &str = "SOCKETSERVER_TEST_ALONE";

/// Runs a test in a process of its own, and gives what became of that; none in that process.
fn in_a_process_of_its_own(test: &str, body: fn()) -> Option<Output> {
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        body();
        return None;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env(ALONE, test)
        .output()
        .expect("this program can be started again");
    Some(output)
}

/// Runs a test in a process of its own, which must succeed.
fn alone(test: &str, body: fn()) {
    if let Some(output) = in_a_process_of_its_own(test, body) {
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        println!("{said}");
    }
}

fn echo_lines(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut line = String::new();
    while stream.read_line(&mut line)? > 0 {
        stream.write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}

/// A mode over TCP.
fn case(mode: Mode) -> Case {
    Case {
        mode,
        style: Style::Blocking,
        transport: Transport::TcpV4,
    }
}

/// A server with room for so many handlers that echo lines.
fn echo_server(mode: Mode, connections: usize) -> Running {
    let config = Config {
        connections_max: connections,
        backlog: 4096,
        ..case(mode).config()
    };
    case(mode).serve_blocking_with(config, |_| echo_lines)
}

/// The mappings of this process, and how many of them nobody may touch: each of those guards a stack.
fn mappings() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("this process is there");
    let guards = maps.lines().filter(|line| line.contains(" ---p "));
    (maps.lines().count(), guards.count())
}

/// Resident memory in KiB.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("this process is there");
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let pages: usize = pages.expect("a number");
    pages * rustix::param::page_size() / 1024
}

/// The descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("this process is there")
        .count()
}

/// So many connections that are open at once, then closed, half of them by each side.
fn come_and_go(server: &Running, number: usize) {
    let mut clients: Vec<Client> = (0..number).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("hello\n");
    }
    for (index, mut client) in clients.into_iter().enumerate() {
        client.expect("hello\n");
        if index % 2 == 0 {
            client.half_close().expect_end();
        }
    }
}

/// Waits until nobody is connected.
fn wait_for_silence(server: &Running) {
    server.until("all to be gone", |stats| stats.live == 0);
}

#[test]
fn three_thousand_idle_handlers_answer_on_one_reactor() {
    const HANDLERS: usize = 3000;
    alone("three_thousand_idle_handlers_answer_on_one_reactor", || {
        raise_descriptor_limit(2 * HANDLERS as u64 + 200);
        let server = echo_server(Mode::Reactor { loops: 1 }, HANDLERS + 1);
        let (_, guards) = mappings();
        let mut clients: Vec<Client> = (0..HANDLERS).map(|_| server.connect()).collect();
        for round in 0..2 {
            for client in &mut clients {
                client.send(format!("round {round}\n"));
            }
            for client in &mut clients {
                client.expect(format!("round {round}\n"));
            }
            let stacks = mappings().1 - guards;
            // Each has a stack with a guard, and so have a few threads.
            assert!((HANDLERS..HANDLERS + 10).contains(&stacks), "{stacks}");
        }
    });
}

#[test]
fn connections_that_come_and_go_leave_few_stacks() {
    alone("connections_that_come_and_go_leave_few_stacks", || {
        /// How many stacks a server keeps for the next connections, as mappings: each has a guard.
        const KEPT_MAX: usize = 2 * 256;
        /// Whatever else is mapped now and then, such as what an allocator needs.
        const SLACK: usize = 20;
        let server = echo_server(Mode::Reactor { loops: 1 }, 1000);
        come_and_go(&server, 20);
        wait_for_silence(&server);
        let (before, _) = mappings();
        for _ in 0..200 {
            come_and_go(&server, 20);
        }
        wait_for_silence(&server);
        let (after, _) = mappings();
        assert!(after <= before + SLACK, "{before} mappings became {after}");
        for _ in 0..3 {
            come_and_go(&server, 400);
            wait_for_silence(&server);
            let (after, _) = mappings();
            assert!(
                after <= before + KEPT_MAX + SLACK,
                "{before} mappings became {after}"
            );
        }
    });
}

#[test]
#[ignore = "it takes two minutes: see CONTRIBUTING.md"]
fn a_minute_of_coming_and_going_leaves_nothing() {
    alone("a_minute_of_coming_and_going_leaves_nothing", || {
        /// How many connections are open at once.
        const AT_ONCE: usize = 50;
        // How many threads it takes is up to how the system schedules them: at worst, all that have just finished and as many more. Whatever
        // a connection left behind would be far more than that.
        for (mode, threads) in [(Mode::Reactor { loops: 1 }, 0), (Mode::Threads, AT_ONCE)] {
            let server = echo_server(mode, 1000);
            println!("{mode}: second, connections, resident KiB, mappings, guards");
            let begun = Instant::now();
            let mut settled = None;
            for second in 1..=60 {
                for part in 0..20 {
                    come_and_go(&server, AT_ONCE);
                    // Whoever is early waits, so that it is a thousand connections each second.
                    let due =
                        Duration::from_secs(second - 1) + Duration::from_millis(50) * (part + 1);
                    while begun.elapsed() < due {
                        thread::park_timeout(due.saturating_sub(begun.elapsed()));
                    }
                }
                let accepted = server.stats().accepted;
                let (resident, (mappings, guards)) = (resident(), mappings());
                if second % 5 == 0 {
                    println!("{second}, {accepted}, {resident}, {mappings}, {guards}");
                }
                if second == 10 {
                    settled = Some((resident, mappings, guards));
                }
                if let Some(settled) = settled {
                    assert!(
                        resident <= settled.0 + 512 + 40 * threads
                            && mappings <= settled.1 + 4 + 4 * threads
                            && guards <= settled.2 + 2 + 2 * threads,
                        "{mode}: {settled:?} became {resident}, {mappings}, {guards}"
                    );
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(63), "too slow");
        }
    });
}

/// Calls itself until so many bytes of the stack are in use, counted from `top`.
fn recurse(top: usize, bytes: usize) -> usize {
    let frame = black_box([1u8; 512]);
    let depth = top - std::ptr::from_ref(&frame).addr();
    let below = if depth < bytes {
        recurse(top, bytes)
    } else {
        0
    };
    below + usize::from(black_box(frame)[0])
}

/// A server whose handlers use as much of their stacks as they are told to.
fn recursing_server(mode: Mode) -> Running {
    case(mode).serve_blocking(|_| {
        |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
            let mut line = String::new();
            while stream.read_line(&mut line)? > 0 {
                let top = std::ptr::from_ref(&line).addr();
                let frames = recurse(top, line.trim_end().parse()?);
                writeln!(stream, "{}", frames > 0)?;
                line.clear();
            }
            Ok(())
        }
    })
}

#[test]
fn half_of_a_stack_may_be_used() {
    for mode in [Mode::Serial, Mode::Threads, Mode::Reactor { loops: 1 }] {
        let server = recursing_server(mode);
        let half = Config::default().coroutine_stack_bytes / 2;
        let mut client = server.connect();
        for _ in 0..3 {
            client.send(format!("{half}\n")).expect("true\n");
        }
    }
}

#[test]
fn a_stack_that_overflows_ends_the_process() {
    let output = in_a_process_of_its_own("a_stack_that_overflows_ends_the_process", || {
        // Nobody wants to look into what is left of it.
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        setrlimit(Resource::Core, none).expect("a limit can be lowered");
        let server = recursing_server(Mode::Reactor { loops: 1 });
        let mut client = server.connect();
        client.send(format!("{}\n", 64 << 20));
        client.read_to_the_end();
    });
    if let Some(output) = output {
        let signal = output.status.signal();
        assert!(
            matches!(signal, Some(6 | 7 | 11)),
            "{}: SIGABRT, SIGBUS or SIGSEGV is what a guard page means",
            output.status
        );
    }
}

#[test]
fn a_client_takes_one_descriptor() {
    alone("a_client_takes_one_descriptor", || {
        // Nobody accepts, so that all that is counted is on this side.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let before = descriptors();
        let mut client = Stream::connect(&address).expect("it listens");
        assert_eq!(descriptors(), before + 1);
        client.write_all(b"hello").expect("there is room");
        client.flush().expect("there is room");
        client.set_read_timeout(Some(Duration::from_millis(1)));
        client.set_write_timeout(Some(Duration::from_millis(1)));
        assert!(client.read(&mut [0; 1]).is_err());
        client.sleep(Duration::from_millis(1)).expect("it is open");
        assert_eq!(descriptors(), before + 1);
        let remote = client.remote().expect("it is open");
        assert!(client.read(&mut [0; 1]).is_err());
        // What other threads wake it by.
        assert_eq!(descriptors(), before + 2);
        drop(client);
        assert!(remote.is_closed());
        drop(remote);
        assert_eq!(descriptors(), before);
    });
}

/// How a handler begins.
type Begin = fn(&mut Stream<'_>) -> Result<(), HandlerError>;

#[test]
fn a_handler_on_a_thread_takes_one_descriptor() {
    alone("a_handler_on_a_thread_takes_one_descriptor", || {
        let ways: [(usize, Begin); 3] = [
            (0, |_| Ok(())),
            (0, |stream| {
                stream.set_read_timeout(Some(Duration::from_secs(60)));
                stream.sleep(Duration::from_millis(1))?;
                Ok(())
            }),
            // What other threads wake it by.
            (1, |stream| {
                stream.remote()?;
                Ok(())
            }),
        ];
        let before = descriptors();
        for (more, begin) in ways {
            for (mode, clients) in [
                (Mode::Serial, 1),
                (Mode::Threads, 10),
                (Mode::Pool { workers: 10 }, 10),
            ] {
                let server = case(mode).serve_blocking(move |_| {
                    move |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
                        begin(stream)?;
                        echo_lines(stream)
                    }
                });
                // The server itself is complete when it answers.
                let mut first = server.connect();
                first.send("hello\n").expect("hello\n");
                let with_one = descriptors();
                let mut others: Vec<Client> = (1..clients).map(|_| server.connect()).collect();
                for client in &mut others {
                    client.send("hello\n").expect("hello\n");
                }
                // Each connection has two ends here.
                let expected = with_one + (clients - 1) * (2 + more);
                eventually("all to wait", || (descriptors() == expected).then_some(()));
                for client in &mut others {
                    client.send("still\n").expect("still\n");
                }
                assert_eq!(descriptors(), expected, "{mode}, {more} more");
                drop((first, others));
                server.stop();
                // Not before the last thread of the server is gone.
                eventually("all to be closed", || {
                    (descriptors() == before).then_some(())
                });
            }
        }
    });
}
