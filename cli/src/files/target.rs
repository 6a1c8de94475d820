//! Where files from servers go on this side.

use std::io;
use std::path::{Component, Path};

use socketserver_handlers::files::client::{Error, LocalFile, LocalFolder};

use super::failing;
use crate::exit::{Code, Failure};

/// Where files go.
pub(super) enum Destination {
    /// Into a folder, under their own names.
    Folder(LocalFolder),
    /// A single one into this file.
    File(LocalFile),
    /// A single one to standard output.
    Output,
}

/// Where one file goes.
pub(super) enum Target {
    File(LocalFile),
    Output,
}

impl Destination {
    /// What the user means with `-o`; `is_single` says that there is one file and no folder.
    pub(super) fn find(output: Option<&Path>, is_single: bool) -> Result<Self, Failure> {
        let Some(path) = output else {
            return Self::folder(LocalFolder::open(Path::new(".")));
        };
        if path == Path::new("-") {
            return if is_single {
                Ok(Self::Output)
            } else {
                let sentence = "only one file at a time can go to standard output";
                Err(Failure::new(Code::Usage, sentence))
            };
        }
        let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if !is_single || ends_as_folder {
            return Self::folder(LocalFolder::make(path));
        }
        if path.is_dir() {
            return Self::folder(LocalFolder::open(path));
        }
        let file = local_file(path).map_err(|error| failing::about("", &error))?;
        Ok(Self::File(file))
    }

    fn folder(opened: Result<LocalFolder, Error>) -> Result<Self, Failure> {
        opened
            .map(Self::Folder)
            .map_err(|error| failing::about("", &error))
    }

    /// Where the file of this name goes.
    pub(super) fn target(&self, name: &str) -> Result<Target, Error> {
        match self {
            Self::Folder(folder) => folder.file(name).map(Target::File),
            Self::File(file) => Ok(Target::File(file.clone())),
            Self::Output => Ok(Target::Output),
        }
    }
}

/// A file at a path that the user has written.
fn local_file(path: &Path) -> Result<LocalFile, Error> {
    let is_name = matches!(path.components().next_back(), Some(Component::Normal(_)));
    let name = path.file_name().filter(|_| is_name).unwrap_or_default();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => LocalFolder::open(parent),
        _ => LocalFolder::open(Path::new(".")),
    }?;
    folder.file(name)
}

/// Standard output, for one file.
pub(super) fn output() -> io::StdoutLock<'static> {
    io::stdout().lock()
}
