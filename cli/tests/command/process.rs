//! Runs the command, with deadlines for everything that is waited for.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use socket2::Socket;

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The command, not started yet, with pipes, and without settings from the environment of the tests.
pub(crate) fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_socketserver"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOCKETSERVER_"))
    {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running command, killed when the test ends before it does.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Incoming,
    pub(crate) stderr: Incoming,
}

/// How a command has ended, and what it had said that was not read before.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts a command given as one line of words.
    pub(crate) fn run(words: &str) -> Self {
        Self::start(&mut command(words.split_whitespace()))
    }

    /// Starts a command, whose standard streams may be other things than pipes.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: child
                .stdout
                .take()
                .map_or_else(Incoming::nothing, Incoming::from),
            stderr: child
                .stderr
                .take()
                .map_or_else(Incoming::nothing, Incoming::from),
            child,
        }
    }

    /// The address in the next line of standard output, where a client can connect.
    pub(crate) fn address(&mut self) -> String {
        let line = self.stdout.line();
        line.strip_prefix("listening ")
            .unwrap_or_else(|| panic!("{line:?} says no address"))
            .to_owned()
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(&[line.as_ref(), b"\n"].concat()).unwrap();
    }

    /// Types nothing more.
    pub(crate) fn types_no_more(&mut self) {
        drop(self.stdin.take());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        // Both streams end when the process does, which gives the wait its deadline.
        let stdout = self.stdout.rest();
        let stderr = String::from_utf8(self.stderr.rest()).unwrap();
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a pipe, read by a thread so that waiting for it has a deadline.
pub(crate) struct Incoming {
    chunks: Receiver<Vec<u8>>,
    pending: Vec<u8>,
}

impl Incoming {
    fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            chunks,
            pending: Vec::new(),
        }
    }

    fn nothing() -> Self {
        Self::from(std::io::empty())
    }

    /// False at the end.
    fn wait(&mut self) -> bool {
        self.wait_for(DEADLINE)
    }

    /// The same, for what takes longer than anything else.
    pub(crate) fn wait_for(&mut self, deadline: Duration) -> bool {
        match self.chunks.recv_timeout(deadline) {
            Ok(chunk) => self.pending.extend(chunk),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => {
                panic!(
                    "nothing came any more after {:?}",
                    String::from_utf8_lossy(&self.pending)
                )
            }
        }
        true
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line = self.pending.drain(..=end).collect::<Vec<_>>();
                return String::from_utf8(line).unwrap().trim_end().to_owned();
            }
            assert!(
                self.wait(),
                "it ended instead of a line: {:?}",
                String::from_utf8_lossy(&self.pending)
            );
        }
    }

    /// The next line that starts with one of these texts.
    pub(crate) fn line_with(&mut self, starts: &[&str]) -> String {
        loop {
            let line = self.line();
            if starts.iter().any(|start| line.starts_with(start)) {
                return line;
            }
        }
    }

    /// Everything until the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.wait() {}
        std::mem::take(&mut self.pending)
    }
}

/// A client of an address as the command prints it.
pub(crate) fn dial(address: &str) -> Socket {
    let socket: Socket = if let Some(address) = address.strip_prefix("tcp://") {
        TcpStream::connect(address).unwrap().into()
    } else if let Some(name) = address.strip_prefix("unix:@") {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).unwrap())
            .unwrap()
            .into()
    } else {
        UnixStream::connect(address.strip_prefix("unix:").unwrap())
            .unwrap()
            .into()
    };
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Sends everything, ends its side, and gives what comes back until the other side ends too.
pub(crate) fn exchange(address: &str, input: &[u8]) -> Vec<u8> {
    let socket = Arc::new(dial(address));
    let mut output = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut socket = &*socket;
            socket.write_all(input).unwrap();
            socket.shutdown(Shutdown::Write).unwrap();
        });
        (&*socket).read_to_end(&mut output).unwrap();
    });
    output
}

/// Bytes in which a shift, a loss or a repetition shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A path that no other test uses, and whose file is removed in the end.
pub(crate) struct Path(PathBuf);

impl Path {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("socketserver-cli-{}-{number}", std::process::id())))
    }

    /// A file with a text.
    pub(crate) fn with(text: &str) -> Self {
        let path = Self::new();
        std::fs::write(&path.0, text).unwrap();
        path
    }
}

impl std::ops::Deref for Path {
    type Target = std::path::Path;

    fn deref(&self) -> &std::path::Path {
        &self.0
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
