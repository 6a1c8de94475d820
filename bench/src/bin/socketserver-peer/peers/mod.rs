//! Servers that are not ours, to measure ours against: what they are told, and where they listen.
//!
//! Each is written as a good programmer would write it who knows the tool and wants it fast, and does what our handlers do to the byte: a
//! comparison with a peer that is lazy, or wrong, would flatter us.

mod epoll;
mod failure;
mod lines;
mod task;
mod threads;
mod tokio;

use std::io::{self, Write};
use std::net::SocketAddr;

use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, Type};
use socketserver::Endpoint;

use self::failure::Failure;
use self::task::Task;

/// How the command is written.
const USAGE: &str = "write socketserver-peer tokio|tokio-threads|epoll|threads ENDPOINT \
    [--handler echo|uppercase|work:TIME|wait:TIME]";

/// How many connections may wait to be accepted. The kernel has a maximum of its own, which is 4096 nowadays.
const BACKLOG: i32 = 4096;

/// With what a peer is written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Tasks of tokio on one thread.
    Tokio,
    /// Tasks of tokio on as many threads as there are processors.
    TokioThreads,
    /// Our own loop around `epoll_wait`.
    Epoll,
    /// A thread for each connection.
    Threads,
}

/// What the command line asks for.
#[derive(Debug)]
struct Order {
    kind: Kind,
    endpoint: Endpoint,
    task: Task,
}

/// Serves until a signal ends the process, or fails before.
pub(crate) fn run(words: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(order) = Order::read(words)? else {
        return print(USAGE);
    };
    raise_descriptor_limit();
    let listener = listen(&order.endpoint)?;
    announce(&listener, &order.endpoint)?;
    let task = order.task;
    let served = match order.kind {
        Kind::Tokio => tokio::run(listener, task, tokio::Threads::One),
        Kind::TokioThreads => tokio::run(listener, task, tokio::Threads::OneForEachProcessor),
        Kind::Epoll => epoll::run(listener, task),
        Kind::Threads => threads::run(&listener, task),
    };
    served.map_err(|error| Failure::system("cannot serve", &error))
}

impl Order {
    /// None when help is asked for.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, Failure> {
        let (mut kind, mut endpoint, mut task) = (None, None, Task::ECHO);
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Ok(None);
            } else if word == "--handler" {
                let missing = || Failure::usage("--handler needs a value: write --handler echo");
                task = Task::read(&words.next().ok_or_else(missing)?)?;
            } else if let Some(handler) = word.strip_prefix("--handler=") {
                task = Task::read(handler)?;
            } else if word.starts_with('-') {
                return Err(Failure::usage(format!("'{word}' is not a flag: {USAGE}")));
            } else if kind.is_none() {
                kind = Some(Kind::read(&word)?);
            } else if endpoint.is_none() {
                endpoint = Some(read_endpoint(&word)?);
            } else {
                return Err(Failure::usage(format!("'{word}' is too much: {USAGE}")));
            }
        }
        match (kind, endpoint) {
            (None, _) => Err(Failure::usage(format!(
                "the kind of server is missing: {USAGE}"
            ))),
            (_, None) => Err(Failure::usage(format!("the endpoint is missing: {USAGE}"))),
            (Some(kind), Some(endpoint)) => Ok(Some(Self {
                kind,
                endpoint,
                task,
            })),
        }
    }
}

impl Kind {
    fn read(word: &str) -> Result<Self, Failure> {
        match word {
            "tokio" => Ok(Self::Tokio),
            "tokio-threads" => Ok(Self::TokioThreads),
            "epoll" => Ok(Self::Epoll),
            "threads" => Ok(Self::Threads),
            _ => Err(Failure::usage(format!(
                "'{word}' is not a kind of server: write tokio, tokio-threads, epoll or threads"
            ))),
        }
    }
}

fn read_endpoint(word: &str) -> Result<Endpoint, Failure> {
    match word.parse() {
        Ok(endpoint @ (Endpoint::Tcp { .. } | Endpoint::Unix(_))) => Ok(endpoint),
        Ok(_) => Err(Failure::usage(format!(
            "'{word}' is not served by peers: write tcp://HOST:PORT or unix:PATH"
        ))),
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

/// Thousands of connections need as many descriptors. Where the system allows fewer, those beyond wait to be accepted.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // It can only fail where the limit stays as it was.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn listen(endpoint: &Endpoint) -> Result<Socket, Failure> {
    let bound = match endpoint {
        Endpoint::Unix(path) => {
            SockAddr::unix(path).and_then(|address| bind(Domain::UNIX, &address))
        }
        tcp => tcp.resolve().and_then(|addresses| bind_first(&addresses)),
    };
    bound.map_err(|error| Failure::bind(endpoint, &error))
}

fn bind_first(addresses: &[SocketAddr]) -> io::Result<Socket> {
    let Some(&address) = addresses.first() else {
        return Err(io::Error::other("the host has no address"));
    };
    bind(Domain::for_address(address), &address.into())
}

fn bind(domain: Domain, address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    if domain != Domain::UNIX {
        socket.set_reuse_address(true)?;
        // Linux gives it to every connection that is accepted here, which saves a call for each.
        socket.set_tcp_nodelay(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Says where clients may connect, in the words of `socketserver serve`.
fn announce(listener: &Socket, endpoint: &Endpoint) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::system("cannot tell where it listens", &error))?;
    match address.as_socket() {
        Some(address) => print(&format!("listening tcp://{address}")),
        None => print(&format!("listening {endpoint}")),
    }
}

fn print(line: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        // Whoever reads no further knows enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}
