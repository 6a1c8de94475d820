//! Removing, renaming and sweeping.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use socketserver_handlers::files::storage::Storage;
use socketserver_handlers::files::{FilePath, Word};

use crate::helpers::{Place, announce, path, put, put_announced, within, word};

#[test]
fn files_and_empty_folders_are_removed() {
    let place = Place::new();
    put(&place.storage, "folder/a", b"x").unwrap();
    let refusal = place.storage.remove(&path("folder")).unwrap_err();
    assert_eq!(refusal.word, Word::Exists);
    assert!(refusal.sentence.contains("the folder is not empty"));
    place.storage.remove(&path("folder/a")).unwrap();
    assert_eq!(
        word(place.storage.remove(&path("folder/a"))),
        Some(Word::NotFound)
    );
    place.storage.remove(&path("folder")).unwrap();
    assert!(!place.root("folder").exists());
    assert_eq!(
        word(place.storage.remove(&FilePath::root())),
        Some(Word::NotAFile)
    );
}

#[test]
fn what_nobody_sees_does_not_keep_a_folder() {
    let place = Place::new();
    let announced = within("folder", 1 << 20, 10);
    put_announced(&place.storage, "folder/b", b"x", &announced).unwrap();
    let mut upload = place.storage.upload(&path("folder/a"), &announced).unwrap();
    upload.append(&[b"x".to_vec()]).unwrap();
    assert_eq!(
        word(place.storage.remove(&path("folder"))),
        Some(Word::Exists)
    );
    place.storage.remove(&path("folder/b")).unwrap();
    let refusal = place.storage.remove(&path("folder")).unwrap_err();
    assert_eq!(refusal.word, Word::Busy);
    assert_eq!(place.parts().len(), 1);
    assert!(place.root("folder/.socketserver-quota").exists());
    drop(upload);
    place.storage.remove(&path("folder")).unwrap();
    assert!(!place.root("folder").exists());
    // What the server does not know is not removed.
    fs::create_dir(place.root("folder")).unwrap();
    fs::write(place.root("folder/.socketserver-other"), "x").unwrap();
    assert_eq!(
        word(place.storage.remove(&path("folder"))),
        Some(Word::Exists)
    );
}

#[test]
fn a_new_name_replaces_nothing() {
    let place = Place::new();
    put(&place.storage, "folder/a", b"a").unwrap();
    put(&place.storage, "b", b"b").unwrap();
    let rename = |from: &str, to: &str| word(place.storage.rename(&path(from), &path(to)));
    assert_eq!(rename("folder/a", "b"), Some(Word::Exists));
    assert_eq!(rename("b", "folder"), Some(Word::Exists));
    assert_eq!(rename("folder", "b"), Some(Word::Exists));
    assert_eq!(rename("b", "b"), Some(Word::Exists));
    assert_eq!(rename("folder", "folder/below"), Some(Word::BadRequest));
    assert_eq!(rename("nothing", "c"), Some(Word::NotFound));
    assert_eq!(rename("nothing", "b"), Some(Word::NotFound));
    assert_eq!(rename("b", "nowhere/c"), Some(Word::NotFound));
    assert_eq!(rename("b", "folder/a/c"), Some(Word::NotAFile));
    assert_eq!(
        word(place.storage.rename(&path("b"), &FilePath::root())),
        Some(Word::Exists)
    );
    assert_eq!(rename("folder/a", "a"), None);
    assert_eq!(rename("folder", "folder2"), None);
    assert_eq!((place.read("a"), place.read("b")), ("a".into(), "b".into()));
    assert!(place.root("folder2").is_dir() && !place.root("folder").exists());
}

#[test]
fn folders_are_made_once_and_homes_as_often_as_one_likes() {
    let place = Place::new();
    let make = |name: &str| word(place.storage.make_folder(&path(name), None));
    assert_eq!(make("a/b"), Some(Word::NotFound));
    assert_eq!((make("a"), make("a/b")), (None, None));
    assert_eq!(make("a"), Some(Word::Exists));
    assert_eq!(
        word(place.storage.make_folder(&FilePath::root(), None)),
        Some(Word::Exists)
    );
    for _ in 0..2 {
        place.storage.make_home(&path("a/b/c/d")).unwrap();
        place.storage.make_home(&FilePath::root()).unwrap();
    }
    assert!(place.root("a/b/c/d").is_dir());
    put(&place.storage, "file", b"x").unwrap();
    assert_eq!(
        word(place.storage.make_home(&path("file"))),
        Some(Word::NotAFile)
    );
    assert_eq!(
        word(place.storage.make_home(&path("file/a"))),
        Some(Word::NotAFile)
    );
}

#[test]
fn sweeping_removes_old_parts_that_nobody_writes() {
    let place = Place::new();
    let old = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    let mut live = None;
    for name in ["a", "deep/er/b", "deep/new", "deep/live"] {
        let mut upload = place.storage.upload(&path(name), &announce(3)).unwrap();
        upload.append(&[b"xyz".to_vec()]).unwrap();
        if name == "deep/live" {
            live = Some(upload);
        }
    }
    let parts = place.parts();
    assert_eq!(parts.len(), 4);
    let new = place
        .storage
        .upload(&path("deep/new"), &announce(3))
        .unwrap();
    for part in &parts {
        let file = File::options().write(true).open(part).unwrap();
        file.set_times(FileTimes::new().set_modified(old)).unwrap();
    }
    drop(new);
    let mut fresh = place.storage.upload(&path("fresh"), &announce(3)).unwrap();
    fresh.append(&[b"x".to_vec()]).unwrap();
    drop(fresh);
    fs::write(place.root("old"), "x").unwrap();
    // The parts behind a link are not ours, and a link in a part's place is no part.
    fs::write(place.outside(".socketserver-part-0123456789abcdef"), "x").unwrap();
    symlink("../outside", place.root("out")).unwrap();
    symlink("../outside/secret", place.root(".socketserver-part-link")).unwrap();
    put(&place.storage, "deep/new", b"n").unwrap();
    let before = place.snapshot();
    let swept = place.storage.sweep().unwrap();
    assert_eq!((swept.parts, swept.bytes), (2, 6));
    assert_eq!(
        place.parts().len(),
        3,
        "the live one, the fresh one, and the link"
    );
    assert_eq!(place.read("old"), "x");
    assert!(before == place.snapshot());
    drop(live);
    assert_eq!(place.storage.sweep().unwrap().parts, 1);
}

#[test]
fn however_deep_a_tree_is_it_is_swept() {
    let place = Place::in_memory();
    // Deeper than there may be open files, and than a path may be long.
    let mut dir =
        cap_std::fs::Dir::open_ambient_dir(place.root(""), cap_std::ambient_authority()).unwrap();
    for _ in 0..3000 {
        dir.create_dir("deep").unwrap();
        dir = dir.open_dir("deep").unwrap();
    }
    let part = dir
        .create(".socketserver-part-0123456789abcdef")
        .unwrap()
        .into_std();
    part.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH))
        .unwrap();
    assert_eq!(place.storage.sweep().unwrap().parts, 1);
}
