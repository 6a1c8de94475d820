//! System calls that not every system has, each with what stands in for it.

use std::fs::File;
use std::io;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FlockOperation, linkat};
use rustix::io::{Errno, retry_on_intr};

/// How much of a file the system is asked to read ahead.
#[cfg(not(target_vendor = "apple"))]
const AHEAD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Says that a file will be read from its beginning to its end. Whether the system listens makes no difference but in time.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn read_ahead(file: &File, size: u64) {
    use rustix::fs::{Advice, fadvise};

    let _ = fadvise(file, 0, None, Advice::Sequential);
    if let Some(bytes) = std::num::NonZeroU64::new(size.min(AHEAD_BYTES_MAX)) {
        let _ = fadvise(file, 0, Some(bytes), Advice::WillNeed);
    }
}

#[cfg(target_vendor = "apple")]
pub(super) fn read_ahead(_file: &File, _size: u64) {}

/// Allocates the first bytes of a file without changing its size; false where that is not possible.
#[cfg(target_os = "linux")]
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};

    if bytes == 0 {
        return Ok(true);
    }
    match retry_on_intr(|| fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes)) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn allocate(_file: &File, _bytes: u64) -> io::Result<bool> {
    Ok(false)
}

/// Renames unless the new name is taken: `EEXIST`.
#[cfg(target_os = "linux")]
pub(super) fn rename_new(from: &Dir, name: &str, to: &Dir, new_name: &str) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};

    match renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // File systems that do not know the flag say EINVAL (renameat2(2)).
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            link_and_unlink(from, name, to, new_name)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn rename_new(from: &Dir, name: &str, to: &Dir, new_name: &str) -> io::Result<()> {
    link_and_unlink(from, name, to, new_name)
}

/// The portable twin of a rename that replaces nothing. It is as safe for files; a crash in its midst leaves both names. Folders, and files where there are no hard links,
/// have only a look before the rename.
fn link_and_unlink(from: &Dir, name: &str, to: &Dir, new_name: &str) -> io::Result<()> {
    match linkat(from, name, to, new_name, AtFlags::empty()) {
        Ok(()) => from.remove_file(name),
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
            match to.symlink_metadata(new_name) {
                Ok(_) => Err(Errno::EXIST.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    from.rename(name, to, new_name)
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Locks an open file, flock(2): the lock belongs to this opening of the file, and ends with the process. False if somebody else has it, and it is not waited for.
pub(super) fn lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match retry_on_intr(|| rustix::fs::flock(file, operation)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives a lock back at once, also if a child that is about to be started has inherited the file.
pub(super) fn unlock(file: &File) {
    // There is nothing to be done about a failure, and the lock ends with the file.
    let _ = rustix::fs::flock(file, FlockOperation::Unlock);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_twin_replaces_nothing() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).unwrap();
        dir.write("a", "a").unwrap();
        dir.write("b", "b").unwrap();
        dir.create_dir("folder").unwrap();
        for (from, to) in [("a", "b"), ("folder", "b"), ("a", "folder")] {
            let error = link_and_unlink(&dir, from, &dir, to).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{from} to {to}");
        }
        link_and_unlink(&dir, "a", &dir, "c").unwrap();
        link_and_unlink(&dir, "folder", &dir, "other").unwrap();
        assert_eq!(dir.read_to_string("c").unwrap(), "a");
        assert_eq!(dir.read_to_string("b").unwrap(), "b");
        assert!(dir.is_dir("other") && !dir.exists("a") && !dir.exists("folder"));
    }
}
