//! What is done for each verb that looks at the storage or changes it. All of it blocks.

use std::sync::Arc;

use super::request::Get;
use super::service::Service;
use super::storage::{Announced, Entry, Kind, Quota, Source};
use super::transfer::Transfer;
use super::wire::{self, Number, PREFIX_BYTES, ReplyFields};
use super::work::{self, Outcome, Step};
use super::{Algorithm, FilePath, Hash, Refusal, Word};

/// The most entries of one reply.
const ENTRIES_MAX: usize = 1000;

/// Looks whether a folder is there, so that it can be the current one; `place` is how the user calls it.
pub(super) fn cd(service: &Service, full: &FilePath, place: FilePath) -> Step {
    match service.storage.entry(full) {
        Ok(entry) if entry.kind == Kind::Folder => {
            Step::Done(Outcome::Moved(Box::new(current_folder(&place)), place))
        }
        Ok(_) => Step::refused(Refusal::new(
            Word::NotAFile,
            format!("{place} is no folder"),
        )),
        Err(refusal) => Step::refused(refusal),
    }
}

/// The reply that says where the user is.
pub(super) fn current_folder(place: &FilePath) -> ReplyFields {
    ReplyFields {
        path: Some(place.to_string()),
        ..ReplyFields::new(200, place.to_string())
    }
}

pub(super) fn ls(
    service: &Service,
    folder: &FilePath,
    after: Option<&str>,
    as_text: bool,
) -> Result<ReplyFields, Refusal> {
    let listing = service.storage.list(folder, after, ENTRIES_MAX)?;
    let (mut entries, mut has_more) = (listing.entries, listing.has_more);
    loop {
        let reply = page(&entries, has_more, as_text);
        if wire::write(&reply).len() - PREFIX_BYTES <= service.settings.frame_bytes_max {
            return Ok(reply);
        }
        // Long names may not fit into one frame; one alone always does, unless frames are tiny.
        if entries.len() <= 1 {
            let sentence = "an entry does not fit into a frame (ask for a larger frame_bytes_max)";
            return Err(Refusal::new(Word::Failed, sentence));
        }
        entries.truncate(entries.len() / 2);
        has_more = true;
    }
}

fn page(entries: &[Entry], has_more: bool, as_text: bool) -> ReplyFields {
    let last = entries.last().filter(|_| has_more);
    let mut text = format!("{} entries", entries.len());
    if as_text {
        let name = |entry: &Entry| match entry.kind {
            Kind::Folder => format!("{}/", entry.name),
            _ => entry.name.clone(),
        };
        let mut lines: Vec<_> = entries.iter().map(name).collect();
        if has_more {
            lines.push("... and more".into());
        }
        text = lines.join("\n");
    }
    ReplyFields {
        entries: Some(entries.to_vec()),
        next: last.map(|entry| entry.name.clone()),
        ..ReplyFields::new(200, text)
    }
}

pub(super) fn stat(service: &Service, full: &FilePath) -> Result<ReplyFields, Refusal> {
    let entry = service.storage.entry(full)?;
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Other => "other",
    };
    let text = format!("{kind}, {} bytes", entry.size);
    Ok(ReplyFields {
        entry: Some(entry),
        ..ReplyFields::new(200, text)
    })
}

/// Hashes a file, or its first `size` bytes.
pub(super) fn hash(
    service: &Service,
    full: &FilePath,
    algorithm: Algorithm,
    size: Option<u64>,
    is_first: bool,
) -> Step {
    let source = match service.storage.open(full) {
        Ok(source) => source,
        Err(refusal) => return Step::refused(refusal),
    };
    let reply = move |hash: &Hash, size: u64| ReplyFields {
        hash: Some(hash.as_str().to_owned()),
        hash_alg: Some(algorithm),
        size: (!is_first).then_some(Number::from(size)),
        ..ReplyFields::new(200, hash.as_str())
    };
    match size {
        Some(size) if size > source.stamp.size => Step::refused(beyond(source.stamp.size)),
        Some(size) if size < source.stamp.size => work::hash(
            source.file,
            0..size,
            algorithm.hasher(),
            move |_, result| result.map(|hasher| reply(&hasher.finish(), size)).into(),
        ),
        _ => service
            .digests
            .hash(source, algorithm, move |source, result| {
                result.map(|hash| reply(&hash, source.stamp.size)).into()
            }),
    }
}

