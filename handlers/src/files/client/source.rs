//! A local file that is being sent, and whether somebody writes to it meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::super::Hasher;
use super::Error;
use super::connection::CHUNK_BYTES;
use super::local::failed;
use super::part::hash_file;

/// A local file that is being sent.
pub(super) struct Source {
    file: File,
    path: PathBuf,
    /// How many bytes it has, or should have.
    pub(super) total: u64,
    /// When it was changed last.
    pub(super) modified: Option<SystemTime>,
    chunk: Vec<u8>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let local = |cause| failed("read", path, cause);
        // A pipe must not make us wait for its other end before it is refused.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = opened.map_err(local)?;
        let metadata = file.metadata().map_err(local)?;
        if !metadata.is_file() {
            let sentence = "it is no regular file";
            return Err(local(io::Error::new(ErrorKind::InvalidInput, sentence)));
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            total: metadata.len(),
            modified: metadata.modified().ok(),
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// Hashes the first bytes, and goes on behind them.
    pub(super) fn hash_first(&mut self, bytes: u64, hasher: &mut Hasher) -> Result<(), Error> {
        match hash_file(&mut self.file, bytes, hasher) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.changed()),
            result => result.map_err(|cause| self.failed(cause)),
        }
    }

    pub(super) fn rewind(&mut self) -> Result<(), Error> {
        let rewound = self.file.rewind();
        rewound.map_err(|cause| self.failed(cause))
    }

    /// The next bytes, at most so many.
    pub(super) fn next_chunk(&mut self, bytes_max: u64) -> Result<&[u8], Error> {
        let room = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let room = room.min(self.chunk.len());
        loop {
            match self.file.read(&mut self.chunk[..room]) {
                Ok(0) => return Err(self.changed()),
                Ok(count) => return Ok(&self.chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Whether somebody has written to it since it was opened.
    pub(super) fn is_changed(&self) -> Result<bool, Error> {
        let metadata = self.file.metadata().map_err(|cause| self.failed(cause))?;
        Ok(metadata.len() != self.total || metadata.modified().ok() != self.modified)
    }

    pub(super) fn changed(&self) -> Error {
        Error::Changed {
            name: self.path.to_string_lossy().into_owned(),
        }
    }

    fn failed(&self, cause: io::Error) -> Error {
        failed("read", &self.path, cause)
    }
}
