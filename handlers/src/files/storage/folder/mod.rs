//! Files in a folder on the disk.
//!
//! | File | Says |
//! |---|---|
//! | `beneath.rs` | how something is opened below the root, and nothing outside of it |
//! | `listing.rs` | what is in a folder |
//! | `admission.rs` | whether an upload may begin |
//! | `upload.rs` | how a file is written |
//! | `part.rs` | where it lies meanwhile, and who may write to it |
//! | `quota.rs` | how much room there is |
//! | `sweep.rs` | what becomes of parts that nobody goes on with |
//! | `walk.rs` | how a whole tree is visited |
//! | `refuse.rs` | what an error of the system is to the client |
//! | `system.rs` | what not every system has |

mod admission;
mod beneath;
mod listing;
mod part;
mod quota;
mod refuse;
mod sweep;
mod system;
mod upload;
mod walk;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::io::Errno;

pub use self::sweep::Swept;

use self::quota::Reservations;
use self::refuse::{being_written, exists, refuse, root_is_no_file};
use super::{Announced, Entry, Listing, Quota, Source, Storage, Upload};
use crate::files::{FilePath, Refusal, Word};

/// A folder on the disk, with everything below it.
///
/// Nothing outside of the folder is read or changed, whatever links are in it and however somebody who can write there swaps them meanwhile. Reading follows links that stay
/// within the folder; whatever changes something follows none at all, and a link that is written to is replaced.
///
/// A file that is being written lies beside its target, under a hidden name that begins with `.socketserver-part-`, and gets the target's name when it is complete and on the disk. Processes that share the folder respect each other, on local
/// file systems and on those whose flock(2) holds across machines.
///
/// Files and folders are made with the rights that the process's umask leaves. Names are stored as they are given: whether `A` and `a` are one file is for the disk to say.
///
/// ```
/// use socketserver_handlers::files::FilePath;
/// use socketserver_handlers::files::storage::{Announced, Commit, Folder, FolderSettings, Storage};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let place = tempfile::tempdir()?;
/// # let place = place.path();
/// let storage = Folder::open(place, FolderSettings::default())?;
/// let path = FilePath::parse("letters/a.txt")?;
/// let announced = Announced { total: 5, ..Announced::default() };
/// let mut upload = storage.upload(&path, &announced)?;
/// upload.append(&[b"hello".to_vec()])?;
/// upload.commit(&Commit::default())?;
/// assert_eq!(std::io::read_to_string(storage.open(&path)?.file)?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Folder {
    /// What everything is opened below, also if somebody renames the folder meanwhile.
    root: Dir,
    settings: FolderSettings,
    /// What is announced and could not be allocated. Uploads take their part out when they end.
    reservations: Arc<Reservations>,
}

/// How a [`Folder`] keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderSettings {
    /// How long the bytes of an upload that was not completed are kept after the last of them has come, for a later attempt: 24 hours.
    /// With zero every attempt begins anew.
    pub parts_kept_for: Duration,
}

