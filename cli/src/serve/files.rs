//! `serve files`: which folder, to whom, and in which protocol.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use socketserver::{Address, Config, Report, ServeError, StreamServer};
use socketserver_handlers::files::storage::{Folder, FolderSettings};
use socketserver_handlers::files::{Access, Accounts, Files, NameDownload, Settings};

use crate::console::Console;
use crate::exit::{Code, Failure, cause};
use crate::units;

/// How often parts of uploads that nobody goes on with are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// What is said of the files that are served.
#[derive(Args, Debug)]
#[command(next_help_heading = "Files")]
pub(crate) struct FileOptions {
    /// The folder whose files are served
    #[arg(long, value_name = "DIR", env = "SOCKETSERVER_ROOT")]
    root: Option<PathBuf>,
    /// Who may log in: a file that 'socketserver users' writes
    #[arg(long, value_name = "FILE", env = "SOCKETSERVER_USERS")]
    users: Option<PathBuf>,
    /// What may be done without a login: ro to read, rw to write too [default: none]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "ro|rw|none",
        env = "SOCKETSERVER_ANONYMOUS"
    )]
    anonymous: Option<Anonymous>,
    /// How files are asked for: by the file protocol, or by the bare name that older tutorials send, and then by everybody [default: framed]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "framed|name",
        env = "SOCKETSERVER_PROTOCOL"
    )]
    protocol: Option<Protocol>,
    /// The longest header of the file protocol [default: 1MiB]
    #[arg(long, value_name = "SIZE", env = "SOCKETSERVER_FRAME_MAX", value_parser = units::size)]
    frame_max: Option<usize>,
    /// How long what has come of an upload is kept for its next attempt [default: 24h]
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_KEEP_PARTS", value_parser = units::time)]
    keep_parts: Option<Duration>,
}

/// What may be done without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Anonymous {
    /// Reading.
    Ro,
    /// Reading and writing.
    Rw,
    /// Nothing.
    None,
}

/// How files are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// The file protocol.
    #[default]
    Framed,
    /// A name.
    Name,
}

/// A folder that is ready to be served.
#[derive(Clone)]
pub(crate) struct FileService {
    folder: Arc<Folder>,
    way: Way,
    /// What is said of it when the server starts.
    summary: String,
}

#[derive(Clone)]
enum Way {
    Framed(Files),
    ByName,
}

