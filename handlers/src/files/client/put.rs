//! Putting files, whole or from where an attempt before has ended.

use std::path::Path;
use std::time::Instant;

use super::super::wire::{self, Number, RequestFields};
use super::super::{Algorithm, FilePath, Hash, Hasher};
use super::connection::Sent;
use super::source::Source;
use super::{Client, Error, Progress, TransferOptions, Transferred, Version};

/// A file that is open for writing on the server.
struct Upload {
    token: String,
    /// How many bytes the server has.
    at: u64,
    /// The server has other bytes than ours, and must forget them.
    begins_again: bool,
    /// Of the bytes that the server has.
    hasher: Hasher,
}

impl Client {
    /// Puts a local file to a path on the server. The file has its name there once the server has compared its hash and written it to the disk; one that is there already
    /// is replaced, unless [`create`](TransferOptions::create) is set.
    ///
    /// In version 2 it goes on where an attempt before has ended, if the server still holds that and the bytes are the same. The time of the last change is
    /// passed on. In version 1 the file is read twice, since its hash comes first.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when the server does not want it, before any bytes are sent or in the middle; [`Error::Incomplete`] when it breaks off;
    /// [`Error::Changed`] when somebody writes to the local file meanwhile; [`Error::Integrity`] when the server has stored other bytes.
    pub fn put(
        &mut self,
        local: &Path,
        path: &FilePath,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let result = self.put_file(local, path, options, progress);
        progress.end();
        result
    }

    fn put_file(
        &mut self,
        local: &Path,
        path: &FilePath,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let started = Instant::now();
        let mut source = Source::open(local)?;
        let (hash, resumed_at, told) = match self.version {
            Version::One => self.put_whole(&mut source, path, options, progress)?,
            Version::Two => self.put_pieces(&mut source, path, options, progress)?,
        };
        if let Some(found) = told.clone().filter(|told| *told != hash) {
            return Err(Error::Integrity {
                name: path.as_str().to_owned(),
                expected: hash,
                found,
            });
        }
        Ok(Transferred {
            total: source.total,
            resumed_at,
            hash,
            is_verified: told.is_some(),
            took: started.elapsed(),
        })
    }

