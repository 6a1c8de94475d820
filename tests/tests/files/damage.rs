//! Bytes that are not those that were sent: each flipped bit is found, and a reader sees one whole file.

use std::fs::{self, File};
use std::thread;

use serde_json::json;
use socketserver_handlers::files::Algorithm::{Blake3, Md5};
use socketserver_tests::files::{Place, Speaker, bytes, word};
use socketserver_tests::{Case, eventually};

socketserver_tests::matrix! {
    events: every_flipped_bit_is_found_before_the_file_has_its_name;
    events concurrent: a_reader_gets_the_old_file_or_the_new_one,
        a_file_that_shrinks_ends_the_connections_that_send_it_and_no_other;
}

const BLOCK: usize = 64 * 1024;
const BLOCKS: usize = 4;

fn every_flipped_bit_is_found_before_the_file_has_its_name(case: &Case) {
    let place = Place::default();
    let server = place.serve_to_all(case);
    let mut speaker = Speaker::connect(&server);
    let mut whole = bytes(9, BLOCKS * BLOCK + 100);
    let (md5, blake3) = (Md5.hash(&whole).to_string(), Blake3.hash(&whole));
    for block in 0..=BLOCKS {
        let place_of_bit = block * BLOCK + (block * 7919) % 100;
        whole[place_of_bit] ^= 1 << (block % 8);
        let header = json!({"cmd": "put a", "size": whole.len(), "file_hash": md5});
        let first = speaker.ask_with(header, &whole);
        assert_eq!(
            (word(&first), &first["code"]),
            ("hash", &json!(422)),
            "block {block}"
        );
        let opened = speaker.open("b", whole.len());
        assert_eq!(opened["offset"], 0, "what had another hash is gone");
        for (index, piece) in whole.chunks(BLOCK).enumerate() {
            assert_eq!(word(&speaker.data(&opened, index * BLOCK, piece)), "ok");
        }
        assert_eq!(
            word(&speaker.commit(&opened, &blake3)),
            "hash",
            "block {block}"
        );
        assert!(
            place.names("").is_empty(),
            "block {block}: {:?}",
            place.names("")
        );
        whole[place_of_bit] ^= 1 << (block % 8);
    }
    for (hash, expected) in [
        ("", "ok"),
        (&md5[1..], "bad_request"),
        (&format!("{md5}0"), "bad_request"),
        (&"g".repeat(32), "bad_request"),
        (&md5.to_uppercase(), "ok"),
    ] {
        let header = json!({"cmd": "put a", "size": whole.len(), "file_hash": hash});
        assert_eq!(word(&speaker.ask_with(header, &whole)), expected, "{hash}");
    }
    assert!(fs::read(place.root("a")).unwrap() == whole);
    let unknown =
        json!({"verb": "put", "phase": "open", "path": "c", "total": 1, "hash_alg": "crc32"});
    assert_eq!(speaker.word(unknown), "bad_request");
    assert_eq!(
        speaker.word(json!({"verb": "get", "path": "a", "hash_alg": "md4"})),
        "bad_request"
    );
    drop(speaker);
    server.stop();
}

/// More than sockets hold.
const LARGE: usize = 12 << 20;

fn a_reader_gets_the_old_file_or_the_new_one(case: &Case) {
    let place = Place::default();
    let (old, new) = (bytes(1, LARGE), bytes(2, 70_000));
    fs::write(place.root("a"), &old).unwrap();
    let server = place.serve_to_all(case);
    let mut reader = Speaker::connect(&server);
    let mut writer = Speaker::connect(&server);
    // It is being sent, and stays what it was.
    let reply = reader.ask(json!({"verb": "get", "path": "a"}));
    let put = json!({"cmd": "put a", "size": new.len()});
    assert_eq!(word(&writer.ask_with(put, &new)), "ok");
    assert_eq!(reply["hash"], Blake3.hash(&old).to_string());
    assert!(reader.body(LARGE) == old);

    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..20 {
                let version = bytes(number, 70_000 + 1000 * usize::from(number));
                let put = json!({"cmd": "put a", "size": version.len()});
                assert_eq!(word(&writer.ask_with(put, &version)), "ok");
            }
        });
        for _ in 0..40 {
            let reply = reader.ask(json!({"verb": "get", "path": "a"}));
            let size = usize::try_from(reply["size"].as_u64().unwrap()).unwrap();
            let body = reader.body(size);
            assert_eq!(reply["hash"], Blake3.hash(&body).to_string());
            let number = u8::try_from((size - 70_000) / 1000).unwrap();
            let number = if number == 0 { body[0] } else { number };
            assert!(body == bytes(number, size), "a mixture");
        }
    });
    drop((reader, writer));
    server.stop();
}

fn a_file_that_shrinks_ends_the_connections_that_send_it_and_no_other(case: &Case) {
    let place = Place::default();
    fs::write(place.root("a"), bytes(1, LARGE)).unwrap();
    let server = place.serve_to_all(case);
    let mut other = Speaker::connect(&server);
    assert_eq!(other.word(json!({"verb": "pwd"})), "ok");
    let mut reader = Speaker::connect(&server);
    assert_eq!(reader.word(json!({"verb": "get", "path": "a"})), "ok");
    let file = File::options().write(true).open(place.root("a")).unwrap();
    file.set_len(1000).unwrap();
    let (rest, _) = reader.client.read_to_the_end();
    assert!(rest.len() < LARGE, "the file was in the sockets already");
    let stats = server.until("one to end", |stats| !stats.closed.is_empty());
    let closed: Vec<_> = stats.closed.into_iter().collect();
    assert_eq!(closed, [("file_truncated", 1)]);
    assert_eq!(other.word(json!({"verb": "pwd"})), "ok");
    // A file that was shorter from the beginning is no fault.
    let reply = other.ask(json!({"verb": "get", "path": "a"}));
    assert_eq!(reply["size"], 1000);
    assert!(other.body(1000) == bytes(1, LARGE)[..1000]);
    drop((other, reader));
    eventually("all to be gone", || {
        (server.stats().live == 0).then_some(())
    });
    server.stop();
}
