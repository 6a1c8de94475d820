//! Folders count as much as the smallest files, so that making them does not get around a quota.

use std::fs;
use std::thread;
use std::time::Duration;

use socketserver_handlers::files::Word;
use socketserver_handlers::files::storage::{Folder, FolderSettings, Quota, Storage};

use crate::helpers::{Place, path, put_announced, within, word};

const BLOCK: u64 = 4096;

/// How many things everybody sees in the home.
fn visible(place: &Place) -> usize {
    let entries = fs::read_dir(place.root("home")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).count()
}

#[test]
fn a_folder_takes_a_block_of_the_quota_and_no_more_are_made() {
    let place = Place::new();
    let quota = Quota {
        folder: path("home"),
        bytes_max: 4 * BLOCK,
    };
    let make = |name: &str| word(place.storage.make_folder(&path(name), Some(&quota)));
    place.storage.make_home(&path("home")).unwrap();
    let announced = within("home", 4 * BLOCK, 1);
    put_announced(&place.storage, "home/a", b"x", &announced).unwrap();
    let outcomes = thread::scope(|scope| {
        let make = &make;
        let threads: Vec<_> = (0..8)
            .map(|number| scope.spawn(move || make(&format!("home/{number}"))))
            .collect();
        let outcomes = threads.into_iter().map(|thread| thread.join().unwrap());
        outcomes.collect::<Vec<_>>()
    });
    assert_eq!(outcomes.iter().filter(|word| word.is_none()).count(), 3);
    assert!(
        outcomes
            .iter()
            .all(|word| matches!(word, None | Some(Word::Quota)))
    );
    assert_eq!(visible(&place), 4);
    assert_eq!(make("home/a"), Some(Word::Exists));
    assert_eq!(make("home/nowhere/x"), Some(Word::NotFound));
    assert_eq!(make("elsewhere"), Some(Word::Failed));
    // Parts that nobody goes on with give way to folders, too.
    let brief = FolderSettings::default().parts_kept_for(Duration::ZERO);
    let storage = Folder::open(&place.root(""), brief).unwrap();
    place.storage.remove(&path("home/a")).unwrap();
    drop(storage.upload(&path("home/part"), &announced).unwrap());
    assert_eq!(make("home/x"), Some(Word::Quota));
    let after = storage.make_folder(&path("home/x"), Some(&quota));
    assert_eq!(word(after), None);
}
