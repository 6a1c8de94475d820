//! Visiting everything below a folder, however deep it is, with a handful of open handles, and without following a link.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, Metadata};
use rustix::io::Errno;

use super::beneath::{Id, above, id, readable};

/// What is done with each entry: its folder, its name, and what it is.
pub(super) type Visit<'a> = dyn FnMut(&Dir, &OsStr, &Metadata) -> io::Result<()> + 'a;

/// A folder on the way from the top to where the walk is.
struct Level {
    /// Which folder it is, so that the way back is no other one.
    id: Id,
    /// The folders in it that are still to be visited.
    folders: Vec<OsString>,
}

/// Visits everything below a folder, a folder before what is in it. What vanishes meanwhile, or may not be read, is passed over.
///
/// # Errors
///
/// `EAGAIN` if a folder was moved elsewhere while the walk was in it; and what the visit returns.
pub(super) fn walk(top: &Dir, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut here = top.try_clone()?;
    let mut levels = vec![Level {
        id: id(&here.dir_metadata()?),
        folders: visit_entries(&here, visit)?,
    }];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.folders.pop() {
            if let Some((folder, level)) = enter(&here, &name, visit)? {
                levels.push(level);
                here = folder;
            }
        } else {
            levels.pop();
            if let Some(level) = levels.last() {
                here = above(&here)?;
                if id(&here.dir_metadata()?) != level.id {
                    return Err(Errno::AGAIN.into());
                }
            }
        }
    }
    Ok(())
}

/// Goes down into a folder; none if it is not there any more, is a link now, or may not be read.
fn enter(here: &Dir, name: &OsStr, visit: &mut Visit<'_>) -> io::Result<Option<(Dir, Level)>> {
    let folder = match here.open_dir_nofollow(name) {
        Ok(folder) => folder,
        Err(error) if is_passed_over(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let id = id(&folder.dir_metadata()?);
    match visit_entries(&folder, visit) {
        Ok(folders) => Ok(Some((folder, Level { id, folders }))),
        Err(error) if is_passed_over(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Visits what is directly in a folder; returns the names of the folders there.
fn visit_entries(folder: &Dir, visit: &mut Visit<'_>) -> io::Result<Vec<OsString>> {
    let mut folders = Vec::new();
    for entry in entries(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let metadata = match folder.symlink_metadata(name) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        visit(folder, name, &metadata)?;
        if metadata.is_dir() {
            folders.push(name.to_owned());
        }
    }
    Ok(folders)
}

/// Reads the names in a folder, some at a time.
pub(super) fn entries(folder: &Dir) -> io::Result<rustix::fs::Dir> {
    Ok(rustix::fs::Dir::new(readable(folder)?)?)
}

fn is_passed_over(error: &io::Error) -> bool {
    let passed_over = matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS)
    );
    if passed_over && error.kind() == io::ErrorKind::PermissionDenied {
        log::warn!("a folder is passed over, since it may not be read: {error}");
    }
    passed_over
}
