//! What becomes of a class with `setup`, `handle` and `finish`: a value that is made, used and dropped.
//!
//! In Python these are the lines, where `finish` does not run when `setup` has failed:
//!
//! ```python
//! class Greeter(socketserver.StreamRequestHandler):
//!     def setup(self): super().setup(); print("setup")
//!     def handle(self):
//!         name = self.rfile.readline().decode().strip(); print("handle", name)
//!         if not name: raise ValueError("a name is missing")
//!         self.wfile.write(f"hello {name}\n".encode())
//!     def finish(self): print("finish"); super().finish()
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example request_handler [ENDPOINT [MODE]]` (`:9000` and `threads`).
//! Try: `echo Anna | nc -N 127.0.0.1 9000`, then an empty line: `handle` fails, and `finish` comes all the same.

use std::io::{self, Write};
use std::{error::Error, thread};

use socketserver::{BlockingHandler, HandlerError, Server, Stream, StreamServer};

/// One conversation, whose fields are its memory.
struct Greeter(String);

impl BlockingHandler for Greeter {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        stream.read_line(&mut self.0)?;
        let name = self.0.trim();
        println!("handle {name}");
        if name.is_empty() {
            return Err("a name is missing".into());
        }
        Ok(writeln!(stream, "hello {name}")?)
    }
}

/// This is `finish`. It runs however the conversation has ended, and before the connection is closed.
impl Drop for Greeter {
    fn drop(&mut self) {
        println!("finish");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| ":9000".into());
    let mode = arguments.next().as_deref().unwrap_or("threads").parse()?;
    let builder = StreamServer::builder().mode(mode).endpoint(&endpoint)?;
    let server = builder.bind()?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever_blocking(|_peer| {
        println!("setup");
        Greeter(String::new())
    })?;
    Ok(())
}
