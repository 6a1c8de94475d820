//! Files that are got: whole, resumed, damaged, cut off, and from servers that mean no good.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::super::{Algorithm, FilePath, Word};
use super::super::{Client, Error, LocalFolder, Progress, TransferOptions, Transferred};
use super::fake::{Fake, Peer, path};

/// A folder to get files into.
struct Here {
    folder: TempDir,
}

impl Here {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn get(&self, client: &mut Client, name: &str) -> Result<Transferred, Error> {
        self.get_told(client, name, &mut ())
    }

    fn get_told(
        &self,
        client: &mut Client,
        name: &str,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        let target = LocalFolder::open(self.folder.path())
            .unwrap()
            .file(name)
            .unwrap();
        client.get(&path(name), &target, &TransferOptions::default(), progress)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is in the folder, hidden or not.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// What has come of a file that is not complete.
    fn part(&self) -> PathBuf {
        let names = self.names();
        let is_part = |name: &&String| {
            name.starts_with(".socketserver-part-")
                && Path::new(name).extension().is_none_or(|end| end != "json")
        };
        self.path(names.iter().find(is_part).unwrap())
    }

    /// Leaves what is there of an attempt that was cut off.
    fn cut_off(&self, name: &str, bytes: &'static [u8], at: usize) {
        let (fake, mut client) = Fake::two(move |peer| {
            peer.request();
            peer.reply(&whole(bytes));
            peer.send(&bytes[..at]);
            peer.leaves();
        });
        let error = self.get(&mut client, name).unwrap_err();
        let Error::Incomplete {
            have,
            total,
            is_resumable: true,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((have, total), (at as u64, bytes.len() as u64));
        assert!(client.is_over());
        fake.end();
    }
}

/// The reply of version 2 to a `get` of all these bytes.
fn whole(bytes: &[u8]) -> Value {
    json!({
        "res": "", "code": 200, "size": bytes.len(), "total": bytes.len(), "offset": 0, "mtime": 1_700_000_000,
        "hash": Algorithm::Blake3.hash(bytes).as_str(), "hash_alg": "blake3",
    })
}

/// The reply to one of a part.
fn rest(bytes: &[u8], offset: usize) -> Value {
    let mut reply = whole(bytes);
    reply["code"] = json!(206);
    reply["offset"] = json!(offset);
    reply["size"] = json!(bytes.len() - offset);
    reply
}

fn asks_to_resume(peer: &mut Peer, name: &str, bytes: &[u8], offset: u64) {
    peer.asked(&json!({
        "verb": "get", "path": name, "offset": offset, "if_hash": Algorithm::Blake3.hash(bytes).as_str(),
        "hash_alg": "blake3",
    }));
}

#[test]
fn a_file_has_its_name_once_it_is_whole() {
    for is_slow in [false, true] {
        let here = Here::new();
        let (fake, mut client) = Fake::two(move |peer| {
            peer.is_slow = is_slow;
            peer.asked(&json!({"verb": "get", "path": "a.txt", "hash_alg": "blake3"}));
            peer.reply(&whole(b"abc"));
            peer.send(b"abc");
        });
        fs::write(here.path("a.txt"), "what was there before").unwrap();
        let done = here.get(&mut client, "a.txt").unwrap();
        assert_eq!(
            (done.total, done.resumed_at, done.is_verified),
            (3, 0, true)
        );
        assert_eq!(done.hash, Algorithm::Blake3.hash(b"abc"));
        assert_eq!(fs::read(here.path("a.txt")).unwrap(), b"abc");
        assert_eq!(here.names(), ["a.txt"]);
        let modified = fs::metadata(here.path("a.txt"))
            .unwrap()
            .modified()
            .unwrap();
        assert_eq!(modified, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        fake.end();
    }
}

#[test]
fn several_files_come_over_one_connection() {
    let here = Here::new();
    let large: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let sent = large.clone();
    let (fake, mut client) = Fake::two(move |peer| {
        for bytes in [&sent[..], b"", b"x"] {
            peer.request();
            // The header and the body in one piece.
            let header = whole(bytes).to_string();
            let length = (header.len() as u32).to_le_bytes();
            peer.send(&[&length, header.as_bytes(), bytes].concat());
        }
    });
    for (name, bytes) in [("large", &large[..]), ("empty", b""), ("small", b"x")] {
        let done = here.get(&mut client, name).unwrap();
        assert_eq!(done.total, bytes.len() as u64);
        assert_eq!(fs::read(here.path(name)).unwrap(), bytes);
    }
    assert_eq!(here.names(), ["empty", "large", "small"]);
    fake.end();
}

#[test]
fn what_was_cut_off_is_resumed() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 4);
    let (fake, mut client) = Fake::two(|peer| {
        asks_to_resume(peer, "a", b"0123456789", 4);
        peer.reply(&rest(b"0123456789", 4));
        peer.send(b"456789");
    });
    let mut told = Told::default();
    let done = here.get_told(&mut client, "a", &mut told).unwrap();
    assert_eq!((done.total, done.resumed_at), (10, 4));
    assert_eq!(
        (told.begun, told.advanced, told.ended),
        (Some((10, 4)), 6, 1)
    );
    assert_eq!(fs::read(here.path("a")).unwrap(), b"0123456789");
    assert_eq!(here.names(), ["a"]);
    fake.end();
}

#[test]
fn what_lacks_only_its_name_is_resumed_too() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 9);
    fs::write(here.part(), b"0123456789").unwrap();
    let (fake, mut client) = Fake::two(|peer| {
        asks_to_resume(peer, "a", b"0123456789", 10);
        peer.reply(&rest(b"0123456789", 10));
    });
    assert_eq!(here.get(&mut client, "a").unwrap().resumed_at, 10);
    assert_eq!(here.names(), ["a"]);
    fake.end();
}

