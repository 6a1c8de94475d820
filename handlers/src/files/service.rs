//! What all connections of a file server share: the storage, the accounts and the settings.

use std::sync::Arc;
use std::time::Duration;

use socketserver::{Address, Config};

use super::FilePath;
use super::accounts::{Access, Accounts, User};
use super::digests::Digests;
use super::session::{BODY_BYTES_MAX, FileHandler};
use super::storage::Storage;
use super::wire::{FRAME_BYTES_MAX, PREFIX_BYTES};
use super::work::READ_BYTES;

/// How a file server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may log in. Default nobody.
    pub accounts: Accounts,
    /// What may be done without a login. Default nothing.
    pub anonymous: Option<Access>,
    /// The longest header, in bytes. Default 1 MiB. Before login it is 4 KiB at most.
    pub frame_bytes_max: usize,
    /// How many bytes of a refused request's body are read, so that the connection can go on. Default 1 MiB.
    pub drain_bytes_max: u64,
    /// How long a client has until it has logged in. Default 10 s.
    pub login_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accounts: Accounts::nobody(),
            anonymous: None,
            frame_bytes_max: FRAME_BYTES_MAX,
            drain_bytes_max: 1 << 20,
            login_timeout: Duration::from_secs(10),
        }
    }
}

/// A file server: what makes the handlers of its connections. It is cheap to clone.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use socketserver::{Config, Server, StreamServer};
/// use socketserver_handlers::files::storage::{Folder, FolderSettings};
/// use socketserver_handlers::files::{Access, Files, Settings};
///
/// let folder = Folder::open("share".as_ref(), FolderSettings::default())?;
/// let files = Files::new(Arc::new(folder), Settings { anonymous: Some(Access::ReadOnly), ..Settings::default() });
/// let server = StreamServer::builder()
///     .endpoint("tcp://127.0.0.1:9004")?
///     .config(files.config(Config::default()))
///     .bind()?;
/// server.serve_forever(move |peer| files.handler(peer))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    service: Arc<Service>,
}

/// What the handlers share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) settings: Settings,
    pub(super) digests: Digests,
}

impl Files {
    /// A server of the files in a storage.
    pub fn new(storage: Arc<dyn Storage>, settings: Settings) -> Self {
        Self {
            service: Arc::new(Service {
                storage,
                settings,
                digests: Digests::new(),
            }),
        }
    }

    /// The handler of one connection.
    pub fn handler(&self, peer: &Address) -> FileHandler {
        FileHandler::new(self.service.clone(), peer.clone())
    }

    /// The most memory that the connections of one server can take with this configuration, in bytes: what the server keeps for them, one header, and the body of an
    /// upload until it is stored. While passwords are hashed, each of the threads that do it needs 19 MiB besides, or as much as the users file asks for.
    pub fn memory_bytes_max(&self, config: &Config) -> u128 {
        let connection =
            self.service.settings.frame_bytes_max + BODY_BYTES_MAX + config.read_buffer_bytes;
        let hashing = config.offload_threads_max * READ_BYTES;
        config.memory_bytes_max()
            + config.connections_max as u128 * connection as u128
            + hashing as u128
    }

    /// The same configuration, with room for the longest header.
    pub fn config(&self, config: Config) -> Config {
        let input = self.service.settings.frame_bytes_max + PREFIX_BYTES;
        Config {
            input_bytes_max: config.input_bytes_max.max(input),
            ..config
        }
    }
}

impl Service {
    /// Who somebody is that has not logged in, if he may do anything.
    pub(super) fn anonymous(&self) -> Option<User> {
        self.settings.anonymous.map(|access| User {
            name: "anonymous".into(),
            access,
            home: FilePath::root(),
            quota_bytes: None,
        })
    }
}
