//! Somebody who can write in the folder swaps what is there for links that lead out, as fast as he can, while the storage is at work.

use std::borrow::Borrow;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use socketserver_handlers::files::Word;
use socketserver_handlers::files::storage::{Commit, Source, Storage};

use crate::helpers::{Place, announce, at_once, path, word};

#[test]
fn no_swap_leads_out() {
    swap(20_000);
}

#[test]
#[ignore = "a long run: see CONTRIBUTING.md"]
fn no_swap_leads_out_in_a_million_tries() {
    swap(1_000_000);
}

#[test]
fn a_pipe_that_takes_the_place_of_a_file_is_not_waited_for() {
    let place = Place::in_memory();
    fs::write(place.root("f"), "inside").unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let pipe = place.root("pipe");
    rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    at_once(move || {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    renameat_with(CWD, place.root("f"), CWD, &pipe, RenameFlags::EXCHANGE).unwrap();
                }
            });
            for _ in 0..10_000 {
                let source = place.storage.open(&path("f"));
                if !is_inside(source.as_ref().map_err(|_| ())) {
                    assert_eq!(word(source), Some(Word::NotAFile));
                }
            }
            is_over.store(true, Relaxed);
        });
    });
}

/// Tries everything on `x`, a folder or a link to the outside, and on `f`, a file or such a link.
fn swap(tries: usize) {
    let place = Place::in_memory();
    fs::create_dir(place.root("x")).unwrap();
    for name in ["x/a", "x/b", "f"] {
        fs::write(place.root(name), "inside").unwrap();
    }
    symlink("../outside", place.root("y")).unwrap();
    symlink(place.outside("secret"), place.root("g")).unwrap();
    let before = place.snapshot();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0;
            while !is_over.load(Relaxed) {
                swaps += 1;
                for (one, other) in [("x", "y"), ("f", "g")] {
                    let (one, other) = (place.root(one), place.root(other));
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                }
            }
            swaps
        });
        let mut done = [0; 9];
        for index in 0..tries {
            let kind = index % done.len();
            done[kind] += usize::from(attempt(&place, kind, index));
        }
        is_over.store(true, Relaxed);
        let swaps = swapper.join().unwrap();
        println!("of {tries} tries in turn were done {done:?}, with {swaps} swaps");
        let each = tries / done.len();
        for (kind, count) in done.into_iter().enumerate() {
            // Reading and uploading come out both ways if they really race; the rest also depends on what is there.
            let is_race = kind > 4 || (count > 0 && count < each);
            assert!(
                is_race && count > 0,
                "{kind} was done {count} of {each} times"
            );
        }
    });
    assert!(before == place.snapshot(), "something outside has changed");
}

/// Does something, and says whether it was done.
fn attempt(place: &Place, kind: usize, index: usize) -> bool {
    let storage = &place.storage;
    let (a, b, c) = (path("x/a"), path("x/b"), path("x/c"));
    match kind {
        0 => is_inside(storage.open(&path("f"))),
        1 => is_inside(storage.open(&a)) | is_inside(storage.open(&c)),
        2 => storage.list(&path("x"), None, 10).is_ok_and(|listing| {
            let mut names = listing.entries.iter().map(|entry| entry.name.as_str());
            assert!(names.all(|name| name != "secret"), "{listing:?}");
            true
        }),
        3 => storage.entry(&a).is_ok_and(|entry| {
            // The file outside is a byte longer.
            assert_eq!(entry.size, 6);
            true
        }),
        4 => storage.upload(&b, &announce(6)).is_ok_and(|mut upload| {
            if upload.held() == 0 {
                upload.append(&[b"inside".to_vec()]).unwrap();
            }
            // Every commit waits for the disk.
            if index % 20 == 4 {
                upload.commit(&Commit::default()).unwrap();
            }
            true
        }),
        5 => storage.remove(&b).is_ok(),
        6 => storage.rename(&a, &c).is_ok() | storage.rename(&c, &a).is_ok(),
        7 => storage.make_folder(&path("x/d"), None).is_ok() | storage.remove(&path("x/d")).is_ok(),
        _ => storage.make_home(&path("x/e/f")).is_ok(),
    }
}

fn is_inside(source: Result<impl Borrow<Source>, impl Sized>) -> bool {
    source.is_ok_and(|source| {
        let mut text = String::new();
        (&source.borrow().file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        true
    })
}
