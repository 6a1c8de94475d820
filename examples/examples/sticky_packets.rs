//! Sticky packets: ten messages are sent with ten calls and arrive with one. A codec takes them apart again.
//!
//! In Python these are the lines, which work until the day on which the receiver is busy for a moment:
//!
//! ```python
//! for number in range(10): client.sendall(b"message")
//! while message := connection.recv(1024): messages += 1
//! ```
//!
//! The first server counts what it reads, and the second one the messages: its codec finds where a line ends.
//!
//! Run: `cargo run -p socketserver-examples --example sticky_packets [ENDPOINT [ENDPOINT]]` (`:9000` and `:9001`).
//! Try `printf 'one\ntwo\n' | nc -N 127.0.0.1 9001`, too. Control-D ends the servers.

use std::io::{self, BufRead, Write};
use std::{error::Error, thread, time::Duration};

use socketserver::{HandlerError, Lines, Server, Stream, TcpServer};

/// How long the servers are busy before they read. What is sent meanwhile sticks together.
const BUSY: Duration = Duration::from_millis(300);

fn reads(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.sleep(BUSY)?;
    let mut reads = 0;
    while let length @ 1.. = stream.fill_buf()?.len() {
        stream.consume(length);
        reads += 1;
    }
    Ok(write!(stream, "{reads} found by counting reads")?)
}

fn messages(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    stream.sleep(BUSY)?;
    let (mut lines, mut messages) = (Lines::default(), 0);
    while stream.receive(&mut lines)?.is_some() {
        messages += 1;
    }
    Ok(write!(stream, "{messages} found by taking lines apart")?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut endpoints = std::env::args().skip(1);
    for (counts_lines, default) in [(false, ":9000"), (true, ":9001")] {
        let server = TcpServer::bind(endpoints.next().as_deref().unwrap_or(default))?;
        let mut client = Stream::connect(&server.addresses()[0].to_string())?;
        println!("listening {}", server.addresses()[0]);
        let count = if counts_lines { messages } else { reads };
        thread::spawn(move || server.serve_forever_blocking(move |_peer| count));
        for number in 0..10 {
            writeln!(client, "message {number}")?;
            client.flush()?;
        }
        client.shutdown_write()?;
        println!("10 messages were sent: {}", io::read_to_string(client)?);
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
