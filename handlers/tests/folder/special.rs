//! What is no regular file: it is neither read nor waited for.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};
use socketserver_handlers::files::storage::{Commit, Kind, Storage};
use socketserver_handlers::files::{FilePath, Word};

use crate::helpers::{Place, announce, at_once, path, put, word};

fn make(at: &Path, kind: FileType, device: u64) -> bool {
    mknodat(CWD, at, kind, Mode::RUSR | Mode::WUSR, device).is_ok()
}

#[test]
fn whatever_is_no_regular_file_is_refused_at_once() {
    let place = Place::new();
    assert!(make(&place.root("pipe"), FileType::Fifo, 0));
    let _socket = UnixListener::bind(place.root("socket")).unwrap();
    fs::create_dir(place.root("folder")).unwrap();
    let mut names = vec!["link", "pipe", "socket", "folder"];
    symlink("pipe", place.root("link")).unwrap();
    if make(
        &place.root("zero"),
        FileType::CharacterDevice,
        makedev(1, 5),
    ) {
        names.push("zero");
    } else {
        println!("passed over: no devices can be made here");
    }
    at_once(move || {
        for name in names {
            let refusal = place.storage.open(&path(name)).unwrap_err();
            assert_eq!(refusal.word, Word::NotAFile, "{name}");
            assert!(refusal.sentence.contains(&format!("/{name}")), "{refusal}");
            if name == "link" {
                continue;
            }
            assert_eq!(word(put(&place.storage, name, b"x")), Some(Word::NotAFile));
            let kind = place.storage.entry(&path(name)).unwrap().kind;
            let expected = if name == "folder" {
                Kind::Folder
            } else {
                Kind::Other
            };
            assert_eq!(kind, expected, "{name}");
            place.storage.remove(&path(name)).unwrap();
        }
        assert_eq!(
            word(place.storage.open(&FilePath::root())),
            Some(Word::NotAFile)
        );
        assert!(place.parts().is_empty());
    });
}

#[test]
fn what_becomes_special_meanwhile_is_not_replaced() {
    let place = Place::new();
    for kind in ["folder", "pipe"] {
        let mut upload = place.storage.upload(&path(kind), &announce(3)).unwrap();
        upload.append(&[b"new".to_vec()]).unwrap();
        if kind == "folder" {
            fs::create_dir(place.root(kind)).unwrap();
        } else {
            assert!(make(&place.root(kind), FileType::Fifo, 0));
        }
        let refused = word(upload.commit(&Commit::default()));
        assert_eq!(refused, Some(Word::NotAFile), "{kind}");
        assert!(!fs::symlink_metadata(place.root(kind)).unwrap().is_file());
    }
}

#[test]
fn a_file_that_is_read_waits_for_its_disk_like_any_other() {
    let place = Place::new();
    put(&place.storage, "a", b"x").unwrap();
    let file: File = place.storage.open(&path("a")).unwrap().file;
    let flags = rustix::fs::fcntl_getfl(&file).unwrap();
    assert!(!flags.contains(OFlags::NONBLOCK));
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_no_regular_file_is_not_even_opened() {
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

    let place = Place::new();
    put(&place.storage, "file", b"x").unwrap();
    assert!(make(&place.root("pipe"), FileType::Fifo, 0));
    for (name, is_opened) in [("pipe", false), ("file", true)] {
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        add_watch(&watch, place.root(name), WatchFlags::OPEN).unwrap();
        let _ = place.storage.open(&path(name));
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
        let seen = Reader::new(&watch, &mut buffer).next().is_ok();
        assert_eq!(seen, is_opened, "{name}");
    }
}
