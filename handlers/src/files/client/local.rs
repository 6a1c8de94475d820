//! Where files from a server go: folders on this side, and files below them that have no name before they are whole.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::super::FilePath;
use super::Error;

/// A folder on this side. What is done below it is done through its own handle, whatever becomes of its path meanwhile.
#[derive(Clone, Debug)]
pub struct LocalFolder {
    dir: Arc<Dir>,
    /// For messages.
    path: PathBuf,
}

/// A file on this side that need not be there yet.
#[derive(Clone, Debug)]
pub struct LocalFile {
    folder: LocalFolder,
    name: OsString,
}

impl LocalFolder {
    /// Opens a folder that the user has chosen. Links on the way to it are followed; those in it are not.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let opened = Dir::open_ambient_dir(path, ambient_authority());
        let dir = opened.map_err(|cause| failed("open the folder", path, cause))?;
        Ok(Self {
            dir: Arc::new(dir),
            path: path.to_owned(),
        })
    }

    /// The same, where the folder and those on the way to it are made if they are not there.
    pub fn make(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|cause| failed("make the folder", path, cause))?;
        Self::open(path)
    }

    /// A folder below this one, made with those on the way to it if they are not there.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] also when one of them is a link.
    pub fn below(&self, path: &FilePath) -> Result<Self, Error> {
        let mut folder = self.clone();
        for name in path.names() {
            folder = folder.enter(name)?;
        }
        Ok(folder)
    }

    fn enter(&self, name: &str) -> Result<Self, Error> {
        let path = self.path.join(name);
        match self.dir.create_dir(name) {
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => {
                return Err(failed("make the folder", &path, cause));
            }
            _ => {}
        }
        let opened = self.dir.open_dir_nofollow(name);
        let dir = opened.map_err(|cause| failed("open the folder", &path, cause))?;
        Ok(Self {
            dir: Arc::new(dir),
            path,
        })
    }

    /// A file in this folder, whose name the user has chosen.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] when it is no single name.
    pub fn file(&self, name: impl AsRef<OsStr>) -> Result<LocalFile, Error> {
        let name = name.as_ref();
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(only)), None) if only == name => Ok(LocalFile {
                folder: self.clone(),
                name: name.to_owned(),
            }),
            _ => {
                let cause = io::Error::new(ErrorKind::InvalidInput, "it is not a single name");
                Err(failed("write", &self.path.join(name), cause))
            }
        }
    }

    /// A file below this folder, at a path that may come from a server. The folders on the way are made.
    pub fn file_below(&self, path: &FilePath) -> Result<LocalFile, Error> {
        match path.split() {
            Some((folder, name)) => self.below(&folder)?.file(name),
            None => self.file(""),
        }
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }
}

impl LocalFile {
    /// Its path, for messages.
    pub fn path(&self) -> PathBuf {
        self.folder.path.join(&self.name)
    }

    pub(super) fn folder(&self) -> &LocalFolder {
        &self.folder
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(super) fn failed(&self, doing: &'static str, cause: impl Into<io::Error>) -> Error {
        failed(doing, &self.path(), cause)
    }
}

/// Something failed on this side.
pub(super) fn failed(doing: &'static str, path: &Path, cause: impl Into<io::Error>) -> Error {
    Error::Local {
        doing,
        path: path.to_owned(),
        cause: cause.into(),
    }
}
