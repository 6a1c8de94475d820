//! The hidden file beside its target in which an upload gathers, and the lock that makes it one writer's.
//!
//! The lock is flock(2) on the file itself, so it ends with the process that holds it, however that ends. Since a part is renamed when it is complete, and removed when it is old, a lock counts only if the name
//! still leads to the file that was locked.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata, MetadataExt};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::beneath::{Id, id, open_own};
use super::system;
use crate::files::Algorithm;

/// How the names of parts begin.
const PREFIX: &str = ".socketserver-part-";
/// How many hexadecimal digits of the hash of the target's name follow. Two names with one part would only keep each other waiting.
const DIGITS: usize = 16;
/// How often a part is opened anew when somebody renames or removes it meanwhile.
const TRIES_MAX: usize = 16;

/// The name of the part for a target.
pub(super) fn part_name(target: &str) -> String {
    let hash = Algorithm::Blake3.hash(target.as_bytes());
    format!("{PREFIX}{}", &hash.as_str()[..DIGITS])
}

/// Whether this can be the name of a part.
pub(super) fn is_part_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// A part that nobody else writes.
#[derive(Debug)]
pub(super) struct Part {
    /// The folder in which it lies, and will be renamed, wherever that folder is by then.
    folder: Dir,
    name: String,
    /// Open for reading and writing, and locked.
    file: File,
    id: Id,
}

/// How a try to get hold of a part ended.
enum Taken {
    Part(Part),
    /// Somebody else has locked it.
    Busy,
    /// The name leads to another file now, or to none.
    Gone,
}

impl Part {
    /// Opens the part with this name, or makes it; none if somebody else is writing it.
    pub(super) fn open(folder: &Dir, name: &str) -> io::Result<Option<Self>> {
        for _ in 0..TRIES_MAX {
            let file = match open_own(folder, name, true) {
                Ok(file) => file,
                // Somebody has put something there, and only he loses something by its end.
                Err(error) if is_link_or_socket(&error) => {
                    remove_if_there(folder, name)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match Self::take(folder, name, file)? {
                Taken::Part(part) if part.is_ours()? => return Ok(Some(part)),
                Taken::Part(part) => part.remove()?,
                Taken::Busy => return Ok(None),
                Taken::Gone => {}
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// Gets hold of a part that is there; `Ok(None)` if it is not.
    ///
    /// # Errors
    ///
    /// `EWOULDBLOCK` if somebody is writing it.
    pub(super) fn find(folder: &Dir, name: &str) -> io::Result<Option<Self>> {
        let file = match open_own(folder, name, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match Self::take(folder, name, file)? {
            Taken::Part(part) => Ok(Some(part)),
            Taken::Busy => Err(Errno::WOULDBLOCK.into()),
            Taken::Gone => Ok(None),
        }
    }

    fn take(folder: &Dir, name: &str, file: File) -> io::Result<Taken> {
        if !system::lock(&file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(Taken::Busy);
        }
        let part = Self {
            folder: folder.try_clone()?,
            name: name.to_owned(),
            id: id(&Metadata::from_file(&file)?),
            file,
        };
        Ok(if part.has_its_name()? {
            Taken::Part(part)
        } else {
            Taken::Gone
        })
    }

    /// Whether it is a file that only this name leads to: writing to another one would change it under its other names.
    fn is_ours(&self) -> io::Result<bool> {
        let metadata = self.metadata()?;
        Ok(metadata.is_file() && metadata.nlink() == 1)
    }

    /// Whether its name still leads to it.
    pub(super) fn has_its_name(&self) -> io::Result<bool> {
        match self.folder.symlink_metadata(&self.name) {
            Ok(metadata) => Ok(id(&metadata) == self.id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether it was written to so long ago that it is not gone on with. One from the future is not.
    pub(super) fn is_expired(&self, kept_for: Duration) -> io::Result<bool> {
        let age = SystemTime::now().duration_since(self.file.metadata()?.modified()?);
        Ok(age.is_ok_and(|age| age >= kept_for))
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        Metadata::from_file(&self.file)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn folder(&self) -> &Dir {
        &self.folder
    }

    pub(super) fn id(&self) -> Id {
        self.id
    }

    /// Gives it the target's name.
    pub(super) fn rename(&self, target: &str, create: bool) -> io::Result<()> {
        if create {
            system::rename_new(&self.folder, &self.name, &self.folder, target)
        } else {
            self.folder.rename(&self.name, &self.folder, target)
        }
    }

    /// Removes it, unless it is gone already.
    pub(super) fn remove(&self) -> io::Result<()> {
        if self.has_its_name()? {
            remove_if_there(&self.folder, &self.name)?;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        system::unlock(&self.file);
    }
}

fn is_link_or_socket(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::NXIO))
}

fn remove_if_there(folder: &Dir, name: &str) -> io::Result<()> {
    match folder.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_lock_on_a_file_that_has_lost_its_name_is_none() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let name = part_name("a");
        let late = open_own(&dir, &name, true).unwrap();
        let first = Part::open(&dir, &name).unwrap().unwrap();
        assert!(Part::open(&dir, &name).unwrap().is_none());
        first.rename("a", false).unwrap();
        drop(first);
        // Whoever had opened the part before it was renamed would now write into what everybody sees.
        assert!(matches!(
            Part::take(&dir, &name, late).unwrap(),
            Taken::Gone
        ));
        assert!(Part::find(&dir, &name).unwrap().is_none());
        assert!(Part::open(&dir, &name).unwrap().is_some());
    }

    #[test]
    fn what_somebody_has_put_in_a_parts_place_is_not_written_to() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let name = part_name("a");
        dir.write("precious", "p").unwrap();
        let precious = id(&dir.metadata("precious").unwrap());
        for plant in ["link", "hard link", "pipe", "socket"] {
            match plant {
                "link" => dir.symlink("precious", &name).unwrap(),
                "socket" => drop(UnixListener::bind(place.path().join(&name)).unwrap()),
                "hard link" => dir.hard_link("precious", &dir, &name).unwrap(),
                _ => {
                    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                    rustix::fs::mkfifoat(&dir, &name, mode).unwrap();
                }
            }
            let part = Part::open(&dir, &name).unwrap().unwrap();
            assert_ne!(part.id(), precious, "{plant}");
            assert!(part.metadata().unwrap().is_file(), "{plant}");
            part.remove().unwrap();
        }
    }
}
