//! A length before every message: four bytes with a sign, the least significant first, and then the message itself.
//!
//! In Python these are the lines, which go wrong whenever `recv` returns less than was asked for:
//!
//! ```python
//! client.sendall(struct.pack("<i", len(message)) + message)
//!
//! length, = struct.unpack("<i", connection.recv(4))
//! message = connection.recv(length)
//! ```
//!
//! A codec waits for the whole message. A length that cannot be right it refuses, before anything is reserved for it.
//!
//! Run: `cargo run -p socketserver-examples --example length_prefix serve [ENDPOINT]` (`:9000` without one).
//! Try: the same with `send :9000 one 'two words'` in another terminal. Control-D ends the server.

use std::{error::Error, io, thread};

use socketserver::{HandlerError, LengthPrefix, Server, Stream, TcpServer};

/// The form of the messages, which have at most 64 KiB.
fn codec() -> LengthPrefix {
    LengthPrefix::little_endian(4).signed().max(64 * 1024)
}

/// Sends every message back in capital letters.
fn answer(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    while let Some(message) = stream.receive(&mut codec())? {
        println!("a message of {} bytes has come", message.len());
        let answer = message.to_ascii_uppercase();
        stream.send(&answer, &mut codec())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let sends = arguments.next().is_some_and(|role| role == "send");
    let endpoint = arguments.next().unwrap_or_else(|| ":9000".into());
    if sends {
        let mut stream = Stream::connect(&endpoint)?;
        for message in arguments {
            stream.send(message.as_bytes(), &mut codec())?;
            let answer = stream.receive(&mut codec())?;
            println!("{}", String::from_utf8_lossy(answer.ok_or("no answer")?));
        }
        return Ok(());
    }
    let server = TcpServer::bind(&endpoint)?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever_blocking(|_peer| {
        |stream: &mut Stream<'_>| answer(stream).inspect_err(|error| println!("refused: {error}"))
    })?;
    Ok(())
}
