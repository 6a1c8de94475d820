//! Where files are kept: what the protocol needs of a storage, and the usual one, a folder.
//!
//! Every method may block; the handler calls them on threads that may wait, never on a loop. Paths are those of [`FilePath`], relative to the storage's own root. A storage makes sure that
//! nothing outside of its root is read or written, whatever links somebody has put there and however he swaps them meanwhile.

mod folder;

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

pub use self::folder::{Folder, FolderSettings, Swept};

use super::wire;
use super::{FilePath, Refusal, Word};

/// A place for files.
///
/// The first three methods are what a storage must have. The others change it, and refuse with [`Denied`](super::Word::Denied) unless they are
/// written, so that a storage without them is read only. For the users of one the home is the whole of it, or a folder that is there.
///
/// ```
/// use socketserver_handlers::files::storage::{Entry, Folder, FolderSettings, Listing, Source, Storage};
/// use socketserver_handlers::files::{FilePath, Refusal, Word};
///
/// /// A folder in which nobody changes anything.
/// #[derive(Debug)]
/// struct Archive(Folder);
///
/// impl Storage for Archive {
///     fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
///         self.0.list(folder, after, max)
///     }
///     fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
///         self.0.entry(path)
///     }
///     fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
///         self.0.open(path)
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let place = tempfile::tempdir()?;
/// let archive = Archive(Folder::open(place.path(), FolderSettings::default())?);
/// let refusal = archive.make_folder(&FilePath::parse("new")?, None).unwrap_err();
/// assert_eq!(refusal, Refusal::new(Word::Denied, "this storage is read only"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every method answers with a [`Refusal`], whose sentence is sent to the client: it names no path but the client's own. What the operating system said goes to
/// the log, with the word [`Failed`](super::Word::Failed) for the client.
pub trait Storage: Debug + Send + Sync + 'static {
    /// What is in a folder, sorted by name in the order of bytes: the first `max` entries whose names come after `after`. What cannot be a name in a
    /// [`FilePath`] is left out.
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal>;

    /// What is at a path.
    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal>;

    /// Opens a regular file for reading. Links are followed as long as they stay within the storage.
    fn open(&self, path: &FilePath) -> Result<Source, Refusal>;

    /// Begins to write a file, or goes on with an attempt of before; nothing is visible under its name before [`Upload::commit`]. Folders on the way are made.
    ///
    /// Nobody else can write the same path until the upload is dropped: that is [`Busy`](super::Word::Busy), in whatever process.
    fn upload(&self, path: &FilePath, announced: &Announced) -> Result<Box<dyn Upload>, Refusal> {
        let _ = (path, announced);
        Err(read_only())
    }

    /// Makes a folder, whose own folder must be there; [`Exists`](super::Word::Exists) if there is something already, and
    /// [`Quota`](super::Word::Quota) if there is no room for it. `quota` says how much there is, if not as much as the disk has.
    fn make_folder(&self, path: &FilePath, quota: Option<&Quota>) -> Result<(), Refusal> {
        let _ = (path, quota);
        Err(read_only())
    }

    /// Removes a file, a link or an empty folder.
    fn remove(&self, path: &FilePath) -> Result<(), Refusal> {
        let _ = path;
        Err(read_only())
    }

    /// Gives a file or folder another path; [`Exists`](super::Word::Exists) if there is something already.
    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), Refusal> {
        let _ = (from, to);
        Err(read_only())
    }

    /// Makes a folder and those on the way to it, unless they are there: the homes of users. Unless it is written, the folder must be there.
    fn make_home(&self, path: &FilePath) -> Result<(), Refusal> {
        match self.entry(path) {
            Ok(entry) if entry.kind == Kind::Folder => Ok(()),
            _ => Err(read_only()),
        }
    }
}

/// What a storage says that has no way to do what is asked.
fn read_only() -> Refusal {
    Refusal::new(Word::Denied, "this storage is read only")
}

/// A file that is being written. Dropping it keeps what has come, for a later attempt.
pub trait Upload: Debug + Send {
    /// How many bytes are held.
    fn held(&self) -> u64;

    /// Reads from what is held, so that it can be hashed: zero bytes at its end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal>;

    /// Forgets what is held.
    fn restart(&mut self) -> Result<(), Refusal>;

