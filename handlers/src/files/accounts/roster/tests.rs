//! A file is read again when it has changed, and one that is broken changes nothing.

use std::io::Write as _;

use tempfile::TempDir;

use super::*;
use crate::files::FilePath;
use crate::files::accounts::{Access, Password};

fn password(text: &str) -> Password {
    Password::new(text.into()).unwrap()
}

fn add(path: &Path, name: &str, text: &str) {
    let user = User {
        name: name.into(),
        access: Access::ReadOnly,
        home: FilePath::root(),
        quota_bytes: None,
    };
    UsersFile::edit(path, |file| file.add(user, &password(text))).unwrap();
}

/// What is wrong with the file at the next login.
fn complaint(watched: &WatchedRoster) -> Option<String> {
    watched.current();
    watched.state.lock().unwrap().complaint.clone()
}

#[test]
fn a_change_holds_from_the_next_login_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    add(&path, "bob", "one");
    let watched = WatchedRoster::open(&path).unwrap();
    let is_user = |name: &str, password: &str| watched.current().verify(name, password).is_some();
    assert!(is_user("bob", "one"));
    let new = password("two");
    UsersFile::edit(&path, |file| file.set_password("bob", &new)).unwrap();
    assert!(is_user("bob", "two") && !is_user("bob", "one"));
    add(&path, "eve", "three");
    assert!(is_user("eve", "three"));
    UsersFile::edit(&path, |file| file.remove("bob")).unwrap();
    assert!(!is_user("bob", "two"));

    // In place, with as many bytes, and at once.
    let text = fs::read_to_string(&path).unwrap();
    for name in ["ann", "eve", "kai"] {
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(text.replace("eve", name).as_bytes())
            .unwrap();
        assert!(is_user(name, "three"), "{name}");
    }
}

#[test]
fn a_file_that_breaks_or_vanishes_keeps_those_who_were_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    assert!(WatchedRoster::open(&path).unwrap_err().is_missing_file());
    add(&path, "bob", "one");
    let watched = WatchedRoster::open(&path).unwrap();
    let good = fs::read(&path).unwrap();
    assert_eq!(complaint(&watched), None);

    fs::write(&path, "{").unwrap();
    assert!(WatchedRoster::open(&path).is_err());
    assert!(complaint(&watched).unwrap().contains("is invalid"));
    assert!(watched.current().verify("bob", "one").is_some());
    fs::remove_file(&path).unwrap();
    assert!(complaint(&watched).unwrap().contains("no such file"));
    assert!(watched.current().verify("bob", "one").is_some());
    fs::write(&path, good).unwrap();
    assert_eq!(complaint(&watched), None);
    fs::write(&path, r#"{"users":[]}"#).unwrap();
    assert!(watched.current().verify("bob", "one").is_none());
}

#[test]
fn a_file_that_stays_the_same_is_not_read_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    add(&path, "bob", "one");
    let watched = WatchedRoster::open(&path).unwrap();
    // As if it had been left alone for a while.
    watched.state.lock().unwrap().is_settled = true;
    let before = watched.current();
    assert!(Arc::ptr_eq(&before, &watched.current()));
    add(&path, "eve", "two");
    assert!(!Arc::ptr_eq(&before, &watched.current()));
}

#[test]
fn a_file_is_settled_once_it_is_older_than_a_clock_is_coarse() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    fs::write(&path, "").unwrap();
    let (stamp, is_settled) = look(&path);
    assert!(stamp.is_some() && !is_settled);
    let (stamp, is_settled) = look(&folder.path().join("none"));
    assert!(stamp.is_none() && !is_settled);
}
