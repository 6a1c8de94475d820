//! Files on servers: commands that do one thing, and the interactive client.

mod by_name;
mod failing;
mod finished;
pub(crate) mod get;
pub(crate) mod interactive;
mod interrupt;
mod local_walk;
pub(crate) mod ls;
mod progress;
pub(crate) mod put;
mod report;
mod session;
mod shell;
mod target;
mod url;
pub(crate) mod verbs;
mod wanted;
mod work;

use std::time::Duration;

use clap::{Args, ValueEnum};
use socketserver_handlers::files::FRAME_BYTES_MAX;
use socketserver_handlers::files::client::{ClientOptions, TransferOptions, Version};

use crate::password::PasswordOptions;
use crate::units::{self, Limit};

/// The port of a URL that has none.
const PORT: u16 = 9004;
/// What URLs look like, for messages.
const FORMS: &str = "write files://[USER@]HOST[:PORT]/PATH or files+unix:SOCKET:/PATH";
/// The most connections at once.
const PARALLEL_MAX: u16 = 64;

/// How files are copied, in either direction.
#[derive(Args, Debug)]
struct Transfers {
    /// Copy folders with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// Connections at once, for several files (at most 64)
    #[arg(long, value_name = "N", default_value = "1", value_parser = parallel)]
    parallel: u16,
    /// Begin again, whatever there is of an attempt before
    #[arg(long)]
    no_resume: bool,
    /// Print one JSON object for each file that is done
    #[arg(long)]
    json: bool,
}

impl Transfers {
    /// The same for the library.
    fn options(&self) -> TransferOptions {
        let mut options = TransferOptions::default();
        options.resume = !self.no_resume;
        options
    }
}

/// How a server is connected to and logged in at.
#[derive(Args, Debug)]
#[command(next_help_heading = "The connection")]
pub(crate) struct ConnectOptions {
    /// Log in as this user, unless the URL says another; without any, the server is asked as anybody
    #[arg(long, value_name = "NAME", env = "SOCKETSERVER_USER")]
    user: Option<String>,
    #[command(flatten)]
    password: PasswordOptions,
    /// How long connecting may take, over all addresses of a host; none for as long as the system waits
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
    /// How long nothing may move before a transfer is given up; none to wait for ever. A server that has to hash or to write a whole file has at
    /// least five minutes
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_TIMEOUT", default_value = "30s",
        value_parser = units::time_limit)]
    timeout: Limit<Duration>,
    /// The longest header of the server that is taken
    #[arg(long, value_name = "SIZE", default_value_t = Size(FRAME_BYTES_MAX), value_parser = frame_size)]
    frame_max: Size,
    /// The version of the protocol; without it, the server is asked
    #[arg(long, value_enum, value_name = "VERSION")]
    protocol_version: Option<ProtocolVersion>,
}

/// A size that prints as it is written.
#[derive(Clone, Copy, Debug)]
struct Size(usize);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}MiB", self.0 >> 20)
    }
}

fn frame_size(text: &str) -> Result<Size, String> {
    match units::size(text)? {
        size @ 1..=0x7FFF_FFFF => Ok(Size(size)),
        _ => Err(format!(
            "a header cannot have {text}: write a size from 1 to 2GiB less 1"
        )),
    }
}

/// A version of the protocol, as it is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProtocolVersion {
    /// The tutorials': no resuming, MD5
    #[value(name = "1")]
    One,
    /// The one that resumes
    #[value(name = "2")]
    Two,
}

impl ConnectOptions {
    /// The same for the library.
    fn client_options(&self) -> ClientOptions {
        let mut options = ClientOptions::default();
        let Limit(timeout) = self.timeout;
        options.connect_timeout = self.connect_timeout.0;
        options.progress_timeout = timeout;
        // A server that is silent while it works is not to be confused with one that is gone.
        options.reply_timeout = timeout.zip(options.reply_timeout).map(|(a, b)| a.max(b));
        options.frame_bytes_max = self.frame_max.0;
        options.version = self.protocol_version.map(|version| match version {
            ProtocolVersion::One => Version::One,
            ProtocolVersion::Two => Version::Two,
        });
        options
    }
}

/// A count of connections.
fn parallel(text: &str) -> Result<u16, String> {
    match units::count(text)? {
        count @ 1..=PARALLEL_MAX => Ok(count),
        _ => Err(format!(
            "there can be 1 to {PARALLEL_MAX} connections, not {text}"
        )),
    }
}
