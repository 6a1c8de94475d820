//! Lists, walks, and the verbs that have one answer.

use serde_json::{Value, json};

use super::super::super::storage::Kind;
use super::super::super::{Algorithm, FilePath, Word};
use super::super::{Error, Walk};
use super::fake::{Fake, path};

fn file(name: &str) -> Value {
    json!({"name": name, "type": "file", "size": 3, "mtime": 1_700_000_000})
}

fn folder(name: &str) -> Value {
    json!({"name": name, "type": "folder"})
}

#[test]
fn a_list_has_all_pages() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.is_slow = true;
        peer.asked(&json!({"verb": "ls", "path": "a/b"}));
        peer.reply(
            &json!({"res": "", "code": 200, "entries": [file("1"), folder("2")], "next": "2"}),
        );
        peer.asked(&json!({"verb": "ls", "path": "a/b", "after": "2"}));
        peer.reply(&json!({"res": "", "code": 200, "entries": [file("3")]}));
    });
    let entries: Result<Vec<_>, Error> = client.list(&path("a/b")).collect();
    let entries = entries.unwrap();
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["1", "2", "3"]);
    assert_eq!(entries[1].kind, Kind::Folder);
    assert_eq!((entries[0].size, entries[0].mtime), (3, 1_700_000_000));
    fake.end();
}

#[test]
fn a_list_that_goes_round_in_circles_ends() {
    let (fake, mut client) = Fake::two(|peer| {
        for _ in 0..2 {
            peer.request();
            peer.reply(&json!({"res": "", "code": 200, "entries": [file("1")], "next": "1"}));
        }
        peer.is_left();
    });
    let results: Vec<_> = client.list(&FilePath::root()).collect();
    assert_eq!(results.len(), 2);
    assert!(matches!(results[1], Err(Error::Protocol(_))));
    assert!(client.is_over());
    fake.end();
}

#[test]
fn a_list_of_version_1_may_have_names_only() {
    let (fake, mut client) = Fake::one(|peer| {
        peer.asked(&json!({"cmd": "ls"}));
        peer.reply(&json!({"res": "a.txt\nb c\n"}));
        peer.asked(&json!({"cmd": "ls \"b c\""}));
        peer.reply(&json!({"res": "", "entries": []}));
    });
    let entries: Result<Vec<_>, Error> = client.list(&FilePath::root()).collect();
    let names: Vec<_> = entries
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["a.txt", "b c"]);
    assert_eq!(client.list(&path("b c")).count(), 0);
    fake.end();
}

#[test]
fn a_walk_visits_folders_before_what_is_in_them() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.asked(&json!({"verb": "ls", "path": "top"}));
        peer.reply(&json!({"res": "", "entries": [folder("a"), file("z")]}));
        peer.asked(&json!({"verb": "ls", "path": "top/a"}));
        peer.reply(&json!({"res": "", "entries": [file("1")], "next": "1"}));
        peer.asked(&json!({"verb": "ls", "path": "top/a", "after": "1"}));
        peer.reply(&json!({"res": "", "entries": [file("2")]}));
    });
    let mut walk = Walk::new(path("top"));
    let mut seen = Vec::new();
    while let Some(found) = walk.step(&mut client) {
        let found = found.unwrap();
        seen.push((found.path.to_string(), found.remote.to_string()));
    }
    let expected =
        ["/a", "/a/1", "/a/2", "/z"].map(|path| (path.to_owned(), format!("/top{path}")));
    assert_eq!(seen, expected);
    fake.end();
}

#[test]
fn a_walk_meets_hostile_names_and_goes_on() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        let hostile = [
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "",
            ".",
            "x\u{0}",
            "\u{1b}[2J",
            ".socketserver-part-1",
        ];
        let mut entries: Vec<_> = hostile.into_iter().map(file).collect();
        entries.push(folder(".."));
        entries.push(file("good"));
        peer.reply(&json!({"res": "", "entries": entries}));
    });
    let mut walk = Walk::new(FilePath::root());
    for _ in 0..10 {
        let error = walk.step(&mut client).unwrap().unwrap_err();
        assert!(matches!(error, Error::Hostile { .. }), "{error}");
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
    let found = walk.step(&mut client).unwrap().unwrap();
    assert_eq!(found.path, path("good"));
    assert!(walk.step(&mut client).is_none());
    fake.end();
}

