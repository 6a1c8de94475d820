//! `connect` to a server for datagrams: a line is a datagram, and only silence tells the end.
//!
//! One thread does it all, so that sending never keeps it from receiving. Two programs that both wait for room in the other's queue,
//! as can happen with Unix sockets, would wait for ever.

pub(crate) mod channel;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;
use socketserver::Endpoint;

use self::channel::Channel;
use super::Options;
use crate::exit::{Code, Failure, cause};
use crate::lines::{Line, Lines};
use crate::shown;
use crate::units::Limit;

/// How many datagrams are received before the next line gets its turn.
const RECEIVED_AT_ONCE_MAX: usize = 64;
/// Longer than any datagram that a system carries without being told to. Pages that are not touched take no memory.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut channel = Channel::open(&options.endpoint)
        .map_err(|error| super::unreachable(&options.endpoint, &error))?;
    (channel.end_when_interrupted())
        .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    Talk::new(options, &mut channel)?.run()
}

/// What goes on between standard input, standard output and a server.
struct Talk<'a> {
    endpoint: &'a Endpoint,
    channel: &'a mut Channel,
    lines: Lines<File>,
    /// A line for which there was no room.
    unsent: Option<Line>,
    /// The first line, while nothing else was sent and nothing has come: if it is refused, another address may take it.
    first: Option<Line>,
    output: File,
    /// Whether each datagram must be exactly one line.
    is_framed: bool,
    /// How long to wait after the end of the input.
    wait: Option<Duration>,
    buffer: Vec<u8>,
    /// The first thing that went wrong with the input, and was said already.
    trouble: Option<Failure>,
}

impl<'a> Talk<'a> {
    fn new(options: &'a Options, channel: &'a mut Channel) -> Result<Self, Failure> {
        let stdin = Lines::of_stdin(channel.bytes_max().unwrap_or(DATAGRAM_BYTES_MAX));
        // The bare file, since a datagram is to be seen at once.
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let Limit(wait) = options.wait;
        Ok(Self {
            endpoint: &options.endpoint,
            channel,
            lines: stdin.map_err(|error| Failure::system("cannot use standard input", &error))?,
            unsent: None,
            first: None,
            output: File::from(
                stdout.map_err(|error| Failure::system("cannot use standard output", &error))?,
            ),
            is_framed: options.framing.is_some(),
            wait,
            buffer: vec![0; DATAGRAM_BYTES_MAX],
            trouble: None,
        })
    }

    /// Goes on until there is silence after the end of the input, or nobody reads.
    fn run(mut self) -> Result<(), Failure> {
        while self.receive()? && (self.send()? || self.wait()?) {}
        self.trouble.map_or(Ok(()), Err)
    }

    /// Prints what has come; false when nobody reads it.
    fn receive(&mut self) -> Result<bool, Failure> {
        for _ in 0..RECEIVED_AT_ONCE_MAX {
            match self.channel.receive(&mut self.buffer) {
                Ok(size) => {
                    self.first = None;
                    if !self.print(size)? {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.send_elsewhere(&error)?,
            }
        }
        Ok(true)
    }

    /// Has the first line sent to another address of the host, since it was refused at this one.
    fn send_elsewhere(&mut self, error: &io::Error) -> Result<(), Failure> {
        let first = self.first.take().ok_or_else(|| self.refused(error))?;
        let refused = self.refused(error);
        if !self.channel.turn_to_next() {
            return Err(refused);
        }
        self.unsent = Some(first);
        Ok(())
    }

    /// Prints a datagram with one write, so that it is never mixed with another program's output; false when nobody reads it.
    fn print(&mut self, size: usize) -> Result<bool, Failure> {
        let datagram = &self.buffer[..size];
        let mut text = if self.is_framed {
            shown::line(datagram).into_bytes()
        } else {
            datagram.to_vec()
        };
        if self.is_framed || !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        match self.output.write_all(&text) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::system("cannot write to standard output", &error)),
        }
    }

    /// Sends the next line; false when none was read, or there is no room.
    fn send(&mut self) -> Result<bool, Failure> {
        let Some(line) = self.unsent.take().or_else(|| self.lines.next()) else {
            return Ok(false);
        };
        let Some(bytes) = &line.bytes else {
            self.leave_out(&line);
            return Ok(true);
        };
        match self.channel.send(bytes) {
            Ok(()) => {
                self.first = (line.number == 1).then_some(line);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.unsent = Some(line);
                Ok(false)
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::MSGSIZE) => {
                self.leave_out(&line);
                Ok(true)
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Says at once that a line is not sent. Those after it are messages of their own.
    fn leave_out(&mut self, line: &Line) {
        let most = match self.channel.bytes_max() {
            Some(max) => format!("at most {max}"),
            None => "less".to_owned(),
        };
        let failure = Failure::new(
            Code::Failed,
            format!(
                "line {} of standard input has {} bytes and was left out, since a datagram to {} can carry {most} \
                 (send it in parts)",
                line.number, line.size, self.endpoint
            ),
        );
        self.trouble = self.trouble.take().or(Some(failure.say()));
    }

    /// Waits for a datagram, for the next line, or for room; false when there was silence after the end.
    fn wait(&mut self) -> Result<bool, Failure> {
        let is_full = self.unsent.is_some();
        let mut events = PollFlags::IN;
        events.set(PollFlags::OUT, is_full);
        let mut ready = vec![PollFd::new(&*self.channel, events)];
        let wants_line = !is_full && !self.lines.is_ended();
        if wants_line {
            ready.push(PollFd::new(&self.lines, PollFlags::IN));
        }
        let silence = self.wait.filter(|_| !is_full && !wants_line);
        let timeout = silence.and_then(|silence| Timespec::try_from(silence).ok());
        match poll(&mut ready, timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Failure::system("cannot wait for datagrams", &error.into())),
        }
        // A pipe whose writer has gone reports that alone.
        if ready
            .get(1)
            .is_some_and(|input| !input.revents().is_empty())
        {
            self.read();
        }
        Ok(true)
    }

    fn read(&mut self) {
        if let Err(error) = self.lines.read() {
            let failure = Failure::system("cannot read standard input", &error).say();
            self.trouble = self.trouble.take().or(Some(failure));
        }
    }

    /// Neither a datagram nor the network says so at once: it is the fate of one that was sent before.
    fn refused(&self, error: &io::Error) -> Failure {
        let advice = match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::NotConnected => {
                " (no server receives there)"
            }
            _ => "",
        };
        let endpoint = self.channel.peer();
        let sentence = format!("cannot send to {endpoint}: {}{advice}", cause(error));
        Failure::new(Code::Connect, sentence)
    }
}
