//! A chat: names, rooms, operators and history, for `nc` and `telnet`, and for those who send datagrams.
//!
//! In Python these are the lines, in the tutorials' chats:
//!
//! ```python
//! def broadcast(text, but):
//!     for client in clients:
//!         if client is not but: client.send(text)      # waits for whoever does not read, and everybody with it
//! ...
//! name = client.recv(1024).decode()                    # half a name, or a name and half a line
//! ```
//!
//! Here whoever does not read is cut, and the room is told so. Both doors lead into the same rooms.
//!
//! Run: `cargo run -p socketserver-examples --example chat [ENDPOINT]` (`:9000` without one).
//! Try: `nc 127.0.0.1 9000` in two terminals, and say a name in each; `/help` tells the rest. Control-D ends the server.

use std::error::Error;
use std::{io, thread};

use socketserver::{Config, Server, StreamServer};
use socketserver_handlers::chat::{Chat, Rate, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let chat = Chat::new(Settings::default(), Some(Rate::default()));
    let config = chat.config(Config::default());
    let streams = StreamServer::builder().config(config.clone());
    let streams = streams.endpoint(&endpoint)?.bind()?;
    let address = &streams.addresses()[0];
    println!("listening {address}");
    // The same port, for datagrams.
    let door = address.to_string().replace("tcp://", "udp://");
    let datagrams = StreamServer::builder().config(config).endpoint(&door)?;
    let datagrams = datagrams.bind_datagrams()?;
    println!("listening {}", datagrams.addresses()[0]);

    let stops = [streams.stop_handle(), datagrams.stop_handle()];
    thread::spawn(move || {
        let end = io::copy(&mut io::stdin(), &mut io::sink());
        stops.iter().for_each(socketserver::StopHandle::stop);
        end
    });
    let rooms = chat.clone();
    let other_door =
        thread::spawn(move || datagrams.serve_peers(move |peer| rooms.datagram_door(peer)));
    streams.serve_forever(move |peer| chat.line_door(peer))?;
    other_door.join().expect("the other door does not panic")?;
    Ok(())
}
