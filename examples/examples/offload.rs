//! What takes long is done by others: a thread that may wait for the disk opens the file that a line names, and the loop serves on.
//!
//! In Python these are the lines, with which everybody waits for the disk, and every file is in memory at once for who reads none:
//!
//! ```python
//! async for line in reader:
//!     data = open(line.decode().strip(), "rb").read()
//!     writer.write(b"%d bytes\n" % len(data) + data)
//! ```
//!
//! A pool says how many threads there are and how much may wait for them. Until a file is sent, no more lines are read.
//!
//! Run: `cargo run -p socketserver-examples --example offload [ENDPOINT [FOLDER]]` (`:9000` and `.` without them).
//! Try: `printf 'Cargo.toml\nLICENSE-MIT\n' | nc 127.0.0.1 9000`.

use std::{error::Error, sync::Arc};

use socketserver::{Conn, Handler, HandlerError, Input, OffloadPool, Offloaded, Server, TcpServer};
use socketserver_handlers::files::storage::{Folder, FolderSettings, Source, Storage};
use socketserver_handlers::files::{FilePath, Refusal};

/// The folder, who opens files in it, and the file that is being opened.
struct Sender(Arc<Folder>, OffloadPool, Option<Opening>);

type Opening = Offloaded<Result<Source, Refusal>>;

impl Handler for Sender {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if let Some(end) = input.iter().position(|&byte| byte == b'\n') {
            let path = FilePath::parse(str::from_utf8(input.take(end + 1))?.trim())?;
            let folder = self.0.clone();
            self.2 = Some(conn.offload_to(&self.1, move || folder.open(&path))?);
            conn.pause_reading();
        }
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if let Some(source) = self.2.as_mut().and_then(Offloaded::take) {
            let Source { file, stamp } = source?;
            conn.write(format!("{} bytes\n", stamp.size).as_bytes());
            conn.send_file(file, 0..stamp.size);
            conn.resume_reading();
            conn.pause_until_sent();
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = TcpServer::bind(&arguments.next().unwrap_or_else(|| ":9000".into()))?;
    let place = arguments.next().unwrap_or_else(|| ".".into());
    let folder = Arc::new(Folder::open(place.as_ref(), FolderSettings::default())?);
    let pool = OffloadPool::new(4, 100);
    println!("listening {}", server.addresses()[0]);
    server.serve_forever(move |_peer| Sender(folder.clone(), pool.clone(), None))?;
    Ok(())
}
