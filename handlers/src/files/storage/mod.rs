//! Where files are kept: what the protocol needs of a storage, and the usual one, a folder.
//!
//! Every method may block; the handler calls them on threads that may wait, never on a loop. Paths are those of [`FilePath`], relative to the storage's own root. A storage makes sure that
//! nothing outside of its root is read or written, whatever links somebody has put there and however he swaps them meanwhile.

mod folder;

use std::fmt::Debug;
use std::fs::File;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

pub use self::folder::{Folder, FolderSettings, Swept};

use super::{FilePath, Refusal};

/// A place for files.
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
    fn upload(&self, path: &FilePath, announced: &Announced) -> Result<Box<dyn Upload>, Refusal>;

    /// Makes a folder, whose own folder must be there; [`Exists`](super::Word::Exists) if there is something already, and
    /// [`Quota`](super::Word::Quota) if there is no room for it. `quota` says how much there is, if not as much as the disk has.
    fn make_folder(&self, path: &FilePath, quota: Option<&Quota>) -> Result<(), Refusal>;

    /// Removes a file, a link or an empty folder.
    fn remove(&self, path: &FilePath) -> Result<(), Refusal>;

    /// Gives a file or folder another path; [`Exists`](super::Word::Exists) if there is something already.
    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), Refusal>;

    /// Makes a folder and those on the way to it, unless they are there: the homes of users.
    fn make_home(&self, path: &FilePath) -> Result<(), Refusal>;
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
