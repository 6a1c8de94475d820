//! A client: it sends a text, or the lines of its input one after the other, and prints what comes back for each.
//!
//! In Python these are the lines, which print half an answer when TCP has cut it:
//!
//! ```python
//! client = socket.create_connection(("127.0.0.1", 9000))
//! for line in sys.stdin:
//!     client.send(line.encode())
//!     print(client.recv(1024).decode())
//! ```
//!
//! A client has the same `Stream` as a handler. Here both sides know how long the answer is: as long as the question.
//!
//! Run: `cargo run -p socketserver-examples --example uppercase_client [ENDPOINT [TEXT]]` (`:9000` without them).
//! Try: start `uppercase_server` in another terminal first. Control-D ends the client.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use socketserver::Stream;

/// A server that says nothing for longer is taken to be out of order.
const PATIENCE: Duration = Duration::from_secs(10);

fn ask(stream: &mut Stream<'_>, question: &[u8]) -> Result<(), Box<dyn Error>> {
    stream.write_all(question)?;
    let mut answer = vec![0; question.len()];
    if !question.is_empty() && !stream.read_exact_or_end(&mut answer)? {
        return Err("the server has closed the connection without an answer".into());
    }
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| ":9000".into());
    let mut stream = Stream::connect(&endpoint)
        .map_err(|error| format!("cannot connect to {endpoint}: {error} (is a server there?)"))?;
    stream.set_read_timeout(Some(PATIENCE));
    if let Some(text) = arguments.next() {
        return ask(&mut stream, text.as_bytes());
    }
    for line in io::stdin().lock().split(b'\n') {
        ask(&mut stream, &line?)?;
    }
    Ok(())
}
