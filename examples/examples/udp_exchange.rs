//! An exchange of datagrams: who has written, what, and from where the answer comes.
//!
//! In Python these are the lines, with `recvfrom` and `sendto` where TCP has `accept`, `recv` and `send`:
//!
//! ```python
//! data, address = sock.recvfrom(1024); print(address, data.decode())  # the server
//! sock.sendto(data * 2, address)
//! sock.sendto(input().encode(), address); print(sock.recvfrom(1024))  # the client
//! ```
//!
//! The client must speak first: until then the server does not know of it. A reply leaves from the address that was written to.
//!
//! Run: `cargo run -p socketserver-examples --example udp_exchange serve|ask [ENDPOINT]` (`:9000` without one).
//! Try: `serve` in one terminal, `ask` in others, and `ask` without a server. Control-D ends each.

use std::{error::Error, io, net::UdpSocket, thread, time::Duration};

use socketserver::{Datagram, DatagramSocket, Endpoint, HandlerError, Server, UdpServer};

/// What others send must not steer your terminal.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "")
}

fn answer(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
    println!("{}: {}", datagram.peer(), text(datagram.bytes()));
    // Twice is allowed, more than three times is not: the sender may be forged.
    Ok(socket.reply(datagram, &datagram.bytes().repeat(2))?)
}

fn ask(endpoint: &Endpoint) -> Result<(), Box<dyn Error>> {
    let server = endpoint.resolve()?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    // Nobody says when a datagram is lost, so that whoever waits for one needs a time at which to stop waiting.
    client.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut answer = vec![0; 65_535];
    for line in io::stdin().lines() {
        client.send_to(line?.as_bytes(), &server[..])?;
        match client.recv_from(&mut answer) {
            Ok((size, from)) => println!("{from}: {}", text(&answer[..size])),
            Err(error) => println!("no answer: {error}"),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let endpoint = arguments.get(1).map_or(":9000", String::as_str);
    if arguments.first().is_some_and(|role| role == "ask") {
        return ask(&endpoint.parse()?);
    }
    let server = UdpServer::bind(endpoint)?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever(|| answer)?;
    Ok(())
}
