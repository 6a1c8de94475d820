//! One handler in two modes side by side: the answer to every line is the name of the thread that gave it.
//!
//! In Python the class chooses the mode, and an event loop needs another handler, written for `asyncio`:
//!
//! ```python
//! class Who(socketserver.StreamRequestHandler):
//!     def handle(self):
//!         for line in self.rfile: self.wfile.write(b"%d\n" % threading.get_ident())
//!
//! socketserver.ThreadingTCPServer(("127.0.0.1", 9000), Who).serve_forever()
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example two_modes [PORT [PORT]]` (9000 and 9001 without them).
//! Try: `nc 127.0.0.1 9000` in two terminals, then with port 9001, and type. Enter in the server's terminal stops.

use std::thread;

use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, TcpServer};

/// Answers every line with the thread that runs it.
struct Who;

impl Handler for Who {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            input.take(end + 1);
            conn.write(format!("{:?}\n", thread::current().id()).as_bytes());
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut ports = std::env::args().skip(1);
    let mut running = Vec::new();
    for (mode, default) in [
        (Mode::Threads, "9000"),
        (Mode::Reactor { loops: 1 }, "9001"),
    ] {
        let port = ports.next().unwrap_or_else(|| default.into());
        let server = TcpServer::bind(&format!("127.0.0.1:{port}"))?.mode(mode);
        println!("listening {} in the mode {mode}", server.addresses()[0]);
        let stop = server.stop_handle();
        let server = thread::spawn(|| server.serve_forever(|_peer| Who));
        running.push((mode, stop, server));
    }
    std::io::stdin().read_line(&mut String::new())?;
    for (_, stop, _) in &running {
        stop.stop();
    }
    for (mode, _, server) in running {
        let report = server.join().map_err(|_| "a server panicked")??;
        println!("{mode} served {} connections", report.stats.accepted);
    }
    Ok(())
}
