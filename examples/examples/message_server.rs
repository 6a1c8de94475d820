//! A conversation in turns: a client sends a line, and you answer it here. Your `q` ends it; then the next client has its turn.
//!
//! In Python these are the lines, which take the end of a killed client for a message, and fail at the answer:
//!
//! ```python
//! while True:
//!     print("client:", connection.recv(1024).decode())
//!     connection.send((answer := input()).encode())
//!     if answer == "q": break
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example message_server [ENDPOINT]` (`:9000` without one).
//! Try: `message_client` in two other terminals, and answer what comes. Control-D ends the server.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::{error::Error, thread};

use socketserver::{HandlerError, Lines, Mode, Server, Stream, TcpServer};

fn talk(stream: &mut Stream<'_>, keys: &Mutex<mpsc::Receiver<String>>) -> Result<(), HandlerError> {
    let (mut lines, mut answer) = (Lines::default(), String::new());
    // An answer leaves before you are asked again. However a client goes, the next one has its turn: that is no error.
    while answer != "q"
        && stream.flush().is_ok()
        && let Ok(Some(line)) = stream.receive(&mut lines)
    {
        // What a client sends must not steer your terminal.
        let line = String::from_utf8_lossy(line).replace(char::is_control, "");
        println!("client: {line}");
        answer = match keys.lock().map(|keys| keys.recv()) {
            Ok(Ok(answer)) => answer,
            _ => break,
        };
        stream.send(answer.as_bytes(), &mut lines)?;
    }
    println!("the client has gone");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let server = TcpServer::bind(&endpoint)?.mode(Mode::Serial);
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    // A line is handed over when a client waits for it, so that there is never more than one.
    let (keyboard, keys) = mpsc::sync_channel(0);
    thread::spawn(move || {
        let mut lines = io::stdin().lines().map_while(Result::ok);
        let _ = lines.try_for_each(|line| keyboard.send(line));
        stop.stop();
    });
    let keys = Arc::new(Mutex::new(keys));
    server.serve_forever_blocking(move |_peer| {
        let keys = keys.clone();
        move |stream: &mut Stream<'_>| talk(stream, &keys)
    })?;
    Ok(())
}
