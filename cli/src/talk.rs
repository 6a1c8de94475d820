//! `talk`: the other end of a conversation in lines, both ways at once or in turns.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Args;
use socket2::Socket;
use socketserver::Endpoint;
use socketserver_handlers::chat::Text;

use crate::connect::{broken, exit_when_interrupted, unreachable};
use crate::exit::{Code, Failure};
use crate::incoming::{Incoming, LINE_BYTES_MAX};
use crate::keyboard::{Above, Keyboard, Opened, Place, Restored, Typed};
use crate::lines::Line;
use crate::units::{self, Limit};

/// Talks to a server in lines, as the other end of 'serve talk' or of a tutorial's server.
///
/// What is typed is sent line by line, and what comes is shown, at a terminal above what is being typed. At the end of the input the connection is
/// half-closed, and it is over when the server ends. With --turns a line is sent, its answer is waited for and shown, and so on, until the
/// answer is the quit word or the input ends.
///
/// A server that sends no line ends is understood as well: until it has sent its first one, its lines also end with 50 ms of silence.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where the server listens: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME
    endpoint: Endpoint,
    /// How long connecting may take, over all addresses of a host; none for as long as the system waits
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
    #[command(flatten)]
    turns: TurnOptions,
}

/// Whether, and until when, both sides speak in turns.
#[derive(Args, Debug)]
#[command(next_help_heading = "Talk")]
pub(crate) struct TurnOptions {
    /// Speak in turns, as tutorials do: the client says a line, the server answers it, and so on
    #[arg(long, env = "SOCKETSERVER_TURNS", value_parser = units::switch)]
    turns: bool,
    /// With --turns: the answer that ends a conversation [default: q]
    #[arg(long, value_name = "WORD", env = "SOCKETSERVER_QUIT_WORD")]
    quit_word: Option<String>,
}

impl TurnOptions {
    /// The first option that was said, if one was.
    pub(crate) fn first_said(&self) -> Option<&'static str> {
        match self.quit_word {
            _ if self.turns => Some("--turns"),
            Some(_) => Some("--quit-word"),
            None => None,
        }
    }

    /// The word that ends a conversation in turns, or none for one that has no turns.
    pub(crate) fn quit_word(&self) -> Result<Option<String>, Failure> {
        let fault = match &self.quit_word {
            Some(_) if !self.turns => {
                "--quit-word ends a conversation in turns, and this one has none: add --turns"
            }
            Some(word) if word.contains(['\n', '\r']) => {
                "--quit-word is one line: leave out its line end"
            }
            Some(word) => return Ok(Some(word.clone())),
            None => return Ok(self.turns.then(|| "q".to_owned())),
        };
        Err(Failure::new(Code::Usage, fault))
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let quit_word = options.turns.quit_word()?;
    if options.endpoint.is_datagram() {
        let sentence = format!(
            "talk needs a stream, and {} has datagrams: use connect or udp-chat",
            options.endpoint
        );
        return Err(Failure::new(Code::Usage, sentence));
    }
    let Limit(timeout) = options.connect_timeout;
    let connected = options.endpoint.connect(timeout);
    let socket = connected.map_err(|error| unreachable(&options.endpoint, &error))?;
    let socket = Arc::new(Socket::from(socket));
    let Opened {
        keyboard,
        above,
        restored,
    } = Keyboard::open(LINE_BYTES_MAX, Place::Output, ())?;
    end_when_interrupted(&keyboard, &restored)?;
    match quit_word {
        Some(word) => in_turns(keyboard, &above, &socket, &word),
        None => at_once(keyboard, &above, &socket),
    }
}

fn end_when_interrupted(keyboard: &Keyboard<()>, restored: &Restored) -> Result<(), Failure> {
    if keyboard.is_terminal() {
        return restored.also_at_signals();
    }
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))
}

