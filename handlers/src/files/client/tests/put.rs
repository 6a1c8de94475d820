//! Files that are put: whole, resumed, refused at the beginning, in the middle and at the end.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::super::{Algorithm, Word};
use super::super::{Client, Error, Progress, TransferOptions, Transferred};
use super::fake::{Fake, Peer, path};

const MODIFIED: u64 = 1_700_000_000;

/// A local file.
struct Local {
    folder: TempDir,
}

impl Local {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = Self { folder };
        local.write(bytes);
        local
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).unwrap();
        let file = fs::File::options().write(true).open(self.path()).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(MODIFIED))
            .unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("local")
    }

    fn put(&self, client: &mut Client) -> Result<Transferred, Error> {
        self.put_with(client, &TransferOptions::default(), &mut ())
    }

    fn put_with(
        &self,
        client: &mut Client,
        options: &TransferOptions,
        progress: &mut dyn Progress,
    ) -> Result<Transferred, Error> {
        client.put(&self.path(), &path("up/a"), options, progress)
    }
}

fn hash(bytes: &[u8]) -> String {
    Algorithm::Blake3.hash(bytes).to_string()
}

fn opens(peer: &mut Peer, total: usize, held: &[u8]) {
    peer.asked(&json!({"verb": "put", "phase": "open", "path": "up/a", "total": total, "hash_alg": "blake3"}));
    peer.reply(&json!({
        "res": "", "code": 100, "offset": held.len(), "hash": hash(held), "hash_alg": "blake3", "token": "t",
    }));
}

fn takes(peer: &mut Peer, offset: usize, bytes: &[u8]) {
    peer.asked(&data(offset, bytes.len()));
    assert_eq!(peer.body(bytes.len()), bytes);
    peer.reply(&json!({"res": "", "code": 200, "offset": offset + bytes.len()}));
}

fn data(offset: usize, size: usize) -> Value {
    json!({"verb": "put", "phase": "data", "token": "t", "offset": offset, "size": size})
}

fn commits(peer: &mut Peer, bytes: &[u8]) {
    peer.asked(&json!({"verb": "put", "phase": "commit", "token": "t", "hash": hash(bytes), "mtime": MODIFIED}));
    peer.reply(&json!({"res": "", "code": 201, "size": bytes.len(), "hash": hash(bytes), "hash_alg": "blake3"}));
}

#[test]
fn a_file_is_announced_sent_in_pieces_and_committed() {
    let local = Local::new(b"0123456789");
    let (fake, mut client) = Fake::two(|peer| {
        peer.is_slow = true;
        opens(peer, 10, b"");
        takes(peer, 0, b"0123");
        takes(peer, 4, b"4567");
        takes(peer, 8, b"89");
        commits(peer, b"0123456789");
    });
    let options = TransferOptions {
        piece_bytes: 4,
        ..TransferOptions::default()
    };
    let done = local.put_with(&mut client, &options, &mut ()).unwrap();
    assert_eq!(
        (done.total, done.resumed_at, done.is_verified),
        (10, 0, true)
    );
    fake.end();
}

#[test]
fn an_empty_file_needs_no_pieces() {
    let local = Local::new(b"");
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 0, b"");
        commits(peer, b"");
        // What is held of another file has to be forgotten.
        opens(peer, 0, b"old");
        takes(peer, 0, b"");
        commits(peer, b"");
    });
    assert_eq!(local.put(&mut client).unwrap().total, 0);
    assert_eq!(local.put(&mut client).unwrap().total, 0);
    fake.end();
}

#[test]
fn it_goes_on_where_the_bytes_are_the_same() {
    let local = Local::new(b"0123456789");
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 10, b"0123");
        takes(peer, 4, b"456789");
        commits(peer, b"0123456789");
        opens(peer, 10, b"0123456789");
        commits(peer, b"0123456789");
    });
    assert_eq!(local.put(&mut client).unwrap().resumed_at, 4);
    assert_eq!(local.put(&mut client).unwrap().resumed_at, 10);
    fake.end();
}

