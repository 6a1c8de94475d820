//! A file for everybody who asks: after the first bytes of a client the server sends the whole file, then closes.
//!
//! In Python these are the lines:
//!
//! ```python
//! class Sender(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         self.request.recv(65536)
//!         with open(path, "rb") as file:
//!             self.request.sendfile(file)
//! ```
//!
//! Both let the kernel move the pages. Here the call returns at once, one event loop sends to all clients in turns, and the
//! close comes after the last byte.
//!
//! Run: `cargo run --release -p socketserver-examples --example send_file ENDPOINT FILE`, for instance with `:9000`.
//! Try: `echo please | nc 127.0.0.1 9000 > copy`, and compare the copy with the file.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use socketserver::{Conn, Handler, HandlerError, Input, Server, TcpServer};

/// Sends one file.
struct Sender {
    path: PathBuf,
}

impl Handler for Sender {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // Whatever the client says is its wish to have the file.
        input.take_all();
        let file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        conn.send_file(file, 0..length);
        conn.close();
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(endpoint), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: send_file ENDPOINT FILE".into());
    };
    let path = PathBuf::from(path);
    let server = TcpServer::bind(&endpoint.to_string_lossy())?;
    println!("listening {}", server.addresses()[0]);
    server.serve_forever(move |_peer| Sender { path: path.clone() })?;
    Ok(())
}
