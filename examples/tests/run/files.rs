//! Files, there and back, with the examples that serve and fetch them.

use std::error::Error;
use std::fs;
use std::path::Path;

use socketserver_handlers::files::client::{Client, ClientOptions};
use socketserver_handlers::files::{Access, FilePath, Password, User, UsersFile};
use tempfile::TempDir;

use crate::TestResult;
use crate::example::{Example, fails, fails_in};
use crate::talk::Talk;

/// More than any socket takes at once, and no two places alike.
fn long() -> Vec<u8> {
    (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A folder with a file, and a long one in a folder of its own; beside it lies what is nobody's business.
fn share() -> Result<(TempDir, String), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let share = place.path().join("share");
    fs::create_dir_all(share.join("deep"))?;
    fs::write(share.join("a.txt"), "abc")?;
    fs::write(share.join("deep/long.bin"), long())?;
    fs::write(place.path().join("secret"), "secret")?;
    let share = text(&share)?.to_owned();
    Ok((place, share))
}

fn text(path: &Path) -> Result<&str, Box<dyn Error>> {
    Ok(path.to_str().ok_or("a strange temporary folder")?)
}

#[test]
fn offload_sends_file_after_file() -> TestResult {
    let (_place, share) = share()?;
    let example = Example::start("offload", &[":0", &share])?;
    let (address, _) = example.address()?;
    let mut talk = Talk::to(address)?;
    talk.says("a.txt\ndeep/long.bin\na.txt\na.t")?;
    talk.says_no_more()?;
    let expected = [b"3 bytes\nabc4000000 bytes\n", &long()[..], b"3 bytes\nabc"].concat();
    assert!(talk.hears_the_rest()? == expected, "the copies differ");
    for hostile in ["../secret\n", "/etc/passwd\n", "nowhere\n"] {
        let mut talk = Talk::to(address)?;
        talk.says(hostile)?;
        assert_eq!(talk.hears_the_rest()?, b"", "{hostile}");
    }
    Ok(())
}

#[test]
fn one_file_is_fetched_by_its_name() -> TestResult {
    let (place, share) = share()?;
    let mut server = Example::start("one_file", &["serve", ":0", &share])?;
    let (address, _) = server.address()?;
    let endpoint = address.to_string();
    let here = place.path().join("here");
    fs::create_dir(&here)?;
    let fetch = |name| ["fetch", &endpoint, text(&here).unwrap_or_default(), name];
    let mut client = Example::start("one_file", &fetch("deep/long.bin"))?;
    let copy = here.join("deep/long.bin");
    assert_eq!(
        client.ends()?,
        [format!("4000000 bytes are in {}", copy.display())]
    );
    assert!(fs::read(copy)? == long(), "the copy differs");
    assert!(fails("one_file", &fetch("nowhere"))?.contains("no such file"));
    assert!(fails("one_file", &fetch("../secret"))?.contains("Dots"));
    assert_eq!(fs::read_dir(&here)?.count(), 1);
    // A tutorial's client sends no line end, and nothing but its silence says that the name is complete.
    for (name, content) in [("a.txt", "abc"), ("../secret", ""), ("a.txt\r\n", "abc")] {
        let mut talk = Talk::to(address)?;
        talk.says(name)?;
        assert_eq!(talk.hears_the_rest()?, content.as_bytes());
    }
    assert!(server.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_file_server_lets_everybody_read_and_bob_write() -> TestResult {
    let (place, share) = share()?;
    let users = place.path().join("users.json");
    let bob = User {
        name: "bob".into(),
        access: Access::ReadWrite,
        home: FilePath::root(),
        quota_bytes: None,
    };
    UsersFile::edit(&users, |file| {
        file.add(
            bob,
            &Password::new("hunter2".into()).expect("it may be one"),
        )
    })?;
    let mut server = Example::start("file_server", &[":0", &share, text(&users)?])?;
    let endpoint = server.address()?.0.to_string();
    let here = place.path().join("here");
    fs::create_dir(&here)?;
    let local = text(&here)?;

    let get = [endpoint.as_str(), "get", "deep/long.bin", local];
    let line = Example::start("file_client", &get)?.ends()?;
    assert!(line[0].starts_with("/deep/long.bin: 4000000 bytes, hash "));
    assert!(fs::read(here.join("deep/long.bin"))? == long());
    let missing = [endpoint.as_str(), "get", "nowhere", local];
    assert!(fails("file_client", &missing)?.contains("/nowhere is not there"));

    fs::write(here.join("new"), "new")?;
    let anonymous = [endpoint.as_str(), "put", "new", local];
    assert!(fails("file_client", &anonymous)?.contains("may read only"));
    let bob = [endpoint.as_str(), "put", "new", local, "bob"];
    let wrong = [("PASSWORD", "wrong")];
    assert!(fails_in("file_client", &bob, &wrong)?.contains("wrong name or password"));
    let right = [("PASSWORD", "hunter2")];
    let line = Example::start_in("file_client", &bob, &right)?.ends()?;
    assert!(line[0].starts_with("/new: 3 bytes, hash "));
    assert_eq!(fs::read(Path::new(&share).join("new"))?, b"new");
    assert!(server.ends()?.is_empty());
    Ok(())
}

#[test]
fn an_own_storage_has_what_is_named_and_no_more() -> TestResult {
    let (_place, share) = share()?;
    let named = [
        ":0",
        &format!("{share}/deep/long.bin"),
        &format!("{share}/a.txt"),
    ];
    let server = Example::start("own_storage", &named)?;
    let endpoint = server.address()?.0.to_string().parse()?;
    let mut client = Client::connect(&endpoint, ClientOptions::default())?;
    let entries: Result<Vec<_>, _> = client.list(&FilePath::root()).collect();
    let entries = entries?.into_iter().map(|entry| (entry.name, entry.size));
    let entries: Vec<_> = entries.collect();
    assert_eq!(
        entries,
        [("a.txt".to_owned(), 3), ("long.bin".to_owned(), 4_000_000)]
    );
    let mut copy = Vec::new();
    let done = client.get_into(&"long.bin".parse()?, &mut copy, &mut ())?;
    assert!(done.is_verified && copy == long());
    for missing in ["deep/long.bin", "secret"] {
        let refused = client.entry(&missing.parse()?);
        assert!(refused.is_err(), "{missing} is {refused:?}");
    }
    assert!(client.remove(&"a.txt".parse()?).is_err());
    Ok(())
}