#[test]
fn a_file_that_has_changed_meanwhile_begins_again() {
    for (word, code) in [("changed", 412), ("range", 416)] {
        let here = Here::new();
        here.cut_off("a", b"0123456789", 4);
        let (fake, mut client) = Fake::two(move |peer| {
            asks_to_resume(peer, "a", b"0123456789", 4);
            peer.refuses(word, code);
            peer.asked(&json!({"verb": "get", "path": "a", "hash_alg": "blake3"}));
            peer.reply(&whole(b"new"));
            peer.send(b"new");
        });
        assert_eq!(here.get(&mut client, "a").unwrap().resumed_at, 0);
        assert_eq!(fs::read(here.path("a")).unwrap(), b"new");
        assert_eq!(here.names(), ["a"]);
        fake.end();
    }
}

#[test]
fn a_part_without_a_note_begins_again() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 4);
    fs::remove_file(here.part().with_extension("json")).unwrap();
    let (fake, mut client) = Fake::two(|peer| {
        peer.asked(&json!({"verb": "get", "path": "a", "hash_alg": "blake3"}));
        peer.reply(&whole(b"0123456789"));
        peer.send(b"0123456789");
    });
    assert_eq!(here.get(&mut client, "a").unwrap().resumed_at, 0);
    assert_eq!(here.names(), ["a"]);
    fake.end();
}

#[test]
fn who_wants_no_resuming_begins_again() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 4);
    let (fake, mut client) = Fake::two(|peer| {
        peer.asked(&json!({"verb": "get", "path": "a", "hash_alg": "blake3"}));
        peer.reply(&whole(b"0123456789"));
        peer.send(b"0123456789");
    });
    let target = LocalFolder::open(here.folder.path())
        .unwrap()
        .file("a")
        .unwrap();
    let options = TransferOptions {
        resume: false,
        ..TransferOptions::default()
    };
    assert_eq!(
        client
            .get(&path("a"), &target, &options, &mut ())
            .unwrap()
            .resumed_at,
        0
    );
    assert_eq!(here.names(), ["a"]);
    fake.end();
}

#[test]
fn damage_is_found_and_what_has_come_is_dropped() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 4);
    // On the disk it is another byte by now.
    fs::write(here.part(), b"01x3").unwrap();
    fs::write(here.path("a"), "what was there before").unwrap();
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&rest(b"0123456789", 4));
        peer.send(b"456789");
        peer.asked(&json!({"verb": "pwd"}));
        peer.reply(&json!({"res": "", "path": "/"}));
    });
    let error = here.get(&mut client, "a").unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    assert_eq!(fs::read(here.path("a")).unwrap(), b"what was there before");
    assert_eq!(here.names(), ["a"]);
    assert_eq!(client.working_folder().unwrap(), "/");
    fake.end();
}

