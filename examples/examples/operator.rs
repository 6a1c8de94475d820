//! You and all who connect: what you type goes to everybody, or after `@3` to number 3 alone, and what they send is shown.
//!
//! In Python these are the lines, which speak once, to one client, and do not listen:
//!
//! ```python
//! connection, address = listener.accept()
//! connection.send(input().encode())
//! ```
//!
//! Run: `cargo run -p socketserver-examples --example operator [ENDPOINT]` (`:9000` without one).
//! Try: `nc 127.0.0.1 9000` in two other terminals, and type in all three. Control-D ends the server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{collections::BTreeMap, error::Error, io, thread};

use socketserver::{HandlerError, Lines, Remote, Server, Stream, TcpServer};

/// Who is there, by number.
static PEERS: Mutex<BTreeMap<String, Remote>> = Mutex::new(BTreeMap::new());

fn peers() -> MutexGuard<'static, BTreeMap<String, Remote>> {
    PEERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    let (number, remote) = (stream.id().to_string(), stream.remote()?);
    peers().insert(number.clone(), remote);
    println!("{number} has come");
    let mut lines = Lines::default();
    while let Ok(Some(line)) = stream.receive(&mut lines) {
        // What others send must not steer your terminal.
        let line = String::from_utf8_lossy(line).replace(char::is_control, "");
        println!("{number}: {line}");
    }
    peers().remove(&number);
    println!("{number} has gone");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let server = TcpServer::bind(&endpoint)?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let one = line.strip_prefix('@').and_then(|rest| rest.split_once(' '));
            let mut told = peers().clone();
            told.retain(|number, _| one.is_none_or(|(one, _)| one == number));
            let text = one.map_or(&*line, |(_, text)| text).to_owned() + "\n";
            told.retain(|_, peer| peer.write(text.clone()).is_ok());
            println!("sent to {}", told.len());
        }
        peers().values().for_each(Remote::close);
        stop.stop();
    });
    server.serve_forever_blocking(|_peer| listen)?;
    Ok(())
}