impl Default for FolderSettings {
    fn default() -> Self {
        Self {
            parts_kept_for: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl FolderSettings {
    /// Sets how long the bytes of an upload that was not completed are kept.
    pub fn parts_kept_for(mut self, time: Duration) -> Self {
        self.parts_kept_for = time;
        self
    }
}

impl Folder {
    /// Opens a folder that is there already. Links on the way to it are followed.
    ///
    /// # Errors
    ///
    /// What opening it says: that it is not there, or no folder.
    pub fn open(root: &Path, settings: FolderSettings) -> io::Result<Self> {
        Ok(Self {
            root: Dir::open_ambient_dir(root, cap_std::ambient_authority())?,
            settings,
            reservations: Arc::default(),
        })
    }

    /// Removes what is left of uploads in the whole folder that were not completed and are older than [`parts_kept_for`](FolderSettings::parts_kept_for). Those that somebody is writing stay, and so does what may not be removed.
    ///
    /// It looks at every file, and is for a thread that may wait: once at the start, and then every hour or so.
    ///
    /// # Errors
    ///
    /// What reading the folder says; `EAGAIN` if a folder was moved elsewhere meanwhile. Whatever was removed stays removed, and the next call goes on.
    pub fn sweep(&self) -> io::Result<Swept> {
        sweep::sweep(&self.root, &self.settings)
    }

    /// The folder in which a path lies, opened without following links, and its own name there.
    fn place<'a>(&self, path: &'a FilePath, doing: &str) -> Result<(Dir, &'a str), Refusal> {
        let (folder, name) = path.split().ok_or_else(root_is_no_file)?;
        let dir = beneath::descend(&self.root, &folder);
        Ok((dir.map_err(|error| refuse(path, doing, &error))?, name))
    }
}

impl Storage for Folder {
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
        let listing = listing::list(&self.root, folder, after, max);
        listing.map_err(|error| refuse(folder, "list", &error))
    }

    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
        let entry = listing::entry(&self.root, path);
        entry.map_err(|error| refuse(path, "look at", &error))
    }

    fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
        let file = beneath::open_file(&self.root, path)?;
        let source = Source::new(file).map_err(|error| refuse(path, "read", &error))?;
        system::read_ahead(&source.file, source.stamp.size);
        Ok(source)
    }

    fn upload(&self, path: &FilePath, announced: &Announced) -> Result<Box<dyn Upload>, Refusal> {
        Ok(Box::new(admission::begin(self, path, announced)?))
    }

    fn make_folder(&self, path: &FilePath, quota: Option<&Quota>) -> Result<(), Refusal> {
        if path.is_root() {
            return Err(exists(path));
        }
        let (dir, name) = self.place(path, "make")?;
        let lock = quota.map(|quota| {
            // What is there already needs no room, and is no matter of room.
            if dir.symlink_metadata(name).is_ok() {
                return Err(exists(path));
            }
            admission::admit_folder(self, path, quota)
        });
        let _lock = lock.transpose()?;
        let made = dir.create_dir(name).and_then(|()| beneath::sync(&dir));
        made.map_err(|error| refuse(path, "make", &error))
    }

    fn remove(&self, path: &FilePath) -> Result<(), Refusal> {
        let (dir, name) = self.place(path, "remove")?;
        let removed = match dir.symlink_metadata(name) {
            Ok(metadata) if metadata.is_dir() => {
                sweep::clear_own(&dir, name).and_then(|()| dir.remove_dir(name))
            }
            Ok(_) => dir.remove_file(name),
            Err(error) => Err(error),
        };
        removed.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::WOULDBLOCK) => being_written(path),
            _ => refuse(path, "remove", &error),
        })
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), Refusal> {
        let (dir, name) = self.place(from, "rename")?;
        if from != to && to.is_within(from) {
            let sentence = format!("{from} cannot be moved into itself");
            return Err(Refusal::new(Word::BadRequest, sentence));
        }
        if to.is_root() {
            return Err(exists(to));
        }
        let cannot = |error: io::Error| refuse(from, "rename", &error);
        dir.symlink_metadata(name).map_err(cannot)?;
        let (new_dir, new_name) = self.place(to, "make")?;
        let locks = quota::keep_from_counting(&self.root, [from, to]).map_err(cannot)?;
        match system::rename_new(&dir, name, &new_dir, new_name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(to)),
            result => result.map_err(cannot)?,
        }
        drop(locks);
        let synced = beneath::sync(&new_dir).and_then(|()| beneath::sync(&dir));
        synced.map_err(cannot)
    }

    fn make_home(&self, path: &FilePath) -> Result<(), Refusal> {
        let made = beneath::descend_as_far_as_it_is(&self.root, path)
            .and_then(|(dir, missing)| beneath::make_folders(dir, &missing));
        made.map(drop).map_err(|error| refuse(path, "make", &error))
    }
}
