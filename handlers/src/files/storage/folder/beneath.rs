//! Opening what lies below a folder, whatever links are there and however they are swapped meanwhile.
//!
//! Reading follows links as long as they stay below the root, which the kernel sees to (openat2(2), `RESOLVE_BENEATH`), or where it cannot, `cap-std`. Changing something follows no link
//! at all: the way to it is walked name by name, and what is done in its folder is done with the handle of that folder, so that it does not matter what the way leads to afterwards.

use std::fs::File;
use std::io;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::refuse::{not_a_file, refuse};
use crate::files::{FilePath, Refusal};

/// Which file it is, whatever its names: its file system, and its number there.
pub(super) type Id = (u64, u64);

pub(super) fn id(metadata: &impl MetadataExt) -> Id {
    (metadata.dev(), metadata.ino())
}

/// The path as system calls take it.
pub(super) fn as_text(path: &FilePath) -> &str {
    if path.is_root() { "." } else { path.as_str() }
}

/// Opens a regular file for reading, following links within the root. Nothing else is opened, since opening a device can already do something.
pub(super) fn open_file(root: &Dir, path: &FilePath) -> Result<File, Refusal> {
    let text = as_text(path);
    let cannot = |error: io::Error| refuse(path, "read", &error);
    if !root.metadata(text).map_err(cannot)?.is_file() {
        return Err(not_a_file(path));
    }
    // Whoever has put a pipe there since then does not keep us waiting for its other end.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(not_waiting());
    let file = root.open_with(text, &options).map_err(cannot)?.into_std();
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(not_a_file(path));
    }
    wait_again(&file).map_err(cannot)?;
    Ok(file)
}

/// Opens a file of the server's own for reading and writing; no link is followed.
pub(super) fn open_own(folder: &Dir, name: &str, create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(create)
        .follow(FollowSymlinks::No)
        .custom_flags(not_waiting());
    Ok(folder.open_with(name, &options)?.into_std())
}

/// Opens a folder, following no link on the way to it.
pub(super) fn descend(root: &Dir, folder: &FilePath) -> io::Result<Dir> {
    match descend_as_far_as_it_is(root, folder)? {
        (dir, missing) if missing.is_empty() => Ok(dir),
        _ => Err(Errno::NOENT.into()),
    }
}

/// Opens the deepest folder on a way that is there, and says what is missing below it. No link is followed.
pub(super) fn descend_as_far_as_it_is<'a>(
    root: &Dir,
    folder: &'a FilePath,
) -> io::Result<(Dir, Vec<&'a str>)> {
    let mut dir = root.try_clone()?;
    let mut names = folder.names();
    while let Some(name) = names.next() {
        match dir.open_dir_nofollow(name) {
            Ok(deeper) => dir = deeper,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((dir, std::iter::once(name).chain(names).collect()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((dir, Vec::new()))
}

/// Makes folders, one in the other, each durable before the next; those that somebody else has made meanwhile are taken as they are.
pub(super) fn make_folders(mut dir: Dir, names: &[&str]) -> io::Result<Dir> {
    for name in names {
        match dir.create_dir(name) {
            Ok(()) => sync(&dir)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        dir = dir.open_dir_nofollow(name)?;
    }
    Ok(dir)
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Dir) -> io::Result<()> {
    sync_names(&readable(folder)?)
}

/// Makes the names in a folder durable, which [`readable`] has opened.
pub(super) fn sync_names(folder: &File) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        // There are file systems on which folders need no such thing, and which say so like this.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The folder once more, with the right to read it: other handles may be mere places (`O_PATH`).
pub(super) fn readable(folder: &Dir) -> io::Result<File> {
    open_folder_at(folder, ".")
}

/// The folder above. What it is has to be checked by whoever asks.
pub(super) fn above(folder: &Dir) -> io::Result<Dir> {
    Ok(Dir::from_std_file(open_folder_at(folder, "..")?))
}

fn open_folder_at(folder: &Dir, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?.into())
}

fn not_waiting() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

fn wait_again(file: &File) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    Ok(rustix::fs::fcntl_setfl(file, flags - OFlags::NONBLOCK)?)
}
