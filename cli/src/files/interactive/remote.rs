//! The server of a session: where one is there, and what is known of the folders.

use std::collections::HashMap;

use socketserver_handlers::files::FilePath;
use socketserver_handlers::files::client::Client;
use socketserver_handlers::files::storage::Kind;

use super::super::failing;
use super::super::session::Sessions;
use super::super::verbs::resolve;
use crate::exit::Failure;

/// The most names of a folder that are kept for completion.
const NAMES_MAX: usize = 10_000;
/// The most folders of which names are kept.
const FOLDERS_MAX: usize = 16;

/// A server. Where one is there is remembered on this side, so that it is the same after the connection was made again.
pub(super) struct Remote<'a> {
    sessions: Sessions<'a>,
    site: usize,
    /// From the user's home.
    folder: FilePath,
    /// What can be completed, until a command changes something.
    names: HashMap<FilePath, Vec<(String, Kind)>>,
}

impl<'a> Remote<'a> {
    pub(super) fn new(sessions: Sessions<'a>, site: usize) -> Self {
        Self {
            sessions,
            site,
            folder: FilePath::root(),
            names: HashMap::new(),
        }
    }

    pub(super) fn client(&mut self) -> Result<&mut Client, Failure> {
        self.sessions.client(self.site)
    }

    pub(super) fn sessions(&mut self) -> (&mut Sessions<'a>, usize) {
        (&mut self.sessions, self.site)
    }

    pub(super) fn folder(&self) -> &FilePath {
        &self.folder
    }

    /// A path as it was typed, from the user's home.
    pub(super) fn resolve(&self, text: &str) -> Result<FilePath, Failure> {
        resolve(&self.folder, text)
    }

    /// Makes this folder the current one, if the server lets us in.
    pub(super) fn change_folder(&mut self, folder: &FilePath) -> Result<(), Failure> {
        if !folder.is_root() {
            let client = self.client()?;
            client
                .change_folder(folder.as_str())
                .and_then(|_| client.change_folder("/"))
                .map_err(|error| failing::on(folder, &error))?;
        }
        self.folder = folder.clone();
        Ok(())
    }

    /// Says good-bye, if there is anybody to hear it.
    pub(super) fn leave(&mut self) {
        self.sessions.leave();
    }

    /// Says that folders are not what they were.
    pub(super) fn forget_names(&mut self) {
        self.names.clear();
    }

    /// What is in a folder, as far as it can be typed; nothing when the server does not say it.
    pub(super) fn names(&mut self, folder: &FilePath) -> &[(String, Kind)] {
        if !self.names.contains_key(folder) {
            if self.names.len() >= FOLDERS_MAX {
                self.names.clear();
            }
            let names = self.ask_for_names(folder);
            self.names.insert(folder.clone(), names);
        }
        self.names.get(folder).map_or(&[], Vec::as_slice)
    }

    fn ask_for_names(&mut self, folder: &FilePath) -> Vec<(String, Kind)> {
        let Ok(client) = self.client() else {
            return Vec::new();
        };
        client
            .list(folder)
            .map_while(Result::ok)
            .take(NAMES_MAX)
            // Nothing else may stand in a line that is sent back.
            .filter(|entry| FilePath::parse(&entry.name).is_ok() && !entry.name.contains('/'))
            .map(|entry| (entry.name, entry.kind))
            .collect()
    }
}
