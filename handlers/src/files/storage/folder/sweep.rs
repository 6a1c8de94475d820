//! Removing parts that nobody goes on with, and what of the server's own is left in a folder that is to be removed.

use std::io;

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;
use rustix::io::Errno;

use super::FolderSettings;
use super::part::{Part, is_part_name};
use super::quota::{LOCK_NAME, Lock};
use super::walk::{entries, walk};

/// What [`Folder::sweep`](super::Folder::sweep) has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// How many parts.
    pub parts: u64,
    /// How many bytes they held.
    pub bytes: u64,
}

/// Removes the expired parts below a folder that nobody is writing.
pub(super) fn sweep(top: &Dir, settings: &FolderSettings) -> io::Result<Swept> {
    let mut swept = Swept::default();
    walk(top, &mut |folder, name, metadata| {
        let Some(name) = name.to_str().filter(|name| is_part_name(name.as_ref())) else {
            return Ok(());
        };
        if metadata.is_file() && remove_expired(folder, name, settings)? {
            swept.parts += 1;
            swept.bytes += metadata.len();
        }
        Ok(())
    })?;
    Ok(swept)
}

fn remove_expired(folder: &Dir, name: &str, settings: &FolderSettings) -> io::Result<bool> {
    match Part::find(folder, name) {
        Ok(Some(part)) if part.is_expired(settings.parts_kept_for)? => part.remove().map(|()| true),
        Ok(_) => Ok(false),
        Err(error) if is_passed_over(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Somebody is writing it, has put a link in its place, or keeps the server from it.
fn is_passed_over(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::WOULDBLOCK | Errno::LOOP | Errno::ACCESS | Errno::PERM)
    )
}

/// Removes what the server itself has left in a folder, so that it can be removed, unless there is anything else.
///
/// # Errors
///
/// `ENOTEMPTY` if there is something else, and `EWOULDBLOCK` if somebody is writing a file in the folder.
pub(super) fn clear_own(folder: &Dir, name: &str) -> io::Result<()> {
    let folder = folder.open_dir_nofollow(name)?;
    let mut parts = Vec::new();
    let mut has_quota = false;
    for entry in entries(&folder)? {
        let entry = entry?;
        match entry.file_name().to_str() {
            Ok("." | "..") => {}
            Ok(LOCK_NAME) => has_quota = true,
            Ok(part) if is_part_name(part.as_ref()) => parts.push(part.to_owned()),
            _ => return Err(Errno::NOTEMPTY.into()),
        }
    }
    // All are tried before the first one is removed: if one is being written, the others stay as well.
    for part in &parts {
        Part::find(&folder, part)?;
    }
    for part in &parts {
        if let Some(part) = Part::find(&folder, part)? {
            part.remove()?;
        }
    }
    if has_quota {
        let _lock = Lock::alone(&folder)?;
        folder.remove_file(LOCK_NAME)?;
    }
    Ok(())
}
