//! An upload under way: adding to it, and giving it its name.
//!
//! What is held is the size of the part on the disk, always: whatever fails or dies, the next attempt finds what it can go on with.

use std::fs::FileTimes;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;

use super::beneath::{readable, sync_names};
use super::part::Part;
use super::quota::{self, BLOCK, Lock, Reservations, in_blocks};
use super::refuse::{exists, failed, no_room, not_a_file, refuse};
use super::system;
use crate::files::holes::is_hole;
use crate::files::storage::{Commit, Upload};
use crate::files::{FilePath, Refusal, Word};

/// A part that grows until it gets its name.
#[derive(Debug)]
pub(super) struct FolderUpload {
    path: FilePath,
    /// The target's name in the part's folder.
    name: String,
    part: Part,
    held: u64,
    total: u64,
    limit: Option<Limit>,
}

/// What an upload with a quota needs to keep to it.
#[derive(Debug)]
pub(super) struct Limit {
    /// The quota's folder.
    pub(super) home: Dir,
    pub(super) bytes_max: u64,
    /// What the file counted that will be replaced: only with that much less is there room.
    pub(super) credit: u64,
    pub(super) reservations: Arc<Reservations>,
}

impl FolderUpload {
    pub(super) fn new(path: &FilePath, name: &str, part: Part, total: u64) -> io::Result<Self> {
        Ok(Self {
            path: path.clone(),
            name: name.to_owned(),
            held: part.metadata()?.len(),
            part,
            total,
            limit: None,
        })
    }

    /// An attempt of long ago, or of a larger file, is not gone on with.
    pub(super) fn forget_what_is_of_no_use(&mut self, kept_for: Duration) -> io::Result<()> {
        let is_expired = self.part.is_expired(kept_for)?;
        if self.held > self.total || is_expired {
            self.shorten(0)?;
        }
        Ok(())
    }

    /// Keeps the first bytes, and gives back everything that is allocated behind them.
    fn shorten(&mut self, bytes: u64) -> io::Result<()> {
        self.part.file().set_len(bytes)?;
        self.held = bytes;
        Ok(())
    }

    /// Reserves the announced size, if there is a quota. The lock must be held.
    fn reserve(&self) -> io::Result<()> {
        let Some(limit) = &self.limit else {
            return Ok(());
        };
        // An attempt before may have announced more.
        self.part.file().set_len(self.held)?;
        if !system::allocate(self.part.file(), self.total)? {
            limit.reservations.insert(self.part.id(), self.total);
        }
        Ok(())
    }

    /// Keeps to a limit from now on, and reserves the announced size. The limit's lock must be held.
    pub(super) fn reserve_within(&mut self, limit: Limit) -> Result<(), Refusal> {
        self.limit = Some(limit);
        let Err(error) = self.reserve() else {
            return Ok(());
        };
        // What could be allocated of it is of no use to anybody.
        let _ = self.part.file().set_len(self.held);
        if self.held == 0 {
            let _ = self.part.remove();
        }
        Err(self.cannot_write(&error))
    }

    fn cannot_write(&self, error: &io::Error) -> Refusal {
        refuse(&self.path, "write", error)
    }

    /// Writes pieces at the end, and leaves holes where they are nothing but zeros.
    fn write(&mut self, pieces: &[Vec<u8>]) -> io::Result<()> {
        let mut file = self.part.file();
        file.seek(SeekFrom::Start(self.held))?;
        let mut ends_in_hole = false;
        for run in pieces.chunk_by(|one, next| is_hole(one) == is_hole(next)) {
            ends_in_hole = run.first().is_some_and(|piece| is_hole(piece));
            if ends_in_hole {
                let bytes: usize = run.iter().map(Vec::len).sum();
                // A slice has at most isize::MAX bytes, and the pieces of a run are checked against the announced size.
                file.seek(SeekFrom::Current(bytes.cast_signed() as i64))?;
            } else {
                write_all(file, run)?;
            }
        }
        if ends_in_hole {
            let end = file.stream_position()?;
            file.set_len(end)?;
        }
        Ok(())
    }

    /// Gives the part its name, as far as that is allowed.
    fn name_it(&self, create: bool) -> Result<(), Refusal> {
        // The credit can be used up by giving the file that was to be replaced another name; so whoever relies on it counts again.
        let _lock = match &self.limit {
            Some(limit) if limit.credit > 0 => Some(self.check_credit(limit)?),
            Some(limit) => {
                let lock = Lock::shared(&limit.home);
                lock.map_err(|error| self.cannot_write(&error))?
            }
            None => None,
        };
        look_at_target(self.part.folder(), &self.path, &self.name, create)?;
        let is_there = self.part.has_its_name();
        if !is_there.map_err(|error| self.cannot_write(&error))? {
            let cause = "somebody has removed or replaced its part";
            return Err(failed(&self.path, "write", &cause));
        }
        let renamed = self.part.rename(&self.name, create);
        renamed.map_err(|error| self.cannot_write(&error))
    }