#[test]
fn bytes_that_were_not_asked_for_are_not_taken() {
    for wrong in [
        json!({"code": 200, "offset": 1, "size": 3, "total": 4}),
        json!({"code": 200, "offset": 0, "size": 3, "total": 4}),
        json!({"code": 200, "offset": 0, "size": u64::MAX / 2, "total": 4}),
        json!({"code": 200, "size": 3, "total": 3, "hash": "abc"}),
        json!({"code": 200, "total": 3}),
    ] {
        let here = Here::new();
        let (fake, mut client) = Fake::two(move |peer| {
            peer.request();
            let mut reply = json!({"res": "", "hash": Algorithm::Blake3.hash(b"abc").as_str()});
            for (field, value) in wrong.as_object().unwrap() {
                reply[field] = value.clone();
            }
            peer.reply(&reply);
            peer.is_left();
        });
        let error = here.get(&mut client, "a").unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        assert!(client.is_over());
        assert_eq!(here.names(), [""; 0]);
        drop(client);
        fake.end();
    }
}

#[test]
fn the_rest_of_another_file_is_not_taken() {
    let here = Here::new();
    here.cut_off("a", b"0123456789", 4);
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&rest(b"abcdefghij", 4));
        peer.is_left();
    });
    let error = here.get(&mut client, "a").unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    assert_eq!(here.names(), [""; 0]);
    drop(client);
    fake.end();
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let here = Here::new();
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.refuses("not_found", 404);
        peer.request();
        peer.reply(&json!({"res": "", "path": "/"}));
    });
    let mut told = Told::default();
    let error = here.get_told(&mut client, "a", &mut told).unwrap_err();
    assert!(error.is_refusal(Word::NotFound), "{error}");
    assert_eq!((told.begun, told.ended), (None, 1));
    assert_eq!(here.names(), [""; 0]);
    assert!(client.working_folder().is_ok());
    fake.end();
}

#[test]
fn version_1_is_verified_and_not_resumed() {
    let here = Here::new();
    let (fake, mut client) = Fake::one(|peer| {
        let hash = Algorithm::Md5.hash(b"abc");
        peer.is_slow = true;
        peer.asked(&json!({"cmd": "get up/a.txt", "filename": "up/a.txt", "dst_dir": "."}));
        // The tutorials' way: no code, and the hash as it likes.
        let hash = hash.as_str().to_uppercase();
        peer.reply(&json!({"res": "ok", "filename": "a.txt", "dst_dir": ".", "size": "3", "file_hash": hash}));
        peer.send(b"abc");
        peer.request();
        peer.reply(&json!({"res": "ok", "filename": "b", "dst_dir": ".", "size": 0, "file_hash": "d41d8cd98f00b204e9800998ecf8427e"}));
        peer.request();
        peer.reply(&json!({"res": "there is no such file"}));
        peer.request();
        peer.reply(&json!({"res": "ok", "filename": "d", "dst_dir": ".", "size": 3, "file_hash": "d41d8cd98f00b204e9800998ecf8427e"}));
        peer.send(b"abc");
        peer.request();
        peer.reply(&json!({"res": "ok", "filename": "e", "dst_dir": ".", "size": 3}));
        peer.send(b"ab");
    });
    let target = LocalFolder::open(here.folder.path())
        .unwrap()
        .file("a")
        .unwrap();
    let options = TransferOptions::default();
    let done = client
        .get(&path("up/a.txt"), &target, &options, &mut ())
        .unwrap();
    assert_eq!(
        (done.hash, done.is_verified),
        (Algorithm::Md5.hash(b"abc"), true)
    );
    assert_eq!(here.get(&mut client, "b").unwrap().total, 0);
    let error = here.get(&mut client, "c").unwrap_err();
    assert_eq!(error.to_string(), "there is no such file");
    let error = here.get(&mut client, "d").unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    let error = here.get(&mut client, "e").unwrap_err();
    assert!(
        matches!(
            error,
            Error::Incomplete {
                have: 2,
                total: 3,
                is_resumable: false,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(here.names(), ["a", "b"]);
    fake.end();
}

#[test]
fn hostile_names_of_version_1_are_refused_before_anything_is_written() {
    for name in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "",
        "..",
        "a\\b",
        "\u{1b}[2J",
        "a\nb",
        ".socketserver-x",
    ] {
        let here = Here::new();
        let (fake, mut client) = Fake::one(move |peer| {
            peer.request();
            peer.reply(&json!({"res": "ok", "filename": name, "dst_dir": "/", "size": 3, "file_hash": "900150983cd24fb0d6963f7d28e17f72"}));
            let _ = std::io::Write::write_all(&mut peer.socket, b"abc");
            peer.is_left();
        });
        let error = here.get(&mut client, "a").unwrap_err();
        assert!(matches!(error, Error::Hostile { .. }), "{name:?}: {error}");
        assert!(client.is_over());
        assert_eq!(here.names(), [""; 0]);
        drop(client);
        fake.end();
    }
}

#[test]
fn links_below_the_folder_are_not_followed() {
    let (here, elsewhere) = (Here::new(), Here::new());
    std::os::unix::fs::symlink(elsewhere.folder.path(), here.path("link")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path("target"), here.path("a")).unwrap();
    fs::write(elsewhere.path("target"), "untouched").unwrap();
    let folder = LocalFolder::open(here.folder.path()).unwrap();
    assert!(matches!(
        folder.file_below(&path("link/x")),
        Err(Error::Local { .. })
    ));
    assert!(matches!(
        folder.below(&path("link/deep")),
        Err(Error::Local { .. })
    ));
    folder.below(&path("real/deep")).unwrap();
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&whole(b"abc"));
        peer.send(b"abc");
    });
    here.get(&mut client, "a").unwrap();
    // The link is replaced, not what it leads to.
    assert!(fs::symlink_metadata(here.path("a")).unwrap().is_file());
    assert_eq!(fs::read(elsewhere.path("target")).unwrap(), b"untouched");
    assert_eq!(elsewhere.names(), ["target"]);
    fake.end();
}

