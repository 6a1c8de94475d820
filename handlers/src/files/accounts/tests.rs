//! Logins as the handler makes them.

use std::net::IpAddr;

use tempfile::TempDir;

use super::hashing::counting::computations;
use super::*;
use crate::files::FilePath;

const SECOND: Duration = Duration::from_secs(1);

fn peer(ip: &str) -> Address {
    Address::Tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
}

fn bob() -> User {
    User {
        name: "bob".into(),
        access: Access::ReadWrite,
        home: FilePath::parse("bob").unwrap(),
        quota_bytes: Some(1 << 30),
    }
}

/// Accounts of one user, `bob` with the password `geheim`.
fn accounts() -> (Accounts, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.json");
    let password = Password::new("geheim".into()).unwrap();
    UsersFile::edit(&path, |file| file.add(bob(), &password)).unwrap();
    (Accounts::open(&path).unwrap(), folder)
}

#[test]
fn a_name_and_its_password_give_the_user() {
    let (accounts, _folder) = accounts();
    assert_eq!(accounts.verify("bob", "geheim"), Some(bob()));
    for (name, password) in [
        ("bob", "Geheim"),
        ("bob", "gehei"),
        ("bob", "geheim\0"),
        ("bob", "geheim\0x"),
        ("bob", ""),
        ("Bob", "geheim"),
        ("bob\0", "geheim"),
        ("bob ", "geheim"),
        ("", "geheim"),
        ("", ""),
    ] {
        assert_eq!(
            accounts.verify(name, password),
            None,
            "{name:?} {password:?}"
        );
        assert_eq!(Accounts::nobody().verify(name, password), None);
    }
}

#[test]
fn a_name_that_is_not_there_costs_as_much_as_one_that_is() {
    let (accounts, _folder) = accounts();
    for (name, password) in [
        ("bob", "geheim"),
        ("bob", "wrong"),
        ("eve", "geheim"),
        ("eve", "wrong"),
        ("", "x"),
        (&"x".repeat(100_000), "x"),
    ] {
        let count = computations(|| drop(accounts.verify(name, password)));
        assert_eq!(count, 1, "{password:?}");
    }
    let count = computations(|| drop(Accounts::nobody().verify("bob", "geheim")));
    assert_eq!(count, 1);
}

#[test]
fn what_cannot_be_a_password_is_not_hashed() {
    let (accounts, _folder) = accounts();
    let most = "x".repeat(PASSWORD_BYTES_MAX);
    for (password, count) in [
        (most.clone(), 1),
        (most + "x", 0),
        ("x".repeat(1 << 20), 0),
        ("geheim\0".into(), 0),
        (String::new(), 0),
    ] {
        for name in ["bob", "eve"] {
            let counted = computations(|| assert_eq!(accounts.verify(name, &password), None));
            assert_eq!(counted, count, "{name} {}", password.len());
        }
    }
}

#[test]
fn wrong_passwords_are_answered_later_and_then_refused_on_all_clones() {
    let (accounts, _folder) = accounts();
    let (guesser, owner) = (peer("192.0.2.1"), peer("198.51.100.1"));
    let now = Instant::now();
    let other = accounts.clone();
    for delay in [1, 2, 4] {
        other.admit(&guesser, now).unwrap();
        assert_eq!(accounts.failed(&guesser, now), delay * SECOND);
    }
    let refusal = other.admit(&guesser, now).unwrap_err();
    assert_eq!(refusal.word, Word::SlowDown);
    assert_eq!(
        refusal.sentence,
        "too many wrong passwords came from your address: try again in 1 s"
    );
    other.admit(&guesser, now + SECOND).unwrap();
    assert_eq!(accounts.failed(&guesser, now + SECOND), 8 * SECOND);
    let refusal = other
        .admit(&guesser, now + SECOND + SECOND / 2)
        .unwrap_err();
    assert!(refusal.sentence.ends_with("again in 2 s"), "{refusal}");
    // Whoever owns the name can log in from elsewhere.
    other.admit(&owner, now).unwrap();
    accounts.succeeded(&guesser);
    other.admit(&guesser, now + SECOND).unwrap();
}

#[test]
fn nothing_secret_is_shown() {
    let (accounts, _folder) = accounts();
    let shown = format!("{accounts:?} {:#?}", Accounts::nobody());
    assert!(
        !shown.contains("argon2id") && !shown.contains("geheim"),
        "{shown}"
    );
}
