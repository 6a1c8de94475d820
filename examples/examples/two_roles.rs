//! Server and client in one program: the first argument says which of them it is.
//!
//! In Python these are the lines, with a loop around `accept` that serves one client after the other:
//!
//! ```python
//! if sys.argv[1] == "serve":
//!     connection, _ = listener.accept()
//!     for line in connection.makefile("rb"):
//!         connection.sendall(b"%d letters\n" % len(line.decode().strip()))
//! else:
//!     client.sendall(input().encode() + b"\n")
//!     print(client.makefile().readline())
//! ```
//!
//! Both sides of a conversation have the same `Stream` and the same codec, here lines.
//!
//! Run: `cargo run -p socketserver-examples --example two_roles serve|connect [ENDPOINT [MODE]]` (`:9000` and `serial`).
//! Try: `serve` in one terminal and `connect` in two others; then serve with the mode `threads`. Control-D ends each.

use std::error::Error;
use std::io;
use std::thread;

use socketserver::{HandlerError, Lines, Server, Stream, TcpServer};

fn answer(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let mut lines = Lines::default();
    while let Some(line) = stream.receive(&mut lines)? {
        let letters = std::str::from_utf8(line)?.trim().chars().count();
        stream.send(format!("{letters} letters").as_bytes(), &mut lines)?;
    }
    Ok(())
}

fn ask(mut stream: Stream<'_>) -> Result<(), Box<dyn Error>> {
    let mut lines = Lines::default();
    for line in io::stdin().lines() {
        stream.send(line?.as_bytes(), &mut lines)?;
        let answer = stream.receive(&mut lines)?.ok_or("the server has gone")?;
        println!("{}", String::from_utf8_lossy(answer));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index, default| arguments.get(index).map_or(default, String::as_str);
    if argument(0, "") == "connect" {
        return ask(Stream::connect(argument(1, ":9000"))?);
    }
    let server = TcpServer::bind(argument(1, ":9000"))?.mode(argument(2, "serial").parse()?);
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever_blocking(|_peer| answer)?;
    Ok(())
}
