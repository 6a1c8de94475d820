//! `connect`: joins standard input and output to a server, as `nc` does.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use signal_hook::consts::SIGINT;
use socket2::Socket;
use socketserver::Endpoint;

use crate::exit::{Code, Failure, INTERRUPTED, cause};
use crate::units::{self, Limit};

/// Joins standard input and output to a server.
///
/// At the end of the input the connection is half-closed, so that the peer knows and can still answer. It ends when the
/// peer ends.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where to connect: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME
    endpoint: Endpoint,
    /// How long each address of a host may take to answer; none for as long as the system waits
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
}

/// How many bytes move at once in each direction.
const CHUNK: usize = 64 * 1024;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let socket = Arc::new(open(&options.endpoint, options.connect_timeout)?);
    let sending = Sending::start(socket.clone())?;
    receive(&socket)?;
    sending.end(&socket)
}

/// Nothing is kept in buffers, so that the process may end anywhere.
pub(crate) fn exit_when_interrupted() -> io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGINT, INTERRUPTED, always)?;
    Ok(())
}

fn open(endpoint: &Endpoint, timeout: Limit<Duration>) -> Result<Socket, Failure> {
    let connected = match endpoint {
        Endpoint::Unix(path) => open_unix(path),
        Endpoint::UnixAbstract(name) => open_abstract(name),
        _ => return open_tcp(endpoint, timeout),
    };
    connected.map_err(|error| unreachable(endpoint, &error))
}

/// Tries every address of the host, in the order of the resolver.
fn open_tcp(endpoint: &Endpoint, Limit(timeout): Limit<Duration>) -> Result<Socket, Failure> {
    let addresses = endpoint.resolve().map_err(|error| {
        Failure::new(
            Code::Connect,
            format!("cannot resolve the host of {endpoint}: {}", cause(&error)),
        )
    })?;
    let mut result = Err(io::Error::new(
        ErrorKind::NotFound,
        "the host name has no address",
    ));
    for address in addresses {
        result = match timeout {
            Some(timeout) => TcpStream::connect_timeout(&address, timeout),
            None => TcpStream::connect(address),
        };
        if result.is_ok() {
            break;
        }
    }
    let stream = result.map_err(|error| unreachable(endpoint, &error))?;
    // What is typed leaves at once. Without this it would only leave later.
    let _ = stream.set_nodelay(true);
    Ok(stream.into())
}

fn open_unix(path: &Path) -> io::Result<Socket> {
    UnixStream::connect(path).map(Socket::from)
}

#[cfg(target_os = "linux")]
fn open_abstract(name: &str) -> io::Result<Socket> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    UnixStream::connect_addr(&address).map(Socket::from)
}

#[cfg(not(target_os = "linux"))]
fn open_abstract(_name: &str) -> io::Result<Socket> {
    Err(ErrorKind::Unsupported.into())
}

pub(crate) fn unreachable(endpoint: &Endpoint, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::ConnectionRefused => " (no server listens there)",
        ErrorKind::NotFound if matches!(endpoint, Endpoint::Unix(_)) => {
            " (no server has made this socket)"
        }
        ErrorKind::TimedOut => " (it does not answer: see --connect-timeout)",
        _ => "",
    };
    Failure::new(
        Code::Connect,
        format!("cannot connect to {endpoint}: {}{advice}", cause(error)),
    )
}

/// Copies what the peer sends to standard output, until the peer ends or nobody reads.
fn receive(mut socket: &Socket) -> Result<(), Failure> {
    // The bare file: the buffer of standard output would hold back what has no end of line yet.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let mut output =
        File::from(stdout.map_err(|error| Failure::system("cannot use standard output", &error))?);
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match socket.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(&error)),
        };
        match output.write_all(&chunk[..count]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::system("cannot write to standard output", &error)),
        }
    }
}

fn broken(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionReset => Failure::new(Code::Failed, "the peer reset the connection"),
        _ => Failure::system("the connection broke", error),
    }
}

/// The thread that copies standard input to the peer, as far as the other direction can know it.
struct Sending {
    /// Why it ended early. The thread holds the lock while it sends: a reset is told to only one of the two directions,
    /// and the other one must be able to wait for that news.
    trouble: Arc<Mutex<Option<Failure>>>,
}

impl Sending {
    fn start(socket: Arc<Socket>) -> Result<Self, Failure> {
        let trouble = Arc::new(Mutex::new(None));
        let shared = trouble.clone();
        let send = move || send(&socket, &shared);
        let spawned = thread::Builder::new().name("sending".into()).spawn(send);
        spawned.map_err(|error| Failure::system("cannot start a thread", &error))?;
        Ok(Self { trouble })
    }

    /// The peer has ended: nothing more can be sent, and the thread is left alone with standard input.
    fn end(self, socket: &Socket) -> Result<(), Failure> {
        // It makes a send that waits return. A peer that is gone already needs no end.
        let _ = socket.shutdown(Shutdown::Both);
        let trouble = self
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        trouble.map_or(Ok(()), Err)
    }
}

fn send(mut socket: &Socket, trouble: &Mutex<Option<Failure>>) {
    let tell = |failure| *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    let mut input = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => File::from(stdin),
        Err(error) => return tell(Failure::system("cannot use standard input", &error)),
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => {
                let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
                match socket.write_all(&chunk[..count]) {
                    Ok(()) => {}
                    // The peer has ended both directions, which is its right; the other thread sees it too.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return,
                    Err(error) => return *trouble = Some(broken(&error)),
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tell(Failure::system("cannot read standard input", &error));
                break;
            }
        }
    }
    // The end of the input, also of a broken one: the peer must not wait for more.
    let _ = socket.shutdown(Shutdown::Write);
}
