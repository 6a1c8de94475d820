//! A conversation in straight lines: what a client sends comes back in capital letters, for as long as it likes.
//!
//! In Python these are the lines:
//!
//! ```python
//! class Uppercase(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         while data := self.request.recv(1024):
//!             self.request.sendall(data.upper())
//!
//! socketserver.ThreadingTCPServer(("127.0.0.1", 9000), Uppercase).serve_forever()
//! ```
//!
//! The loop is the same. What waits in it is one thread for each client, or a few threads, or none: the mode says so.
//!
//! Run: `cargo run -p socketserver-examples --example uppercase_server [ENDPOINT [MODE]]` (`:9000` and `threads`).
//! Try: `nc 127.0.0.1 9000` in two terminals. With the mode `serial` the second one waits until the first has gone.

use std::error::Error;
use std::io::{self, Read, Write};
use std::thread;

use socketserver::{HandlerError, Mode, Server, Stream, TcpServer};

fn uppercase(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        // Only a to z have capital letters here, as with Python's bytes: all else returns as it came, however it is cut.
        buffer[..count].make_ascii_uppercase();
        stream.write_all(&buffer[..count])?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| ":9000".into());
    let mode: Mode = arguments.next().as_deref().unwrap_or("threads").parse()?;
    let server = TcpServer::bind(&endpoint)?.mode(mode);
    println!("listening {} in the mode {mode}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || {
        // Control-D ends the input, and the end of the input ends the server.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stop.stop();
    });
    let report = server.serve_forever_blocking(|peer| {
        println!("{peer} has come");
        uppercase
    })?;
    println!("{} clients were served", report.stats.accepted);
    Ok(())
}
