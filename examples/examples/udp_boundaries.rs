//! Boundaries: what datagrams keep and TCP does not, how long they may be, and what becomes of one for which there is too little room.
//!
//! In Python these are the lines; of a longer datagram they get 100 bytes, and no word that there was more:
//!
//! ```python
//! for text in (b"one", b"two", b"three"): sock.sendto(text, address)
//! data, peer = receiver.recvfrom(100)  # "one"
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example udp_boundaries [ENDPOINT]` (`:9000` without one). It ends by itself.

use std::net::{TcpListener, TcpStream};
use std::{error::Error, io, io::Write, time::Duration};

use socketserver::{Config, Datagram, DatagramHandler, DatagramServer, DatagramSocket};
use socketserver::{Handled, HandlerError, Server, UdpServer};

type Done = Result<(), HandlerError>;

/// Prints what comes.
struct Show;

impl DatagramHandler for Show {
    fn received(&mut self, come: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Done {
        println!("a datagram: {}", come.bytes().escape_ascii());
        Ok(())
    }
    fn truncated(&mut self, come: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Done {
        let (kept, size) = (come.bytes().len(), come.size());
        println!("a datagram, cut: {kept} of {size} bytes");
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stream = TcpStream::connect(listener.local_addr()?)?;
    let texts = [&b"one"[..], b"two", b"three"];
    texts.iter().try_for_each(|text| stream.write_all(text))?;
    drop(stream);
    println!("a stream: {}", io::read_to_string(listener.accept()?.0)?);
    let config = Config::from_json(r#"{ "datagram_bytes_max": 100 }"#)?;
    let server = DatagramServer::builder().config(config);
    let server = server.endpoint(&format!("udp://{endpoint}"))?;
    let mut server = server.bind_datagrams()?;
    let client = UdpServer::bind(":0")?.senders().remove(0);
    // 1,472 bytes fit into one packet of Ethernet; what is longer travels in several, and arrives whole or not at all.
    let zeros = vec![0; 65_508];
    let others = [&zeros[..1_473], &zeros[..65_507], &zeros[..]];
    for bytes in texts.iter().chain(&others) {
        let sent = client.send_to(bytes, &server.addresses()[0]);
        sent.unwrap_or_else(|error| println!("{error}"));
    }
    // That nothing more will come is said by nobody.
    let patience = Some(Duration::from_millis(500));
    while let Handled::Received = server.handle_request(patience, || Show)? {}
    Ok(())
}
