//! The smallest UDP server: it sends every datagram back to whoever has sent it.
//!
//! In Python these are the lines, which answer 8,192 bytes to a datagram of 8,193 and do not know it:
//!
//! ```python
//! class Echo(socketserver.DatagramRequestHandler):
//!     def handle(self):
//!         self.wfile.write(self.packet)
//!
//! with socketserver.UDPServer(("127.0.0.1", 9000), Echo) as server:
//!     server.serve_forever()
//! ```
//!
//! There is no connection, so that nobody comes or goes: a closure that is called with each datagram is all there is.
//!
//! Run: `cargo run -p socketserver-examples --example udp_echo [ENDPOINT]` (`:9000` without one).
//! Try: `nc -u 127.0.0.1 9000`, then type lines; Control-C leaves.

use std::error::Error;

use socketserver::{Datagram, DatagramSocket, HandlerError, Server, UdpServer};

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let server = UdpServer::bind(&endpoint)?;
    println!("listening {}", server.addresses()[0]);
    // The outer closure makes a handler for each thread that handles datagrams, and the inner one is that handler.
    server.serve_forever(|| {
        |datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>| -> Result<(), HandlerError> {
            Ok(socket.reply(datagram, datagram.bytes())?)
        }
    })?;
    Ok(())
}
