//! Hashes of files that are remembered as long as the files stay as they are.
//!
//! The reply to a `get` has the hash of the whole file in front of its bytes, which costs more than to send them. So each state of a file is hashed once, also when
//! many ask for it at the same time.

use std::collections::HashSet;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hashlink::LruCache;

use super::storage::{Source, Stamp};
use super::work::{self, Step};
use super::{Algorithm, Hash, Refusal};

/// How many hashes are remembered: some 100 bytes each.
const HASHES_MAX: usize = 4096;
/// How long a file must have been left alone for its stamp to tell its state for sure. The clocks of file systems move on every few milliseconds, those of old ones every
/// two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// The hashes of a server's files.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    desk: Arc<Mutex<Desk>>,
}

type Key = (Stamp, Algorithm);

struct Desk {
    known: LruCache<Key, Hash>,
    /// What is being hashed.
    under_way: HashSet<Key>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("known", &self.known.len())
            .field("under_way", &self.under_way.len())
            .finish()
    }
}

/// Notes that something is being hashed, until it is dropped.
struct Working {
    digests: Digests,
    key: Key,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.digests.lock().under_way.remove(&self.key);
    }
}

impl Digests {
    pub(super) fn new() -> Self {
        let desk = Desk {
            known: LruCache::new(HASHES_MAX),
            under_way: HashSet::new(),
        };
        Self {
            desk: Arc::new(Mutex::new(desk)),
        }
    }

    /// Finds the hash of a whole file, and goes on with it. It blocks.
    pub(super) fn hash(
        &self,
        source: Source,
        algorithm: Algorithm,
        then: impl FnOnce(Source, Result<Hash, Refusal>) -> Step + Send + 'static,
    ) -> Step {
        let key = (source.stamp, algorithm);
        let mut desk = self.lock();
        if let Some(hash) = desk.known.get(&key).cloned() {
            drop(desk);
            return then(source, Ok(hash));
        }
        let is_first = desk.under_way.insert(key);
        drop(desk);
        let digests = self.clone();
        if !is_first {
            return Step::Later(Box::new(move || digests.hash(source, algorithm, then)));
        }
        let working = Working { digests, key };
        let Source { file, stamp } = source;
        let begun = SystemTime::now();
        let is_settled = stamp.changed + SETTLED < begun;
        work::hash(
            file,
            0..stamp.size,
            algorithm.hasher(),
            move |file: File, result| {
                let hash = result.map(|hasher| hasher.finish());
                if let (Ok(hash), true) = (&hash, is_settled) {
                    working.digests.lock().known.insert(key, hash.clone());
                }
                drop(working);
                then(Source { file, stamp }, hash)
            },
        )
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
