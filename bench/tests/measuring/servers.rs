//! Servers that are wrong or slow in a known way.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socketserver::Endpoint;

/// A server with a thread for each connection, which runs `converse` until the test ends.
pub(crate) fn serve(
    converse: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let converse = Arc::new(converse);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let converse = converse.clone();
            thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.set_nodelay(true);
                // Whoever has gone needs no answer.
                let _ = converse(&mut stream);
            });
        }
    });
    address.into()
}

/// Sends everything back, as `change` has it, which is told how many bytes came before.
pub(crate) fn echo(change: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static) -> Endpoint {
    serve(move |stream| {
        let mut buffer = vec![0; 65_536];
        let mut before = 0;
        loop {
            let count = match stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut answer = buffer[..count].to_vec();
            change(before, &mut answer);
            before += count;
            stream.write_all(&answer)?;
        }
    })
}

/// Answers after so long.
pub(crate) fn slow_echo(delay: Duration) -> Endpoint {
    echo(move |_, _| thread::sleep(delay))
}

/// Does nothing in the first part of each period.
pub(crate) fn stalling_echo(stall: Duration, period: Duration) -> Endpoint {
    let begun = Instant::now();
    echo(move |_, _| {
        let place = begun.elapsed().as_nanos() % period.as_nanos();
        let left = stall.as_nanos().saturating_sub(place);
        thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or(0)));
    })
}
