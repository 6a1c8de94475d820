//! The first server: it sends back what it receives. This is the rung on which everything else stands.
//!
//! In Python these are the lines:
//!
//! ```python
//! class Echo(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         while data := self.request.recv(65536):
//!             self.request.sendall(data)
//!
//! with socketserver.ThreadingTCPServer(("127.0.0.1", 9000), Echo) as server:
//!     server.serve_forever()
//! ```
//!
//! The loop around `recv` is gone: the server calls `received` whenever bytes have come, and closes when the peer does.
//!
//! Run: `cargo run -p socketserver-examples --example first_handler [ENDPOINT]` (`:9000` without one).
//! Try: `nc 127.0.0.1 9000`, then type lines; Control-C leaves.

use std::error::Error;

use socketserver::{Conn, Handler, HandlerError, Input, Server, TcpServer};

/// Sends back what it receives.
struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let server = TcpServer::bind(&endpoint)?;
    println!("listening {}", server.addresses()[0]);
    server.serve_forever(|_peer| Echo)?;
    Ok(())
}
