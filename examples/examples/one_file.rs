//! A name comes, the file goes: the program with which tutorials on file transfer begin, and its client.
//!
//! In Python these are the lines:
//!
//! ```python
//! name = connection.recv(1024).decode()         # half a name where TCP has cut it, or ../../etc/passwd
//! connection.send(open(name, "rb").read())      # as much of it as the socket takes
//! ...
//! client.send(name.encode())
//! open(name, "wb").write(client.recv(1 << 20))  # the first of many pieces
//! ```
//!
//! Here the name has an end, nothing outside of the folder is sent, the kernel moves the bytes, and the copy has its name once all have come.
//!
//! Run: `cargo run -p socketserver-examples --example one_file serve|fetch [ENDPOINT [FOLDER [NAME]]]` (`:9000` and `.`).
//! Try: `serve` in one terminal, and `fetch :9000 /tmp Cargo.toml` in another. Control-D ends the server.

use std::error::Error;
use std::sync::Arc;
use std::{io, thread};

use socketserver::{Server, TcpServer};
use socketserver_handlers::files::client::{LocalFolder, NameOptions, download_by_name_to};
use socketserver_handlers::files::storage::{Folder, FolderSettings};
use socketserver_handlers::files::{FilePath, NameDownload};

fn fetch(endpoint: &str, folder: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let target = LocalFolder::open(folder.as_ref())?.file_below(&FilePath::parse(name)?)?;
    let options = NameOptions::default();
    let bytes = download_by_name_to(&endpoint.parse()?, name, &target, &options, &mut ())?;
    println!("{bytes} bytes are in {}", target.path().display());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index, default| arguments.get(index).map_or(default, String::as_str);
    let (endpoint, place) = (argument(1, ":9000"), argument(2, "."));
    if argument(0, "") == "fetch" {
        return fetch(endpoint, place, argument(3, ""));
    }
    let folder = Arc::new(Folder::open(place.as_ref(), FolderSettings::default())?);
    let server = TcpServer::bind(endpoint)?;
    println!("listening {}", server.addresses()[0]);
    let stop = server.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    server.serve_forever(move |_peer| NameDownload::new(folder.clone()))?;
    Ok(())
}
