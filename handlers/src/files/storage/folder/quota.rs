//! How much a folder holds, and who may add to it: counting and reserving are one step, under a lock that other processes respect too.
//!
//! The lock is flock(2) on a file in the quota's folder. Whoever announces an upload holds it alone, and whoever gives a counted file another name shares it: otherwise the count could
//! pass a name that is not there any more, and then not see the one that was not there yet.
//!
//! What is announced is reserved by allocating it, so that the count of any process sees it, also after a crash. Where a file system does not allocate, it is
//! remembered in this process only.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::{Dir, Metadata, MetadataExt};
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::beneath::{Id, descend, id, open_own};
use super::part::is_part_name;
use super::system;
use super::walk::walk;
use crate::files::FilePath;

/// What is counted at least for everything that has a name.
pub(super) const BLOCK: u64 = 4096;
/// The file that is locked.
pub(super) const LOCK_NAME: &str = ".socketserver-quota";
/// How often something is begun anew when somebody changes it meanwhile.
const TRIES_MAX: usize = 16;

/// A lock on what a folder holds.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Waits until nobody else counts or renames.
    pub(super) fn alone(folder: &Dir) -> io::Result<Self> {
        for _ in 0..TRIES_MAX {
            let file = open_own(folder, LOCK_NAME, true)?;
            if let Some(lock) = Self::take(folder, file, FlockOperation::LockExclusive)? {
                return Ok(lock);
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// Waits until nobody counts; none if the folder has no quota.
    pub(super) fn shared(folder: &Dir) -> io::Result<Option<Self>> {
        for _ in 0..TRIES_MAX {
            let file = match open_own(folder, LOCK_NAME, false) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            if let Some(lock) = Self::take(folder, file, FlockOperation::LockShared)? {
                return Ok(Some(lock));
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// None if the file was removed while it was waited for: whoever comes next locks another one.
    fn take(folder: &Dir, file: File, operation: FlockOperation) -> io::Result<Option<Self>> {
        system::lock(&file, operation)?;
        let lock = Self(file);
        let locked = id(&cap_std::fs::Metadata::from_file(&lock.0)?);
        match folder.symlink_metadata(LOCK_NAME) {
            Ok(metadata) if id(&metadata) == locked => Ok(Some(lock)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        system::unlock(&self.0);
    }
}

/// The locks that keep anybody from counting while the names at these paths change, for every folder with a quota on the way to them.
///
/// They are taken in the order of the paths, as everybody does, so that nobody waits in a circle.
pub(super) fn keep_from_counting(root: &Dir, paths: [&FilePath; 2]) -> io::Result<Vec<Lock>> {
    let mut folders = Vec::new();
    for path in paths {
        let above = |path: &FilePath| path.split().map(|(folder, _)| folder);
        folders.extend(std::iter::successors(above(path), above));
    }
    folders.sort();
    folders.dedup();
    let mut locks = Vec::new();
    for folder in &folders {
        locks.extend(Lock::shared(&descend(root, folder)?)?);
    }
    Ok(locks)
}

/// What is announced and could not be allocated, by the part for which it is.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<HashMap<Id, u64>>);

impl Reservations {
    pub(super) fn insert(&self, part: Id, bytes: u64) {
        self.lock().insert(part, bytes);
    }

    pub(super) fn remove(&self, part: Id) {
        self.lock().remove(&part);
    }

    fn of(&self, part: Id) -> u64 {
        self.lock().get(&part).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, u64>> {
        // A panic elsewhere leaves a map of numbers as whole as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many bytes everything below a folder counts. The lock must be held.
pub(super) fn count(folder: &Dir, reservations: &Reservations) -> io::Result<u64> {
    let mut error = None;
    for _ in 0..TRIES_MAX {
        let mut sum = 0_u64;
        match walk(folder, &mut |_, name, metadata| {
            sum = sum.saturating_add(count_one(name, metadata, reservations));
            Ok(())
        }) {
            Err(moved) if moved.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => {
                error = Some(moved);
            }
            result => return result.map(|()| sum),
        }
    }
    Err(error.unwrap_or_else(|| Errno::AGAIN.into()))
}

/// How many bytes a name counts: whole blocks, at least one, and of a part also what is allocated for it.
pub(super) fn count_one(name: &OsStr, metadata: &Metadata, reservations: &Reservations) -> u64 {
    if name == LOCK_NAME {
        return 0;
    }
    if !metadata.is_file() {
        return BLOCK;
    }
    let bytes = if is_part_name(name) {
        let allocated = metadata.blocks().saturating_mul(512);
        metadata
            .len()
            .max(allocated)
            .max(reservations.of(id(metadata)))
    } else {
        metadata.len()
    };
    in_blocks(bytes)
}

/// How many bytes a file of this size counts.
pub(super) fn in_blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counts_whole_blocks_and_the_lock_nothing() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let reservations = Reservations::default();
        let lock = Lock::alone(&dir).unwrap();
        assert_eq!(count(&dir, &reservations).unwrap(), 0);
        dir.write("empty", "").unwrap();
        dir.write("one", "x").unwrap();
        dir.write("two", [1; 4097]).unwrap();
        dir.create_dir_all("a/b").unwrap();
        dir.write("a/b/c", [1; 4096]).unwrap();
        dir.symlink_contents("/", "a/out").unwrap();
        assert_eq!(count(&dir, &reservations).unwrap(), 8 * BLOCK);
        // A hole in a file that is there counts as if it were full.
        place_of(&dir, "hole").set_len(10 * BLOCK).unwrap();
        assert_eq!(count(&dir, &reservations).unwrap(), 18 * BLOCK);
        drop(lock);
    }

    #[test]
    fn what_is_announced_counts_whether_it_is_allocated_or_remembered() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let reservations = Reservations::default();
        let part = place_of(&dir, ".socketserver-part-0123456789abcdef");
        assert_eq!(count(&dir, &reservations).unwrap(), BLOCK);
        let id = id(&Metadata::from_file(&part).unwrap());
        reservations.insert(id, 10 * BLOCK);
        assert_eq!(count(&dir, &reservations).unwrap(), 10 * BLOCK);
        reservations.remove(id);
        assert_eq!(count(&dir, &reservations).unwrap(), BLOCK);
        if system::allocate(&part, 20 * BLOCK).unwrap() {
            assert_eq!(part.metadata().unwrap().len(), 0);
            assert!(count(&dir, &reservations).unwrap() >= 20 * BLOCK);
        }
    }

    #[test]
    fn a_lock_that_was_removed_meanwhile_is_none() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        let file = open_own(&dir, LOCK_NAME, true).unwrap();
        dir.remove_file(LOCK_NAME).unwrap();
        let operation = FlockOperation::LockExclusive;
        assert!(Lock::take(&dir, file, operation).unwrap().is_none());
        assert!(Lock::shared(&dir).unwrap().is_none());
        assert!(Lock::alone(&dir).is_ok());
    }

    fn place_of(dir: &Dir, name: &str) -> File {
        dir.create(name).unwrap().into_std()
    }
}