/// A line, an answer, and so on.
fn in_turns(
    mut keyboard: Keyboard<()>,
    above: &Above,
    socket: &Arc<Socket>,
    quit_word: &str,
) -> Result<(), Failure> {
    let mut incoming = Incoming::new(socket.clone());
    loop {
        let line = match keyboard.next()? {
            Typed::Line(line) => line,
            Typed::Interrupt => return Err(Failure::told(Code::Interrupted)),
            Typed::End => return Ok(()),
        };
        // What is too long is said, and the next line may be better.
        let Some(bytes) = sendable(&line) else {
            continue;
        };
        let sent = send(socket, bytes);
        let answer = match sent.and_then(|()| incoming.next()) {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => None,
            Err(error) => return Err(broken(&error)),
        };
        let Some(answer) = answer else {
            return Err(Failure::new(
                Code::Failed,
                format!(
                    "the server has ended the conversation without an answer, and without '{quit_word}' (see --quit-word)"
                ),
            ));
        };
        if !show(&answer, above)? || is_word(&answer, quit_word) {
            return Ok(());
        }
    }
}

fn is_word(line: &Line, word: &str) -> bool {
    line.bytes.as_deref() == Some(word.as_bytes())
}

/// Both ways at once, until the server ends.
fn at_once(keyboard: Keyboard<()>, above: &Above, socket: &Arc<Socket>) -> Result<(), Failure> {
    let trouble = Arc::new(Mutex::new(None));
    let (shared, sending) = (trouble.clone(), socket.clone());
    let spawned = thread::Builder::new()
        .name("typing".into())
        .spawn(move || send_all(keyboard, &sending, &shared));
    spawned.map_err(|error| Failure::system("cannot start a thread", &error))?;
    let mut incoming = Incoming::new(socket.clone());
    let received = loop {
        match incoming.next() {
            Ok(Some(line)) => match show(&line, above) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(failure) => break Err(failure),
            },
            Ok(None) => break Ok(()),
            Err(error) => break Err(broken(&error)),
        }
    };
    // It makes a send that waits return. A peer that is gone already needs no end.
    let _ = socket.shutdown(Shutdown::Both);
    // A reset is told to only one of the two directions, which holds the lock while it sends.
    let trouble = trouble
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    trouble.map_or(received, Err)
}

/// Sends what is typed, on a thread that is left alone when the server has ended.
fn send_all(mut keyboard: Keyboard<()>, socket: &Socket, trouble: &Mutex<Option<Failure>>) {
    let trouble = || trouble.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match keyboard.next() {
            Ok(Typed::Line(line)) => {
                let Some(bytes) = sendable(&line) else {
                    continue;
                };
                let mut trouble = trouble();
                match send(socket, bytes) {
                    Ok(()) => {}
                    // The peer has ended both directions, which is its right; the other thread sees it too.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return,
                    Err(error) => return *trouble = Some(broken(&error)),
                }
            }
            Ok(Typed::Interrupt) => {
                *trouble() = Some(Failure::told(Code::Interrupted));
                let _ = socket.shutdown(Shutdown::Both);
                return;
            }
            Ok(Typed::End) => break,
            Err(failure) => {
                *trouble() = Some(failure);
                break;
            }
        }
    }
    let _ = socket.shutdown(Shutdown::Write);
}

/// What of a line is sent. One that is too long is said, and left out.
fn sendable(line: &Line) -> Option<&[u8]> {
    if line.bytes.is_none() {
        let sentence = format!(
            "line {} has {} bytes and was left out, since at most {LINE_BYTES_MAX} are sent at once (send it in parts)",
            line.number, line.size
        );
        let _ = Failure::new(Code::Failed, sentence).say();
    }
    line.bytes.as_deref()
}

fn send(mut socket: &Socket, line: &[u8]) -> io::Result<()> {
    socket.write_all(&[line, b"\n"].concat())
}

/// Shows a line that has come; false when nobody reads it.
fn show(line: &Line, above: &Above) -> Result<bool, Failure> {
    let Some(bytes) = &line.bytes else {
        above.note(&format!("a line of {} bytes was left out", line.size));
        return Ok(true);
    };
    match above.show(&Text::clean_lossy(bytes)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::system("cannot write to standard output", &error)),
    }
}
