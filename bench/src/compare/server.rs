//! A server that takes part, as a process: it is started, says where it listens, and is ended.

use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use socketserver::Endpoint;
use tempfile::TempDir;

use super::{Comparison, Entrant, ForeignCommand, StartServerError, Transport};
use crate::load::Conversation;
use crate::watch::udp_sockets;

/// How long a server may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take until it has ended, before it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How long is waited for the last words of a process that has ended.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);
/// How often is looked whether a process has ended, or listens, where nothing tells.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How many connections a server must be able to hold besides those of the load.
const CONNECTIONS_RESERVE: usize = 16;
/// The shortest queue of a listener.
const BACKLOG_MIN: usize = 1024;

/// A server that runs. It ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    endpoint: Endpoint,
    /// Where the socket and the report are, if there are any.
    folder: TempDir,
    last_words: LastWords,
}

/// What a server says of its life after it has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Life {
    /// All system calls for its connections.
    pub(super) system_calls: Option<u64>,
    /// Those that every message takes part in: waiting, receiving, sending.
    pub(super) transfers: Option<u64>,
}

/// What kind of port a server of somebody else is given.
#[derive(Clone, Copy, Debug)]
enum Port {
    Tcp,
    Udp,
}

/// The last line that a process has written on standard error.
#[derive(Debug, Default)]
struct LastWords {
    line: Arc<Mutex<Option<String>>>,
    /// Reads it.
    reader: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        comparison: &Comparison,
        entrant: &Entrant,
        connections: usize,
        files: Option<&Path>,
        stop: &AtomicBool,
    ) -> Result<Self, StartServerError> {
        let folder = TempDir::new().map_err(StartServerError::System)?;
        match entrant {
            Entrant::Mode(mode, style) | Entrant::Control(mode, style) => {
                let room = connections + comparison.stuck + CONNECTIONS_RESERVE;
                let mut command = Command::new(&comparison.program);
                command
                    .args(["serve", &comparison.conversation.handler()])
                    .arg(own_endpoint(comparison.transport, &folder))
                    .args(["--mode", &mode.to_string()])
                    .args(["--max-connections", &room.to_string()])
                    .args(["--backlog", &room.max(BACKLOG_MIN).to_string()])
                    .arg(format!("--nodelay={}", comparison.nodelay))
                    .arg("--stats-file")
                    .arg(folder.path().join(STATS))
                    .arg("--quiet");
                // Whoever measures says more in a second than anybody may who does not.
                match comparison.conversation {
                    Conversation::Chat => command.args(["--flood", "off"]),
                    _ => command.args(["--style", style.word()]),
                };
                if let Some(folder) = files {
                    command
                        .arg("--root")
                        .arg(folder)
                        .args(["--anonymous", "rw"]);
                }
                Self::announced(command, folder, stop)
            }
            Entrant::Peer(_) if comparison.conversation.has_files() => Err(StartServerError::Files),
            Entrant::Peer(_) if comparison.conversation == Conversation::Chat => {
                Err(StartServerError::Chat)
            }
            Entrant::Peer(_) if comparison.transport.is_datagram() => {
                Err(StartServerError::Transport)
            }
            Entrant::Peer(kind) => {
                let program = comparison.peer_program.as_ref();
                let mut command = Command::new(program.ok_or(StartServerError::NoPeers)?);
                command
                    .arg(kind.word())
                    .arg(own_endpoint(comparison.transport, &folder))
                    .args(["--handler", &comparison.conversation.handler()]);
                Self::announced(command, folder, stop)
            }
            Entrant::Foreign(foreign) => match comparison.transport {
                Transport::Tcp => Self::foreign(foreign, Port::Tcp, folder, stop),
                Transport::Udp => Self::foreign(foreign, Port::Udp, folder, stop),
                Transport::Unix | Transport::Unixgram => Err(StartServerError::Transport),
            },
        }
    }

    /// Starts a server that says where it listens.
    fn announced(
        mut command: Command,
        folder: TempDir,
        stop: &AtomicBool,
    ) -> Result<Self, StartServerError> {
        let (mut child, last_words) = spawn(&mut command, Stdio::piped())?;
        let lines = child.stdout.take().map(lines_of);
        let unknown = Endpoint::from(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut server = Self {
            child,
            endpoint: unknown,
            folder,
            last_words,
        };
        server.endpoint = server.announcement(lines.as_ref(), stop)?;
        Ok(server)
    }

    /// Waits for the line that says where it listens.
    fn announcement(
        &mut self,
        lines: Option<&Receiver<String>>,
        stop: &AtomicBool,
    ) -> Result<Endpoint, StartServerError> {
        let begun = Instant::now();
        while let Some(lines) = lines {
            match lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    let endpoint = line.strip_prefix("listening ").map(str::parse);
                    if let Some(Ok(endpoint)) = endpoint {
                        return Ok(endpoint);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.check_start("any port", begun, stop)?;
        }
        // Its output is closed, so that it ends by itself or is of no use.
        let until = Instant::now() + END_TIMEOUT;
        while Instant::now() < until {
            self.check_start("any port", begun, stop)?;
            thread::sleep(LOOK_EVERY);
        }
        Err(self.silent("any port"))
    }

    /// Starts a server that is told where to listen, and waits until it does.
    fn foreign(
        foreign: &ForeignCommand,
        kind: Port,
        folder: TempDir,
        stop: &AtomicBool,
    ) -> Result<Self, StartServerError> {
        let port = kind.free().map_err(StartServerError::System)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", &foreign.with_port(port)])
            .env("PORT", port.to_string());
        let (child, last_words) = spawn(&mut command, Stdio::null())?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self {
            child,
            endpoint: kind.endpoint(address),
            folder,
            last_words,
        };
        let begun = Instant::now();
        while !kind.is_served(address) {
            server.check_start(&format!("127.0.0.1:{port}"), begun, stop)?;
            thread::sleep(LOOK_EVERY);
        }
        Ok(server)
    }

    /// Whether it may still come to listen.
    fn check_start(
        &mut self,
        place: &str,
        begun: Instant,
        stop: &AtomicBool,
    ) -> Result<(), StartServerError> {
        if stop.load(Ordering::Relaxed) {
            return Err(StartServerError::Interrupted);
        }
        if let Some(status) = self.child.try_wait().map_err(StartServerError::System)? {
            return Err(StartServerError::Ended {
                status: status.to_string(),
                last_words: self.last_words.get_final(),
            });
        }
        if begun.elapsed() > START_TIMEOUT {
            return Err(self.silent(place));
        }
        Ok(())
    }

    fn silent(&self, place: &str) -> StartServerError {
        StartServerError::Silent {
            place: place.to_owned(),
            last_words: self.last_words.get(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, and reads what it says of its life.
    pub(super) fn end(mut self) -> Life {
        self.signal(Signal::TERM);
        let until = Instant::now() + END_TIMEOUT;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        Life::read(&self.folder)
    }

    /// Sends a signal to the process and to those that it has started.
    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // Whoever has ended needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // It is gone, or was so before.
        let _ = self.child.wait();
    }
}

/// The name of the file into which a server of ours writes what it has counted.
const STATS: &str = "stats.json";

impl Life {
    fn read(folder: &TempDir) -> Self {
        let text = std::fs::read_to_string(folder.path().join(STATS)).unwrap_or_default();
        let stats: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let Some(calls) = stats.get("system_calls").and_then(Value::as_object) else {
            return Self::default();
        };
        let of = |word: &str| calls.get(word).and_then(Value::as_u64).unwrap_or(0);
        Self {
            system_calls: Some(calls.values().filter_map(Value::as_u64).sum()),
            transfers: Some(of("wait") + of("receive") + of("send")),
        }
    }
}

impl LastWords {
    /// Reads what this pipe says.
    fn of(pipe: impl io::Read + Send + 'static) -> Self {
        let line = Arc::new(Mutex::new(None));
        let last = line.clone();
        let reader = thread::spawn(move || {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            for line in lines.filter(|line| !line.trim().is_empty()) {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
            }
        });
        Self {
            line,
            reader: Some(reader),
        }
    }

    fn get(&self) -> Option<String> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.clone()
    }

    /// The same when the process has ended: what it said last may still be in the pipe, which others may hold open.
    fn get_final(&self) -> Option<String> {
        let until = Instant::now() + LAST_WORDS_TIMEOUT;
        let is_read = || {
            self.reader
                .as_ref()
                .is_none_or(thread::JoinHandle::is_finished)
        };
        while !is_read() && Instant::now() < until {
            thread::sleep(LOOK_EVERY);
        }
        self.get()
    }
}

/// Where a server of ours is to listen.
fn own_endpoint(transport: Transport, folder: &TempDir) -> String {
    match transport {
        Transport::Tcp => "tcp://127.0.0.1:0".to_owned(),
        Transport::Unix => format!("unix:{}", folder.path().join("socket").display()),
        Transport::Udp => "udp://127.0.0.1:0".to_owned(),
        Transport::Unixgram => format!("unixgram:{}", folder.path().join("socket").display()),
    }
}

impl Port {
    /// One that nobody listens on at this moment.
    fn free(self) -> io::Result<u16> {
        let address = match self {
            Self::Tcp => TcpListener::bind("127.0.0.1:0")?.local_addr()?,
            Self::Udp => UdpSocket::bind("127.0.0.1:0")?.local_addr()?,
        };
        Ok(address.port())
    }

    fn endpoint(self, address: SocketAddr) -> Endpoint {
        match self {
            Self::Tcp => address.into(),
            Self::Udp => Endpoint::Udp {
                host: address.ip().to_string(),
                port: address.port(),
            },
        }
    }

    /// Whether somebody listens on it. A datagram would tell as well, and would be the first thing that the server sees: so the system is asked.
    fn is_served(self, address: SocketAddr) -> bool {
        match self {
            Self::Tcp => TcpStream::connect_timeout(&address, START_TIMEOUT).is_ok(),
            Self::Udp => udp_sockets().iter().any(|one| one.port == address.port()),
        }
    }
}

/// Starts a process in a group of its own, so that signals reach it with all that it starts, and none reaches it from a terminal.
fn spawn(command: &mut Command, stdout: Stdio) -> Result<(Child, LastWords), StartServerError> {
    // Settings for the servers of this user are not meant for these.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SOCKETSERVER_") {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .process_group(0);
    let mut child = command.spawn().map_err(|source| StartServerError::Spawn {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    let last_words = child
        .stderr
        .take()
        .map_or_else(LastWords::default, LastWords::of);
    Ok((child, last_words))
}

/// The lines of an output, read by a thread of their own, so that waiting for one can have a deadline.
fn lines_of(output: impl io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        // When nobody wants to know any more, the rest is still read, so that nobody blocks in writing it.
        lines.for_each(|line| drop(sender.send(line)));
    });
    lines
}
