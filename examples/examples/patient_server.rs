//! The cure for the deadlock, for a server: it goes on reading while its answers wait, and has room for them.
//!
//! In Python this is not a matter of lines: `sendall` waits, and whoever waits does not read. With `asyncio` these are they:
//!
//! ```python
//! class Echo(asyncio.Protocol):
//!     def connection_made(self, transport): self.transport = transport
//!     def data_received(self, data): self.transport.write(data)
//! ```
//!
//! There the answers to a client that does not read grow until there is no memory left. Here the limit says how much one client
//! may cost: at `output_high` it is read from no more, and then it is its own fault.
//!
//! Run: `cargo run -p socketserver-examples --example patient_server [ENDPOINT]` (`:9000` without one).
//! Try: `python3 .ci/python/eager_client.py :9000 50000000`, which reads when all is sent. Control-D ends the server.

use std::error::Error;
use std::io;
use std::thread;

use socketserver::{Config, Conn, Handler, HandlerError, Input, Server, StreamServer};

/// The answers for which a client need not read before it has asked everything.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sends back what it receives. Writing never waits here: what the client does not take is kept.
struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let config = Config {
        output_high: ANSWER_BYTES_MAX,
        output_bytes_max: 2 * ANSWER_BYTES_MAX,
        ..Config::default()
    };
    let builder = StreamServer::builder().config(config);
    let server = builder.endpoint(&endpoint)?.bind()?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    let report = server.serve_forever(|_peer| Echo)?;
    println!("{} bytes were answered", report.stats.bytes_out);
    Ok(())
}