#[test]
fn what_lies_in_the_way_of_a_part_is_not_written_to() {
    let (here, elsewhere) = (Here::new(), Here::new());
    here.cut_off("a", b"0123456789", 4);
    let part = here.part();
    let refused = |client: &mut Client| {
        let error = here.get(client, "a").unwrap_err();
        assert!(matches!(error, Error::Local { .. }), "{error}");
    };
    let (fake, mut client) = Fake::two(Peer::is_left);
    fs::write(elsewhere.path("target"), "untouched").unwrap();
    fs::remove_file(&part).unwrap();
    std::os::unix::fs::symlink(elsewhere.path("target"), &part).unwrap();
    refused(&mut client);
    fs::remove_file(&part).unwrap();
    fs::hard_link(elsewhere.path("target"), &part).unwrap();
    refused(&mut client);
    fs::remove_file(&part).unwrap();
    fs::create_dir(&part).unwrap();
    refused(&mut client);
    fs::remove_dir(&part).unwrap();
    fs::create_dir(here.path("a")).unwrap();
    refused(&mut client);
    assert_eq!(fs::read(elsewhere.path("target")).unwrap(), b"untouched");
    drop(client);
    fake.end();
}

#[test]
fn one_program_at_a_time_receives_a_file() {
    let here = Here::new();
    let folder = LocalFolder::open(here.folder.path()).unwrap();
    let part = super::super::part::Part::open(&folder.file("a").unwrap()).unwrap();
    let (fake, mut client) = Fake::two(Peer::is_left);
    let error = here.get(&mut client, "a").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another program is receiving it"),
        "{error}"
    );
    drop((part, client));
    assert_eq!(here.names(), [""; 0]);
    fake.end();
}

#[test]
fn a_local_name_is_one_name() {
    let here = Here::new();
    let folder = LocalFolder::open(here.folder.path()).unwrap();
    for name in ["", ".", "..", "a/b", "/a", "a/"] {
        assert!(folder.file(name).is_err(), "{name:?}");
    }
    assert!(folder.file_below(&FilePath::root()).is_err());
}

#[test]
fn a_sink_is_given_everything() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&whole(b"abc"));
        peer.send(b"abc");
        peer.request();
        peer.reply(&whole(b"abc"));
        peer.send(b"abd");
    });
    let mut sink = Vec::new();
    let done = client.get_into(&path("a"), &mut sink, &mut ()).unwrap();
    assert_eq!((done.total, sink.as_slice()), (3, b"abc".as_slice()));
    let error = client.get_into(&path("a"), &mut sink, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    fake.end();
}

/// What a transfer has told.
#[derive(Default)]
struct Told {
    begun: Option<(u64, u64)>,
    advanced: u64,
    ended: u32,
}

impl Progress for Told {
    fn begin(&mut self, _name: &str, total: u64, resumed_at: u64) {
        assert_eq!(self.begun.replace((total, resumed_at)), None);
    }

    fn advance(&mut self, bytes: u64) {
        self.advanced += bytes;
    }

    fn end(&mut self) {
        self.ended += 1;
    }
}