#[test]
fn a_folder_that_cannot_be_listed_is_left_out() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&json!({"res": "", "entries": [folder("a"), file("b")]}));
        peer.request();
        peer.refuses("denied", 403);
    });
    let mut walk = Walk::new(FilePath::root());
    assert!(walk.step(&mut client).unwrap().is_ok());
    let error = walk.step(&mut client).unwrap().unwrap_err();
    assert!(error.is_refusal(Word::Denied));
    assert_eq!(walk.step(&mut client).unwrap().unwrap().path, path("b"));
    assert!(walk.step(&mut client).is_none());
    fake.end();
}

#[test]
fn every_verb_is_written_in_both_versions() {
    let md5 = Algorithm::Md5.hash(b"abc");
    let blake3 = Algorithm::Blake3.hash(b"abc");
    let (sent_md5, sent_blake3) = (md5.to_string(), blake3.to_string());
    let (fake, mut client) = Fake::two(move |peer| {
        for (request, reply) in [
            (
                json!({"verb": "cd", "path": ".."}),
                json!({"res": "", "path": "/"}),
            ),
            (json!({"verb": "mkdir", "path": "a"}), json!({"res": ""})),
            (json!({"verb": "rm", "path": "a"}), json!({"res": ""})),
            (
                json!({"verb": "mv", "path": "a", "to": "b/c"}),
                json!({"res": ""}),
            ),
            (
                json!({"verb": "stat", "path": "a"}),
                json!({"res": "", "entry": file("a")}),
            ),
            (
                json!({"verb": "hash", "path": "a", "hash_alg": "blake3", "size": 3}),
                json!({"res": "", "hash": sent_blake3, "hash_alg": "blake3"}),
            ),
            (json!({"verb": "help"}), json!({"res": "ls\ncd"})),
            (json!({"verb": "quit"}), json!({"res": "bye"})),
        ] {
            peer.asked(&request);
            peer.reply(&reply);
        }
    });
    assert_eq!(client.change_folder("..").unwrap(), "/");
    client.make_folder(&path("a")).unwrap();
    client.remove(&path("a")).unwrap();
    client.rename(&path("a"), &path("b/c")).unwrap();
    assert_eq!(client.entry(&path("a")).unwrap().size, 3);
    assert_eq!(
        client.hash(&path("a"), Algorithm::Blake3, Some(3)).unwrap(),
        blake3
    );
    assert_eq!(client.help().unwrap(), "ls\ncd");
    client.quit().unwrap();
    fake.end();

    let (fake, mut client) = Fake::one(move |peer| {
        for (line, reply) in [
            ("cd ..", json!({"res": "/"})),
            ("mkdir \"a b\"", json!({"res": ""})),
            ("rm a", json!({"res": ""})),
            ("mv a b/c", json!({"res": ""})),
            ("stat a", json!({"res": "", "entries": [file("a")]})),
            ("hash a", json!({"res": sent_md5})),
        ] {
            peer.asked(&json!({"cmd": line}));
            peer.reply(&reply);
        }
    });
    // What is not among the fields must not be in the way.
    assert_eq!(client.change_folder("..").unwrap(), "/");
    client.make_folder(&path("a b")).unwrap();
    client.remove(&path("a")).unwrap();
    client.rename(&path("a"), &path("b/c")).unwrap();
    assert_eq!(client.entry(&path("a")).unwrap().name, "a");
    assert_eq!(client.hash(&path("a"), Algorithm::Md5, None).unwrap(), md5);
    let error = client
        .hash(&path("a"), Algorithm::Md5, Some(1))
        .unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    fake.end();
}
