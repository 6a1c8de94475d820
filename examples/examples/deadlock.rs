//! A deadlock: the client writes everything before it reads anything, and the server cannot get rid of its answers.
//!
//! In Python these are the lines, which hang for ever once `data` is longer than all buffers on the way:
//!
//! ```python
//! client.sendall(data)
//! answer = client.recv(len(data))
//!
//! while data := connection.recv(65536): connection.sendall(data)
//! ```
//!
//! Each side waits in writing for the other one to read. Nothing but a limit on that time ends it, and every server here has
//! one. `full_duplex` shows what the client should have done, and `patient_server` what the server can do.
//!
//! Run: `cargo run -p socketserver-examples --example deadlock [ENDPOINT]` (`:9000` without one). Control-D ends it.

use std::io::{self, Read, Write};
use std::{error::Error, thread, time::Duration};

use socketserver::{Config, HandlerError, Mode, Server, Stream, StreamServer};

/// More than the buffers of both systems take.
const QUESTION_BYTES: usize = 64 * 1024 * 1024;

/// Sends back what it receives, piece by piece.
fn echo(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut buffer = [0; 16 * 1024];
    while let count @ 1.. = stream.read(&mut buffer)? {
        stream.write_all(&buffer[..count])?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let config = Config {
        mode: Mode::Threads,
        write_timeout: Some(Duration::from_secs(1)),
        ..Config::default()
    };
    let builder = StreamServer::builder().config(config);
    let server = builder.endpoint(&endpoint)?.bind()?;
    println!("listening {}", server.addresses()[0]);
    let mut client = Stream::connect(&server.addresses()[0].to_string())?;
    let echo = |stream: &mut Stream<'_>| {
        echo(stream)
            .inspect_err(|error| println!("server: I have answers that nobody reads: {error}"))
    };
    thread::spawn(move || server.serve_forever_blocking(move |_peer| echo));
    println!("client: I send {QUESTION_BYTES} bytes and read nothing before they are sent");
    match client.write_all(&vec![b'?'; QUESTION_BYTES]) {
        Ok(()) => println!("client: this system has room for all of them"),
        Err(error) => println!("client: I have not come to reading: {error}"),
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
