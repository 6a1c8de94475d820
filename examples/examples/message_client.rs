//! The client of `message_server`: it sends a line, waits for the answer, and so on, until the answer is `q`.
//!
//! In Python these are the lines:
//!
//! ```python
//! while True:
//!     client.send(input().encode())
//!     answer = client.recv(1024).decode()
//!     print("server:", answer)
//!     if answer == "q": break
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example message_client [ENDPOINT]` (`:9000` without one).
//! Try: start `message_server` in another terminal first, type a line here, and answer it there. Control-D ends the client.

use std::error::Error;
use std::io;

use socketserver::{Lines, Stream};

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let mut stream = Stream::connect(&endpoint)
        .map_err(|error| format!("cannot connect to {endpoint}: {error} (is a server there?)"))?;
    let mut lines = Lines::default();
    for line in io::stdin().lines() {
        stream.send(line?.as_bytes(), &mut lines)?;
        let Some(answer) = stream.receive(&mut lines)? else {
            println!("the server has gone");
            break;
        };
        println!("server: {}", String::from_utf8_lossy(answer));
        if answer == b"q" {
            break;
        }
    }
    Ok(())
}
