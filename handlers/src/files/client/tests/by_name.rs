//! The downloader.

use std::fs;

use super::super::super::Word;
use super::super::{Error, LocalFolder, NameOptions, download_by_name, download_by_name_to};
use super::fake::{Fake, Peer, Script};
use std::io::{Read, Write};

/// A server that must be sent this, until the end of the client's side, and sends that.
fn server(asked: &'static [u8], sent: Vec<u8>) -> Fake {
    let script: Script = Box::new(move |peer: &mut Peer| {
        let mut name = Vec::new();
        peer.socket.read_to_end(&mut name).unwrap();
        assert_eq!(name, asked);
        peer.socket.write_all(&sent).unwrap();
    });
    Fake::new(vec![script])
}

#[test]
fn a_name_is_sent_and_everything_is_read() {
    let bytes = vec![7; 1_000_000];
    let fake = server(b"a/b.bin\n", bytes.clone());
    let mut sink = Vec::new();
    let options = NameOptions::default();
    let count = download_by_name(&fake.endpoint, "a/b.bin", &mut sink, &options, &mut ()).unwrap();
    assert_eq!((count, sink), (1_000_000, bytes));
    fake.end();
}

#[test]
fn a_tutorials_server_is_sent_the_bare_name() {
    let folder = tempfile::tempdir().unwrap();
    let here = LocalFolder::open(folder.path()).unwrap();
    let fake = server(b"b.bin", b"abc".to_vec());
    let options = NameOptions {
        line_end: false,
        ..NameOptions::default()
    };
    let target = here.file("[接收]b.bin").unwrap();
    download_by_name_to(&fake.endpoint, "b.bin", &target, &options, &mut ()).unwrap();
    assert_eq!(fs::read(folder.path().join("[接收]b.bin")).unwrap(), b"abc");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fake.end();
}

#[test]
fn an_empty_answer_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let here = LocalFolder::open(folder.path()).unwrap();
    let fake = server(b"b\n", Vec::new());
    let options = NameOptions::default();
    let target = here.file("b").unwrap();
    let error = download_by_name_to(&fake.endpoint, "b", &target, &options, &mut ()).unwrap_err();
    assert!(error.is_refusal(Word::NotFound), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fake.end();
}

#[test]
fn a_name_cannot_be_two() {
    let endpoint = "127.0.0.1:1".parse().unwrap();
    for name in ["", "a\nb", "a\r", "a\0"] {
        let options = NameOptions::default();
        let error =
            download_by_name(&endpoint, name, &mut Vec::new(), &options, &mut ()).unwrap_err();
        assert!(matches!(error, Error::Name(_)), "{error}");
    }
}
