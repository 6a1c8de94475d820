//! `connect`: joins standard input and output to a server, as `nc` does.

pub(crate) mod datagrams;
mod framing;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use rustix::io::Errno;
use signal_hook::consts::SIGINT;
use socket2::Socket;
use socketserver::Endpoint;

use self::framing::{Filter, Framing};
use crate::exit::{Code, Failure, cause};
use crate::units::{self, Limit};

/// Joins standard input and output to a server.
///
/// At the end of the input the connection is half-closed, so that the peer knows and can still answer. It ends when the
/// peer ends.
///
/// To a server for datagrams each line is sent as one datagram, without its line end, and each datagram that comes is printed, with a line end
/// if it has none. Nothing tells the end there: after the end of the input it ends when nothing has come for a while. A line that no
/// datagram can carry is left out, and the exit code is 1 in the end.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where to connect: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME, and for datagrams
    /// udp://HOST:PORT, unixgram:PATH or unixgram:@NAME
    endpoint: Endpoint,
    /// How messages are told apart: each line of the input is sent as one message, and each message that comes is printed
    /// as one line, in which nothing can drive a terminal; without it, bytes pass as they are. Datagrams know lines only
    #[arg(long, value_enum, value_name = "FRAMING", env = "SOCKETSERVER_FRAMING")]
    framing: Option<Framing>,
    /// How long connecting may take, over all addresses of a host; none for as long as the system waits
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
    /// For datagrams: how long nothing may come after the end of the input before it is over; none to wait until it is interrupted
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_WAIT", default_value = "1s", value_parser = units::time_limit)]
    wait: Limit<Duration>,
}

/// How many bytes move at once in each direction.
const CHUNK: usize = 64 * 1024;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    options.check()?;
    if options.endpoint.is_datagram() {
        return datagrams::run(options);
    }
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let Limit(timeout) = options.connect_timeout;
    let connected = options.endpoint.connect(timeout);
    let socket = connected.map_err(|error| unreachable(&options.endpoint, &error))?;
    let socket = Arc::new(Socket::from(socket));
    let sending = Sending::start(socket.clone(), framing::outgoing(options.framing))?;
    let received = receive(&socket, &mut *framing::incoming(options.framing));
    match (sending.end(&socket), received) {
        // What was wrong with the input has been said, and the peer may well have broken off over it.
        (Err(failure), _) if failure.is_said() => Err(failure),
        (sent, received) => received.and(sent),
    }
}

impl Options {
    /// Whether the options are for what the endpoint carries.
    fn check(&self) -> Result<(), Failure> {
        match self.framing {
            Some(framing) if framing != Framing::Lines && self.endpoint.is_datagram() => {
                let sentence = format!(
                    "--framing {} is for streams, and {} has datagrams, which keep their boundaries: \
                     leave it out, or write lines",
                    framing.name(),
                    self.endpoint
                );
                Err(Failure::new(Code::Usage, sentence))
            }
            _ => Ok(()),
        }
    }
}

/// Nothing is kept in buffers, so that the process may end anywhere.
pub(crate) fn exit_when_interrupted() -> io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGINT, Code::Interrupted as i32, always)?;
    Ok(())
}

pub(crate) fn unreachable(endpoint: &Endpoint, error: &io::Error) -> Failure {
    let (what, advice) = match (error.kind(), endpoint) {
        (ErrorKind::NotFound, Endpoint::Tcp { .. } | Endpoint::Udp { .. }) => {
            ("resolve the host of", "")
        }
        (ErrorKind::NotFound, _) => ("connect to", " (no server has made this socket)"),
        (ErrorKind::ConnectionRefused, endpoint) if endpoint.is_datagram() => {
            ("connect to", " (no server receives there)")
        }
        (ErrorKind::ConnectionRefused, _) => ("connect to", " (no server listens there)"),
        (ErrorKind::PermissionDenied, Endpoint::Udp { .. }) => (
            "connect to",
            " (to a broadcast address only udp-chat --broadcast can send)",
        ),
        (ErrorKind::TimedOut, _) => ("connect to", " (it does not answer: see --connect-timeout)"),
        _ if Errno::from_io_error(error) == Some(Errno::PROTOTYPE) => (
            "connect to",
            " (it is a socket for the other kind: unix: is for streams, unixgram: for datagrams)",
        ),
        _ => ("connect to", ""),
    };
    Failure::new(
        Code::Connect,
        format!("cannot {what} {endpoint}: {}{advice}", cause(error)),
    )
}

/// Copies what the peer sends to standard output, until the peer ends or nobody reads.
fn receive(mut socket: &Socket, filter: &mut dyn Filter) -> Result<(), Failure> {
    // The bare file: the buffer of standard output would hold back what has no end of line yet.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let mut output =
        File::from(stdout.map_err(|error| Failure::system("cannot use standard output", &error))?);
    let (mut chunk, mut passed) = (vec![0; CHUNK], Vec::new());
    loop {
        let count = match socket.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(&error)),
        };
        let result = filter.pass(&chunk[..count], &mut passed);
        match output.write_all(&passed) {
            Ok(()) => passed.clear(),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::system("cannot write to standard output", &error)),
        }
        result?;
        if count == 0 {
            return Ok(());
        }
    }
}

pub(crate) fn broken(error: &io::Error) -> Failure {
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
    fn start(socket: Arc<Socket>, mut filter: Box<dyn Filter>) -> Result<Self, Failure> {
        let trouble = Arc::new(Mutex::new(None));
        let shared = trouble.clone();
        let send = move || send(&socket, &mut *filter, &shared);
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

fn send(mut socket: &Socket, filter: &mut dyn Filter, trouble: &Mutex<Option<Failure>>) {
    let trouble = || trouble.lock().unwrap_or_else(PoisonError::into_inner);
    let mut input = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(stdin) => File::from(stdin),
        Err(error) => {
            *trouble() = Some(Failure::system("cannot use standard input", &error));
            return;
        }
    };
    let (mut chunk, mut passed) = (vec![0; CHUNK], Vec::new());
    loop {
        let count = match input.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                *trouble() = Some(Failure::system("cannot read standard input", &error));
                break;
            }
        };
        let result = filter.pass(&chunk[..count], &mut passed);
        let mut trouble = trouble();
        match socket.write_all(&passed) {
            Ok(()) => passed.clear(),
            // The peer has ended both directions, which is its right; the other thread sees it too.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return,
            Err(error) => return *trouble = Some(broken(&error)),
        }
        if let Err(failure) = result {
            // Whoever types must know at once why nothing is sent any more, while the peer may still answer what was.
            *trouble = Some(failure.say());
            break;
        }
        if count == 0 {
            break;
        }
    }
    // The end of the input, also of a broken one: the peer must not wait for more.
    let _ = socket.shutdown(Shutdown::Write);
}
