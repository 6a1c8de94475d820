//! One handler in all modes, in the order in which one learns them: whom does a server keep waiting?
//!
//! In Python the class chooses the mode, and an event loop needs another handler, written for `asyncio`:
//!
//! ```python
//! socketserver.TCPServer(("127.0.0.1", 9000), Who)           # serial
//! socketserver.ThreadingTCPServer(("127.0.0.1", 9000), Who)  # threads
//! ```
//!
//! Three clients ask which thread serves them, and stay. Whoever gets no answer must wait until somebody has gone.
//! Run: `cargo run -p socketserver-examples --example modes [ENDPOINT]` (`:9000` without one). It ends by itself.

use std::io::{BufRead, ErrorKind, Write};
use std::{collections::BTreeSet, error::Error, thread, time::Duration};

use socketserver::{HandlerError, Server, Stream, TcpServer};

/// How long a client waits before it is counted among those who must wait.
const PATIENCE: Duration = Duration::from_millis(500);

fn who(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    while stream.skip_until(b'\n')? > 0 {
        writeln!(stream, "{:?}", thread::current().id())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    for mode in ["serial", "threads", "pool:2", "reactor:1"] {
        let server = TcpServer::bind(&endpoint)?.mode(mode.parse()?);
        let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
        let serving = thread::spawn(|| server.serve_forever_blocking(|_peer| who));
        let (mut talking, mut waiting, mut threads) = (vec![], vec![], BTreeSet::new());
        for _ in 0..3 {
            let (mut client, mut answer) = (Stream::connect(&address)?, String::new());
            client.write_all(b"who?\n")?;
            client.set_read_timeout(Some(PATIENCE));
            match client.read_line(&mut answer) {
                Err(error) if error.kind() == ErrorKind::TimedOut => waiting.push(client),
                result => talking.push((client, result?, threads.insert(answer))),
            }
        }
        let (at_once, waited) = (talking.len(), waiting.len());
        drop(talking);
        for mut client in waiting {
            client.set_read_timeout(None);
            let mut answer = String::new();
            client.read_line(&mut answer)?;
            threads.insert(answer);
        }
        stop.stop();
        serving.join().map_err(|_| "the server panicked")??;
        let threads = threads.len();
        println!("{mode}: {at_once} served at once, {waited} kept waiting, threads: {threads}");
    }
    Ok(())
}