fn beyond(size: u64) -> Refusal {
    let sentence = format!("the file has {size} bytes (ask for some of them)");
    Refusal::new(Word::Range, sentence)
}

/// Opens a file to be sent, with the hash of the whole of it.
pub(super) fn get(service: &Service, full: &FilePath, get: Get) -> Step {
    match service.storage.open(full) {
        Ok(source) => {
            service
                .digests
                .hash(source, get.algorithm, move |source, result| {
                    match result.and_then(|hash| answer(&get, source, &hash)) {
                        Ok(outcome) => Step::Done(outcome),
                        Err(refusal) => Step::refused(refusal),
                    }
                })
        }
        Err(refusal) => Step::refused(refusal),
    }
}

fn answer(get: &Get, source: Source, hash: &Hash) -> Result<Outcome, Refusal> {
    let total = source.stamp.size;
    let promised = get
        .if_hash
        .as_deref()
        .map(|text| Hash::parse(get.algorithm, text));
    if promised.is_some_and(|promised| promised.as_ref() != Some(hash)) {
        let sentence = "the file is another one now (get it from the beginning)";
        return Err(Refusal::new(Word::Changed, sentence));
    }
    let offset = get.offset.unwrap_or(0);
    if offset > total {
        return Err(beyond(total));
    }
    let size = get.size.unwrap_or(u64::MAX).min(total - offset);
    let reply = match &get.destination {
        Some(destination) => first_answer(get, destination, size, hash),
        None => ReplyFields {
            size: Some(Number::from(size)),
            total: Some(Number::from(total)),
            offset: Some(Number::from(offset)),
            mtime: Some(Number::from(wire::seconds(source.stamp.modified))),
            hash: Some(hash.as_str().to_owned()),
            hash_alg: Some(get.algorithm),
            ..ReplyFields::new(if size == total { 200 } else { 206 }, "the file follows")
        },
    };
    let range = offset..offset + size;
    Ok(Outcome::File(Box::new(reply), source.file, range))
}

fn first_answer(get: &Get, destination: &str, size: u64, hash: &Hash) -> ReplyFields {
    let name = get.path.rsplit('/').next().unwrap_or_default();
    ReplyFields {
        filename: Some(name.to_owned()),
        dst_dir: Some(destination.to_owned()),
        size: Some(Number::from(size)),
        file_hash: Some(hash.as_str().to_owned()),
        ..ReplyFields::new(200, "the file follows")
    }
}

/// What an upload is to become.
pub(super) struct Intent {
    pub(super) full: FilePath,
    /// How the user calls it.
    pub(super) place: FilePath,
    pub(super) total: u64,
    pub(super) create: bool,
    pub(super) algorithm: Algorithm,
    pub(super) quota: Option<Quota>,
    /// Whether what is there of an attempt before is dropped.
    pub(super) anew: bool,
}

/// Opens an upload.
pub(super) fn open(service: &Arc<Service>, intent: Intent) -> Step {
    let announced = Announced {
        total: intent.total,
        create: intent.create,
        quota: intent.quota,
    };
    let mut upload = match service.storage.upload(&intent.full, &announced) {
        Ok(upload) => upload,
        Err(refusal) => return Step::refused(refusal),
    };
    let emptied = if intent.anew {
        upload.restart()
    } else {
        Ok(())
    };
    if let Err(refusal) = emptied {
        return Step::refused(refusal);
    }
    Transfer::begin(
        upload,
        intent.place,
        intent.total,
        intent.create,
        intent.algorithm,
        |transfer| Step::Done(Outcome::Opened(Box::new(transfer))),
    )
}

/// The reply to the first step of a put of version 2.
pub(super) fn opened(transfer: &Transfer, token: &str) -> ReplyFields {
    let hash = transfer.hash();
    ReplyFields {
        offset: Some(Number::from(transfer.held())),
        hash: Some(hash.as_str().to_owned()),
        hash_alg: Some(hash.algorithm()),
        token: Some(token.to_owned()),
        ..ReplyFields::new(100, format!("{} bytes are there", transfer.held()))
    }
}