#[test]
fn it_begins_again_where_they_are_others() {
    let local = Local::new(b"0123456789");
    let (fake, mut client) = Fake::two(|peer| {
        for held in [b"01x3".as_slice(), b"0123456789+"] {
            opens(peer, 10, held);
            takes(peer, 0, b"0123456789");
            commits(peer, b"0123456789");
        }
        opens(peer, 10, b"0123");
        takes(peer, 0, b"0123456789");
        commits(peer, b"0123456789");
    });
    assert_eq!(local.put(&mut client).unwrap().resumed_at, 0);
    assert_eq!(local.put(&mut client).unwrap().resumed_at, 0);
    let options = TransferOptions {
        resume: false,
        ..TransferOptions::default()
    };
    assert_eq!(
        local
            .put_with(&mut client, &options, &mut ())
            .unwrap()
            .resumed_at,
        0
    );
    fake.end();
}

#[test]
fn what_was_just_being_written_is_waited_for() {
    let local = Local::new(b"0123456789");
    let (fake, mut client) = Fake::two(|peer| {
        for _ in 0..2 {
            peer.request();
            peer.refuses("busy", 409);
        }
        opens(peer, 10, b"01234");
        takes(peer, 5, b"56789");
        commits(peer, b"0123456789");
    });
    assert_eq!(local.put(&mut client).unwrap().resumed_at, 5);
    fake.end();
}

#[test]
fn a_refusal_at_the_beginning_costs_nothing() {
    let local = Local::new(&vec![7; 1_000_000]);
    let (fake, mut client) = Fake::two(|peer| {
        assert_eq!(peer.request()["create"], json!(true));
        peer.refuses("exists", 409);
        peer.request();
        peer.reply(&json!({"res": "", "path": "/"}));
    });
    let options = TransferOptions {
        create: true,
        ..TransferOptions::default()
    };
    let error = local.put_with(&mut client, &options, &mut ()).unwrap_err();
    assert!(error.is_refusal(Word::Exists), "{error}");
    assert!(client.working_folder().is_ok());
    fake.end();
}

#[test]
fn a_refusal_in_the_middle_is_told_as_what_it_is() {
    // Larger than what the system takes without the server.
    let local = Local::new(&vec![7; 32 << 20]);
    for reads_on in [false, true] {
        let (fake, mut client) = Fake::two(move |peer| {
            opens(peer, 32 << 20, b"");
            peer.request();
            peer.body(100_000);
            peer.refuses("no_space", 507);
            if reads_on {
                peer.leaves();
            }
        });
        let error = local.put(&mut client).unwrap_err();
        assert!(error.is_refusal(Word::NoSpace), "{error}");
        assert!(client.is_over());
        fake.end();
    }
}

#[test]
fn a_connection_that_breaks_leaves_something_to_resume() {
    let local = Local::new(&vec![7; 32 << 20]);
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 32 << 20, b"");
        peer.request();
        peer.body(100_000);
    });
    let error = local.put(&mut client).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Incomplete {
                is_resumable: true,
                ..
            }
        ),
        "{error}"
    );
    assert!(client.is_over());
    fake.end();
}

/// Does something to the local file once the transfer has begun.
struct Meddling<F>(Option<F>);

impl<F: FnOnce()> Progress for Meddling<F> {
    fn begin(&mut self, _name: &str, _total: u64, _resumed_at: u64) {
        self.0.take().unwrap()();
    }
}

