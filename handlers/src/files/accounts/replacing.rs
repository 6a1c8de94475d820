//! Puts a file in the place of another one: all or nothing, after any crash, while nobody else does so.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::UsersError;

/// The folder of a file, locked until this is dropped.
///
/// The folder is locked and not the file, since the file is another one after each change, and not there before the first.
#[derive(Debug)]
pub(super) struct Folder {
    folder: File,
    /// Where the file is, with links followed: it is the file that is replaced, not a link to it.
    path: PathBuf,
}

impl Folder {
    /// Waits until nobody else has it locked.
    pub(super) fn lock(path: &Path) -> Result<Self, UsersError> {
        let path = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            found => found.map_err(|source| failed(path, source))?,
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let lock = || {
            let file = File::open(folder)?;
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        };
        match lock() {
            Ok(folder) => Ok(Self { folder, path }),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Writes the file, which is readable for its owner only and has the same owner as before.
    pub(super) fn replace(&self, text: &[u8]) -> Result<(), UsersError> {
        let new = self.new_path();
        let replaced = self.try_replace(&new, text);
        if replaced.is_err() {
            // Nobody else has made it: the folder is locked.
            let _ = fs::remove_file(&new);
        }
        replaced.map_err(|source| failed(&self.path, source))
    }

    fn try_replace(&self, new: &Path, text: &[u8]) -> io::Result<()> {
        let before = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found?),
        };
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            return Err(io::Error::other("it is not a regular file"));
        }
        // What somebody has left who was killed here.
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(new)?;
        if let Some(before) = before {
            let now = file.metadata()?;
            // A server that runs as somebody else must still be able to read it when root has changed it.
            if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
                fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
        }
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(new, &self.path)?;
        self.folder.sync_all()
    }

    /// Where the new file is until it has its name.
    fn new_path(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".new");
        self.path.with_file_name(name)
    }
}

fn failed(path: &Path, source: io::Error) -> UsersError {
    UsersError::Write {
        path: path.to_owned(),
        source,
    }
}
