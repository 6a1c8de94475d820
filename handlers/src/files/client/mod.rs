//! A client of the file protocol that blocks: for programs that copy files to and from a server, and for the command line.
//!
//! [`Client`] speaks version 2 of the protocol with whoever understands it, and version 1 with everybody else. Transfers resume where an attempt
//! before has ended, and no file has its name, here or there, before its hash was compared. [`download_by_name`] speaks with servers that
//! know nothing but names.
//!
//! ```no_run
//! use std::path::Path;
//! use socketserver_handlers::files::FilePath;
//! use socketserver_handlers::files::client::{Client, ClientOptions, LocalFolder, TransferOptions};
//!
//! let mut client = Client::connect(&"127.0.0.1:9004".parse()?, ClientOptions::default())?;
//! client.login("bob", "a password")?;
//! for entry in client.list(&FilePath::root()) {
//!     println!("{}", entry?.name);
//! }
//! let here = LocalFolder::open(Path::new("."))?;
//! let remote = FilePath::parse("iso/disk.img")?;
//! let done = client.get(&remote, &here.file("disk.img")?, &TransferOptions::default(), &mut ())?;
//! println!("{} bytes, {}", done.total, done.hash);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server is not trusted: what it calls its files is a name below the folder that was chosen or an [`Error::Hostile`], links in that folder are not followed, and what it
//! sends is held to the sizes that it has announced. Memory stays bounded: a page of a list, 256 KiB of a file.

mod by_name;
mod connection;
mod entries;
mod error;
mod get;
mod hello;
mod local;
mod offer;
mod part;
mod progress;
mod put;
mod source;
#[cfg(test)]
mod tests;
mod transfer;
mod typed;
mod verbs;
mod walk;

use std::thread;
use std::time::{Duration, Instant};

use socketserver::Endpoint;

pub use self::by_name::{NameOptions, download_by_name, download_by_name_to};
use self::connection::Connection;
pub use self::entries::Entries;
pub use self::error::Error;
pub use self::local::{LocalFile, LocalFolder};
pub use self::progress::Progress;
pub use self::transfer::{TransferOptions, Transferred};
pub use self::walk::{Found, Walk};
use super::Algorithm;
use super::wire::{FRAME_BYTES_MAX, ReplyFields, RequestFields};

/// How long a server that is busy is asked again: with other logins, or with what another connection writes. It is less than servers wait for a login.
const BUSY_MAX: Duration = Duration::from_secs(8);
/// How long after the first such answer.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// How long after later ones; it doubles until then.
const BUSY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How a client connects and how long it waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// How long connecting may take, over all addresses of a host; none for as long as the system tries. 10 s unless it is set: long enough
    /// for three lost packets.
    pub connect_timeout: Option<Duration>,
    /// How long nothing may move in either direction; none for ever. 30 s unless it is set.
    pub progress_timeout: Option<Duration>,
    /// How long a reply may take before which the server has to read or write a whole file: its hash, its way to the disk. 5 min unless it is
    /// set, which is some 100 GB on an ordinary disk.
    pub reply_timeout: Option<Duration>,
    /// How long a server may be silent after a greeting of version 2 before it is taken for one of version 1. 2 s unless it is set.
    pub hello_timeout: Duration,
    /// The longest header that is taken, in bytes, at most 2^31-1. 1 MiB unless it is set.
    pub frame_bytes_max: usize,
    /// The version to speak; none, which is the default, finds out.
    pub version: Option<Version>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(10)),
            progress_timeout: Some(Duration::from_secs(30)),
            reply_timeout: Some(Duration::from_secs(300)),
            hello_timeout: Duration::from_secs(2),
            frame_bytes_max: FRAME_BYTES_MAX,
            version: None,
        }
    }
}

impl ClientOptions {
    fn open(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        let frame_bytes_max = self.frame_bytes_max.min(i32::MAX as usize);
        Connection::open(
            endpoint,
            self.connect_timeout,
            self.progress_timeout,
            frame_bytes_max,
        )
    }
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// That of the tutorials: no resuming, MD5, errors without words.
    One,
    /// The one that resumes and verifies.
    Two,
}