    /// Makes sure that the quota is kept to once the file that is there now is replaced.
    fn check_credit(&self, limit: &Limit) -> Result<Lock, Refusal> {
        let cannot = |error: io::Error| self.cannot_write(&error);
        let lock = Lock::alone(&limit.home).map_err(cannot)?;
        let credit = || look_at_target(self.part.folder(), &self.path, &self.name, false);
        if credit()? < limit.credit {
            let sum = quota::count(&limit.home, &limit.reservations).map_err(cannot)?;
            // Looked at after the count, so that the sum may be too large, and never too small.
            if sum.saturating_sub(credit()?) > limit.bytes_max {
                return Err(no_room(&self.path));
            }
        }
        Ok(lock)
    }

    /// Makes the bytes durable, and drops them if that fails: nobody knows which of them are on the disk, and another try would say nothing about them (fsync(2)).
    fn make_durable(&self, modified: SystemTime) -> io::Result<()> {
        let file = self.part.file();
        // The room that was reserved, and is not used, is given back.
        file.set_len(self.held)?;
        file.set_times(FileTimes::new().set_modified(modified))?;
        file.sync_all().inspect_err(|_| {
            let _ = self.part.remove();
        })
    }
}

impl Upload for FolderUpload {
    fn held(&self) -> u64 {
        self.held
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        loop {
            match self.part.file().read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(|error| refuse(&self.path, "read", &error)),
            }
        }
    }

    fn restart(&mut self) -> Result<(), Refusal> {
        // Nobody may take the room between its end and its new beginning.
        let lock = self.limit.as_ref().map(|limit| Lock::alone(&limit.home));
        let _lock = lock
            .transpose()
            .map_err(|error| self.cannot_write(&error))?;
        let restarted = self.shorten(0).and_then(|()| self.reserve());
        restarted.map_err(|error| self.cannot_write(&error))
    }

    fn append(&mut self, pieces: &[Vec<u8>]) -> Result<(), Refusal> {
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if bytes > self.total.saturating_sub(self.held) {
            let sentence = format!("{} was announced with {} bytes", self.path, self.total);
            return Err(Refusal::new(Word::Range, sentence));
        }
        match self.write(pieces) {
            Ok(()) => {
                self.held += bytes;
                Ok(())
            }
            Err(error) => {
                if let Ok(metadata) = self.part.metadata() {
                    self.held = metadata.len();
                }
                Err(self.cannot_write(&error))
            }
        }
    }

    fn commit(self: Box<Self>, commit: &Commit) -> Result<(), Refusal> {
        look_at_target(self.part.folder(), &self.path, &self.name, commit.create)?;
        // Whatever could keep the folder from being made durable is to be known before the file has its name.
        let folder = readable(self.part.folder()).map_err(|error| self.cannot_write(&error))?;
        let now = SystemTime::now();
        let durable = self.make_durable(commit.modified.unwrap_or(now));
        durable.map_err(|error| failed(&self.path, "write", &error))?;
        self.name_it(commit.create).inspect_err(|_| {
            // The part's age counts from its last use, not from the time that its sender has said. If it cannot be set, the part ends sooner.
            let times = FileTimes::new().set_modified(now);
            let _ = self.part.file().set_times(times);
        })?;
        sync_names(&folder).map_err(|error| failed(&self.path, "write", &error))
    }

    fn discard(self: Box<Self>) {
        if let Err(error) = self.part.remove() {
            log::warn!("the part of {} cannot be removed: {error}", self.path);
        }
    }
}

impl Drop for FolderUpload {
    fn drop(&mut self) {
        if let Some(limit) = &self.limit {
            limit.reservations.remove(self.part.id());
        }
    }
}

/// Makes sure that the target can be written, and says how much it counts.
pub(super) fn look_at_target(
    dir: &Dir,
    path: &FilePath,
    name: &str,
    create: bool,
) -> Result<u64, Refusal> {
    match dir.symlink_metadata(name) {
        Ok(_) if create => Err(exists(path)),
        Ok(metadata) if metadata.is_file() => Ok(in_blocks(metadata.len())),
        Ok(metadata) if metadata.is_symlink() => Ok(BLOCK),
        Ok(_) => Err(not_a_file(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(refuse(path, "write", &error)),
    }
}

fn write_all(mut file: &std::fs::File, pieces: &[Vec<u8>]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    // Empty pieces in front would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
