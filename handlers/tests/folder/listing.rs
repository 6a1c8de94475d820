//! Listing: in order, a page at a time, and nothing that is no name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;

use socketserver_handlers::files::storage::{Kind, Storage};
use socketserver_handlers::files::{FilePath, Word};

use crate::helpers::{Place, announce, path, put, word};

#[test]
fn a_large_folder_is_listed_in_pages_in_order() {
    const FILES: usize = 100_000;
    const PAGE: usize = 1000;

    let place = Place::in_memory();
    fs::create_dir(place.root("many")).unwrap();
    for index in 0..FILES {
        // The order in which they are made is not the one of their names.
        let index = index * 7919 % FILES;
        File::create(place.root(&format!("many/{index:06}"))).unwrap();
    }
    let many = path("many");
    // Every page reads the whole folder, so a few of them are looked at: the first, from the middle, and the last.
    let mut after: Option<String> = None;
    for page in [0, 1, 50, 99] {
        if page > 1 {
            after = Some(format!("{:06}", page * PAGE - 1));
        }
        let listing = place.storage.list(&many, after.as_deref(), PAGE).unwrap();
        let names = listing.entries.iter().map(|entry| entry.name.as_str());
        let expected: Vec<String> = (page * PAGE..(page + 1) * PAGE)
            .map(|index| format!("{index:06}"))
            .collect();
        assert!(names.eq(expected.iter().map(String::as_str)), "{page}");
        assert_eq!(listing.has_more, page < 99);
        after = expected.last().cloned();
    }
    let after = format!("{:06}", FILES - 1);
    let listing = place.storage.list(&many, Some(&after), PAGE).unwrap();
    assert!(listing.entries.is_empty() && !listing.has_more);
}

#[test]
fn pages_put_together_are_the_whole_folder() {
    let place = Place::new();
    let mut names: Vec<String> = (0..100).map(|index| format!("{:x}", index * 37)).collect();
    for name in &names {
        File::create(place.root(name)).unwrap();
    }
    names.sort();
    for max in [1, 2, 7, 99, 100, 101] {
        let mut together = Vec::new();
        loop {
            let after = together.last().map(String::as_str);
            let listing = place.storage.list(&FilePath::root(), after, max).unwrap();
            assert!(listing.entries.len() <= max);
            together.extend(listing.entries.into_iter().map(|entry| entry.name));
            if !listing.has_more {
                break;
            }
        }
        assert_eq!(together, names, "{max}");
    }
    let listing = place.storage.list(&FilePath::root(), None, 0).unwrap();
    assert!(listing.entries.is_empty() && listing.has_more);
}

#[test]
fn what_cannot_be_asked_for_is_not_listed() {
    let place = Place::new();
    for name in [
        &b"a\nb"[..],
        b"\x1b[2J",
        b"\xff",
        b".socketserver-quota",
        b"a\\b",
    ] {
        File::create(place.root("").join(OsStr::from_bytes(name))).unwrap();
    }
    let upload = place.storage.upload(&path("hidden"), &announce(5)).unwrap();
    put(&place.storage, "seen", b"12345").unwrap();
    let listing = place.storage.list(&FilePath::root(), None, 10).unwrap();
    let [entry] = listing.entries.as_slice() else {
        panic!("{listing:?}");
    };
    assert_eq!((entry.name.as_str(), entry.size), ("seen", 5));
    assert!(entry.mtime > 1_700_000_000 && !listing.has_more);
    // A page that is full has no more only because of what is hidden.
    let listing = place.storage.list(&FilePath::root(), None, 1).unwrap();
    assert!(!listing.has_more);
    drop(upload);
}

#[test]
fn only_folders_can_be_listed() {
    let place = Place::new();
    put(&place.storage, "a", b"x").unwrap();
    assert_eq!(
        word(place.storage.list(&path("a"), None, 1)),
        Some(Word::NotAFile)
    );
    assert_eq!(
        word(place.storage.list(&path("b"), None, 1)),
        Some(Word::NotFound)
    );
    let entry = place.storage.entry(&FilePath::root()).unwrap();
    assert_eq!((entry.name.as_str(), entry.kind), ("", Kind::Folder));
    assert_eq!(word(place.storage.entry(&path("b"))), Some(Word::NotFound));
    assert_eq!(
        word(place.storage.entry(&path("a/b"))),
        Some(Word::NotAFile)
    );
}
