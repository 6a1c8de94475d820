//! Links: those that stay inside are followed for reading, none that leads out is, and nothing is changed through any.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use socketserver_handlers::files::storage::{Commit, Folder, FolderSettings, Kind, Storage};
use socketserver_handlers::files::{FilePath, Word};

use crate::helpers::{Place, announce, get, path, put, word};

fn with_links() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.root("folder/deep")).unwrap();
    fs::write(place.root("folder/deep/file"), "inside").unwrap();
    for (target, name) in [
        ("folder/deep/file", "to_file"),
        ("to_file", "to_link"),
        ("folder", "to_folder"),
        ("../../to_link", "folder/deep/up_and_down"),
        ("../outside/secret", "out"),
        ("out", "out_by_link"),
        ("../outside", "out_folder"),
        ("../root/folder/deep/file", "out_and_in"),
        ("/proc/self/root/etc/passwd", "magic"),
        ("/proc/self/fd/0", "magic_fd"),
        ("/", "slash"),
        ("nothing", "dangling"),
        ("../nothing", "dangling_out"),
        ("loop_b", "loop_a"),
        ("loop_a", "loop_b"),
    ] {
        symlink(target, place.root(name)).unwrap();
    }
    symlink(place.outside("secret"), place.root("out_absolute")).unwrap();
    symlink(place.root("folder/deep/file"), place.root("in_absolute")).unwrap();
    place
}

#[test]
fn links_within_the_storage_are_followed_for_reading() {
    let place = with_links();
    for name in [
        "to_file",
        "to_link",
        "to_folder/deep/file",
        "folder/deep/up_and_down",
    ] {
        assert_eq!(get(&place.storage, name).unwrap(), "inside", "{name}");
        let entry = place.storage.entry(&path(name)).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::File, 6), "{name}");
    }
    let listing = place.storage.list(&path("to_folder"), None, 10).unwrap();
    assert_eq!(listing.entries.len(), 1);
}

#[test]
fn no_link_leads_out_whether_or_not_there_is_something() {
    let place = with_links();
    for name in [
        "out",
        "out_by_link",
        "out_and_in",
        "out_absolute",
        "in_absolute",
        "magic",
        "magic_fd",
        "dangling_out",
        "out_folder/secret",
        "out_folder/nothing",
        "slash/etc/passwd",
        "slash/nothing",
    ] {
        assert_eq!(
            word(place.storage.open(&path(name))),
            Some(Word::Denied),
            "{name}"
        );
    }
    assert_eq!(
        word(place.storage.open(&path("dangling"))),
        Some(Word::NotFound)
    );
    assert_eq!(
        word(place.storage.open(&path("loop_a"))),
        Some(Word::NotAFile)
    );
    for name in ["out_folder", "slash"] {
        let listing = place.storage.list(&path(name), None, 10);
        assert_eq!(word(listing), Some(Word::Denied), "{name}");
    }
    let listing = place.storage.list(&FilePath::root(), None, 100).unwrap();
    for entry in listing.entries {
        let kind = match entry.name.as_str() {
            "folder" | "to_folder" => Kind::Folder,
            "to_file" | "to_link" => Kind::File,
            _ => Kind::Other,
        };
        assert_eq!(entry.kind, kind, "{}", entry.name);
        let alone = place.storage.entry(&path(&entry.name)).unwrap();
        assert_eq!(alone, entry);
    }
}

#[test]
fn magic_links_are_not_followed_even_from_within_proc() {
    let storage = Folder::open(Path::new("/proc/self"), FolderSettings::default()).unwrap();
    for name in ["exe", "root/etc/passwd", "cwd/Cargo.toml", "fd/0", "fd/1"] {
        let refused = word(storage.open(&path(name)));
        assert!(
            matches!(refused, Some(Word::NotAFile | Word::Denied)),
            "{name} {refused:?}"
        );
    }
}

#[test]
fn nothing_is_changed_through_a_link() {
    let place = with_links();
    let before = place.snapshot();
    for folder in ["out_folder", "to_folder", "slash/tmp", "to_file"] {
        let name = path(&format!("{folder}/a"));
        let refusals = [
            word(place.storage.upload(&name, &announce(1))),
            word(place.storage.make_folder(&name, None)),
            word(place.storage.make_home(&name)),
            word(place.storage.remove(&name)),
            word(place.storage.rename(&name, &path("stolen"))),
            word(place.storage.rename(&path("folder"), &name)),
        ];
        assert_eq!(refusals, [Some(Word::NotAFile); 6], "{folder}");
    }
    assert!(before == place.snapshot());
}

#[test]
fn a_link_that_is_written_to_is_replaced_and_one_that_is_removed_was_only_a_link() {
    let place = with_links();
    let before = place.snapshot();
    for name in [
        "out",
        "out_absolute",
        "to_file",
        "dangling",
        "magic",
        "out_folder",
    ] {
        put(&place.storage, name, b"new").unwrap();
        assert!(fs::symlink_metadata(place.root(name)).unwrap().is_file());
        assert_eq!(place.read(name), "new");
    }
    place
        .storage
        .rename(&path("slash"), &path("slash2"))
        .unwrap();
    for name in ["out_by_link", "slash2", "loop_a", "to_folder"] {
        place.storage.remove(&path(name)).unwrap();
    }
    assert_eq!(place.read("folder/deep/file"), "inside");
    assert!(before == place.snapshot());
}

#[test]
fn a_file_goes_where_its_folder_is_and_not_where_its_path_leads_by_then() {
    let place = Place::new();
    let before = place.snapshot();
    fs::create_dir(place.root("up")).unwrap();
    let mut upload = place.storage.upload(&path("up/a"), &announce(3)).unwrap();
    fs::rename(place.root("up"), place.root("moved")).unwrap();
    symlink("../outside", place.root("up")).unwrap();
    upload.append(&[b"new".to_vec()]).unwrap();
    upload.commit(&Commit::default()).unwrap();
    assert_eq!(place.read("moved/a"), "new");
    assert!(before == place.snapshot());
}

#[test]
fn a_hard_link_elsewhere_keeps_its_bytes() {
    let place = Place::new();
    fs::hard_link(place.outside("secret"), place.root("twin")).unwrap();
    let inode = fs::metadata(place.outside("secret")).unwrap().ino();
    put(&place.storage, "twin", b"new").unwrap();
    assert_eq!(place.read("twin"), "new");
    assert_eq!(
        fs::read_to_string(place.outside("secret")).unwrap(),
        "outside"
    );
    assert_ne!(fs::metadata(place.root("twin")).unwrap().ino(), inode);
}