/// A connection to a file server. One request is under way at a time.
///
/// # Errors
///
/// Every method fails with an [`Error`]. After a refusal the connection goes on; after a transfer that broke off, and after every failure of the
/// connection itself, it [`is_over`](Client::is_over).
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    version: Version,
    /// The best one that both sides know.
    algorithm: Algorithm,
    /// Whether the server sends parts of files.
    can_resume: bool,
    options: ClientOptions,
}

impl Client {
    /// Connects, and finds out which version the server speaks.
    ///
    /// A server that does not know the greeting of version 2, says `null`, ends the connection or is silent is asked no more on that connection: the client
    /// connects again, and stays with version 1.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when the server cannot be reached; [`Error::Refused`] when it has too much to do.
    pub fn connect(endpoint: &Endpoint, options: ClientOptions) -> Result<Self, Error> {
        if options.version != Some(Version::One)
            && let Some(greeted) = hello::greet(endpoint, &options)?
        {
            return Ok(Self {
                connection: greeted.connection,
                version: Version::Two,
                algorithm: greeted.algorithm,
                can_resume: greeted.can_resume,
                options,
            });
        }
        Ok(Self {
            connection: options.open(endpoint)?,
            version: Version::One,
            algorithm: Algorithm::Md5,
            can_resume: false,
            options,
        })
    }

    /// Which version is spoken.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the connection is of no more use: whoever wants more connects again.
    pub fn is_over(&self) -> bool {
        self.connection.is_over()
    }

    /// How the hashes of transfers are computed: the best way that both sides know, MD5 in version 1.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Sends a request without a body, and waits for a reply that is no refusal.
    fn ask(&mut self, request: &RequestFields) -> Result<ReplyFields, Error> {
        self.connection.send_header(request)?;
        self.reply()
    }

    /// The same, where the reply may take until the server has read or written a whole file.
    fn ask_much(&mut self, request: &RequestFields) -> Result<ReplyFields, Error> {
        self.connection.send_header(request)?;
        self.late_reply()
    }

    /// Asks again while the server is busy, for a while.
    fn patiently<T>(&mut self, ask: impl Fn(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let end = Instant::now() + BUSY_MAX;
        let mut pause = BUSY_PAUSE;
        loop {
            match ask(self) {
                Err(error)
                    if error.is_refusal(super::Word::Busy) && Instant::now() + pause < end =>
                {
                    thread::sleep(pause);
                    pause = (2 * pause).min(BUSY_PAUSE_MAX);
                }
                result => return result,
            }
        }
    }

    fn late_reply(&mut self) -> Result<ReplyFields, Error> {
        let before = self.connection.set_timeout(self.options.reply_timeout);
        let reply = self.reply();
        self.connection.set_timeout(before);
        reply
    }

    /// Waits for a reply that is no refusal.
    fn reply(&mut self) -> Result<ReplyFields, Error> {
        let Some(reply) = self.connection.receive_reply()? else {
            // The tutorials' server stops listening after that.
            self.connection.give_up();
            return Err(Error::unknown_verb());
        };
        if !is_refusal(&reply) {
            return Ok(reply);
        }
        let refusal = Error::refused(&reply);
        if refusal.is_refusal(super::Word::BadFrame) || refusal.is_refusal(super::Word::TooBig) {
            self.connection.give_up();
        }
        Err(refusal)
    }

    /// A reply that cannot be one of this request.
    fn wrong(&mut self, error: Error) -> Error {
        self.connection.give_up();
        error
    }
}

/// Whether the server does not do what it was asked for, as far as the reply says so: tutorials' servers have sentences only.
fn is_refusal(reply: &ReplyFields) -> bool {
    reply.err.is_some() || reply.code.is_some_and(|code| code >= 400)
}
