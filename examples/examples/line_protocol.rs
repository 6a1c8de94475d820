//! A protocol of lines with a memory: every number is added to the sum of its own connection, and `quit` ends.
//! In Python these are the lines, which let a line without an end grow until there is no memory left:
//!
//! ```python
//! class Adder(socketserver.StreamRequestHandler):
//!     def setup(self): super().setup(); self.sum = 0
//!     def handle(self):
//!         for line in self.rfile:
//!             if line.strip() == b"quit": self.wfile.write(b"goodbye\n"); break
//!             self.sum += int(line); self.wfile.write(b"%d\n" % self.sum)
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example line_protocol [ENDPOINT]` (`:9000` without one).
//! Try: `printf '2\n40\r\nquit\n' | nc 127.0.0.1 9000` answers 2, 42 and goodbye.

use socketserver::{Config, Conn, Handler, HandlerError, Input, Server, StreamServer};

/// The longest line, its LF included. A longer one ends its connection, however it was cut on the way.
const LINE_BYTES_MAX: usize = 1024;

/// Adds up the numbers of one connection. A handler is a value, and its fields are the memory of the conversation.
struct Adder {
    sum: i64,
}

impl Handler for Adder {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // A line that is not complete stays in the input, and is offered again when more has come.
        while let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let line = std::str::from_utf8(input.take(end + 1))?.trim();
            if line == "quit" {
                conn.write(b"goodbye\n");
                conn.close();
                break;
            }
            let sum = self.sum.checked_add(line.parse()?);
            self.sum = sum.ok_or("the sum is too large")?;
            conn.write(format!("{}\n", self.sum).as_bytes());
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let config = Config {
        input_bytes_max: LINE_BYTES_MAX,
        ..Config::default()
    };
    let builder = StreamServer::builder().config(config);
    let server = builder.endpoint(&endpoint)?.bind()?;
    println!("listening {}", server.addresses()[0]);
    server.serve_forever(|_peer| Adder { sum: 0 })?;
    Ok(())
}
