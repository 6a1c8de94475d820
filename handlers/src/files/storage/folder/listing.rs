//! What is in a folder, a page at a time, in memory that does not grow with the folder.

use std::collections::BinaryHeap;
use std::io;
use std::time::UNIX_EPOCH;

use cap_std::fs::{Dir, Metadata};
use rustix::io::Errno;

use super::beneath::as_text;
use super::refuse::leads_out;
use super::walk::entries;
use crate::files::FilePath;
use crate::files::storage::{Entry, Kind, Listing};

/// A page of a folder. Links on the way to it are followed within the root.
pub(super) fn list(
    root: &Dir,
    folder: &FilePath,
    after: Option<&str>,
    max: usize,
) -> io::Result<Listing> {
    let dir = root.open_dir(as_text(folder))?;
    let mut after = after.map(str::to_owned);
    loop {
        let (names, has_more) = page(&dir, after.as_deref(), max)?;
        let mut entries = Vec::with_capacity(names.len());
        for name in &names {
            entries.extend(entry_in(root, &dir, folder, name)?);
        }
        // Whoever asks goes on after the last entry, so there is one, even if all of these have vanished meanwhile.
        if !entries.is_empty() || !has_more || max == 0 {
            return Ok(Listing { entries, has_more });
        }
        after = names.into_iter().next_back();
    }
}

/// What is at a path. A link is what it leads to within the root, and something else if that is nothing.
pub(super) fn entry(root: &Dir, path: &FilePath) -> io::Result<Entry> {
    let text = as_text(path);
    let metadata = match root.metadata(text) {
        Err(error) if leads_nowhere(&error) => root.symlink_metadata(text)?,
        result => result?,
    };
    let name = path.split().map_or("", |(_, name)| name);
    Ok(describe(name, &metadata))
}

/// The first `max` names after `after`, in order, and whether there are more: the smallest so far, of which the largest gives way.
fn page(dir: &Dir, after: Option<&str>, max: usize) -> io::Result<(Vec<String>, bool)> {
    let mut smallest: BinaryHeap<String> = BinaryHeap::new();
    let mut has_more = false;
    for entry in entries(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if after.is_some_and(|after| name <= after) {
            continue;
        }
        let is_full = smallest.len() >= max;
        let is_too_late = is_full && smallest.peek().is_none_or(|last| name >= last.as_str());
        if (is_too_late && has_more) || FilePath::parse(name).is_err() {
            continue;
        }
        has_more |= is_full;
        if !is_too_late {
            if is_full {
                smallest.pop();
            }
            smallest.push(name.to_owned());
        }
    }
    Ok((smallest.into_sorted_vec(), has_more))
}

/// What a name in a folder is; none if it has vanished.
fn entry_in(root: &Dir, dir: &Dir, folder: &FilePath, name: &str) -> io::Result<Option<Entry>> {
    let metadata = match dir.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    if !metadata.is_symlink() {
        return Ok(Some(describe(name, &metadata)));
    }
    // A link may lead out of its folder and stay within the root, so it is followed from there. One that is too deep to be followed leads nowhere.
    let target = folder
        .join(name)
        .ok()
        .map(|path| root.metadata(as_text(&path)));
    let metadata = match target {
        Some(Ok(target)) => target,
        Some(Err(error)) if !leads_nowhere(&error) => return Err(error),
        _ => metadata,
    };
    Ok(Some(describe(name, &metadata)))
}

fn describe(name: &str, metadata: &Metadata) -> Entry {
    let kind = if metadata.is_file() {
        Kind::File
    } else if metadata.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    };
    let modified = metadata.modified().map(cap_std::time::SystemTime::into_std);
    let mtime = modified
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs());
    Entry {
        name: name.to_owned(),
        kind,
        size: if kind == Kind::File {
            metadata.len()
        } else {
            0
        },
        mtime,
    }
}

/// Whether following a link ended without anything that may be looked at.
fn leads_nowhere(error: &io::Error) -> bool {
    leads_out(error)
        || matches!(
            Errno::from_io_error(error),
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS | Errno::NAMETOOLONG)
        )
}
