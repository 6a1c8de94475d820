//! Work that blocks, in pieces: what is done on other threads for a session, and what comes of it.
//!
//! A piece takes some ten milliseconds, so that one client's large file does not keep the others' work waiting: after each, what is left goes to the end of the queue.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::accounts::User;
use super::storage::Upload;
use super::transfer::Transfer;
use super::wire::ReplyFields;
use super::{FilePath, Hasher, Refusal, Word};

/// Something to do on a thread that may wait.
pub(super) type Work = Box<dyn FnOnce() -> Step + Send>;

/// How a piece of work ended.
pub(super) enum Step {
    /// It is done.
    Done(Outcome),
    /// There is more to do.
    More(Work),
    /// Somebody else does the same just now: the rest is worth doing when he may have ended.
    Later(Work),
}

/// What came of work.
pub(super) enum Outcome {
    /// The reply.
    Reply(Box<ReplyFields>),
    /// The request is refused.
    Refused(Refusal),
    /// The reply, and a new current folder, relative to the user's home.
    Moved(Box<ReplyFields>, FilePath),
    /// The reply, and the file that follows.
    File(Box<ReplyFields>, File, Range<u64>),
    /// An upload is open.
    Opened(Box<Transfer>),
    /// The pieces were added to the upload.
    Appended(Box<Transfer>),
    /// Whether name and password are right.
    Verified(Option<User>),
    /// The user's home is there.
    AtHome(User),
}

impl From<Result<ReplyFields, Refusal>> for Step {
    fn from(result: Result<ReplyFields, Refusal>) -> Self {
        Self::Done(match result {
            Ok(reply) => Outcome::Reply(Box::new(reply)),
            Err(refusal) => Outcome::Refused(refusal),
        })
    }
}

impl Step {
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::Done(Outcome::Refused(refusal))
    }
}

/// How much is hashed in one piece of work: some 5 ms with BLAKE3, 30 ms with SHA-256.
const PIECE_BYTES: u64 = 16 << 20;
/// How much is read at once.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// What can be hashed.
pub(super) trait Readable: Send + 'static {
    /// Reads at a place; zero bytes at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal>;
}

impl Readable for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        FileExt::read_at(self, buffer, offset).map_err(|error| {
            log::error!("a file cannot be read: {error}");
            Refusal::new(
                Word::Failed,
                "the server could not read the file; its log says why",
            )
        })
    }
}

impl Readable for Box<dyn Upload> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        (**self).read_at(offset, buffer)
    }
}

/// Hashes a range, and goes on with what was hashed.
pub(super) fn hash<R: Readable>(
    readable: R,
    range: Range<u64>,
    mut hasher: Hasher,
    then: impl FnOnce(R, Result<Hasher, Refusal>) -> Step + Send + 'static,
) -> Step {
    let mut offset = range.start;
    let end = range.end.min(offset.saturating_add(PIECE_BYTES));
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(end - offset).unwrap_or(READ_BYTES))];
    while offset < end {
        let wanted =
            usize::try_from(end - offset).map_or(buffer.len(), |left| left.min(buffer.len()));
        match readable.read_at(offset, &mut buffer[..wanted]) {
            Ok(0) => {
                let sentence = "the file became shorter while it was read (ask again)";
                return then(readable, Err(Refusal::new(Word::Changed, sentence)));
            }
            Ok(count) => {
                hasher.update(&buffer[..count]);
                offset += count as u64;
            }
            Err(refusal) => return then(readable, Err(refusal)),
        }
    }
    if offset == range.end {
        then(readable, Ok(hasher))
    } else {
        Step::More(Box::new(move || {
            hash(readable, offset..range.end, hasher, then)
        }))
    }
}
