//! Room: what the disk and the quota have is known before bytes travel, and never exceeded.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::fs::{FlockOperation, flock};
use socketserver_handlers::files::Word;
use socketserver_handlers::files::storage::{Commit, Folder, FolderSettings, Storage};

use crate::helpers::{Mounted, Place, announce, held, path, put, put_announced, within, word};

const BLOCK: u64 = 4096;

/// What everybody sees in a folder, in bytes of whole blocks.
fn visible(place: &Place, folder: &str) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(place.root(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.metadata() {
            // Somebody may remove it while it is looked at.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            Ok(_) if name.starts_with(".socketserver-") => {}
            Ok(metadata) if metadata.is_dir() => {
                sum += BLOCK + visible(place, &format!("{folder}/{name}"));
            }
            Ok(metadata) => sum += metadata.len().div_ceil(BLOCK).max(1) * BLOCK,
        }
    }
    sum
}

#[test]
fn a_disk_that_is_full_refuses_before_any_byte_and_spares_the_other_uploads() {
    let place = Place::new();
    let Some(_mounted) = Mounted::new("tmpfs", "size=1m", &place.root("")) else {
        return;
    };
    let storage = Folder::open(&place.root(""), FolderSettings::default()).unwrap();
    let refused = storage.upload(&path("large"), &announce(2 << 20));
    assert_eq!(word(refused), Some(Word::NoSpace));
    assert!(place.parts().is_empty());
    let piece = vec![1; 100 << 10];
    let mut first = storage
        .upload(&path("first"), &announce(700 << 10))
        .unwrap();
    let mut second = storage
        .upload(&path("second"), &announce(900 << 10))
        .unwrap();
    let mut refused = None;
    for _ in 0..7 {
        first.append(std::slice::from_ref(&piece)).unwrap();
        if refused.is_none() {
            refused = word(second.append(&[piece.clone(), piece.clone()]));
        }
        if refused.is_some() {
            // Whatever of the pieces has come is held, and no more.
            assert_eq!(held(&*second).len() as u64, second.held());
            if second.held() > 0 {
                second.restart().unwrap();
                assert_eq!(second.held(), 0);
            }
        }
    }
    assert_eq!(refused, Some(Word::NoSpace));
    first.commit(&Commit::default()).unwrap();
    assert_eq!(fs::metadata(place.root("first")).unwrap().len(), 700 << 10);
    assert!(!place.root("second").exists());
    second.discard();
    assert!(place.parts().is_empty());
    put(&storage, "second", &piece).unwrap();
}

#[test]
fn what_a_quota_has_reserved_nobody_else_uses_up() {
    let place = Place::new();
    let Some(_mounted) = Mounted::new("tmpfs", "size=1m", &place.root("")) else {
        return;
    };
    let storage = Folder::open(&place.root(""), FolderSettings::default()).unwrap();
    let announced = within("home", 1 << 30, 600 << 10);
    let mut first = storage.upload(&path("home/first"), &announced).unwrap();
    let refused = storage.upload(&path("home/second"), &announced);
    assert_eq!(word(refused), Some(Word::NoSpace));
    assert_eq!(place.parts().len(), 1);
    first.append(&[vec![1; 600 << 10]]).unwrap();
    first.commit(&Commit::default()).unwrap();
}

#[test]
fn where_nothing_can_be_allocated_a_process_remembers_what_is_announced() {
    let place = Place::new();
    let Some(_mounted) = Mounted::new("ramfs", "mode=700", &place.root("")) else {
        return;
    };
    let storage = Folder::open(&place.root(""), FolderSettings::default()).unwrap();
    let announced = within("home", 100 << 10, 60 << 10);
    let first = storage.upload(&path("home/first"), &announced).unwrap();
    assert_eq!(fs::metadata(&place.parts()[0]).unwrap().blocks(), 0);
    let refused = storage.upload(&path("home/second"), &announced);
    assert_eq!(word(refused), Some(Word::Quota));
    drop(first);
    storage.upload(&path("home/second"), &announced).unwrap();
}

