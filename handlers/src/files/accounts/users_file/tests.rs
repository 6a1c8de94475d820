//! Users files: what is written is what is read, what is wrong is said, and nothing is half done.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::files::FilePath;

/// The hash of `pw`, which is cheap to check.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn user(name: &str) -> User {
    User {
        name: name.into(),
        access: Access::ReadWrite,
        home: FilePath::parse("homes/bob").unwrap(),
        quota_bytes: None,
    }
}

fn password(text: &str) -> Password {
    Password::new(text.into()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn what_is_written_is_what_is_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    let mut file = UsersFile::default();
    let reader = User {
        access: Access::ReadOnly,
        home: FilePath::root(),
        quota_bytes: Some(10 << 30),
        ..user("Bob \"你\" Smith")
    };
    file.add(user("bob"), &password("geheim")).unwrap();
    file.add(reader.clone(), &password("x")).unwrap();
    file.write(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    let read = UsersFile::read(&path).unwrap();
    assert_eq!(read.users().collect::<Vec<_>>(), [&user("bob"), &reader]);
    assert!(read.accounts[0].hash.matches("geheim"));
    assert_eq!(read.to_text(), file.to_text());
    assert!(read.to_text().contains(r#""quota": "10GiB""#));
    for secret in ["geheim", "argon2id"] {
        assert!(!format!("{read:?} {:?}", read.accounts).contains(secret));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn users_are_added_once_changed_and_removed() {
    let mut file = UsersFile::default();
    file.add(user("bob"), &password("one")).unwrap();
    let sentence = |result: Result<(), UsersError>| result.unwrap_err().to_string();
    assert_eq!(
        sentence(file.add(user("bob"), &password("two"))),
        "bob is there already: change the password with users passwd"
    );
    file.set_password("bob", &password("two")).unwrap();
    assert!(file.accounts[0].hash.matches("two") && !file.accounts[0].hash.matches("one"));
    let unknown = "there is no user 'Bob': see users list";
    assert_eq!(sentence(file.set_password("Bob", &password("x"))), unknown);
    assert_eq!(sentence(file.remove("Bob")), unknown);
    assert_eq!(file.user("Bob").unwrap_err().to_string(), unknown);
    assert!(sentence(file.add(user("a\0b"), &password("x"))).contains("control character"));
    assert_eq!(file.user("bob").unwrap(), &user("bob"));
    file.remove("bob").unwrap();
    assert_eq!(file.users().count(), 0);
}

#[test]
fn quotas_are_sizes_or_numbers_and_never_lose_a_byte() {
    for (written, bytes, text) in [
        ("10", 10, "10"),
        ("\"10GiB\"", 10 << 30, "\"10GiB\""),
        ("\"1.5 GiB\"", 3 << 29, "\"1536MiB\""),
        ("1025", 1025, "1025"),
        ("\"3KiB\"", 3072, "\"3KiB\""),
        ("\"2TiB\"", 2 << 40, "\"2TiB\""),
        ("0", 0, "0"),
        ("18446744073709551615", u64::MAX, "18446744073709551615"),
    ] {
        let value = serde_json::from_str(written).unwrap();
        assert_eq!(parse_quota(&value), Ok(bytes), "{written}");
        let again = written_quota(bytes);
        assert_eq!(again.to_string(), text);
        assert_eq!(parse_quota(&again), Ok(bytes));
    }
}

#[test]
fn what_is_invalid_is_said_with_the_user_and_what_to_do() {
    let bob = format!(r#""name":"bob","password":"{HASH}","access":"rw","home":"bob""#);
    UsersFile::parse(&format!(r#"{{"users":[{{{bob}}}]}}"#)).unwrap();
    let with = |old: &str, new: &str| format!(r#"{{"users":[{{{}}}]}}"#, bob.replace(old, new));
    for (text, flaw) in [
        (
            String::new(),
            "EOF while parsing a value at line 1 column 0 (repair it)",
        ),
        (
            "{}".into(),
            "missing field `users` at line 1 column 2 (repair it)",
        ),
        (
            r#"{"users":[],"x":1}"#.into(),
            "unknown field `x`, expected `users` at line 1 column 15 (repair it)",
        ),
        (
            r#"{"users":{}}"#.into(),
            "expected a sequence at line 1 column 9 (repair it)",
        ),
        (
            r#"{"users":["bob:hunter2, expected"]}"#.into(),
            "expected struct WrittenUser at line 1 column 33 (repair it)",
        ),
        (
            r#"{"users":[{"name":"bob","password":12345}]}"#.into(),
            "expected a string at line 1 column 40 (repair it)",
        ),
        (
            with(r#""name":"bob""#, r#""name":"bob","name":"bob""#),
            "duplicate field `name` at line 1 column 30 (repair it)",
        ),
        (
            with(r#","home":"bob""#, ""),
            "missing field `home` at line 1 column 139 (repair it)",
        ),
        (
            with(r#""name":"bob""#, r#""name":"""#),
            "'' cannot be a user's name: it is empty (write 1 to 64 bytes)",
        ),
        (
            with(r#""name":"bob""#, r#""name":"b\u0000b""#),
            "'b\\0b' cannot be a user's name: it has a control character (leave it out)",
        ),
        (
            with(HASH, "hunter2"),
            "the password of 'bob' is no Argon2id hash of version 19: make one with socketserver users passwd",
        ),
        (
            with("m=8,", "m=999999999,"),
            "the password of 'bob' is too dear to check (256 MiB, 10 passes and 16 lanes are the most): make one with socketserver users passwd",
        ),
        (
            with(r#""rw""#, r#""rx""#),
            "'rx' is not an access: write ro or rw (of 'bob')",
        ),
        (
            with(r#""home":"bob""#, r#""home":"../x""#),
            "the home is no path: a name is . or .. (write the path from the current folder downwards) (of 'bob')",
        ),
        (
            with(r#""home":"bob""#, r#""home":"bob","quota":-1"#),
            "the quota -1 is no size: write \"10GiB\" or a number of bytes (of 'bob')",
        ),
        (
            with(r#""home":"bob""#, r#""home":"bob","quota":"much""#),
            "the quota \"much\" is no size: write \"10GiB\" or a number of bytes (of 'bob')",
        ),
        (
            format!(r#"{{"users":[{{{bob}}},{{{bob}}}]}}"#),
            "there are two users 'bob' (remove or rename one)",
        ),
    ] {
        let found = UsersFile::parse(&text).unwrap_err();
        assert_eq!(found, flaw, "{text}");
        assert!(
            !found.contains("hunter2") && !found.contains("12345"),
            "{found}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_said_with_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    let sentence = |path: &Path| UsersFile::read(path).unwrap_err().to_string();
    let start = format!("cannot read the users file {}: ", path.display());
    assert_eq!(
        sentence(&path),
        start + "no such file or directory (make it with socketserver users add)"
    );
    for path in [folder.path(), Path::new("/dev/zero")] {
        let said = sentence(path);
        assert!(said.ends_with(": it is not a regular file"), "{said}");
    }
    fs::write(&path, b"\xff").unwrap();
    let said = sentence(&path);
    assert!(
        said.ends_with(": stream did not contain valid UTF-8"),
        "{said}"
    );
    fs::write(&path, "[").unwrap();
    let start = format!("the users file {} is invalid: ", path.display());
    assert!(sentence(&path).starts_with(&start));
    let none = folder.path().join("none").join("users.json");
    let said = UsersFile::default().write(&none).unwrap_err().to_string();
    assert!(
        said.starts_with("cannot write the users file ")
            && said.ends_with("(make the folder first)"),
        "{said}"
    );
    for path in [folder.path(), Path::new("/dev/null")] {
        let said = UsersFile::default().write(path).unwrap_err().to_string();
        assert!(said.ends_with(": it is not a regular file"), "{said}");
    }
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_owner() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    let link = folder.path().join("link.json");
    fs::write(&path, r#"{"users":[]}"#).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    symlink("users.json", &link).unwrap();
    // What somebody has left who was killed while he wrote.
    fs::write(folder.path().join(".users.json.new"), "half").unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        chown(&path, Some(12345), Some(54321)).unwrap();
    }
    let old = fs::File::open(&path).unwrap();
    UsersFile::edit(&link, |file| file.add(user("bob"), &password("x"))).unwrap();

    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.is_file() && fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(mode(&path), 0o600);
    assert!(!is_root || (metadata.uid(), metadata.gid()) == (12345, 54321));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    // Whoever reads meanwhile has the whole old file.
    assert_eq!(io::read_to_string(old).unwrap(), r#"{"users":[]}"#);

    // A change that fails changes nothing, and a broken file is not overwritten.
    let before = fs::read(&path).unwrap();
    UsersFile::edit(&path, |file| {
        file.remove("bob")?;
        file.remove("nobody")
    })
    .unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, "{").unwrap();
    UsersFile::edit(&path, |file| file.add(user("eve"), &password("x"))).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"{");
}

#[test]
fn of_changes_at_the_same_time_none_is_lost() {
    let folder = TempDir::new().unwrap();
    let path = &folder.path().join("users.json");
    thread::scope(|scope| {
        for number in 0..8 {
            let add = move |file: &mut UsersFile| {
                file.accounts.push(Account {
                    user: user(&format!("bob{number}")),
                    hash: HASH.parse().unwrap(),
                });
                Ok(())
            };
            scope.spawn(move || UsersFile::edit(path, add).unwrap());
        }
    });
    assert_eq!(UsersFile::read(path).unwrap().users().count(), 8);
}
