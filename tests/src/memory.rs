//! A storage for files in memory, so that nothing but the handler is tested, and each test begins with the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::MemfdFlags;
use socketserver_handlers::files::storage::{
    Announced, Commit, Entry, Kind, Listing, Quota, Source, Stamp, Storage, Upload,
};
use socketserver_handlers::files::{FilePath, Refusal, Word};

/// When every file was changed last, so that replies do not depend on when a test runs.
const TIME: u64 = 1_700_000_000;

/// Files in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    stock: Arc<Mutex<Stock>>,
}

#[derive(Debug, Default)]
struct Stock {
    /// None for folders.
    items: BTreeMap<FilePath, Option<Arc<[u8]>>>,
    /// What has come of uploads that are not done; none while somebody writes it.
    parts: BTreeMap<FilePath, Option<Vec<u8>>>,
}

impl Memory {
    /// The same, with a file.
    #[must_use]
    pub fn with(self, path: &str, bytes: &[u8]) -> Self {
        let path = FilePath::parse(path).expect("a test's path is one");
        let mut stock = self.lock();
        stock.make_folders(&path);
        stock.items.insert(path, Some(bytes.into()));
        drop(stock);
        self
    }

    /// The bytes of a file, if it is there.
    pub fn file(&self, path: &str) -> Option<Arc<[u8]>> {
        let path = FilePath::parse(path).expect("a test's path is one");
        self.lock().items.get(&path).cloned().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    fn make_folders(&mut self, path: &FilePath) {
        let mut above = path.folder();
        while let Some(folder) = above.filter(|folder| !folder.is_root()) {
            above = folder.folder();
            self.items.entry(folder).or_insert(None);
        }
    }

    fn entry(&self, path: &FilePath) -> Option<Entry> {
        let item = if path.is_root() {
            &None
        } else {
            self.items.get(path)?
        };
        Some(Entry {
            name: path.split().map_or("", |(_, name)| name).into(),
            kind: item.as_ref().map_or(Kind::Folder, |_| Kind::File),
            size: item.as_ref().map_or(0, |bytes| bytes.len() as u64),
            mtime: TIME,
        })
    }

    fn must_have(&self, path: &FilePath) -> Result<Entry, Refusal> {
        let missing = || Refusal::new(Word::NotFound, format!("{path} is not there"));
        self.entry(path).ok_or_else(missing)
    }

    fn must_not_have(&self, path: &FilePath) -> Result<(), Refusal> {
        match self.entry(path) {
            Some(_) => Err(Refusal::new(Word::Exists, format!("{path} is there"))),
            None => Ok(()),
        }
    }
}

impl Storage for Memory {
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
        let stock = self.lock();
        if stock.must_have(folder)?.kind != Kind::Folder {
            return Err(Refusal::new(
                Word::NotAFile,
                format!("{folder} is no folder"),
            ));
        }
        let paths = stock.items.keys();
        let inside = paths.filter(|path| path.split().is_some_and(|(above, _)| above == *folder));
        let entries = inside.filter_map(|path| stock.entry(path));
        Ok(Listing::page(entries, after, max))
    }

    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
        self.lock().must_have(path)
    }

    fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
        let stock = self.lock();
        stock.must_have(path)?;
        let Some(Some(bytes)) = stock.items.get(path) else {
            return Err(Refusal::new(Word::NotAFile, format!("{path} is no file")));
        };
        let file = rustix::fs::memfd_create("file", MemfdFlags::CLOEXEC);
        let mut file = File::from(file.expect("there is memory for a file"));
        file.write_all(bytes).expect("there is memory for a file");
        let time = UNIX_EPOCH + Duration::from_secs(TIME);
        // As long as the bytes are the same, they lie at the same place.
        let stamp = Stamp {
            file: (0, bytes.as_ptr().addr() as u64),
            size: bytes.len() as u64,
            modified: time,
            changed: SystemTime::now(),
        };
        Ok(Source { file, stamp })
    }

    fn upload(&self, path: &FilePath, announced: &Announced) -> Result<Box<dyn Upload>, Refusal> {
        let mut stock = self.lock();
        if announced.create {
            stock.must_not_have(path)?;
        }
        stock.make_folders(path);
        let part = stock
            .parts
            .entry(path.clone())
            .or_insert_with(|| Some(Vec::new()));
        let busy = || Refusal::new(Word::Busy, format!("somebody else is writing {path}"));
        let mut bytes = part.take().ok_or_else(busy)?;
        if bytes.len() as u64 > announced.total {
            bytes.clear();
        }
        Ok(Box::new(MemoryUpload {
            memory: self.clone(),
            path: path.clone(),
            bytes,
            is_over: false,
        }))
    }

    fn make_folder(&self, path: &FilePath, _: Option<&Quota>) -> Result<(), Refusal> {
        let mut stock = self.lock();
        stock.must_not_have(path)?;
        if let Some((above, _)) = path.split() {
            stock.must_have(&above)?;
        }
        stock.items.insert(path.clone(), None);
        Ok(())
    }

    fn remove(&self, path: &FilePath) -> Result<(), Refusal> {
        let mut stock = self.lock();
        stock.must_have(path)?;
        if stock
            .items
            .keys()
            .any(|other| other != path && other.is_within(path))
        {
            return Err(Refusal::new(Word::Exists, "the folder is not empty"));
        }
        stock.items.remove(path);
        Ok(())
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), Refusal> {
        let mut stock = self.lock();
        stock.must_have(from)?;
        stock.must_not_have(to)?;
        let item = stock.items.remove(from).flatten();
        stock.items.insert(to.clone(), item);
        Ok(())
    }

    fn make_home(&self, path: &FilePath) -> Result<(), Refusal> {
        let mut stock = self.lock();
        stock.make_folders(path);
        if !path.is_root() {
            stock.items.entry(path.clone()).or_insert(None);
        }
        Ok(())
    }
}

/// A file that is being written.
#[derive(Debug)]
struct MemoryUpload {
    memory: Memory,
    path: FilePath,
    bytes: Vec<u8>,
    /// Whether nothing is kept for a later attempt.
    is_over: bool,
}

impl Upload for MemoryUpload {
    fn held(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        let rest = &self.bytes[usize::try_from(offset).expect("it is in memory")..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn restart(&mut self) -> Result<(), Refusal> {
        self.bytes.clear();
        Ok(())
    }

    fn append(&mut self, pieces: &[Vec<u8>]) -> Result<(), Refusal> {
        self.bytes.extend(pieces.iter().flatten());
        Ok(())
    }

    fn commit(mut self: Box<Self>, commit: &Commit) -> Result<(), Refusal> {
        self.is_over = true;
        let mut stock = self.memory.lock();
        if commit.create {
            stock.must_not_have(&self.path)?;
        }
        stock
            .items
            .insert(self.path.clone(), Some(self.bytes.as_slice().into()));
        Ok(())
    }

    fn discard(mut self: Box<Self>) {
        self.is_over = true;
    }
}

impl Drop for MemoryUpload {
    fn drop(&mut self) {
        let mut stock = self.memory.lock();
        if self.is_over {
            stock.parts.remove(&self.path);
        } else {
            let bytes = std::mem::take(&mut self.bytes);
            stock.parts.insert(self.path.clone(), Some(bytes));
        }
    }
}