impl FileOptions {
    /// The first option that was said, if one was.
    pub(crate) fn first_said(&self) -> Option<&'static str> {
        [
            ("--root", self.root.is_some()),
            ("--users", self.users.is_some()),
            ("--anonymous", self.anonymous.is_some()),
            ("--protocol", self.protocol.is_some()),
            ("--frame-max", self.frame_max.is_some()),
            ("--keep-parts", self.keep_parts.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_said)| is_said.then_some(name))
    }

    /// Opens the folder and the users file.
    pub(crate) fn open(&self) -> Result<FileService, Failure> {
        let root = self.root.as_deref().ok_or_else(|| {
            usage("serve files needs the folder whose files it serves: --root DIR")
        })?;
        let mut settings = FolderSettings::default();
        if let Some(time) = self.keep_parts {
            settings = settings.parts_kept_for(time);
        }
        let folder = Folder::open(root, settings).map_err(|error| {
            usage(format!(
                "the folder {} cannot be served: {} (--root is a folder that is there)",
                root.display(),
                cause(&error)
            ))
        })?;
        let folder = Arc::new(folder);
        let (way, whom) = match self.protocol.unwrap_or_default() {
            Protocol::Framed => self.framed(folder.clone())?,
            Protocol::Name => (Way::ByName, "everybody may read, by name".to_owned()),
        };
        let summary = format!("files of {}; {whom}", root.display());
        Ok(FileService {
            folder,
            way,
            summary,
        })
    }

    fn framed(&self, folder: Arc<Folder>) -> Result<(Way, String), Failure> {
        let anonymous = match self.anonymous {
            Some(Anonymous::Ro) => Some(Access::ReadOnly),
            Some(Anonymous::Rw) => Some(Access::ReadWrite),
            Some(Anonymous::None) | None => None,
        };
        let accounts = self.accounts(anonymous)?;
        let mut settings = Settings {
            accounts,
            anonymous,
            ..Settings::default()
        };
        if let Some(bytes) = self.frame_max {
            if bytes == 0 || i32::try_from(bytes).is_err() {
                return Err(usage(
                    "--frame-max lies between 1B and 2GiB, which is what the length in front of a header can say",
                ));
            }
            settings.frame_bytes_max = bytes;
        }
        let without_login = match anonymous {
            Some(Access::ReadOnly) => "everybody may read",
            Some(Access::ReadWrite) => "everybody may read and write",
            None => "nobody without a login",
        };
        let users = self.users.as_deref().map(Path::display);
        let users = users.map_or("no users".into(), |file| format!("users of {file}"));
        let whom = format!(
            "{users}, {without_login}; headers of at most {}",
            units::bytes(settings.frame_bytes_max as u64)
        );
        Ok((Way::Framed(Files::new(folder, settings)), whom))
    }

    fn accounts(&self, anonymous: Option<Access>) -> Result<Accounts, Failure> {
        match &self.users {
            Some(file) => Accounts::open(file).map_err(|error| usage(error.to_string())),
            None if anonymous.is_some() => Ok(Accounts::nobody()),
            None => Err(usage(
                "nobody could use these files: say who may log in with --users FILE (socketserver users add NAME --file FILE makes it), \
                 or let everybody read with --anonymous ro",
            )),
        }
    }
}

fn usage(sentence: impl Into<String>) -> Failure {
    Failure::new(Code::Usage, sentence)
}

impl FileService {
    /// The same configuration, with room for what the protocol needs.
    pub(crate) fn config(&self, config: Config) -> Config {
        match &self.way {
            Way::Framed(files) => files.config(config),
            Way::ByName => config,
        }
    }

    /// The most memory that the connections can take.
    pub(crate) fn memory_bytes_max(&self, config: &Config) -> u128 {
        match &self.way {
            Way::Framed(files) => files.memory_bytes_max(config),
            Way::ByName => config.memory_bytes_max(),
        }
    }

    /// Says what is served to whom, and what its users should know.
    pub(crate) fn introduce(&self, addresses: &[Address], console: Console) {
        console.say(&self.summary);
        let is_far = |address: &Address| match address {
            Address::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            _ => false,
        };
        if matches!(self.way, Way::Framed(_)) && addresses.iter().any(is_far) {
            console.say("warning: passwords and files travel unencrypted, so that everybody on the way can read them: use a tunnel");
        }
    }

    /// Serves until the server is stopped.
    pub(crate) fn serve(self, server: StreamServer) -> Result<Report, ServeError> {
        sweep_now_and_then(self.folder.clone());
        match self.way {
            Way::Framed(files) => server.serve_forever(move |peer| files.handler(peer)),
            Way::ByName => {
                let folder = self.folder;
                server.serve_forever(move |_peer| NameDownload::new(folder.clone()))
            }
        }
    }
}

/// Removes what nobody goes on with, at once and every hour, as long as the program runs.
fn sweep_now_and_then(folder: Arc<Folder>) {
    let sweep = move || {
        loop {
            match folder.sweep() {
                Ok(swept) if swept.parts > 0 => log::info!(
                    "removed {} parts of uploads that nobody went on with, {} in all",
                    swept.parts,
                    units::bytes(swept.bytes)
                ),
                Ok(_) => {}
                Err(error) => log::warn!("parts of old uploads cannot be looked for: {error}"),
            }
            thread::sleep(SWEEP_EVERY);
        }
    };
    if let Err(error) = thread::Builder::new().name("sweep".into()).spawn(sweep) {
        log::warn!("parts of old uploads are not looked for: no thread could be started: {error}");
    }
}
