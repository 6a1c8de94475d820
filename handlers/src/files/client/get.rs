//! Getting files, whole or from where an attempt before has ended.

use std::io::Write;
use std::time::Instant;

use super::super::{FilePath, Hash, Hasher, Word};
use super::offer::{Earlier, Offer};
use super::part::Part;
use super::{Client, Error, LocalFile, Progress, TransferOptions, Transferred};

impl Client {
    /// Gets a file into a local one, which has its name once its hash was compared and it is on the disk. A file of that name is replaced.
    ///
    /// What has come of a transfer that breaks off stays beside the file under a name that begins with `.socketserver-part-`, with a note of what it
    /// belongs to. In version 2 a later attempt goes on from there, unless the file on the server is another one by then.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] when it breaks off, [`Error::Integrity`] when the hash is another one, [`Error::Local`] when something fails on this side. What
    /// has come is kept after the first and the last.
    pub fn get(
        &mut self,
        path: &FilePath,
        target: &LocalFile,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let result = self.get_file(path, target, options, progress);
        progress.end();
        result
    }

    /// Gets a file into a sink, from its beginning. Its hash can be compared only when everything was written there.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Client::get); what the sink fails with is an [`Error::Local`].
    pub fn get_into(
        &mut self,
        path: &FilePath,
        sink: &mut dyn Write,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let result = self.get_stream(path, sink, progress);
        progress.end();
        result
    }

    fn get_stream(
        &mut self,
        path: &FilePath,
        sink: &mut dyn Write,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let started = Instant::now();
        let offer = self.offer(path, None)?;
        let hasher = self.hasher_of(&offer);
        let mut write = |bytes: &[u8]| {
            let written = sink.write_all(bytes);
            written.map_err(|cause| super::local::failed("write", path.as_str().as_ref(), cause))
        };
        let found = self
            .receive(path, &offer, hasher, &mut write, progress)
            .map_err(|(error, have)| match error {
                error if error.ends_connection() => incomplete(path, have, &offer, false, error),
                error => error,
            })?;
        let transferred = verified(path, &offer, found, started)?;
        let flushed = sink.flush();
        flushed.map_err(|cause| super::local::failed("write", path.as_str().as_ref(), cause))?;
        Ok(transferred)
    }

    fn get_file(
        &mut self,
        path: &FilePath,
        target: &LocalFile,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let started = Instant::now();
        let mut part = Part::open(target)?;
        let mut earlier = None;
        if options.resume && self.can_resume {
            earlier = earlier_attempt(&mut part)?;
        }
        let offer = match self.offer(path, earlier.as_ref()) {
            // It is another file by now, or a shorter one.
            Err(error) if error.is_refusal(Word::Changed) || error.is_refusal(Word::Range) => {
                earlier = None;
                self.offer(path, None)?
            }
            // Whoever offers something else than the rest would do so for ever.
            Err(error @ Error::Protocol(_)) if earlier.is_some() => {
                part.discard();
                return Err(error);
            }
            offer => offer?,
        };
        let hasher = if let Some(earlier) = earlier {
            earlier.hasher
        } else {
            // If it fails, nothing of the body was read yet, and it will not be.
            begin(&mut part, &offer).map_err(|error| self.wrong(error))?;
            self.hasher_of(&offer)
        };
        let mut append = |bytes: &[u8]| part.append(bytes);
        let received = self.receive(path, &offer, hasher, &mut append, progress);
        let found = match received {
            Ok(found) => found,
            Err((error, have)) if error.ends_connection() => {
                let is_resumable = self.can_resume;
                if !is_resumable {
                    part.discard();
                }
                return Err(incomplete(path, have, &offer, is_resumable, error));
            }
            Err((error, _)) => return Err(error),
        };
        match verified(path, &offer, found, started) {
            Ok(mut transferred) => {
                part.finish(offer.modified)?;
                transferred.took = started.elapsed();
                Ok(transferred)
            }
            Err(error) => {
                part.discard();
                Err(error)
            }
        }
    }

    /// Receives the bytes that were offered; gives the hash of the whole file, or the error and how many bytes of the file are there.
    fn receive(
        &mut self,
        path: &FilePath,
        offer: &Offer,
        mut hasher: Hasher,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
        progress: &mut dyn Progress,
    ) -> Result<Hash, (Error, u64)> {
        progress.begin(path.as_str(), offer.total, offer.offset);
        let mut have = offer.offset;
        let result = self.connection.receive_body(offer.size, &mut |bytes| {
            take(bytes)?;
            hasher.update(bytes);
            have += bytes.len() as u64;
            progress.advance(bytes.len() as u64);
            Ok(())
        });
        match result {
            Ok(()) => Ok(hasher.finish()),
            Err(error) => Err((error, have)),
        }
    }

    fn hasher_of(&self, offer: &Offer) -> Hasher {
        let hash = offer.hash.as_ref();
        hash.map_or(self.algorithm, Hash::algorithm).hasher()
    }
}

/// What is there of an attempt before, if the server can go on from there.
fn earlier_attempt(part: &mut Part) -> Result<Option<Earlier>, Error> {
    let Some(hash) = part.remembered().filter(|_| part.held() > 0) else {
        return Ok(None);
    };
    let mut hasher = hash.algorithm().hasher();
    part.hash_into(&mut hasher)?;
    Ok(Some(Earlier {
        offset: part.held(),
        hash,
        hasher,
    }))
}

/// Begins a part from nothing.
fn begin(part: &mut Part, offer: &Offer) -> Result<(), Error> {
    part.restart()?;
    match &offer.hash {
        Some(hash) => part.remember(hash),
        None => Ok(()),
    }
}

/// Compares the hash of what has come with what was told.
fn verified(
    path: &FilePath,
    offer: &Offer,
    found: Hash,
    started: Instant,
) -> Result<Transferred, Error> {
    match &offer.hash {
        Some(expected) if *expected != found => Err(Error::Integrity {
            name: path.as_str().to_owned(),
            expected: expected.clone(),
            found,
        }),
        told => Ok(Transferred {
            total: offer.total,
            resumed_at: offer.offset,
            is_verified: told.is_some(),
            hash: found,
            took: started.elapsed(),
        }),
    }
}

fn incomplete(
    path: &FilePath,
    have: u64,
    offer: &Offer,
    is_resumable: bool,
    cause: Error,
) -> Error {
    Error::Incomplete {
        name: path.as_str().to_owned(),
        have,
        total: offer.total,
        is_resumable,
        cause: Box::new(cause),
    }
}