#[test]
fn parallel_uploads_do_not_exceed_a_quota() {
    const BYTES_MAX: u64 = 40 * BLOCK;
    let place = Place::new();
    let (stored, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (place, stored, refused) = (&place, &stored, &refused);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for round in 0..12 {
                    let bytes = vec![1; random.usize(1..20) * 1000];
                    let name = format!("home/{}/{}", thread % 3, (thread + round) % 5);
                    let announced = within("home", BYTES_MAX, bytes.len());
                    match word(put_announced(&place.storage, &name, &bytes, &announced)) {
                        None => stored.fetch_add(1, Relaxed),
                        Some(Word::Quota | Word::Busy) => refused.fetch_add(1, Relaxed),
                        other => panic!("{other:?}"),
                    };
                    // As long as somebody counts, nothing gets another name, which could be seen twice.
                    let lock = File::open(place.root("home/.socketserver-quota")).unwrap();
                    flock(&lock, FlockOperation::LockExclusive).unwrap();
                    assert!(visible(place, "home") <= BYTES_MAX);
                    flock(&lock, FlockOperation::Unlock).unwrap();
                    match random.u8(0..4) {
                        0 => drop(place.storage.remove(&path(&name))),
                        1 => {
                            let new = format!("home/{}", random.u8(0..9));
                            drop(place.storage.rename(&path(&name), &path(&new)));
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    assert!(stored.load(Relaxed) > 0 && refused.load(Relaxed) > 0);
    assert!(visible(&place, "home") <= BYTES_MAX);
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_counts_waits_for_those_who_rename_and_they_for_him() {
    let place = Place::new();
    let announced = within("home", 40 * BLOCK, 1);
    put_announced(&place.storage, "home/a", b"x", &announced).unwrap();
    let new = place.storage.upload(&path("home/new"), &announced).unwrap();
    let lock = File::open(place.root("home/.socketserver-quota")).unwrap();
    let inode = lock.metadata().unwrap().ino();
    let waits = |operation, work: Box<dyn FnOnce() + Send + '_>| {
        flock(&lock, operation).unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(work);
            while !is_waited_for(inode) {
                assert!(!thread.is_finished(), "nobody waits for {operation:?}");
                std::thread::yield_now();
            }
            flock(&lock, FlockOperation::Unlock).unwrap();
        });
    };
    let counting = FlockOperation::LockExclusive;
    let renaming = FlockOperation::LockShared;
    let storage = &place.storage;
    waits(
        counting,
        Box::new(|| storage.rename(&path("home/a"), &path("b")).unwrap()),
    );
    waits(
        counting,
        Box::new(|| storage.rename(&path("b"), &path("home/a")).unwrap()),
    );
    waits(
        counting,
        Box::new(|| new.commit(&Commit::default()).unwrap()),
    );
    let other = path("home/other");
    waits(
        renaming,
        Box::new(|| drop(storage.upload(&other, &announced).unwrap())),
    );
    let mut replacing = storage.upload(&path("home/a"), &announced).unwrap();
    waits(counting, Box::new(|| replacing.restart().unwrap()));
    waits(
        renaming,
        Box::new(|| replacing.commit(&Commit::default()).unwrap()),
    );
}

/// Whether somebody waits for flock(2) on a file: `proc_locks(5)`.
fn is_waited_for(inode: u64) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let file = format!(":{inode} ");
    locks
        .lines()
        .any(|line| line.contains("-> FLOCK") && line.contains(&file))
}

#[test]
fn empty_files_and_folders_count_too() {
    let place = Place::new();
    let announced = within("home", 50 * BLOCK, 0);
    let mut stored = 0;
    while word(put_announced(
        &place.storage,
        &format!("home/{stored}"),
        b"",
        &announced,
    ))
    .is_none()
    {
        stored += 1;
        assert!(stored <= 50);
    }
    assert_eq!(stored, 50);
    // A refused upload leaves no folders.
    let refused = place.storage.upload(&path("home/a/b/c/d"), &announced);
    assert_eq!(word(refused), Some(Word::Quota));
    assert!(!place.root("home/a").exists() && place.parts().is_empty());
    // Two blocks are a folder and the file in it.
    place.storage.remove(&path("home/0")).unwrap();
    let refused = put_announced(&place.storage, "home/a/b", b"", &announced);
    assert_eq!(word(refused), Some(Word::Quota));
    place.storage.remove(&path("home/1")).unwrap();
    put_announced(&place.storage, "home/a/b", b"", &announced).unwrap();
    assert_eq!(visible(&place, "home"), 50 * BLOCK);
}

#[test]
fn what_is_removed_can_be_uploaded_again_and_what_is_replaced_counts_once() {
    let place = Place::new();
    let bytes = vec![1; 30 * 4096];
    let announced = within("home", 40 * BLOCK, bytes.len());
    for _ in 0..5 {
        put_announced(&place.storage, "home/a", &bytes, &announced).unwrap();
        put_announced(&place.storage, "home/a", &bytes, &announced).unwrap();
        let refused = put_announced(&place.storage, "home/b", &bytes, &announced);
        assert_eq!(word(refused), Some(Word::Quota));
        place.storage.remove(&path("home/a")).unwrap();
    }
}

#[test]
fn a_file_that_was_to_be_replaced_cannot_be_kept_by_another_name() {
    let place = Place::new();
    let bytes = vec![1; 30 * 4096];
    let announced = within("home", 40 * BLOCK, bytes.len());
    put_announced(&place.storage, "home/a", &bytes, &announced).unwrap();
    let mut upload = place.storage.upload(&path("home/a"), &announced).unwrap();
    place
        .storage
        .rename(&path("home/a"), &path("home/kept"))
        .unwrap();
    upload.append(std::slice::from_ref(&bytes)).unwrap();
    assert_eq!(word(upload.commit(&Commit::default())), Some(Word::Quota));
    assert_eq!(visible(&place, "home"), 30 * BLOCK);
    // What has come is not lost once there is room.
    place.storage.remove(&path("home/kept")).unwrap();
    let upload = place.storage.upload(&path("home/a"), &announced).unwrap();
    assert_eq!(upload.held(), bytes.len() as u64);
    upload.commit(&Commit::default()).unwrap();
}

#[test]
fn what_is_announced_counts_until_it_is_given_up() {
    let place = Place::new();
    let announced = within("home", 40 * BLOCK, 30 * 4096);
    let first = place
        .storage
        .upload(&path("home/first"), &announced)
        .unwrap();
    let second = place.storage.upload(&path("home/second"), &announced);
    assert_eq!(word(second), Some(Word::Quota));
    first.discard();
    let mut second = place
        .storage
        .upload(&path("home/second"), &announced)
        .unwrap();
    // A restart keeps the room.
    second.append(&[vec![1; 5000]]).unwrap();
    second.restart().unwrap();
    let first = place.storage.upload(&path("home/first"), &announced);
    assert_eq!(word(first), Some(Word::Quota));
    drop(second);
    // So does a part that is gone on with, also if less is announced for it now.
    let less = within("home", 40 * BLOCK, 4096);
    let second = place.storage.upload(&path("home/second"), &less).unwrap();
    place
        .storage
        .upload(&path("home/first"), &announced)
        .unwrap()
        .discard();
    second.commit(&Commit::default()).unwrap();
    let allocated = fs::metadata(place.root("home/second")).unwrap().blocks();
    assert_eq!(allocated, 0, "what was reserved and not used is given back");
}

#[test]
fn old_parts_give_way_to_new_files() {
    let place = Place::with(FolderSettings::default().parts_kept_for(std::time::Duration::ZERO));
    let announced = within("home", 40 * BLOCK, 30 * 4096);
    drop(place.storage.upload(&path("home/old"), &announced).unwrap());
    assert_eq!(place.parts().len(), 1);
    let live = place
        .storage
        .upload(&path("home/live"), &announced)
        .unwrap();
    let refused = place.storage.upload(&path("home/new"), &announced);
    assert_eq!(word(refused), Some(Word::Quota));
    drop(live);
}

#[test]
fn a_quota_of_another_folder_is_no_quota() {
    let place = Place::new();
    let refused = place
        .storage
        .upload(&path("elsewhere/a"), &within("home", 1 << 20, 1));
    assert_eq!(word(refused), Some(Word::Failed));
}
