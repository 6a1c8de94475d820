//! What a server answers to somebody who wants a file: how many bytes come, and of what.

use std::time::SystemTime;

use super::super::wire::{self, Number, ReplyFields, RequestFields};
use super::super::{Algorithm, FilePath, Hash, Hasher};
use super::walk::allowed;
use super::{Client, Error, Version};

/// What a server is about to send.
pub(super) struct Offer {
    /// The bytes that come now.
    pub(super) size: u64,
    /// Where in the file they begin.
    pub(super) offset: u64,
    /// The bytes of the whole file.
    pub(super) total: u64,
    /// The hash of the whole file; some servers of version 1 tell none.
    pub(super) hash: Option<Hash>,
    pub(super) modified: Option<SystemTime>,
}

/// Where an attempt before has ended.
pub(super) struct Earlier {
    /// So many bytes are there.
    pub(super) offset: u64,
    /// Of the whole file.
    pub(super) hash: Hash,
    /// Of the bytes that are there.
    pub(super) hasher: Hasher,
}

impl Client {
    /// Asks for a file, or for the rest of it.
    pub(super) fn offer(
        &mut self,
        path: &FilePath,
        earlier: Option<&Earlier>,
    ) -> Result<Offer, Error> {
        match self.version {
            Version::One => self.offer_one(path),
            Version::Two => self.offer_two(path, earlier),
        }
    }

    fn offer_one(&mut self, path: &FilePath) -> Result<Offer, Error> {
        let request = RequestFields {
            filename: Some(path.as_str().to_owned()),
            dst_dir: Some(".".to_owned()),
            ..self.request("get", &[path.as_str()])
        };
        let reply = self.ask_much(&request)?;
        if reply.size.is_none() && reply.file_hash.is_none() {
            // Tutorials' servers have nothing but a sentence for what they cannot do.
            return Err(Error::refused(&reply));
        }
        if let Some(name) = &reply.filename {
            // We store it under the name that was asked for; but who sends such a name cannot be trusted with anything else.
            allowed(name).map_err(|error| self.wrong(error))?;
        }
        let total = Number::of(reply.size).unwrap_or(0);
        let hash = match &reply.file_hash {
            Some(text) => match Hash::parse(Algorithm::Md5, text) {
                None => return Err(self.wrong(Error::lacking("file_hash"))),
                hash => hash,
            },
            None => None,
        };
        Ok(Offer {
            size: total,
            offset: 0,
            total,
            hash,
            modified: None,
        })
    }

    fn offer_two(&mut self, path: &FilePath, earlier: Option<&Earlier>) -> Result<Offer, Error> {
        let algorithm = earlier.map_or(self.algorithm, |earlier| earlier.hash.algorithm());
        let request = RequestFields {
            path: Some(path.as_str().to_owned()),
            offset: earlier.map(|earlier| earlier.offset.into()),
            if_hash: earlier.map(|earlier| earlier.hash.as_str().to_owned()),
            hash_alg: Some(algorithm.name().to_owned()),
            ..self.request("get", &[])
        };
        let reply = self.ask_much(&request)?;
        read_offer(&reply, algorithm, earlier).map_err(|error| self.wrong(error))
    }
}

/// What a reply of version 2 offers.
fn read_offer(
    reply: &ReplyFields,
    algorithm: Algorithm,
    earlier: Option<&Earlier>,
) -> Result<Offer, Error> {
    let size = Number::of(reply.size).ok_or_else(|| Error::lacking("size"))?;
    let offset = Number::of(reply.offset).unwrap_or(0);
    let total = Number::of(reply.total).unwrap_or(size);
    let algorithm = reply.hash_alg.unwrap_or(algorithm);
    let text = reply.hash.as_deref().unwrap_or_default();
    let hash = Hash::parse(algorithm, text).ok_or_else(|| Error::lacking("hash"))?;
    let is_asked_for = match earlier {
        Some(earlier) => offset == earlier.offset && hash == earlier.hash,
        None => offset == 0,
    };
    if !is_asked_for || offset.checked_add(size) != Some(total) {
        let problem = "it offers other bytes than it was asked for";
        return Err(Error::Protocol(problem.to_owned()));
    }
    Ok(Offer {
        size,
        offset,
        total,
        hash: Some(hash),
        modified: Number::of(reply.mtime).and_then(wire::time),
    })
}