    /// Version 1: one request with everything. Gives our hash, where it began, and the server's hash.
    fn put_whole(
        &mut self,
        source: &mut Source,
        path: &FilePath,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<(Hash, u64, Option<Hash>), Error> {
        if options.create {
            return Err(Error::Unsupported("it cannot protect a file that is there"));
        }
        let (folder, name) = path
            .split()
            .ok_or(Error::Name(super::super::PathError::Empty))?;
        let mut hasher = Algorithm::Md5.hasher();
        source.hash_first(source.total, &mut hasher)?;
        source.rewind()?;
        let hash = hasher.finish();
        let folder = if folder.is_root() {
            "."
        } else {
            folder.as_str()
        };
        let request = RequestFields {
            filename: Some(name.to_owned()),
            dst_dir: Some(folder.to_owned()),
            size: Some(source.total.into()),
            file_hash: Some(hash.as_str().to_owned()),
            ..self.request("put", &[name, folder])
        };
        self.connection.send_header(&request)?;
        progress.begin(path.as_str(), source.total, 0);
        let mut sent = 0;
        let reply = self
            .send_body(source, source.total, None, &mut sent, progress)
            .and_then(|()| self.late_reply())
            .map_err(|error| broken_off(error, path, sent, source.total, false))?;
        let told = reply.file_hash.as_deref();
        let told = told.and_then(|text| Hash::parse(Algorithm::Md5, text));
        Ok((hash, 0, told))
    }

    /// Version 2: announced, sent in pieces, committed.
    fn put_pieces(
        &mut self,
        source: &mut Source,
        path: &FilePath,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<(Hash, u64, Option<Hash>), Error> {
        let mut upload = self.open_upload(source, path, options)?;
        let resumed_at = upload.at;
        progress.begin(path.as_str(), source.total, resumed_at);
        let total = source.total;
        while upload.at < total || upload.begins_again {
            let size = (total - upload.at).min(options.piece_bytes.max(1));
            let mut sent = upload.at;
            self.send_piece(source, &mut upload, size, &mut sent, progress)
                .map_err(|error| broken_off(error, path, sent, total, true))?;
        }
        if source.is_changed()? {
            // It is of no use any more; that the server does not hear it makes no difference.
            let _ = self.ask(&self.phase("abort", &upload));
            return Err(source.changed());
        }
        let hash = upload.hasher.finish();
        let commit = RequestFields {
            hash: Some(hash.as_str().to_owned()),
            mtime: source.modified.map(wire::seconds).map(Number::from),
            ..self.phase("commit", &upload)
        };
        let reply = self
            .ask_much(&commit)
            .map_err(|error| broken_off(error, path, total, total, true))?;
        let told = reply.hash.as_deref();
        let told = told.and_then(|text| Hash::parse(hash.algorithm(), text));
        match told {
            Some(told) => Ok((hash, resumed_at, Some(told))),
            None => Err(self.wrong(Error::lacking("hash"))),
        }
    }

    /// Announces a file, and finds out from where on it has to be sent.
    fn open_upload(
        &mut self,
        source: &mut Source,
        path: &FilePath,
        options: &TransferOptions,
    ) -> Result<Upload, Error> {
        let request = RequestFields {
            phase: Some("open".to_owned()),
            path: Some(path.as_str().to_owned()),
            total: Some(source.total.into()),
            create: options.create.then_some(true),
            hash_alg: Some(self.algorithm.name().to_owned()),
            ..self.request("put", &[])
        };
        // It may be busy with the very attempt that has just broken off.
        let reply = self.patiently(|client| client.ask_much(&request))?;
        let Some(token) = reply.token else {
            return Err(self.wrong(Error::lacking("token")));
        };
        let held = Number::of(reply.offset).unwrap_or(0);
        let mut upload = Upload {
            token,
            at: 0,
            begins_again: held > 0,
            hasher: self.algorithm.hasher(),
        };
        let theirs = reply.hash.as_deref();
        let theirs = theirs.and_then(|text| Hash::parse(self.algorithm, text));
        if options.resume && held > 0 && held <= source.total && theirs.is_some() {
            let mut hasher = self.algorithm.hasher();
            source.hash_first(held, &mut hasher)?;
            if theirs == Some(hasher.finish()) {
                upload.at = held;
                upload.begins_again = false;
                upload.hasher = hasher;
                return Ok(upload);
            }
        }
        source.rewind()?;
        Ok(upload)
    }

    /// Sends the next bytes, and waits for the server's word on them.
    fn send_piece(
        &mut self,
        source: &mut Source,
        upload: &mut Upload,
        size: u64,
        sent: &mut u64,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let header = RequestFields {
            offset: Some(upload.at.into()),
            size: Some(size.into()),
            ..self.phase("data", upload)
        };
        self.connection.send_header(&header)?;
        self.send_body(source, size, Some(&mut upload.hasher), sent, progress)?;
        let reply = self.late_reply()?;
        upload.at += size;
        upload.begins_again = false;
        match Number::of(reply.offset) {
            Some(offset) if offset == upload.at => Ok(()),
            _ => Err(self.wrong(Error::Protocol(
                "it has taken other bytes than were sent".into(),
            ))),
        }
    }

    /// Sends the next bytes of a file as the body of what was just sent.
    fn send_body(
        &mut self,
        source: &mut Source,
        size: u64,
        mut hasher: Option<&mut Hasher>,
        sent: &mut u64,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let mut left = size;
        while left > 0 {
            let bytes = source.next_chunk(left).map_err(|error| self.wrong(error))?;
            if self.connection.send_body(bytes)? == Sent::Answered {
                return Err(self.early_reply());
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            left -= bytes.len() as u64;
            *sent += bytes.len() as u64;
            progress.advance(bytes.len() as u64);
        }
        Ok(())
    }

    /// What the server says in the middle of a body. What is missing of that will not be sent.
    fn early_reply(&mut self) -> Error {
        let error = match self.reply() {
            Ok(_) => Error::Protocol("it comes before everything was sent".to_owned()),
            Err(error) => error,
        };
        self.wrong(error)
    }

    fn phase(&self, phase: &str, upload: &Upload) -> RequestFields {
        RequestFields {
            phase: Some(phase.to_owned()),
            token: Some(upload.token.clone()),
            ..self.request("put", &[])
        }
    }
}

/// A transfer that ends with its connection is incomplete; what else is wrong is what it is.
fn broken_off(error: Error, path: &FilePath, have: u64, total: u64, is_resumable: bool) -> Error {
    if !error.ends_connection() {
        return error;
    }
    Error::Incomplete {
        name: path.as_str().to_owned(),
        have,
        total,
        is_resumable,
        cause: Box::new(error),
    }
}
