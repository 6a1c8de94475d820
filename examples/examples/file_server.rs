//! A file server: everybody reads what is in a folder, and those who log in write to it.
//!
//! In Python these are the lines, in the tutorials' servers that have logins, folders and hashes:
//!
//! ```python
//! (length,) = struct.unpack("<i", self.request.recv(4))
//! request = json.loads(self.request.recv(length))
//! getattr(self, request["cmd"].split()[0])(request)    # any method, before any login
//! ...
//! with open(os.path.join(home, request["filename"]), "wb") as file:    # wherever ../ leads
//!     while received < request["size"]: ...            # and half a file under its name
//! ```
//!
//! Their clients are served here, too; those who know version 2 of the protocol also resume.
//!
//! Run: `cargo run -p socketserver-examples --example file_server [ENDPOINT [FOLDER [USERS]]]` (`:9000` and `.` without them).
//! Try: `cargo run -- users add bob --file users.json --access rw` first, then pass `users.json`, and talk to it with `file_client` or with
//! `cargo run -- ls files://127.0.0.1:9000/`. Control-D ends the server.

use std::error::Error;
use std::sync::Arc;
use std::{io, thread};

use socketserver::{Config, Server, StreamServer};
use socketserver_handlers::files::storage::{Folder, FolderSettings};
use socketserver_handlers::files::{Access, Accounts, Files, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| ":9000".into());
    let place = arguments.next().unwrap_or_else(|| ".".into());
    let folder = Folder::open(place.as_ref(), FolderSettings::default())?;
    // What others have left half sent and nobody goes on with is of no more use.
    folder.sweep()?;
    let accounts = match arguments.next() {
        Some(users) => Accounts::open(users.as_ref())?,
        None => Accounts::nobody(),
    };
    let settings = Settings {
        accounts,
        anonymous: Some(Access::ReadOnly),
        ..Settings::default()
    };
    let files = Files::new(Arc::new(folder), settings);
    let builder = StreamServer::builder().config(files.config(Config::default()));
    let server = builder.endpoint(&endpoint)?.bind()?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever(move |peer| files.handler(peer))?;
    Ok(())
}
