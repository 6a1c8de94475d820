//! Uploads: what is held, who may write, and how a file gets its name.

use std::fs::{self, File, FileTimes};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use socketserver_handlers::files::storage::{Announced, Commit, FolderSettings, Storage};
use socketserver_handlers::files::{FilePath, Word};

use crate::helpers::{Place, announce, childs_storage, get, held, path, put, start_child, word};

#[test]
fn an_upload_goes_on_where_it_was_left() {
    let place = Place::new();
    let a = path("up/down/a");
    let mut upload = place.storage.upload(&a, &announce(6)).unwrap();
    assert_eq!(upload.held(), 0);
    upload
        .append(&[b"a".to_vec(), Vec::new(), b"bc".to_vec()])
        .unwrap();
    drop(upload);
    assert_eq!(word(place.storage.open(&a)), Some(Word::NotFound));
    let mut upload = place.storage.upload(&a, &announce(6)).unwrap();
    assert_eq!(held(&*upload), b"abc");
    upload.append(&[b"def".to_vec()]).unwrap();
    let mut middle = [0; 2];
    assert_eq!(upload.read_at(2, &mut middle).unwrap(), 2);
    assert_eq!(&middle, b"cd");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    upload
        .commit(&Commit {
            modified: Some(modified),
            create: true,
        })
        .unwrap();
    assert_eq!(get(&place.storage, "up/down/a").unwrap(), "abcdef");
    let source = place.storage.open(&a).unwrap();
    assert_eq!((source.stamp.size, source.stamp.modified), (6, modified));
    assert!(source.stamp.changed > modified && place.parts().is_empty());
    assert_eq!(place.storage.entry(&a).unwrap().mtime, 1_000_000_000);
}

#[test]
fn a_restart_forgets_what_was_held() {
    let place = Place::new();
    let mut upload = place.storage.upload(&path("a"), &announce(6)).unwrap();
    upload.append(&[b"wrong".to_vec()]).unwrap();
    upload.restart().unwrap();
    assert_eq!(held(&*upload), b"");
    upload.append(&[b"right".to_vec()]).unwrap();
    assert_eq!(held(&*upload), b"right");
    upload.commit(&Commit::default()).unwrap();
    assert_eq!(get(&place.storage, "a").unwrap(), "right");
}

#[test]
fn more_than_was_announced_is_refused_and_nothing_of_it_held() {
    let place = Place::new();
    let mut upload = place.storage.upload(&path("a"), &announce(4)).unwrap();
    upload.append(&[b"ab".to_vec()]).unwrap();
    let refused = upload.append(&[b"c".to_vec(), b"de".to_vec()]);
    assert_eq!(word(refused), Some(Word::Range));
    assert_eq!(held(&*upload), b"ab");
    upload.append(&[b"cd".to_vec()]).unwrap();
    drop(upload);
    // A part that is longer than what is announced now is of something else.
    let upload = place.storage.upload(&path("a"), &announce(3)).unwrap();
    assert_eq!(upload.held(), 0);
}

#[test]
fn a_part_that_is_too_old_is_begun_anew() {
    let place = Place::new();
    for (age, held) in [(23, 3), (25, 0)] {
        let mut upload = place.storage.upload(&path("a"), &announce(6)).unwrap();
        upload.restart().unwrap();
        upload.append(&[b"abc".to_vec()]).unwrap();
        drop(upload);
        make_older(&place, age);
        let upload = place.storage.upload(&path("a"), &announce(6)).unwrap();
        assert_eq!(upload.held(), held, "{age} hours");
    }
}

fn make_older(place: &Place, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * 60 * 60);
    for part in place.parts() {
        let part = File::options().write(true).open(part).unwrap();
        part.set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}

#[test]
fn zeros_are_held_and_take_no_room() {
    let place = Place::new();
    let zeros = vec![0; 1 << 20];
    let mut upload = place
        .storage
        .upload(&path("a"), &announce(10 << 20))
        .unwrap();
    upload
        .append(&[b"begin".to_vec(), zeros.clone(), zeros.clone()])
        .unwrap();
    upload.append(&[vec![0; 100], b"middle".to_vec()]).unwrap();
    upload.append(std::slice::from_ref(&zeros)).unwrap();
    let length = 5 + (3 << 20) + 106;
    assert_eq!(upload.held(), length);
    drop(upload);
    let upload = place
        .storage
        .upload(&path("a"), &announce(10 << 20))
        .unwrap();
    assert_eq!(upload.held(), length);
    upload.commit(&Commit::default()).unwrap();
    let mut expected = b"begin".to_vec();
    expected.extend(vec![0; (2 << 20) + 100]);
    expected.extend(b"middle");
    expected.extend(zeros);
    assert!(fs::read(place.root("a")).unwrap() == expected);
    let blocks = fs::metadata(place.root("a")).unwrap().blocks();
    assert!(blocks * 512 < 100 << 10, "{blocks} blocks");
}

#[test]
fn only_one_writes_a_file_at_a_time() {
    let place = Place::new();
    let mut first = place.storage.upload(&path("a"), &announce(3)).unwrap();
    for _ in 0..2 {
        let refusal = place.storage.upload(&path("a"), &announce(3)).unwrap_err();
        assert_eq!(refusal.word, Word::Busy);
        assert!(refusal.sentence.contains("/a"), "{refusal}");
    }
    place.storage.upload(&path("b"), &announce(3)).unwrap();
    first.append(&[b"new".to_vec()]).unwrap();
    first.commit(&Commit::default()).unwrap();
    let second = place.storage.upload(&path("a"), &announce(3)).unwrap();
    assert_eq!(second.held(), 0);
    second.discard();
    assert_eq!(place.parts().len(), 1, "that of b");
    assert_eq!(get(&place.storage, "a").unwrap(), "new");
}

