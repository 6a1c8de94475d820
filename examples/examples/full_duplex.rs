//! The cure for the deadlock, for a client: one thread writes while the other one reads.
//!
//! In Python these are the lines:
//!
//! ```python
//! threading.Thread(target=client.sendall, args=[data]).start()
//! while len(answer) < len(data): answer += client.recv(65536)
//! ```
//!
//! The reader owns the stream. The writer has a `Remote`, which never waits and keeps 16 MiB at most: so it learns from the
//! reader how much has come back, and stays a few pieces ahead.
//!
//! Run: `cargo run -p socketserver-examples --example full_duplex [ENDPOINT]` (`:9000` without one).
//! Try: start `deadlock` in another terminal first. Its server is the same, and this client gets all answers.

use std::io::Read;
use std::{error::Error, sync::mpsc, thread, time::Duration};

use socketserver::{RemoteError, Stream};

const PIECE_BYTES: usize = 1024 * 1024;
const PIECES: u8 = 64;
/// How many pieces may be on their way.
const PIECES_AHEAD_MAX: u8 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| ":9000".into());
    let mut stream = Stream::connect(&endpoint)
        .map_err(|error| format!("cannot connect to {endpoint}: {error} (is a server there?)"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)));
    let remote = stream.remote()?;
    let (came_back, returned) = mpsc::channel();
    let writer = thread::spawn(move || -> Result<(), RemoteError> {
        for piece in 0..PIECES {
            if piece >= PIECES_AHEAD_MAX && returned.recv().is_err() {
                break;
            }
            remote.write(vec![piece; PIECE_BYTES])?;
        }
        Ok(())
    });
    let mut answer = vec![0; PIECE_BYTES];
    for piece in 0..PIECES {
        stream.read_exact(&mut answer)?;
        if answer.iter().any(|&byte| byte != piece) {
            return Err(format!("piece {piece} has not come back as it was sent").into());
        }
        // The writer has ended already when the last pieces come back.
        let _ = came_back.send(());
    }
    writer.join().map_err(|_| "the writer panicked")??;
    println!("{PIECES} MiB were sent, and all of them came back");
    Ok(())
}
