//! An upload that is under way, with its hash so far.

use super::storage::{Commit, Upload};
use super::wire::{self, Number, ReplyFields};
use super::work::{self, Step};
use super::{Algorithm, FilePath, Hash, Hasher, Refusal, Word};

/// An upload that a session has open. Dropping it sets it aside, for a later attempt.
#[derive(Debug)]
pub(super) struct Transfer {
    upload: Box<dyn Upload>,
    /// Of everything that is held.
    hasher: Hasher,
    /// How the user calls the file.
    path: FilePath,
    total: u64,
    create: bool,
    /// Whether what is held is to be forgotten before more comes.
    is_beginning_again: bool,
}

impl Transfer {
    /// An upload of a file of so many bytes. What is held already is hashed, and then the rest is done with it.
    pub(super) fn begin(
        upload: Box<dyn Upload>,
        path: FilePath,
        total: u64,
        create: bool,
        algorithm: Algorithm,
        then: impl FnOnce(Self) -> Step + Send + 'static,
    ) -> Step {
        let held = upload.held();
        let begun = move |upload, result: Result<Hasher, Refusal>| match result {
            Ok(hasher) => then(Self {
                upload,
                hasher,
                path,
                total,
                create,
                is_beginning_again: false,
            }),
            Err(refusal) => Step::refused(refusal),
        };
        work::hash(upload, 0..held, algorithm.hasher(), begun)
    }

    /// How many bytes are there.
    pub(super) fn held(&self) -> u64 {
        if self.is_beginning_again {
            0
        } else {
            self.upload.held()
        }
    }

    /// The hash of what is held.
    pub(super) fn hash(&self) -> Hash {
        self.hasher.finish()
    }

    /// Whether so many bytes may come at this place: at the end of what is held, or to begin again.
    pub(super) fn check(&self, offset: u64, size: u64) -> Result<(), Refusal> {
        let held = self.held();
        let sentence = if offset != 0 && offset != held {
            format!("{held} bytes are there (go on at this offset, or begin again at 0)")
        } else if size > self.total - offset {
            format!(
                "the file was announced with {} bytes (open it again with the true total)",
                self.total
            )
        } else {
            return Ok(());
        };
        Err(Refusal::new(Word::Range, sentence))
    }

    /// Forgets what is there, as soon as more comes.
    pub(super) fn begin_again(&mut self) {
        self.is_beginning_again = true;
        self.hasher = self.hasher.algorithm().hasher();
    }

    /// Adds bytes at the end. After a failure nobody knows what is there, and it is set aside.
    pub(super) fn append(mut self: Box<Self>, pieces: &[Vec<u8>]) -> Result<Box<Self>, Refusal> {
        if std::mem::take(&mut self.is_beginning_again) {
            self.upload.restart()?;
        }
        self.upload.append(pieces)?;
        for piece in pieces {
            self.hasher.update(piece);
        }
        Ok(self)
    }

    /// Whether all bytes are there that were announced.
    pub(super) fn check_whole(&self) -> Result<(), Refusal> {
        let held = self.held();
        if held < self.total {
            let sentence = format!(
                "{held} of {} bytes are there (send the rest, then commit)",
                self.total
            );
            return Err(Refusal::new(Word::Range, sentence));
        }
        Ok(())
    }

    /// Gives the file its name, if it is whole and has the hash that its sender says, if he does.
    pub(super) fn commit(
        self,
        promised: Option<&Hash>,
        mtime: Option<u64>,
    ) -> Result<Stored, Refusal> {
        self.check_whole()?;
        let bytes = self.held();
        let hash = self.hash();
        if promised.is_some_and(|promised| *promised != hash) {
            self.upload.discard();
            let sentence = format!(
                "what has come has the {} hash {hash}, and not the one that was announced (send it again)",
                hash.algorithm()
            );
            return Err(Refusal::new(Word::Hash, sentence));
        }
        self.upload.commit(&Commit {
            modified: mtime.and_then(wire::time),
            create: self.create,
        })?;
        Ok(Stored {
            path: self.path,
            bytes,
            hash,
        })
    }
}

/// A file that has its name.
pub(super) struct Stored {
    pub(super) path: FilePath,
    pub(super) bytes: u64,
    pub(super) hash: Hash,
}

impl Stored {
    /// What a sender of version 1 is told. It takes a `size` for that of a body.
    pub(super) fn first_reply(&self) -> ReplyFields {
        ReplyFields {
            file_hash: Some(self.hash.as_str().to_owned()),
            ..self.common()
        }
    }

    /// What a sender of version 2 is told.
    pub(super) fn second_reply(&self) -> ReplyFields {
        ReplyFields {
            size: Some(Number::from(self.bytes)),
            hash: Some(self.hash.as_str().to_owned()),
            hash_alg: Some(self.hash.algorithm()),
            ..self.common()
        }
    }

    fn common(&self) -> ReplyFields {
        ReplyFields::new(201, format!("stored {} ({} bytes)", self.path, self.bytes))
    }
}