    /// Adds pieces at the end. When it fails, nobody knows how many of the bytes are held, and [`held`](Upload::held) tells.
    fn append(&mut self, pieces: &[Vec<u8>]) -> Result<(), Refusal>;

    /// Makes what is held durable and gives it its name, which replaces what had it before, all or nothing. Once it returns, the file survives a crash of the machine.
    ///
    /// A failure to make it durable is final: the bytes are dropped, since nobody knows which of them are on the disk (fsync(2)).
    fn commit(self: Box<Self>, commit: &Commit) -> Result<(), Refusal>;

    /// Drops what is held.
    fn discard(self: Box<Self>);
}

/// What is known of a file before its bytes come.
#[derive(Clone, Debug, Default)]
pub struct Announced {
    /// How many bytes it will have.
    pub total: u64,
    /// Whether it must not be there yet.
    pub create: bool,
    /// How much room there is, if not as much as the disk has.
    pub quota: Option<Quota>,
}

/// How much a folder may hold.
#[derive(Clone, Debug)]
pub struct Quota {
    /// The folder, with everything below it.
    pub folder: FilePath,
    /// The most bytes, counted in whole blocks of 4 KiB, and at least one for each file and folder. Uploads under way count with what they have announced.
    pub bytes_max: u64,
}

/// How an upload ends.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// When the file was changed last, as its sender says; the time of the commit if none.
    pub modified: Option<SystemTime>,
    /// Whether the file must not be there yet.
    pub create: bool,
}

/// A file that was opened for reading.
#[derive(Debug)]
pub struct Source {
    /// The file. It goes on to be the one that was opened, also when another gets its name.
    pub file: File,
    /// Its state when it was opened.
    pub stamp: Stamp,
}

impl Source {
    /// A file, and what the system says of its state.
    pub fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let stamp = Stamp {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            modified: metadata.modified()?,
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        };
        Ok(Self { file, stamp })
    }
}

/// What tells one state of a file from every other.
///
/// Two states of one file with equal stamps have equal bytes, unless somebody else than the storage writes to the file and `changed` is so recent that the
/// clock of the file system had no time to move on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Which file it is: its file system and its number there.
    pub file: (u64, u64),
    /// Its size in bytes.
    pub size: u64,
    /// When its bytes were changed last, as is said of it.
    pub modified: SystemTime,
    /// When anything about it was changed last, as nobody can pretend.
    pub changed: SystemTime,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name; empty for the storage's root.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its size in bytes; zero if it is no file.
    #[serde(default)]
    pub size: u64,
    /// When it was changed last, in seconds since 1970.
    #[serde(default)]
    pub mtime: u64,
}

impl Entry {
    /// A file, as its source says.
    pub fn file(path: &FilePath, source: &Source) -> Self {
        Self {
            kind: Kind::File,
            size: source.stamp.size,
            mtime: wire::seconds(source.stamp.modified),
            ..Self::folder(path)
        }
    }

    /// A folder of which nobody knows when it was changed.
    pub fn folder(path: &FilePath) -> Self {
        Self {
            name: path.names().last().unwrap_or_default().to_owned(),
            kind: Kind::Folder,
            size: 0,
            mtime: 0,
        }
    }
}

/// What can be at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else: a device, a pipe, a socket, or a link that leads nowhere. It can be removed and renamed, not read.
    #[serde(other)]
    Other,
}

/// A page of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether there are more after the last one.
    pub has_more: bool,
}

impl Listing {
    /// The page that [`Storage::list`] is asked for, of a folder with these entries, in whatever order they are.
    pub fn page(entries: impl IntoIterator<Item = Entry>, after: Option<&str>, max: usize) -> Self {
        let is_wanted = |entry: &Entry| after.is_none_or(|after| entry.name.as_str() > after);
        let mut entries: Vec<_> = entries.into_iter().filter(is_wanted).collect();
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let has_more = entries.len() > max;
        entries.truncate(max);
        Self { entries, has_more }
    }
}

/// A time as the file system says it: seconds since 1970, which may be negative, and nanoseconds after them.
fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    // Nanoseconds of a second fit any unsigned number, and a time that the file system can say but the library cannot is as good as none.
    second
        .unwrap_or(SystemTime::UNIX_EPOCH)
        .checked_add(Duration::from_nanos(nanoseconds.unsigned_abs()))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
