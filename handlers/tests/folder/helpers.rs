//! What the tests say in one word.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use socketserver_handlers::files::storage::{
    Announced, Commit, Folder, FolderSettings, Quota, Storage, Upload,
};
use socketserver_handlers::files::{FilePath, Refusal, Word};
use tempfile::TempDir;

/// A storage with something beside it that nobody may reach.
pub(crate) struct Place {
    place: TempDir,
    pub(crate) storage: Folder,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(FolderSettings::default())
    }

    pub(crate) fn with(settings: FolderSettings) -> Self {
        Self::at(tempfile::tempdir().unwrap(), settings)
    }

    /// A place in memory, where there is one, for tests that make much and are not about the disk.
    pub(crate) fn in_memory() -> Self {
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::at(place.unwrap(), FolderSettings::default())
    }

    fn at(place: TempDir, settings: FolderSettings) -> Self {
        fs::create_dir(place.path().join("root")).unwrap();
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::create_dir(outside.join("folder")).unwrap();
        for name in ["secret", "a", "b", "folder/a"] {
            fs::write(outside.join(name), "outside").unwrap();
        }
        let storage = Folder::open(&place.path().join("root"), settings).unwrap();
        Self { place, storage }
    }

    /// Something on the disk in the storage.
    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.place.path().join("root").join(name)
    }

    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.place.path().join("outside").join(name)
    }

    /// Everything about what lies outside but when it was read.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (u64, i64, i64, Vec<u8>)> {
        snapshot(&self.outside(""))
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root(name)).unwrap()
    }

    /// The hidden files anywhere in the storage.
    pub(crate) fn parts(&self) -> Vec<PathBuf> {
        let all = snapshot(&self.root("")).into_keys();
        all.filter(|path| {
            let name = path.file_name().unwrap().to_str();
            name.is_some_and(|name| name.starts_with(".socketserver-part-"))
        })
        .collect()
    }
}

fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        for path in paths.chain([folder.clone()]) {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mut bytes = Vec::new();
            if metadata.is_file() {
                bytes = fs::read(&path).unwrap();
            } else if metadata.is_dir() && path != folder {
                folders.push(path.clone());
            }
            let state = (metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
            all.insert(path, (state.0, state.1, state.2, bytes));
        }
    }
    all
}

pub(crate) fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

pub(crate) fn announce(total: usize) -> Announced {
    Announced {
        total: total as u64,
        ..Announced::default()
    }
}

pub(crate) fn within(home: &str, bytes_max: u64, total: usize) -> Announced {
    let folder = path(home);
    Announced {
        quota: Some(Quota { folder, bytes_max }),
        ..announce(total)
    }
}

/// Uploads a file as a whole.
pub(crate) fn put(storage: &Folder, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
    put_announced(storage, name, bytes, &announce(bytes.len()))
}

pub(crate) fn put_announced(
    storage: &Folder,
    name: &str,
    bytes: &[u8],
    announced: &Announced,
) -> Result<(), Refusal> {
    let mut upload = storage.upload(&path(name), announced)?;
    upload.restart()?;
    upload.append(&[bytes.to_vec()])?;
    upload.commit(&Commit::default())
}

pub(crate) fn get(storage: &Folder, name: &str) -> Result<String, Refusal> {
    let mut text = String::new();
    let mut file = storage.open(&path(name))?.file;
    file.read_to_string(&mut text).unwrap();
    Ok(text)
}

/// What is held of an upload.
pub(crate) fn held(upload: &dyn Upload) -> Vec<u8> {
    let mut bytes = vec![0; upload.held() as usize + 10];
    let mut length = 0;
    loop {
        let count = upload.read_at(length as u64, &mut bytes[length..]).unwrap();
        if count == 0 {
            bytes.truncate(length);
            return bytes;
        }
        length += count;
    }
}

pub(crate) fn word<T>(result: Result<T, Refusal>) -> Option<Word> {
    result.err().map(|refusal| refusal.word)
}

/// Runs an ignored test of this binary in a process of its own, which finds the storage in the environment.
pub(crate) fn start_child(test: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .env(CHILD_ROOT, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The storage of a child; none if the test was started by hand.
pub(crate) fn childs_storage() -> Option<Folder> {
    let root = std::env::var_os(CHILD_ROOT)?;
    Some(Folder::open(Path::new(&root), FolderSettings::default()).unwrap())
}

const CHILD_ROOT: &str = "SOCKETSERVER_TEST_ROOT";

/// Something mounted for the time of a test; none where that is not allowed.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn new(kind: &str, options: &str, at: &Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", kind, "-o", options, kind])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            Some(Self(at.to_owned()))
        } else {
            println!("passed over: mounting is not allowed here");
            None
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What a thread returns within a second; fails if it waits for something instead.
pub(crate) fn at_once<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver
        .recv_timeout(std::time::Duration::from_secs(5))
        .expect("it waits for something")
}
