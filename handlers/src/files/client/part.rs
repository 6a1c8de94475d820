//! A file that is being received: what has come lies beside the file that it will be, under a name that no transfer can use, and is found there by a later attempt.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::super::holes::is_hole;
use super::super::path::RESERVED;
use super::super::{Algorithm, Hash, Hasher};
use super::connection::CHUNK_BYTES;
use super::{Error, LocalFile};

/// How often a part is looked for that others rename and remove at the same time.
const TRIES: usize = 10;
/// More than a note about a part ever has.
const NOTE_BYTES_MAX: u64 = 4096;

/// A file that is being received, locked against other programs. Dropping it keeps what has come, unless nothing has.
#[derive(Debug)]
pub(super) struct Part {
    target: LocalFile,
    names: Names,
    file: File,
    held: u64,
    /// It has its name, or is removed.
    is_settled: bool,
}

/// What a part and the note about it are called.
#[derive(Debug)]
struct Names {
    part: String,
    note: String,
}

/// What is remembered of the file of which a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    hash_alg: Algorithm,
    hash: String,
}

impl Names {
    /// They depend on nothing but the name of the file, so that the same command finds them.
    fn of(target: &LocalFile) -> Self {
        let hash = Algorithm::Blake3.hash(target.name().as_bytes());
        let part = format!("{RESERVED}part-{}", &hash.as_str()[..16]);
        let note = format!("{part}.json");
        Self { part, note }
    }
}

impl Part {
    /// Opens what is there of an attempt before, or an empty part.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] when another program is receiving the same file, when a folder has its name, or when somebody else has laid something in the way.
    pub(super) fn open(target: &LocalFile) -> Result<Self, Error> {
        let dir = target.folder().dir();
        if dir
            .symlink_metadata(target.name())
            .is_ok_and(|there| there.is_dir())
        {
            return Err(target.failed("replace", ErrorKind::IsADirectory));
        }
        let names = Names::of(target);
        let opened = open_locked(dir, &names.part);
        let (file, held) = opened.map_err(|cause| target.failed("write", cause))?;
        Ok(Self {
            target: target.clone(),
            names,
            file,
            held,
            is_settled: false,
        })
    }

    /// How many bytes are there.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// The hash of the whole file of which the bytes are, if an attempt before has left it.
    pub(super) fn remembered(&self) -> Option<Hash> {
        let note = open_plain(self.dir(), &self.names.note, OpenOptions::new().read(true)).ok()?;
        let mut text = String::new();
        note.take(NOTE_BYTES_MAX).read_to_string(&mut text).ok()?;
        let note: Note = serde_json::from_str(&text).ok()?;
        Hash::parse(note.hash_alg, &note.hash)
    }

    /// Remembers the hash of the whole file. This comes before its bytes: what is there without a note is of no use, a note without bytes does no harm.
    pub(super) fn remember(&mut self, hash: &Hash) -> Result<(), Error> {
        let note = Note {
            hash_alg: hash.algorithm(),
            hash: hash.as_str().to_owned(),
        };
        let text = serde_json::to_vec(&note).expect("two texts are always JSON");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let written = open_plain(self.dir(), &self.names.note, &mut options)
            .and_then(|mut file| file.write_all(&text));
        written.map_err(|cause| self.target.failed("write a note about", cause))
    }

    /// Hashes what is there, so that the hash can go on with what comes.
    pub(super) fn hash_into(&mut self, hasher: &mut Hasher) -> Result<(), Error> {
        let result = hash_file(&mut self.file, self.held, hasher);
        result.map_err(|cause| self.target.failed("read what is there of", cause))
    }

    /// Forgets what is there.
    pub(super) fn restart(&mut self) -> Result<(), Error> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|cause| self.target.failed("write", cause))?;
        self.held = 0;
        Ok(())
    }

    /// Adds the next bytes; nothing but zeros is a hole.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = if is_hole(bytes) {
            // A piece of a file is shorter than what can be counted.
            let end = self
                .file
                .seek(SeekFrom::Current(bytes.len().cast_signed() as i64));
            // What is held is the size of the part, also when it ends here.
            end.and_then(|end| self.file.set_len(end))
        } else {
            self.file.write_all(bytes)
        };
        written.map_err(|cause| self.target.failed("write", cause))?;
        self.held += bytes.len() as u64;
        Ok(())
    }

    /// Makes what has come durable and gives it its name, which replaces what had it before.
    pub(super) fn finish(mut self, modified: Option<SystemTime>) -> Result<(), Error> {
        let named = self.name_it(modified);
        named.map_err(|cause| self.target.failed("write", cause))
    }

    fn name_it(&mut self, modified: Option<SystemTime>) -> io::Result<()> {
        if let Some(modified) = modified {
            // A time that the file system cannot have is no reason to lose the file.
            let _ = self.file.set_modified(modified);
        }
        self.file.sync_all()?;
        let dir = self.target.folder().dir();
        dir.rename(&self.names.part, dir, self.target.name())?;
        self.is_settled = true;
        let _ = dir.remove_file(&self.names.note);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(dir, ".", flags, Mode::empty())?;
        Ok(rustix::fs::fsync(folder)?)
    }

    /// Removes what has come.
    pub(super) fn discard(mut self) {
        self.remove();
    }

    fn remove(&mut self) {
        self.is_settled = true;
        // What cannot be removed is found by the next attempt, which will not fit to it and begin again.
        let _ = self.dir().remove_file(&self.names.part);
        let _ = self.dir().remove_file(&self.names.note);
    }

    fn dir(&self) -> &Dir {
        self.target.folder().dir()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.held == 0 && !self.is_settled {
            self.remove();
        }
    }
}

/// Hashes the first bytes of a file, and leaves it behind them.
pub(super) fn hash_file(file: &mut File, bytes: u64, hasher: &mut Hasher) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = bytes;
    file.rewind()?;
    while left > 0 {
        let room = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match file.read(&mut chunk[..room]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                hasher.update(&chunk[..count]);
                left -= count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a part and locks it, so that its name is still its own.
fn open_locked(dir: &Dir, name: &str) -> io::Result<(File, u64)> {
    for _ in 0..TRIES {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let file = open_plain(dir, name, &mut options)?;
        if let Err(error) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error {
                rustix::io::Errno::AGAIN => io::Error::other("another program is receiving it"),
                error => error.into(),
            });
        }
        let opened = file.metadata()?;
        // Whoever had it locked a moment ago may have given it its name.
        let is_named = dir
            .symlink_metadata(name)
            .is_ok_and(|there| same_file(&there, &opened));
        if is_named {
            return Ok((file, opened.len()));
        }
    }
    Err(io::Error::other(
        "other programs keep removing what has come of it",
    ))
}

fn same_file(named: &cap_std::fs::Metadata, opened: &fs::Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    named.dev() == MetadataExt::dev(opened) && named.ino() == MetadataExt::ino(opened)
}

/// Opens a regular file that is ours alone, and no link.
fn open_plain(dir: &Dir, name: &str, options: &mut OpenOptions) -> io::Result<File> {
    options
        .follow(FollowSymlinks::No)
        // A pipe that somebody has laid there must not make us wait.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = dir.open_with(name, options)?.into_std();
    let there = file.metadata()?;
    let is_ours = there.uid() == rustix::process::geteuid().as_raw();
    if !there.is_file() || there.nlink() > 1 || !is_ours {
        let sentence = format!("{name} beside it is somebody else's or no plain file (remove it)");
        return Err(io::Error::other(sentence));
    }
    Ok(file)
}