#[test]
fn another_process_that_writes_keeps_others_out_until_it_is_killed() {
    let place = Place::new();
    let mut child = start_child("uploads::child_holds_an_upload", &place.root(""));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let holds = lines
        .map_while(Result::ok)
        .any(|line| line.contains("holding"));
    assert!(holds);
    let refused = word(place.storage.upload(&path("a"), &announce(10)));
    assert_eq!(refused, Some(Word::Busy));
    child.kill().unwrap();
    child.wait().unwrap();
    let upload = place.storage.upload(&path("a"), &announce(10)).unwrap();
    assert_eq!(held(&*upload), b"child");
}

#[test]
#[ignore = "the other process of a test"]
fn child_holds_an_upload() {
    let Some(storage) = childs_storage() else {
        return;
    };
    let mut upload = storage.upload(&path("a"), &announce(10)).unwrap();
    upload.append(&[b"child".to_vec()]).unwrap();
    println!("holding");
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn what_must_not_be_there_yet_is_not_replaced() {
    let place = Place::new();
    put(&place.storage, "a", b"old").unwrap();
    let create = Announced {
        create: true,
        ..announce(3)
    };
    assert_eq!(
        word(place.storage.upload(&path("a"), &create)),
        Some(Word::Exists)
    );
    assert!(place.parts().is_empty());
    let mut upload = place.storage.upload(&path("b"), &create).unwrap();
    upload.append(&[b"new".to_vec()]).unwrap();
    fs::write(place.root("b"), "quicker").unwrap();
    let commit = Commit {
        create: true,
        modified: Some(SystemTime::UNIX_EPOCH),
    };
    assert_eq!(word(upload.commit(&commit)), Some(Word::Exists));
    assert_eq!(place.read("b"), "quicker");
    // What has come is still there for another attempt, however old the sender says that it is.
    fs::remove_file(place.root("b")).unwrap();
    let upload = place.storage.upload(&path("b"), &create).unwrap();
    assert_eq!(held(&*upload), b"new");
    upload.commit(&commit).unwrap();
    assert_eq!(place.read("b"), "new");
}

#[test]
fn folders_are_not_replaced_and_not_written_as_files() {
    let place = Place::new();
    put(&place.storage, "folder/a", b"x").unwrap();
    for (name, expected) in [("folder", Word::NotAFile), ("folder/a/b", Word::NotAFile)] {
        assert_eq!(
            word(put(&place.storage, name, b"x")),
            Some(expected),
            "{name}"
        );
    }
    let root = place.storage.upload(&FilePath::root(), &announce(1));
    assert_eq!(word(root), Some(Word::NotAFile));
    assert_eq!(place.read("folder/a"), "x");
}

#[test]
fn a_part_that_somebody_has_removed_is_not_committed() {
    let place = Place::new();
    let mut upload = place.storage.upload(&path("a"), &announce(3)).unwrap();
    upload.append(&[b"new".to_vec()]).unwrap();
    let [part] = &place.parts()[..] else { panic!() };
    fs::remove_file(part).unwrap();
    fs::write(part, "another").unwrap();
    let refusal = upload.commit(&Commit::default()).unwrap_err();
    assert_eq!(refusal.word, Word::Failed);
    assert!(!refusal.sentence.contains("part"), "{refusal}");
    assert!(!place.root("a").exists());
}

#[test]
fn whoever_reads_while_a_file_is_replaced_sees_one_version() {
    const ROUNDS: u8 = 60;
    let place = Place::new();
    put(&place.storage, "a", &vec![b'a'; 50_000]).unwrap();
    let mut reader = place.storage.open(&path("a")).unwrap().file;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..ROUNDS {
                put(&place.storage, "a", &vec![b'a' + round % 26; 50_000]).unwrap();
            }
        });
        let mut reads = 0;
        while !writer.is_finished() {
            let text = get(&place.storage, "a").unwrap().into_bytes();
            assert!(text.len() == 50_000 && text.iter().all(|byte| *byte == text[0]));
            reads += 1;
        }
        assert!(reads > 0);
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(
        text == "a".repeat(50_000),
        "it goes on to be the file that was opened"
    );
}

#[test]
fn stamps_tell_states_apart() {
    let place = Place::new();
    let modified = Some(SystemTime::UNIX_EPOCH);
    let mut stamps = Vec::new();
    for bytes in [b"one", b"two"] {
        let mut upload = place.storage.upload(&path("a"), &announce(3)).unwrap();
        upload.append(&[bytes.to_vec()]).unwrap();
        upload
            .commit(&Commit {
                modified,
                create: false,
            })
            .unwrap();
        stamps.push(place.storage.open(&path("a")).unwrap().stamp);
        assert_eq!(
            stamps.last(),
            Some(&place.storage.open(&path("a")).unwrap().stamp)
        );
    }
    assert_ne!(stamps[0], stamps[1], "same size, same time");
}

#[test]
fn with_nothing_kept_every_attempt_begins_anew() {
    let place = Place::with(FolderSettings::default().parts_kept_for(Duration::ZERO));
    let mut upload = place.storage.upload(&path("a"), &announce(3)).unwrap();
    upload.append(&[b"ab".to_vec()]).unwrap();
    drop(upload);
    assert_eq!(
        place
            .storage
            .upload(&path("a"), &announce(3))
            .unwrap()
            .held(),
        0
    );
}
