//! Whether an upload may begin: the disk and the quota have room for it, its target can be written, and nobody else is writing it.

use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::Folder;
use super::beneath::{descend_as_far_as_it_is, make_folders};
use super::part::{Part, part_name};
use super::quota::{self, BLOCK, Lock, count_one, in_blocks};
use super::refuse::{being_written, failed, no_room, no_space, refuse, root_is_no_file};
use super::sweep::sweep;
use super::upload::{FolderUpload, Limit, look_at_target};
use crate::files::storage::{Announced, Quota};
use crate::files::{FilePath, Refusal};

/// Begins an upload, or goes on with one. Nothing is made before everything is known to fit.
pub(super) fn begin(
    storage: &Folder,
    path: &FilePath,
    announced: &Announced,
) -> Result<FolderUpload, Refusal> {
    let cannot = |error: io::Error| refuse(path, "write", &error);
    let (folder, name) = path.split().ok_or_else(root_is_no_file)?;
    // The lock of a quota is held until the part is there and has its size reserved.
    let counted = match &announced.quota {
        Some(quota) => Some(open_home(storage, path, quota)?),
        None => None,
    };
    let (dir, missing) = descend_as_far_as_it_is(&storage.root, &folder).map_err(cannot)?;
    let place = Place {
        dir,
        missing,
        path,
        name,
    };
    place.look_at_target(announced.create)?;
    place.check_free_room(announced.total)?;
    let limit = match (counted, &announced.quota) {
        (Some((home, lock)), Some(quota)) => {
            let credit = check_quota(storage, &home, &place, quota.bytes_max, announced.total)?;
            let limit = Limit {
                home,
                bytes_max: quota.bytes_max,
                credit,
                reservations: Arc::clone(&storage.reservations),
            };
            Some((limit, lock))
        }
        _ => None,
    };
    let dir = make_folders(place.dir, &place.missing).map_err(cannot)?;
    let part = Part::open(&dir, &part_name(name)).map_err(cannot)?;
    let part = part.ok_or_else(|| being_written(path))?;
    let mut upload = FolderUpload::new(path, name, part, announced.total).map_err(cannot)?;
    upload
        .forget_what_is_of_no_use(storage.settings.parts_kept_for)
        .map_err(cannot)?;
    if let Some((limit, _lock)) = limit {
        upload.reserve_within(limit)?;
    }
    Ok(upload)
}

/// Opens the quota's folder, makes it if need be, and locks it.
fn open_home(storage: &Folder, path: &FilePath, quota: &Quota) -> Result<(Dir, Lock), Refusal> {
    if !path.is_within(&quota.folder) {
        let cause = format!(
            "it does not lie in {}, whose quota is asked for",
            quota.folder
        );
        return Err(failed(path, "write", &cause));
    }
    let open = || {
        let (dir, missing) = descend_as_far_as_it_is(&storage.root, &quota.folder)?;
        let home = make_folders(dir, &missing)?;
        let lock = Lock::alone(&home)?;
        Ok((home, lock))
    };
    open().map_err(|error: io::Error| refuse(path, "write", &error))
}

/// Where a file will be written.
struct Place<'a> {
    /// The deepest folder on the way that is there.
    dir: Dir,
    /// The folders below that are not.
    missing: Vec<&'a str>,
    path: &'a FilePath,
    name: &'a str,
}

impl Place<'_> {
    /// Makes sure that the target can be written, and says how much it counts.
    fn look_at_target(&self, create: bool) -> Result<u64, Refusal> {
        if self.missing.is_empty() {
            look_at_target(&self.dir, self.path, self.name, create)
        } else {
            Ok(0)
        }
    }

    /// What the part is, if there is one of an attempt before.
    fn part(&self) -> Option<Metadata> {
        let part = self.dir.symlink_metadata(part_name(self.name)).ok();
        part.filter(|part| self.missing.is_empty() && part.is_file())
    }

    fn check_free_room(&self, total: u64) -> Result<(), Refusal> {
        let room = rustix::fs::fstatvfs(&self.dir);
        let room = room.map_err(|error| refuse(self.path, "write", &error.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let has = self
            .part()
            .map_or(0, |part| part.blocks().saturating_mul(512));
        let bytes = total.saturating_sub(has);
        // A file system without any blocks does not count them.
        if room.f_blocks > 0 && bytes > free {
            log::warn!("{} needs {bytes} bytes, and the disk has {free}", self.path);
            return Err(no_space(self.path));
        }
        Ok(())
    }
}

/// Makes sure that everything keeps to the quota, once the file is there. Returns what the file counts that will be replaced.
fn check_quota(
    storage: &Folder,
    home: &Dir,
    place: &Place<'_>,
    bytes_max: u64,
    total: u64,
) -> Result<u64, Refusal> {
    let folders = place.missing.len() as u64 * BLOCK;
    let needed = in_blocks(total).saturating_add(folders);
    find_room(storage, home, place.path, |sum| {
        // What is not counted twice is looked at after the count: if it has vanished since then, the sum is too large, and never too small.
        let credit = place.look_at_target(false)?;
        let name = part_name(place.name);
        let part = place.part().map_or(0, |part| {
            count_one(name.as_ref(), &part, &storage.reservations)
        });
        let fits = sum.saturating_sub(credit + part).saturating_add(needed) <= bytes_max;
        Ok(fits.then_some(credit))
    })
}

/// Makes sure that there is room for one more folder, which is so as long as the lock is held.
pub(super) fn admit_folder(
    storage: &Folder,
    path: &FilePath,
    quota: &Quota,
) -> Result<Lock, Refusal> {
    let (home, lock) = open_home(storage, path, quota)?;
    find_room(storage, &home, path, |sum| {
        Ok((sum.saturating_add(BLOCK) <= quota.bytes_max).then_some(()))
    })?;
    Ok(lock)
}

/// Counts what is in a quota's folder, and asks whether there is room; if there is none, old parts give way.
fn find_room<T>(
    storage: &Folder,
    home: &Dir,
    path: &FilePath,
    fits: impl Fn(u64) -> Result<Option<T>, Refusal>,
) -> Result<T, Refusal> {
    let cannot = |error: io::Error| refuse(path, "write", &error);
    for sweeps in [true, false] {
        let sum = quota::count(home, &storage.reservations).map_err(cannot)?;
        if let Some(room) = fits(sum)? {
            return Ok(room);
        }
        if !sweeps || sweep(home, &storage.settings).map_err(cannot)?.parts == 0 {
            break;
        }
    }
    Err(no_room(path))
}