#[test]
fn a_file_that_shrinks_meanwhile_is_not_stored() {
    let local = Local::new(&vec![7; 1_000_000]);
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 1_000_000, b"");
        peer.asked(&data(0, 1_000_000));
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut peer.socket, &mut rest).unwrap();
        assert_eq!(rest.len(), 10);
    });
    let meddle = || {
        fs::File::options()
            .write(true)
            .open(local.path())
            .unwrap()
            .set_len(10)
            .unwrap();
    };
    let error = local
        .put_with(
            &mut client,
            &TransferOptions::default(),
            &mut Meddling(Some(meddle)),
        )
        .unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert!(client.is_over());
    fake.end();
}

#[test]
fn a_file_that_grows_meanwhile_is_not_stored() {
    let local = Local::new(b"abc");
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 3, b"");
        takes(peer, 0, b"abc");
        peer.asked(&json!({"verb": "put", "phase": "abort", "token": "t"}));
        peer.reply(&json!({"res": "", "code": 200}));
        peer.is_left();
    });
    let meddle = || {
        let mut file = fs::File::options().append(true).open(local.path()).unwrap();
        file.write_all(b"d").unwrap();
    };
    let error = local
        .put_with(
            &mut client,
            &TransferOptions::default(),
            &mut Meddling(Some(meddle)),
        )
        .unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert!(!client.is_over());
    drop(client);
    fake.end();
}

#[test]
fn a_hash_that_does_not_fit_is_told_by_either_side() {
    let local = Local::new(b"abc");
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 3, b"");
        takes(peer, 0, b"abc");
        peer.request();
        peer.refuses("hash", 422);
        opens(peer, 3, b"");
        takes(peer, 0, b"abc");
        peer.request();
        peer.reply(
            &json!({"res": "", "code": 201, "size": 3, "hash": hash(b"abd"), "hash_alg": "blake3"}),
        );
    });
    let error = local.put(&mut client).unwrap_err();
    assert!(error.is_refusal(Word::Hash), "{error}");
    let error = local.put(&mut client).unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    fake.end();
}

#[test]
fn holes_are_not_believed() {
    let local = Local::new(b"abc");
    let (fake, mut client) = Fake::two(|peer| {
        opens(peer, 3, b"");
        peer.asked(&data(0, 3));
        peer.body(3);
        peer.reply(&json!({"res": "", "code": 200, "offset": 2}));
        peer.is_left();
    });
    let error = local.put(&mut client).unwrap_err();
    assert!(
        matches!(&error, Error::Incomplete { cause, .. } if matches!(**cause, Error::Protocol(_))),
        "{error}"
    );
    drop(client);
    fake.end();
}

#[test]
fn version_1_sends_everything_at_once() {
    let local = Local::new(b"abc");
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    let (fake, mut client) = Fake::one(move |peer| {
        let request = json!({"cmd": "put a up", "filename": "a", "dst_dir": "up", "size": 3, "file_hash": md5});
        for (reply, is_told) in [
            (json!({"res": "ok"}), false),
            (json!({"res": "ok", "file_hash": md5}), true),
            (
                json!({"res": "ok", "file_hash": "d41d8cd98f00b204e9800998ecf8427e"}),
                true,
            ),
        ] {
            peer.asked(&request);
            assert_eq!(peer.body(3), b"abc");
            peer.is_slow = is_told;
            peer.reply(&reply);
        }
    });
    assert!(!local.put(&mut client).unwrap().is_verified);
    assert!(local.put(&mut client).unwrap().is_verified);
    let error = local.put(&mut client).unwrap_err();
    assert!(matches!(error, Error::Integrity { .. }), "{error}");
    fake.end();
}

#[test]
fn what_is_no_file_is_not_sent() {
    let local = Local::new(b"");
    let (fake, mut client) = Fake::two(Peer::is_left);
    for place in [
        local.folder.path().to_owned(),
        local.folder.path().join("nothing"),
    ] {
        let error = client
            .put(&place, &path("a"), &TransferOptions::default(), &mut ())
            .unwrap_err();
        assert!(matches!(error, Error::Local { .. }), "{error}");
    }
    assert!(!client.is_over());
    drop(client);
    fake.end();
}
