//! Multicast: one datagram reaches everybody who has joined a group. TCP has nothing like it, since a connection has two ends.
//!
//! In Python these are the lines:
//!
//! ```python
//! membership = struct.pack("4s4s", inet_aton("239.255.12.34"), inet_aton("127.0.0.1"))
//! sock.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, membership)
//! ```
//!
//! Several programs of one machine hear a group only if they share its port, to which each of them must consent (`reuse_port`). Here
//! the group is joined at the interface 127.0.0.1, so that nothing leaves this machine.
//!
//! Run: `cargo run -p socketserver-examples --example udp_multicast hear|say [PORT]` (9000 without one).
//! Try: `hear` in two terminals, and `say` in a third one, where lines are typed. Control-D ends each.

use std::{error::Error, io, io::Write, thread};

use socketserver::{Address, Config, Datagram, DatagramServer, DatagramSocket};
use socketserver::{HandlerError, Server};

const HEAR: &str = r#"{ "multicast_groups": ["239.255.12.34@127.0.0.1"], "reuse_port": true }"#;
const SAY: &str = r#"{ "multicast_interface": "127.0.0.1" }"#;

fn show(datagram: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
    let text = String::from_utf8_lossy(datagram.bytes()).replace(char::is_control, "");
    Ok(writeln!(io::stdout(), "{}: {text}", datagram.peer())?)
}

/// A server that sends and does not serve: its socket has the settings that speaking needs.
fn say(port: &str) -> Result<(), Box<dyn Error>> {
    let server = DatagramServer::builder().config(Config::from_json(SAY)?);
    let server = server.endpoint("udp://0.0.0.0:0")?.bind_datagrams()?;
    let group = Address::Udp(format!("239.255.12.34:{port}").parse()?);
    for line in io::stdin().lines() {
        server.senders()[0].send_to(line?.as_bytes(), &group)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.get(1).map_or("9000", String::as_str);
    if arguments.first().is_some_and(|role| role == "say") {
        return say(port);
    }
    let server = DatagramServer::builder().config(Config::from_json(HEAR)?);
    let server = server.endpoint(&format!("udp://0.0.0.0:{port}"))?;
    let server = server.bind_datagrams()?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever(|| show)?;
    Ok(())
}
