//! Peers: a handler for each address that writes. It counts, reminds, and gives long answers only to those who are who they claim to be.
//!
//! In Python these are the lines; the dictionary grows with every address that anybody has ever written into a datagram:
//!
//! ```python
//! counts[peer] += 1; self.wfile.write(b"%d" % counts[peer] * 100)
//! ```
//!
//! A sender may be forged, and a long answer would flood whom it names. So a newcomer gets at most three times what came from him,
//! here a token, until he has brought that back.
//! Run: `cargo run -p socketserver-examples --example udp_peers [ENDPOINT]` (`:9000` without one). Control-D ends it.
//! Try: `nc -u 127.0.0.1 9000`, type `hello`, then the token that comes back, and wait.

use std::hash::{BuildHasher, RandomState};
use std::{error::Error, io, thread, time::Duration};

use socketserver::{Address, CloseReason, Config, Datagram, DatagramServer, HandlerError};
use socketserver::{Peer, PeerHandler, SendError, Server};

/// Where a peer is, how often it has written, and what it must bring back.
struct Visitor(Address, u64, String);

impl PeerHandler for Visitor {
    fn received(&mut self, come: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        let Self(_, count, token) = self;
        *count += 1;
        if come.bytes().trim_ascii() == token.as_bytes() {
            peer.prove();
            peer.set_timer(0, Duration::from_millis(500));
        }
        match peer.send(count.to_string().repeat(100).as_bytes()) {
            Err(SendError::Unproven { left, .. }) if left < token.len() => Ok(()), // Too little has come.
            Err(SendError::Unproven { .. }) => Ok(peer.send(token.as_bytes())?),
            sent => Ok(sent?),
        }
    }
    fn timer(&mut self, _: u8, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        Ok(peer.send(b"still there?")?)
    }
    fn closed(&mut self, reason: &CloseReason) {
        let Self(address, count, _) = self;
        println!("{address} has gone after {count}: {reason}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let config = Config::from_json(r#"{ "peer_idle_timeout": "2s" }"#)?;
    let server = DatagramServer::builder().config(config);
    let server = server.endpoint(&format!("udp://{endpoint}"))?;
    let server = server.bind_datagrams()?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    // Nobody outside can know what this hashes to, since its key is secret.
    let token = || format!("{:016x}", RandomState::new().hash_one(()));
    server.serve_peers(move |peer| Visitor(peer.clone(), 0, token()))?;
    Ok(())
}
