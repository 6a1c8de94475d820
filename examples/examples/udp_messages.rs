//! One conversation, two transports: the same handler of messages serves TCP and UDP.
//!
//! In Python these are the lines, with a handler for each, since the one has a file to read from and the other a packet:
//!
//! ```python
//! class OverTcp(socketserver.StreamRequestHandler): ...
//! class OverUdp(socketserver.DatagramRequestHandler): ...
//! ```
//!
//! A codec says where a message ends. A datagram may hold several, and has an end of its own, so that its last line needs none.
//!
//! Run: `cargo run -p socketserver-examples --example udp_messages [TCP [UDP]]` (both `:9000`). Control-D ends it.
//! Try: `nc 127.0.0.1 9000` and `nc -u 127.0.0.1 9000`, and type numbers.

use std::{error::Error, io, thread};

use socketserver::{Config, DatagramServer, Framed, HandlerError, Lines, MessageHandler};
use socketserver::{Replies, Server, StopHandle, TcpServer};

/// The sum of what one client has sent so far.
#[derive(Default)]
struct Sum(i64);

impl MessageHandler for Sum {
    fn message(&mut self, line: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        let number: i64 = std::str::from_utf8(line)?.trim().parse()?;
        self.0 = self.0.checked_add(number).ok_or("the sum is too large")?;
        Ok(replies.send(self.0.to_string().as_bytes())?)
    }
}

/// What both servers make for each client.
fn sum() -> Framed<Lines, Sum> {
    Framed::new(Lines::default(), Sum::default())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let endpoint = |index| arguments.get(index).map_or(":9000", String::as_str);
    let tcp = TcpServer::bind(endpoint(0))?;
    // The sender of a datagram may be forged, and no answer has more than 21 bytes, which is not worth an attack.
    let config = Config::from_json(r#"{ "amplification_max": 21 }"#)?;
    let udp = DatagramServer::builder().config(config);
    let udp = udp.endpoint(&format!("udp://{}", endpoint(1)))?;
    let udp = udp.bind_datagrams()?;
    println!("listening {}", tcp.addresses()[0]);
    println!("listening {}", udp.addresses()[0]);
    let stops = [tcp.stop_handle(), udp.stop_handle()];
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        stops.iter().for_each(StopHandle::stop);
    });
    let serving = thread::spawn(|| tcp.serve_forever(|_peer| sum()));
    udp.serve_peers(|_peer| sum())?;
    serving
        .join()
        .map_err(|_| "the server for TCP panicked")??;
    Ok(())
}
