//! A client of file servers: it gets a file, or puts one there, and shows how far it is.
//!
//! In Python these are the lines, and with each of them a file can be half there under its whole name:
//!
//! ```python
//! client.send(struct.pack("<i", len(header)) + header)
//! reply = json.loads(client.recv(struct.unpack("<i", client.recv(4))[0]))
//! with open(reply["filename"], "wb") as file:    # a name that the server chooses
//!     while received < reply["size"]:
//!         file.write(client.recv(1024))
//! ```
//!
//! Here the file has its name once its hash was compared, and what broke off goes on where it was.
//!
//! Run: `cargo run -p socketserver-examples --example file_client ENDPOINT get|put PATH FOLDER [USER]`, with the password in `PASSWORD`.
//! Try: `:9000 get README.md /tmp` beside `file_server`, and `:9000 put README.md . bob` if bob may write there.

use std::error::Error;
use std::path::Path;

use socketserver_handlers::files::client::{
    Client, ClientOptions, LocalFolder, Progress, TransferOptions,
};

/// Shows how many of how many bytes have been moved.
struct Shown(u64, u64);

impl Progress for Shown {
    fn begin(&mut self, _name: &str, total: u64, resumed_at: u64) {
        *self = Self(resumed_at, total);
    }

    fn advance(&mut self, bytes: u64) {
        self.0 += bytes;
        eprint!("\r{} of {} bytes", self.0, self.1);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, verb, name, place, user @ ..] = arguments.as_slice() else {
        return Err("usage: file_client ENDPOINT get|put PATH FOLDER [USER]".into());
    };
    let mut client = Client::connect(&endpoint.parse()?, ClientOptions::default())?;
    if let Some(user) = user.first() {
        client.login(user, &std::env::var("PASSWORD")?)?;
    }
    let (path, options, mut shown) = (name.parse()?, TransferOptions::default(), Shown(0, 0));
    let done = if verb == "put" {
        client.put(&Path::new(place).join(name), &path, &options, &mut shown)?
    } else {
        let target = LocalFolder::open(place.as_ref())?.file_below(&path)?;
        client.get(&path, &target, &options, &mut shown)?
    };
    println!("{path}: {} bytes, hash {}", done.total, done.hash);
    Ok(())
}
